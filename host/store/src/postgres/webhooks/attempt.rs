//! What workers do: take a webhook, and keep what came of each attempt. Each change names the lease's fence in its
//! condition, and a change that finds no row is a lost lease.

use jiff::Timestamp;
use serde_json::json;

use super::super::row::{At, Columns, int, plain};
use super::super::{Conn, PostgresStore, Result};
use super::{change, named, to_webhook};
use crate::webhooks::WebhookStep;
use crate::{Attempted, By, ClaimedWebhook, DeliveryRecord, StoreError, WebhookError, WebhookId, WebhookLease};

macro_rules! waiting {
    ($more:literal) => {
        concat!(
            "SELECT id FROM webhooks
             WHERE state = 'active' AND next_attempt <= $1 AND (lease_until IS NULL OR lease_until <= $1)
               AND (EXISTS (SELECT 1 FROM outbox
                            WHERE audience = 'team' AND outbox.team = webhooks.team AND seq > webhooks.cursor)
                 OR EXISTS (SELECT 1 FROM outbox
                            WHERE audience = 'everybody' AND outbox.team IS NULL AND seq > webhooks.cursor))
               AND (SELECT count(*) FROM webhooks AS held
                    WHERE held.team = webhooks.team AND held.worker = $2 AND held.lease_until > $1) < $3
             ORDER BY next_attempt, id LIMIT 1",
            $more
        )
    };
}

/// Whether there is a webhook to be taken. What a team's webhooks take of a worker's places is counted by the worker's own
/// name, which no other has: each worker has one task that claims, so nobody takes a place between the count and the claim.
const WAITING: &str = waiting!("");

/// The same, to be taken. One that somebody is just changing is passed over.
const NEXT: &str = waiting!(" FOR NO KEY UPDATE OF webhooks SKIP LOCKED");

pub(super) async fn claim(
    store: &PostgresStore,
    worker: &str,
    per_team: u32,
    now: Timestamp,
    lease_until: Timestamp,
) -> Result<Option<ClaimedWebhook>> {
    // Asking costs those who find nothing no write.
    if next(&mut *store.read().await?, WAITING, worker, per_team, now).await?.is_none() {
        return Ok(None);
    }
    let mut tx = store.begin().await?;
    let Some(id) = next(&mut tx, NEXT, worker, per_team, now).await? else { return Ok(None) };
    let query =
        sqlx::query("UPDATE webhooks SET fence = fence + 1, worker = $2, lease_until = $3 WHERE id = $1 RETURNING *");
    let row = query.bind(id.to_string()).bind(worker).bind(At(lease_until)).fetch_one(&mut *tx).await?;
    let lease = WebhookLease { webhook: id, fence: row.count("fence")? };
    let webhook = to_webhook(&row)?;
    tx.commit(now).await?;
    Ok(Some(ClaimedWebhook { lease, webhook }))
}

async fn next(
    conn: &mut Conn,
    query: &'static str,
    worker: &str,
    per_team: u32,
    now: Timestamp,
) -> Result<Option<WebhookId>> {
    let query = sqlx::query(query).bind(At(now)).bind(worker).bind(i64::from(per_team));
    query.fetch_optional(conn).await?.map(|row| row.parsed("id")).transpose()
}

pub(super) async fn keep(
    store: &PostgresStore,
    lease: &WebhookLease,
    attempt: &DeliveryRecord,
    means: Attempted,
) -> Result<(), WebhookError> {
    let mut tx = store.begin().await?;
    match means {
        Attempted::Arrived { lease_until } => arrived(&mut tx, lease, attempt, lease_until).await?,
        Attempted::Failed { next_attempt } => failed(&mut tx, lease, attempt, next_attempt).await?,
    }
    insert(&mut tx, attempt).await?;
    tx.commit(attempt.at).await?;
    Ok(())
}

async fn arrived(
    conn: &mut Conn,
    lease: &WebhookLease,
    attempt: &DeliveryRecord,
    lease_until: Timestamp,
) -> Result<(), WebhookError> {
    let kept = sqlx::query(
        "UPDATE webhooks
         SET cursor = $3, failures = 0, failing_since = NULL, last_success_at = $4, lease_until = $5
         WHERE id = $1 AND fence = $2 AND state = 'active'",
    )
    .bind(lease.webhook.to_string())
    .bind(int(lease.fence))
    .bind(int(attempt.event.unwrap_or_default()))
    .bind(At(attempt.at))
    .bind(At(lease_until))
    .execute(conn)
    .await;
    held_by(lease, kept)
}

