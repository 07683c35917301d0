//! Which keys secrets are sealed under, and sealing them anew.

use macadam_store::*;

use super::world::*;

const fn id(byte: u8) -> SealingKeyId {
    SealingKeyId::new([byte; 8])
}

fn ids(set: &SealingKeySet) -> Vec<SealingKeyId> {
    set.in_use.iter().map(|key| key.id).collect()
}

async fn put_secret(world: &World, handle: &str, sealed: Sealed) {
    let secret = SecretRecord { handle: handle.into(), scope: "s".into(), name: handle.into(), sealed };
    world.store.put_secret_if_absent(&secret, world.now()).await.unwrap();
}

/// A secret, a job's state, a webhook's address and its two secrets under a key.
async fn put_one_of_each(world: &World, key: SealingKeyId) -> WebhookId {
    put_secret(world, "h", Sealed::under(key, b"secret")).await;
    world.taken(&world.create("shop", "orders", 1)).await;
    let job = world.claimed().await;
    world.store.save_step(&job.lease, &Sealed::under(key, b"state"), world.now(), "", world.now()).await.unwrap();
    let id = WebhookId::new(world.now(), world.random());
    let new = NewWebhook {
        id,
        team: team_id("shop"),
        description: String::new(),
        url: NewWebhookUrl { url: Sealed::under(key, b"https://a.example/x"), receiver: "https://a.example".into() },
        filter: WebhookFilter::default(),
        secret: Sealed::under(key, b"before"),
        most: 9,
    };
    world.store.create_webhook(&new, somewhere(&person("ana")), world.now()).await.unwrap();
    let secret = Sealed::under(key, b"now");
    world.store.rotate_webhook(id, &secret, world.later(60), somewhere(&person("ana")), world.now()).await.unwrap();
    id
}

/// Everything that is not under a key, sealed anew under it.
async fn anew(world: &World, key: SealingKeyId) -> Vec<Resealed> {
    let values = world.store.sealed_under_others(key, None, 100).await.unwrap();
    let to = |value: &SealedValue| Sealed::under(key, value.sealed.parts().1);
    values.into_iter().map(|value| Resealed { to: to(&value), value }).collect()
}

/// Makes the addresses of all webhooks what an earlier version kept of them.
pub const PLAIN_ADDRESSES: &str = "UPDATE webhooks SET sealed_url = NULL, url = 'https://hooks.example/secret-path'";

/// A webhook whose address is kept plain works, keeps every key in use, and is sealed in the next round.
pub async fn a_plain_address_is_sealed(world: &World, webhook: WebhookId) {
    let url = async || world.store.webhook(webhook).await.unwrap().unwrap().url;
    for key in [1, 2] {
        world.store.adopt_sealing_key(id(key), &[id(1), id(2)], world.now()).await.unwrap();
    }
    assert_eq!(url().await, WebhookUrl::Plain("https://hooks.example/secret-path".into()));
    assert!(!world.store.retire_sealing_key(id(1), world.now()).await.unwrap());
    let values = anew(world, id(2)).await;
    let place = SealedPlace::PlainWebhookUrl(webhook);
    assert!(values.iter().any(|each| each.value.place == place), "{values:?}");
    assert_eq!(world.store.reseal(id(2), &values, world.now()).await.unwrap(), values.len() as u64);
    assert_eq!(url().await, WebhookUrl::Sealed(Sealed::under(id(2), b"https://hooks.example/secret-path")));
    assert!(world.store.retire_sealing_key(id(1), world.now()).await.unwrap(), "nothing is left that is not sealed");
}

/// Everything that can happen to keys.
pub(super) async fn replaced_and_retired(world: &World) {
    world.store.adopt_sealing_key(id(1), &[id(1)], world.now()).await.unwrap();
    put_secret(world, "under the first", Sealed::under(id(1), b"x")).await;
    world.store.adopt_sealing_key(id(2), &[id(2), id(1)], world.now()).await.unwrap();
    world.store.reseal(id(2), &anew(world, id(2)).await, world.now()).await.unwrap();
    assert!(world.store.retire_sealing_key(id(1), world.now()).await.unwrap());
}

