//! Taking a job back: at once while nothing was done, undone afterwards, and never half.

use macadam_core::lifecycle::{JobState, RequestState, ResourceState};
use macadam_core::retry::ErrorClass;
use macadam_store::*;
use rust_decimal::Decimal;

use super::world::*;

async fn cancel(world: &World, job: JobId) -> Result<Cancelled, InterveneError> {
    world.store.cancel_job(job, somewhere(&person("ana")), world.now()).await
}

async fn state_of(world: &World, job: JobId) -> JobState {
    world.store.job(job).await.unwrap().unwrap().state
}

#[tokio::test]
async fn a_job_that_waits_ends_at_once_and_frees_everything() {
    let world = World::start().await;
    let new = world.create("shop", "orders", 7);
    let id = world.taken(&new).await.resource.unwrap();
    let (audit, told) = world.marks().await;
    assert_eq!(cancel(&world, new.job).await.unwrap(), Cancelled::AtOnce);
    assert_eq!(state_of(&world, new.job).await, JobState::Cancelled);
    let request = world.request_of(new.id).await;
    assert_eq!((request.state, request.failure.as_deref()), (RequestState::Cancelled, Some("cancelled by ana")));
    assert_eq!(world.resource(id).await.state, ResourceState::Deleted);
    assert_eq!(world.usage("shop").await, (0, Decimal::ZERO));
    assert!(world.claim("worker").await.is_none());
    assert_eq!(world.actions_since(audit).await, ["request.cancelled", "job.cancelled"]);
    assert!(world.told_since(told).await.contains(&"job.cancelled".to_owned()));
    let again = cancel(&world, new.job).await.unwrap_err();
    assert!(matches!(again, InterveneError::Ended { state: JobState::Cancelled }), "{again:?}");
    world.done(&world.create("shop", "orders", 7)).await;
}

#[tokio::test]
async fn changes_and_removals_that_wait_leave_the_resource_as_it_was() {
    let world = World::start().await;
    let orders = world.done(&world.create("shop", "orders", 7)).await;
    for change in [world.update(&orders, 9), world.delete(&orders)] {
        for claimed in [false, true] {
            let new = NewRequest {
                id: RequestId::new(world.now(), world.random()),
                job: JobId::new(world.now(), world.random()),
                ..change.clone()
            };
            world.taken(&new).await;
            if claimed {
                world.claimed().await;
            }
            assert_eq!(cancel(&world, new.job).await.unwrap(), Cancelled::AtOnce);
            let same = world.resource(orders.id).await;
            assert_eq!((same.state, same.revision, same.open_request), (ResourceState::Ready, 1, None));
            assert_eq!(world.usage("shop").await, (1, Decimal::from(7)));
        }
    }
}

#[tokio::test]
async fn a_worker_that_has_not_begun_may_not_begin_any_more() {
    let world = World::start().await;
    let new = world.create("shop", "orders", 7);
    world.taken(&new).await;
    let job = world.claimed().await;
    assert_eq!(cancel(&world, new.job).await.unwrap(), Cancelled::AtOnce, "the provider has not been called");
    let lost = world.store.begin_work(&job.lease, world.now()).await.unwrap_err();
    assert!(matches!(lost, JobError::LeaseLost { .. }), "or something would be made that nobody asks for: {lost:?}");
    let attempts = world.store.attempts(new.job, 10).await.unwrap();
    assert_eq!(attempts[0].outcome, Some(AttemptOutcome::Cancelled));
}

#[tokio::test]
async fn what_was_begun_is_undone_and_ends_as_cancelled() {
    let world = World::start().await;
    let new = world.create("shop", "orders", 7);
    let id = world.taken(&new).await.resource.unwrap();
    let job = world.claimed().await;
    world.store.begin_work(&job.lease, world.now()).await.unwrap();
    assert_eq!(cancel(&world, new.job).await.unwrap(), Cancelled::Undoing);
    assert_eq!(cancel(&world, new.job).await.unwrap(), Cancelled::Undoing, "again is no error");
    assert_eq!(state_of(&world, new.job).await, JobState::Running, "the step under way is not torn off");
    world.store.save_step(&job.lease, &Sealed::new(*b"1"), world.later(3600), "slow", world.now()).await.unwrap();

    let job = world.claimed().await;
    assert_eq!(job.cancelled.as_ref().unwrap().by, person("ana"), "it is not left waiting for its next step");
    world.store.begin_undo(&job.lease, "cancelled by ana", None, world.now()).await.unwrap();
    let undo = world.claimed().await;
    assert_eq!(undo.phase, JobPhase::Undo);
    let finished = world.finish(&undo, failed("cancelled by ana")).await;
    assert_eq!(finished, Finished { request: RequestState::Cancelled, resource: ResourceState::Deleted });
    assert_eq!(state_of(&world, new.job).await, JobState::Cancelled);
    assert_eq!(world.resource(id).await.open_request, None);
    assert_eq!(world.usage("shop").await, (0, Decimal::ZERO));
}

#[tokio::test]
async fn what_is_done_in_the_very_moment_is_undone_as_well() {
    let world = World::start().await;
    let new = world.create("shop", "orders", 7);
    world.taken(&new).await;
    let job = world.claimed().await;
    world.store.begin_work(&job.lease, world.now()).await.unwrap();
    cancel(&world, new.job).await.unwrap();
    let done = JobEnd::Done { outputs: vec![] };
    let refused = world.store.finish(&job.lease, &done, world.now()).await.unwrap_err();
    assert!(matches!(&refused, JobError::Cancelled { by, .. } if *by == person("ana")), "{refused:?}");
    assert_eq!(world.request_of(new.id).await.state, RequestState::Running, "a refusal changes nothing");
    world.store.begin_undo(&job.lease, "cancelled by ana", None, world.now()).await.unwrap();
    world.finish(&world.claimed().await, failed("cancelled by ana")).await;
    assert_eq!(world.request_of(new.id).await.state, RequestState::Cancelled);
}

#[tokio::test]
async fn a_removal_that_has_begun_and_work_that_is_being_undone_cannot_be_taken_back() {
    let world = World::start().await;
    let orders = world.done(&world.create("shop", "orders", 7)).await;
    let removal = world.delete(&orders);
    world.taken(&removal).await;
    let job = world.claimed().await;
    world.store.begin_work(&job.lease, world.now()).await.unwrap();
    let refused = cancel(&world, removal.job).await.unwrap_err();
    assert!(matches!(refused, InterveneError::RemovalHasBegun { .. }), "{refused:?}");
    world.finish(&job, JobEnd::Done { outputs: vec![] }).await;

    let new = world.create("shop", "stock", 7);
    world.taken(&new).await;
    let job = world.claimed().await;
    world.store.begin_undo(&job.lease, "broken", Some(ErrorClass::Final), world.now()).await.unwrap();
    let refused = cancel(&world, new.job).await.unwrap_err();
    assert!(matches!(refused, InterveneError::UndoneAlready), "{refused:?}");
    world.finish(&world.claimed().await, failed("broken")).await;
    assert_eq!(world.request_of(new.id).await.state, RequestState::Failed, "it failed, and nobody took it back");
    let unknown = cancel(&world, JobId::new(world.now(), world.random())).await.unwrap_err();
    assert!(matches!(unknown, InterveneError::NotFound(_)), "{unknown:?}");
}
