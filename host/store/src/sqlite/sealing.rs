//! The ids of sealing keys on SQLite, and what is sealed under which.

use async_trait::async_trait;
use jiff::Timestamp;

use super::row::{Columns, micros};
use super::{Conn, Result, SqliteStore, commit, journal};
use crate::sealing::{replaced, resealed, retired, to_key, to_value};
use crate::{Resealed, SealedPlace, SealedValue, SealingKeyId, SealingKeySet, SealingKeys};

#[async_trait]
impl SealingKeys for SqliteStore {
    async fn sealing_keys(&self) -> Result<SealingKeySet> {
        all(&mut *self.snapshot().await?).await
    }

    async fn adopt_sealing_key(
        &self,
        key: SealingKeyId,
        held: &[SealingKeyId],
        now: Timestamp,
    ) -> Result<SealingKeySet> {
        let mut tx = self.begin().await?;
        let known = all(&mut tx).await?;
        if !known.takes(key, held) {
            return Ok(known);
        }
        let query = sqlx::query("INSERT INTO sealing_keys (id, since) VALUES ($1, $2)").bind(key.to_string());
        query.bind(micros(known.since(now))).execute(&mut *tx).await?;
        if let Some(before) = known.current() {
            journal::record(&mut tx, replaced(key, before.id), now).await?;
        }
        let known = all(&mut tx).await?;
        commit(tx).await?;
        Ok(known)
    }

    async fn sealed_under_others(
        &self,
        key: SealingKeyId,
        after: Option<&SealedPlace>,
        limit: u32,
    ) -> Result<Vec<SealedValue>> {
        let (kind, id) = after.map(SealedPlace::key).unwrap_or_default();
        let query = sqlx::query(
            "SELECT kind, id, scope, name, sealed FROM sealed_values
             WHERE (sealed_by IS NULL OR sealed_by <> $1) AND (kind, id) > ($2, $3)
             ORDER BY kind, id LIMIT $4",
        );
        let query = query.bind(key.to_string()).bind(kind).bind(id).bind(limit);
        query.fetch_all(&mut *self.read().await?).await?.iter().map(to_value).collect()
    }

    async fn reseal(&self, key: SealingKeyId, values: &[Resealed], now: Timestamp) -> Result<u64> {
        let mut tx = self.begin().await?;
        let mut put = Vec::new();
        for each in values {
            if put_one(&mut tx, each).await? {
                put.push(&each.value.place);
            }
        }
        if !put.is_empty() {
            journal::record(&mut tx, resealed(key, &put), now).await?;
        }
        let count = put.len() as u64;
        commit(tx).await?;
        Ok(count)
    }

    async fn retire_sealing_key(&self, key: SealingKeyId, now: Timestamp) -> Result<bool> {
        let mut tx = self.begin().await?;
        let known = all(&mut tx).await?;
        let there = known.replaced().iter().find(|record| record.id == key);
        // Answers under idempotency keys are not sealed anew: they are forgotten within a day, and the key stays until then.
        let left = "SELECT 1 FROM sealed_values WHERE sealed_by IS NULL OR sealed_by = $1
                    UNION ALL
                    SELECT 1 FROM idempotency_keys WHERE lower(hex(substr(answer, 9, 8))) = $1
                    LIMIT 1";
        let left = sqlx::query(left).bind(key.to_string()).fetch_optional(&mut *tx).await?;
        let (Some(there), None) = (there, left) else { return Ok(false) };
        sqlx::query("DELETE FROM sealing_keys WHERE id = $1").bind(key.to_string()).execute(&mut *tx).await?;
        sqlx::query("INSERT INTO retired_sealing_keys (id, since, retired_at) VALUES ($1, $2, $3)")
            .bind(key.to_string())
            .bind(micros(there.since))
            .bind(micros(now))
            .execute(&mut *tx)
            .await?;
        journal::record(&mut tx, retired(key), now).await?;
        commit(tx).await?;
        Ok(true)
    }
}

async fn put_one(conn: &mut Conn, each: &Resealed) -> Result<bool> {
    let statement = match &each.value.place {
        SealedPlace::Secret { .. } => "UPDATE secrets SET sealed = $2 WHERE handle = $1 AND sealed = $3",
        SealedPlace::JobState { .. } => "UPDATE jobs SET sealed_state = $2 WHERE id = $1 AND sealed_state = $3",
        SealedPlace::WebhookSecret(_) => "UPDATE webhooks SET secret = $2 WHERE id = $1 AND secret = $3",
        SealedPlace::PreviousWebhookSecret(_) => {
            "UPDATE webhooks SET previous_secret = $2 WHERE id = $1 AND previous_secret = $3"
        }
        SealedPlace::WebhookUrl(_) => "UPDATE webhooks SET sealed_url = $2 WHERE id = $1 AND sealed_url = $3",
        SealedPlace::PlainWebhookUrl(_) => {
            "UPDATE webhooks SET sealed_url = $2, url = '' WHERE id = $1 AND sealed_url IS NULL AND CAST(url AS BLOB) = $3"
        }
    };
    let (_, id) = each.value.place.key();
    let query = sqlx::query(statement).bind(id).bind(each.to.as_bytes()).bind(each.value.sealed.as_bytes());
    Ok(query.execute(conn).await?.rows_affected() == 1)
}

async fn all(conn: &mut Conn) -> Result<SealingKeySet> {
    let in_use = sqlx::query("SELECT id, since FROM sealing_keys ORDER BY since").fetch_all(&mut *conn).await?;
    let retired = sqlx::query("SELECT id FROM retired_sealing_keys ORDER BY retired_at, id").fetch_all(conn).await?;
    Ok(SealingKeySet {
        in_use: in_use.iter().map(to_key).collect::<Result<_>>()?,
        retired: retired.iter().map(|row| row.parsed("id")).collect::<Result<_>>()?,
    })
}
