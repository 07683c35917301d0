//! Several processes on one database: what one writer at a time cannot get wrong, and many can.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use macadam_core::names::TeamId;
use macadam_store::*;
use serde_json::json;
use tokio::task::JoinSet;

use crate::suite::decisions::{allowed, document};
use crate::suite::world::*;
use crate::{Database, open};

const REPLICAS: usize = 4;

async fn replicas(world: &World) -> Vec<PostgresStore> {
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
                while let Some(job) = replica.claim(&format!("w{worker}"), now, until).await.unwrap() {
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
            racing.spawn(async move { replica.claim("w", now, until).await.unwrap().unwrap().request.team });
        }
        let teams: BTreeSet<TeamId> = racing.join_all().await.into_iter().collect();
        assert_eq!(teams.len(), 2, "who has nothing at work goes first, also when it is asked at once: {teams:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_of_the_outbox_misses_nothing_and_the_audit_chain_holds() {
    let world = World::start().await;
    let start = world.marks().await.1;
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for replica in replicas(&world).await {
        let done = Arc::clone(&done);
        readers.spawn(async move {
            let (mut seen, mut last) = (0_u64, start);
            loop {
                // Asked before the read: what was written before it must then be in it.
                let over = done.load(Ordering::SeqCst);
                let events = replica.events_since(last, 7).await.unwrap();
                for event in &events {
                    assert_eq!(event.seq, last + 1, "an event became visible after a later one");
                    (last, seen) = (event.seq, seen + 1);
                }
                if over && events.is_empty() {
                    return seen;
                }
            }
        });
    }
    let mut writers = JoinSet::new();
    for (writer, replica) in replicas(&world).await.into_iter().cycle().take(8).enumerate() {
        let world = world.clone();
        writers.spawn(async move {
            for number in 0..25 {
                let now = world.now();
                match number % 3 {
                    0 => drop(
                        replica.submit(&world.create("shop", &format!("db{writer}-{number}"), 1), now).await.unwrap(),
                    ),
                    1 => drop(replica.append_audit(&entry(writer), now).await.unwrap()),
                    _ => drop(replica.append_event(&event(writer), now).await.unwrap()),
                }
                // One that is given up: whatever it had taken must not be missed.
                let given_up = world.create("web", &format!("x{writer}-{number}"), 1);
                drop(tokio::time::timeout(Duration::from_micros(200 * number), replica.submit(&given_up, now)).await);
            }
        });
    }
    writers.join_all().await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    done.store(true, Ordering::SeqCst);
    let end = world.marks().await;
    for seen in readers.join_all().await {
        assert_eq!(seen, end.1 - start, "every reader has seen every event, once and in order");
    }
    assert_eq!(world.store.verify_audit(None).await.unwrap(), end.0);
}

fn entry(writer: usize) -> NewAuditEntry {
    NewAuditEntry {
        actor: Some(person("root")),
        action: "plugin.activated".into(),
        subject: format!("plugins/p{writer}"),
        data: json!({ "weight": 0.1 }),
    }
}

fn event(writer: usize) -> NewEvent {
    let entry = entry(writer);
    NewEvent { event_type: "macadam.plugin.activated".into(), subject: entry.subject, data: entry.data }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_reader_of_the_decision_log_resumes_at_the_number_that_it_saw_last() {
    let world = World::start().await;
    let done = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for replica in replicas(&world).await.into_iter().take(2) {
        let done = Arc::clone(&done);
        readers.spawn(async move {
            let (mut last, mut latest) = (0, None);
            loop {
                let over = done.load(Ordering::SeqCst);
                let page = PageRequest::after(last, 50);
                let found = replica.decisions(&DecisionFilter::default(), page).await.unwrap();
                for decision in &found {
                    assert_eq!(decision.seq, last + 1, "a decision became visible after a later one");
                    assert!(latest <= Some(decision.at), "times ran backwards");
                    (last, latest) = (decision.seq, Some(decision.at));
                }
                if over && found.is_empty() {
                    return last;
                }
            }
        });
    }
    let mut writers = JoinSet::new();
    for (writer, replica) in replicas(&world).await.into_iter().enumerate() {
        // The clocks of replicas differ.
        let now = world.later(writer as i64 * 3);
        writers.spawn(async move {
            for number in 0..15 {
                // All share texts, and bring them in different orders.
                let mut batch: Vec<_> = (0..40).map(|input| allowed(number * 20 + input)).collect();
                if writer % 2 == 0 {
                    batch.reverse();
                }
                let seqs = replica.record_decisions(&batch, now).await.unwrap();
                assert!(seqs.is_sorted_by(|a, b| a + 1 == *b), "a batch is in one piece: {seqs:?}");
            }
        });
    }
    writers.join_all().await;
    done.store(true, Ordering::SeqCst);
    let written = (REPLICAS * 15 * 40) as u64;
    assert_eq!(readers.join_all().await, [written; 2]);
    assert_eq!(world.store.decision_totals().await.unwrap()[0].records, written);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_text_is_not_forgotten_while_another_replica_is_about_to_need_it() {
    let world = World::start().await;
    let mut racing = JoinSet::new();
    for (number, replica) in replicas(&world).await.into_iter().enumerate() {
        let now = world.now();
        racing.spawn(async move {
            for _ in 0..40 {
                if number == 0 {
                    let keep = Retention { max_bytes: Some(0), ..Retention::default() };
                    replica.prune_decisions(DecisionKind::Policy, &keep).await.unwrap();
                } else {
                    replica.record_decisions(&[allowed(1), allowed(2)], now).await.unwrap();
                }
            }
        });
    }
    racing.join_all().await;
    let keep = Retention { max_bytes: Some(0), ..Retention::default() };
    while world.store.prune_decisions(DecisionKind::Policy, &keep).await.unwrap().more {}
    let totals = world.store.decision_totals().await.unwrap();
    assert_eq!((totals[0].records, totals[0].bytes), (0, 0), "what is counted is what is there");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_idempotency_key_is_one_request_whichever_replica_is_asked() {
    let world = World::start().await;
    let mut racing = JoinSet::new();
    for replica in replicas(&world).await.into_iter().cycle().take(24) {
        let (mut new, now) = (world.create("shop", "orders", 1), world.now());
        new.idempotency_key = Some("k".into());
        racing.spawn(async move { replica.submit(&new, now).await.unwrap() });
    }
    let answers = racing.join_all().await;
    assert_eq!(answers.iter().map(|answer| answer.request).collect::<BTreeSet<_>>().len(), 1);
    assert_eq!(answers.iter().filter(|answer| !answer.replayed).count(), 1, "one was first");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn each_change_of_bindings_is_one_generation_and_none_overwrites_another() {
    let world = World::start().await;
    let name = "cost".parse().unwrap();
    let why = || Attribution { actor: Some(person("ada")), reason: "because".into() };
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
