//! Several processes that write to one log, and readers who follow it: nothing becomes visible after what comes later.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use macadam_store::*;
use serde_json::json;
use tokio::task::JoinSet;

use crate::replicas::{REPLICAS, replicas};
use crate::suite::decisions::allowed;
use crate::suite::world::*;

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
    let entry = NewAuditEntry::new("plugin.activated", format!("plugins/p{writer}")).by(Some(&person("root")));
    // Writers meet in a stream, and between streams.
    let entry = if writer.is_multiple_of(2) { entry.of_team(&team_id("shop")) } else { entry };
    entry.with(json!({ "weight": 0.1 }))
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
