//! The tokens of services: kept by their hash, ended for good, and their makers never forgotten.

use macadam_core::audit::Origin;
use macadam_core::digest::Digest;
use macadam_core::names::TeamId;
use macadam_store::*;

use super::world::*;

pub fn new(world: &World, team: &str, name: &str, secret: &str) -> NewServiceToken {
    let random = *Digest::of(secret.as_bytes()).as_bytes().first_chunk().unwrap();
    NewServiceToken {
        id: ServiceTokenId::new(world.now(), random),
        hash: Digest::of(secret.as_bytes()),
        team: team_id(team),
        name: name.to_owned(),
        roles: vec!["developer".to_owned()],
        scopes: vec!["resource.*".parse().unwrap(), "request.read".parse().unwrap()],
        expires_at: world.later(3600),
        created_by: Some(person("ana")),
        origin: Origin::NONE,
    }
}

#[tokio::test]
async fn a_token_is_found_by_its_hash_as_it_was_made() {
    let world = World::start().await;
    let wanted = new(&world, "shop", "deploy", "one");
    let kept = world.store.add_service_token(&wanted, world.now()).await.unwrap();
    assert_eq!(
        (&kept.team, kept.name.as_str(), &kept.roles, &kept.scopes),
        (&wanted.team, "deploy", &wanted.roles, &wanted.scopes)
    );
    assert_eq!((kept.created_at, kept.expires_at), (world.now(), world.later(3600)));
    assert_eq!(kept.service().unwrap().as_str(), "macadam-service.shop.deploy");
    assert_eq!(world.store.service_token_by_hash(&Digest::of(b"one")).await.unwrap(), Some(kept.clone()));
    assert_eq!(world.store.service_token(kept.id).await.unwrap(), Some(kept));
    assert_eq!(world.store.service_token_by_hash(&Digest::of(b"two")).await.unwrap(), None);
}

#[tokio::test]
async fn a_token_for_an_unknown_team_is_refused_and_leaves_nothing() {
    let world = World::start().await;
    let (before, told) = world.marks().await;
    let wanted = new(&world, "nobody", "deploy", "one");
    let refused = world.store.add_service_token(&wanted, world.now()).await.unwrap_err();
    assert!(matches!(refused, ServiceTokenError::UnknownTeam(_)), "{refused:?}");
    assert_eq!(world.store.service_token(wanted.id).await.unwrap(), None);
    assert!(world.actions_since(before).await.is_empty() && world.told_since(told).await.is_empty());
}

#[tokio::test]
async fn one_hash_is_one_token() {
    let world = World::start().await;
    world.store.add_service_token(&new(&world, "shop", "deploy", "one"), world.now()).await.unwrap();
    world.advance(1);
    let again = new(&world, "web", "other", "one");
    let again = NewServiceToken { id: ServiceTokenId::new(world.now(), [9; 10]), ..again };
    let refused = world.store.add_service_token(&again, world.now()).await;
    assert!(refused.is_err(), "the same token must not let two services in");
    let found = world.store.service_token_by_hash(&Digest::of(b"one")).await.unwrap().unwrap();
    assert_eq!(found.team, team_id("shop"));
}

#[tokio::test]
async fn a_revoked_token_stays_known_with_the_first_who_revoked_it() {
    let world = World::start().await;
    let made = world.store.add_service_token(&new(&world, "shop", "deploy", "one"), world.now()).await.unwrap();
    world.advance(5);
    let (before, _) = world.marks().await;
    let revoked =
        world.store.revoke_service_token(made.id, somewhere(&person("root")).into(), world.now()).await.unwrap();
    assert_eq!((revoked.revoked_at, revoked.revoked_by.clone()), (Some(world.now()), Some(person("root"))));
    world.advance(5);
    let again = world.store.revoke_service_token(made.id, somewhere(&person("eve")).into(), world.now()).await.unwrap();
    assert_eq!(again, revoked, "the second of two changes nothing");
    assert_eq!(world.actions_since(before).await, ["service-token.revoked"], "and leaves no entry");
    assert_eq!(world.store.service_token_by_hash(&Digest::of(b"one")).await.unwrap(), Some(revoked));
    let unknown = ServiceTokenId::new(world.now(), [1; 10]);
    let refused = world.store.revoke_service_token(unknown, By::HOST, world.now()).await.unwrap_err();
    assert!(matches!(refused, ServiceTokenError::NotFound(_)), "{refused:?}");
}

