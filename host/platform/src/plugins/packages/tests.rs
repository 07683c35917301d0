use super::change::Account;
use super::*;
use jiff::Timestamp;
use macadam_core::audit::Origin;
use macadam_core::canonical::CanonicalJson;
use macadam_registry::Notice;
use macadam_store::{AuditLog as _, PackageIndex as _, PackageIndexChange, SqliteStore};
use serde_json::{Map, Value};

const INDEX: &str = r#"{"plugin": "acme/rule", "releases": [{
    "version": "1.0.0", "kind": "approval-policy", "contract": "0.1.0", "summary": "A rule.", "yanked": false,
    "digest": "sha256:0000000000000000000000000000000000000000000000000000000000000000",
    "published": "2026-01-01T00:00:00Z"}]}"#;

fn plugin(version: &str) -> PluginRef {
    PluginRef { name: "acme/rule".parse().unwrap(), version: version.parse().unwrap() }
}

fn account() -> Account {
    Account { actor: Some("amir".parse().unwrap()), origin: Origin::NONE, data: Map::new() }
}

async fn says(store: &SqliteStore, expected: Option<u64>, index: &str) {
    let document = CanonicalJson::new(&serde_json::from_str::<Value>(index).unwrap()).unwrap();
    let plugin = plugin("1.0.0").name;
    let change = PackageIndexChange { plugin, expected, document, signatures: Vec::new(), entry: None };
    store.change_package_index(&change, Timestamp::UNIX_EPOCH).await.unwrap();
}

async fn packages() -> (tempfile::TempDir, SqliteStore, Packages) {
    let directory = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(&directory.path().join("macadam.db")).await.unwrap();
    says(&store, None, INDEX).await;
    let packages = Packages::new(Arc::new(store.clone()), Blobs::in_memory());
    (directory, store, packages)
}

async fn actions(store: &SqliteStore) -> Vec<String> {
    store.audit_since(0, 100).await.unwrap().into_iter().map(|entry| entry.action).collect()
}

#[tokio::test]
async fn a_version_that_is_not_there_is_no_failure_and_a_damaged_index_is_one() {
    let (_directory, store, packages) = packages().await;
    assert!(packages.release(&plugin("1.0.0")).await.unwrap().is_some());
    assert!(packages.release(&plugin("2.0.0")).await.unwrap().is_none());
    let unknown = packages.versions(&"acme/rul".parse().unwrap()).await.unwrap_err();
    assert!(unknown.is_unknown() && unknown.to_string().contains("acme/rule"), "it says what there is: {unknown}");
    let gone = packages.fetch(&plugin("1.0.0")).await.unwrap_err();
    assert!(matches!(gone, PackagesError::Blob { .. }), "its blob is not there: {gone}");
    says(&store, Some(1), "{}").await;
    let damaged = packages.release(&plugin("1.0.0")).await.unwrap_err();
    assert!(matches!(damaged, PackagesError::Unreadable { .. }), "{damaged}");
}

#[tokio::test]
async fn what_changes_leaves_one_entry_and_what_changes_nothing_or_is_not_there_leaves_none() {
    let (_directory, store, packages) = packages().await;
    let yank = async |version, yanked| packages.yank(&plugin(version), yanked, &account(), Timestamp::now()).await;
    for _ in 0..2 {
        yank("1.0.0", true).await.unwrap();
    }
    assert!(yank("9.0.0", true).await.unwrap_err().is_unknown());
    assert!(packages.release(&plugin("1.0.0")).await.unwrap().unwrap().yanked);
    yank("1.0.0", false).await.unwrap();
    assert_eq!(actions(&store).await, ["plugin.yank", "plugin.unyank"]);
}

#[tokio::test]
async fn of_many_who_change_one_plugin_at_once_each_gets_through_and_none_undoes_another() {
    let (_directory, store, packages) = packages().await;
    let releases = (0..8).map(|minor| INDEX.replace("1.0.0", &format!("1.{minor}.0")));
    let all: Vec<Value> =
        releases.map(|index| serde_json::from_str::<Value>(&index).unwrap()["releases"][0].clone()).collect();
    says(&store, Some(1), &serde_json::json!({"plugin": "acme/rule", "releases": all}).to_string()).await;
    let mut changing = tokio::task::JoinSet::new();
    for minor in 0..8 {
        let packages = packages.clone();
        changing.spawn(async move {
            packages.yank(&plugin(&format!("1.{minor}.0")), true, &account(), Timestamp::now()).await.unwrap();
        });
    }
    changing.join_all().await;
    let yanked = packages.versions(&plugin("1.0.0").name).await.unwrap().iter().filter(|it| it.yanked).count();
    assert_eq!((yanked, actions(&store).await.len()), (8, 8));
}

#[tokio::test]
async fn what_is_said_is_told_in_the_order_of_the_questions_and_what_cannot_be_asked_is_left_out() {
    let (_directory, _store, packages) = packages().await;
    let scope: Scope = "acme/rule@1.0.0".parse().unwrap();
    let notice = Notice::new("old", None).unwrap();
    let said = packages.deprecate(&scope, &notice, &account(), Timestamp::UNIX_EPOCH).await.unwrap();
    assert_eq!(said.unwrap().notice.message(), "old");
    let queries = ["acme/none", "acme/rule@^1", "acme/rule@9.0.0"].map(|query| query.parse().unwrap());
    let found = packages.deprecated(queries.to_vec()).await;
    let told: Vec<_> = found.iter().map(|found| found.as_ref().map(|(plugin, _)| plugin.to_string())).collect();
    assert_eq!(told, [None, Some("acme/rule@1.0.0".to_owned()), None]);
    let successor = Notice::new("old", Some("acme/none")).unwrap();
    let refused = packages.deprecate(&scope, &successor, &account(), Timestamp::UNIX_EPOCH).await.unwrap_err();
    assert!(refused.to_string().contains("acme/none"), "the successor is not there: {refused}");
}