async fn told(world: &World) -> Vec<String> {
    let events = world.store.events_since(0, 1000).await.unwrap();
    let of_keys = events.iter().filter_map(|event| event.event_type.strip_prefix("macadam.sealing-key."));
    of_keys.map(str::to_owned).collect()
}

#[tokio::test]
async fn the_first_key_is_known_to_whoever_comes_later() {
    let world = World::start().await;
    assert_eq!(world.store.sealing_keys().await.unwrap(), SealingKeySet::default());
    let first = world.store.adopt_sealing_key(id(1), &[id(1)], world.now()).await.unwrap();
    assert_eq!(ids(&first), [id(1)]);
    let second = world.store.adopt_sealing_key(id(2), &[id(2)], world.now()).await.unwrap();
    assert_eq!(second, first, "another host has another key, and changes nothing");
    assert_eq!(world.store.sealing_keys().await.unwrap(), first);
    assert!(told(&world).await.is_empty(), "no key was replaced");
}

#[tokio::test]
async fn a_key_takes_the_place_of_the_one_that_its_host_holds_as_well_and_none_comes_back() {
    let world = World::start().await;
    for (key, held) in [(1, vec![id(1)]), (2, vec![id(2), id(1)]), (1, vec![id(1), id(2)])] {
        world.store.adopt_sealing_key(id(key), &held, world.now()).await.unwrap();
    }
    let set = world.store.sealing_keys().await.unwrap();
    assert_eq!(ids(&set), [id(1), id(2)], "the current one is the last, in the same moment too");
    assert!(world.store.retire_sealing_key(id(1), world.now()).await.unwrap());
    assert!(!world.store.retire_sealing_key(id(1), world.now()).await.unwrap(), "it is already");
    assert!(!world.store.retire_sealing_key(id(2), world.now()).await.unwrap(), "the current one stays");
    let set = world.store.adopt_sealing_key(id(1), &[id(1), id(2)], world.now()).await.unwrap();
    assert_eq!((ids(&set), set.retired), (vec![id(2)], vec![id(1)]));
    assert_eq!(told(&world).await, ["replaced", "retired"]);
}

#[tokio::test]
async fn of_hosts_that_bring_different_keys_at_once_each_knows_what_there_is_then() {
    let world = World::start().await;
    world.store.adopt_sealing_key(id(1), &[id(1)], world.now()).await.unwrap();
    let bring = |byte: u8| {
        let world = world.clone();
        async move { world.store.adopt_sealing_key(id(byte), &[id(byte), id(1)], world.now()).await.unwrap() }
    };
    let (second, third) = tokio::join!(bring(2), bring(3));
    let longer = if second.in_use.len() > third.in_use.len() { second } else { third };
    assert_eq!(longer.in_use.len(), 2, "whoever came later does not hold the other's key: {longer:?}");
}

#[tokio::test]
async fn everything_that_is_sealed_is_found_by_its_key_and_sealed_anew_once() {
    let world = World::start().await;
    world.store.adopt_sealing_key(id(1), &[id(1)], world.now()).await.unwrap();
    let webhook = put_one_of_each(&world, id(1)).await;
    world.store.adopt_sealing_key(id(2), &[id(2), id(1)], world.now()).await.unwrap();
    assert!(world.store.sealed_under_others(id(1), None, 100).await.unwrap().is_empty());
    let values = anew(&world, id(2)).await;
    let plain: Vec<&[u8]> = values.iter().map(|each| each.to.parts().1).collect();
    assert_eq!(plain, [b"state".as_slice(), b"secret", b"now", b"before", b"https://a.example/x"]);
    assert!(!world.store.retire_sealing_key(id(1), world.now()).await.unwrap(), "five values are under it");
    assert_eq!(world.store.reseal(id(2), &values, world.now()).await.unwrap(), 5);
    assert_eq!(world.store.reseal(id(2), &values, world.now()).await.unwrap(), 0, "again changes nothing");
    assert!(anew(&world, id(2)).await.is_empty());
    let webhook = world.store.webhook(webhook).await.unwrap().unwrap();
    assert_eq!(webhook.secret, Sealed::under(id(2), b"now"));
    assert_eq!(webhook.url, WebhookUrl::Sealed(Sealed::under(id(2), b"https://a.example/x")));
    assert_eq!(webhook.previous.unwrap().secret, Sealed::under(id(2), b"before"));
    assert_eq!(world.claimed().await.state, Some(Sealed::under(id(2), b"state")), "the job goes on");
    assert!(world.store.retire_sealing_key(id(1), world.now()).await.unwrap());
    assert_eq!(told(&world).await, ["replaced", "resealed", "retired"], "what changed nothing is not told");
}

