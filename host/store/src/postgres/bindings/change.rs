//! Changing bindings: first everything that was expected is compared with what is there, then everything is written.

use std::collections::BTreeSet;

use jiff::Timestamp;
use macadam_core::canonical::CanonicalJson;
use macadam_core::names::{BindingName, PersonId};
use serde_json::json;

use super::super::row::{At, Columns, int, one_row, plain};
use super::super::tx::Tx;
use super::super::{Conn, Result, journal};
use super::by_name;
use crate::{Applied, Attribution, BindingChange, BindingError, BindingRecord, By, NewAuditEntry};

/// A change that changes something.
struct Step<'a> {
    name: &'a BindingName,
    before: Option<BindingRecord>,
    spec: Option<&'a CanonicalJson>,
}

/// What all steps of one transaction share.
struct Cause<'a> {
    generation: u64,
    why: &'a Attribution,
    now: Timestamp,
}

pub(super) async fn apply(
    tx: &mut Tx,
    changes: &[BindingChange],
    expected_generation: Option<u64>,
    why: &Attribution,
    now: Timestamp,
) -> Result<Applied, BindingError> {
    let current = hold_generation(tx).await?;
    if let Some(expected) = expected_generation.filter(|expected| *expected != current) {
        return Err(BindingError::Stale { expected, current });
    }
    let steps = compare(tx, changes).await?;
    if steps.is_empty() {
        return Ok(Applied { generation: current, changed: Vec::new() });
    }
    let cause = Cause { generation: next_generation(tx, current).await?, why, now };
    for step in &steps {
        write(tx, step, &cause).await?;
    }
    let changed = steps.iter().map(|step| step.name.clone()).collect();
    Ok(Applied { generation: cause.generation, changed })
}

/// The generation, which nobody else raises until the end of the transaction; and with it every binding stays.
async fn hold_generation(conn: &mut Conn) -> Result<u64> {
    sqlx::query("SELECT generation FROM bindings_generation FOR NO KEY UPDATE")
        .fetch_one(conn)
        .await?
        .count("generation")
}

/// What there is to do, when everything is as it was expected.
async fn compare<'a>(conn: &mut Conn, changes: &'a [BindingChange]) -> Result<Vec<Step<'a>>, BindingError> {
    let (mut steps, mut seen) = (Vec::new(), BTreeSet::new());
    for BindingChange { name, expected, spec } in changes {
        if !seen.insert(name) {
            return Err(BindingError::Repeated(name.clone()));
        }
        let before = by_name(conn, name).await?;
        let current = before.as_ref().map(|binding| binding.revision);
        if !expected.allows(current) {
            return Err(BindingError::Conflict { name: name.clone(), expected: *expected, current });
        }
        if before.as_ref().map(|binding| &binding.spec) != spec.as_ref() {
            steps.push(Step { name, before, spec: spec.as_ref() });
        }
    }
    Ok(steps)
}

async fn next_generation(conn: &mut Conn, current: u64) -> Result<u64> {
    let query = sqlx::query("UPDATE bindings_generation SET generation = generation + 1 WHERE generation = $1");
    one_row("generation of the bindings", &query.bind(int(current)).execute(conn).await?)?;
    Ok(current + 1)
}

async fn write(tx: &mut Tx, step: &Step<'_>, cause: &Cause<'_>) -> Result<()> {
    let revision = add_revision(tx, step, cause).await?;
    if step.spec.is_some() {
        sqlx::query(
            "INSERT INTO bindings (name, revision) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET revision = excluded.revision",
        )
        .bind(step.name.as_str())
        .bind(int(revision))
        .execute(&mut **tx)
        .await?;
    } else {
        sqlx::query("DELETE FROM bindings WHERE name = $1").bind(step.name.as_str()).execute(&mut **tx).await?;
    }
    record(tx, step, revision, cause);
    Ok(())
}

/// Adds to the history, and says which revision it is.
async fn add_revision(conn: &mut Conn, step: &Step<'_>, cause: &Cause<'_>) -> Result<u64> {
    let query = sqlx::query(
        "INSERT INTO binding_revisions (name, revision, generation, spec, actor, reason, at)
         SELECT $1, coalesce(max(revision), 0) + 1, $2, $3, $4, $5, $6 FROM binding_revisions WHERE name = $1
         RETURNING revision",
    )
    .bind(step.name.as_str())
    .bind(int(cause.generation))
    .bind(step.spec.map(CanonicalJson::as_str))
    .bind(cause.why.actor.as_ref().map(PersonId::as_str))
    .bind(plain(&cause.why.reason))
    .bind(At(cause.now));
    query.fetch_one(conn).await?.count("revision")
}

/// The spec goes into the audit log by its digest: that binds the history to the log without keeping it twice.
fn record(tx: &mut Tx, step: &Step<'_>, revision: u64, cause: &Cause<'_>) {
    let action = match (&step.before, step.spec) {
        (None, _) => "binding.created",
        (Some(_), Some(_)) => "binding.changed",
        (Some(_), None) => "binding.removed",
    };
    let data = json!({
        "binding": step.name, "revision": revision, "previous": step.before.as_ref().map(|before| before.revision),
        "generation": cause.generation, "spec": step.spec.map(CanonicalJson::digest), "reason": cause.why.reason,
    });
    let by = By { person: cause.why.actor.as_ref(), origin: &cause.why.origin };
    let before = step.before.as_ref().map(|before| before.spec.digest());
    let entry = NewAuditEntry::new(action, format!("bindings/{}", step.name)).by(by);
    let entry = entry.changed(before, step.spec.map(CanonicalJson::digest)).with(data);
    journal::record(tx, entry);
}
