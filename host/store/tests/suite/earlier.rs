//! Databases of earlier versions with something in them, and what this version must still find there.
//!
//! The rows are in `earlier.sql`, as those versions wrote them and not as this one would, so that a change of what is kept
//! as JSON is noticed as well. `released.txt` holds every migration to what it was when it was released: databases remember
//! the checksums of those that they have seen, and would not open with another.

use std::collections::BTreeMap;
use std::path::Path;

use macadam_core::digest::Digest;
use macadam_core::selector::Selector;
use macadam_core::standing::TeamUsage;
use macadam_store::*;
use rust_decimal::Decimal;

use super::audit::{FORMER_ACTION, FORMER_SUBJECT, former_log};
use super::world::{LEASE, World, team_id};

const ROWS: &str = include_str!("earlier.sql");

/// In the form of `sha256sum`, which checks it from within `migrations`.
const RELEASED: &str = include_str!("../released.txt");

/// The pin of a provider, which PostgreSQL keeps once more beside the document that it is from.
const PIN: &str = r#"{"plugin":{"name":"macadam/postgres","version":"1.0.0"},"digest":"sha256:6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b","settings":"1"}"#;

/// What a database writes in its own way: each mark in the rows with what stands for it.
pub type Dialect = [(&'static str, &'static str); 6];

/// The statements that fill a database of a version, which is empty.
pub fn rows_of(version: i64, dialect: &Dialect) -> String {
    let mut rows = former_entries(version);
    for part in ROWS.split("-- since ").skip(1) {
        let (versions, statements) = part.split_once('\n').expect("a line says for which versions a part is");
        let (since, until) = versions.split_once(" until ").unwrap_or((versions, "9999"));
        let number = |text: &str| text.parse::<i64>().expect("a version is a number");
        if (number(since)..=number(until)).contains(&version) {
            rows.push_str(statements);
        }
    }
    let rows = dialect.iter().fold(rows, |rows, (mark, written)| rows.replace(*mark, written));
    rows.replace("<pin>", PIN)
}

/// An audit log of the first version, in the tables of any: a migration keeps it as it was written.
fn former_entries(version: i64) -> String {
    let former = if version < 5 { vec![] } else { former_log() };
    let mut rows = String::new();
    for entry in former {
        let (seq, data, previous, hash) = (entry.seq, entry.data, entry.previous, entry.hash);
        let actor = entry.actor.map_or("NULL".to_owned(), |actor| format!("'{actor}'"));
        let (columns, values) = match version {
            ..10 => ("", String::new()),
            _ => (", version, stream, place", format!(", 1, 'platform', {seq}")),
        };
        rows.push_str(&format!(
            "INSERT INTO audit (seq, at, actor, action, subject, data, previous, hash{columns})
             VALUES ({seq}, <at> + {seq}<micros>, {actor}, '{FORMER_ACTION}', '{FORMER_SUBJECT}', '{data}', '{previous}',
                     '{hash}'{values});\n"
        ));
    }
    rows
}

/// The id of something in the rows, which differ in their last digit.
fn id<T: std::str::FromStr>(last: char) -> T {
    let id = format!("018bcfe5-6800-7000-8000-00000000000{last}").parse::<T>();
    id.unwrap_or_else(|_| panic!("the id that ends with {last} is one"))
}

/// Everything that a database of a version had is in a store that was opened on it.
pub async fn everything_is_there(store: &dyn Store, from: i64) {
    people_are_there(store, from).await;
    if from >= 2 {
        a_resource_is_there(store, from).await;
        tags_lead_to_what_has_them(store, from).await;
    }
    if from >= 5 {
        what_happened_is_there(store, from).await;
    }
    if from >= 7 {
        plugins_are_there(store, from).await;
    }
    if from >= 14 {
        a_webhook_is_there(store, from).await;
    }
}

