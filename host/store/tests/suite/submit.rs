//! Taking requests: conflicts and quota.

use macadam_core::lifecycle::{RequestState, ResourceState};
use macadam_core::names::ResourceKey;
use macadam_store::*;
use rust_decimal::Decimal;

use super::world::*;

#[tokio::test]
async fn a_request_that_needs_nobody_is_queued_with_its_resource_quota_and_job() {
    let world = World::start().await;
    let new = world.create("shop", "orders", 30);
    let taken = world.taken(&new).await;
    assert_eq!((taken.state, taken.job), (RequestState::Queued, Some(new.job)));

    let resource = world.resource(taken.resource.unwrap()).await;
    assert_eq!(resource.state, ResourceState::Creating);
    assert_eq!(resource.open_request, Some(new.id));
    assert_eq!(resource.desired.spec.get(), desired(30).spec.get(), "the specification is kept as it was written");
    assert_eq!(world.usage("shop").await, (1, Decimal::from(30)), "what is asked for counts from the start");
    assert_eq!(world.usage("web").await, (0, Decimal::ZERO), "and only for its own team");

    let request = world.request_of(new.id).await;
    assert_eq!(request.document, new.document);
    assert_eq!(request.reservation.unwrap().monthly.amount, Decimal::from(30));
    let job = world.store.job(new.job).await.unwrap().unwrap();
    assert_eq!((job.request, job.phase, job.attempt), (new.id, JobPhase::Provision, 0));
}

#[tokio::test]
async fn a_name_that_a_live_resource_has_is_refused_and_a_gone_ones_is_free() {
    let world = World::start().await;
    let first = world.taken(&world.create("shop", "orders", 1)).await;
    let refused = world.submit(&world.create("shop", "orders", 1)).await.unwrap_err();
    assert!(
        matches!(&refused, SubmitError::Exists { resource, .. } if Some(*resource) == first.resource),
        "{refused:?} must name the resource that has the name"
    );
    let job = world.claimed().await;
    world.finish(&job, failed("no disk")).await;
    let second = world.taken(&world.create("shop", "orders", 1)).await;
    assert_ne!(first.resource, second.resource, "a name that is used again is another resource");
    let live = world.store.live_resource(&key("shop", "orders")).await.unwrap().unwrap();
    assert_eq!(Some(live.id), second.resource);
}

#[tokio::test]
async fn a_change_of_what_is_not_there_busy_or_changed_since_is_refused() {
    let world = World::start().await;
    let orders = world.done(&world.create("shop", "orders", 1)).await;

    let mut stranger = orders.clone();
    stranger.id = ResourceId::new(world.now(), world.random());
    let refused = world.submit(&world.update(&stranger, 2)).await.unwrap_err();
    assert!(matches!(refused, SubmitError::NotFound { .. }), "{refused:?}");

    let update = world.update(&orders, 2);
    world.taken(&update).await;
    for second in [world.update(&orders, 3), world.delete(&orders)] {
        let refused = world.submit(&second).await.unwrap_err();
        assert!(
            matches!(refused, SubmitError::Busy { request, .. } if request == update.id),
            "{refused:?} must name the request to wait for"
        );
    }

    let job = world.claimed().await;
    world.finish(&job, JobEnd::Done { outputs: vec![] }).await;
    for stale in [world.update(&orders, 3), world.delete(&orders)] {
        let refused = world.submit(&stale).await.unwrap_err();
        assert!(matches!(refused, SubmitError::Stale { expected: 1, actual: 2, .. }), "{refused:?}");
    }

    let orders = world.resource(orders.id).await;
    world.done(&world.delete(&orders)).await;
    let refused = world.submit(&world.delete(&orders)).await.unwrap_err();
    assert!(matches!(refused, SubmitError::NotFound { .. }), "what is deleted is not there: {refused:?}");
}

#[tokio::test]
async fn an_unknown_team_or_environment_is_refused_by_name() {
    let world = World::start().await;
    let refused = world.submit(&world.create("nobody", "orders", 1)).await.unwrap_err();
    assert!(matches!(&refused, SubmitError::UnknownTeam(team) if team.as_str() == "nobody"), "{refused:?}");
    let mut elsewhere = world.create("shop", "orders", 1);
    if let Change::Create { key, .. } = &mut elsewhere.change {
        *key = "shop/moon/postgres-database/orders".parse::<ResourceKey>().unwrap();
    }
    let refused = world.submit(&elsewhere).await.unwrap_err();
    assert!(matches!(refused, SubmitError::UnknownEnvironment(_)), "{refused:?}");
}