#[tokio::test]
async fn what_was_changed_or_removed_meanwhile_is_left_as_it_is() {
    let world = World::start().await;
    for key in [1, 2] {
        world.store.adopt_sealing_key(id(key), &[id(1), id(2)], world.now()).await.unwrap();
    }
    let webhook = put_one_of_each(&world, id(1)).await;
    let values = anew(&world, id(2)).await;
    let job = world.claimed().await;
    world.store.save_step(&job.lease, &Sealed::under(id(1), b"later"), world.now(), "", world.now()).await.unwrap();
    let newer = Sealed::under(id(1), b"newer");
    world.store.rotate_webhook(webhook, &newer, world.later(60), somewhere(&person("ana")), world.now()).await.unwrap();
    let elsewhere = super::webhooks::changed("https://other.example/a");
    world.store.change_webhook(webhook, &elsewhere, somewhere(&person("ana")), world.now()).await.unwrap();
    world.store.delete_secrets("s").await.unwrap();
    assert_eq!(world.store.reseal(id(2), &values, world.now()).await.unwrap(), 0);
    assert_eq!(world.claimed().await.state, Some(Sealed::under(id(1), b"later")));
    assert_eq!(world.store.webhook(webhook).await.unwrap().unwrap().secret, newer);
    assert!(world.store.secret("h").await.unwrap().is_none());
    assert!(!told(&world).await.contains(&"resealed".to_owned()));
}

#[tokio::test]
async fn what_does_not_say_its_key_keeps_every_key_in_use_until_it_is_sealed_anew() {
    let world = World::start().await;
    for key in [1, 2] {
        world.store.adopt_sealing_key(id(key), &[id(1), id(2)], world.now()).await.unwrap();
    }
    put_secret(&world, "old", Sealed::new(*b"from before there were several keys")).await;
    assert!(!world.store.retire_sealing_key(id(1), world.now()).await.unwrap());
    let values = anew(&world, id(2)).await;
    assert_eq!(world.store.reseal(id(2), &values, world.now()).await.unwrap(), 1);
    assert!(world.store.retire_sealing_key(id(1), world.now()).await.unwrap());
}

#[tokio::test]
async fn a_key_stays_in_use_until_the_last_answer_under_it_is_forgotten() {
    let world = World::start().await;
    for key in [1, 2] {
        world.store.adopt_sealing_key(id(key), &[id(1), id(2)], world.now()).await.unwrap();
    }
    let request = KeyedRequest {
        held: HeldKey { caller: person("ana"), key: "k1".into(), holder: "h".into() },
        asked: macadam_core::digest::Digest::of(b"a database"),
        until: world.later(60),
    };
    assert_eq!(world.store.take_key(&request, world.now()).await.unwrap(), KeyState::Taken);
    assert!(world.store.keep_answer(&request.held, &Sealed::under(id(1), b"answer")).await.unwrap());
    assert!(!world.store.retire_sealing_key(id(1), world.now()).await.unwrap(), "it may be asked for again");
    world.store.forget_idempotency_keys(world.later(1)).await.unwrap();
    assert!(world.store.retire_sealing_key(id(1), world.now()).await.unwrap());
}

#[tokio::test]
async fn sealed_values_are_listed_in_pages_without_gaps() {
    let world = World::start().await;
    world.store.adopt_sealing_key(id(1), &[id(1)], world.now()).await.unwrap();
    put_one_of_each(&world, id(1)).await;
    for number in 0..5 {
        put_secret(&world, &format!("h{number}"), Sealed::under(id(1), b"x")).await;
    }
    let mut seen = Vec::new();
    while let page = world.store.sealed_under_others(id(2), seen.last(), 2).await.unwrap()
        && !page.is_empty()
    {
        seen.extend(page.into_iter().map(|value| value.place));
    }
    assert_eq!(seen.len(), 10);
}