async fn people_are_there(store: &dyn Store, from: i64) {
    let teams = store.teams().await.unwrap();
    let shop = teams.first().unwrap_or_else(|| panic!("from {from}: the team is gone"));
    assert_eq!((teams.len(), &shop.name, shop.limits.max_resources), (1, &team_id("shop"), Some(5)), "from {from}");
    let environments = store.environments().await.unwrap();
    assert_eq!(environments.iter().map(|there| there.name.as_str()).collect::<Vec<_>>(), ["dev"], "from {from}");
    if from >= 4 {
        let secret = store.secret("secret:1").await.unwrap();
        assert_eq!(secret.map(|secret| secret.sealed), Some(Sealed::new(*b"half")), "from {from}");
    }
    if from >= 11 {
        let token = store.service_token(id('8')).await.unwrap().unwrap_or_else(|| panic!("from {from}: no token"));
        assert_eq!((token.name.as_str(), token.scopes.len()), ("ci", 1), "from {from}");
    }
}

async fn a_resource_is_there(store: &dyn Store, from: i64) {
    let resource = store.resource(id('1')).await.unwrap().unwrap_or_else(|| panic!("from {from}: no resource"));
    // Since the third version there are jobs, and one of them is at it.
    let (state, went_through) = if from < 3 { ("ready", 2) } else { ("updating", 3) };
    assert_eq!(resource.state.to_string(), state, "from {from}");
    assert_eq!(resource.desired.spec.get(), r#"{"size":7}"#, "from {from}");
    assert_eq!(resource.desired.provider.plugin.to_string(), "macadam/postgres@1.0.0", "from {from}");
    assert_eq!((resource.outputs.len(), resource.revision), (1, 1), "from {from}");
    assert_eq!(store.transitions(id('1')).await.unwrap().len(), went_through, "from {from}");
    let listed = store.list_resources(&ResourceFilter::default(), PageRequest::first(10)).await.unwrap();
    assert_eq!(listed.iter().map(|listed| listed.id).collect::<Vec<_>>(), [resource.id], "from {from}");
    let usage = store.standing(&team_id("shop")).await.unwrap().map(|standing| standing.usage);
    let committed = Decimal::from(if from < 3 { 7 } else { 9 });
    let by_type = BTreeMap::from([(resource.key.resource_type, 1)]);
    assert_eq!(usage, Some(TeamUsage { by_type, committed }), "from {from}");

    let request = store.request(id('2')).await.unwrap().unwrap_or_else(|| panic!("from {from}: no request"));
    assert_eq!((request.state.to_string().as_str(), request.needs.len()), ("succeeded", 1), "from {from}");
    let approvals = store.approvals(id('2')).await.unwrap();
    assert_eq!(approvals.iter().map(|one| one.comment.as_deref()).collect::<Vec<_>>(), [Some("fine")], "from {from}");
    if from >= 3 {
        for (job, state) in [('4', "succeeded"), ('5', "queued")] {
            let job = store.job(id(job)).await.unwrap().unwrap_or_else(|| panic!("from {from}: no job"));
            let told = (job.state.to_string(), job.provider.to_string());
            assert_eq!(told, (state.to_owned(), "macadam/postgres".to_owned()), "from {from}");
        }
    }
    if from >= 6 {
        let project = store.scaffold(id('7')).await.unwrap().unwrap_or_else(|| panic!("from {from}: no project"));
        assert_eq!((project.scaffold.archive_size, project.request), (3, id('6')), "from {from}");
    }
}

async fn tags_lead_to_what_has_them(store: &dyn Store, from: i64) {
    let selector: Selector = "owner=ana".parse().unwrap();
    let filter = ResourceFilter { selector: selector.clone(), ..ResourceFilter::default() };
    let found = store.list_resources(&filter, PageRequest::first(10)).await.unwrap();
    assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), [id::<ResourceId>('1')], "from {from}");
    let filter = RequestFilter { selector, ..RequestFilter::default() };
    let found = store.list_requests(&filter, PageRequest::first(10)).await.unwrap();
    let requests: Vec<RequestId> = if from < 6 { vec![id('b')] } else { vec![id('c'), id('b')] };
    assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), requests, "from {from}");
}

