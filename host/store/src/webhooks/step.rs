//! What happens to a webhook, and what the audit log says of it, whichever database it is in.

use serde_json::{Value, json};

use super::WebhookRecord;
use crate::row::digest;
use crate::{By, NewAuditEntry, StoreError};

/// A webhook before and after something happened to it. One that was just made was nothing before, and one that is deleted
/// is nothing after.
#[derive(Debug, Clone, Copy)]
pub(crate) enum WebhookStep<'a> {
    Made(&'a WebhookRecord),
    Changed { before: &'a WebhookRecord, after: &'a WebhookRecord },
    Deleted(&'a WebhookRecord),
}

/// What is recorded of that; `more` is added to what is always said of a webhook. The digests are of what it is set to and of
/// when that was, without its address and secrets, which are sealed anew when a key is replaced.
pub(crate) fn recorded(
    by: By<'_>,
    what: &str,
    step: WebhookStep<'_>,
    more: Value,
) -> Result<NewAuditEntry, StoreError> {
    let (webhook, before, after) = match step {
        WebhookStep::Made(after) => (after, None, Some(after)),
        WebhookStep::Changed { before, after } => (after, Some(before), Some(after)),
        WebhookStep::Deleted(before) => (before, Some(before), None),
    };
    let mut data = json!({ "webhook": webhook.id, "team": webhook.team });
    if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
        data.extend(more);
    }
    let entry = NewAuditEntry::new(format!("webhook.{what}"), format!("webhooks/{}", webhook.id)).by(by);
    let digests = (digest("webhook", before.map(setting))?, digest("webhook", after.map(setting))?);
    Ok(entry.of_team(&webhook.team).changed(digests.0, digests.1).with(data))
}

fn setting(webhook: &WebhookRecord) -> Value {
    let WebhookRecord { id, team, description, filter, state, updated_at, .. } = webhook;
    json!({
        "id": id, "team": team, "description": description, "filter": filter, "state": state.as_str(),
        "updated_at": updated_at,
    })
}
