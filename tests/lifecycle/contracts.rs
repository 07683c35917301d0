//! Plugins of both contracts in one host: what one of them can do beside the other, and what neither may do.
//!
//! The same rule is there twice: `bench-policy-0-1` is built for contract 0.1, which hands over the whole context, and
//! `bench-policy` for 0.2, under which it asks.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use macadam_registry::{PackError, Versioning, pack};
use macadam_tests::components::component;
use macadam_tests::server::{Answer, Person, Server, Setup};
use serde_json::{Value, json};

use crate::{answered, bind, policy};

/// The version that is built for contract 0.1, and the one for 0.2.
const OLD: &str = "1.0.0";
const NEW: &str = "2.0.0";

/// The requests: each passes the rule or breaks one condition of it.
const CASES: [(&str, &str, &[&str]); 4] = [
    ("dev", "allow", &["owner", "service", "cost-center", "data-class"]),
    ("dev", "require-approval", &["owner"]),
    ("prod", "require-approval", &["owner", "service", "cost-center", "data-class"]),
    ("staging", "allow", &["cost-center", "data-class", "owner", "service", "more"]),
];

fn host() -> Server {
    let config = r#"
when-no-policy-applies = "allow"

[[plugins]]
plugin = "macadam/rate-card@dev"

[[plugins]]
plugin = "macadam/local-directory@dev"
grants = ["files:workspaces"]

[connections.files.workspaces]
path = "workspaces"
"#;
    let server = Server::start(&Setup { config: config.to_owned(), ..Setup::default() });
    for (version, code) in [(OLD, "bench-policy-0-1"), (NEW, "bench-policy")] {
        let published = server.person("amir").publish(policy("macadam/gate", version, code).archive());
        assert_eq!(published.status, 201, "{published:?}");
    }
    server
}

fn binding(version: &str, more: &Value) -> Value {
    let mut binding = json!({"plugin": format!("macadam/gate@{version}"), "settings": {"threshold": "500"}});
    binding.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
    binding
}

fn bound(server: &Server, version: &str, more: &Value) {
    let answer = bind(&server.person("ada"), "gate", &binding(version, more), None);
    assert_eq!(answer.status, 200, "{answer:?}");
}

fn wish(environment: &str, tags: &[&str], name: &str) -> Value {
    let tags: BTreeMap<_, _> = tags.iter().map(|tag| (*tag, "payments")).collect();
    let spec = json!({"quota_mb": 500});
    json!({"environment": environment, "type": "local-directory", "name": name, "tags": tags, "spec": spec})
}

fn preview(person: &Person<'_>, environment: &str, tags: &[&str], name: &str) -> Answer {
    person.post("/api/v1/preview", &wish(environment, tags, name))
}

/// Makes a request of each case, so that there is something to replay.
fn ask_all(server: &Server, round: &str) {
    let dana = server.person("dana");
    for (index, (environment, verdict, tags)) in CASES.into_iter().enumerate() {
        let taken = dana.post("/api/v1/resources", &wish(environment, tags, &format!("{round}-{index}")));
        assert_eq!(taken.body["decision"]["verdicts"][0]["verdict"], verdict, "{environment}: {taken:?}");
    }
}

fn replay(server: &Server, wish: &Value) -> Value {
    let report = server.person("ada").post("/api/v1/replays", wish);
    assert_eq!(report.status, 200, "{report:?}");
    report.body
}

#[test]
fn plugins_of_both_contracts_decide_side_by_side_and_alike() {
    let server = host();
    let (ada, dana) = (server.person("ada"), server.person("dana"));
    for (name, version) in [("gate", OLD), ("gate-new", NEW)] {
        assert_eq!(bind(&ada, name, &binding(version, &json!({})), None).status, 200);
    }
    for (environment, verdict, tags) in CASES {
        let shown = preview(&dana, environment, tags, "notes");
        assert_eq!(answered(&shown).into_iter().collect::<BTreeSet<_>>(), [OLD.into(), NEW.into()].into());
        let verdicts = shown.body["verdicts"].as_array().unwrap();
        let answer = |each: &Value| ["verdict", "reason", "groups", "count"].map(|part| each[part].clone());
        assert_eq!(verdicts[0]["verdict"], verdict, "{environment}: {shown:?}");
        assert_eq!(answer(&verdicts[0]), answer(&verdicts[1]), "{environment}");
    }
}

#[test]
fn a_plugin_of_one_contract_is_tried_against_one_of_the_other_and_taken_back() {
    let server = host();
    let dana = server.person("dana");
    for (active, canary) in [(OLD, NEW), (NEW, OLD)] {
        bound(&server, active, &json!({"canary": {"version": canary, "weight": 50, "sticky": "request"}}));
        let mut by_version = BTreeMap::<String, BTreeSet<String>>::new();
        for (index, (environment, verdict, tags)) in CASES.into_iter().cycle().take(40).enumerate() {
            let shown = preview(&dana, environment, tags, &format!("notes-{index}"));
            assert_eq!(shown.body["verdicts"][0]["verdict"], verdict, "{shown:?}");
            by_version.entry(answered(&shown).remove(0)).or_default().insert(verdict.to_owned());
        }
        assert_eq!(by_version.len(), 2, "both answer some of forty: {by_version:?}");
        let kept = server.person("ada").get("/api/v1/bindings/gate");
        assert!(kept.body["binding"].get("canary").is_some(), "and none of them failed: {kept:?}");
    }
    bound(&server, OLD, &json!({}));
    bound(&server, NEW, &json!({}));
    let now = || answered(&preview(&dana, "dev", CASES[0].2, "notes"));
    assert_eq!(now(), [NEW]);
    let back = server.person("ada").post("/api/v1/bindings/gate/rollback", &json!({"reason": "a test"}));
    assert_eq!((back.status, &back.body["version"]), (200, &json!(OLD)), "{back:?}");
    assert_eq!(now(), [OLD]);
}

