//! Access policies: what administrators add to the rules.

use macadam_core::audit::Origin;
use macadam_store::*;

use super::world::*;

fn change(name: &str, text: Option<&str>, expected: Expected, generation: u64) -> AccessPolicyChange {
    AccessPolicyChange { name: name.parse().unwrap(), text: text.map(str::to_owned), expected, generation }
}

fn by_ada() -> Attribution {
    Attribution { actor: Some(person("ada")), origin: Origin::NONE, reason: "the auditors ask for it".to_owned() }
}

impl World {
    async fn change_policy(&self, change: &AccessPolicyChange) -> Result<AccessPolicySet, AccessPolicyError> {
        self.store.change_access_policy(change, &by_ada(), self.now()).await
    }
}

/// A policy that came and went.
pub async fn made_and_removed(world: &World) {
    world.change_policy(&change("a", Some("x"), Expected::Absent, 0)).await.unwrap();
    world.change_policy(&change("a", None, Expected::Any, 1)).await.unwrap();
}

#[tokio::test]
async fn a_policy_reads_back_as_it_was_put_and_leaves_an_entry_and_an_event() {
    let world = World::start().await;
    let before = world.store.audit_head().await.unwrap();
    assert_eq!(world.store.access_policies().await.unwrap(), AccessPolicySet::default());
    let put = change("no-night-work", Some("permit (principal, action, resource);"), Expected::Absent, 0);
    let set = world.change_policy(&put).await.unwrap();
    assert_eq!((set.generation, set.policies.len()), (1, 1));
    let policy = &set.policies[0];
    assert_eq!(
        (policy.text.as_str(), policy.revision, &policy.actor),
        ("permit (principal, action, resource);", 1, &Some(person("ada")))
    );
    assert_eq!(world.store.access_policies().await.unwrap(), set, "what is read later is what was answered");
    assert_eq!(world.store.access_generation().await.unwrap(), 1);
    let entry = world.store.audit_since(before.seq, 10).await.unwrap().remove(0);
    assert_eq!((entry.action.as_str(), entry.actor), ("access-policy.changed", Some("ada".to_owned())));
    let events = world.store.events_since(0, 1000).await.unwrap();
    assert_eq!(events.last().unwrap().event_type, "macadam.access-policy.changed");
}

#[tokio::test]
async fn the_same_text_again_changes_nothing() {
    let world = World::start().await;
    world.change_policy(&change("a", Some("x"), Expected::Any, 0)).await.unwrap();
    let before = world.store.audit_head().await.unwrap();
    let again = world.change_policy(&change("a", Some("x"), Expected::Any, 1)).await.unwrap();
    assert_eq!((again.generation, world.store.audit_head().await.unwrap()), (1, before));
    let gone = world.change_policy(&change("never-there", None, Expected::Any, 1)).await.unwrap();
    assert_eq!(gone.generation, 1, "removing what is not there is no change");
}

#[tokio::test]
async fn of_two_changes_judged_against_the_same_set_the_second_is_refused() {
    let world = World::start().await;
    world.change_policy(&change("a", Some("x"), Expected::Any, 0)).await.unwrap();
    let late = world.change_policy(&change("b", Some("y"), Expected::Any, 0)).await;
    assert!(matches!(late, Err(AccessPolicyError::Stale)), "its judgement did not know of `a`: {late:?}");
    let other = world.change_policy(&change("a", Some("z"), Expected::Revision(7), 1)).await;
    assert!(matches!(other, Err(AccessPolicyError::Conflict { current: Some(1), .. })), "{other:?}");
    let absent = world.change_policy(&change("a", Some("z"), Expected::Absent, 1)).await;
    assert!(matches!(absent, Err(AccessPolicyError::Conflict { current: Some(1), .. })), "{absent:?}");
    assert_eq!(world.store.access_generation().await.unwrap(), 1, "what was refused changed nothing");
}

#[tokio::test]
async fn revisions_are_counted_on_after_a_removal() {
    let world = World::start().await;
    world.change_policy(&change("a", Some("x"), Expected::Any, 0)).await.unwrap();
    let gone = world.change_policy(&change("a", None, Expected::Revision(1), 1)).await.unwrap();
    assert!(gone.policies.is_empty());
    let back = world.change_policy(&change("a", Some("x"), Expected::Absent, 2)).await.unwrap();
    assert_eq!(back.policies[0].revision, 3, "revision 1 can never mean two different policies");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_who_change_at_once_one_wins_each_generation() {
    let world = World::start().await;
    let tries = (0..8).map(|number| {
        let world = world.clone();
        tokio::spawn(async move {
            world.change_policy(&change(&format!("p{number}"), Some("x"), Expected::Absent, 0)).await.is_ok()
        })
    });
    let mut won = 0;
    for tried in tries.collect::<Vec<_>>() {
        won += u32::from(tried.await.unwrap());
    }
    assert_eq!((won, world.store.access_generation().await.unwrap()), (1, 1));
}
