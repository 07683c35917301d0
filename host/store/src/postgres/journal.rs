//! What every change leaves behind, in its own transaction: an audit entry for the record, an event for whoever waits.
//!
//! Entries are bound to the one before, and events are in the order of commits, so that who has seen one has missed
//! none before it. Both need writers to take turns. They do so only at the end: the last thing that a transaction does
//! is to lock the one row of `journal`, to write what it has collected after what is there, and to commit. The lock goes
//! when the commit is visible.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::row::{Columns, int};
use super::tx::Tx;
use super::writes::Writes;
use super::{Conn, Result, audit, idempotency, outbox};
use crate::{AuditHead, By, EVENT_TYPE_PREFIX, JobId, NewAuditEntry, NewEvent, RequestId, RequestRecord, Subject};

/// What nearly all transactions leave at most. It goes into both tables as one statement: while it is written, everybody else
/// waits. More rows are a statement for each table, as long as it has to be.
const FEW: usize = 8;

/// Where audit log and outbox end with a transaction that has written to them.
#[derive(Debug, Default)]
pub(super) struct End {
    /// The last audit entry; `None` when nothing was recorded.
    pub(super) head: Option<AuditHead>,
    /// The last event's number.
    pub(super) told: u64,
}

/// Writes to audit log and outbox, at the end of a transaction.
pub(super) async fn write(
    conn: &mut Conn,
    entries: &[NewAuditEntry],
    events: &[NewEvent],
    now: Timestamp,
) -> Result<End> {
    if entries.is_empty() && events.is_empty() {
        return Ok(End::default());
    }
    for entry in entries {
        idempotency::leave_effect(conn, entry).await?;
    }
    let query = sqlx::query("UPDATE journal SET told = told + $1 RETURNING told").bind(int(events.len() as u64));
    let told: u64 = query.fetch_one(&mut *conn).await?.count("told")?;
    // A statement of its own: one that waited for the lock would see what was there before it waited.
    let entries = audit::bound(conn, entries, now).await?;
    let after = told.saturating_sub(events.len() as u64);
    if entries.len() + events.len() <= FEW {
        let mut writes = Writes::new();
        entries.iter().for_each(|entry| audit::write(&mut writes, entry));
        outbox::write(&mut writes, events, after, now)?;
        writes.run(conn).await?;
    } else {
        audit::insert(conn, &entries).await?;
        outbox::insert(conn, events, after, now).await?;
    }
    Ok(End { head: audit::head(&entries)?, told })
}

/// Records something, and tells it.
pub(super) fn record(tx: &mut Tx, entry: NewAuditEntry) {
    tell(tx, &entry.action, entry.subject.clone(), entry.data.clone());
    tx.record(entry);
}

/// Tells something without recording it: what only follows from a change that is recorded.
pub(super) fn tell(tx: &mut Tx, action: &str, subject: String, data: Value) {
    tx.tell(NewEvent { event_type: format!("{EVENT_TYPE_PREFIX}{action}"), subject, data });
}

/// Records what happened to a request; `more` is added to what is always said of it.
pub(super) fn record_request<'a>(
    tx: &mut Tx,
    by: impl Into<By<'a>>,
    action: &str,
    request: &RequestRecord,
    more: Value,
) {
    record(tx, of_request(by, action, request, more));
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
pub(super) fn record_job<'a>(
    tx: &mut Tx,
    by: impl Into<By<'a>>,
    action: &str,
    job: JobId,
    request: &RequestRecord,
    more: Value,
) {
    record(tx, of_job(by, action, job, request, more));
}

/// Records what became of a job that nobody waits for any more, without telling it.
pub(super) fn note_job(tx: &mut Tx, action: &str, job: JobId, request: &RequestRecord, more: Value) {
    tx.record(of_job(By::HOST, action, job, request, more));
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
