//! Idempotency keys on SQLite.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::digest::Digest;

use super::row::{Columns, micros};
use super::{Result, SqliteStore, commit};
use crate::idempotency::state;
use crate::{IdempotencyKeys, KeyState, KeyedRequest, Sealed};

#[async_trait]
impl IdempotencyKeys for SqliteStore {
    async fn take_key(&self, request: &KeyedRequest, now: Timestamp) -> Result<KeyState> {
        let mut conn = self.begin().await?;
        let KeyedRequest { caller, key, asked, holder, until } = request;
        let taken = sqlx::query(
            "INSERT INTO idempotency_keys (caller, key, asked, holder, until, at) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (caller, key) DO NOTHING",
        )
        .bind(caller.as_str())
        .bind(key)
        .bind(asked.to_string())
        .bind(holder)
        .bind(micros(*until))
        .bind(micros(now))
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
        commit(conn).await?;
        Ok(found)
    }

    async fn keep_answer(&self, request: &KeyedRequest, answer: &Sealed) -> Result<bool> {
        let query =
            sqlx::query("UPDATE idempotency_keys SET answer = $4 WHERE caller = $1 AND key = $2 AND holder = $3");
        let query = query.bind(request.caller.as_str()).bind(&request.key).bind(&request.holder);
        let kept = query.bind(answer.as_bytes()).execute(&self.writer).await?;
        Ok(kept.rows_affected() == 1)
    }

    async fn free_key(&self, request: &KeyedRequest) -> Result<()> {
        let query = sqlx::query(
            "DELETE FROM idempotency_keys WHERE caller = $1 AND key = $2 AND holder = $3 AND answer IS NULL",
        );
        let query = query.bind(request.caller.as_str()).bind(&request.key).bind(&request.holder);
        query.execute(&self.writer).await?;
        Ok(())
    }

    async fn forget_idempotency_keys(&self, before: Timestamp) -> Result<u64> {
        let query = sqlx::query("DELETE FROM idempotency_keys WHERE at < $1").bind(micros(before));
        Ok(query.execute(&self.writer).await?.rows_affected())
    }
}
