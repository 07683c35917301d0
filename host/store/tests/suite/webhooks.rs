//! Webhooks: made, changed, told by one worker at a time, in order, and disabled.

use std::collections::BTreeMap;
use std::time::Duration;

use macadam_core::names::TeamId;
use macadam_store::*;
use tokio::task::JoinSet;

use super::world::*;

const MOST: u32 = 3;

pub fn new(world: &World, team: &str) -> NewWebhook {
    NewWebhook {
        id: WebhookId::new(world.now(), world.random()),
        team: team_id(team),
        description: "to the chat".into(),
        url: NewWebhookUrl {
            url: Sealed::new(*b"https://hooks.example/secret-path?key=hunter2"),
            receiver: "https://hooks.example".into(),
        },
        filter: WebhookFilter { types: vec!["macadam.request.".into()], subject: None },
        secret: Sealed::new(*b"sealed"),
        most: MOST,
    }
}

pub async fn made(world: &World, team: &str) -> WebhookRecord {
    world.store.create_webhook(&new(world, team), somewhere(&person("ana")), world.now()).await.unwrap()
}

pub fn changed(url: &str) -> WebhookChange {
    WebhookChange {
        description: Some(String::new()),
        url: Some(NewWebhookUrl { url: Sealed::new(url.as_bytes()), receiver: "https://other.example".into() }),
        types: Some(vec![]),
        subject: Some(String::new()),
    }
}

async fn claim(world: &World, worker: &str) -> Option<ClaimedWebhook> {
    claim_within(world, worker, MOST).await
}

async fn claim_within(world: &World, worker: &str, per_team: u32) -> Option<ClaimedWebhook> {
    world.store.claim_webhook(worker, per_team, world.now(), world.later(LEASE)).await.unwrap()
}

fn attempt(world: &World, webhook: WebhookId, event: Option<u64>, error: Option<&str>) -> DeliveryRecord {
    DeliveryRecord {
        id: DeliveryId::new(world.now(), world.random()),
        webhook,
        event,
        event_type: "macadam.request.queued".into(),
        attempt: 1,
        at: world.now(),
        took: Duration::from_millis(12),
        status: Some(if error.is_some() { 500 } else { 204 }),
        error: error.map(str::to_owned),
    }
}

async fn keep(world: &World, held: &ClaimedWebhook, event: u64, error: Option<&str>) -> Result<(), WebhookError> {
    let means = match error {
        None => Attempted::Arrived { lease_until: world.later(LEASE) },
        Some(_) => Attempted::Failed { next_attempt: world.later(10) },
    };
    world.store.keep_attempt(&held.lease, &attempt(world, held.webhook.id, Some(event), error), means).await
}

async fn read(world: &World, id: WebhookId) -> WebhookRecord {
    world.store.webhook(id).await.unwrap().expect("the webhook is there")
}

fn is_lost(result: &Result<(), WebhookError>) -> bool {
    matches!(result, Err(WebhookError::LeaseLost { .. }))
}

/// A webhook's whole life.
pub async fn made_changed_and_removed(world: &World) {
    let webhook = made(world, "shop").await;
    let (store, by, now) = (&world.store, person("ana"), world.now());
    store.change_webhook(webhook.id, &changed("https://other.example/a"), somewhere(&by), now).await.unwrap();
    store.rotate_webhook(webhook.id, &Sealed::new(*b"new"), world.later(60), somewhere(&by), now).await.unwrap();
    let held = claim(world, "w").await.expect("its own making is told");
    let last = attempt(world, webhook.id, Some(1), Some("gone"));
    store.disable_webhook(&held.lease, &last, "it is gone", now).await.unwrap();
    store.enable_webhook(webhook.id, somewhere(&by), now).await.unwrap();
    store.delete_webhook(webhook.id, somewhere(&by), now).await.unwrap();
}

