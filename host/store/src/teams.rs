//! Teams and environments: records from the start, not strings, and what a team has of what it may have.

use async_trait::async_trait;
use jiff::Timestamp;
use macadam_core::names::{EnvironmentName, PersonId, TeamId};
use macadam_core::request::Environment;
use macadam_core::standing::{Standing, Team};

use crate::StoreError;

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

    /// A team with what it has: counted from its live resources, never kept beside them, so the two cannot drift. A
    /// resource that is being changed counts with the higher of its two costs. Costs in another currency than the
    /// team's are left out: they cannot be added.
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
