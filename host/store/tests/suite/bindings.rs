//! The desired state of plugins: revisions, generations, history.

use macadam_core::audit::Origin;
use macadam_core::canonical::CanonicalJson;
use macadam_core::names::BindingName;
use macadam_store::*;
use serde_json::json;
use tokio::task::JoinSet;

use super::world::*;

fn name(text: &str) -> BindingName {
    text.parse().unwrap()
}

fn spec(version: &str) -> CanonicalJson {
    CanonicalJson::new(&json!({ "plugin": "macadam/cost", "active": version })).unwrap()
}

fn why(reason: &str) -> Attribution {
    Attribution { actor: Some(person("root")), origin: Origin::NONE, reason: reason.into() }
}

async fn put(world: &World, text: &str, expected: Expected, version: &str) -> Result<BindingRecord, BindingError> {
    world.store.put_binding(&name(text), expected, &spec(version), &why("because"), world.now()).await
}

async fn apply(world: &World, changes: &[BindingChange], generation: Option<u64>) -> Result<Applied, BindingError> {
    world.store.apply_bindings(changes, generation, &why("gitops"), world.now()).await
}

/// A binding's whole life.
pub async fn made_changed_and_removed(world: &World) {
    put(world, "cost", Expected::Absent, "1.0.0").await.unwrap();
    put(world, "cost", Expected::Revision(1), "1.1.0").await.unwrap();
    world.store.remove_binding(&name("cost"), Expected::Any, &why("x"), world.now()).await.unwrap();
}

#[tokio::test]
async fn a_binding_counts_its_revisions_and_the_set_its_generations() {
    let world = World::start().await;
    assert_eq!(world.store.bindings_generation().await.unwrap(), 0);
    let cost = put(&world, "cost", Expected::Absent, "1.0.0").await.unwrap();
    assert_eq!((cost.revision, cost.generation), (1, 1));
    put(&world, "naming", Expected::Any, "1.0.0").await.unwrap();
    world.advance(1);
    let cost = put(&world, "cost", Expected::Revision(1), "1.1.0").await.unwrap();
    assert_eq!((cost.revision, cost.generation, cost.changed_at), (2, 3, world.now()));
    assert_eq!((cost.actor.clone(), cost.reason.as_str()), (Some(person("root")), "because"));

    let set = world.store.bindings().await.unwrap();
    assert_eq!((set.generation, world.store.bindings_generation().await.unwrap()), (3, 3));
    assert_eq!(set.bindings.iter().map(|b| b.name.as_str()).collect::<Vec<_>>(), ["cost", "naming"]);
    assert_eq!(set.bindings[0], cost);
    assert_eq!(world.store.binding(&name("cost")).await.unwrap(), Some(cost));
    assert_eq!(world.store.binding(&name("none")).await.unwrap(), None);
}

#[tokio::test]
async fn who_starts_from_another_revision_is_told_the_current_one_and_changes_nothing() {
    let world = World::start().await;
    put(&world, "cost", Expected::Absent, "1.0.0").await.unwrap();
    put(&world, "cost", Expected::Revision(1), "1.1.0").await.unwrap();
    let before = world.store.bindings().await.unwrap();
    for (text, expected, current) in [
        ("cost", Expected::Absent, Some(2)),
        ("cost", Expected::Revision(1), Some(2)),
        ("cost", Expected::Revision(3), Some(2)),
        ("none", Expected::Revision(1), None),
    ] {
        let refused = put(&world, text, expected, "9.0.0").await.unwrap_err();
        assert!(matches!(&refused, BindingError::Conflict { current: c, .. } if *c == current), "{refused:?}");
        let refused = world.store.remove_binding(&name(text), expected, &why("x"), world.now()).await;
        if expected != Expected::Absent || current.is_some() {
            assert!(matches!(refused, Err(BindingError::Conflict { current: c, .. }) if c == current), "{refused:?}");
        }
    }
    assert_eq!(world.store.bindings().await.unwrap(), before);
}

