//! Idempotency keys on PostgreSQL.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::digest::Digest;
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use super::row::{At, Columns};
use super::{Conn, PostgresStore, Result};
use crate::idempotency::{state, taken_over};
use crate::{HeldKey, IdempotencyKeys, KeyState, KeyedRequest, NewAuditEntry, Sealed, StoreError};

/// A key under which nothing was done.
const DELETE: &str = "DELETE FROM idempotency_keys
     WHERE caller = $1 AND key = $2 AND holder = $3 AND answer IS NULL AND effect IS NULL";

/// A key under which something was done: whoever asks next inherits it.
const LET_GO: &str = "UPDATE idempotency_keys SET until = $4
     WHERE caller = $1 AND key = $2 AND holder = $3 AND answer IS NULL";

#[async_trait]
impl IdempotencyKeys for PostgresStore {
    async fn take_key(&self, request: &KeyedRequest, now: Timestamp) -> Result<KeyState> {
        // Most keys are new: one statement, and no transaction.
        if insert(&mut *self.read().await?, request, now).await? {
            return Ok(KeyState::Taken);
        }
        let mut conn = self.begin().await?;
        let found = take_over(&mut conn, request, now).await?;
        conn.commit(now).await?;
        Ok(found)
    }

    async fn renew_key(&self, held: &HeldKey, until: Timestamp) -> Result<bool> {
        let query = "UPDATE idempotency_keys SET until = $4 WHERE caller = $1 AND key = $2 AND holder = $3";
        let renewed = of(sqlx::query(query), held).bind(At(until)).execute(&mut *self.read().await?).await?;
        Ok(renewed.rows_affected() == 1)
    }

    async fn keep_answer(&self, held: &HeldKey, answer: &Sealed) -> Result<bool> {
        let query = "UPDATE idempotency_keys SET answer = $4 WHERE caller = $1 AND key = $2 AND holder = $3";
        let kept = of(sqlx::query(query), held).bind(answer.as_bytes()).execute(&mut *self.read().await?).await?;
        Ok(kept.rows_affected() == 1)
    }

    async fn free_key(&self, held: &HeldKey, now: Timestamp) -> Result<()> {
        let mut conn = self.read().await?;
        let gone = of(sqlx::query(DELETE), held).execute(&mut *conn).await?;
        if gone.rows_affected() == 0 {
            of(sqlx::query(LET_GO), held).bind(At(now)).execute(&mut *conn).await?;
        }
        Ok(())
    }

    async fn forget_idempotency_keys(&self, before: Timestamp) -> Result<u64> {
        let query = sqlx::query("DELETE FROM idempotency_keys WHERE at < $1").bind(At(before));
        Ok(query.execute(&mut *self.read().await?).await?.rows_affected())
    }
}

/// Leaves with the key what is done under it, in the transaction that does it.
pub(super) async fn leave_effect(conn: &mut Conn, entry: &NewAuditEntry) -> Result<()> {
    let Some(held) = &entry.origin.held else { return Ok(()) };
    let query =
        "UPDATE idempotency_keys SET effect = coalesce(effect, $4) WHERE caller = $1 AND key = $2 AND holder = $3";
    let left = of(sqlx::query(query), held).bind(&entry.subject).execute(conn).await?;
    if left.rows_affected() == 1 { Ok(()) } else { Err(StoreError::KeyLost) }
}

/// The key and its holder as the first three parameters.
fn of<'q>(query: Query<'q, Postgres, PgArguments>, held: &'q HeldKey) -> Query<'q, Postgres, PgArguments> {
    query.bind(held.caller.as_str()).bind(&held.key).bind(&held.holder)
}

/// Takes a key that nobody has used; gives whether it was so.
async fn insert(conn: &mut Conn, request: &KeyedRequest, now: Timestamp) -> Result<bool> {
    let query = "INSERT INTO idempotency_keys (caller, key, holder, asked, until, at) VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (caller, key) DO NOTHING";
    let query = of(sqlx::query(query), &request.held).bind(request.asked.to_string());
    let query = query.bind(At(request.until)).bind(At(now));
    Ok(query.execute(conn).await?.rows_affected() == 1)
}

/// Takes a key over whose holder is gone, or says why it cannot be had. The row is locked, so that a transaction that is
/// under way under the key is over before anybody looks.
async fn take_over(conn: &mut Conn, request: &KeyedRequest, now: Timestamp) -> Result<KeyState> {
    let query = sqlx::query("SELECT * FROM idempotency_keys WHERE caller = $1 AND key = $2 FOR UPDATE");
    let query = query.bind(request.held.caller.as_str()).bind(&request.held.key);
    let Some(row) = query.fetch_optional(&mut *conn).await? else {
        // It was given up between the two looks; whoever asks again gets it.
        return Ok(KeyState::UnderWay);
    };
    let same = row.parsed::<Digest>("asked")? == request.asked;
    if let Some(state) = state(same, row.bytes_opt("answer")?, row.time("until")?, now) {
        return Ok(state);
    }
    let query = "UPDATE idempotency_keys SET holder = $3, until = $4 WHERE caller = $1 AND key = $2";
    of(sqlx::query(query), &request.held).bind(At(request.until)).execute(conn).await?;
    Ok(taken_over(row.text_opt("effect")?))
}
