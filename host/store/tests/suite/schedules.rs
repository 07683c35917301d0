//! Work by the clock: once, whoever does it, and not made up for.

use macadam_core::names::ScheduleName;
use macadam_store::*;

use super::world::*;

fn name(text: &str) -> ScheduleName {
    text.parse().unwrap()
}

async fn claim(world: &World, worker: &str) -> Option<DueSchedule> {
    world.store.claim_schedule(&name("sweep"), worker, world.now(), world.later(LEASE)).await.unwrap()
}

async fn end(world: &World, due: &DueSchedule, outcome: RunOutcome, seconds: i64) -> Result<(), ScheduleError> {
    let run = RunEnd { outcome, note: "3 swept", next_run_at: world.later(seconds) };
    world.store.end_run(&due.lease, &run, world.now()).await
}

async fn one(world: &World) -> ScheduleRecord {
    let all = world.store.schedules().await.unwrap();
    assert_eq!(all.len(), 1);
    all.into_iter().next().unwrap()
}

#[tokio::test]
async fn a_schedule_runs_once_when_its_time_has_come_and_shows_how_it_went() {
    let world = World::start().await;
    assert!(claim(&world, "one").await.is_none(), "nobody knows it yet");
    world.store.know_schedule(&name("sweep"), "every 60 s", world.later(5)).await.unwrap();
    assert!(claim(&world, "one").await.is_none(), "its time has not come");
    world.advance(5);
    let due = claim(&world, "one").await.unwrap();
    assert!(claim(&world, "two").await.is_none(), "two runners, one run");
    world.advance(2);
    end(&world, &due, RunOutcome::Succeeded, 60).await.unwrap();
    let record = one(&world).await;
    assert_eq!((record.last_outcome, record.last_note.as_deref()), (Some(RunOutcome::Succeeded), Some("3 swept")));
    let took = record.last_ended_at.unwrap().duration_since(record.last_started_at.unwrap());
    assert_eq!((took.as_secs(), record.next_run_at, record.worker), (2, world.later(60), None));
    world.advance(100_000);
    let due = claim(&world, "two").await.unwrap();
    end(&world, &due, RunOutcome::Succeeded, 60).await.unwrap();
    assert!(claim(&world, "two").await.is_none(), "what was missed is not made up for");
}

#[tokio::test]
async fn a_runner_that_was_paused_has_lost_its_lease() {
    let world = World::start().await;
    world.store.know_schedule(&name("sweep"), "every 60 s", world.now()).await.unwrap();
    let paused = claim(&world, "paused").await.unwrap();
    world.store.hold_schedule(&paused.lease, world.later(LEASE)).await.unwrap();
    world.advance(LEASE);
    let awake = claim(&world, "awake").await.unwrap();
    assert_eq!(awake.failures, 1, "a host that vanished counts as a failure");
    let held = world.store.hold_schedule(&paused.lease, world.later(LEASE)).await;
    assert!(matches!(held, Err(ScheduleError::LeaseLost(_))), "{held:?}");
    let ended = end(&world, &paused, RunOutcome::Succeeded, 60).await;
    assert!(matches!(ended, Err(ScheduleError::LeaseLost(_))), "its word does not count: {ended:?}");
    assert_eq!(one(&world).await.last_outcome, Some(RunOutcome::Lost));
    end(&world, &awake, RunOutcome::Succeeded, 60).await.unwrap();
    let late = end(&world, &awake, RunOutcome::Failed, 60).await;
    assert!(matches!(late, Err(ScheduleError::LeaseLost(_))), "a run ends once: {late:?}");
}

#[tokio::test]
async fn failures_are_counted_until_a_run_succeeds() {
    let world = World::start().await;
    world.store.know_schedule(&name("sweep"), "every 60 s", world.now()).await.unwrap();
    for failures in 0..3 {
        let due = claim(&world, "one").await.unwrap();
        assert_eq!(due.failures, failures);
        end(&world, &due, RunOutcome::Failed, 0).await.unwrap();
    }
    let due = claim(&world, "one").await.unwrap();
    end(&world, &due, RunOutcome::Succeeded, 0).await.unwrap();
    assert_eq!(one(&world).await.failures, 0);
}

