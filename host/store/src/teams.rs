//! Teams and environments: records from the start, not strings, and what a team has of what it may have.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::money::{Currency, Money};
use macadam_core::names::{EnvironmentName, PersonId, ResourceType, TeamId};
use macadam_core::request::Environment;
use macadam_core::standing::{Standing, Team, TeamUsage};
use rust_decimal::Decimal;

use crate::StoreError;
use crate::row::Columns;

/// The teams.
#[async_trait]
pub trait Teams: Send + Sync {
    /// Adds a team or replaces what is known of it. A change is audited under `by`, which is `None` for the host's own
    /// configuration; the same record again changes nothing and is not.
    async fn put_team(&self, team: &Team, by: Option<&PersonId>, now: Timestamp) -> Result<(), StoreError>;

    /// One team.
    async fn team(&self, name: &TeamId) -> Result<Option<Team>, StoreError>;

    /// Every team, by name.
    async fn teams(&self) -> Result<Vec<Team>, StoreError>;

    /// A team with what it has. How many live resources of a type have the same costs is counted by the database
    /// itself, with each statement that changes a resource, so that the two cannot drift and asking takes no longer the
    /// more there are. A resource that is being changed counts with the higher of its two costs. Costs in another
    /// currency than the team's are left out: they cannot be added.
    async fn standing(&self, team: &TeamId) -> Result<Option<Standing>, StoreError>;
}

/// The environments.
#[async_trait]
pub trait Environments: Send + Sync {
    /// Adds an environment or replaces what is known of it; audited as a team is.
    async fn put_environment(
        &self,
        environment: &Environment,
        by: Option<&PersonId>,
        now: Timestamp,
    ) -> Result<(), StoreError>;

    /// One environment.
    async fn environment(&self, name: &EnvironmentName) -> Result<Option<Environment>, StoreError>;

    /// Every environment, by name.
    async fn environments(&self) -> Result<Vec<Environment>, StoreError>;
}

/// A team and how many resources are alike, in one trip. Two parts and not a join, which would repeat the team's
/// document in each row.
pub(crate) const STANDING: &str =
    "SELECT document, NULL AS type, NULL AS monthly, NULL AS pending_monthly, NULL AS alike FROM teams WHERE name = $1
     UNION ALL
     SELECT NULL, type, monthly, NULLIF(pending_monthly, ''), alike FROM team_usage WHERE team = $1";

/// The team that [`STANDING`] found, if any, with its usage. Added up here and not in SQL: amounts are stored as the
/// JSON that they came as, and SQLite's sums are floating-point, which money is not.
pub(crate) fn to_standing(rows: &[impl Columns]) -> Result<Option<Standing>, StoreError> {
    let team = rows.iter().find_map(|row| row.json_opt::<Team>("document").transpose()).transpose()?;
    let Some(team) = team else { return Ok(None) };
    let mut usage = TeamUsage::default();
    for row in rows {
        let Some(resource_type) = row.parsed_opt::<ResourceType>("type")? else { continue };
        let alike: u32 = row.count("alike")?;
        *usage.by_type.entry(resource_type).or_default() += alike;
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
