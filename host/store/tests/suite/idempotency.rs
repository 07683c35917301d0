//! Idempotency keys: taken once, answered again, given up, taken over with what was done, forgotten.

use macadam_core::audit::Origin;
use macadam_core::digest::Digest;
use macadam_store::*;
use tokio::task::JoinSet;

use super::world::*;

impl World {
    fn keyed(&self, who: &str, asked: &str) -> KeyedRequest {
        KeyedRequest {
            held: HeldKey { caller: person(who), key: "k1".into(), holder: format!("{:?}", self.random()) },
            asked: Digest::of(asked.as_bytes()),
            until: self.later(60),
        }
    }

    async fn take(&self, request: &KeyedRequest) -> KeyState {
        self.store.take_key(request, self.now()).await.unwrap()
    }

    /// Does what is asked as somebody who holds the key.
    async fn work(&self, request: &KeyedRequest, mut new: NewRequest) -> Result<Submitted, SubmitError> {
        new.origin.held = Some(request.held.clone());
        self.submit(&new).await
    }
}

fn lost(result: &Result<Submitted, SubmitError>) -> bool {
    matches!(result, Err(SubmitError::Store(StoreError::KeyLost)))
}

#[tokio::test]
async fn a_key_with_an_answer_gives_it_again_and_to_nobody_else() {
    let world = World::start().await;
    let (first, answer) = (world.keyed("ana", "a database"), Sealed::new(*b"sealed"));
    assert_eq!(world.take(&first).await, KeyState::Taken);
    assert_eq!(world.take(&world.keyed("ana", "a database")).await, KeyState::UnderWay);
    assert!(world.store.keep_answer(&first.held, &answer).await.unwrap());
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
    world.store.free_key(&first.held, world.now()).await.unwrap();
    let second = world.keyed("ana", "a bucket");
    assert_eq!(world.take(&second).await, KeyState::Taken);
    world.store.free_key(&first.held, world.now()).await.unwrap();
    let late = world.store.keep_answer(&first.held, &Sealed::new(*b"late")).await.unwrap();
    assert!(!late, "it is not the first one's now");
    assert_eq!(world.take(&world.keyed("ana", "a bucket")).await, KeyState::UnderWay);
    world.store.keep_answer(&second.held, &Sealed::new(*b"sealed")).await.unwrap();
    world.store.free_key(&second.held, world.now()).await.unwrap();
    let found = world.take(&world.keyed("ana", "a bucket")).await;
    assert_eq!(found, KeyState::Answered(Sealed::new(*b"sealed")), "an answer is not given up");
}

#[tokio::test]
async fn a_key_is_held_as_long_as_its_holder_is_heard_of() {
    let world = World::start().await;
    let first = world.keyed("ana", "a database");
    world.take(&first).await;
    for _ in 0..3 {
        world.advance(59);
        assert!(world.store.renew_key(&first.held, world.later(60)).await.unwrap());
        assert_eq!(world.take(&world.keyed("ana", "a database")).await, KeyState::UnderWay);
    }
    world.advance(60);
    assert_eq!(world.take(&world.keyed("ana", "a bucket")).await, KeyState::UsedForAnother, "it is for a database");
    assert_eq!(world.take(&world.keyed("ana", "a database")).await, KeyState::Taken);
    assert!(!world.store.renew_key(&first.held, world.later(60)).await.unwrap(), "it is held by somebody else");
}

#[tokio::test]
async fn whoever_takes_over_a_key_is_told_what_was_done_under_it() {
    let world = World::start().await;
    let first = world.keyed("ana", "a database");
    world.take(&first).await;
    let done = world.work(&first, world.create("shop", "db", 10)).await.unwrap();
    world.advance(60);
    let second = world.keyed("ana", "a database");
    let effect = format!("requests/{}", done.request);
    assert_eq!(world.take(&second).await, KeyState::Inherited { effect: effect.clone() });
    assert_eq!(world.take(&world.keyed("ana", "a database")).await, KeyState::UnderWay, "one at a time");
    world.store.free_key(&second.held, world.now()).await.unwrap();
    let third = world.keyed("ana", "a database");
    assert_eq!(world.take(&third).await, KeyState::Inherited { effect }, "who gives up leaves it to the next at once");
    assert!(world.store.keep_answer(&third.held, &Sealed::new(*b"sealed")).await.unwrap());
    let found = world.take(&world.keyed("ana", "a database")).await;
    assert_eq!(found, KeyState::Answered(Sealed::new(*b"sealed")));
}

#[tokio::test]
async fn a_denial_is_an_effect_as_well() {
    let world = World::start().await;
    let first = world.keyed("ana", "a database");
    world.take(&first).await;
    let mut denied = world.create("shop", "db", 10);
    denied.origin.held = Some(first.held.clone());
    let denied = world.store.record_denied(&denied, world.now()).await.unwrap();
    world.advance(60);
    let found = world.take(&world.keyed("ana", "a database")).await;
    assert_eq!(found, KeyState::Inherited { effect: format!("requests/{}", denied.request) });
}

