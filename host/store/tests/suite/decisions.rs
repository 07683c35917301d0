//! The decision log: what was recorded reads back, in order, page by page.

use std::time::Instant;

use macadam_core::canonical::CanonicalJson;
use macadam_core::digest::Digest;
use macadam_core::limits::Usage;
use macadam_store::*;
use serde_json::json;

use super::world::*;

pub fn document(value: &serde_json::Value) -> CanonicalJson {
    CanonicalJson::new(value).unwrap()
}

/// The cost policy of team shop says yes to an input.
pub fn allowed(input: u64) -> NewDecision {
    NewDecision {
        kind: DecisionKind::Policy,
        role: DecisionRole::Active,
        team: team_id("shop"),
        binding: "cost".parse().unwrap(),
        plugin: serde_json::from_value(json!({ "name": "macadam/cost", "version": "1.0.0" })).unwrap(),
        component: Digest::of(b"cost 1.0.0"),
        contract: "macadam:plugin@0.1.0".into(),
        settings: document(&json!({ "threshold": 100 })),
        input: document(&json!({ "request": input })),
        request: None,
        subject: "shop/dev/postgres-database/orders".into(),
        outcome: DecisionOutcome::Answered(document(&json!({ "verdict": "allow" }))),
        usage: Usage { fuel: 20_000 + input, wall_ns: 41_000, peak_memory: 1 << 16, ..Usage::default() },
        pair: None,
        difference: None,
    }
}

pub async fn record(world: &World, decisions: &[NewDecision]) -> Vec<u64> {
    world.store.record_decisions(decisions, world.now()).await.unwrap()
}

pub async fn every(world: &World) -> Vec<DecisionRecord> {
    world.store.decisions(&DecisionFilter::default(), PageRequest::first(1_000_000)).await.unwrap()
}

#[tokio::test]
async fn a_decision_reads_back_as_it_was_recorded() {
    let world = World::start().await;
    let request = RequestId::new(world.now(), world.random());
    let usage = Usage { fuel: 1, wall_ns: 2, peak_memory: 3, output_bytes: 4, log_lines: 5, log_dropped: 6 };
    let new = NewDecision { request: Some(request), usage, ..allowed(7) };
    let seqs = record(&world, std::slice::from_ref(&new)).await;
    let kept = world.store.decision(seqs[0]).await.unwrap().unwrap();
    assert_eq!((kept.seq, kept.at, kept.kind, kept.role), (seqs[0], world.now(), new.kind, new.role));
    assert_eq!((&kept.team, &kept.binding, &kept.plugin), (&new.team, &new.binding, &new.plugin));
    assert_eq!((kept.component, &kept.contract), (new.component, &new.contract));
    assert_eq!((kept.settings, kept.input), (new.settings.digest(), new.input.digest()));
    assert_eq!((kept.request, &kept.subject), (Some(request), &new.subject));
    assert_eq!((&kept.outcome, kept.usage), (&new.outcome, usage));
    assert_eq!((kept.pair, &kept.difference), (None, &None));
    let calls = world.store.recorded_calls(&DecisionFilter::default(), PageRequest::first(10)).await.unwrap();
    assert_eq!(calls, [RecordedCall { decision: kept, settings: new.settings, input: new.input }]);
    assert_eq!(world.store.decision(seqs[0] + 1).await.unwrap(), None);
}

#[tokio::test]
async fn a_failure_is_recorded_with_its_kind_and_message() {
    let world = World::start().await;
    let outcome = DecisionOutcome::Failed { kind: "out-of-fuel".into(), message: "used 200000000".into() };
    record(&world, &[NewDecision { outcome: outcome.clone(), ..allowed(1) }]).await;
    assert_eq!(every(&world).await[0].outcome, outcome);
}

#[tokio::test]
async fn a_batch_of_any_size_is_numbered_in_its_order() {
    let world = World::start().await;
    let mut all = Vec::new();
    for size in [0, 1, 31, 32, 33, 200] {
        let batch: Vec<_> = (0..size).map(|n| allowed(size * 1000 + n)).collect();
        let seqs = record(&world, &batch).await;
        assert_eq!(seqs.len(), batch.len());
        all.extend(seqs.into_iter().zip(batch.iter().map(|new| new.usage.fuel)));
    }
    let kept: Vec<_> = every(&world).await.iter().map(|kept| (kept.seq, kept.usage.fuel)).collect();
    assert_eq!(kept, all, "each number is that of its own decision");
    assert!(all.is_sorted_by(|a, b| a.0 < b.0));
}

