//! What could be neither finished nor undone: kept, and tried again once the cause is mended.

use macadam_core::lifecycle::{JobState, RequestState, ResourceState};
use macadam_core::retry::ErrorClass;
use macadam_store::*;
use rust_decimal::Decimal;
use serde_json::json;

use super::world::*;

async fn retry(world: &World, job: JobId) -> Result<(), InterveneError> {
    world.store.retry_job(job, somewhere(&person("ada")), world.now()).await
}

async fn state_of(world: &World, job: JobId) -> JobState {
    world.store.job(job).await.unwrap().unwrap().state
}

/// A removal that broke off in its second step.
pub async fn dead_removal(world: &World) -> (ResourceRecord, JobId) {
    let orders = world.done(&world.create("shop", "orders", 7)).await;
    let removal = world.delete(&orders);
    world.taken(&removal).await;
    let job = world.claimed().await;
    world.store.save_step(&job.lease, &Sealed::new(*b"half"), world.now(), "", world.now()).await.unwrap();
    world.finish(&world.claimed().await, abandoned("the disk is read-only")).await;
    (orders, removal.job)
}

#[tokio::test]
async fn a_dead_job_is_kept_with_its_reason_and_counted_and_goes_on_from_its_last_step() {
    let world = World::start().await;
    let (orders, id) = dead_removal(&world).await;
    let dead = world.store.job(id).await.unwrap().unwrap();
    assert_eq!((dead.state, dead.error.as_deref()), (JobState::Dead, Some("the disk is read-only")));
    assert_eq!(dead.error_class, Some(ErrorClass::Final));
    assert_eq!(world.store.job_totals(world.now()).await.unwrap().dead, 1);
    let filter = JobFilter { state: Some(JobState::Dead), ..JobFilter::default() };
    assert_eq!(world.store.list_jobs(&filter, PageRequest::first(10)).await.unwrap(), std::slice::from_ref(&dead));
    assert!(world.claim("worker").await.is_none(), "nobody tries it again by themselves");

    let (audit, _) = world.marks().await;
    retry(&world, id).await.unwrap();
    assert!(world.actions_since(audit).await.contains(&"job.retried".to_owned()));
    assert_eq!(world.request_of(dead.request).await.state, RequestState::Queued);
    let job = world.claimed().await;
    assert_eq!((job.lease.job(), &job.state, job.before.failures), (id, &Some(Sealed::new(*b"half")), 0));
    let finished = world.finish(&job, JobEnd::Done { outputs: vec![] }).await;
    assert_eq!(finished, Finished { request: RequestState::Succeeded, resource: ResourceState::Deleted });
    assert_eq!(world.resource(orders.id).await.state, ResourceState::Deleted);
    assert_eq!(world.usage("shop").await, (0, Decimal::ZERO));
    assert_eq!(world.store.job_totals(world.now()).await.unwrap().dead, 0);
}

#[tokio::test]
async fn what_a_failed_create_left_is_undone_by_trying_again() {
    let world = World::start().await;
    let new = world.create("shop", "orders", 7);
    let id = world.taken(&new).await.resource.unwrap();
    let job = world.claimed().await;
    world.store.begin_undo(&job.lease, "no disk", Some(ErrorClass::Final), world.now()).await.unwrap();
    world.finish(&world.claimed().await, abandoned("no disk; undoing it: down")).await;
    assert_eq!(world.usage("shop").await, (1, Decimal::from(7)), "something may be left");
    retry(&world, new.job).await.unwrap();
    let job = world.claimed().await;
    assert_eq!(job.phase, JobPhase::Undo);
    let finished = world.finish(&job, failed("no disk")).await;
    assert_eq!(finished, Finished { request: RequestState::Failed, resource: ResourceState::Failed });
    assert_eq!(world.resource(id).await.open_request, None);
    assert_eq!(world.usage("shop").await, (0, Decimal::ZERO));
    assert_eq!(state_of(&world, new.job).await, JobState::Failed);
}

#[tokio::test]
async fn a_change_that_could_not_be_undone_is_tried_again_until_it_is() {
    let world = World::start().await;
    let orders = world.done(&world.create("shop", "orders", 7)).await;
    let change = world.update(&orders, 9);
    world.taken(&change).await;
    let job = world.claimed().await;
    world.store.begin_undo(&job.lease, "no", Some(ErrorClass::Final), world.now()).await.unwrap();
    world.finish(&world.claimed().await, abandoned("no; undoing it: no")).await;
    retry(&world, change.job).await.unwrap();
    let job = world.claimed().await;
    assert_eq!((job.phase, job.resource.state), (JobPhase::Undo, ResourceState::Updating));
    world.finish(&job, failed("no")).await;
    let same = world.resource(orders.id).await;
    assert_eq!((same.state, same.revision, same.open_request), (ResourceState::Ready, 1, None));
}

#[tokio::test]
async fn only_what_is_dead_is_tried_again_and_not_while_something_else_is_under_way() {
    let world = World::start().await;
    let (orders, id) = dead_removal(&world).await;
    let left = world.resource(orders.id).await;
    let again = world.delete(&left);
    world.taken(&again).await;
    let audit = world.store.audit_head().await.unwrap().seq;
    let busy = retry(&world, id).await.unwrap_err();
    assert!(matches!(busy, InterveneError::Busy { .. }), "{busy:?}");
    let alive = retry(&world, again.job).await.unwrap_err();
    assert!(matches!(alive, InterveneError::NotDead { state: JobState::Queued }), "{alive:?}");
    world.finish(&world.claimed().await, JobEnd::Done { outputs: vec![] }).await;
    assert_eq!(state_of(&world, id).await, JobState::Failed, "what it left is gone, so nobody has to look at it");
    let told = world.store.audit_since(audit, 100).await.unwrap();
    let settled = told.iter().find(|entry| entry.action == "job.settled").expect("it says why it is dead no more");
    assert_eq!((settled.subject.clone(), settled.stream.as_str()), (format!("jobs/{id}"), "team/shop"));
    assert_eq!(settled.data.value()["settled_by"], json!(again.job));
    let settled = retry(&world, id).await.unwrap_err();
    assert!(matches!(settled, InterveneError::NotDead { state: JobState::Failed }), "{settled:?}");
    let cancelled = world.store.cancel_job(id, somewhere(&person("ana")), world.now()).await.unwrap_err();
    assert!(matches!(cancelled, InterveneError::Ended { .. }), "{cancelled:?}");
}

#[tokio::test]
async fn of_two_dead_removals_of_one_resource_the_first_that_works_settles_both() {
    let world = World::start().await;
    let (orders, first) = dead_removal(&world).await;
    let second = world.delete(&world.resource(orders.id).await);
    world.taken(&second).await;
    world.finish(&world.claimed().await, abandoned("still read-only")).await;
    assert_eq!(world.store.job_totals(world.now()).await.unwrap().dead, 2);
    retry(&world, first).await.unwrap();
    world.finish(&world.claimed().await, JobEnd::Done { outputs: vec![] }).await;
    assert_eq!(state_of(&world, second.job).await, JobState::Failed);
    assert_eq!(world.store.job_totals(world.now()).await.unwrap(), JobTotals::default());
}
