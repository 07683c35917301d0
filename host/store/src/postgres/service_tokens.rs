//! The tokens of services on PostgreSQL.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::digest::Digest;
use macadam_core::names::{PersonId, TeamId};
use serde_json::json;
use sqlx::postgres::PgRow;
use sqlx::{Postgres, QueryBuilder};

use super::row::{At, Columns, json, one_row};
use super::teams::{has_team, only_of};
use super::tx::retrying;
use super::{Conn, PostgresStore, Result, journal};
use crate::service_tokens::{USE_NOTED_FOR, change, made};
use crate::{
    By, NewServiceToken, PageRequest, ServiceTokenError, ServiceTokenId, ServiceTokenRecord, ServiceTokens, StoreError,
};

#[async_trait]
impl ServiceTokens for PostgresStore {
    async fn add_service_token(
        &self,
        new: &NewServiceToken,
        now: Timestamp,
    ) -> Result<ServiceTokenRecord, ServiceTokenError> {
        retrying(|| add(self, new, now)).await
    }

    async fn service_token(&self, id: ServiceTokenId) -> Result<Option<ServiceTokenRecord>> {
        by_id(&mut *self.read().await?, id).await
    }

    async fn service_token_by_hash(&self, hash: &Digest) -> Result<Option<ServiceTokenRecord>> {
        let query = sqlx::query("SELECT * FROM service_tokens WHERE hash = $1").bind(hash.to_string());
        query.fetch_optional(&mut *self.read().await?).await?.as_ref().map(to_token).transpose()
    }

    async fn service_tokens(
        &self,
        teams: Option<&[TeamId]>,
        page: PageRequest<ServiceTokenId>,
    ) -> Result<Vec<ServiceTokenRecord>> {
        let mut query = QueryBuilder::<Postgres>::new("SELECT * FROM service_tokens WHERE 1 = 1");
        only_of(&mut query, "team", teams);
        if let Some(after) = page.after {
            query.push(" AND id < ").push_bind(after.to_string());
        }
        query.push(" ORDER BY id DESC LIMIT ").push_bind(i64::from(page.limit));
        query.build().fetch_all(&mut *self.read().await?).await?.iter().map(to_token).collect()
    }

    async fn service_makers(&self, team: &TeamId, name: &str) -> Result<Vec<PersonId>> {
        let query = sqlx::query(
            "SELECT DISTINCT created_by FROM service_tokens
             WHERE team = $1 AND name = $2 AND created_by IS NOT NULL ORDER BY created_by",
        );
        let query = query.bind(team.as_str()).bind(name);
        query.fetch_all(&mut *self.read().await?).await?.iter().map(|row| row.parsed("created_by")).collect()
    }

    async fn note_service_token_use(&self, id: ServiceTokenId, now: Timestamp) -> Result<()> {
        let query = sqlx::query(
            "UPDATE service_tokens SET last_used_at = $2
             WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)",
        );
        let noted_before = now - jiff::SignedDuration::from_secs(USE_NOTED_FOR);
        let query = query.bind(id.to_string()).bind(At(now)).bind(At(noted_before));
        query.execute(&self.pool).await?;
        Ok(())
    }

    async fn revoke_service_token(
        &self,
        id: ServiceTokenId,
        by: By<'_>,
        now: Timestamp,
    ) -> Result<ServiceTokenRecord, ServiceTokenError> {
        retrying(|| revoke(self, id, by, now)).await
    }
}

async fn add(
    store: &PostgresStore,
    new: &NewServiceToken,
    now: Timestamp,
) -> Result<ServiceTokenRecord, ServiceTokenError> {
    let mut tx = store.begin().await?;
    if !has_team(&mut tx, &new.team).await? {
        return Err(ServiceTokenError::UnknownTeam(new.team.clone()));
    }
    insert(&mut tx, new, now).await?;
    let kept = named(&mut tx, new.id).await?;
    journal::record(&mut tx, change(new.by(), "service-token.created", None, &kept, made(new))?);
    tx.commit(now).await?;
    Ok(kept)
}

async fn revoke(
    store: &PostgresStore,
    id: ServiceTokenId,
    by: By<'_>,
    now: Timestamp,
) -> Result<ServiceTokenRecord, ServiceTokenError> {
    let mut tx = store.begin().await?;
    let there = named(&mut tx, id).await?;
    if there.revoked_at.is_some() {
        return Ok(there);
    }
    let ended =
        sqlx::query("UPDATE service_tokens SET revoked_at = $2, revoked_by = $3 WHERE id = $1 AND revoked_at IS NULL");
    let ended = ended.bind(id.to_string()).bind(At(now)).bind(by.person.map(PersonId::as_str));
    one_row("service token", &ended.execute(&mut *tx).await.map_err(StoreError::from)?)?;
    let about = json!({ "team": there.team, "name": there.name });
    let changed = named(&mut tx, id).await?;
    journal::record(&mut tx, change(by, "service-token.revoked", Some(&there), &changed, about)?);
    tx.commit(now).await?;
    Ok(changed)
}

async fn insert(conn: &mut Conn, new: &NewServiceToken, now: Timestamp) -> Result<()> {
    sqlx::query(
        "INSERT INTO service_tokens (id, hash, team, name, roles, scopes, created_by, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(new.id.to_string())
    .bind(new.hash.to_string())
    .bind(new.team.as_str())
    .bind(&new.name)
    .bind(json("roles", &new.roles)?)
    .bind(json("scopes", &new.scopes)?)
    .bind(new.created_by.as_ref().map(PersonId::as_str))
    .bind(At(now))
    .bind(At(new.expires_at))
    .execute(conn)
    .await?;
    Ok(())
}

async fn named(conn: &mut Conn, id: ServiceTokenId) -> Result<ServiceTokenRecord, ServiceTokenError> {
    by_id(conn, id).await?.ok_or(ServiceTokenError::NotFound(id))
}

async fn by_id(conn: &mut Conn, id: ServiceTokenId) -> Result<Option<ServiceTokenRecord>> {
    let query = sqlx::query("SELECT * FROM service_tokens WHERE id = $1").bind(id.to_string());
    query.fetch_optional(conn).await?.as_ref().map(to_token).transpose()
}

fn to_token(row: &PgRow) -> Result<ServiceTokenRecord> {
    Ok(ServiceTokenRecord {
        id: row.parsed("id")?,
        team: row.parsed("team")?,
        name: row.text("name")?,
        roles: row.json("roles")?,
        scopes: row.json("scopes")?,
        created_by: row.parsed_opt("created_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        revoked_at: row.time_opt("revoked_at")?,
        revoked_by: row.parsed_opt("revoked_by")?,
        last_used_at: row.time_opt("last_used_at")?,
    })
}