#[tokio::test]
async fn what_does_not_fit_the_quota_leaves_nothing_behind() {
    let world = World::start().await;
    world.limit("shop", at_most(1)).await;
    world.taken(&world.create("shop", "orders", 1)).await;
    let (entries, refused) = (world.store.audit_head().await.unwrap(), world.create("shop", "stock", 1));
    let error = world.submit(&refused).await.unwrap_err();
    assert!(matches!(&error, SubmitError::OverQuota(broken) if broken.len() == 1), "{error:?}");
    assert!(world.store.request(refused.id).await.unwrap().is_none());
    assert!(world.store.live_resource(&key("shop", "stock")).await.unwrap().is_none());
    assert_eq!(world.store.audit_head().await.unwrap(), entries);
    world.taken(&world.create("web", "stock", 1)).await;
}

#[tokio::test]
async fn an_update_reserves_the_higher_of_its_two_costs_until_it_is_done() {
    let world = World::start().await;
    world.limit("shop", budget(100)).await;
    let orders = world.done(&world.create("shop", "orders", 60)).await;
    assert_eq!(world.usage("shop").await.1, Decimal::from(60));

    let error = world.submit(&world.update(&orders, 101)).await.unwrap_err();
    assert!(matches!(error, SubmitError::OverQuota(_)), "only the difference is added, and it is too much: {error:?}");

    let orders = world.done(&world.update(&orders, 100)).await;
    assert_eq!(world.usage("shop").await.1, Decimal::from(100), "a budget can be used to the last cent");

    world.taken(&world.update(&orders, 10)).await;
    assert_eq!(world.usage("shop").await.1, Decimal::from(100), "what is saved is free only once it is saved");
    let error = world.submit(&world.create("shop", "stock", 1)).await.unwrap_err();
    assert!(matches!(error, SubmitError::OverQuota(_)), "{error:?}");
    let job = world.claimed().await;
    world.finish(&job, JobEnd::Done { outputs: vec![] }).await;
    assert_eq!(world.usage("shop").await.1, Decimal::from(10));
}

#[tokio::test]
async fn a_cost_that_nobody_knows_reserves_a_place_and_no_money() {
    let world = World::start().await;
    world.limit("shop", budget(1)).await;
    let mut new = world.create("shop", "orders", 0);
    if let Change::Create { desired, .. } = &mut new.change {
        desired.estimate = None;
    }
    world.taken(&new).await;
    assert_eq!(world.usage("shop").await, (1, Decimal::ZERO));
}

#[tokio::test]
async fn a_denial_is_recorded_and_touches_nothing() {
    let world = World::start().await;
    let orders = world.done(&world.create("shop", "orders", 1)).await;
    let denied = [
        world.create("shop", "stock", 1),
        world.needing(world.update(&orders, 2), vec![need(&[], 1)]),
        world.delete(&orders),
        world.scaffold("shop"),
    ];
    for new in &denied {
        let answer = world.store.record_denied(new, world.now()).await.unwrap();
        assert_eq!((answer.state, answer.job), (RequestState::Denied, None));
        let record = world.request_of(new.id).await;
        assert_eq!(record.state, RequestState::Denied);
        assert!(record.needs.is_empty() && record.expires_at.is_none(), "a denied request waits for nobody");
    }
    assert_eq!(world.resource(orders.id).await.updated_at, orders.updated_at);
    assert_eq!(world.usage("shop").await, (1, Decimal::ONE));
    assert!(world.store.live_resource(&key("shop", "stock")).await.unwrap().is_none());
    assert!(world.claim("worker").await.is_none(), "a denial makes no work");
}

#[tokio::test]
async fn a_project_that_needs_nobody_is_done_at_once() {
    let world = World::start().await;
    let new = world.scaffold("shop");
    let Change::Scaffold(asked) = &new.change else { unreachable!() };
    let answer = world.taken(&new).await;
    assert_eq!((answer.state, answer.resource, answer.job), (RequestState::Succeeded, None, None));
    let kept = world.store.scaffold(asked.id).await.unwrap().unwrap();
    assert_eq!(kept.request, new.id);
    assert_eq!(serde_json::to_value(&kept.scaffold).unwrap(), serde_json::to_value(asked).unwrap());
    assert_eq!(world.usage("shop").await.0, 0, "a project uses no quota");
}
