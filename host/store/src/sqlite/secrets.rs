//! Secrets on SQLite.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::sqlite::SqliteRow;

use super::row::{Columns, micros};
use super::{Result, SqliteStore, commit};
use crate::{Sealed, SecretRecord, Secrets};

#[async_trait]
impl Secrets for SqliteStore {
    async fn put_secret_if_absent(&self, secret: &SecretRecord, now: Timestamp) -> Result<SecretRecord> {
        let mut tx = self.begin().await?;
        sqlx::query(
            "INSERT INTO secrets (handle, scope, name, sealed, at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (scope, name) DO NOTHING",
        )
        .bind(&secret.handle)
        .bind(&secret.scope)
        .bind(&secret.name)
        .bind(secret.sealed.as_bytes())
        .bind(micros(now))
        .execute(&mut *tx)
        .await?;
        let stored = sqlx::query("SELECT * FROM secrets WHERE scope = $1 AND name = $2")
            .bind(&secret.scope)
            .bind(&secret.name)
            .fetch_one(&mut *tx)
            .await?;
        commit(tx).await?;
        to_secret(&stored)
    }

    async fn secret(&self, handle: &str) -> Result<Option<SecretRecord>> {
        let query = sqlx::query("SELECT * FROM secrets WHERE handle = $1").bind(handle);
        query.fetch_optional(&mut *self.read().await?).await?.as_ref().map(to_secret).transpose()
    }

    async fn delete_secrets(&self, scope: &str) -> Result<u64> {
        let mut tx = self.begin().await?;
        let deleted = sqlx::query("DELETE FROM secrets WHERE scope = $1").bind(scope).execute(&mut *tx).await?;
        commit(tx).await?;
        Ok(deleted.rows_affected())
    }
}

fn to_secret(row: &SqliteRow) -> Result<SecretRecord> {
    Ok(SecretRecord {
        handle: row.text("handle")?,
        scope: row.text("scope")?,
        name: row.text("name")?,
        sealed: Sealed::new(row.bytes_opt("sealed")?.unwrap_or_default()),
    })
}
