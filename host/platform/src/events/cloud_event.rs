//! Events in the form that everybody knows: CloudEvents 1.0, structured JSON.

use jiff::Timestamp;
use macadam_core::names::TeamId;
use macadam_store::{Audience, OutboxEvent};
use serde::Serialize;
use serde_json::Value;

/// A CloudEvent 1.0.
#[derive(Debug, Clone, PartialEq, Serialize, utoipa::ToSchema)]
pub struct CloudEvent {
    specversion: &'static str,
    /// Its place in the outbox as text; for a test something that no event has.
    pub id: String,
    /// Which host tells it. With the id, it is unique.
    pub source: String,
    /// What happened.
    #[serde(rename = "type")]
    pub event_type: String,
    /// To what.
    pub subject: String,
    /// When.
    pub time: Timestamp,
    datacontenttype: &'static str,
    /// Whose it is; an extension attribute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<TeamId>,
    /// What of it.
    pub data: Value,
}

impl CloudEvent {
    /// An event of the outbox.
    #[must_use]
    pub fn of(event: &OutboxEvent, source: &str) -> Self {
        let team = match &event.audience {
            Audience::Team(team) => Some(team.clone()),
            Audience::Everybody | Audience::Admins => None,
        };
        let OutboxEvent { seq, event_type, subject, time, data, .. } = event;
        Self { team, ..Self::new(seq.to_string(), source, event_type, subject, *time, data.clone()) }
    }

    /// An event that is not in the outbox.
    #[must_use]
    pub fn new(id: String, source: &str, event_type: &str, subject: &str, time: Timestamp, data: Value) -> Self {
        Self {
            specversion: "1.0",
            id,
            source: source.to_owned(),
            event_type: event_type.to_owned(),
            subject: subject.to_owned(),
            time,
            datacontenttype: "application/json",
            team: None,
            data,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_event_has_every_attribute_that_cloudevents_asks_for() {
        let event = OutboxEvent {
            seq: 7,
            event_type: "macadam.request.queued".into(),
            subject: "requests/1".into(),
            time: "2026-01-02T03:04:05Z".parse().unwrap(),
            data: json!({"a": 1}),
            audience: Audience::Team("shop".parse().unwrap()),
        };
        let expected = json!({
            "specversion": "1.0", "id": "7", "source": "/macadam", "type": "macadam.request.queued",
            "subject": "requests/1", "time": "2026-01-02T03:04:05Z", "datacontenttype": "application/json",
            "team": "shop", "data": {"a": 1},
        });
        assert_eq!(serde_json::to_value(CloudEvent::of(&event, "/macadam")).unwrap(), expected);
        let for_all = OutboxEvent { audience: Audience::Everybody, ..event };
        let shown = serde_json::to_value(CloudEvent::of(&for_all, "/macadam")).unwrap();
        assert!(shown.get("team").is_none(), "an attribute without a value is left out: {shown}");
    }
}
