//! Idempotency keys: the same person, key and document get the first answer again, so a client that lost the answer
//! asks again without asking for more.

use jiff::Timestamp;
use macadam_core::digest::Digest;
use serde_json::json;

use super::super::row::{At, Columns, json};
use super::super::tx::{Lock, Tx};
use super::super::{Conn, PostgresStore, Result};
use crate::{Change, NewRequest, StoreError, SubmitError, Submitted};

/// The first answer, when there was one. Whoever asks with the same key at the same time waits until there is.
pub(super) async fn replay(tx: &mut Tx, new: &NewRequest) -> Result<Option<Submitted>, SubmitError> {
    let Some(key) = &new.idempotency_key else { return Ok(None) };
    tx.lock(Lock::IdempotencyKey { person: new.actor.person.as_str(), key }).await?;
    let Some((answer, digest)) = find(tx, new, key).await? else { return Ok(None) };
    if digest == asked(new)? {
        Ok(Some(Submitted { replayed: true, ..answer }))
    } else {
        Err(SubmitError::KeyReused { request: answer.request })
    }
}

async fn find(conn: &mut Conn, new: &NewRequest, key: &str) -> Result<Option<(Submitted, Digest)>> {
    let query = sqlx::query("SELECT answer, digest FROM idempotency_keys WHERE person = $1 AND key = $2");
    let row = query.bind(new.actor.person.as_str()).bind(key).fetch_optional(conn).await?;
    row.map(|row| Ok((row.json("answer")?, row.parsed("digest")?))).transpose()
}

/// Keeps the answer for the next time.
pub(super) async fn remember(conn: &mut Conn, new: &NewRequest, answer: &Submitted, now: Timestamp) -> Result<()> {
    let Some(key) = &new.idempotency_key else { return Ok(()) };
    sqlx::query(
        "INSERT INTO idempotency_keys (person, key, digest, request_id, answer, at) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(new.actor.person.as_str())
    .bind(key)
    .bind(asked(new)?.to_string())
    .bind(new.id.to_string())
    .bind(json("answer", answer)?)
    .bind(At(now))
    .execute(conn)
    .await?;
    Ok(())
}

/// Removes keys that were first used before a moment.
pub(super) async fn forget(store: &PostgresStore, before: Timestamp) -> Result<u64> {
    let query = sqlx::query("DELETE FROM idempotency_keys WHERE at < $1").bind(At(before));
    Ok(query.execute(&mut *store.read().await?).await?.rows_affected())
}

/// What two requests must share to be the same: who for, what was asked and of what, but neither ids made on the way
/// nor what was decided, which may differ from one moment to the next.
fn asked(new: &NewRequest) -> Result<Digest> {
    let target = match &new.change {
        Change::Create { key, .. } => key.to_string(),
        Change::Update { resource, .. } | Change::Delete { resource, .. } => resource.to_string(),
        Change::Scaffold(scaffold) => scaffold.template.to_string(),
    };
    let asked = json!({
        "action": new.change.action(), "team": new.actor.team, "target": target, "document": new.document,
    });
    Digest::of_json(&asked).map_err(|source| StoreError::Unwritable { what: "document", source })
}
