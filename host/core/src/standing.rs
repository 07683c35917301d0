//! What a team may have and has, and whether one more fits.
//!
//! The same rule serves twice: a policy sees the standing when it decides, and the store applies [`Standing::admit`]
//! inside the transaction that reserves, where no other request can come between.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::money::{Currency, Money};
use crate::names::{PersonId, ResourceType, TeamId};
use crate::violation::Violation;

/// The most a team may have. What is left out has no limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct TeamLimits {
    /// Resources of all types together.
    pub max_resources: Option<u32>,
    /// Resources of one type.
    pub max_per_type: BTreeMap<ResourceType, u32>,
    /// Cost a month.
    pub monthly_budget: Option<Decimal>,
}

/// A team as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Team {
    /// Its name, which is also the namespace of its resources.
    pub name: TeamId,
    /// Who belongs to it.
    #[serde(default)]
    pub members: Vec<PersonId>,
    /// Who pays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_center: Option<String>,
    /// How to reach it.
    #[serde(default)]
    pub contacts: Vec<String>,
    /// The currency of its budget.
    #[serde(default = "usd")]
    pub currency: Currency,
    /// The most it may have.
    #[serde(default)]
    pub limits: TeamLimits,
}

fn usd() -> Currency {
    Currency::USD
}

/// What a team has: everything it was granted and has not given back.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct TeamUsage {
    /// How many resources of each type.
    pub by_type: BTreeMap<ResourceType, u32>,
    /// What they cost a month, as far as it is known.
    pub committed: Decimal,
}

impl TeamUsage {
    /// How many resources of all types.
    #[must_use]
    pub fn resources(&self) -> u32 {
        self.by_type.values().sum()
    }
}

/// A team with what it has and may have.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Standing {
    /// The team and its limits.
    pub team: Team,
    /// What it has now.
    pub usage: TeamUsage,
}

/// What a request adds to a team's usage.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Reservation {
    /// A resource that was not there before; `None` for a change to one that is.
    pub resource_type: Option<ResourceType>,
    /// What it adds to the monthly cost; below zero when a change makes it cheaper.
    pub monthly: Money,
}

impl Standing {
    /// Says whether a reservation fits into what is left.
    ///
    /// # Errors
    /// One [`Violation`] for each limit that it would break.
    pub fn admit(&self, reservation: &Reservation) -> Result<(), Vec<Violation>> {
        let mut broken = Vec::new();
        let (limits, team) = (&self.team.limits, &self.team.name);
        if let Some(resource_type) = &reservation.resource_type {
            let total = self.usage.resources();
            if let Some(max) = limits.max_resources.filter(|max| total >= *max) {
                let message = format!("team {team} has {total} of at most {max} resources; delete one or ask for more");
                broken.push(Violation::new("", message));
            }
            let used = self.usage.by_type.get(resource_type).copied().unwrap_or(0);
            if let Some(max) = limits.max_per_type.get(resource_type).filter(|max| used >= **max) {
                let message = format!(
                    "team {team} has {used} of at most {max} resources of type {resource_type}; \
                     delete one or ask for more"
                );
                broken.push(Violation::new("/type", message));
            }
        }
        if let Some(violation) = self.over_budget(reservation.monthly) {
            broken.push(violation);
        }
        if broken.is_empty() { Ok(()) } else { Err(broken) }
    }

    fn over_budget(&self, monthly: Money) -> Option<Violation> {
        let budget = self.team.limits.monthly_budget?;
        let (team, currency) = (&self.team.name, self.team.currency);
        if monthly.amount <= Decimal::ZERO {
            return None;
        }
        if monthly.currency != currency {
            let message = format!("the cost is in {}, the budget of team {team} in {currency}", monthly.currency);
            return Some(Violation::new("", message));
        }
        // A sum too large to keep exactly is over any budget.
        let after = self.usage.committed.checked_add(monthly.amount).unwrap_or(Decimal::MAX);
        (after > budget).then(|| {
            let message = format!(
                "the budget of team {team} is {} a month; with this request it would be {}",
                Money { currency, amount: budget },
                Money { currency, amount: after },
            );
            Violation::new("", message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(limits: TeamLimits, databases: u32, committed: i64) -> Standing {
        let team = Team {
            name: "payments".parse().unwrap(),
            members: vec![],
            cost_center: None,
            contacts: vec![],
            currency: Currency::USD,
            limits,
        };
        let by_type = BTreeMap::from([("database".parse().unwrap(), databases)]);
        Standing { team, usage: TeamUsage { by_type, committed: committed.into() } }
    }

    fn one_database(monthly: i64) -> Reservation {
        Reservation {
            resource_type: Some("database".parse().unwrap()),
            monthly: Money { currency: Currency::USD, amount: monthly.into() },
        }
    }

    #[test]
    fn exactly_as_many_fit_as_the_limit_says() {
        let limits = TeamLimits { max_resources: Some(3), ..Default::default() };
        assert!(standing(limits.clone(), 2, 0).admit(&one_database(1)).is_ok(), "the third of three fits");
        assert_eq!(standing(limits, 3, 0).admit(&one_database(1)).unwrap_err().len(), 1, "the fourth does not");
    }

    #[test]
    fn every_broken_limit_is_named() {
        let limits = TeamLimits {
            max_resources: Some(1),
            max_per_type: BTreeMap::from([("database".parse().unwrap(), 1)]),
            monthly_budget: Some(100.into()),
        };
        let broken = standing(limits, 1, 99).admit(&one_database(2)).unwrap_err();
        assert_eq!(broken.len(), 3, "total, type and budget are each named: {broken:?}");
    }

    #[test]
    fn a_budget_may_be_used_to_the_last_cent_and_no_further() {
        let limits = TeamLimits { monthly_budget: Some(100.into()), ..Default::default() };
        assert!(standing(limits.clone(), 0, 60).admit(&one_database(40)).is_ok());
        assert!(standing(limits, 0, 60).admit(&one_database(41)).is_err());
    }

    #[test]
    fn making_something_cheaper_is_always_within_budget() {
        let limits = TeamLimits { monthly_budget: Some(100.into()), ..Default::default() };
        let cheaper = Reservation { resource_type: None, ..one_database(-5) };
        assert!(standing(limits, 1, 500).admit(&cheaper).is_ok(), "a team over budget must be able to save");
    }

    #[test]
    fn a_cost_in_another_currency_is_not_compared_but_refused() {
        let limits = TeamLimits { monthly_budget: Some(100.into()), ..Default::default() };
        let mut euros = one_database(1);
        euros.monthly.currency = "EUR".parse().unwrap();
        assert!(standing(limits, 0, 0).admit(&euros).is_err());
    }
}
