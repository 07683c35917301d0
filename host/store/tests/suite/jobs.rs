//! Claims, leases and fences.

use macadam_core::lifecycle::{JobState, RequestState, ResourceState};
use macadam_core::retry::ErrorClass;
use macadam_store::*;

use super::world::*;

fn is_lost<T>(result: &Result<T, JobError>) -> bool {
    matches!(result, Err(JobError::LeaseLost { .. }))
}

#[tokio::test]
async fn a_claim_stores_that_the_step_begins_before_the_worker_hears_of_it() {
    let world = World::start().await;
    let new = world.create("shop", "orders", 1);
    world.taken(&new).await;
    let job = world.claimed().await;
    assert_eq!((job.attempt, job.before.failures, job.phase), (1, 0, JobPhase::Provision));
    assert!(job.state.is_none() && !job.begun);
    assert_eq!(job.request.state, RequestState::Running, "the worker gets the request as it is now");
    let stored = world.store.job(new.job).await.unwrap().unwrap();
    assert_eq!((stored.state, stored.attempt), (JobState::Running, 1));
    assert_eq!(stored.lease_until, Some(world.later(LEASE)));
    assert_eq!(world.request_of(new.id).await.state, RequestState::Running);
    assert!(world.claim("other").await.is_none(), "a leased job is nobody else's");
}

#[tokio::test]
async fn the_resource_is_updating_or_deleting_only_while_its_work_runs() {
    let world = World::start().await;
    let orders = world.done(&world.create("shop", "orders", 1)).await;
    for (change, at_work) in
        [(world.update(&orders, 2), ResourceState::Updating), (world.delete(&orders), ResourceState::Deleting)]
    {
        world.taken(&change).await;
        assert_eq!(world.resource(orders.id).await.state, ResourceState::Ready, "nothing has begun yet");
        let job = world.claimed().await;
        assert_eq!(job.resource.state, at_work);
        world.finish(&job, failed("not today")).await;
        assert_eq!(world.resource(orders.id).await.state, ResourceState::Ready);
    }
}

#[tokio::test]
async fn a_step_is_taken_up_with_the_state_that_the_last_one_left() {
    let world = World::start().await;
    let new = world.create("shop", "orders", 1);
    world.taken(&new).await;
    let first = world.claimed().await;
    let sealed = Sealed::new(*b"sealed");
    world.store.save_step(&first.lease, &sealed, world.later(5), "waiting for disk", world.now()).await.unwrap();
    assert_eq!(world.store.job(new.job).await.unwrap().unwrap().note.as_deref(), Some("waiting for disk"));
    assert!(world.claim("worker").await.is_none(), "not before its time");
    assert_eq!(world.store.next_wakeup(world.now()).await.unwrap(), Some(world.later(5)));

    world.advance(5);
    let second = world.claimed().await;
    assert_eq!((second.attempt, second.state.as_ref()), (2, Some(&sealed)));
    assert!(second.begun && second.lease.fence() > first.lease.fence());
    assert_eq!(second.request.state, RequestState::Running);

    world.store.retry_later(&second.lease, &passing("database is down", world.later(7)), world.now()).await.unwrap();
    world.advance(7);
    let third = world.claimed().await;
    assert_eq!((third.attempt, third.before.failures, third.state.as_ref()), (3, 1, Some(&sealed)));
    assert_eq!(third.error.as_deref(), Some("database is down"));
    world.store.save_step(&third.lease, &sealed, world.now(), "", world.now()).await.unwrap();
    assert_eq!(world.claimed().await.before.failures, 0, "progress forgives what went wrong before");
}

#[tokio::test]
async fn a_lease_that_ran_out_is_taken_over_and_its_worker_is_refused_whatever_it_wants() {
    let world = World::start().await;
    world.taken(&world.create("shop", "orders", 1)).await;
    let slow = world.claimed().await;
    world.advance(LEASE - 1);
    world.store.heartbeat(&slow.lease, world.later(LEASE)).await.unwrap();
    world.advance(LEASE - 1);
    assert!(world.claim("other").await.is_none(), "a heartbeat holds the lease");
    world.advance(1);
    let quick = world.claim("other").await.expect("a lease that ran out is free");
    assert_eq!((quick.attempt, quick.before.failures), (2, 1), "a worker that vanished counts as a failure");

    let (store, now, sealed) = (&world.store, world.now(), Sealed::new(*b"late"));
    let decision = world.create("shop", "x", 1).decision;
    assert!(is_lost(&store.begin_work(&slow.lease, now).await));
    assert!(is_lost(&store.heartbeat(&slow.lease, world.later(LEASE)).await));
    assert!(is_lost(&store.save_step(&slow.lease, &sealed, now, "", now).await));
    assert!(is_lost(&store.retry_later(&slow.lease, &passing("late", now), now).await));
    assert!(is_lost(&store.begin_undo(&slow.lease, "late", Some(ErrorClass::Final), now).await));
    assert!(is_lost(&store.redecide(&slow.lease, &decision, now).await));
    assert!(is_lost(&store.finish(&slow.lease, &failed("late"), now).await));
    world.finish(&quick, JobEnd::Done { outputs: vec![] }).await;
    assert!(is_lost(&store.finish(&quick.lease, &failed("twice"), now).await), "a job ends once");
    assert_eq!(world.store.next_wakeup(now).await.unwrap(), None);
}

