//! What the end of a job makes of request, resource and quota.

use macadam_core::lifecycle::{RequestState, ResourceState};
use macadam_core::plan::{Output, OutputValue};
use macadam_store::*;
use rust_decimal::Decimal;

use super::world::*;

fn output(value: &str) -> Output {
    Output { name: "host".into(), value: OutputValue::Text(value.into()) }
}

#[tokio::test]
async fn a_created_resource_is_ready_with_its_outputs_and_its_time_counts_from_then() {
    let world = World::start().await;
    let mut new = world.create("shop", "orders", 7);
    if let Change::Create { desired, .. } = &mut new.change {
        desired.ttl_seconds = Some(3600);
    }
    let id = world.taken(&new).await.resource.unwrap();
    world.advance(100);
    let job = world.claimed().await;
    let finished = world.finish(&job, JobEnd::Done { outputs: vec![output("db1")] }).await;
    assert_eq!(finished, Finished { request: RequestState::Succeeded, resource: ResourceState::Ready });
    let resource = world.resource(id).await;
    assert_eq!((resource.revision, resource.open_request, resource.pending_monthly), (1, None, None));
    assert_eq!((resource.monthly.amount, resource.outputs), (Decimal::from(7), vec![output("db1")]));
    assert_eq!(resource.ready_at, Some(world.now()));
    assert_eq!(resource.expires_at, Some(world.later(3600)), "a time to live counts from ready, not from asking");
    let states: Vec<_> = world.store.transitions(id).await.unwrap().into_iter().map(|t| (t.from, t.to)).collect();
    assert_eq!(states, [(None, ResourceState::Creating), (Some(ResourceState::Creating), ResourceState::Ready)]);
}

#[tokio::test]
async fn a_time_to_live_beyond_all_clocks_is_for_ever() {
    let world = World::start().await;
    let mut new = world.create("shop", "orders", 7);
    if let Change::Create { desired, .. } = &mut new.change {
        desired.ttl_seconds = Some(u64::MAX);
    }
    assert_eq!(world.done(&new).await.expires_at, None);
}

#[tokio::test]
async fn a_resource_becomes_what_its_update_asked_for_only_when_the_update_is_done() {
    let world = World::start().await;
    let orders = world.done(&world.create("shop", "orders", 7)).await;
    world.taken(&world.update(&orders, 9)).await;
    assert_eq!(world.resource(orders.id).await.desired.spec.get(), orders.desired.spec.get());
    let job = world.claimed().await;
    world.finish(&job, failed("no")).await;
    let same = world.resource(orders.id).await;
    assert_eq!((same.state, same.revision, same.monthly), (ResourceState::Ready, 1, orders.monthly));
    assert_eq!(same.desired.spec.get(), orders.desired.spec.get(), "a failed update changes nothing");
    let changed = world.done(&world.update(&same, 9)).await;
    assert_eq!((changed.revision, changed.monthly.amount), (2, Decimal::from(9)));
    assert_eq!(changed.desired.spec.get(), desired(9).spec.get());
}

#[tokio::test]
async fn a_failed_create_frees_its_quota_and_a_deleted_resource_too() {
    let world = World::start().await;
    world.limit("shop", at_most(1)).await;
    let id = world.taken(&world.create("shop", "orders", 7)).await.resource.unwrap();
    let job = world.claimed().await;
    world.finish(&job, failed("no disk")).await;
    assert_eq!(world.resource(id).await.state, ResourceState::Failed);
    assert_eq!(world.usage("shop").await, (0, Decimal::ZERO), "a failed create frees what it reserved");

    let orders = world.done(&world.create("shop", "orders", 7)).await;
    world.taken(&world.delete(&orders)).await;
    assert_eq!(world.usage("shop").await.0, 1, "what is being deleted is still there");
    let job = world.claimed().await;
    let finished = world.finish(&job, JobEnd::Done { outputs: vec![] }).await;
    assert_eq!(finished.resource, ResourceState::Deleted);
    assert_eq!(world.usage("shop").await, (0, Decimal::ZERO));
}

#[tokio::test]
async fn what_could_not_be_undone_keeps_counting_until_it_is_deleted() {
    let world = World::start().await;
    let id = world.taken(&world.create("shop", "orders", 7)).await.resource.unwrap();
    let job = world.claimed().await;
    let finished = world.finish(&job, abandoned("could not undo")).await;
    assert_eq!(finished, Finished { request: RequestState::Failed, resource: ResourceState::Deleting });
    let left = world.resource(id).await;
    assert_eq!(world.usage("shop").await, (1, Decimal::from(7)), "something is left and may cost");
    let refused = world.submit(&world.update(&left, 1)).await.unwrap_err();
    assert!(matches!(refused, SubmitError::NotReady { .. }), "{refused:?}");

    for end in [failed("still there"), abandoned("could not undo")] {
        world.taken(&world.delete(&left)).await;
        let job = world.claimed().await;
        world.finish(&job, end).await;
        let again = world.resource(id).await;
        assert_eq!(
            (again.state, again.open_request),
            (ResourceState::Deleting, None),
            "it is no more ready than before"
        );
    }
    world.done(&world.delete(&left)).await;
    assert_eq!(world.usage("shop").await, (0, Decimal::ZERO));
}

#[tokio::test]
async fn a_delete_that_was_refused_leaves_the_resource_ready_and_one_that_broke_off_does_not() {
    let world = World::start().await;
    let orders = world.done(&world.create("shop", "orders", 7)).await;
    for (end, expected) in
        [(failed("in use"), ResourceState::Ready), (abandoned("could not undo"), ResourceState::Deleting)]
    {
        world.taken(&world.delete(&orders)).await;
        let job = world.claimed().await;
        assert_eq!(world.finish(&job, end).await.resource, expected);
    }
}
