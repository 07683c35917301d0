//! Lists of every kind, for the tests of what a database makes of them.

use jiff::Timestamp;
use macadam_core::lifecycle::{RequestState, ResourceState};
use macadam_core::names::TeamId;
use macadam_core::selector::Selector;

use super::{List, Way, requests, resources};
use crate::{PageRequest, RequestFilter, ResourceFilter, ResourceId};

/// How many rows a page has here.
pub(crate) const LIMIT: u32 = 50;

impl Way {
    /// The indexes that it goes by, one for each of its stretches.
    pub(crate) fn indexes(&self) -> impl Iterator<Item = &'static str> {
        self.stretches.iter().map(|stretch| stretch.index)
    }
}

/// Lists with each filter that there is, alone and with each other one, from the beginning and from further on.
pub(crate) fn kind() -> Vec<List> {
    let after = ResourceId::new(Timestamp::UNIX_EPOCH, [0; 10]);
    let mut lists = Vec::new();
    for filter in resource_filters() {
        for page in [PageRequest::first(LIMIT), PageRequest::after(after, LIMIT)] {
            lists.push(resources(&filter, page).expect("something can pass it"));
        }
    }
    for filter in request_filters() {
        lists.push(requests(&filter, PageRequest::first(LIMIT)).expect("something can pass it"));
    }
    lists
}

fn selectors() -> Vec<Selector> {
    let all = ["a=b", "a", "a=b,c in (d,e)", "a!=b,!c", "a=b,a!=c,d"];
    all.iter().map(|selector| selector.parse().unwrap()).collect()
}

/// Everybody's, one team's and those of two.
fn teams() -> [Option<Vec<TeamId>>; 3] {
    let (shop, web): (TeamId, TeamId) = ("shop".parse().unwrap(), "web".parse().unwrap());
    [None, Some(vec![shop.clone()]), Some(vec![shop, web])]
}

fn resource_filters() -> Vec<ResourceFilter> {
    let mut all = teams().map(|teams| ResourceFilter { teams, ..ResourceFilter::default() }).to_vec();
    let mut with = |change: &dyn Fn(&mut ResourceFilter)| {
        let mut changed = all.clone();
        changed.iter_mut().for_each(change);
        all.append(&mut changed);
    };
    with(&|filter: &mut ResourceFilter| filter.environment = Some("dev".parse().unwrap()));
    with(&|filter: &mut ResourceFilter| filter.resource_type = Some("bucket".parse().unwrap()));
    with(&|filter: &mut ResourceFilter| filter.namespace = Some("shop".parse().unwrap()));
    with(&|filter: &mut ResourceFilter| filter.state = Some(ResourceState::Ready));
    with(&|filter: &mut ResourceFilter| filter.include_gone = true);
    let some: Vec<_> = all.iter().filter(|filter| filter.namespace.is_none()).cloned().collect();
    for selector in selectors() {
        all.extend(some.iter().cloned().map(|filter| ResourceFilter { selector: selector.clone(), ..filter }));
    }
    all
}

fn request_filters() -> Vec<RequestFilter> {
    let mut all = Vec::new();
    for selector in [vec![Selector::default()], selectors()].concat() {
        for state in [None, Some(RequestState::Failed)] {
            for teams in teams() {
                all.push(RequestFilter { teams, state, selector: selector.clone(), ..RequestFilter::default() });
            }
        }
    }
    all
}
