//! Whose namespace it is, and which keys count in it.

use macadam_core::audit::Origin;
use macadam_core::names::Namespace;
use macadam_store::*;

use super::world::*;

fn name(text: &str) -> Namespace {
    text.parse().unwrap()
}

fn wanted(text: &str, team: &str, signatures: SignaturePolicy) -> NewNamespace {
    NewNamespace { name: name(text), team: team_id(team), signatures }
}

fn key(id: &str, public_key: &str) -> NewNamespaceKey {
    NewNamespaceKey { id: id.into(), public_key: public_key.into() }
}

async fn claim(world: &World, text: &str, team: &str) -> NamespaceRecord {
    let new = wanted(text, team, SignaturePolicy::Optional);
    world.store.put_namespace(&new, By::person(&person("root"), &Origin::NONE), world.now()).await.unwrap()
}

#[tokio::test]
async fn a_namespace_belongs_to_the_team_that_claimed_it_and_only_a_transfer_gives_it_away() {
    let world = World::start().await;
    let made = claim(&world, "guards", "shop").await;
    assert_eq!((made.team, made.keys.len()), (team_id("shop"), 0));
    let grab = wanted("guards", "web", SignaturePolicy::Required);
    let refused = world.store.put_namespace(&grab, By::HOST, world.now()).await.unwrap_err();
    assert!(matches!(&refused, NamespaceError::Owned { team, .. } if *team == team_id("shop")), "{refused:?}");

    let (shop, web, nobody, guards) = (team_id("shop"), team_id("web"), team_id("nobody"), name("guards"));
    let give = async |from, to| world.store.transfer_namespace(&guards, from, to, By::HOST, world.now()).await;
    let refused = give(&web, &shop).await.unwrap_err();
    assert!(matches!(refused, NamespaceError::Owned { .. }), "only the owner's is given: {refused:?}");
    let refused = give(&shop, &nobody).await.unwrap_err();
    assert!(matches!(refused, NamespaceError::UnknownTeam(_)), "{refused:?}");
    assert_eq!(give(&shop, &web).await.unwrap().team, web);
    assert_eq!(world.store.namespace(&guards).await.unwrap().unwrap().team, web);
    assert!(matches!(give(&shop, &web).await.unwrap_err(), NamespaceError::Owned { .. }), "the second of two is late");
}

#[tokio::test]
async fn an_unknown_team_or_namespace_is_refused_by_name() {
    let world = World::start().await;
    let new = wanted("guards", "nobody", SignaturePolicy::Optional);
    let refused = world.store.put_namespace(&new, By::HOST, world.now()).await.unwrap_err();
    assert!(matches!(refused, NamespaceError::UnknownTeam(_)), "{refused:?}");
    let refused =
        world.store.add_namespace_key(&name("guards"), &key("a", "K1"), By::HOST, world.now()).await.unwrap_err();
    assert!(matches!(refused, NamespaceError::NotFound(_)), "{refused:?}");
    assert_eq!(world.store.namespace(&name("guards")).await.unwrap(), None);
    assert_eq!(world.store.namespaces().await.unwrap(), []);
}

#[tokio::test]
async fn several_keys_count_at_once_and_a_revoked_one_never_again() {
    let world = World::start().await;
    claim(&world, "guards", "shop").await;
    let guards = name("guards");
    let add = async |id: &str, public: &str| {
        world.store.add_namespace_key(&guards, &key(id, public), By::HOST, world.now()).await
    };
    add("old", "K1").await.unwrap();
    world.advance(1);
    let two = add("new", "K2").await.unwrap();
    assert_eq!(two.keys.iter().map(|key| key.id.as_str()).collect::<Vec<_>>(), ["old", "new"]);

    world.advance(1);
    let revoke = async |id: &str, why: &str| {
        world
            .store
            .revoke_namespace_key(&guards, id, why, By::person(&person("root"), &Origin::NONE), world.now())
            .await
    };
    let revoked = revoke("old", "laptop lost").await.unwrap();
    let end = revoked.key("old").unwrap().revoked.clone().unwrap();
    assert_eq!((end.at, end.reason.as_str()), (world.now(), "laptop lost"));
    assert!(revoked.key("new").unwrap().revoked.is_none(), "the other key goes on counting");
    world.advance(1);
    assert_eq!(revoke("old", "again").await.unwrap(), revoked, "the first reason stays");
    assert!(matches!(revoke("none", "x").await.unwrap_err(), NamespaceError::NoSuchKey { .. }));

    let refused = add("old", "K1").await.unwrap_err();
    assert!(matches!(refused, NamespaceError::KeyRevoked { .. }), "{refused:?}");
    let refused = add("renamed", "K1").await.unwrap_err();
    assert!(matches!(refused, NamespaceError::KeyExists { .. }), "a new id gives no new trust: {refused:?}");
    let refused = add("new", "K3").await.unwrap_err();
    assert!(matches!(refused, NamespaceError::KeyExists { .. }), "an id stays with its key: {refused:?}");
}

#[tokio::test]
async fn each_change_of_a_namespace_is_audited_and_told_once_and_no_change_is_not() {
    let world = World::start().await;
    let (before, told) = world.marks().await;
    for _ in 0..2 {
        claim(&world, "guards", "shop").await;
        let strict = wanted("guards", "shop", SignaturePolicy::Required);
        let guards = strict.name.clone();
        world.store.put_namespace(&strict, By::HOST, world.now()).await.unwrap();
        world.store.put_namespace(&strict, By::HOST, world.now()).await.unwrap();
        let k = key("a", "K1");
        if world.store.namespace(&guards).await.unwrap().unwrap().keys.is_empty() {
            world.store.add_namespace_key(&guards, &k, By::HOST, world.now()).await.unwrap();
            world.store.add_namespace_key(&guards, &k, By::HOST, world.now()).await.unwrap();
        }
        world.store.revoke_namespace_key(&guards, "a", "x", By::HOST, world.now()).await.unwrap();
    }
    let expected = [
        "namespace.created",
        "namespace.changed",
        "namespace.key-added",
        "namespace.key-revoked",
        "namespace.changed",
        "namespace.changed",
    ];
    assert_eq!(world.actions_since(before).await, expected);
    assert_eq!(world.told_since(told).await, expected);
    world.store.verify_audit(None).await.unwrap();
}

#[tokio::test]
async fn one_key_may_serve_two_namespaces() {
    let world = World::start().await;
    for (text, team) in [("guards", "shop"), ("prices", "web")] {
        claim(&world, text, team).await;
        world.store.add_namespace_key(&name(text), &key("ci", "K1"), By::HOST, world.now()).await.unwrap();
    }
    let all = world.store.namespaces().await.unwrap();
    assert_eq!(all.iter().map(|n| n.name.as_str()).collect::<Vec<_>>(), ["guards", "prices"]);
    assert!(all.iter().all(|n| n.keys.len() == 1), "each has its own: revoking it in one leaves the other");
}