#[tokio::test]
async fn the_same_spec_again_is_no_revision_no_generation_and_no_audit_entry() {
    let world = World::start().await;
    let first = put(&world, "cost", Expected::Any, "1.0.0").await.unwrap();
    let (audit, told) = world.marks().await;
    world.advance(1);
    let shuffled: CanonicalJson = serde_json::from_str(r#"{ "plugin": "macadam/cost", "active": "1.0.0" }"#).unwrap();
    let again = world.store.put_binding(&name("cost"), Expected::Revision(1), &shuffled, &why("x"), world.now()).await;
    assert_eq!(again.unwrap(), first, "the order of keys is no change");
    world.store.remove_binding(&name("none"), Expected::Any, &why("x"), world.now()).await.unwrap();
    let same = apply(&world, &[BindingChange::put(name("cost"), Expected::Any, spec("1.0.0"))], Some(1)).await.unwrap();
    assert_eq!(same, Applied { generation: 1, changed: vec![] }, "applying twice is a no-op");
    assert_eq!(world.marks().await, (audit, told));
}

#[tokio::test]
async fn a_name_that_is_used_again_goes_on_counting() {
    let world = World::start().await;
    put(&world, "cost", Expected::Absent, "1.0.0").await.unwrap();
    world.store.remove_binding(&name("cost"), Expected::Revision(1), &why("done"), world.now()).await.unwrap();
    assert_eq!(world.store.binding(&name("cost")).await.unwrap(), None);
    assert_eq!(world.store.bindings().await.unwrap(), BindingSet { generation: 2, bindings: vec![] });
    let again = put(&world, "cost", Expected::Absent, "1.0.0").await.unwrap();
    assert_eq!(again.revision, 3, "revision 1 must never mean another binding");
    let stale = put(&world, "cost", Expected::Revision(1), "2.0.0").await.unwrap_err();
    assert!(matches!(stale, BindingError::Conflict { current: Some(3), .. }), "{stale:?}");
}

#[tokio::test]
async fn every_revision_stays_in_the_history_so_a_rollback_is_putting_an_earlier_one() {
    let world = World::start().await;
    for version in ["1.0.0", "1.1.0", "1.2.0"] {
        put(&world, "cost", Expected::Any, version).await.unwrap();
        world.advance(1);
    }
    let history = world.store.binding_history(&name("cost"), 2).await.unwrap();
    assert_eq!(history.iter().map(|r| r.revision).collect::<Vec<_>>(), [3, 2], "the newest first");
    let previous = history[1].spec.clone().unwrap();
    assert_eq!(previous, spec("1.1.0"));
    let canary = Attribution { actor: None, origin: Origin::NONE, reason: "the canary denies too much".into() };
    let rolled = world.store.put_binding(&name("cost"), Expected::Revision(3), &previous, &canary, world.now()).await;
    assert_eq!(rolled.unwrap().revision, 4);
    world.store.remove_binding(&name("cost"), Expected::Any, &why("gone"), world.now()).await.unwrap();

    let history = world.store.binding_history(&name("cost"), 100).await.unwrap();
    assert_eq!(history.len(), 5);
    assert_eq!((history[0].spec.clone(), history[0].reason.as_str()), (None, "gone"), "a removal is a revision too");
    assert_eq!((history[1].actor.clone(), history[1].reason.as_str()), (None, "the canary denies too much"));
    assert_eq!(world.store.binding_revision(&name("cost"), 4).await.unwrap(), Some(history[1].clone()));
    assert_eq!(world.store.binding_revision(&name("cost"), 6).await.unwrap(), None);
}

#[tokio::test]
async fn several_bindings_change_together_or_not_at_all() {
    let world = World::start().await;
    put(&world, "cost", Expected::Absent, "1.0.0").await.unwrap();
    put(&world, "old", Expected::Absent, "1.0.0").await.unwrap();
    let changes = |cost: u64| {
        [
            BindingChange::put(name("naming"), Expected::Absent, spec("1.0.0")),
            BindingChange::remove(name("old"), Expected::Revision(1)),
            BindingChange::put(name("cost"), Expected::Revision(cost), spec("2.0.0")),
        ]
    };
    let before = (world.store.bindings().await.unwrap(), world.marks().await);
    let refused = apply(&world, &changes(7), Some(2)).await.unwrap_err();
    assert!(matches!(&refused, BindingError::Conflict { name: n, .. } if *n == name("cost")), "{refused:?}");
    let refused = apply(&world, &changes(1), Some(1)).await.unwrap_err();
    assert!(matches!(refused, BindingError::Stale { expected: 1, current: 2 }), "{refused:?}");
    let twice = [changes(1)[0].clone(), changes(1)[0].clone()];
    assert!(matches!(apply(&world, &twice, None).await.unwrap_err(), BindingError::Repeated(_)));
    assert_eq!((world.store.bindings().await.unwrap(), world.marks().await), before);

    let applied = apply(&world, &changes(1), Some(2)).await.unwrap();
    assert_eq!(applied.generation, 3, "what comes together is one generation");
    assert_eq!(applied.changed, [name("naming"), name("old"), name("cost")]);
    let set = world.store.bindings().await.unwrap();
    assert_eq!(
        set.bindings.iter().map(|b| (b.name.as_str(), b.revision)).collect::<Vec<_>>(),
        [("cost", 2), ("naming", 1)]
    );
}

#[tokio::test]
async fn each_change_of_a_binding_is_audited_and_told_once() {
    let world = World::start().await;
    let (audit, told) = world.marks().await;
    put(&world, "cost", Expected::Any, "1.0.0").await.unwrap();
    put(&world, "cost", Expected::Any, "1.1.0").await.unwrap();
    world.store.remove_binding(&name("cost"), Expected::Any, &why("gone"), world.now()).await.unwrap();
    let expected = ["binding.created", "binding.changed", "binding.removed"];
    assert_eq!(world.actions_since(audit).await, expected);
    assert_eq!(world.told_since(told).await, expected);
    let entry = world.store.audit_since(audit + 1, 1).await.unwrap().remove(0);
    assert_eq!((entry.actor.as_deref(), entry.subject.as_str()), (Some("root"), "bindings/cost"));
    assert_eq!(entry.data.value()["spec"], json!(spec("1.1.0").digest()), "the log binds what the history holds");
    assert_eq!((&entry.data.value()["revision"], &entry.data.value()["previous"]), (&json!(2), &json!(1)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_start_from_one_revision_one_wins() {
    let world = World::start().await;
    put(&world, "cost", Expected::Absent, "1.0.0").await.unwrap();
    let mut racing = JoinSet::new();
    for number in 0..32 {
        let world = world.clone();
        racing.spawn(async move { put(&world, "cost", Expected::Revision(1), &format!("2.0.{number}")).await });
    }
    let (won, lost): (Vec<_>, Vec<_>) = racing.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    for refused in lost.into_iter().filter_map(Result::err) {
        assert!(matches!(refused, BindingError::Conflict { current: Some(2), .. }), "{refused:?}");
    }
    assert_eq!(world.store.bindings_generation().await.unwrap(), 2);
}
