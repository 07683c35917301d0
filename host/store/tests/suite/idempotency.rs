//! Idempotency keys: taken once, answered again, given up, forgotten.

use macadam_core::digest::Digest;
use macadam_store::*;
use tokio::task::JoinSet;

use super::world::*;

impl World {
    fn keyed(&self, who: &str, asked: &str) -> KeyedRequest {
        KeyedRequest {
            caller: person(who),
            key: "k1".into(),
            asked: Digest::of(asked.as_bytes()),
            holder: format!("{:?}", self.random()),
            until: self.later(60),
        }
    }

    async fn take(&self, request: &KeyedRequest) -> KeyState {
        self.store.take_key(request, self.now()).await.unwrap()
    }
}

#[tokio::test]
async fn a_key_with_an_answer_gives_it_again_and_to_nobody_else() {
    let world = World::start().await;
    let (first, answer) = (world.keyed("ana", "a database"), Sealed::new(*b"sealed"));
    assert_eq!(world.take(&first).await, KeyState::Taken);
    assert_eq!(world.take(&world.keyed("ana", "a database")).await, KeyState::UnderWay);
    assert!(world.store.keep_answer(&first, &answer).await.unwrap());
    world.advance(3600);
    assert_eq!(world.take(&world.keyed("ana", "a database")).await, KeyState::Answered(answer));
    assert_eq!(world.take(&world.keyed("ana", "a bucket")).await, KeyState::UsedForAnother);
    assert_eq!(world.take(&world.keyed("bo", "a database")).await, KeyState::Taken, "bo's key is another");
}

#[tokio::test]
async fn a_key_that_was_given_up_can_be_taken_again() {
    let world = World::start().await;
    let first = world.keyed("ana", "a database");
    world.take(&first).await;
    world.store.free_key(&first).await.unwrap();
    let second = world.keyed("ana", "a bucket");
    assert_eq!(world.take(&second).await, KeyState::Taken);
    world.store.free_key(&first).await.unwrap();
    assert!(!world.store.keep_answer(&first, &Sealed::new(*b"late")).await.unwrap(), "it is not the first one's now");
    assert_eq!(world.take(&world.keyed("ana", "a bucket")).await, KeyState::UnderWay);
    world.store.keep_answer(&second, &Sealed::new(*b"sealed")).await.unwrap();
    world.store.free_key(&second).await.unwrap();
    let found = world.take(&world.keyed("ana", "a bucket")).await;
    assert_eq!(found, KeyState::Answered(Sealed::new(*b"sealed")), "an answer is not given up");
}

#[tokio::test]
async fn a_key_whose_holder_is_gone_is_nobodys_until_it_is_forgotten() {
    let world = World::start().await;
    let first = world.keyed("ana", "a database");
    world.take(&first).await;
    world.advance(60);
    let again = world.keyed("ana", "a database");
    assert_eq!(world.take(&again).await, KeyState::Interrupted, "nobody knows how far the holder came");
    assert_eq!(world.store.forget_idempotency_keys(world.later(-60)).await.unwrap(), 0);
    assert_eq!(world.store.forget_idempotency_keys(world.now()).await.unwrap(), 1);
    assert_eq!(world.take(&again).await, KeyState::Taken);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_take_a_key_at_once_one_has_it() {
    let world = World::start().await;
    let mut racing = JoinSet::new();
    for _ in 0..32 {
        let world = world.clone();
        racing.spawn(async move { world.take(&world.keyed("ana", "a database")).await });
    }
    let found = racing.join_all().await;
    assert_eq!(found.iter().filter(|found| **found == KeyState::Taken).count(), 1, "{found:?}");
}
