//! Resources whose time is up.

use macadam_store::*;

use super::world::*;

async fn short_lived(world: &World, name: &str, seconds: u64) -> ResourceRecord {
    let mut new = world.create("shop", name, 1);
    if let Change::Create { desired, .. } = &mut new.change {
        desired.ttl_seconds = Some(seconds);
    }
    world.done(&new).await
}

#[tokio::test]
async fn a_resource_is_due_when_its_time_is_up_and_nothing_is_under_way() {
    let world = World::start().await;
    let late = short_lived(&world, "late", 20).await;
    let early = short_lived(&world, "early", 10).await;
    world.done(&world.create("shop", "for-ever", 1)).await;
    let due = async || -> Vec<ResourceId> {
        world.store.due_for_expiry(world.now(), 10).await.unwrap().into_iter().map(|resource| resource.id).collect()
    };
    assert_eq!(due().await, []);
    world.advance(10);
    assert_eq!(due().await, [early.id]);
    world.advance(10);
    assert_eq!(due().await, [early.id, late.id], "the longest overdue first");
    assert_eq!(world.store.due_for_expiry(world.now(), 1).await.unwrap().len(), 1);
    world.taken(&world.delete(&early)).await;
    assert_eq!(due().await, [late.id], "what is being deleted is not due again");
}

#[tokio::test]
async fn an_update_starts_the_time_anew() {
    let world = World::start().await;
    let orders = short_lived(&world, "orders", 10).await;
    world.advance(9);
    let mut update = world.update(&orders, 1);
    if let Change::Update { desired, .. } = &mut update.change {
        desired.ttl_seconds = Some(10);
    }
    let orders = world.done(&update).await;
    assert_eq!(orders.expires_at, Some(world.later(10)));
}
