//! Several processes on one database: what one writer at a time cannot get wrong, and many can.

use std::collections::BTreeSet;
use std::sync::Arc;

use macadam_core::audit::Origin;
use macadam_core::digest::Digest;
use macadam_core::lifecycle::RequestState;
use macadam_core::names::TeamId;
use macadam_store::*;
use serde_json::json;
use tokio::task::JoinSet;

use crate::suite::decisions::document;
use crate::suite::world::*;
use crate::{Database, open};

pub const REPLICAS: usize = 4;

pub async fn replicas(world: &World) -> Vec<PostgresStore> {
    let mut replicas = Vec::new();
    for _ in 0..REPLICAS {
        replicas.push(world.store.replica().await);
    }
    replicas
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_place_of_quota_is_given_once_whichever_replica_is_asked() {
    for _ in 0..5 {
        let world = World::start().await;
        world.limit("shop", at_most(1)).await;
        let mut racing = JoinSet::new();
        for (number, replica) in replicas(&world).await.into_iter().cycle().take(24).enumerate() {
            let (new, now) = (world.create("shop", &format!("db{number}"), 1), world.now());
            racing.spawn(async move { replica.submit(&new, now).await });
        }
        let results = racing.join_all().await;
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "one place, one resource");
        for refused in results.into_iter().filter_map(Result::err) {
            assert!(matches!(refused, SubmitError::OverQuota(_)), "a race is lost for one reason only: {refused:?}");
        }
        assert_eq!(world.usage("shop").await.0, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_budget_is_not_spent_twice_by_new_resources_and_changes_at_once() {
    let world = World::start().await;
    let mut resources = Vec::new();
    for number in 0..6 {
        resources.push(world.done(&world.create("shop", &format!("old{number}"), 10)).await);
    }
    world.limit("shop", budget(100)).await;
    let mut racing = JoinSet::new();
    for (number, replica) in replicas(&world).await.into_iter().cycle().take(12).enumerate() {
        let new = match resources.get(number / 2) {
            Some(old) if number % 2 == 0 => world.update(old, 30),
            _ => world.create("shop", &format!("new{number}"), 20),
        };
        let now = world.now();
        racing.spawn(async move { replica.submit(&new, now).await.map_err(|error| error.to_string()) });
    }
    let passed = racing.join_all().await.into_iter().filter(Result::is_ok).count();
    let (_, committed) = world.usage("shop").await;
    assert_eq!((passed, committed), (2, 100.into()), "each adds 20 to 60, so two fit and no more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_persons_approval_counts_once_and_makes_one_job() {
    for _ in 0..5 {
        let world = World::start().await;
        let new = world.needing(world.create("shop", "orders", 1), vec![need(&[], 1)]);
        world.taken(&new).await;
        let mut racing = JoinSet::new();
        for replica in replicas(&world).await.into_iter().cycle().take(16) {
            let (approval, now) = (world.approval(new.id, "bo", &[]), world.now());
            racing.spawn(async move { replica.approve(&approval, now).await });
        }
        let (won, lost): (Vec<_>, Vec<_>) = racing.join_all().await.into_iter().partition(Result::is_ok);
        assert_eq!(won.len(), 1, "{won:?}");
        for refused in lost.into_iter().filter_map(Result::err) {
            assert!(matches!(refused, ReviewError::NotPending { .. }), "{refused:?}");
        }
        assert_eq!(world.store.approvals(new.id).await.unwrap().len(), 1);
        assert!(world.claim("a").await.is_some() && world.claim("b").await.is_none());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_job_is_given_once_and_never_with_the_same_fence() {
    let world = World::start().await;
    let ids: BTreeSet<JobId> = {
        let mut ids = BTreeSet::new();
        for number in 0..20 {
            ids.extend(world.taken(&world.create("shop", &format!("db{number}"), 1)).await.job);
        }
        ids
    };
    for round in 1..=2 {
        let mut racing = JoinSet::new();
        for (worker, replica) in replicas(&world).await.into_iter().cycle().take(8).enumerate() {
            let (now, until) = (world.now(), world.later(LEASE));
            racing.spawn(async move {
                let mut got = Vec::new();
                while let Some(job) = replica.claim(&format!("w{worker}"), &JobLimits::NONE, now, until).await.unwrap()
                {
                    got.push((job.lease.job(), job.lease.fence()));
                }
                got
            });
        }
        let got: Vec<_> = racing.join_all().await.into_iter().flatten().collect();
        assert_eq!(got.len(), 20, "no job is given twice");
        assert_eq!(got.iter().map(|(job, _)| *job).collect::<BTreeSet<_>>(), ids, "and every one is given");
        assert!(got.iter().all(|(_, fence)| *fence == round), "each claim raises the fence: {got:?}");
        world.advance(LEASE + 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_replicas_that_ask_at_once_one_serves_the_other_team() {
    for _ in 0..10 {
        let world = World::start().await;
        for number in 0..4 {
            world.taken(&world.create("shop", &format!("db{number}"), 1)).await;
            world.advance(1);
        }
        world.taken(&world.create("web", "late", 1)).await;
        let mut racing = JoinSet::new();
        for replica in replicas(&world).await.into_iter().take(2) {
            let (now, until) = (world.now(), world.later(LEASE));
            racing.spawn(async move {
                replica.claim("w", &JobLimits::NONE, now, until).await.unwrap().unwrap().request.team
            });
        }
        let teams: BTreeSet<TeamId> = racing.join_all().await.into_iter().collect();
        assert_eq!(teams.len(), 2, "who has nothing at work goes first, also when it is asked at once: {teams:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_idempotency_key_is_held_by_one_whichever_replica_is_asked() {
    let world = World::start().await;
    let mut racing = JoinSet::new();
    for (number, replica) in replicas(&world).await.into_iter().cycle().take(24).enumerate() {
        let request = KeyedRequest {
            held: HeldKey { caller: person("ana"), key: "k".into(), holder: number.to_string() },
            asked: Digest::of(b"a database"),
            until: world.later(60),
        };
        let now = world.now();
        racing.spawn(async move { replica.take_key(&request, now).await.unwrap() });
    }
    let found = racing.join_all().await;
    assert_eq!(found.iter().filter(|found| **found == KeyState::Taken).count(), 1, "one was first");
    assert_eq!(found.iter().filter(|found| **found == KeyState::UnderWay).count(), 23, "{found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_change_of_bindings_is_one_generation_and_none_overwrites_another() {
    let world = World::start().await;
    let name = "cost".parse().unwrap();
    let why = || Attribution { actor: Some(person("ada")), origin: Origin::NONE, reason: "because".into() };
    let first = document(&json!({ "n": 0 }));
    world.store.put_binding(&name, Expected::Absent, &first, &why(), world.now()).await.unwrap();
    let mut racing = JoinSet::new();
    for (number, replica) in replicas(&world).await.into_iter().cycle().take(16).enumerate() {
        let (name, now, why) = (name.clone(), world.now(), why());
        racing.spawn(async move {
            let spec = document(&json!({ "n": number + 1 }));
            replica.put_binding(&name, Expected::Revision(1), &spec, &why, now).await
        });
    }
    let (won, lost): (Vec<_>, Vec<_>) = racing.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1, "of those who start from one revision one gets through");
    for refused in lost.into_iter().filter_map(Result::err) {
        assert!(matches!(refused, BindingError::Conflict { current: Some(2), .. }), "{refused:?}");
    }
    assert_eq!(world.store.bindings().await.unwrap().generation, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn replicas_that_start_at_once_on_an_empty_database_make_its_tables_once() {
    let database = Arc::new(Database::empty().await);
    let mut starting = JoinSet::new();
    for _ in 0..6 {
        let url = database.url();
        starting.spawn(async move { open(&url).await.teams().await.unwrap() });
    }
    for teams in starting.join_all().await {
        assert_eq!(teams, []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_job_that_is_taken_back_while_a_worker_begins_is_either_not_begun_or_undone() {
    let (mut at_once, mut undoing) = (0, 0);
    for round in 0..20 {
        let world = World::start().await;
        let new = world.create("shop", "orders", 1);
        world.taken(&new).await;
        let job = world.claimed().await;
        let all = replicas(&world).await;
        let (worker, person_at, now) = (all[0].clone(), all[1].clone(), world.now());
        let lease = job.lease;
        let begins = tokio::spawn(async move {
            if round % 2 == 0 {
                tokio::task::yield_now().await;
            }
            worker.begin_work(&lease, now).await
        });
        let cancels = tokio::spawn(async move { person_at.cancel_job(new.job, somewhere(&person("ana")), now).await });
        match (begins.await.unwrap(), cancels.await.unwrap().unwrap()) {
            (Err(JobError::LeaseLost { .. }), Cancelled::AtOnce) => {
                at_once += 1;
                assert_eq!(world.request_of(new.id).await.state, RequestState::Cancelled);
            }
            (Ok(()), Cancelled::Undoing) => {
                undoing += 1;
                let done = world.store.finish(&job.lease, &JobEnd::Done { outputs: vec![] }, now).await;
                assert!(matches!(done, Err(JobError::Cancelled { .. })), "nobody finds it there: {done:?}");
            }
            other => panic!("one of the two comes first, and the other knows: {other:?}"),
        }
    }
    assert_eq!(at_once + undoing, 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn limits_hold_whichever_replica_is_asked() {
    let world = World::start().await;
    for number in 0..12 {
        world.taken(&world.create(["shop", "web"][number % 2], &format!("db{number}"), 1)).await;
    }
    let limits = JobLimits { per_team: 2, per_provider: 3, ..JobLimits::NONE };
    let mut racing = JoinSet::new();
    for replica in replicas(&world).await.into_iter().cycle().take(12) {
        let (now, until, limits) = (world.now(), world.later(LEASE), limits.clone());
        racing.spawn(async move { replica.claim("w", &limits, now, until).await.unwrap() });
    }
    let claimed = racing.join_all().await.into_iter().flatten().count();
    assert_eq!(claimed, 3, "the provider's three places are given, and no more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_run_by_the_clock_is_one_replicas() {
    let world = World::start().await;
    let name: macadam_core::names::ScheduleName = "sweep".parse().unwrap();
    let all = replicas(&world).await;
    let mut starting = JoinSet::new();
    for replica in all.clone() {
        let (name, now) = (name.clone(), world.now());
        starting.spawn(async move { replica.know_schedule(&name, "every 60 s", now).await.unwrap() });
    }
    starting.join_all().await;
    for round in 1..=5 {
        let mut racing = JoinSet::new();
        for (number, replica) in all.iter().cloned().cycle().take(12).enumerate() {
            let (name, now, until) = (name.clone(), world.now(), world.later(LEASE));
            racing
                .spawn(async move { replica.claim_schedule(&name, &format!("w{number}"), now, until).await.unwrap() });
        }
        let due: Vec<_> = racing.join_all().await.into_iter().flatten().collect();
        assert_eq!(due.len(), 1, "round {round}: two runners, one run");
        let end = RunEnd { outcome: RunOutcome::Succeeded, note: "", next_run_at: world.later(60) };
        all[0].end_run(&due[0].lease, &end, world.now()).await.unwrap();
        world.advance(60);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_is_not_retired_under_a_value_that_another_replica_is_just_writing() {
    let world = World::start().await;
    let (writer, keeper) = (world.store.replica().await, world.store.replica().await);
    for round in 1..=20_u8 {
        let [old, new] = [SealingKeyId::new([2 * round; 8]), SealingKeyId::new([2 * round + 1; 8])];
        for key in [old, new] {
            let held: Vec<_> = keeper.sealing_keys().await.unwrap().in_use.iter().map(|key| key.id).collect();
            keeper.adopt_sealing_key(key, &held, world.now()).await.unwrap();
        }
        let name = format!("s{round}");
        let sealed = Sealed::under(old, b"x");
        let secret = SecretRecord { handle: name.clone(), scope: "s".into(), name, sealed };
        let (put, retired) = tokio::join!(
            writer.put_secret_if_absent(&secret, world.now()),
            keeper.retire_sealing_key(old, world.now())
        );
        match (put, retired.unwrap()) {
            (Ok(_), false) => {
                writer.delete_secrets("s").await.unwrap();
                assert!(keeper.retire_sealing_key(old, world.now()).await.unwrap(), "nothing is left under it");
            }
            (Err(StoreError::KeyRetired), true) => {}
            other => panic!("a value under a key that is retired would open for nobody: {other:?}"),
        }
        assert!(matches!(writer.put_secret_if_absent(&secret, world.now()).await, Err(StoreError::KeyRetired)));
    }
}
