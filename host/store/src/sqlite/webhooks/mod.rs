//! Webhooks on SQLite: what is read, and one file each for what people change and for what came of attempts.

mod attempt;
mod change;

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::names::TeamId;
use sqlx::QueryBuilder;
use sqlx::sqlite::SqliteRow;

use super::row::{Columns, micros};
use super::teams::only_of;
use super::{Conn, Result, SqliteStore, commit};
use crate::{
    Attempted, ByPerson, ClaimedWebhook, DeliveryId, DeliveryRecord, NewWebhook, PageRequest, PreviousSecret, Sealed,
    WebhookChange, WebhookError, WebhookFilter, WebhookId, WebhookLease, WebhookRecord, WebhookUrl, Webhooks,
};

#[async_trait]
impl Webhooks for SqliteStore {
    async fn create_webhook(
        &self,
        new: &NewWebhook,
        by: ByPerson<'_>,
        now: Timestamp,
    ) -> Result<WebhookRecord, WebhookError> {
        change::create(self, new, by, now).await
    }

    async fn webhook(&self, id: WebhookId) -> Result<Option<WebhookRecord>> {
        let query = sqlx::query("SELECT * FROM webhooks WHERE id = $1").bind(id.to_string());
        query.fetch_optional(&mut *self.read().await?).await?.as_ref().map(to_webhook).transpose()
    }

    async fn webhooks(&self, teams: Option<&[TeamId]>, page: PageRequest<WebhookId>) -> Result<Vec<WebhookRecord>> {
        let mut query = QueryBuilder::new("SELECT * FROM webhooks WHERE 1 = 1");
        only_of(&mut query, "team", teams);
        if let Some(after) = page.after {
            query.push(" AND id > ").push_bind(after.to_string());
        }
        query.push(" ORDER BY id LIMIT ").push_bind(i64::from(page.limit));
        query.build().fetch_all(&mut *self.read().await?).await?.iter().map(to_webhook).collect()
    }

    async fn change_webhook(
        &self,
        id: WebhookId,
        change: &WebhookChange,
        by: ByPerson<'_>,
        now: Timestamp,
    ) -> Result<WebhookRecord, WebhookError> {
        change::change(self, id, change, by, now).await
    }

    async fn rotate_webhook(
        &self,
        id: WebhookId,
        secret: &Sealed,
        previous_until: Timestamp,
        by: ByPerson<'_>,
        now: Timestamp,
    ) -> Result<WebhookRecord, WebhookError> {
        change::rotate(self, id, secret, previous_until, by, now).await
    }

    async fn enable_webhook(
        &self,
        id: WebhookId,
        by: ByPerson<'_>,
        now: Timestamp,
    ) -> Result<WebhookRecord, WebhookError> {
        change::enable(self, id, by, now).await
    }

    async fn delete_webhook(&self, id: WebhookId, by: ByPerson<'_>, now: Timestamp) -> Result<(), WebhookError> {
        change::delete(self, id, by, now).await
    }

    async fn claim_webhook(
        &self,
        worker: &str,
        per_team: u32,
        now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Option<ClaimedWebhook>> {
        attempt::claim(self, worker, per_team, now, lease_until).await
    }

    async fn keep_attempt(
        &self,
        lease: &WebhookLease,
        attempt: &DeliveryRecord,
        means: Attempted,
    ) -> Result<(), WebhookError> {
        attempt::keep(self, lease, attempt, means).await
    }

    async fn release_webhook(&self, lease: &WebhookLease, cursor: u64, now: Timestamp) -> Result<(), WebhookError> {
        attempt::release(self, lease, cursor, now).await
    }

    async fn disable_webhook(
        &self,
        lease: &WebhookLease,
        attempt: &DeliveryRecord,
        reason: &str,
        now: Timestamp,
    ) -> Result<(), WebhookError> {
        attempt::disable(self, lease, attempt, reason, now).await
    }

    async fn keep_test(&self, attempt: &DeliveryRecord) -> Result<(), WebhookError> {
        attempt::keep_test(self, attempt).await
    }

    async fn deliveries(&self, webhook: WebhookId, page: PageRequest<DeliveryId>) -> Result<Vec<DeliveryRecord>> {
        let mut query = QueryBuilder::new("SELECT * FROM webhook_deliveries WHERE webhook = ");
        query.push_bind(webhook.to_string());
        if let Some(after) = page.after {
            query.push(" AND id < ").push_bind(after.to_string());
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(page.limit));
        query.build().fetch_all(&mut *self.read().await?).await?.iter().map(to_delivery).collect()
    }

    async fn prune_deliveries(&self, before: Timestamp) -> Result<u64> {
        let query = sqlx::query("DELETE FROM webhook_deliveries WHERE at < $1").bind(micros(before));
        let mut tx = self.begin().await?;
        let pruned = query.execute(&mut *tx).await?.rows_affected();
        commit(tx).await?;
        Ok(pruned)
    }
}

/// A webhook for a change.
async fn named(conn: &mut Conn, id: WebhookId) -> Result<WebhookRecord, WebhookError> {
    let query = sqlx::query("SELECT * FROM webhooks WHERE id = $1").bind(id.to_string());
    let row = query.fetch_optional(conn).await.map_err(crate::StoreError::from)?;
    Ok(to_webhook(&row.ok_or(WebhookError::NotFound(id))?)?)
}

fn to_webhook(row: &SqliteRow) -> Result<WebhookRecord> {
    let previous = row.bytes_opt("previous_secret")?.map(Sealed::new).zip(row.time_opt("previous_until")?);
    Ok(WebhookRecord {
        id: row.parsed("id")?,
        team: row.parsed("team")?,
        description: row.text("description")?,
        url: WebhookUrl::of(row)?,
        filter: WebhookFilter { types: row.json("types")?, subject: row.text_opt("subject")? },
        state: row.word("state")?,
        reason: row.text_opt("reason")?,
        secret: Sealed::new(row.bytes_opt("secret")?.unwrap_or_default()),
        previous: previous.map(|(secret, until)| PreviousSecret { secret, until }),
        cursor: row.count("cursor")?,
        failures: row.count("failures")?,
        failing_since: row.time_opt("failing_since")?,
        next_attempt: row.time("next_attempt")?,
        last_success_at: row.time_opt("last_success_at")?,
        last_error: row.text_opt("last_error")?,
        last_error_at: row.time_opt("last_error_at")?,
        created_by: row.parsed("created_by")?,
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn to_delivery(row: &SqliteRow) -> Result<DeliveryRecord> {
    Ok(DeliveryRecord {
        id: row.parsed("id")?,
        webhook: row.parsed("webhook")?,
        event: row.int_opt("event")?.map(|_| row.count("event")).transpose()?,
        event_type: row.text("type")?,
        attempt: row.count("attempt")?,
        at: row.time("at")?,
        took: std::time::Duration::from_micros(row.count("took_micros")?),
        status: row.int_opt("status")?.map(|_| row.count("status")).transpose()?,
        error: row.text_opt("error")?,
    })
}