#[tokio::test]
async fn a_step_that_is_saved_gives_up_the_lease() {
    let world = World::start().await;
    world.taken(&world.create("shop", "orders", 1)).await;
    let job = world.claimed().await;
    world.store.save_step(&job.lease, &Sealed::new(*b"1"), world.now(), "", world.now()).await.unwrap();
    assert!(is_lost(&world.store.finish(&job.lease, &failed("late"), world.now()).await));
}

#[tokio::test]
async fn undoing_starts_from_nothing_and_ends_in_failure_only() {
    let world = World::start().await;
    let new = world.create("shop", "orders", 1);
    world.taken(&new).await;
    let job = world.claimed().await;
    world.store.save_step(&job.lease, &Sealed::new(*b"half"), world.now(), "", world.now()).await.unwrap();
    let job = world.claimed().await;
    world.store.begin_undo(&job.lease, "quota of the cloud", Some(ErrorClass::Final), world.now()).await.unwrap();

    let undo = world.claimed().await;
    assert_eq!((undo.phase, undo.attempt, undo.state.is_none()), (JobPhase::Undo, 1, true));
    assert_eq!(undo.error.as_deref(), Some("quota of the cloud"), "the reason is not lost with the worker");
    let refused = world.store.finish(&undo.lease, &JobEnd::Done { outputs: vec![] }, world.now()).await.unwrap_err();
    assert!(matches!(refused, JobError::WrongPhase { .. }), "{refused:?}");
    let refused = world.store.begin_undo(&undo.lease, "again", Some(ErrorClass::Final), world.now()).await.unwrap_err();
    assert!(matches!(refused, JobError::WrongPhase { .. }), "{refused:?}");
    world.finish(&undo, failed("quota of the cloud")).await;
    let request = world.request_of(new.id).await;
    assert_eq!((request.state, request.failure.as_deref()), (RequestState::Failed, Some("quota of the cloud")));
}

#[tokio::test]
async fn jobs_go_first_come_first_served() {
    let world = World::start().await;
    let mut order = Vec::new();
    for name in ["a", "b", "c"] {
        let new = world.create("shop", name, 1);
        order.push(world.taken(&new).await.job.unwrap());
        world.advance(1);
    }
    for expected in order {
        let job = world.claimed().await;
        assert_eq!(job.lease.job(), expected, "the longest wait goes first");
        world.finish(&job, JobEnd::Done { outputs: vec![] }).await;
    }
}

#[tokio::test]
async fn a_team_with_many_requests_does_not_keep_another_waiting() {
    let world = World::start().await;
    for number in 0..5 {
        world.taken(&world.create("shop", &format!("db{number}"), 1)).await;
        world.advance(1);
    }
    world.taken(&world.create("web", "late", 1)).await;
    let teams = [world.claimed().await, world.claimed().await, world.claimed().await].map(|job| job.request.team);
    assert_eq!(teams, [team_id("shop"), team_id("web"), team_id("shop")], "who has nothing at work goes first");
}

#[tokio::test]
async fn what_was_approved_and_would_not_be_done_waits_for_approval_again() {
    let world = World::start().await;
    let orders = world.done(&world.create("shop", "orders", 1)).await;
    let new = world.needing(world.update(&orders, 2), vec![need(&[], 1)]);
    world.taken(&new).await;
    world.approve(new.id, "bo").await.unwrap();
    let job = world.claimed().await;
    let mut changed = new.decision.clone();
    changed.digest = macadam_core::digest::Digest::of(b"2");
    assert_eq!(world.store.redecide(&job.lease, &changed, world.now()).await.unwrap(), Redecided::ReturnedToPending);
    let request = world.request_of(new.id).await;
    assert_eq!((request.state, request.digest), (RequestState::PendingApproval, changed.digest));
    assert!(world.store.approvals(new.id).await.unwrap().is_empty(), "approvals were for what is not done any more");
    assert_eq!(world.resource(orders.id).await.state, ResourceState::Ready);
    assert_eq!(world.resource(orders.id).await.open_request, Some(new.id), "it still holds its resource");
    assert!(world.claim("worker").await.is_none());

    let stale = world.approve(new.id, "bo").await.unwrap_err();
    assert!(matches!(stale, ReviewError::DigestChanged { .. }), "{stale:?}");
    let again = Approval { digest: changed.digest, ..world.approval(new.id, "bo", &[]) };
    let outcome = world.store.approve(&again, world.now()).await.unwrap();
    assert_eq!(outcome, ApproveOutcome::Queued { job: again.job }, "it gets a new job");
    let job = world.claimed().await;
    world.finish(&job, JobEnd::Done { outputs: vec![] }).await;
    assert_eq!(world.resource(orders.id).await.revision, orders.revision + 1);
}

#[tokio::test]
async fn a_new_decision_that_asks_for_nobody_lets_the_worker_go_on() {
    let world = World::start().await;
    let new = world.needing(world.create("shop", "orders", 1), vec![need(&[], 1)]);
    world.taken(&new).await;
    world.approve(new.id, "bo").await.unwrap();
    let job = world.claimed().await;
    let allowed = Decision { approval: None, ..new.decision.clone() };
    assert_eq!(world.store.redecide(&job.lease, &allowed, world.now()).await.unwrap(), Redecided::GoesOn);
    world.store.begin_work(&job.lease, world.now()).await.unwrap();
    let refused = world.store.redecide(&job.lease, &new.decision, world.now()).await.unwrap_err();
    assert!(matches!(refused, JobError::WrongPhase { .. }), "work that has begun is not decided anew: {refused:?}");
    world.finish(&job, JobEnd::Done { outputs: vec![] }).await;
}
