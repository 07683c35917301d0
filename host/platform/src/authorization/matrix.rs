//! Every role and every action: what a caller with one role may do to what is their team's, and to what is another's.
//!
//! Auditors read it, and whoever changes the rules sees which cells the change turns. It is asked of the rules, as every
//! request is.

use std::collections::BTreeMap;

use macadam_core::names::{NameError, TeamId};
use macadam_core::request::EnvironmentClass;
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

/// Whether one role may do what a cell says, by some rules.
fn allows(access: &Access, rules: &Rules, cell: &Cell) -> Result<bool, NameError> {
    let own: TeamId = "own-team".parse()?;
    let owner = match cell.team {
        Belonging::Own => own.clone(),
        Belonging::Other => "other-team".parse()?,
    };
    let roles = cell.role.into_iter().collect();
    let caller = Caller::in_development("somebody".parse()?, own, roles, Vec::new());
    let class = cell.class.unwrap_or(EnvironmentClass::Development);
    let target = Target::sample(cell.action.on(), &owner, class)?;
    Ok(access.allows_by(rules, &caller, cell.action, &target))
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
        // What is made up there are names, so no cell is lost here.
        cells().into_iter().filter_map(|cell| Some((cell, allows(self, rules, &cell).ok()?))).collect()
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