#[tokio::test]
async fn a_use_is_noted_at_most_once_a_minute() {
    let world = World::start().await;
    let made = world.store.add_service_token(&new(&world, "shop", "deploy", "one"), world.now()).await.unwrap();
    let used = async || {
        world.store.note_service_token_use(made.id, world.now()).await.unwrap();
        world.store.service_token(made.id).await.unwrap().unwrap().last_used_at
    };
    assert_eq!(made.last_used_at, None);
    let first = world.now();
    assert_eq!(used().await, Some(first));
    world.advance(USE_NOTED_FOR - 1);
    assert_eq!(used().await, Some(first), "a busy token is not a busy row");
    world.advance(1);
    assert_eq!(used().await, Some(world.now()));
}

#[tokio::test]
async fn tokens_are_listed_by_team_newest_first_and_page_by_page() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for (team, name) in [("shop", "a"), ("web", "b"), ("shop", "c"), ("shop", "d")] {
        world.advance(1);
        ids.push(world.store.add_service_token(&new(&world, team, name, name), world.now()).await.unwrap().id);
    }
    let names = async |teams: Option<Vec<TeamId>>, page| {
        let found = world.store.service_tokens(teams.as_deref(), page).await.unwrap();
        found.into_iter().map(|token| token.name).collect::<Vec<_>>()
    };
    assert_eq!(names(None, PageRequest::first(10)).await, ["d", "c", "b", "a"]);
    assert_eq!(names(Some(vec![team_id("shop")]), PageRequest::first(2)).await, ["d", "c"]);
    assert_eq!(names(Some(vec![team_id("shop"), team_id("web")]), PageRequest::first(3)).await, ["d", "c", "b"]);
    assert!(names(Some(Vec::new()), PageRequest::first(10)).await.is_empty(), "of no team there are none");
    assert_eq!(names(Some(vec![team_id("shop")]), PageRequest::after(ids[2], 2)).await, ["a"]);
}

#[tokio::test]
async fn whoever_made_any_token_of_a_service_stands_behind_it() {
    let world = World::start().await;
    for (secret, by) in [("one", Some("ana")), ("two", Some("bo")), ("three", Some("ana")), ("four", None)] {
        let created_by = by.map(person);
        let wanted = NewServiceToken { created_by, ..new(&world, "shop", "deploy", secret) };
        let made = world.store.add_service_token(&wanted, world.now()).await.unwrap();
        world.store.revoke_service_token(made.id, By::HOST, world.now()).await.unwrap();
    }
    world
        .store
        .add_service_token(
            &NewServiceToken { created_by: Some(person("eve")), ..new(&world, "web", "deploy", "five") },
            world.now(),
        )
        .await
        .unwrap();
    let makers = world.store.service_makers(&team_id("shop"), "deploy").await.unwrap();
    assert_eq!(makers, [person("ana"), person("bo")], "also of those that were revoked, and no other team's");
}

#[tokio::test]
async fn the_record_of_a_token_says_what_it_is_for_and_never_its_hash() {
    let world = World::start().await;
    let (before, _) = world.marks().await;
    let wanted = new(&world, "shop", "deploy", "one");
    world.store.add_service_token(&wanted, world.now()).await.unwrap();
    let entries = world.store.audit_since(before, 10).await.unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!((entries[0].action.as_str(), &entries[0].actor), ("service-token.created", &Some("ana".to_owned())));
    assert_eq!(entries[0].data.value()["scopes"], serde_json::json!(["resource.*", "request.read"]));
    assert!(!serde_json::to_string(&entries[0].data).unwrap().contains(&wanted.hash.hex()));
    world.store.verify_audit(None).await.unwrap();
}

#[tokio::test]
async fn a_token_is_recorded_in_its_teams_stream_with_what_there_was_and_what_is_there() {
    let world = World::start().await;
    let (before, _) = world.marks().await;
    let made = made_and_revoked(&world).await;
    let entries = world.store.audit_since(before, 10).await.unwrap();
    let [created, revoked] = entries.as_slice() else { panic!("one entry for each change: {entries:?}") };
    for entry in &entries {
        assert_eq!(entry.stream, "team/shop", "a team sees in its own stream who made and ended its tokens");
        assert_eq!(entry.subject, format!("service-tokens/{}", made.id));
    }
    assert!(created.before.is_none() && created.after.is_some(), "{created:?}");
    assert_eq!(revoked.before, created.after, "that it was used in between is no change of it");
    assert!(revoked.after.is_some() && revoked.after != revoked.before, "{revoked:?}");
}

/// A token is made, used and revoked.
pub async fn made_and_revoked(world: &World) -> ServiceTokenRecord {
    let made = world.store.add_service_token(&new(world, "shop", "deploy", "one"), world.now()).await.unwrap();
    world.store.note_service_token_use(made.id, world.now()).await.unwrap();
    world.store.revoke_service_token(made.id, By::HOST, world.now()).await.unwrap();
    made
}
