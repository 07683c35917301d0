//! What each claim of a job came to, kept and forgotten; and jobs in lists.

use macadam_core::lifecycle::JobState;
use macadam_core::retry::ErrorClass;
use macadam_store::*;

use super::world::*;

#[tokio::test]
async fn every_attempt_is_kept_with_worker_outcome_and_class() {
    let world = World::start().await;
    let new = world.create("shop", "orders", 1);
    world.taken(&new).await;
    let (store, sealed) = (&world.store, Sealed::new(*b"1"));
    let first = world.claim("one").await.unwrap();
    assert_eq!(store.attempts(new.job, 10).await.unwrap()[0].outcome, None, "it is at work");
    store.save_step(&first.lease, &sealed, world.now(), "half", world.now()).await.unwrap();
    let second = world.claim("two").await.unwrap();
    world.advance(3);
    store.retry_later(&second.lease, &passing("down", world.now()), world.now()).await.unwrap();
    world.claim("three").await.unwrap();
    world.advance(LEASE);
    let fourth = world.claim("four").await.unwrap();
    store.begin_undo(&fourth.lease, "broken", Some(ErrorClass::Final), world.now()).await.unwrap();
    let fifth = world.claim("five").await.unwrap();
    world.finish(&fifth, failed("broken")).await;

    let attempts = store.attempts(new.job, 10).await.unwrap();
    let told: Vec<_> = attempts
        .iter()
        .map(|one| (one.worker.as_str(), one.phase, one.outcome.unwrap(), one.error_class, one.note.as_deref()))
        .collect();
    let (provision, undo) = (JobPhase::Provision, JobPhase::Undo);
    assert_eq!(
        told,
        [
            ("one", provision, AttemptOutcome::Progressed, None, Some("half")),
            ("two", provision, AttemptOutcome::Retried, Some(ErrorClass::Passing), Some("down")),
            ("three", provision, AttemptOutcome::Lost, Some(ErrorClass::LeaseLost), None),
            ("four", provision, AttemptOutcome::Undoing, Some(ErrorClass::Final), Some("broken")),
            ("five", undo, AttemptOutcome::Failed, None, Some("broken")),
        ]
    );
    let took = attempts[1].ended_at.unwrap().duration_since(attempts[1].started_at);
    assert_eq!(took.as_secs(), 3);
    let last: Vec<_> = store.attempts(new.job, 2).await.unwrap().into_iter().map(|one| one.worker).collect();
    assert_eq!(last, ["four", "five"], "the last ones, in order");
}

#[tokio::test]
async fn since_when_a_job_fails_is_known_until_it_gets_on() {
    let world = World::start().await;
    world.taken(&world.create("shop", "orders", 1)).await;
    let began = world.now();
    let busy = Setback { class: ErrorClass::Overloaded, error: "busy", run_after: world.now() };
    world.store.retry_later(&world.claimed().await.lease, &busy, world.now()).await.unwrap();
    world.advance(5);
    let job = world.claimed().await;
    assert_eq!((job.before.failures, job.before.since), (0, Some(began)), "what was not tried uses up no try");
    world.store.retry_later(&job.lease, &passing("down", world.now()), world.now()).await.unwrap();
    let job = world.claimed().await;
    assert_eq!((job.before.failures, job.before.since), (1, Some(began)));
    world.store.save_step(&job.lease, &Sealed::new(*b"1"), world.now(), "", world.now()).await.unwrap();
    let job = world.claimed().await;
    assert_eq!((job.before.failures, job.before.since), (0, None));
}

#[tokio::test]
async fn old_attempts_are_forgotten_but_not_those_that_somebody_still_needs() {
    let world = World::start().await;
    let ended = world.create("shop", "ended", 1);
    world.done(&ended).await;
    let dead = world.create("shop", "dead", 1);
    world.taken(&dead).await;
    world.finish(&world.claimed().await, abandoned("no")).await;
    let open = world.create("shop", "open", 1);
    world.taken(&open).await;
    world.store.retry_later(&world.claimed().await.lease, &passing("down", world.now()), world.now()).await.unwrap();
    assert_eq!(world.store.forget_attempts(world.now(), 10).await.unwrap(), 0, "nothing is older than this moment");
    world.advance(1);
    assert_eq!(world.store.forget_attempts(world.now(), 10).await.unwrap(), 1);
    assert!(world.store.attempts(ended.job, 10).await.unwrap().is_empty());
    for kept in [dead.job, open.job] {
        assert_eq!(world.store.attempts(kept, 10).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn jobs_are_listed_newest_first_by_state_team_provider_and_phase_page_by_page() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for (team, name) in [("shop", "a"), ("web", "b"), ("shop", "c")] {
        let new = world.create(team, name, 1);
        world.taken(&new).await;
        ids.push(new.job);
        world.advance(1);
    }
    let list = async |filter: JobFilter, page| -> Vec<JobId> {
        world.store.list_jobs(&filter, page).await.unwrap().into_iter().map(|job| job.id).collect()
    };
    let all = JobFilter::default;
    assert_eq!(list(all(), PageRequest::first(2)).await, [ids[2], ids[1]]);
    assert_eq!(list(all(), PageRequest::after(ids[1], 2)).await, [ids[0]]);
    assert_eq!(list(JobFilter { team: Some(team_id("shop")), ..all() }, PageRequest::first(9)).await, [ids[2], ids[0]]);
    let of = |teams: &[&str]| JobFilter { teams: Some(teams.iter().map(|team| team_id(team)).collect()), ..all() };
    assert_eq!(list(of(&["shop", "web"]), PageRequest::first(9)).await, [ids[2], ids[1], ids[0]]);
    assert_eq!(list(of(&["web"]), PageRequest::first(9)).await, [ids[1]]);
    assert!(list(of(&[]), PageRequest::first(9)).await.is_empty(), "of no team there are none");
    let provider = |name: &str| JobFilter { provider: Some(name.parse().unwrap()), ..all() };
    assert_eq!(list(provider("macadam/postgres"), PageRequest::first(9)).await.len(), 3);
    assert!(list(provider("macadam/other"), PageRequest::first(9)).await.is_empty());
    let phase = JobFilter { phase: Some(JobPhase::Deprovision), ..all() };
    assert!(list(phase, PageRequest::first(9)).await.is_empty());
    world.claimed().await;
    let running = JobFilter { state: Some(JobState::Running), ..all() };
    assert_eq!(list(running, PageRequest::first(9)).await, [ids[0]]);
    let totals = world.store.job_totals(world.now()).await.unwrap();
    assert_eq!((totals.queued, totals.running, totals.dead), (2, 1, 0));
    let waits = world.now().duration_since(totals.oldest.unwrap()).as_secs();
    assert_eq!(waits, 2, "the longest wait counts");
    let job = world.store.job(ids[1]).await.unwrap().unwrap();
    assert_eq!((job.resource_key, job.requester), (key("web", "b"), person("ana")));
}
