//! Lists by filters, each alone and with others, over more than any way through them is looked at beforehand.

use std::collections::{BTreeMap, BTreeSet};

use macadam_core::selector::{Is, Requirement, Selector};
use macadam_store::*;
use serde_json::json;

use super::world::*;

/// More than twice as many as the steps that are looked at of each way (`FAR`), so that there are ways with more and with
/// less, also among what a team has.
const MANY: usize = 600;

const SELECTORS: [&str; 13] = [
    "half=yes",
    "half",
    "rare=yes",
    "rare",
    "!rare",
    "half!=yes",
    "third in (a,b)",
    "third in (a,a,nothing)",
    "third notin (a,b)",
    "half=yes,third=a",
    "half=no,rare",
    "early=yes,!rare,third!=b",
    "half=yes,half=no",
];

fn tags(number: usize) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    let mut tag = |key: &str, value: &str| tags.insert(key.to_owned(), value.to_owned());
    tag("half", if number.is_multiple_of(2) { "yes" } else { "no" });
    match number % 3 {
        0 => tag("third", "a"),
        1 => tag("third", "b"),
        _ => None,
    };
    if number % 97 == 5 {
        tag("rare", "yes");
    }
    if number < MANY / 2 {
        tag("early", "yes");
    }
    tags
}

/// A request for one of many: of two teams, in two environments and of two types.
fn one(world: &World, number: usize) -> NewRequest {
    let team = if number % 5 < 2 { "web" } else { "shop" };
    let environment = if number % 7 == 3 { "prod" } else { "dev" };
    let kind = if number % 83 == 7 { "bucket" } else { "postgres-database" };
    let mut new = world.create(team, "one", 1);
    new.document = json!({ "tags": tags(number) });
    if let Change::Create { key, desired, .. } = &mut new.change {
        *key = format!("{team}/{environment}/{kind}/n{number}").parse().unwrap();
        desired.tags = tags(number);
    }
    new
}

/// Many of them, of which some are gone again.
async fn filled() -> World {
    let world = World::start().await;
    for number in 0..8 {
        let made = world.done(&one(&world, number)).await;
        if number % 2 == 1 {
            world.done(&world.delete(&made)).await;
        }
    }
    for number in 8..MANY {
        if number.is_multiple_of(10) {
            world.advance(1);
        }
        world.taken(&one(&world, number)).await;
    }
    world
}

fn takes(selector: &Selector, tags: &BTreeMap<String, String>) -> bool {
    selector.requirements().iter().all(|Requirement { key, is }| match (is, tags.get(key)) {
        (Is::There, value) => value.is_some(),
        (Is::Absent, value) => value.is_none(),
        (Is::OneOf(values), value) => value.is_some_and(|value| values.contains(value)),
        (Is::NoneOf(values), value) => value.is_none_or(|value| !values.contains(value)),
    })
}

fn is<T: PartialEq>(wanted: Option<&T>, found: &T) -> bool {
    wanted.is_none_or(|wanted| wanted == found)
}

fn takes_resource(filter: &ResourceFilter, found: &ResourceRecord) -> bool {
    is(filter.namespace.as_ref(), &found.key.namespace)
        && is(filter.environment.as_ref(), &found.key.environment)
        && is(filter.resource_type.as_ref(), &found.key.resource_type)
        && is(filter.team.as_ref(), &found.team)
        && is(filter.state.as_ref(), &found.state)
        && filter.teams.as_ref().is_none_or(|teams| teams.contains(&found.team))
        && (filter.include_gone || found.state.is_live())
        && takes(&filter.selector, &found.desired.tags)
}

/// Adds to some filters the same again, each changed.
fn with<F: Clone>(filters: &mut Vec<F>, change: impl Fn(&mut F)) {
    let mut changed = filters.clone();
    changed.iter_mut().for_each(change);
    filters.append(&mut changed);
}

/// A list, page after page.
async fn resources(world: &World, filter: &ResourceFilter, limit: u32) -> Vec<ResourceId> {
    let (mut found, mut page) = (Vec::new(), PageRequest::first(limit));
    loop {
        let next = world.store.list_resources(filter, page).await.unwrap();
        found.extend(next.iter().map(|one| one.id));
        match next.last() {
            Some(last) if next.len() == limit as usize => page = PageRequest::after(last.id, limit),
            _ => return found,
        }
    }
}

async fn requests(world: &World, filter: &RequestFilter, limit: u32) -> Vec<RequestId> {
    let (mut found, mut page) = (Vec::new(), PageRequest::first(limit));
    loop {
        let next = world.store.list_requests(filter, page).await.unwrap();
        found.extend(next.iter().map(|one| one.id));
        match next.last() {
            Some(last) if next.len() == limit as usize => page = PageRequest::after(last.id, limit),
            _ => return found,
        }
    }
}

