//! What every change leaves behind, in its own transaction: an audit entry for the record, an event for whoever waits.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::writes::Writes;
use super::{Conn, Result, audit, idempotency, outbox};
use crate::{By, EVENT_TYPE_PREFIX, JobId, NewAuditEntry, NewEvent, RequestId, RequestRecord, Subject};

/// Records something, and tells it.
pub(super) async fn record(conn: &mut Conn, entry: NewAuditEntry, now: Timestamp) -> Result<()> {
    record_with(conn, Writes::default(), entry, now).await
}

/// Records something, and tells it, together with what else is written. Of that nothing may be an audit entry: this one is
/// bound to the last that is there.
pub(super) async fn record_with(
    conn: &mut Conn,
    mut writes: Writes,
    entry: NewAuditEntry,
    now: Timestamp,
) -> Result<()> {
    idempotency::leave_effect(conn, &entry).await?;
    audit::append_with(conn, &mut writes, &entry, now).await?;
    tell_with(&mut writes, &entry.action, entry.subject, entry.data, now)?;
    writes.run(conn).await
}

/// Tells something without recording it: what only follows from a change that is recorded.
pub(super) async fn tell(conn: &mut Conn, action: &str, subject: String, data: Value, now: Timestamp) -> Result<()> {
    let mut writes = Writes::default();
    tell_with(&mut writes, action, subject, data, now)?;
    writes.run(conn).await
}

/// Tells something, together with what else is written.
pub(super) fn tell_with(writes: &mut Writes, action: &str, subject: String, data: Value, now: Timestamp) -> Result<()> {
    let event = NewEvent { event_type: format!("{EVENT_TYPE_PREFIX}{action}"), subject, data };
    outbox::append_with(writes, &event, now)
}

/// Records what happened to a request; `more` is added to what is always said of it.
pub(super) async fn record_request(
    conn: &mut Conn,
    by: impl Into<By<'_>>,
    action: &str,
    request: &RequestRecord,
    more: Value,
    now: Timestamp,
) -> Result<()> {
    let entry = of_request(by, action, request, more);
    record(conn, entry, now).await
}

/// What is recorded of a request, in its team's stream and under its decision.
pub(super) fn of_request<'a>(
    by: impl Into<By<'a>>,
    action: &str,
    request: &RequestRecord,
    more: Value,
) -> NewAuditEntry {
    let mut data = about(request);
    if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
        data.extend(more);
    }
    let entry = NewAuditEntry::new(action, subject(request.id)).by(by).of_team(&request.team);
    entry.decided(request.digest, request.id).with(data)
}

/// Records what happened to a job, beyond what its request tells.
pub(super) async fn record_job(
    conn: &mut Conn,
    by: impl Into<By<'_>>,
    action: &str,
    job: JobId,
    request: &RequestRecord,
    more: Value,
    now: Timestamp,
) -> Result<()> {
    let entry = of_job(by, action, job, request, more);
    record(conn, entry, now).await
}

/// Records what became of a job that nobody waits for any more, without telling it.
pub(super) async fn note_job(
    conn: &mut Conn,
    action: &str,
    job: JobId,
    request: &RequestRecord,
    more: Value,
    now: Timestamp,
) -> Result<()> {
    let mut writes = Writes::default();
    let entry = of_job(By::HOST, action, job, request, more);
    audit::append_with(conn, &mut writes, &entry, now).await?;
    writes.run(conn).await
}

/// What is recorded of a job, in its team's stream and under its request's decision.
fn of_job<'a>(by: impl Into<By<'a>>, action: &str, job: JobId, request: &RequestRecord, more: Value) -> NewAuditEntry {
    let mut data = about(request);
    if let (Value::Object(data), Value::Object(more)) = (&mut data, more) {
        data.insert("job".to_owned(), json!(job));
        data.extend(more);
    }
    let entry = NewAuditEntry::new(action, format!("jobs/{job}")).by(by).of_team(&request.team);
    entry.decided(request.digest, request.id).with(data)
}

fn subject(id: RequestId) -> String {
    format!("requests/{id}")
}

fn about(request: &RequestRecord) -> Value {
    let mut data = json!({
        "request": request.id, "action": request.action, "team": request.team, "requester": request.actor.person,
        "digest": request.digest,
    });
    if let Value::Object(fields) = &mut data {
        match &request.subject {
            Subject::Resource { id, key } => {
                fields.insert("resource".to_owned(), json!(key.to_string()));
                fields.insert("resource_id".to_owned(), json!(id));
            }
            Subject::Scaffold { id, template } => {
                fields.insert("scaffold".to_owned(), json!(id));
                fields.insert("template".to_owned(), json!(template));
            }
        }
    }
    data
}