#[tokio::test]
async fn a_webhooks_life_is_audited_and_told_without_its_secret_or_the_whole_of_its_address() {
    let world = World::start().await;
    let (audit, told) = world.marks().await;
    made_changed_and_removed(&world).await;
    let life =
        ["created", "changed", "rotated", "disabled", "enabled", "deleted"].map(|what| format!("webhook.{what}"));
    assert_eq!(world.actions_since(audit).await, life);
    assert_eq!(world.told_since(told).await, life);
    let entries = world.store.audit_since(audit, 100).await.unwrap();
    assert_eq!(entries[3].actor, None, "the platform itself disabled it");
    assert!(entries[0].before.is_none() && entries[5].after.is_none(), "it was nothing before, and is nothing after");
    assert!(entries.windows(2).all(|two| two[0].after.is_some() && two[0].after == two[1].before), "{entries:?}");
    assert_eq!(entries[3].data.value()["reason"], "it is gone");
    let events = world.store.events_since(told, 100).await.unwrap();
    assert!(events.iter().all(|event| event.audience == Audience::Team(team_id("shop"))));
    let all = format!("{entries:?} {events:?}");
    assert!(all.contains("https://hooks.example"), "who is told is named");
    assert!(!all.contains("secret-path") && !all.contains("hunter2") && !all.contains("sealed"), "{all}");
}