#[tokio::test]
async fn a_schedule_that_is_known_keeps_its_place_unless_it_runs_at_other_times_now() {
    let world = World::start().await;
    world.store.know_schedule(&name("sweep"), "every 60 s", world.later(60)).await.unwrap();
    world.store.know_schedule(&name("sweep"), "every 60 s", world.later(5)).await.unwrap();
    assert_eq!(one(&world).await.next_run_at, world.later(60), "a restart does not put it off or bring it on");
    world.store.know_schedule(&name("sweep"), "every 9 s", world.later(9)).await.unwrap();
    assert_eq!((one(&world).await.next_run_at, one(&world).await.timing), (world.later(9), "every 9 s".to_owned()));
}

#[tokio::test]
async fn a_run_that_is_later_than_it_can_be_is_brought_forward_unless_a_host_is_at_it() {
    let world = World::start().await;
    let bring = async |latest: i64| {
        world.store.bring_forward(&name("sweep"), world.later(latest), world.later(1)).await.unwrap()
    };
    world.store.know_schedule(&name("sweep"), "every 60 s", world.now()).await.unwrap();
    let due = claim(&world, "one").await.unwrap();
    assert!(!bring(-5).await, "a host is at it");
    end(&world, &due, RunOutcome::Succeeded, 100_000).await.unwrap();
    assert!(!bring(100_000).await, "it may be as late as that");
    assert!(bring(99_999).await);
    assert_eq!(one(&world).await.next_run_at, world.later(1));
    world.advance(1);
    assert!(claim(&world, "two").await.is_some(), "and it runs");
}

#[tokio::test]
async fn somebody_may_have_it_run_now_and_that_is_recorded() {
    let world = World::start().await;
    world.store.know_schedule(&name("sweep"), "every 60 s", world.later(60)).await.unwrap();
    let (audit, _) = world.marks().await;
    world.store.run_schedule(&name("sweep"), somewhere(&person("ada")), world.now()).await.unwrap();
    assert_eq!(world.actions_since(audit).await, ["schedule.run-requested"]);
    assert!(claim(&world, "one").await.is_some());
    let unknown = world.store.run_schedule(&name("swoop"), somewhere(&person("ada")), world.now()).await.unwrap_err();
    assert!(matches!(unknown, ScheduleError::NotFound(_)), "{unknown:?}");
}

#[tokio::test]
async fn what_is_asked_for_while_a_run_is_under_way_is_done_after_it() {
    let world = World::start().await;
    world.store.know_schedule(&name("sweep"), "every 60 s", world.now()).await.unwrap();
    for asked_after in [0, 2] {
        let due = claim(&world, "one").await.unwrap();
        world.advance(asked_after);
        world.store.run_schedule(&name("sweep"), somewhere(&person("ada")), world.now()).await.unwrap();
        assert!(claim(&world, "two").await.is_none(), "one run at a time");
        world.advance(1);
        end(&world, &due, RunOutcome::Succeeded, 60).await.unwrap();
    }
    let due = claim(&world, "two").await.expect("the run that was asked for");
    end(&world, &due, RunOutcome::Succeeded, 60).await.unwrap();
    assert_eq!(one(&world).await.next_run_at, world.later(60), "and then as ever");
}

#[tokio::test]
async fn whether_anything_has_expired_is_known_without_ending_it() {
    let world = World::start().await;
    let expired = async || world.store.anything_expired(world.now()).await.unwrap();
    let waits = world.needing(world.create("shop", "waits", 1), vec![need(&[], 1)]);
    world.taken(&waits).await;
    assert!(!expired().await);
    world.advance(WAIT);
    assert!(expired().await, "a wait is over");
    world.store.expire_pending(world.now(), 10).await.unwrap();
    assert!(!expired().await);
    let mut short = world.create("shop", "short", 1);
    if let Change::Create { desired, .. } = &mut short.change {
        desired.ttl_seconds = Some(10);
    }
    let short = world.done(&short).await;
    assert!(!expired().await);
    world.advance(10);
    assert!(expired().await, "a life time is over");
    world.taken(&world.delete(&short)).await;
    assert!(!expired().await, "and being ended");
}