#[test]
fn a_shadow_of_the_other_contract_differs_in_nothing() {
    let server = host();
    let dana = server.person("dana");
    let mut asked = 0;
    for (active, shadow) in [(OLD, NEW), (NEW, OLD)] {
        bound(&server, active, &json!({"shadow": {"version": shadow}}));
        ask_all(&server, &format!("by-{}", active.replace('.', "-")));
        asked += CASES.len();
        let begin = Instant::now();
        let shadows =
            || dana.get("/api/v1/decisions?binding=gate&role=shadow").body["items"].as_array().unwrap().clone();
        while shadows().len() < asked {
            assert!(begin.elapsed() < Duration::from_secs(30), "{}", server.log());
            std::thread::sleep(Duration::from_millis(20));
        }
        for each in shadows() {
            assert!(each["difference"].is_null(), "{each}");
        }
    }
}

#[test]
fn what_was_recorded_under_one_contract_replays_exactly_and_through_the_other_with_the_same_verdicts() {
    for (recorded, other) in [(OLD, NEW), (NEW, OLD)] {
        let server = host();
        bound(&server, recorded, &json!({}));
        ask_all(&server, "notes");
        let all = json!(CASES.len());
        let again = replay(&server, &json!({"plugin": format!("macadam/gate@{recorded}")}));
        assert_eq!((&again["asked"], &again["same"]), (&all, &all), "{again}");
        assert_eq!(again["fuel"]["recorded"], again["fuel"]["candidate"], "with the same fuel: {again}");
        let across = replay(&server, &json!({"plugin": format!("macadam/gate@{other}")}));
        assert_eq!((&across["asked"], &across["same"]), (&all, &all), "{recorded} through {other}: {across}");
        assert_eq!(across["groups"], json!([]));
        assert_ne!(across["fuel"]["recorded"], across["fuel"]["candidate"], "it is another component: {across}");
    }
}

/// The bytes with one text in the place of another of the same length.
fn with_replaced(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len(), "nothing may move");
    let (mut bytes, from) = (bytes.to_vec(), from.as_bytes());
    let places: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at..].starts_with(from)).collect();
    assert!(!places.is_empty(), "there is something to replace");
    for at in places {
        bytes[at..at + from.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

#[test]
fn a_contract_that_nobody_knows_is_refused_when_it_is_packed_and_when_it_is_published() {
    let later = with_replaced(&component("bench-policy-0-1"), "@0.1.0", "@0.3.0");
    let says_both = |text: &str| {
        for part in ["is built for macadam:plugin 0.3.0", "0.1.0, 0.2.0", "macadam:plugin/approval-policy@0.3.0"] {
            assert!(text.contains(part), "{part:?} must be in: {text}");
        }
    };
    let manifest = "name = \"macadam/later\"\nversion = \"1.0.0\"\nkind = \"approval-policy\"\ncontract = \"0.3.0\"\n\
                    summary = \"x\"\nlicense = \"Apache-2.0\"\nauthors = []\n[settings]\n";
    match pack(manifest, &later, "", Versioning::AsWritten) {
        Err(error @ PackError::Refused(_)) => says_both(&error.to_string()),
        other => panic!("it must be refused by name: {other:?}"),
    }

    // Nothing that packs makes such an archive, so a good one is changed where nothing moves.
    let good = policy("macadam/gate", "3.0.0", "bench-policy-0-1");
    let mut tar = Vec::new();
    flate2::read::GzDecoder::new(&good.archive()[..]).read_to_end(&mut tar).unwrap();
    let tar = with_replaced(&tar, "@0.1.0", "@0.3.0");
    let tar = with_replaced(&tar, "contract = \"0.1.0\"", "contract = \"0.3.0\"");
    let mut archive = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    archive.write_all(&tar).unwrap();
    let server = host();
    let refused = server.person("amir").publish(&archive.finish().unwrap());
    assert_eq!(refused.status, 422, "{refused:?}");
    says_both(refused.body["detail"].as_str().unwrap());
    let missing = bind(&server.person("ada"), "later", &json!({"plugin": "macadam/gate@3.0.0"}), None);
    assert_eq!(missing.status, 422, "it is not in the registry: {missing:?}");
}

#[test]
fn codes_of_violations_reach_people_and_programs() {
    let server = host();
    let (amir, ada, dana) = (server.person("amir"), server.person("ada"), server.person("dana"));
    let tags = crate::policy_with("macadam/tags", "2.0.0", "required-tags", "tags = [{ key = \"owner\" }]");
    assert_eq!(amir.publish(tags.archive()).status, 201);
    assert_eq!(bind(&ada, "tags", &json!({"plugin": "macadam/tags@2.0.0"}), None).status, 200);
    let denied = dana.post("/api/v1/resources", &wish("dev", &[], "notes"));
    assert_eq!(denied.status, 403, "{denied:?}");
    assert_eq!(denied.body["violations"][0]["code"], "tag-missing", "{denied:?}");
    let arguments = ["preview", "local-directory", "notes", "--env", "dev"];
    let shown = server.cli("dana", &arguments);
    let shown = format!("{}{}", String::from_utf8_lossy(&shown.stdout), String::from_utf8_lossy(&shown.stderr));
    assert!(shown.contains("[tag-missing]"), "{shown}");
}
