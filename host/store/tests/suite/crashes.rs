//! Workers that die anywhere, people who change their minds, and a provider that counts what it does: whatever happens,
//! every job comes to an end, nothing is made twice, and what is there is what the store says is there.

use std::collections::{BTreeMap, BTreeSet};

use macadam_core::lifecycle::{JobState, ResourceState};
use macadam_core::retry::{ErrorClass, Failure, Next, RetryRule};
use macadam_store::*;

use super::world::*;

/// Parts that a resource is made of, one by each step.
const PARTS: u8 = 3;

const RULE: RetryRule = RetryRule {
    first: jiff::SignedDuration::from_secs(1),
    longest: jiff::SignedDuration::from_secs(4),
    tries: 3,
    age: jiff::SignedDuration::from_secs(500),
};

/// Numbers that only look random (Knuth, TAOCP 2, section 3.3.4, table 1, line 26).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % sides
    }

    fn one_in(&mut self, sides: u64) -> bool {
        self.roll(sides) == 0
    }
}

/// What the provider made: the parts that are there, and how often each was ever made.
#[derive(Default)]
struct Target {
    there: BTreeMap<ResourceId, Vec<u8>>,
    made: BTreeMap<(ResourceId, u8), u32>,
    broken: bool,
}

impl Target {
    /// One step of a provider that keeps the contract: a step that is taken again finds its own work.
    fn provision(&mut self, id: ResourceId, done: u8) -> Result<u8, ErrorClass> {
        if self.broken {
            return Err(ErrorClass::Passing);
        }
        let there = self.there.entry(id).or_default();
        if !there.contains(&done) {
            there.push(done);
            *self.made.entry((id, done)).or_default() += 1;
        }
        Ok(done + 1)
    }

    fn deprovision(&mut self, id: ResourceId) -> Result<(), ErrorClass> {
        if self.broken {
            return Err(ErrorClass::Passing);
        }
        self.there.remove(&id);
        Ok(())
    }
}

/// One claim of a worker that may die between any two things it does. What it says is refused at most with a type.
async fn work(world: &World, target: &mut Target, dice: &mut Dice, deadly: u64) -> bool {
    let Some(job) = world.claim("w").await else { return false };
    let dies = |dice: &mut Dice| deadly > 0 && dice.one_in(deadly);
    if dies(dice) {
        return true;
    }
    let (store, lease, now) = (&world.store, &job.lease, world.now());
    if job.cancelled.is_some() && job.phase == JobPhase::Provision {
        typed(store.begin_undo(lease, "cancelled", None, now).await);
        return true;
    }
    if !job.begun && job.phase != JobPhase::Undo && store.begin_work(lease, now).await.is_err() {
        return true;
    }
    if dies(dice) {
        return true;
    }
    let done = job.state.as_ref().and_then(|state| state.as_bytes().first().copied()).unwrap_or(0);
    let outcome = match job.phase {
        JobPhase::Provision => target.provision(job.resource.id, done),
        JobPhase::Undo | JobPhase::Deprovision => target.deprovision(job.resource.id).map(|()| PARTS),
    };
    // The effect is there, and nobody has been told.
    if dies(dice) {
        return true;
    }
    match outcome {
        Ok(done) if done < PARTS => {
            typed(store.save_step(lease, &Sealed::new([done]), now, "on it", now).await);
        }
        Ok(_) => finish(world, &job).await,
        Err(class) => fail(world, &job, class, dice.roll(u64::MAX)).await,
    }
    true
}

async fn finish(world: &World, job: &ClaimedJob) {
    let end = match job.phase {
        JobPhase::Undo => failed("given up"),
        JobPhase::Provision | JobPhase::Deprovision => JobEnd::Done { outputs: vec![] },
    };
    match world.store.finish(&job.lease, &end, world.now()).await {
        Err(JobError::Cancelled { .. }) => {
            typed(world.store.begin_undo(&job.lease, "cancelled", None, world.now()).await);
        }
        finished => typed(finished.map(drop)),
    }
}

async fn fail(world: &World, job: &ClaimedJob, class: ErrorClass, random: u64) {
    let (store, lease, now) = (&world.store, &job.lease, world.now());
    match RULE.next(&Failure::new(class, "down"), job.before, now, random) {
        Next::Again(run_after) => {
            typed(store.retry_later(lease, &Setback { class, error: "down", run_after }, now).await);
        }
        Next::GiveUp(_) if job.phase == JobPhase::Provision => {
            typed(store.begin_undo(lease, "down", Some(class), now).await);
        }
        Next::GiveUp(_) => typed(store.finish(lease, &abandoned("down"), now).await.map(drop)),
    }
}

