//! Events: who may hear of them, which are kept, and that the store tells nothing that is not in its table.

use std::collections::BTreeSet;
use std::time::Duration;

use macadam_core::audit::Origin;
use macadam_core::names::Namespace;
use macadam_store::*;
use serde_json::json;

use super::world::*;

/// Events as they were kept before they had an audience.
pub const EARLIER_EVENTS: [(i64, &str, &str); 6] = [
    (1, "macadam.team.changed", r#"{"team":{"name":"shop","limits":{}}}"#),
    (2, "macadam.environment.changed", r#"{"environment":{"name":"dev"}}"#),
    (3, "macadam.resource.creating", r#"{"resource":"shop/dev/postgres-database/orders","to":"creating"}"#),
    (4, "macadam.request.queued", r#"{"team":"shop","note":"\u0000"}"#),
    (5, "macadam.namespace.created", r#"{"team":"shop"}"#),
    (6, "macadam.binding.created", r#"{"binding":"cost"}"#),
];

/// Whom they are for since.
pub fn earlier_audiences() -> [Audience; 6] {
    let shop = || Audience::Team(team_id("shop"));
    [shop(), Audience::Everybody, shop(), shop(), Audience::Everybody, Audience::Admins]
}

async fn every(world: &World) -> Vec<OutboxEvent> {
    world.store.events_since(0, 10_000).await.unwrap()
}

#[tokio::test]
async fn an_event_knows_its_team_and_what_is_for_all_or_for_few_says_so() {
    let world = World::start().await;
    world.taken(&world.create("shop", "orders", 1)).await;
    world.taken(&world.create("web", "pages", 1)).await;
    let name: Namespace = "shop".parse().unwrap();
    let namespace = NewNamespace { name, team: team_id("shop"), signatures: SignaturePolicy::Optional };
    world.store.put_namespace(&namespace, By::HOST, world.now()).await.unwrap();
    for event in every(&world).await {
        let kind = event.event_type.split('.').nth(1).unwrap();
        let expected = match kind {
            "request" => Audience::Team(event.data["team"].as_str().unwrap().parse().unwrap()),
            "resource" => Audience::Team(event.subject.split('/').nth(1).unwrap().parse().unwrap()),
            "team" => Audience::Team(event.subject.strip_prefix("teams/").unwrap().parse().unwrap()),
            "environment" | "namespace" => Audience::Everybody,
            other => panic!("{other} is not expected here"),
        };
        assert_eq!(event.audience, expected, "{event:?}");
    }
}

#[tokio::test]
async fn events_are_kept_for_a_time_and_a_reader_can_see_that_it_is_too_far_behind() {
    let world = World::start().await;
    let before = world.store.event_range().await.unwrap();
    assert_eq!(before.oldest, 1);
    assert_eq!(before.latest, every(&world).await.len() as u64);
    world.advance(60);
    let moment = world.now();
    world.taken(&world.create("shop", "orders", 1)).await;
    assert_eq!(world.store.prune_events(moment).await.unwrap(), before.latest, "what is older goes");
    let kept = world.store.event_range().await.unwrap();
    assert_eq!(kept.oldest, before.latest + 1);
    assert!(kept.reaches(before.latest) && !kept.reaches(before.latest - 1));
    assert_eq!(world.store.prune_events(moment).await.unwrap(), 0, "again removes nothing");

    world.advance(60);
    world.store.prune_events(world.now()).await.unwrap();
    assert_eq!(every(&world).await, []);
    let empty = world.store.event_range().await.unwrap();
    assert_eq!(empty, EventRange { oldest: kept.latest + 1, latest: kept.latest }, "a number is never given twice");
    world.taken(&world.create("shop", "more", 1)).await;
    assert_eq!(every(&world).await[0].seq, kept.latest + 1);
}

#[tokio::test]
async fn what_is_kept_has_no_holes_though_the_clocks_of_hosts_differ() {
    let world = World::start().await;
    world.store.prune_events(world.later(1)).await.unwrap();
    let event = NewEvent { event_type: "macadam.a.b".into(), subject: "a".into(), data: json!({}) };
    let mut seqs = Vec::new();
    for seconds in [10, 100, 20, 110] {
        seqs.push(world.store.append_event(&event, world.later(seconds)).await.unwrap());
    }
    world.store.prune_events(world.later(50)).await.unwrap();
    let kept: Vec<u64> = every(&world).await.iter().map(|event| event.seq).collect();
    assert_eq!(kept, seqs[1..], "one of a host whose clock was behind stays between the others");
}

#[tokio::test]
async fn whoever_waits_for_events_is_woken_by_a_commit() {
    let world = World::start().await;
    let mut told = world.store.told();
    told.mark_unchanged();
    world.taken(&world.create("shop", "orders", 1)).await;
    let woken = tokio::time::timeout(Duration::from_secs(30), told.changed()).await;
    woken.expect("a commit wakes whoever waits").unwrap();
}

#[tokio::test]
async fn a_finished_step_with_a_note_is_told_and_one_without_is_not() {
    let world = World::start().await;
    let new = world.create("shop", "orders", 1);
    world.taken(&new).await;
    for (note, expected) in [("creating the disk", vec!["job.progress"]), ("", vec![])] {
        let job = world.claimed().await;
        let (_, seen) = world.marks().await;
        let state = Sealed::new(*b"state");
        world.store.save_step(&job.lease, &state, world.now(), note, world.now()).await.unwrap();
        assert_eq!(world.told_since(seen).await, expected);
        let told = world.store.events_since(seen, 1).await.unwrap();
        if let Some(event) = told.first() {
            assert_eq!(event.subject, format!("jobs/{}", job.lease.job()));
            assert_eq!(event.audience, Audience::Team(team_id("shop")));
            assert_eq!((&event.data["note"], &event.data["request"]), (&json!(note), &json!(new.id)));
        }
        let stale = world.store.save_step(&job.lease, &state, world.now(), "late", world.now()).await;
        assert!(matches!(stale, Err(JobError::LeaseLost { .. })), "{stale:?}");
        assert_eq!(world.told_since(seen).await, expected, "a step that was not kept is not told");
    }
}

/// Everything that can happen to requests and resources.
async fn live(world: &World) {
    world.limit("shop", at_most(100)).await;
    let waits = |name: &str| world.needing(world.create("shop", name, 1), vec![need(&[], 1)]);
    let [approved, rejected, cancelled, expired] = ["a", "b", "c", "d"].map(waits);
    for new in [&approved, &rejected, &cancelled, &expired] {
        world.taken(new).await;
    }
    world.approve(approved.id, "bo").await.unwrap();
    world.store.reject(rejected.id, &person("bo"), &Origin::NONE, None, world.now()).await.unwrap();
    world.store.cancel(cancelled.id, &person("ana"), &Origin::NONE, world.now()).await.unwrap();
    let job = world.claimed().await;
    let decision = waits("a").decision;
    world.store.redecide(&job.lease, &decision, world.now()).await.unwrap();
    world.advance(WAIT * 2);
    world.store.expire_pending(world.now(), 10).await.unwrap();

    let there = world.done(&world.create("shop", "e", 1)).await;
    let there = world.done(&world.update(&there, 2)).await;
    world.done(&world.delete(&there)).await;
    world.taken(&world.create("shop", "f", 1)).await;
    let job = world.claimed().await;
    world.store.save_step(&job.lease, &Sealed::new(*b"x"), world.now(), "half", world.now()).await.unwrap();
    let job = world.claimed().await;
    world.finish(&job, failed("no")).await;
    let mut denied = world.create("shop", "g", 1);
    denied.decision.record = json!({ "outcome": "denied" });
    world.store.record_denied(&denied, world.now()).await.unwrap();
}

/// Everything that can happen to namespaces and bindings.
async fn govern(world: &World) {
    let (name, now): (Namespace, _) = ("acme".parse().unwrap(), world.now());
    for signatures in [SignaturePolicy::Optional, SignaturePolicy::Required] {
        let new = NewNamespace { name: name.clone(), team: team_id("shop"), signatures };
        world.store.put_namespace(&new, By::HOST, now).await.unwrap();
    }
    let key = NewNamespaceKey { id: "k".into(), public_key: "x".into() };
    world.store.add_namespace_key(&name, &key, By::HOST, now).await.unwrap();
    world.store.revoke_namespace_key(&name, "k", "lost", By::HOST, now).await.unwrap();
    world.store.transfer_namespace(&name, &team_id("shop"), &team_id("web"), By::HOST, now).await.unwrap();
    super::bindings::made_changed_and_removed(world).await;
    super::webhooks::made_changed_and_removed(world).await;
    super::service_tokens::made_and_revoked(world).await;
    super::packages::published_and_governed(world).await;
}

/// Everything that people do to jobs, schedules and access policies, and that providers see.
async fn intervene(world: &World) {
    let (store, ada, now) = (&world.store, person("ada"), world.now());
    let ready = world.done(&world.create("shop", "seen", 1)).await;
    store.record_health(ready.id, HealthState::Healthy, None, now).await.unwrap();
    let waits = world.create("shop", "waits", 1);
    world.taken(&waits).await;
    store.cancel_job(waits.job, somewhere(&ada), now).await.unwrap();
    let begun = world.create("shop", "begun", 1);
    world.taken(&begun).await;
    store.begin_work(&world.claimed().await.lease, now).await.unwrap();
    store.cancel_job(begun.job, somewhere(&ada), now).await.unwrap();
    let (_, dead) = super::dead_letters::dead_removal(world).await;
    store.retry_job(dead, somewhere(&ada), now).await.unwrap();
    let schedule = "sweep".parse().unwrap();
    store.know_schedule(&schedule, "every 60 s", world.later(60)).await.unwrap();
    store.run_schedule(&schedule, somewhere(&ada), now).await.unwrap();
    super::access::made_and_removed(world).await;
    super::sealing::replaced_and_retired(world).await;
}

#[tokio::test]
async fn the_store_tells_every_type_of_its_table_and_no_other() {
    let world = World::start().await;
    live(&world).await;
    govern(&world).await;
    intervene(&world).await;
    let told: BTreeSet<String> = every(&world).await.into_iter().map(|event| event.event_type).collect();
    let listed: BTreeSet<String> =
        EVENT_TYPES.iter().map(|known| format!("{EVENT_TYPE_PREFIX}{}", known.name)).collect();
    let unlisted: Vec<_> = told.difference(&listed).collect();
    assert!(unlisted.is_empty(), "told, and not in EVENT_TYPES and docs/events.md: {unlisted:?}");
    let untold: Vec<_> = listed.difference(&told).collect();
    assert!(untold.is_empty(), "listed, and told by nothing that this test does: {untold:?}");
}