async fn failed(
    conn: &mut Conn,
    lease: &WebhookLease,
    attempt: &DeliveryRecord,
    next_attempt: Timestamp,
) -> Result<(), WebhookError> {
    let kept = sqlx::query(
        "UPDATE webhooks
         SET failures = failures + 1, failing_since = coalesce(failing_since, $3), last_error = $4, last_error_at = $3,
             next_attempt = $5, worker = NULL, lease_until = NULL
         WHERE id = $1 AND fence = $2 AND state = 'active'",
    )
    .bind(lease.webhook.to_string())
    .bind(int(lease.fence))
    .bind(At(attempt.at))
    .bind(attempt.error.as_deref().map(plain))
    .bind(At(next_attempt))
    .execute(conn)
    .await;
    held_by(lease, kept)
}

pub(super) async fn release(
    store: &PostgresStore,
    lease: &WebhookLease,
    cursor: u64,
    now: Timestamp,
) -> Result<(), WebhookError> {
    let query = sqlx::query(
        "UPDATE webhooks
         SET cursor = CASE WHEN cursor > $3 THEN cursor ELSE $3 END, next_attempt = $4, worker = NULL,
             lease_until = NULL
         WHERE id = $1 AND fence = $2 AND state = 'active'",
    )
    .bind(lease.webhook.to_string())
    .bind(int(lease.fence))
    .bind(int(cursor))
    .bind(At(now));
    held_by(lease, query.execute(&mut *store.read().await?).await)
}

pub(super) async fn disable(
    store: &PostgresStore,
    lease: &WebhookLease,
    attempt: &DeliveryRecord,
    reason: &str,
    now: Timestamp,
) -> Result<(), WebhookError> {
    let mut tx = store.begin().await?;
    failed(&mut tx, lease, attempt, now).await?;
    let there = named(&mut tx, lease.webhook).await?;
    let disabled = sqlx::query(
        "UPDATE webhooks SET state = 'disabled', reason = $3, updated_at = $4
         WHERE id = $1 AND fence = $2 AND state = 'active'",
    )
    .bind(lease.webhook.to_string())
    .bind(int(lease.fence))
    .bind(plain(reason))
    .bind(At(now))
    .execute(&mut *tx)
    .await;
    held_by(lease, disabled)?;
    insert(&mut tx, attempt).await?;
    let webhook = named(&mut tx, lease.webhook).await?;
    let more = json!({ "reason": reason, "failing_since": webhook.failing_since });
    change::record(&mut tx, By::HOST, "disabled", WebhookStep::Changed { before: &there, after: &webhook }, more)?;
    tx.commit(now).await?;
    Ok(())
}

pub(super) async fn keep_test(store: &PostgresStore, attempt: &DeliveryRecord) -> Result<(), WebhookError> {
    let mut tx = store.begin().await?;
    named(&mut tx, attempt.webhook).await?;
    insert(&mut tx, attempt).await?;
    tx.commit(attempt.at).await?;
    Ok(())
}

async fn insert(conn: &mut Conn, attempt: &DeliveryRecord) -> Result<()> {
    let DeliveryRecord { id, webhook, event, event_type, attempt: number, at, took, status, error } = attempt;
    sqlx::query(
        "INSERT INTO webhook_deliveries (id, webhook, event, type, attempt, at, took_micros, status, error)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(id.to_string())
    .bind(webhook.to_string())
    .bind(event.map(int))
    .bind(event_type)
    .bind(i64::from(*number))
    .bind(At(*at))
    .bind(i64::try_from(took.as_micros()).unwrap_or(i64::MAX))
    .bind(status.map(i64::from))
    .bind(error.as_deref().map(plain))
    .execute(conn)
    .await?;
    Ok(())
}

/// A lease's change found its row, or the lease is lost.
fn held_by(lease: &WebhookLease, changed: sqlx::Result<sqlx::postgres::PgQueryResult>) -> Result<(), WebhookError> {
    match changed.map_err(StoreError::from)?.rows_affected() {
        0 => Err(WebhookError::LeaseLost { webhook: lease.webhook }),
        _ => Ok(()),
    }
}