fn typed(result: Result<(), JobError>) {
    if let Err(JobError::Store(error)) = result {
        panic!("a refusal must be typed: {error}");
    }
}

/// Somebody wants something, or wants it no more, or mends what has died.
async fn change_of_mind(world: &World, dice: &mut Dice, number: u64) {
    let jobs = world.store.list_jobs(&JobFilter::default(), PageRequest::first(50)).await.unwrap();
    let any = jobs.get(usize::try_from(dice.roll(jobs.len().max(1) as u64)).unwrap());
    match (dice.roll(4), any) {
        (0, Some(job)) => drop(world.store.cancel_job(job.id, somewhere(&person("ana")), world.now()).await),
        (1, Some(job)) => drop(world.store.retry_job(job.id, somewhere(&person("ada")), world.now()).await),
        (2, Some(job)) => {
            let of = world.resource(job.resource).await;
            drop(world.submit(&world.delete(&of)).await);
        }
        _ => drop(world.submit(&world.create("shop", &format!("db{number}"), 1)).await),
    }
}

async fn run(seed: u64, seen: &mut BTreeSet<&'static str>) {
    let (world, mut target, mut dice) = (World::start().await, Target::default(), Dice(seed));
    for number in 0..60 {
        change_of_mind(&world, &mut dice, number).await;
        target.broken = dice.one_in(4);
        for _ in 0..dice.roll(4) {
            work(&world, &mut target, &mut dice, 4).await;
            world.advance(i64::try_from(dice.roll(6)).unwrap());
        }
        if dice.one_in(3) {
            world.advance(LEASE);
        }
    }
    target.broken = false;
    // Nobody dies any more, and what is dead is tried again.
    for _ in 0..2 {
        world.advance(LEASE);
        while world.store.next_wakeup(world.now()).await.unwrap().is_some() {
            work(&world, &mut target, &mut dice, 0).await;
            world.advance(5);
        }
        let dead = JobFilter { state: Some(JobState::Dead), ..JobFilter::default() };
        for job in world.store.list_jobs(&dead, PageRequest::first(100)).await.unwrap() {
            // Of two on one resource the first holds it, and settles the other.
            drop(world.store.retry_job(job.id, somewhere(&person("ada")), world.now()).await);
        }
    }
    check(&world, &target, seed, seen).await;
}

async fn check(world: &World, target: &Target, seed: u64, seen: &mut BTreeSet<&'static str>) {
    let jobs = world.store.list_jobs(&JobFilter::default(), PageRequest::first(1000)).await.unwrap();
    for job in &jobs {
        let ended = job.state.is_final() && job.state != JobState::Dead;
        assert!(ended, "seed {seed}: {} is {} at the end", job.id, job.state);
        let attempts = world.store.attempts(job.id, 1000).await.unwrap();
        assert!(attempts.iter().all(|one| one.outcome.is_some()), "seed {seed}: {attempts:?}");
        seen.insert(job.state.as_str());
        seen.extend(attempts.iter().filter_map(|one| one.outcome).map(AttemptOutcome::as_str));
    }
    let filter = ResourceFilter { include_gone: true, ..ResourceFilter::default() };
    for resource in world.store.list_resources(&filter, PageRequest::first(1000)).await.unwrap() {
        let parts = target.there.get(&resource.id).map_or(0, Vec::len);
        let expected = if resource.state == ResourceState::Ready { usize::from(PARTS) } else { 0 };
        assert_eq!(parts, expected, "seed {seed}: {} is {}", resource.key, resource.state);
        assert_eq!(resource.open_request, None, "seed {seed}: nothing is under way any more");
    }
    let twice: Vec<_> = target.made.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "seed {seed}: nothing is made twice: {twice:?}");
    world.store.verify_audit(None).await.unwrap();
}

#[tokio::test]
async fn whoever_dies_wherever_nothing_is_made_twice_and_every_job_comes_to_an_end() {
    let mut seen = BTreeSet::new();
    for seed in 0..12 {
        run(seed, &mut seen).await;
    }
    for word in ["succeeded", "failed", "cancelled", "dead", "lost", "retried", "undoing", "progressed", "done"] {
        assert!(seen.contains(word), "{word} has to come about, or nothing is said about it: {seen:?}");
    }
}
