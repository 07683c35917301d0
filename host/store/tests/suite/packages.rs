//! What can be had, and which keys secrets are sealed under: what several hosts must agree on.

use jiff::Timestamp;
use macadam_core::audit::Origin;
use macadam_core::canonical::CanonicalJson;
use macadam_core::names::PluginName;
use macadam_store::*;
use serde_json::json;

use super::world::*;

fn name() -> PluginName {
    "acme/rule".parse().unwrap()
}

fn change(expected: Option<u64>, says: &str, action: Option<&str>) -> PackageIndexChange {
    let entry = action.map(|action| {
        let entry = NewAuditEntry::new(action, "plugins/acme/rule@1.0.0");
        entry.by(By::person(&person("amir"), &Origin::NONE)).with(json!({ "says": says }))
    });
    let document = CanonicalJson::new(&json!({ "says": says })).unwrap();
    PackageIndexChange { plugin: name(), expected, document, signatures: Vec::new(), entry }
}

/// Everything that is done to packages. What it is called is the platform's business (`plugins::packages`).
pub async fn published_and_governed(world: &World) {
    for (revision, action) in
        ["take-over", "publish", "sign", "yank", "unyank", "deprecate", "undeprecate"].iter().enumerate()
    {
        let expected = Some(revision as u64).filter(|revision| *revision > 0);
        let change = change(expected, action, Some(&format!("plugin.{action}")));
        world.store.change_package_index(&change, world.now()).await.unwrap();
    }
}

#[tokio::test]
async fn an_index_is_changed_from_the_revision_that_was_looked_at_with_its_audit_entry_or_not_at_all() {
    let world = World::start().await;
    assert_eq!(world.store.package_index(&name()).await.unwrap(), None);
    let (audit, told) = world.marks().await;
    let put = async |change: PackageIndexChange| world.store.change_package_index(&change, world.now()).await;
    assert_eq!(put(change(None, "one", Some("plugin.publish"))).await.unwrap(), 1);
    assert_eq!(put(change(Some(1), "two", Some("plugin.yank"))).await.unwrap(), 2);
    for late in [change(None, "late", Some("plugin.publish")), change(Some(1), "late", Some("plugin.yank"))] {
        let refused = put(late).await.unwrap_err();
        assert!(matches!(refused, PackageIndexError::Conflict { .. }), "{refused:?}");
    }
    assert_eq!(put(change(Some(2), "three", None)).await.unwrap(), 3);
    let kept = world.store.package_index(&name()).await.unwrap().unwrap();
    assert_eq!((kept.revision, kept.document.as_str()), (3, r#"{"says":"three"}"#));
    assert_eq!(world.actions_since(audit).await, ["plugin.publish", "plugin.yank"], "what was refused left nothing");
    assert_eq!(world.told_since(told).await, ["plugin.publish", "plugin.yank"]);
    assert_eq!(world.store.package_indexes().await.unwrap(), [kept]);
    assert_eq!(world.store.package_names().await.unwrap(), [name()]);
}

#[tokio::test]
async fn signatures_are_kept_by_version_and_come_with_the_change_that_brings_them() {
    let world = World::start().await;
    let plugin = |version: &str| macadam_core::names::PluginRef { name: name(), version: version.parse().unwrap() };
    let signed = |expected, bytes: &[u8]| PackageIndexChange {
        signatures: vec![("1.0.0".parse().unwrap(), bytes.to_vec())],
        ..change(expected, "one", None)
    };
    world.store.change_package_index(&signed(None, b"first"), world.now()).await.unwrap();
    world.store.change_package_index(&signed(Some(1), b"second"), world.now()).await.unwrap();
    world.store.change_package_index(&signed(Some(1), b"late"), world.now()).await.unwrap_err();
    let kept = async |version| world.store.package_signatures(&plugin(version)).await.unwrap();
    assert_eq!(kept("1.0.0").await, Some(b"second".to_vec()));
    assert_eq!(kept("2.0.0").await, None);
}

#[tokio::test]
async fn each_change_of_bindings_or_namespaces_is_a_generation_and_no_change_is_none() {
    let world = World::start().await;
    let start = world.store.generations().await.unwrap();
    let guards =
        NewNamespace { name: "guards".parse().unwrap(), team: team_id("shop"), signatures: SignaturePolicy::Optional };
    let put = async || world.store.put_namespace(&guards, By::HOST, world.now()).await.unwrap();
    put().await;
    put().await;
    let key = NewNamespaceKey { id: "k".into(), public_key: "K".into() };
    world.store.add_namespace_key(&guards.name, &key, By::HOST, world.now()).await.unwrap();
    for _ in 0..2 {
        world.store.revoke_namespace_key(&guards.name, "k", "lost", By::HOST, world.now()).await.unwrap();
    }
    let why = Attribution { actor: None, origin: Origin::NONE, reason: String::new() };
    let spec = CanonicalJson::new(&json!({ "n": 1 })).unwrap();
    for _ in 0..2 {
        world.store.put_binding(&"cost".parse().unwrap(), Expected::Any, &spec, &why, world.now()).await.unwrap();
    }
    let end = world.store.generations().await.unwrap();
    assert_eq!(end.namespaces - start.namespaces, 3, "made, a key added, a key revoked");
    assert_eq!(end.bindings - start.bindings, 1);
    assert_eq!(end.bindings, world.store.bindings_generation().await.unwrap());
}

#[tokio::test]
async fn the_archives_of_all_projects_are_known_each_once() {
    let world = World::start().await;
    assert_eq!(world.store.archives(Timestamp::MAX).await.unwrap(), []);
    for team in ["shop", "web"] {
        let mut new = world.scaffold(team);
        if let Change::Scaffold(scaffold) = &mut new.change {
            scaffold.answers = json!({ "name": "nul \u{0}" });
        }
        world.taken(&new).await;
    }
    let archives = world.store.archives(Timestamp::MAX).await.unwrap();
    assert_eq!(archives, [macadam_core::digest::Digest::of(b"archive")]);
}

#[tokio::test]
async fn an_archive_is_named_while_it_may_be_handed_out_and_after_another_end_as_long_as_is_said() {
    let world = World::start().await;
    let waiting = |archive: &[u8]| {
        let mut new = world.needing(world.scaffold("shop"), vec![need(&[], 1)]);
        if let Change::Scaffold(scaffold) = &mut new.change {
            scaffold.archive = macadam_core::digest::Digest::of(archive);
        }
        new
    };
    let [approved, rejected, cancelled, expired] = [b"a", b"r", b"c", b"e"].map(|archive| waiting(archive));
    for new in [&approved, &rejected, &cancelled, &expired] {
        world.taken(new).await;
    }
    let waits = world.store.archives(Timestamp::MAX).await.unwrap();
    assert_eq!(waits.len(), 4, "what waits for people may yet be handed out");
    let first_end = world.now();
    world.approve(approved.id, "bo").await.unwrap();
    world.store.reject(rejected.id, &person("bo"), &Origin::NONE, None, world.now()).await.unwrap();
    world.store.cancel(cancelled.id, &person("ana"), &Origin::NONE, world.now()).await.unwrap();
    world.advance(WAIT * 2);
    world.store.expire_pending(world.now(), 10).await.unwrap();
    let named = async |ended_since| world.store.archives(ended_since).await.unwrap();
    assert_eq!(named(first_end).await.len(), 4, "what has just ended is named by a backup from before");
    assert_eq!(named(world.now()).await.len(), 2, "one is handed out, and one expired just now");
    assert_eq!(named(world.later(1)).await, [macadam_core::digest::Digest::of(b"a")]);
}
