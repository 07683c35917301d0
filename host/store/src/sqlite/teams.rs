//! Teams, environments and standings on SQLite.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::money::{Currency, Money};
use macadam_core::names::{EnvironmentName, PersonId, ResourceType, TeamId};
use macadam_core::request::Environment;
use macadam_core::standing::{Standing, Team, TeamUsage};
use rust_decimal::Decimal;
use serde_json::json;
use sqlx::{QueryBuilder, Sqlite};

use super::row::{Columns, digest, json};
use super::{Conn, Result, SqliteStore, commit, journal};
use crate::{Environments, NewAuditEntry, Teams};

#[async_trait]
impl Teams for SqliteStore {
    async fn put_team(&self, team: &Team, by: Option<&PersonId>, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        let before = self::team(&mut tx, &team.name).await?;
        let changed = sqlx::query(
            "INSERT INTO teams (name, document) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET document = excluded.document WHERE document <> excluded.document",
        )
        .bind(team.name.as_str())
        .bind(json("team", team)?)
        .execute(&mut *tx)
        .await?;
        if changed.rows_affected() > 0 {
            let entry = NewAuditEntry::new("team.changed", format!("teams/{}", team.name)).by(by);
            let entry = entry.changed(digest("team", before)?, digest("team", Some(team))?);
            journal::record(&mut tx, entry.with(json!({ "team": team })), now).await?;
        }
        commit(tx).await
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
impl Environments for SqliteStore {
    async fn put_environment(&self, env: &Environment, by: Option<&PersonId>, now: Timestamp) -> Result<()> {
        let mut tx = self.begin().await?;
        let before = environment(&mut tx, &env.name).await?;
        let changed = sqlx::query(
            "INSERT INTO environments (name, document) VALUES ($1, $2)
             ON CONFLICT (name) DO UPDATE SET document = excluded.document WHERE document <> excluded.document",
        )
        .bind(env.name.as_str())
        .bind(json("environment", env)?)
        .execute(&mut *tx)
        .await?;
        if changed.rows_affected() > 0 {
            let entry = NewAuditEntry::new("environment.changed", format!("environments/{}", env.name)).by(by);
            let entry = entry.changed(digest("environment", before)?, digest("environment", Some(env))?);
            journal::record(&mut tx, entry.with(json!({ "environment": env })), now).await?;
        }
        commit(tx).await
    }

    async fn environment(&self, name: &EnvironmentName) -> Result<Option<Environment>> {
        environment(&mut *self.read().await?, name).await
    }

    async fn environments(&self) -> Result<Vec<Environment>> {
        let query = sqlx::query("SELECT document FROM environments ORDER BY name");
        query.fetch_all(&mut *self.read().await?).await?.iter().map(|row| row.json("document")).collect()
    }
}

/// Narrows a list to what belongs to any of some teams, by the column that says whose it is.
pub(super) fn only_of(query: &mut QueryBuilder<Sqlite>, column: &'static str, teams: Option<&[TeamId]>) {
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

/// Whether an environment is known.
pub(super) async fn has_environment(conn: &mut Conn, name: &EnvironmentName) -> Result<bool> {
    let query = sqlx::query("SELECT name FROM environments WHERE name = $1").bind(name.as_str());
    Ok(query.fetch_optional(conn).await?.is_some())
}

/// Whether a team is known.
pub(super) async fn has_team(conn: &mut Conn, name: &TeamId) -> Result<bool> {
    Ok(team(conn, name).await?.is_some())
}

async fn team(conn: &mut Conn, name: &TeamId) -> Result<Option<Team>> {
    let query = sqlx::query("SELECT document FROM teams WHERE name = $1").bind(name.as_str());
    query.fetch_optional(conn).await?.map(|row| row.json("document")).transpose()
}

/// A team with its usage, as the transaction sees it.
pub(super) async fn standing(conn: &mut Conn, name: &TeamId) -> Result<Option<Standing>> {
    let Some(team) = team(&mut *conn, name).await? else { return Ok(None) };
    // Added up here and not in SQL: SQLite's sums are floating-point, and money is not.
    let rows = sqlx::query(
        "SELECT type, monthly, pending_monthly, COUNT(*) AS alike FROM resources
         WHERE team = $1 AND state NOT IN ('deleted', 'failed')
         GROUP BY type, monthly, pending_monthly",
    )
    .bind(name.as_str())
    .fetch_all(conn)
    .await?;
    let mut usage = TeamUsage::default();
    for row in &rows {
        let alike: u32 = row.count("alike")?;
        *usage.by_type.entry(row.parsed::<ResourceType>("type")?).or_default() += alike;
        let cost = higher(team.currency, row.json("monthly")?, row.json_opt("pending_monthly")?);
        let cost = cost.saturating_mul(Decimal::from(alike));
        // A sum that cannot be kept exactly is over every budget anyway.
        usage.committed = usage.committed.saturating_add(cost);
    }
    Ok(Some(Standing { team, usage }))
}

fn higher(currency: Currency, now: Money, pending: Option<Money>) -> Decimal {
    let costs = [Some(now), pending].into_iter().flatten().filter(|cost| cost.currency == currency);
    costs.map(|cost| cost.amount).max().unwrap_or_default()
}
