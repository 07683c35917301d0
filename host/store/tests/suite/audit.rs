//! The audit log's streams: what an entry says, in which chain it is, and what of it can be asked for.

use macadam_core::audit::{Credential, Head, Heads, Origin, Stream, Verifier};
use macadam_core::digest::Digest;
use macadam_store::*;
use serde_json::json;

use super::world::*;

/// An entry as the first version of the log had it, its columns in their order up to `data`.
pub struct Former {
    pub seq: i64,
    pub at: i64,
    pub actor: Option<&'static str>,
    pub data: &'static str,
    pub previous: String,
    pub hash: String,
}

pub const FORMER_ACTION: &str = "team.changed";
pub const FORMER_SUBJECT: &str = "teams/shop";

/// A log of the first version, its hashes spelled out as that version made them.
pub fn former_log() -> Vec<Former> {
    let mut previous = format!("sha256:{}", "0".repeat(64));
    let mut log = Vec::new();
    for (seq, actor, data) in [(1, None, "null"), (2, Some("ana"), r#"{"a":1.5}"#), (3, Some("bo"), r#"{"b":"é"}"#)] {
        let at = 1_700_000_000_000_000 + seq;
        let who = actor.map_or("null".to_owned(), |actor| format!(r#""{actor}""#));
        let quoted = json!(data).to_string();
        let text = format!(
            r#"{{"action":"{FORMER_ACTION}","actor":{who},"at":{at},"data":{quoted},"previous":"{previous}","seq":{seq},"subject":"{FORMER_SUBJECT}"}}"#
        );
        let hash = Digest::of(text.as_bytes()).to_string();
        log.push(Former { seq, at, actor, data, previous, hash: hash.clone() });
        previous = hash;
    }
    log
}

/// What must be so of a store that had such a log: it verifies against its old head, and goes on.
pub async fn goes_on_after_the_former_log(store: &dyn Store, now: jiff::Timestamp) {
    let log = former_log();
    let last = log.last().unwrap();
    let head = AuditHead { seq: 3, hash: last.hash.parse().unwrap() };
    assert_eq!(store.verify_audit(Some(head)).await.unwrap(), 3, "entries of before stay as they were written");
    store.append_audit(&NewAuditEntry::new("team.changed", "teams/shop"), now).await.unwrap();
    store.append_audit(&NewAuditEntry::new("x", "y").of_team(&team_id("shop")), now).await.unwrap();
    assert_eq!(store.verify_audit(Some(head)).await.unwrap(), 5);
    let after = store.audit_since(3, 10).await.unwrap();
    let places: Vec<_> = after.iter().map(|entry| (entry.stream.as_str(), entry.place)).collect();
    assert_eq!(places, [("platform", 4), ("team/shop", 1)], "the old chain is the beginning of the platform's");
    assert_eq!(after[0].previous, last.hash);
}

fn origin() -> Origin {
    Origin {
        address: Some("2001:db8::7".parse().unwrap()),
        request_id: Some("trace-1".to_owned()),
        credential: Some(Credential::Oidc),
        trace: None,
        held: None,
    }
}

async fn all(world: &World, filter: AuditFilter) -> Vec<AuditEntry> {
    world.store.audit(&filter, PageRequest::first(1000)).await.unwrap()
}

#[tokio::test]
async fn a_request_is_recorded_in_its_teams_stream_with_origin_decision_and_digests() {
    let world = World::start().await;
    let mut new = world.needing(world.create("shop", "orders", 1), vec![need(&[], 1)]);
    new.origin = origin();
    world.taken(&new).await;
    let approval = Approval { origin: origin(), ..world.approval(new.id, "bo", &[]) };
    world.store.approve(&approval, world.now()).await.unwrap();
    let job = world.claimed().await;
    world.finish(&job, JobEnd::Done { outputs: vec![] }).await;
    let resource =
        world.store.list_resources(&ResourceFilter::default(), PageRequest::first(1)).await.unwrap().remove(0);
    let mut update = world.update(&resource, 2);
    update.origin = origin();
    world.taken(&update).await;

    let entries = all(&world, AuditFilter { stream: Some(Stream::Team(team_id("shop"))), ..Default::default() }).await;
    let of = |action: &str| entries.iter().find(|entry| entry.action == action).unwrap();
    for action in ["request.pending-approval", "request.approved"] {
        let entry = of(action);
        assert_eq!(entry.address.as_deref(), Some("2001:db8::7"), "{action}");
        assert_eq!(entry.request_id.as_deref(), Some("trace-1"), "{action}");
        assert_eq!(entry.credential.as_deref(), Some("oidc"), "{action}");
        assert_eq!(entry.decision, Some(new.decision.digest.to_string()), "{action}");
        assert_eq!(entry.request, Some(new.id.to_string()), "{action}");
    }
    assert_eq!(of("request.succeeded").address, None, "what the platform does comes from nowhere");
    let made = of("request.pending-approval");
    assert!(made.before.is_none() && made.after.is_some(), "there was nothing before it was made");
    let changed = entries.iter().rfind(|entry| entry.action == "request.queued").unwrap();
    assert_eq!(changed.before, made.after, "an update begins where the last change ended");
    assert!(changed.after.is_some() && changed.after != changed.before);
    assert_eq!(
        entries.iter().map(|entry| entry.place).collect::<Vec<_>>(),
        (1..=entries.len() as u64).collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn what_concerns_no_team_is_in_the_platforms_stream_and_says_what_it_changed() {
    let world = World::start().await;
    let shop = world.store.team(&team_id("shop")).await.unwrap().unwrap();
    let changed = macadam_core::standing::Team { cost_center: Some("4711".into()), ..shop.clone() };
    world.store.put_team(&changed, Some(&person("root")), world.now()).await.unwrap();
    let entry = all(&world, AuditFilter::default()).await.pop().unwrap();
    assert_eq!((entry.stream.as_str(), entry.actor.as_deref()), ("platform", Some("root")));
    assert_eq!(entry.before, Some(Digest::of_json(&shop).unwrap().to_string()));
    assert_eq!(entry.after, Some(Digest::of_json(&changed).unwrap().to_string()));
}

#[tokio::test]
async fn heads_are_where_each_stream_ends_and_a_stream_verifies_without_the_others() {
    let world = World::start().await;
    assert!(world.store.audit_ends().await.unwrap().len() == 1, "there is only the platform's stream to begin with");
    for team in ["shop", "search", "shop"] {
        let entry = NewAuditEntry::new("looked.at", "x").of_team(&team_id(team));
        world.store.append_audit(&entry, world.now()).await.unwrap();
    }
    let entries = all(&world, AuditFilter::default()).await;
    let ends = world.store.audit_ends().await.unwrap();
    let heads: Vec<Head> = ends.iter().filter_map(StreamEnd::head).collect();
    let streams: Vec<_> = heads.iter().map(|head| head.stream.to_string()).collect();
    assert_eq!(streams, ["platform", "team/search", "team/shop"]);
    for Head { stream, place, seq, hash } in &heads {
        let last = entries.iter().rfind(|entry| entry.stream == stream.to_string()).unwrap();
        assert_eq!((last.place, last.seq, &last.hash), (*place, *seq, &hash.to_string()));
        let mut verifier = Verifier::of_streams();
        verifier.expect(&Heads { at: world.now(), entries: None, heads: heads.clone() });
        let of = AuditFilter { stream: Some(stream.clone()), ..Default::default() };
        for entry in all(&world, of).await {
            assert_eq!(verifier.entry(&entry), []);
        }
        let missing = verifier.end().findings;
        assert_eq!(missing.len(), 2, "only the other two streams are missed: {missing:?}");
    }
    assert_eq!(heads.iter().map(|head| head.seq).max(), Some(world.store.audit_head().await.unwrap().seq));
}

#[tokio::test]
async fn entries_are_found_by_who_did_what_to_what_and_when() {
    let world = World::start().await;
    let before = world.now();
    for (who, action, subject) in [
        ("ana", "plugin.yank", "plugins/a"),
        ("bo", "plugin.yank.failed", "plugins/a"),
        ("ana", "plugins", "plugins/b"),
    ] {
        world.advance(10);
        let entry = NewAuditEntry::new(action, subject).by(Some(&person(who)));
        world.store.append_audit(&entry, world.now()).await.unwrap();
    }
    let found = async |filter: AuditFilter| {
        let found = all(&world, filter).await;
        found.into_iter().map(|entry| entry.action).collect::<Vec<_>>()
    };
    let none = AuditFilter::default;
    assert_eq!(found(AuditFilter { actor: Some(person("ana")), ..none() }).await, ["plugin.yank", "plugins"]);
    assert_eq!(
        found(AuditFilter { action: Some("plugin.".into()), ..none() }).await,
        ["plugin.yank", "plugin.yank.failed"]
    );
    assert_eq!(
        found(AuditFilter { action: Some("plugin_".into()), ..none() }).await,
        [""; 0],
        "it is a text, no pattern"
    );
    assert_eq!(found(AuditFilter { subject: Some("plugins/b".into()), ..none() }).await, ["plugins"]);
    let last = AuditFilter { since: Some(world.now()), ..none() };
    assert_eq!(found(last).await, ["plugins"], "since is that moment and later");
    let middle =
        AuditFilter { since: Some(before + jiff::SignedDuration::from_secs(1)), until: Some(world.now()), ..none() };
    assert_eq!(found(middle).await, ["plugin.yank", "plugin.yank.failed"], "until is before that moment");

    let backwards = AuditFilter { backwards: true, ..none() };
    let newest = world.store.audit(&backwards, PageRequest::first(2)).await.unwrap();
    assert_eq!(newest.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(), ["plugins", "plugin.yank.failed"]);
    let next = PageRequest { after: Some(newest[1].seq), limit: 1 };
    assert_eq!(world.store.audit(&backwards, next).await.unwrap()[0].action, "plugin.yank");
}
