//! Finding records: filters, pages, pins.

use std::collections::BTreeMap;

use macadam_core::lifecycle::{RequestState, ResourceState};
use macadam_core::selector::Selector;
use macadam_store::*;
use serde_json::json;

use super::world::*;

#[tokio::test]
async fn pages_hold_every_resource_once() {
    let world = World::start().await;
    let mut made = Vec::new();
    for number in 0..7 {
        made.push(world.taken(&world.create("shop", &format!("db{number}"), 1)).await.resource.unwrap());
        world.advance(1);
    }
    let mut seen = Vec::new();
    let mut page = PageRequest::first(3);
    loop {
        let found = world.store.list_resources(&ResourceFilter::default(), page).await.unwrap();
        seen.extend(found.iter().map(|resource| resource.id));
        match found.last() {
            Some(last) if found.len() == 3 => page = PageRequest::after(last.id, 3),
            _ => break,
        }
    }
    assert_eq!(seen, made);
}

#[tokio::test]
async fn a_filter_narrows_and_what_is_gone_is_shown_only_on_demand() {
    let world = World::start().await;
    let orders = world.done(&world.create("shop", "orders", 1)).await;
    let gone = world.done(&world.create("shop", "gone", 1)).await;
    world.done(&world.delete(&gone)).await;
    world.taken(&world.create("web", "site", 1)).await;
    let count = async |filter: ResourceFilter| {
        world.store.list_resources(&filter, PageRequest::first(100)).await.unwrap().len()
    };
    let all = ResourceFilter::default;
    assert_eq!(count(all()).await, 2);
    assert_eq!(count(ResourceFilter { include_gone: true, ..all() }).await, 3);
    assert_eq!(count(ResourceFilter { namespace: Some(orders.key.namespace.clone()), ..all() }).await, 1);
    assert_eq!(count(ResourceFilter { team: Some(team_id("web")), ..all() }).await, 1);
    assert_eq!(count(ResourceFilter { state: Some(ResourceState::Creating), ..all() }).await, 1);
    assert_eq!(count(ResourceFilter { environment: Some("prod".parse().unwrap()), ..all() }).await, 0);
    assert_eq!(count(ResourceFilter { resource_type: Some("bucket".parse().unwrap()), ..all() }).await, 0);
    let deleted = ResourceFilter { state: Some(ResourceState::Deleted), include_gone: true, ..all() };
    assert_eq!(count(deleted).await, 1);
}

#[tokio::test]
async fn requests_come_the_newest_first_and_by_team_state_and_resource() {
    let world = World::start().await;
    let mut made = Vec::new();
    for name in ["a", "b", "c"] {
        let new = world.create("shop", name, 1);
        world.taken(&new).await;
        made.push(new.id);
        world.advance(1);
    }
    let other = world.needing(world.create("web", "a", 1), vec![need(&[], 1)]);
    let resource = world.taken(&other).await.resource;
    let list = async |filter: RequestFilter, page| -> Vec<RequestId> {
        world.store.list_requests(&filter, page).await.unwrap().into_iter().map(|request| request.id).collect()
    };
    let shop = RequestFilter { team: Some(team_id("shop")), ..RequestFilter::default() };
    made.reverse();
    assert_eq!(list(shop.clone(), PageRequest::first(10)).await, made);
    assert_eq!(list(shop, PageRequest::after(made[0], 1)).await, [made[1]]);
    let pending = RequestFilter { state: Some(RequestState::PendingApproval), ..RequestFilter::default() };
    assert_eq!(list(pending, PageRequest::first(10)).await, [other.id]);
    let of_one = RequestFilter { resource, ..RequestFilter::default() };
    assert_eq!(list(of_one, PageRequest::first(10)).await, [other.id]);
}

#[tokio::test]
async fn a_provider_is_pinned_as_long_as_something_needs_it() {
    let world = World::start().await;
    let orders = world.done(&world.create("shop", "orders", 1)).await;
    let mut newer = world.update(&orders, 2);
    if let Change::Update { desired, .. } = &mut newer.change {
        desired.provider.digest = macadam_core::digest::Digest::of(b"newer");
    }
    world.taken(&world.needing(newer.clone(), vec![need(&[], 1)])).await;
    assert_eq!(world.store.pinned_providers().await.unwrap().len(), 2, "what made it, and what is to change it");
    world.approve(newer.id, "bo").await.unwrap();
    let job = world.claimed().await;
    world.finish(&job, JobEnd::Done { outputs: vec![] }).await;
    let pins = world.store.pinned_providers().await.unwrap();
    assert_eq!(pins, [world.resource(orders.id).await.desired.provider]);
    world.done(&world.delete(&world.resource(orders.id).await)).await;
    assert_eq!(world.store.pinned_providers().await.unwrap(), []);
}

#[tokio::test]
async fn resources_and_requests_are_found_by_their_tags() {
    let world = World::start().await;
    let asked = [
        ("orders", &[("team", "shop"), ("env", "a"), ("a.b/c", "1")][..]),
        ("stock", &[("team", "shop"), ("env", "b"), ("note", "it's \"quoted\"")]),
        ("bills", &[]),
    ];
    for (name, tags) in asked {
        let mut new = world.create("shop", name, 1);
        let tags: BTreeMap<_, _> = tags.iter().map(|(key, value)| (key.to_string(), value.to_string())).collect();
        new.document = json!({"tags": tags});
        if let Change::Create { desired, .. } = &mut new.change {
            desired.tags = tags;
            desired.spec = serde_json::value::to_raw_value(&json!({"text": "a\u{0}b", "tags": {"x": "1"}})).unwrap();
        }
        world.taken(&new).await;
    }
    let mut project = world.scaffold("shop");
    project.document = json!({"wish": {"tags": {"team": "web"}}});
    world.taken(&project).await;
    for (selector, resources, requests) in [
        ("team=shop", 2, 2),
        ("team=web", 0, 1),
        ("team!=shop", 1, 2),
        ("team,env in (a,c)", 1, 1),
        ("env notin (a,c)", 2, 3),
        ("!team", 1, 1),
        ("a.b/c=1", 1, 1),
        ("note", 1, 1),
        ("x", 0, 0),
        ("team=shop,env=b", 1, 1),
        ("team=\"'--", 0, 0),
    ] {
        let selector: Selector = selector.parse().unwrap();
        let filter = ResourceFilter { selector: selector.clone(), ..Default::default() };
        let found = world.store.list_resources(&filter, PageRequest::first(10)).await.unwrap();
        assert_eq!(found.len(), resources, "resources with {selector}");
        let filter = RequestFilter { selector: selector.clone(), ..Default::default() };
        let found = world.store.list_requests(&filter, PageRequest::first(10)).await.unwrap();
        assert_eq!(found.len(), requests, "requests with {selector}");
    }
}
