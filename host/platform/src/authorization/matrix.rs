//! Every role and every action: what a caller with one role may do to what is their team's, and to what is another's.
//!
//! Auditors read it, and whoever changes the rules sees which cells the change turns. It is asked of the rules, as every
//! request is.

use std::collections::BTreeMap;

use macadam_core::names::{NameError, TeamId};
use macadam_core::request::EnvironmentClass;
use macadam_store::RequestId;
use serde::Serialize;

use super::rules::Rules;
use super::{Access, Action, Target, TargetKind};
use crate::{Caller, Role};

/// Whose the target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Belonging {
    /// The caller's own team's.
    Own,
    /// Another team's.
    Other,
}

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, utoipa::ToSchema)]
#[schema(as = AccessCell)]
pub struct Cell {
    /// What is done.
    pub action: Action,
    /// The one role that the caller has; none for somebody who is only signed in.
    pub role: Option<Role>,
    /// Whose the target is. What belongs to no team counts as one's own.
    pub team: Belonging,
    /// The class of the environment, where there is one.
    pub class: Option<EnvironmentClass>,
}

/// A cell that a change of the rules turns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[schema(as = AccessCellDifference)]
pub struct CellDifference {
    /// Which.
    #[serde(flatten)]
    pub cell: Cell,
    /// Whether it is allowed now.
    pub before: bool,
    /// Whether it would be.
    pub after: bool,
}

/// The people and things that the cells are about. No team can have these names, since there is nothing behind them.
struct Sample {
    own: TeamId,
    other: TeamId,
    request: RequestId,
}

impl Sample {
    fn new() -> Result<Self, NameError> {
        let request = RequestId::new(jiff::Timestamp::UNIX_EPOCH, [0; 10]);
        Ok(Self { own: "own-team".parse()?, other: "other-team".parse()?, request })
    }

    fn caller(&self, role: Option<Role>) -> Result<Caller, NameError> {
        let roles = role.into_iter().collect();
        let (person, team) = ("somebody".parse()?, self.own.clone());
        Ok(Caller::in_development(person, team, roles, Vec::new()))
    }

    fn target(&self, cell: &Cell) -> Result<Target, NameError> {
        let team = match cell.team {
            Belonging::Own => self.own.clone(),
            Belonging::Other => self.other.clone(),
        };
        let class = cell.class.unwrap_or(EnvironmentClass::Development);
        Ok(match cell.action.on() {
            TargetKind::Platform => Target::Platform,
            TargetKind::Team => Target::Team(team),
            TargetKind::Namespace => Target::Namespace { name: "plugins".parse()?, team: Some(team) },
            TargetKind::Resource => {
                let key = format!("{team}/{class}/resource-type/name").parse()?;
                Target::Resource { key, team, class }
            }
            TargetKind::Request => Target::Request {
                id: self.request,
                team,
                requester: "somebody-else".parse()?,
                action: macadam_core::request::Action::Create,
                environment: Some((class.to_string().parse()?, class)),
            },
            TargetKind::Project => {
                let environment = class.to_string().parse()?;
                Target::Project { template: "template".parse()?, team, environment, class }
            }
        })
    }
}

/// Every cell there is.
fn cells() -> Vec<Cell> {
    let mut cells = Vec::new();
    for action in Action::ALL {
        let (teams, classes): (&[_], Vec<_>) = match action.on() {
            TargetKind::Platform => (&[Belonging::Own], vec![None]),
            TargetKind::Team | TargetKind::Namespace => (&[Belonging::Own, Belonging::Other], vec![None]),
            TargetKind::Resource | TargetKind::Request | TargetKind::Project => {
                (&[Belonging::Own, Belonging::Other], EnvironmentClass::ALL.into_iter().map(Some).collect())
            }
        };
        for role in std::iter::once(None).chain(Role::ALL.map(Some)) {
            for team in teams {
                cells.extend(classes.iter().map(|class| Cell { action: *action, role, team: *team, class: *class }));
            }
        }
    }
    cells
}

impl Access {
    /// What the rules in force say of every cell.
    #[must_use]
    pub fn matrix(&self) -> BTreeMap<Cell, bool> {
        self.matrix_by(&self.rules.load())
    }

    pub(super) fn matrix_by(&self, rules: &Rules) -> BTreeMap<Cell, bool> {
        // The names above are names, so nothing is lost here.
        let Ok(sample) = Sample::new() else { return BTreeMap::new() };
        let allowed = |cell: &Cell| {
            let (caller, target) = (sample.caller(cell.role).ok()?, sample.target(cell).ok()?);
            Some(self.judge_by(rules, &caller, cell.action, &target).allowed)
        };
        cells().into_iter().filter_map(|cell| Some((cell, allowed(&cell)?))).collect()
    }

    /// The cells that other rules turn.
    pub(super) fn differences(&self, rules: &Rules) -> Vec<CellDifference> {
        let (before, after) = (self.matrix(), self.matrix_by(rules));
        let turned = |(cell, before): (Cell, bool)| {
            let after = *after.get(&cell)?;
            (before != after).then_some(CellDifference { cell, before, after })
        };
        before.into_iter().filter_map(turned).collect()
    }
}
