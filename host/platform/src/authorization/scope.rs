//! Lists: which teams' things somebody sees. The store is asked for those only, so that a page is full; each row is then
//! asked about as one that is looked at alone would be.

use std::collections::BTreeSet;

use macadam_core::names::TeamId;
use macadam_core::request::EnvironmentClass;
use macadam_store::{RequestId, StoreError};

use super::{Action, Target, TargetKind};
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
    /// As the store's filters have it.
    pub(crate) fn into_filter(self) -> Option<Vec<TeamId>> {
        match self {
            Self::All => None,
            Self::These(teams) => Some(teams.into_iter().collect()),
        }
    }
}

impl Platform {
    /// The teams of whose things somebody may see at least some.
    pub(crate) async fn teams_for(&self, caller: &Caller, action: Action) -> Result<Teams, StoreError> {
        let teams = self.store().teams().await?;
        let all = teams.len();
        let seen = teams.into_iter().map(|team| team.name).filter(|team| self.sees_some_of(caller, action, team));
        let seen: BTreeSet<_> = seen.collect();
        Ok(if seen.len() == all { Teams::All } else { Teams::These(seen) })
    }

    /// Whether somebody may see things of a team in environments of any class.
    fn sees_some_of(&self, caller: &Caller, action: Action, team: &TeamId) -> bool {
        EnvironmentClass::ALL
            .into_iter()
            .any(|class| any_of(action.on(), team, class).is_some_and(|target| self.may(caller, action, &target)))
    }
}

/// Something of a team's that stands for all of them.
fn any_of(kind: TargetKind, team: &TeamId, class: EnvironmentClass) -> Option<Target> {
    match kind {
        TargetKind::Team => Some(Target::Team(team.clone())),
        TargetKind::Resource => {
            let key = format!("{team}/{class}/resource-type/name").parse().ok()?;
            Some(Target::Resource { key, team: team.clone(), class })
        }
        TargetKind::Request => Some(Target::Request {
            id: RequestId::new(jiff::Timestamp::UNIX_EPOCH, [0; 10]),
            team: team.clone(),
            requester: "somebody-else".parse().ok()?,
            action: macadam_core::request::Action::Create,
            environment: Some((class.to_string().parse().ok()?, class)),
        }),
        TargetKind::Platform | TargetKind::Namespace | TargetKind::Project => None,
    }
}
