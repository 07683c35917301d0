//! Hearing of what another host has changed.

use std::time::Duration;

use macadam_core::audit::Origin;
use macadam_core::canonical::CanonicalJson;
use macadam_store::*;
use serde_json::json;

use crate::suite::world::*;

/// How long to wait for what must come.
const PATIENCE: Duration = Duration::from_secs(30);

async fn heard(listener: &mut Box<dyn Listener>) -> Result<(), StoreError> {
    tokio::time::timeout(PATIENCE, listener.told()).await.expect("whoever listens is told")
}

#[tokio::test]
async fn a_change_of_bindings_or_keys_is_told_to_another_host_once_it_can_be_seen() {
    let world = World::start().await;
    let other = world.store.replica().await;
    let mut listener = other.listen().await.unwrap().expect("a database of several hosts tells");
    let before = other.generations().await.unwrap();
    let why = Attribution { actor: None, origin: Origin::NONE, reason: String::new() };
    let spec = CanonicalJson::new(&json!({ "n": 1 })).unwrap();
    world.store.put_binding(&"cost".parse().unwrap(), Expected::Any, &spec, &why, world.now()).await.unwrap();
    heard(&mut listener).await.unwrap();
    assert_eq!(other.generations().await.unwrap().bindings, before.bindings + 1, "what is told is there");
    let guards =
        NewNamespace { name: "guards".parse().unwrap(), team: team_id("shop"), signatures: SignaturePolicy::Required };
    world.store.put_namespace(&guards, By::HOST, world.now()).await.unwrap();
    heard(&mut listener).await.unwrap();
    assert_eq!(other.generations().await.unwrap().namespaces, before.namespaces + 1);
}

#[tokio::test]
async fn a_listener_whose_connection_is_cut_says_so_and_another_one_hears_again() {
    let world = World::start().await;
    let other = world.store.replica().await;
    let mut listener = other.listen().await.unwrap().unwrap();
    let cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
               WHERE datname = current_database() AND query ILIKE 'LISTEN%' AND pid <> pg_backend_pid()";
    world.store.database.run(cut).await.unwrap();
    heard(&mut listener).await.expect_err("silence must not be taken for no news");
    let mut again = other.listen().await.unwrap().unwrap();
    world.store.database.run("SELECT pg_notify('macadam_changes', '')").await.unwrap();
    heard(&mut again).await.unwrap();
}
