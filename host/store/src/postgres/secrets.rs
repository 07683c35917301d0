//! Secrets on PostgreSQL.

use async_trait::async_trait;
use jiff::Timestamp;
use sqlx::postgres::PgRow;

use super::row::{At, Columns};
use super::{PostgresStore, Result};
use crate::{Sealed, SecretRecord, Secrets};

#[async_trait]
impl Secrets for PostgresStore {
    async fn put_secret_if_absent(&self, secret: &SecretRecord, now: Timestamp) -> Result<SecretRecord> {
        // Changing nothing about the one that is there is what makes the statement give it.
        let query = sqlx::query(
            "INSERT INTO secrets (handle, scope, name, sealed, at) VALUES ($1, $2, $3, $4, $5)
             ON CONFLICT (scope, name) DO UPDATE SET scope = secrets.scope
             RETURNING handle, scope, name, sealed",
        )
        .bind(&secret.handle)
        .bind(&secret.scope)
        .bind(&secret.name)
        .bind(secret.sealed.as_bytes())
        .bind(At(now));
        to_secret(&query.fetch_one(&mut *self.read().await?).await?)
    }

    async fn secret(&self, handle: &str) -> Result<Option<SecretRecord>> {
        let query = sqlx::query("SELECT * FROM secrets WHERE handle = $1").bind(handle);
        query.fetch_optional(&mut *self.read().await?).await?.as_ref().map(to_secret).transpose()
    }

    async fn delete_secrets(&self, scope: &str) -> Result<u64> {
        let query = sqlx::query("DELETE FROM secrets WHERE scope = $1").bind(scope);
        Ok(query.execute(&mut *self.read().await?).await?.rows_affected())
    }
}

fn to_secret(row: &PgRow) -> Result<SecretRecord> {
    Ok(SecretRecord {
        handle: row.text("handle")?,
        scope: row.text("scope")?,
        name: row.text("name")?,
        sealed: Sealed::new(row.bytes_opt("sealed")?.unwrap_or_default()),
    })
}