#[tokio::test]
async fn who_slept_while_another_took_the_key_over_changes_nothing() {
    let world = World::start().await;
    let (asleep, awake) = (world.keyed("ana", "a database"), world.keyed("ana", "a database"));
    world.take(&asleep).await;
    world.advance(60);
    assert_eq!(world.take(&awake).await, KeyState::Taken, "nothing was done, so it can be done now");
    let late = world.work(&asleep, world.create("shop", "db", 10)).await;
    assert!(lost(&late), "{late:?}");
    assert!(world.store.list_requests(&RequestFilter::default(), PageRequest::first(9)).await.unwrap().is_empty());
    let done = world.work(&awake, world.create("shop", "db", 10)).await;
    assert!(done.is_ok(), "it has its name and its quota still: {done:?}");
    assert!(lost(&world.work(&asleep, world.create("shop", "other", 10)).await));
    world.store.free_key(&asleep.held, world.now()).await.unwrap();
    assert!(world.store.keep_answer(&awake.held, &Sealed::new(*b"sealed")).await.unwrap());
}

#[tokio::test]
async fn under_a_key_that_is_forgotten_nothing_is_done() {
    let world = World::start().await;
    let first = world.keyed("ana", "a database");
    world.take(&first).await;
    assert_eq!(world.store.forget_idempotency_keys(world.now()).await.unwrap(), 0);
    assert_eq!(world.store.forget_idempotency_keys(world.later(1)).await.unwrap(), 1);
    assert!(lost(&world.work(&first, world.create("shop", "db", 10)).await));
    assert_eq!(world.take(&world.keyed("ana", "a bucket")).await, KeyState::Taken);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_who_take_a_key_at_once_one_has_it() {
    let world = World::start().await;
    for _ in 0..3 {
        // The first time it is new, then its holder is gone.
        let mut racing = JoinSet::new();
        for _ in 0..32 {
            let world = world.clone();
            racing.spawn(async move { world.take(&world.keyed("ana", "a database")).await });
        }
        let found = racing.join_all().await;
        assert_eq!(found.iter().filter(|found| **found == KeyState::Taken).count(), 1, "{found:?}");
        world.advance(60);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_who_works_and_who_takes_over_at_once_one_does_it() {
    let world = World::start().await;
    for number in 0..20 {
        let mut asleep = world.keyed("ana", "a database");
        asleep.held.key = format!("k{number}");
        world.take(&asleep).await;
        world.advance(60);
        let new = world.create("shop", &format!("db{number}"), 0);
        let (late, other) = (world.clone(), world.clone());
        let (held, mut awake) = (asleep.clone(), world.keyed("ana", "a database"));
        awake.held.key = asleep.held.key;
        let work = tokio::spawn(async move { late.work(&held, new).await });
        let take = tokio::spawn(async move { other.take(&awake).await });
        let (worked, taken) = (work.await.unwrap(), take.await.unwrap());
        match worked {
            Ok(done) => {
                assert_eq!(taken, KeyState::Inherited { effect: format!("requests/{}", done.request) });
            }
            Err(_) => {
                assert!(lost(&worked), "{worked:?}");
                assert_eq!(taken, KeyState::Taken);
            }
        }
    }
}

#[tokio::test]
async fn whoever_lost_a_key_changes_no_webhook_job_schedule_or_token() {
    let world = World::start().await;
    let (store, ana, sweep) = (&world.store, person("ana"), "sweep".parse().unwrap());
    let webhook = super::webhooks::made(&world, "shop").await.id;
    let waits = world.create("shop", "waits", 1);
    let (_, dead) = super::dead_letters::dead_removal(&world).await;
    world.taken(&waits).await;
    store.know_schedule(&sweep, "every 60 s", world.later(60)).await.unwrap();
    let token = super::service_tokens::new(&world, "shop", "deploy", "one");
    let made = store.add_service_token(&token, world.now()).await.unwrap().id;

    let (asleep, awake) = (world.keyed("ana", "something"), world.keyed("ana", "something"));
    world.take(&asleep).await;
    world.advance(60);
    assert_eq!(world.take(&awake).await, KeyState::Taken);
    let origin = Origin { held: Some(asleep.held.clone()), ..Origin::NONE };
    let (by, now, (audit, told)) = (ByPerson { person: &ana, origin: &origin }, world.now(), world.marks().await);
    let token =
        NewServiceToken { origin: origin.clone(), ..super::service_tokens::new(&world, "shop", "deploy", "two") };
    let (new, other) = (super::webhooks::new(&world, "shop"), super::webhooks::changed("https://other.example/a"));
    let refusals = [
        store.create_webhook(&new, by, now).await.unwrap_err().to_string(),
        store.change_webhook(webhook, &other, by, now).await.unwrap_err().to_string(),
        store.rotate_webhook(webhook, &Sealed::new(*b"x"), now, by, now).await.unwrap_err().to_string(),
        store.delete_webhook(webhook, by, now).await.unwrap_err().to_string(),
        store.cancel_job(waits.job, by, now).await.unwrap_err().to_string(),
        store.retry_job(dead, by, now).await.unwrap_err().to_string(),
        store.run_schedule(&sweep, by, now).await.unwrap_err().to_string(),
        store.add_service_token(&token, now).await.unwrap_err().to_string(),
        store.revoke_service_token(made, by.into(), now).await.unwrap_err().to_string(),
    ];
    assert_eq!(refusals, [(); 9].map(|()| StoreError::KeyLost.to_string()));
    assert_eq!(world.marks().await, (audit, told), "nothing is recorded or told");
    assert!(store.webhook(webhook).await.unwrap().is_some() && store.webhook(new.id).await.unwrap().is_none());

    let held = Origin { held: Some(awake.held.clone()), ..Origin::NONE };
    store.cancel_job(waits.job, ByPerson { person: &ana, origin: &held }, now).await.unwrap();
    world.advance(60);
    let found = world.take(&world.keyed("ana", "something")).await;
    assert!(matches!(found, KeyState::Inherited { .. }), "who holds it does, and leaves what was done: {found:?}");
}