async fn what_happened_is_there(store: &dyn Store, from: i64) {
    let last = former_log().pop().expect("it has entries");
    let head = AuditHead { seq: 3, hash: last.hash.parse().expect("it is a digest") };
    assert_eq!(store.verify_audit(Some(head)).await.unwrap(), 3, "from {from}");
    let events = store.events_since(0, 10).await.unwrap();
    let told: Vec<_> = events.iter().map(|event| (event.seq, &event.audience)).collect();
    assert_eq!(told, [(1, &Audience::Team(team_id("shop")))], "from {from}");
}

async fn plugins_are_there(store: &dyn Store, from: i64) {
    let namespaces = store.namespaces().await.unwrap();
    let [acme] = namespaces.as_slice() else { panic!("from {from}: {namespaces:?}") };
    let key = acme.key("first").unwrap_or_else(|| panic!("from {from}: no key"));
    assert_eq!((acme.signatures, key.public_key.as_str()), (SignaturePolicy::Required, "a-public-key"), "from {from}");
    if from >= 8 {
        let set = store.bindings().await.unwrap();
        let bound: Vec<_> = set.bindings.iter().map(|one| (one.name.as_str(), one.spec.as_str())).collect();
        assert_eq!(bound, [("rules", r#"{"binding":{"plugin":"acme/rule@1.0.0"}}"#)], "from {from}");
        assert_eq!(set.generation, 1, "from {from}");
    }
    if from >= 12 {
        let index = store.package_index(&"acme/rule".parse().unwrap()).await.unwrap();
        let index = index.unwrap_or_else(|| panic!("from {from}: no package"));
        assert_eq!((index.revision, index.document.as_str()), (3, r#"{"releases":[]}"#), "from {from}");
        let version = serde_json::from_value(serde_json::json!({ "name": "acme/rule", "version": "1.0.0" })).unwrap();
        assert_eq!(store.package_signatures(&version).await.unwrap(), Some(b"half".to_vec()), "from {from}");
    }
}

async fn a_webhook_is_there(store: &dyn Store, from: i64) {
    let webhook = store.webhook(id('9')).await.unwrap().unwrap_or_else(|| panic!("from {from}: no webhook"));
    let url = match from {
        ..20 => WebhookUrl::Plain("https://hooks.example/secret-path".into()),
        _ => WebhookUrl::Sealed(Sealed::new(*b"half")),
    };
    assert_eq!((webhook.url, webhook.secret, webhook.cursor), (url, Sealed::new(*b"half"), 1), "from {from}");
    assert_eq!(webhook.filter.types, ["macadam.request."], "from {from}");
    assert_eq!(store.deliveries(id('9'), PageRequest::first(10)).await.unwrap().len(), 1, "from {from}");
}

/// The work that was under way goes on where it stopped.
pub async fn work_goes_on(store: &dyn Store, from: i64, world: &World) {
    let claimed = store.claim("w", &JobLimits::NONE, world.now(), world.later(LEASE)).await.unwrap();
    let state = claimed.as_ref().and_then(|job| job.state.clone());
    assert_eq!(state, (from >= 3).then(|| Sealed::new(*b"half")), "from {from}: {claimed:?}");
}

/// Every migration of a database is as it was released.
pub fn released_migrations_are_as_they_were(database: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations").join(database);
    let mut there = BTreeMap::new();
    for file in std::fs::read_dir(folder).expect("there are migrations") {
        let file = file.expect("the folder can be read");
        let digest = Digest::of(&std::fs::read(file.path()).expect("a migration can be read")).hex();
        there.insert(format!("{database}/{}", file.file_name().display()), digest);
    }
    let listed = RELEASED.lines().filter_map(|line| line.split_once("  "));
    for (released, name) in listed.filter(|(_, name)| name.starts_with(database)) {
        let found = there.remove(name).unwrap_or_else(|| panic!("{name} was released and is gone; put it back"));
        assert_eq!(
            found, released,
            "{name} was released and is another now, so no database that has seen it would open any more; put it back, \
             and write a new migration instead"
        );
    }
    let new: Vec<_> = there.iter().map(|(name, digest)| format!("{digest}  {name}")).collect();
    assert!(new.is_empty(), "add what is new to tests/released.txt, where it stays as it is:\n{}", new.join("\n"));
}
