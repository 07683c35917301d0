//! The decision log is bounded: what goes, what stays, and that the totals are right.

use macadam_core::digest::Digest;
use macadam_store::*;

use super::decisions::{allowed, every, record};
use super::world::*;

fn estimate(input: u64) -> NewDecision {
    NewDecision { kind: DecisionKind::Estimate, ..allowed(input) }
}

/// Prunes until there is no more, and says how many records and bytes went, and in how many steps.
async fn prune(world: &World, kind: DecisionKind, keep: Retention) -> (u64, u64, u32) {
    let (mut records, mut bytes) = (0, 0);
    for step in 1.. {
        let pruned = world.store.prune_decisions(kind, &keep).await.unwrap();
        assert!(pruned.records <= 1024, "a step must be short");
        (records, bytes) = (records + pruned.records, bytes + pruned.bytes);
        if !pruned.more {
            return (records, bytes, step);
        }
    }
    unreachable!("the loop ends only by returning")
}

async fn totals(world: &World, kind: DecisionKind) -> (u64, u64) {
    let all = world.store.decision_totals().await.unwrap();
    all.iter().find(|totals| totals.kind == kind).map_or((0, 0), |totals| (totals.records, totals.bytes))
}

async fn has_text(world: &World, digest: Digest) -> bool {
    world.store.decision_text(&digest).await.unwrap().is_some()
}

#[tokio::test]
async fn what_is_too_old_goes_with_its_inputs_and_other_kinds_stay() {
    let world = World::start().await;
    record(&world, &[allowed(1), allowed(2), estimate(2), estimate(3)]).await;
    world.advance(60);
    let cut = world.now();
    record(&world, &[allowed(1), allowed(4)]).await;
    let keep = Retention { older_than: Some(cut), max_bytes: None };
    assert_eq!(prune(&world, DecisionKind::Policy, keep).await.0, 2);
    let left: Vec<_> = every(&world).await.iter().map(|kept| (kept.kind, kept.input)).collect();
    let input = |number| allowed(number).input.digest();
    let (policy, priced) = (DecisionKind::Policy, DecisionKind::Estimate);
    assert_eq!(left, [(priced, input(2)), (priced, input(3)), (policy, input(1)), (policy, input(4))]);
    assert_eq!(totals(&world, policy).await.0, 2);
    for (number, why) in [(1, "a newer decision has it"), (2, "another kind has it"), (4, "it is not old")] {
        assert!(has_text(&world, input(number)).await, "input {number} stays: {why}");
    }

    assert_eq!(prune(&world, priced, keep).await.0, 2);
    assert!(!has_text(&world, input(2)).await && !has_text(&world, input(3)).await, "nobody needs them any more");
    assert!(has_text(&world, allowed(1).settings.digest()).await, "settings go with their last decision only");
    assert_eq!(prune(&world, priced, keep).await, (0, 0, 1), "again is no error");
}

#[tokio::test]
async fn the_oldest_go_until_the_rest_fits() {
    let world = World::start().await;
    let all: Vec<_> = (0..3000).map(allowed).collect();
    let seqs = record(&world, &all).await;
    let (records, bytes) = totals(&world, DecisionKind::Policy).await;
    assert_eq!(records, 3000);
    let keep = Retention { older_than: None, max_bytes: Some(bytes / 2) };
    let (gone, freed, steps) = prune(&world, DecisionKind::Policy, keep).await;
    let (left, left_bytes) = totals(&world, DecisionKind::Policy).await;
    assert_eq!((gone + left, freed + left_bytes), (records, bytes), "what went and what stays is what there was");
    assert!(left_bytes <= bytes / 2 && (1400..=1500).contains(&left), "half stays, and hardly less: {left}");
    assert!(steps > 1, "a large cut is several steps");
    assert_eq!(every(&world).await[0].seq, seqs[3000 - left as usize], "the newest stay");

    let nothing = Retention { older_than: None, max_bytes: Some(0) };
    prune(&world, DecisionKind::Policy, nothing).await;
    assert_eq!(totals(&world, DecisionKind::Policy).await, (0, 0), "an empty log takes nothing");
    assert!(!has_text(&world, allowed(1).settings.digest()).await);
    let next = record(&world, &[allowed(1)]).await;
    assert!(next[0] > seqs[2999], "a number is never given twice");
}

#[tokio::test]
async fn a_text_counts_to_the_kind_that_brought_it_until_it_goes() {
    let world = World::start().await;
    record(&world, &[allowed(1), estimate(1)]).await;
    let (with_text, without) =
        (totals(&world, DecisionKind::Policy).await.1, totals(&world, DecisionKind::Estimate).await.1);
    assert!(with_text > without);
    let nothing = Retention { older_than: None, max_bytes: Some(0) };
    assert_eq!(prune(&world, DecisionKind::Policy, nothing).await.0, 1, "a text of others' use is no endless loop");
    assert_eq!(totals(&world, DecisionKind::Policy).await, (0, with_text - without));
    prune(&world, DecisionKind::Estimate, nothing).await;
    assert_eq!(totals(&world, DecisionKind::Policy).await, (0, 0));
}

#[tokio::test]
async fn no_bound_keeps_everything() {
    let world = World::start().await;
    record(&world, &[allowed(1)]).await;
    assert_eq!(prune(&world, DecisionKind::Policy, Retention::default()).await, (0, 0, 1));
    assert_eq!(prune(&world, DecisionKind::Plan, Retention { max_bytes: Some(0), ..Default::default() }).await.0, 0);
    assert_eq!(every(&world).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_written_while_old_records_go_keeps_its_texts() {
    let world = World::start().await;
    record(&world, &(0..2000).map(allowed).collect::<Vec<_>>()).await;
    world.advance(60);
    let keep = Retention { older_than: Some(world.now()), max_bytes: None };
    let writing = async {
        for _ in 0..20 {
            record(&world, &(0..100).map(allowed).collect::<Vec<_>>()).await;
        }
    };
    tokio::join!(writing, prune(&world, DecisionKind::Policy, keep));
    let page = PageRequest::first(10_000);
    let calls = world.store.recorded_calls(&DecisionFilter::default(), page).await.unwrap();
    assert_eq!(calls.len(), 2000, "every new record is there, with an input that its digest names");
    assert_eq!(totals(&world, DecisionKind::Policy).await.0, 2000);
}
