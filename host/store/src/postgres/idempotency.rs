//! Idempotency keys on PostgreSQL.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::digest::Digest;

use super::row::{At, Columns};
use super::{PostgresStore, Result};
use crate::idempotency::state;
use crate::{IdempotencyKeys, KeyState, KeyedRequest, Sealed};

#[async_trait]
impl IdempotencyKeys for PostgresStore {
    async fn take_key(&self, request: &KeyedRequest, now: Timestamp) -> Result<KeyState> {
        let mut conn = self.read().await?;
        let KeyedRequest { caller, key, asked, holder, until } = request;
        let taken = sqlx::query(
            "INSERT INTO idempotency_keys (caller, key, asked, holder, until, at) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (caller, key) DO NOTHING",
        )
        .bind(caller.as_str())
        .bind(key)
        .bind(asked.to_string())
        .bind(holder)
        .bind(At(*until))
        .bind(At(now))
        .execute(&mut *conn)
        .await?;
        let found = if taken.rows_affected() == 1 {
            KeyState::Taken
        } else {
            let query = sqlx::query("SELECT * FROM idempotency_keys WHERE caller = $1 AND key = $2");
            let row = query.bind(caller.as_str()).bind(key).fetch_optional(&mut *conn).await?;
            match row {
                Some(row) => {
                    let same = row.parsed::<Digest>("asked")? == *asked;
                    state(same, row.bytes_opt("answer")?, row.time("until")?, now)
                }
                // It was given up between the two looks; whoever asks again gets it.
                None => KeyState::UnderWay,
            }
        };

        Ok(found)
    }

    async fn keep_answer(&self, request: &KeyedRequest, answer: &Sealed) -> Result<bool> {
        let query =
            sqlx::query("UPDATE idempotency_keys SET answer = $4 WHERE caller = $1 AND key = $2 AND holder = $3");
        let query = query.bind(request.caller.as_str()).bind(&request.key).bind(&request.holder);
        let kept = query.bind(answer.as_bytes()).execute(&mut *self.read().await?).await?;
        Ok(kept.rows_affected() == 1)
    }

    async fn free_key(&self, request: &KeyedRequest) -> Result<()> {
        let query = sqlx::query(
            "DELETE FROM idempotency_keys WHERE caller = $1 AND key = $2 AND holder = $3 AND answer IS NULL",
        );
        let query = query.bind(request.caller.as_str()).bind(&request.key).bind(&request.holder);
        query.execute(&mut *self.read().await?).await?;
        Ok(())
    }

    async fn forget_idempotency_keys(&self, before: Timestamp) -> Result<u64> {
        let query = sqlx::query("DELETE FROM idempotency_keys WHERE at < $1").bind(At(before));
        Ok(query.execute(&mut *self.read().await?).await?.rows_affected())
    }
}
