//! What people change about a webhook. Each change raises the fence, so that whoever holds the webhook with what it was
//! stops, and leaves the lease's time, so that nobody else begins before that one has.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::super::row::{Columns, int, json as text, micros, one_row};
use super::super::{Conn, SqliteStore, commit, journal, outbox, teams};
use super::named;
use crate::webhooks::{WebhookStep, recorded};
use crate::{
    By, ByPerson, NewWebhook, NewWebhookUrl, Sealed, StoreError, WebhookChange, WebhookError, WebhookFilter, WebhookId,
    WebhookRecord, WebhookState,
};

type Result<T, E = WebhookError> = std::result::Result<T, E>;

pub(super) async fn create(
    store: &SqliteStore,
    new: &NewWebhook,
    by: ByPerson<'_>,
    now: Timestamp,
) -> Result<WebhookRecord> {
    let mut tx = store.begin().await?;
    if !teams::has_team(&mut tx, &new.team).await? {
        return Err(WebhookError::UnknownTeam(new.team.clone()));
    }
    let counted = sqlx::query("SELECT count(*) AS count FROM webhooks WHERE team = $1").bind(new.team.as_str());
    let there: u32 = counted.fetch_one(&mut *tx).await.map_err(StoreError::from)?.count("count")?;
    if there >= new.most {
        return Err(WebhookError::TooMany { team: new.team.clone(), most: new.most });
    }
    let cursor = outbox::range(&mut tx).await?.latest;
    let written = sqlx::query(
        "INSERT INTO webhooks (id, team, description, url, sealed_url, types, subject, state, secret, cursor,
                               next_attempt, created_by, created_at, updated_at)
         VALUES ($1, $2, $3, '', $4, $5, $6, 'active', $7, $8, $9, $10, $9, $9)",
    )
    .bind(new.id.to_string())
    .bind(new.team.as_str())
    .bind(&new.description)
    .bind(new.url.url.as_bytes())
    .bind(text("types", &new.filter.types)?)
    .bind(&new.filter.subject)
    .bind(new.secret.as_bytes())
    .bind(int(cursor))
    .bind(micros(now))
    .bind(by.person.as_str())
    .execute(&mut *tx)
    .await;
    written.map_err(StoreError::from)?;
    let webhook = named(&mut tx, new.id).await?;
    record(&mut tx, by, "created", WebhookStep::Made(&webhook), about(Some(&new.url), &new.filter), now).await?;
    commit(tx).await?;
    Ok(webhook)
}

pub(super) async fn change(
    store: &SqliteStore,
    id: WebhookId,
    change: &WebhookChange,
    by: ByPerson<'_>,
    now: Timestamp,
) -> Result<WebhookRecord> {
    let mut tx = store.begin().await?;
    let there = named(&mut tx, id).await?;
    let (description, filter) = change.done_to(&there);
    if change.url.is_none() && (&there.description, &there.filter) == (&description, &filter) {
        return Ok(there);
    }
    let written = sqlx::query(
        "UPDATE webhooks
         SET description = $2, url = CASE WHEN $3 IS NULL THEN url ELSE '' END, sealed_url = coalesce($3, sealed_url),
             types = $4, subject = $5, failures = 0, failing_since = NULL,
             next_attempt = $6, fence = fence + 1, updated_at = $6
         WHERE id = $1",
    )
    .bind(id.to_string())
    .bind(&description)
    .bind(change.url.as_ref().map(|new| new.url.as_bytes()))
    .bind(text("types", &filter.types)?)
    .bind(&filter.subject)
    .bind(micros(now))
    .execute(&mut *tx)
    .await;
    one_row("webhook", &written.map_err(StoreError::from)?)?;
    let webhook = named(&mut tx, id).await?;
    record(
        &mut tx,
        by,
        "changed",
        WebhookStep::Changed { before: &there, after: &webhook },
        about(change.url.as_ref(), &filter),
        now,
    )
    .await?;
    commit(tx).await?;
    Ok(webhook)
}

pub(super) async fn rotate(
    store: &SqliteStore,
    id: WebhookId,
    secret: &Sealed,
    previous_until: Timestamp,
    by: ByPerson<'_>,
    now: Timestamp,
) -> Result<WebhookRecord> {
    let mut tx = store.begin().await?;
    let there = named(&mut tx, id).await?;
    let written = sqlx::query(
        "UPDATE webhooks
         SET previous_secret = secret, previous_until = $3, secret = $2, fence = fence + 1, updated_at = $4
         WHERE id = $1",
    )
    .bind(id.to_string())
    .bind(secret.as_bytes())
    .bind(micros(previous_until))
    .bind(micros(now))
    .execute(&mut *tx)
    .await;
    one_row("webhook", &written.map_err(StoreError::from)?)?;
    let webhook = named(&mut tx, id).await?;
    let more = json!({ "previous_until": previous_until });
    record(&mut tx, by, "rotated", WebhookStep::Changed { before: &there, after: &webhook }, more, now).await?;
    commit(tx).await?;
    Ok(webhook)
}

pub(super) async fn enable(
    store: &SqliteStore,
    id: WebhookId,
    by: ByPerson<'_>,
    now: Timestamp,
) -> Result<WebhookRecord> {
    let mut tx = store.begin().await?;
    let there = named(&mut tx, id).await?;
    if there.state == WebhookState::Active {
        return Ok(there);
    }
    let written = sqlx::query(
        "UPDATE webhooks
         SET state = 'active', reason = NULL, failures = 0, failing_since = NULL, next_attempt = $2, fence = fence + 1,
             updated_at = $2
         WHERE id = $1",
    )
    .bind(id.to_string())
    .bind(micros(now))
    .execute(&mut *tx)
    .await;
    one_row("webhook", &written.map_err(StoreError::from)?)?;
    let webhook = named(&mut tx, id).await?;
    record(&mut tx, by, "enabled", WebhookStep::Changed { before: &there, after: &webhook }, json!({}), now).await?;
    commit(tx).await?;
    Ok(webhook)
}

pub(super) async fn delete(store: &SqliteStore, id: WebhookId, by: ByPerson<'_>, now: Timestamp) -> Result<()> {
    let mut tx = store.begin().await?;
    let there = named(&mut tx, id).await?;
    let removed = sqlx::query("DELETE FROM webhooks WHERE id = $1").bind(id.to_string()).execute(&mut *tx).await;
    one_row("webhook", &removed.map_err(StoreError::from)?)?;
    record(&mut tx, by, "deleted", WebhookStep::Deleted(&there), json!({}), now).await?;
    commit(tx).await?;
    Ok(())
}

/// What is recorded of what a webhook is to be; its receiver only when that is said.
fn about(url: Option<&NewWebhookUrl>, filter: &WebhookFilter) -> Value {
    let mut data = json!({ "types": filter.types, "subject": filter.subject });
    if let (Value::Object(data), Some(new)) = (&mut data, url) {
        data.insert("receiver".to_owned(), json!(new.receiver));
    }
    data
}

/// Records what happened to a webhook; `more` is added to what is always said of it.
pub(super) async fn record<'a>(
    conn: &mut Conn,
    by: impl Into<By<'a>>,
    what: &str,
    step: WebhookStep<'_>,
    more: Value,
    now: Timestamp,
) -> Result<(), StoreError> {
    journal::record(conn, recorded(by.into(), what, step, more)?, now).await
}