#[tokio::test]
async fn equal_inputs_and_settings_are_kept_once() {
    let world = World::start().await;
    record(&world, &[allowed(1)]).await;
    let bytes = async || world.store.decision_totals().await.unwrap()[0].bytes;
    let one = bytes().await;
    record(&world, &[allowed(1), allowed(1)]).await;
    let (three, other) = (bytes().await, allowed(2));
    record(&world, std::slice::from_ref(&other)).await;
    let four = bytes().await;
    assert!((three - one) / 2 < four - three, "a new input takes room of its own, a known one does not");
    let found = world.store.decision_text(&other.input.digest()).await.unwrap();
    assert_eq!(found.as_ref().map(CanonicalJson::as_str), Some(r#"{"request":2}"#));
    assert_eq!(world.store.decision_text(&other.settings.digest()).await.unwrap(), Some(other.settings));
    assert_eq!(world.store.decision_text(&Digest::of(b"never")).await.unwrap(), None);
}

#[tokio::test]
async fn pages_hold_every_decision_once_whatever_narrows_them() {
    let world = World::start().await;
    let batch: Vec<_> = (0..100).map(some_decision).collect();
    record(&world, &batch).await;
    let of = |narrow: fn(&mut DecisionFilter)| {
        let mut filter = DecisionFilter::default();
        narrow(&mut filter);
        filter
    };
    for (filter, expected) in [
        (of(|_| {}), 100),
        (of(|f| f.kind = Some(DecisionKind::Estimate)), 50),
        (of(|f| f.plugin = Some("macadam/price".parse().unwrap())), 50),
        (of(|f| f.binding = Some("price".parse().unwrap())), 50),
        (of(|f| f.component = Some(Digest::of(b"cost 1.0.0"))), 50),
        (of(|f| f.team = Some(team_id("web"))), 34),
        (of(|f| f.teams = Some(vec![team_id("web")])), 34),
        (of(|f| f.teams = Some(vec![team_id("web"), team_id("nobody")])), 34),
        (of(|f| f.teams = Some(Vec::new())), 0),
        (of(|f| f.role = Some(DecisionRole::Active)), 90),
        (of(|f| f.role = Some(DecisionRole::Canary)), 10),
        (of(|f| f.role = Some(DecisionRole::Shadow)), 0),
        (of(|f| (f.kind, f.team) = (Some(DecisionKind::Policy), Some(team_id("web")))), 17),
    ] {
        let (mut seen, mut page) = (Vec::new(), PageRequest::first(7));
        loop {
            let found = world.store.decisions(&filter, page).await.unwrap();
            let calls = world.store.recorded_calls(&filter, page).await.unwrap();
            assert_eq!(calls.iter().map(|call| &call.decision).collect::<Vec<_>>(), found.iter().collect::<Vec<_>>());
            let Some(last) = found.last() else { break };
            page = PageRequest::after(last.seq, 7);
            seen.extend(found.iter().map(|decision| decision.seq));
        }
        assert_eq!(seen.len(), expected, "{filter:?}");
        assert!(seen.is_sorted_by(|a, b| a < b), "in order and none twice: {filter:?}");
    }
}

/// Half of them prices, a third of them of team web, a tenth by a canary.
fn some_decision(number: u64) -> NewDecision {
    let mut new = allowed(number);
    if number.is_multiple_of(2) {
        new.kind = DecisionKind::Estimate;
        new.binding = "price".parse().unwrap();
        new.plugin = serde_json::from_value(json!({ "name": "macadam/price", "version": "2.0.0" })).unwrap();
        new.component = Digest::of(b"price 2.0.0");
    }
    if number.is_multiple_of(3) {
        new.team = team_id("web");
    }
    if number.is_multiple_of(10) {
        new.role = DecisionRole::Canary;
    }
    new
}

#[tokio::test]
async fn a_span_of_time_holds_what_was_recorded_in_it() {
    let world = World::start().await;
    let mut moments = Vec::new();
    for number in 0..5 {
        moments.push(world.now());
        record(&world, &[allowed(number), allowed(number)]).await;
        world.advance(60);
    }
    let count = async |since: Option<usize>, until: Option<usize>| {
        let moment = |index: usize| moments.get(index).copied().unwrap_or_else(|| world.later(3600));
        let filter = DecisionFilter { since: since.map(moment), until: until.map(moment), ..DecisionFilter::default() };
        world.store.decisions(&filter, PageRequest::first(100)).await.unwrap().len()
    };
    assert_eq!(count(None, None).await, 10);
    assert_eq!(count(Some(2), None).await, 6, "the first moment is part of the span");
    assert_eq!(count(None, Some(2)).await, 4, "the last is not");
    assert_eq!(count(Some(1), Some(3)).await, 4);
    assert_eq!(count(Some(9), None).await, 0);
    assert_eq!(count(None, Some(9)).await, 10);
}

#[tokio::test]
async fn times_do_not_run_backwards_when_the_clock_does() {
    let world = World::start().await;
    record(&world, &[allowed(1)]).await;
    let first = world.now();
    world.advance(-3600);
    record(&world, &[allowed(2)]).await;
    world.advance(7200);
    record(&world, &[allowed(3)]).await;
    let times: Vec<_> = every(&world).await.iter().map(|kept| kept.at).collect();
    assert_eq!(times, [first, first, world.now()]);
}

#[tokio::test]
async fn a_difference_is_found_with_the_answer_that_counted() {
    let world = World::start().await;
    let pair = || Some(PairId::new(world.now(), world.random()));
    let (one, two, three) = (pair(), pair(), pair());
    let shadow = |number: u64, pair, to: Option<&str>| NewDecision {
        role: DecisionRole::Shadow,
        component: Digest::of(b"cost 1.1.0"),
        pair,
        difference: to.map(|to| Difference { from: "allow".into(), to: to.into() }),
        ..allowed(number)
    };
    let active = |number: u64, pair| NewDecision { pair, ..allowed(number) };
    let batch = [active(1, one), active(2, two), shadow(2, two, None), shadow(1, one, Some("deny"))];
    let first = record(&world, &batch).await;
    let late = record(&world, &[shadow(3, three, Some("warn"))]).await;

    let cost = "cost".parse().unwrap();
    let found = world.store.differences(&cost, PageRequest::first(10)).await.unwrap();
    let said: Vec<_> = found.iter().map(|d| (d.shadow, d.active, d.difference.to.as_str())).collect();
    assert_eq!(said, [(first[3], Some(first[0]), "deny"), (late[0], None, "warn")]);
    let active_too = record(&world, &[active(3, three)]).await;
    let rest = world.store.differences(&cost, PageRequest::after(first[3], 10)).await.unwrap();
    assert_eq!(rest.iter().map(|d| d.active).collect::<Vec<_>>(), [Some(active_too[0])], "in whatever order they came");
    let other = world.store.differences(&"price".parse().unwrap(), PageRequest::first(10)).await.unwrap();
    assert_eq!(other, []);
    let refused = NewDecision { role: DecisionRole::Active, ..shadow(4, None, Some("deny")) };
    world.store.record_decisions(&[refused], world.now()).await.expect_err("only a shadow differs from an answer");
}

#[tokio::test]
async fn a_batch_is_written_whole_or_not_at_all() {
    let world = World::start().await;
    let difference = Some(Difference { from: "allow".into(), to: "deny".into() });
    let mut batch: Vec<_> = (0..100).map(allowed).collect();
    batch.push(NewDecision { difference, ..allowed(100) });
    world.store.record_decisions(&batch, world.now()).await.unwrap_err();
    assert_eq!(every(&world).await, []);
    assert_eq!(world.store.decision_text(&allowed(1).input.digest()).await.unwrap(), None);
    assert_eq!(world.store.decision_totals().await.unwrap(), []);
}

#[tokio::test]
async fn a_long_log_is_as_quick_at_its_end_as_at_its_start() {
    let world = World::start().await;
    let (batches, filler, start) = (100, "x".repeat(300), world.now());
    for batch in 0..batches {
        let batch: Vec<_> = (0..1000)
            .map(|number| {
                let input = document(&json!({ "request": batch * 1000 + number / 3, "filler": filler }));
                NewDecision { input, ..some_decision(number) }
            })
            .collect();
        let begun = Instant::now();
        record(&world, &batch).await;
        assert!(begun.elapsed().as_millis() < 1000, "a thousand must be written well under a second");
        world.advance(60);
    }
    let filters = [
        DecisionFilter::default(),
        DecisionFilter { plugin: Some("macadam/cost".parse().unwrap()), ..DecisionFilter::default() },
        DecisionFilter { role: Some(DecisionRole::Canary), ..DecisionFilter::default() },
        DecisionFilter { since: Some(world.later(-120)), ..DecisionFilter::default() },
    ];
    let from_start = DecisionFilter { since: Some(start), ..DecisionFilter::default() };
    let first = fastest_page(&world, &from_start, 0).await;
    for filter in filters {
        let first = first.min(fastest_page(&world, &filter, 0).await);
        let last = fastest_page(&world, &filter, batches * 1000 - 1100).await;
        assert!(last.as_secs_f64() < 3.0 * first.as_secs_f64() + 0.002, "{filter:?}: {first:?}, then {last:?}");
    }
}

/// The time of the fastest of some reads, since another test may be in the way of any one.
async fn fastest_page(world: &World, filter: &DecisionFilter, after: u64) -> std::time::Duration {
    let mut fastest = std::time::Duration::MAX;
    for _ in 0..5 {
        let begun = Instant::now();
        let page = world.store.recorded_calls(filter, PageRequest::after(after, 100)).await.unwrap();
        fastest = fastest.min(begun.elapsed());
        assert_eq!(page.len(), 100);
    }
    fastest
}
