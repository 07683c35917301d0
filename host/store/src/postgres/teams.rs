//! Teams, environments and standings on PostgreSQL.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::names::{EnvironmentName, PersonId, TeamId};
use macadam_core::request::Environment;
use macadam_core::standing::{Standing, Team};
use serde_json::json;
use sqlx::{Postgres, QueryBuilder};

use super::row::{Columns, digest, json};
use super::tx::retrying;
use super::{Conn, PostgresStore, Result, journal};
use crate::teams::{STANDING, to_standing};
use crate::{Environments, NewAuditEntry, Teams};

#[async_trait]
impl Teams for PostgresStore {
    async fn put_team(&self, team: &Team, by: Option<&PersonId>, now: Timestamp) -> Result<()> {
        retrying(|| put_team(self, team, by, now)).await
    }

    async fn team(&self, name: &TeamId) -> Result<Option<Team>> {
        team(&mut *self.read().await?, name).await
    }

    async fn teams(&self) -> Result<Vec<Team>> {
        let rows = sqlx::query("SELECT document FROM teams ORDER BY name").fetch_all(&mut *self.read().await?).await?;
        rows.iter().map(|row| row.json("document")).collect()
    }

    async fn standing(&self, name: &TeamId) -> Result<Option<Standing>> {
        standing(&mut *self.read().await?, name).await
    }
}

#[async_trait]
impl Environments for PostgresStore {
    async fn put_environment(&self, env: &Environment, by: Option<&PersonId>, now: Timestamp) -> Result<()> {
        retrying(|| put_environment(self, env, by, now)).await
    }

    async fn environment(&self, name: &EnvironmentName) -> Result<Option<Environment>> {
        environment(&mut *self.read().await?, name).await
    }

    async fn environments(&self) -> Result<Vec<Environment>> {
        let query = sqlx::query("SELECT document FROM environments ORDER BY name");
        query.fetch_all(&mut *self.read().await?).await?.iter().map(|row| row.json("document")).collect()
    }
}

async fn put_team(store: &PostgresStore, team: &Team, by: Option<&PersonId>, now: Timestamp) -> Result<()> {
    let mut tx = store.begin().await?;
    let before = self::team(&mut tx, &team.name).await?;
    let changed = sqlx::query(
        "INSERT INTO teams (name, document) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET document = excluded.document
         WHERE teams.document <> excluded.document",
    )
    .bind(team.name.as_str())
    .bind(json("team", team)?)
    .execute(&mut *tx)
    .await?;
    if changed.rows_affected() > 0 {
        let entry = NewAuditEntry::new("team.changed", format!("teams/{}", team.name)).by(by);
        let entry = entry.changed(digest("team", before)?, digest("team", Some(team))?);
        journal::record(&mut tx, entry.with(json!({ "team": team })));
    }
    tx.commit(now).await.map(drop)
}

async fn put_environment(
    store: &PostgresStore,
    env: &Environment,
    by: Option<&PersonId>,
    now: Timestamp,
) -> Result<()> {
    let mut tx = store.begin().await?;
    let before = environment(&mut tx, &env.name).await?;
    let changed = sqlx::query(
        "INSERT INTO environments (name, document) VALUES ($1, $2)
         ON CONFLICT (name) DO UPDATE SET document = excluded.document
         WHERE environments.document <> excluded.document",
    )
    .bind(env.name.as_str())
    .bind(json("environment", env)?)
    .execute(&mut *tx)
    .await?;
    if changed.rows_affected() > 0 {
        let entry = NewAuditEntry::new("environment.changed", format!("environments/{}", env.name)).by(by);
        let entry = entry.changed(digest("environment", before)?, digest("environment", Some(env))?);
        journal::record(&mut tx, entry.with(json!({ "environment": env })));
    }
    tx.commit(now).await.map(drop)
}

/// Narrows a list to what belongs to any of some teams, by the column that says whose it is.
pub(super) fn only_of(query: &mut QueryBuilder<Postgres>, column: &'static str, teams: Option<&[TeamId]>) {
    let Some(teams) = teams else { return };
    // `IN ()` is no SQL.
    if teams.is_empty() {
        query.push(" AND 1 = 0");
        return;
    }
    let mut names = query.push(" AND ").push(column).push(" IN (").separated(", ");
    for team in teams {
        names.push_bind(team.to_string());
    }
    query.push(")");
}

async fn environment(conn: &mut Conn, name: &EnvironmentName) -> Result<Option<Environment>> {
    let query = sqlx::query("SELECT document FROM environments WHERE name = $1").bind(name.as_str());
    query.fetch_optional(conn).await?.map(|row| row.json("document")).transpose()
}

/// Whether a team is known.
pub(super) async fn has_team(conn: &mut Conn, name: &TeamId) -> Result<bool> {
    Ok(team(conn, name).await?.is_some())
}

/// Holds a team until the end of the transaction: nobody else adds to its usage, and its limits stay what they are.
/// Usage only grows through this lock, so a sum that was made under it can only turn out too high.
pub(super) async fn hold(conn: &mut Conn, name: &TeamId) -> Result<()> {
    let query = sqlx::query("SELECT name FROM teams WHERE name = $1 FOR NO KEY UPDATE").bind(name.as_str());
    query.fetch_optional(conn).await?;
    Ok(())
}

async fn team(conn: &mut Conn, name: &TeamId) -> Result<Option<Team>> {
    let query = sqlx::query("SELECT document FROM teams WHERE name = $1").bind(name.as_str());
    query.fetch_optional(conn).await?.map(|row| row.json("document")).transpose()
}

/// A team with its usage, as the statement sees it: after [`hold`], with all that was reserved under it before.
pub(super) async fn standing(conn: &mut Conn, name: &TeamId) -> Result<Option<Standing>> {
    let rows = sqlx::query(STANDING).bind(name.as_str()).fetch_all(conn).await?;
    to_standing(&rows)
}