#[tokio::test]
async fn a_list_has_what_passes_all_of_its_filters_each_once_and_in_order() {
    let world = filled().await;
    resources_are_listed_as_they_are_filtered(&world).await;
    requests_are_listed_as_they_are_filtered(&world).await;
}

async fn resources_are_listed_as_they_are_filtered(world: &World) {
    let everything = ResourceFilter { include_gone: true, ..ResourceFilter::default() };
    let all = world.store.list_resources(&everything, PageRequest::first(10_000)).await.unwrap();
    assert_eq!((all.len(), all.iter().filter(|one| !one.state.is_live()).count()), (MANY, 4));
    assert!(all.is_sorted_by_key(|one| one.id), "in the order in which they were asked for");
    let mut filters = vec![ResourceFilter::default(), everything];
    with(&mut filters, |filter| filter.teams = Some(vec![team_id("web"), team_id("shop"), team_id("web")]));
    with(&mut filters, |filter| filter.team = Some(team_id("web")));
    with(&mut filters, |filter| filter.environment = Some("prod".parse().unwrap()));
    with(&mut filters, |filter| filter.resource_type = Some("bucket".parse().unwrap()));
    let namespace = ResourceFilter { namespace: Some("shop".parse().unwrap()), ..ResourceFilter::default() };
    filters.extend([namespace.clone(), ResourceFilter { environment: Some("dev".parse().unwrap()), ..namespace }]);
    for state in all.iter().map(|one| one.state).collect::<BTreeSet<_>>() {
        filters.push(ResourceFilter { state: Some(state), include_gone: true, ..ResourceFilter::default() });
    }
    let plain = filters.clone();
    for selector in SELECTORS {
        let selector: Selector = selector.parse().unwrap();
        filters.extend(plain.iter().cloned().map(|filter| ResourceFilter { selector: selector.clone(), ..filter }));
    }
    for filter in &filters {
        let passing = all.iter().filter(|one| takes_resource(filter, one));
        let passing: Vec<_> = passing.map(|one| one.id).collect();
        assert_eq!(resources(world, filter, 111).await, passing, "{filter:?}");
    }
}

async fn requests_are_listed_as_they_are_filtered(world: &World) {
    let all = world.store.list_requests(&RequestFilter::default(), PageRequest::first(10_000)).await.unwrap();
    assert_eq!(all.len(), MANY + 4, "one for each, and one for each removal");
    assert!(all.is_sorted_by(|this, next| this.id > next.id), "the newest first");
    let tags = |request: &RequestRecord| -> BTreeMap<String, String> {
        request.document.get("tags").map(|tags| serde_json::from_value(tags.clone()).unwrap()).unwrap_or_default()
    };
    let mut filters = vec![RequestFilter::default()];
    with(&mut filters, |filter| filter.teams = Some(vec![team_id("web"), team_id("shop")]));
    with(&mut filters, |filter| filter.team = Some(team_id("web")));
    with(&mut filters, |filter| filter.state = Some("succeeded".parse().unwrap()));
    let plain = filters.clone();
    for selector in SELECTORS {
        let selector: Selector = selector.parse().unwrap();
        filters.extend(plain.iter().cloned().map(|filter| RequestFilter { selector: selector.clone(), ..filter }));
    }
    for filter in &filters {
        let passing = all.iter().filter(|one| {
            is(filter.team.as_ref(), &one.team)
                && is(filter.state.as_ref(), &one.state)
                && filter.teams.as_ref().is_none_or(|teams| teams.contains(&one.team))
                && takes(&filter.selector, &tags(one))
        });
        let passing: Vec<_> = passing.map(|one| one.id).collect();
        assert_eq!(requests(world, filter, 111).await, passing, "{filter:?}");
    }
}

#[tokio::test]
async fn a_resource_is_found_by_the_tags_that_it_has_now() {
    let world = World::start().await;
    let orders = world.done(&world.create("shop", "orders", 1)).await;
    let found = async |selector: &str, include_gone: bool| {
        let selector = selector.parse().unwrap();
        resources(&world, &ResourceFilter { selector, include_gone, ..ResourceFilter::default() }, 10).await.len()
    };
    assert_eq!((found("owner=ana", false).await, found("owner", false).await), (1, 1));
    let mut newer = world.update(&orders, 2);
    if let Change::Update { desired, .. } = &mut newer.change {
        desired.tags = BTreeMap::from([("owner".to_owned(), "bo".to_owned()), ("tier".to_owned(), "gold".to_owned())]);
    }
    world.taken(&newer).await;
    assert_eq!(found("owner=ana,!tier", false).await, 1, "a wish is not what is there yet");
    let job = world.claimed().await;
    world.finish(&job, JobEnd::Done { outputs: vec![] }).await;
    assert_eq!((found("owner=ana", false).await, found("owner=bo,tier=gold", false).await), (0, 1));
    world.done(&world.delete(&world.resource(orders.id).await)).await;
    assert_eq!((found("owner=bo", false).await, found("owner=bo", true).await), (0, 1), "what is gone keeps its tags");
}