#[tokio::test]
async fn a_webhook_is_kept_as_it_was_made_and_listed_for_its_team() {
    let world = World::start().await;
    let (first, wish) = (made(&world, "shop").await, new(&world, "shop"));
    assert_eq!((first.state, first.failures, &first.filter), (WebhookState::Active, 0, &wish.filter));
    assert_eq!((&first.url, &first.secret), (&WebhookUrl::Sealed(wish.url.url), &wish.secret));
    world.advance(1);
    let (second, other) = (made(&world, "shop").await, made(&world, "web").await);
    let list = async |teams: Option<Vec<TeamId>>, page| {
        let found = world.store.webhooks(teams.as_deref(), page).await.unwrap();
        found.into_iter().map(|webhook| webhook.id).collect::<Vec<_>>()
    };
    assert_eq!(list(Some(vec![team_id("shop")]), PageRequest::first(10)).await, [first.id, second.id]);
    assert_eq!(list(Some(vec![team_id("shop")]), PageRequest::after(first.id, 10)).await, [second.id]);
    assert_eq!(
        list(Some(vec![team_id("web"), team_id("shop")]), PageRequest::first(10)).await,
        [first.id, second.id, other.id]
    );
    assert!(list(Some(Vec::new()), PageRequest::first(10)).await.is_empty(), "of no team there are none");
    assert_eq!(list(None, PageRequest::first(10)).await, [first.id, second.id, other.id]);
    let (description, types) = (Some(first.description.clone()), Some(first.filter.types.clone()));
    let said_again = WebhookChange { description, types, ..WebhookChange::default() };
    let marks = world.marks().await;
    for unchanged in [said_again, WebhookChange::default()] {
        let same = world.store.change_webhook(first.id, &unchanged, somewhere(&person("ana")), world.now()).await;
        assert_eq!((&same.unwrap(), world.marks().await), (&first, marks), "what changes nothing leaves nothing");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_of_different_things_that_are_made_at_once_all_stay() {
    let world = World::start().await;
    let id = made(&world, "shop").await.id;
    let changes = [
        WebhookChange { description: Some("the pager".into()), ..WebhookChange::default() },
        WebhookChange { url: changed("https://other.example/a").url, ..WebhookChange::default() },
        WebhookChange { types: Some(vec!["macadam.job.".into()]), ..WebhookChange::default() },
        WebhookChange { subject: Some("jobs/".into()), ..WebhookChange::default() },
    ];
    let mut racing = JoinSet::new();
    for change in changes {
        let world = world.clone();
        racing.spawn(
            async move { world.store.change_webhook(id, &change, somewhere(&person("ana")), world.now()).await },
        );
    }
    for result in racing.join_all().await {
        result.unwrap();
    }
    let there = read(&world, id).await;
    assert_eq!(there.description, "the pager");
    assert_eq!(there.url, WebhookUrl::Sealed(Sealed::new(*b"https://other.example/a")));
    let (types, subject) = (vec!["macadam.job.".to_owned()], Some("jobs/".to_owned()));
    assert_eq!(there.filter, WebhookFilter { types, subject });

    let (_, told) = world.marks().await;
    let whatever = WebhookChange { subject: Some(String::new()), ..WebhookChange::default() };
    let after = world.store.change_webhook(id, &whatever, somewhere(&person("ana")), world.now()).await.unwrap();
    assert_eq!(after.filter, WebhookFilter { subject: None, ..there.filter }, "an empty one takes every subject");
    let events = world.store.events_since(told, 10).await.unwrap();
    let told = &events[0].data;
    assert_eq!(told["types"], serde_json::json!(["macadam.job."]), "the whole of the filter is told: {told}");
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_changes_nothing() {
    let world = World::start().await;
    let marks = world.marks().await;
    let (by, now) = (person("ana"), world.now());
    let unknown = world.store.create_webhook(&new(&world, "nobody"), somewhere(&by), now).await;
    assert!(matches!(unknown, Err(WebhookError::UnknownTeam(_))), "{unknown:?}");
    let nothing = WebhookId::new(now, world.random());
    let results = [
        world.store.change_webhook(nothing, &changed("https://a.example"), somewhere(&by), now).await.map(drop),
        world.store.rotate_webhook(nothing, &Sealed::new(*b"x"), now, somewhere(&by), now).await.map(drop),
        world.store.enable_webhook(nothing, somewhere(&by), now).await.map(drop),
        world.store.delete_webhook(nothing, somewhere(&by), now).await,
        world.store.keep_test(&attempt(&world, nothing, None, None)).await,
    ];
    for refused in results {
        assert!(matches!(refused, Err(WebhookError::NotFound(id)) if id == nothing), "{refused:?}");
    }
    assert_eq!(world.marks().await, marks);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_team_has_no_more_webhooks_than_it_may_have_however_many_are_made_at_once() {
    let world = World::start().await;
    let mut racing = JoinSet::new();
    for _ in 0..12 {
        let world = world.clone();
        racing.spawn(async move {
            world.store.create_webhook(&new(&world, "shop"), somewhere(&person("ana")), world.now()).await
        });
    }
    let (made, refused): (Vec<_>, Vec<_>) = racing.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), MOST as usize);
    assert!(refused.iter().all(|refused| matches!(refused, Err(WebhookError::TooMany { most: MOST, .. }))));
}

#[tokio::test]
async fn a_webhook_is_told_of_its_teams_events_and_those_for_everybody_that_its_filter_takes() {
    let world = World::start().await;
    let mut wish = new(&world, "shop");
    wish.filter = WebhookFilter::default();
    let webhook = world.store.create_webhook(&wish, somewhere(&person("ana")), world.now()).await.unwrap();
    let (_, start) = world.marks().await;
    world.taken(&world.create("shop", "orders", 1)).await;
    world.taken(&world.create("web", "pages", 1)).await;
    super::bindings::made_changed_and_removed(&world).await;
    let environment = macadam_core::request::Environment {
        name: "test".parse().unwrap(),
        class: macadam_core::request::EnvironmentClass::Development,
        region: None,
        default_ttl_seconds: None,
    };
    world.store.put_environment(&environment, None, world.now()).await.unwrap();
    let events = world.store.events_since(start, 100).await.unwrap();
    let heard = |filter: WebhookFilter| {
        let webhook = WebhookRecord { filter, ..webhook.clone() };
        let taken = events.iter().filter(|event| webhook.takes(event));
        taken.map(|event| event.event_type.as_str()).collect::<Vec<_>>()
    };
    let all = ["macadam.resource.creating", "macadam.request.queued", "macadam.environment.changed"];
    assert_eq!(heard(WebhookFilter::default()), all, "nothing of another team, and nothing for administrators only");
    let types = vec!["macadam.environment.".to_owned(), "macadam.request.queued".to_owned()];
    assert_eq!(heard(WebhookFilter { types, subject: None }), all[1..]);
    let subject = Some("resources/shop/".to_owned());
    assert_eq!(heard(WebhookFilter { types: vec![], subject }), all[..1]);
}

#[tokio::test]
async fn a_webhook_waits_for_nothing_until_its_team_or_everybody_has_an_event() {
    let world = World::start().await;
    let webhook = made(&world, "shop").await;
    let held = claim(&world, "w").await.expect("its own making is an event of its team");
    assert_eq!(held.webhook.id, webhook.id);
    let (_, latest) = world.marks().await;
    world.store.release_webhook(&held.lease, latest, world.now()).await.unwrap();
    assert!(claim(&world, "w").await.is_none(), "there is nothing more");
    world.taken(&world.create("web", "pages", 1)).await;
    assert!(claim(&world, "w").await.is_none(), "what another team does is none of its business");
    world.taken(&world.create("shop", "orders", 1)).await;
    assert!(claim(&world, "w").await.is_some());
}

#[tokio::test]
async fn one_worker_at_a_time_has_a_webhook_and_one_that_slept_too_long_is_told_so() {
    let world = World::start().await;
    made(&world, "shop").await;
    let first = claim(&world, "first").await.unwrap();
    assert!(claim(&world, "second").await.is_none(), "it is taken");
    keep(&world, &first, 1, None).await.unwrap();
    world.advance(LEASE);
    let second = claim(&world, "second").await.expect("a lease that ran out is free again");
    assert!(is_lost(&keep(&world, &first, 2, None).await));
    assert!(is_lost(&keep(&world, &first, 2, Some("late")).await));
    assert!(is_lost(&world.store.release_webhook(&first.lease, 9, world.now()).await));
    let late = attempt(&world, first.webhook.id, Some(2), Some("late"));
    assert!(is_lost(&world.store.disable_webhook(&first.lease, &late, "late", world.now()).await));
    let there = read(&world, first.webhook.id).await;
    assert_eq!((there.cursor, there.state), (1, WebhookState::Active), "what a lost lease says counts for nothing");
    keep(&world, &second, 2, None).await.unwrap();
    assert_eq!(read(&world, first.webhook.id).await.cursor, 2);
}

#[tokio::test]
async fn a_worker_holds_no_more_of_a_teams_webhooks_than_it_may_and_goes_on_with_others() {
    let world = World::start().await;
    for _ in 0..MOST {
        made(&world, "shop").await;
    }
    world.advance(1);
    let first = claim_within(&world, "one", 2).await.unwrap();
    let second = claim_within(&world, "one", 2).await.unwrap();
    assert!(claim_within(&world, "one", 2).await.is_none(), "the team has its two places, and waits with the third");
    let other = made(&world, "web").await;
    let third = claim_within(&world, "one", 2).await.expect("another team waits for none of them");
    assert_eq!(third.webhook.id, other.id);
    assert!(claim_within(&world, "two", 2).await.is_some(), "another worker has places of its own");

    let (_, latest) = world.marks().await;
    world.store.release_webhook(&first.lease, latest, world.now()).await.unwrap();
    keep(&world, &second, 1, Some("no answer")).await.unwrap();
    world.advance(10);
    let again = claim_within(&world, "one", 2).await.expect("what has ended leaves its place");
    assert_eq!(again.webhook.id, second.webhook.id);
    world.advance(LEASE);
    for _ in 0..3 {
        assert!(claim_within(&world, "one", 2).await.is_some(), "a lease that ran out takes no place");
    }
}

#[tokio::test]
async fn failures_are_counted_until_something_arrives_and_nothing_is_tried_before_its_time() {
    let world = World::start().await;
    let id = made(&world, "shop").await.id;
    let since = world.now();
    for failures in 1..=3 {
        let held = claim(&world, "w").await.unwrap();
        keep(&world, &held, 1, Some("no answer")).await.unwrap();
        let there = read(&world, id).await;
        assert_eq!((there.failures, there.failing_since, there.cursor), (failures, Some(since), held.webhook.cursor));
        assert_eq!((there.last_error.as_deref(), there.last_error_at), (Some("no answer"), Some(world.now())));
        world.advance(9);
        assert!(claim(&world, "w").await.is_none(), "it is not time yet");
        world.advance(1);
    }
    let held = claim(&world, "w").await.unwrap();
    keep(&world, &held, 1, None).await.unwrap();
    let there = read(&world, id).await;
    assert_eq!((there.failures, there.failing_since, there.last_success_at), (0, None, Some(world.now())));
}

#[tokio::test]
async fn a_disabled_webhook_is_left_alone_until_it_is_enabled_and_goes_on_where_it_stopped() {
    let world = World::start().await;
    let id = made(&world, "shop").await.id;
    let held = claim(&world, "w").await.unwrap();
    let last = attempt(&world, id, Some(1), Some("410 Gone"));
    world.store.disable_webhook(&held.lease, &last, "the receiver answered 410", world.now()).await.unwrap();
    let there = read(&world, id).await;
    assert_eq!(there.state, WebhookState::Disabled);
    assert_eq!((there.reason.as_deref(), there.failures), (Some("the receiver answered 410"), 1));
    assert!(is_lost(&keep(&world, &held, 1, None).await));
    world.advance(1000);
    world.taken(&world.create("shop", "orders", 1)).await;
    assert!(claim(&world, "w").await.is_none());
    let enabled = world.store.enable_webhook(id, somewhere(&person("ana")), world.now()).await.unwrap();
    assert_eq!((enabled.state, enabled.reason, enabled.failures), (WebhookState::Active, None, 0));
    assert_eq!(enabled.cursor, there.cursor, "it goes on where it stopped");
    let marks = world.marks().await;
    world.store.enable_webhook(id, somewhere(&person("ana")), world.now()).await.unwrap();
    assert_eq!(world.marks().await, marks, "one that is active stays as it is");
    assert!(claim(&world, "w").await.is_some());
}

#[tokio::test]
async fn a_change_ends_what_is_under_way_and_nobody_else_begins_before_that_has_ended() {
    let world = World::start().await;
    let webhook = made(&world, "shop").await;
    let held = claim(&world, "old").await.unwrap();
    let by = person("ana");
    world
        .store
        .change_webhook(webhook.id, &changed("https://new.example/a"), somewhere(&by), world.now())
        .await
        .unwrap();
    assert!(is_lost(&keep(&world, &held, 1, None).await), "the old address's answer counts no more");
    assert!(claim(&world, "new").await.is_none(), "the old worker may still be calling");
    world.advance(LEASE);
    let held = claim(&world, "new").await.unwrap();
    assert_eq!(held.webhook.url, WebhookUrl::Sealed(Sealed::new(*b"https://new.example/a")));

    let (secret, until) = (Sealed::new(*b"second"), world.later(60));
    let rotated = world.store.rotate_webhook(webhook.id, &secret, until, somewhere(&by), world.now()).await.unwrap();
    assert_eq!(rotated.secret, secret);
    assert_eq!(rotated.previous, Some(PreviousSecret { secret: webhook.secret, until }));
    assert!(is_lost(&keep(&world, &held, 1, None).await));
    world.advance(LEASE);
    let held = claim(&world, "new").await.unwrap();
    world.store.delete_webhook(webhook.id, somewhere(&by), world.now()).await.unwrap();
    assert!(is_lost(&keep(&world, &held, 1, None).await));
    assert_eq!(world.store.webhook(webhook.id).await.unwrap(), None);
}

#[tokio::test]
async fn what_came_of_attempts_is_read_latest_first_and_kept_for_a_time() {
    let world = World::start().await;
    let id = made(&world, "shop").await.id;
    let held = claim(&world, "w").await.unwrap();
    keep(&world, &held, 1, None).await.unwrap();
    world.advance(60);
    let second = world.now();
    let held = claim(&world, "w").await.unwrap();
    keep(&world, &held, 2, Some("answered 500")).await.unwrap();
    let test = attempt(&world, id, None, None);
    world.store.keep_test(&test).await.unwrap();
    let all = world.store.deliveries(id, PageRequest::first(10)).await.unwrap();
    assert_eq!(all.iter().map(|each| each.event).collect::<Vec<_>>(), [None, Some(2), Some(1)]);
    assert_eq!((&all[0], all[1].status, all[1].error.as_deref()), (&test, Some(500), Some("answered 500")));
    assert_eq!(world.store.deliveries(id, PageRequest::after(all[1].id, 10)).await.unwrap(), all[2..]);
    assert_eq!(read(&world, id).await.failures, 1, "a test means nothing for the webhook");
    assert_eq!(world.store.prune_deliveries(second).await.unwrap(), 1);
    assert_eq!(world.store.deliveries(id, PageRequest::first(10)).await.unwrap(), all[..2]);
    world.store.delete_webhook(id, somewhere(&person("ana")), world.now()).await.unwrap();
    assert_eq!(world.store.deliveries(id, PageRequest::first(10)).await.unwrap(), [], "they go with their webhook");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn however_many_workers_ask_each_webhook_is_given_to_one() {
    let world = World::start().await;
    for team in ["shop", "web"] {
        for _ in 0..MOST {
            made(&world, team).await;
        }
    }
    let mut racing = JoinSet::new();
    for worker in 0..16 {
        let world = world.clone();
        racing.spawn(async move {
            let mut held = Vec::new();
            while let Some(webhook) = claim(&world, &format!("w{worker}")).await {
                held.push(webhook.webhook.id);
            }
            held
        });
    }
    let mut given = BTreeMap::<WebhookId, u32>::new();
    for id in racing.join_all().await.into_iter().flatten() {
        *given.entry(id).or_default() += 1;
    }
    assert_eq!(given.len(), 2 * MOST as usize);
    assert!(given.values().all(|times| *times == 1), "{given:?}");
}
