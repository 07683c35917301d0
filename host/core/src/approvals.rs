//! Which approvals a request still needs.
//!
//! Every need is met on its own, by different people: one person's approval counts towards one need only, so that two
//! policies that each ask for one pair of eyes get two pairs.

use std::collections::BTreeMap;

use crate::names::{GroupName, PersonId};
use crate::verdict::ApprovalNeed;

/// Someone who has approved, with the groups they belonged to when they did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Approver {
    /// Who.
    pub person: PersonId,
    /// Their approval groups.
    pub groups: Vec<GroupName>,
}

impl Approver {
    /// Whether this person's approval counts towards a need. A service's never does.
    #[must_use]
    pub fn may_meet(&self, need: &ApprovalNeed) -> bool {
        if self.person.is_service() {
            return false;
        }
        need.groups.is_empty() || need.groups.iter().any(|group| self.groups.contains(group))
    }
}

/// The places that needs have and nobody fills yet: index of the need, how many people are missing. Empty when all
/// needs are met.
///
/// People are assigned to places by augmenting paths (Kuhn's algorithm for bipartite matching, Naval Research
/// Logistics 2, 1955), so that someone who may fill a rare place is not spent on a common one.
#[must_use]
pub fn missing(needs: &[ApprovalNeed], approvers: &[Approver]) -> Vec<(usize, u32)> {
    // A need for more people than have approved stays unmet however large it is, so its places are capped there.
    let cap = u32::try_from(approvers.len()).unwrap_or(u32::MAX).saturating_add(1);
    let places: Vec<usize> = needs
        .iter()
        .enumerate()
        .flat_map(|(index, need)| std::iter::repeat_n(index, need.count.max(1).min(cap) as usize))
        .collect();
    let mut taken: BTreeMap<&PersonId, usize> = BTreeMap::new();
    for place in 0..places.len() {
        let mut tried = Vec::new();
        assign(place, &places, needs, approvers, &mut taken, &mut tried);
    }
    let mut filled = vec![0_u32; needs.len()];
    for place in taken.values() {
        if let Some(count) = places.get(*place).and_then(|need| filled.get_mut(*need)) {
            *count += 1;
        }
    }
    let still = |(index, (need, filled)): (usize, (&ApprovalNeed, u32))| {
        let open = need.count.max(1).saturating_sub(filled);
        (open > 0).then_some((index, open))
    };
    needs.iter().zip(filled).enumerate().filter_map(still).collect()
}

fn assign<'a>(
    place: usize,
    places: &[usize],
    needs: &[ApprovalNeed],
    approvers: &'a [Approver],
    taken: &mut BTreeMap<&'a PersonId, usize>,
    tried: &mut Vec<&'a PersonId>,
) -> bool {
    let Some(need) = places.get(place).and_then(|need| needs.get(*need)) else { return false };
    for approver in approvers.iter().filter(|approver| approver.may_meet(need)) {
        if tried.contains(&&approver.person) {
            continue;
        }
        tried.push(&approver.person);
        let free = match taken.get(&approver.person).copied() {
            None => true,
            Some(other) => assign(other, places, needs, approvers, taken, tried),
        };
        if free {
            taken.insert(&approver.person, place);
            return true;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(groups: &[&str], count: u32) -> ApprovalNeed {
        let groups = groups.iter().map(|g| g.parse().unwrap()).collect();
        ApprovalNeed { reason: "r".into(), groups, count }
    }

    fn by(person: &str, groups: &[&str]) -> Approver {
        let groups = groups.iter().map(|g| g.parse().unwrap()).collect();
        Approver { person: person.parse().unwrap(), groups }
    }

    #[test]
    fn one_person_meets_one_need_only() {
        let needs = [need(&[], 1), need(&[], 1)];
        assert_eq!(missing(&needs, &[by("bo", &[])]).len(), 1);
        assert!(missing(&needs, &[by("bo", &[]), by("cy", &[])]).is_empty());
    }

    #[test]
    fn the_same_person_twice_is_one_person() {
        assert_eq!(missing(&[need(&[], 2)], &[by("bo", &[]), by("bo", &["x"])]), [(0, 1)]);
    }

    #[test]
    fn someone_in_a_rare_group_is_not_spent_on_a_common_need() {
        let needs = [need(&[], 1), need(&["security"], 1)];
        for order in [["bo", "sy"], ["sy", "bo"]] {
            let approvers: Vec<_> = order.iter().map(|p| by(p, if *p == "sy" { &["security"] } else { &[] })).collect();
            assert!(missing(&needs, &approvers).is_empty(), "both needs can be met, whoever approved first");
        }
    }

    #[test]
    fn an_outsider_meets_no_group_need() {
        assert_eq!(missing(&[need(&["dba"], 1)], &[by("bo", &["security"])]), [(0, 1)]);
    }

    #[test]
    fn a_service_meets_no_need_whatever_groups_it_is_said_to_be_in() {
        let service = by("macadam-service.shop.deploy", &["dba"]);
        assert_eq!(missing(&[need(&["dba"], 1), need(&[], 1)], &[service]), [(0, 1), (1, 1)]);
    }

    #[test]
    fn a_need_for_nobody_is_a_need_for_one() {
        assert_eq!(missing(&[need(&[], 0)], &[]), [(0, 1)], "a count of zero must not turn an approval into none");
    }

    #[test]
    fn an_absurd_count_stays_unmet_and_costs_nothing() {
        assert_eq!(missing(&[need(&[], u32::MAX)], &[by("bo", &[])]), [(0, u32::MAX - 1)]);
    }
}
