//! Lists: which teams' things somebody sees. The store is asked for those only, so that a page is full; each row is then
//! asked about as one that is looked at alone would be.

use std::collections::BTreeSet;

use macadam_core::names::TeamId;
use macadam_core::request::EnvironmentClass;
use macadam_store::StoreError;

use super::{Action, Refused, Target};
use crate::{Caller, Platform};

/// Which teams' things a list may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Teams {
    /// All.
    All,
    /// These.
    These(BTreeSet<TeamId>),
}

impl Teams {
    /// Whether a team is one of them.
    pub(crate) fn has(&self, team: &TeamId) -> bool {
        match self {
            Self::All => true,
            Self::These(teams) => teams.contains(team),
        }
    }

    /// Whether there is not one.
    fn are_none(&self) -> bool {
        matches!(self, Self::These(teams) if teams.is_empty())
    }

    /// As the store's filters have it.
    pub(crate) fn into_filter(self) -> Option<Vec<TeamId>> {
        match self {
            Self::All => None,
            Self::These(teams) => Some(teams.into_iter().collect()),
        }
    }
}

impl Platform {
    /// Makes sure that a token is for an action at all. A list would be empty otherwise and a thing not be there, and whoever
    /// reads that take it for the truth, such as a pipeline that then makes what is there already.
    ///
    /// # Errors
    /// [`Refused`] names the token's scopes.
    pub(crate) fn is_in_scope(&self, caller: &Caller, action: Action) -> Result<(), Refused> {
        if caller.has_scope_for(action.as_str()) { Ok(()) } else { self.authorize_somewhere(caller, action) }
    }

    /// The teams of whose things somebody may see at least some.
    pub(crate) async fn teams_for(&self, caller: &Caller, action: Action) -> Result<Teams, StoreError> {
        let known = self.store().teams().await?.into_iter().map(|team| team.name);
        // One's own is asked about also where nobody has written down that there is such a team.
        let teams: BTreeSet<_> = known.chain([caller.team.clone()]).collect();
        let all = teams.len();
        let seen: BTreeSet<_> = teams.into_iter().filter(|team| self.sees_some_of(caller, action, team)).collect();
        Ok(if seen.len() == all { Teams::All } else { Teams::These(seen) })
    }

    /// The same, for lists that are refused to whoever may see nothing of any team's.
    pub(crate) async fn some_teams_for<E>(&self, caller: &Caller, action: Action) -> Result<Teams, E>
    where
        E: From<StoreError> + From<Refused>,
    {
        let teams = self.teams_for(caller, action).await?;
        if teams.are_none() {
            // Says what it would take.
            self.authorize(caller, action, &Target::Team(caller.team.clone()))?;
        }
        Ok(teams)
    }

    /// Whether somebody may see things of a team in environments of any class.
    fn sees_some_of(&self, caller: &Caller, action: Action, team: &TeamId) -> bool {
        EnvironmentClass::ALL.into_iter().any(|class| {
            let any_of_them = Target::sample(action.on(), team, class);
            any_of_them.is_ok_and(|target| self.may(caller, action, &target))
        })
    }
}
