//! What providers see of resources.

use macadam_store::*;

use super::world::*;

#[tokio::test]
async fn a_resource_is_due_until_somebody_has_looked_and_again_after_a_while() {
    let world = World::start().await;
    let one = world.done(&world.create("shop", "one", 1)).await;
    world.advance(1);
    let two = world.done(&world.create("shop", "two", 1)).await;
    let due = async |since, per_provider| -> Vec<ResourceId> {
        let due = world.store.due_for_check(since, per_provider, 10).await.unwrap();
        due.into_iter().map(|resource| resource.id).collect()
    };
    assert_eq!(due(world.now(), 10).await, [one.id, two.id]);
    assert_eq!(due(world.now(), 1).await, [one.id], "no more than so many of a provider");
    world.store.record_health(one.id, HealthState::Healthy, None, world.now()).await.unwrap();
    assert_eq!(due(world.now(), 10).await, [two.id]);
    world.advance(10);
    world.store.record_health(two.id, HealthState::Healthy, None, world.now()).await.unwrap();
    assert_eq!(due(world.later(1), 10).await, [one.id, two.id], "the longest ago first");
    world.taken(&world.delete(&one)).await;
    assert_eq!(due(world.later(1), 10).await, [two.id], "what is being changed is not looked at");
}

#[tokio::test]
async fn health_is_kept_with_since_when_and_told_when_it_changes() {
    let world = World::start().await;
    let one = world.done(&world.create("shop", "one", 1)).await;
    let began = world.now();
    let (_, told) = world.marks().await;
    let see = async |state, message| world.store.record_health(one.id, state, message, world.now()).await.unwrap();
    assert!(see(HealthState::Healthy, None).await, "the first look is news");
    world.advance(10);
    assert!(!see(HealthState::Healthy, None).await);
    let seen = world.store.health_of(&[one.id]).await.unwrap().remove(&one.id).unwrap();
    assert_eq!((seen.state, seen.since, seen.checked_at), (HealthState::Healthy, began, world.now()));
    world.advance(10);
    assert!(see(HealthState::Unhealthy, Some("it is gone")).await);
    let seen = world.store.health_of(&[one.id]).await.unwrap().remove(&one.id).unwrap();
    assert_eq!((seen.since, seen.message.as_deref()), (world.now(), Some("it is gone")));
    assert_eq!(world.told_since(told).await, ["resource.health", "resource.health"], "only what changed is told");
}

#[tokio::test]
async fn nothing_is_kept_of_what_is_not_ready_any_more() {
    let world = World::start().await;
    let one = world.done(&world.create("shop", "one", 1)).await;
    world.done(&world.delete(&one)).await;
    assert!(!world.store.record_health(one.id, HealthState::Unhealthy, None, world.now()).await.unwrap());
    assert!(world.store.health_of(&[one.id]).await.unwrap().is_empty());
}
