//! The master key is replaced in the documented order, and no request fails for it; in another order, whoever lacks a key
//! says so.

use std::sync::atomic::{AtomicBool, Ordering};

use macadam_tests::receiver::Receiver;
use macadam_tests::replicas::{Place, Replicas};
use macadam_tests::server::{Person, Server, Setup};
use serde_json::{Value, json};

use crate::until;

const KEY: &str = "MACADAM_MASTER_KEY";
const OTHERS: &str = "MACADAM_OTHER_MASTER_KEYS";

/// Providers, and receivers on this machine.
const CONFIG: &str = r#"
when-no-policy-applies = "allow"

[webhooks]
allow-addresses = ["127.0.0.1/32"]
allow-http-hosts = ["127.0.0.1"]

[[plugins]]
plugin = "macadam/local-directory@dev"
grants = ["files:workspaces"]

[connections.files.workspaces]
path = "workspaces"
"#;

fn old() -> String {
    "5ea1".repeat(16)
}

fn new() -> String {
    "0dd5".repeat(16)
}

/// A webhook that was made at some time, with the secret that it has now.
struct Hook {
    path: String,
    secret: String,
}

fn hook(dana: &Person<'_>, receiver: &Receiver) -> Hook {
    let made = dana.post("/api/v1/webhooks", &json!({"url": receiver.url("/hook"), "types": ["macadam.nothing"]}));
    assert_eq!(made.status, 201, "{made:?}");
    let text = |field: &str| made.body[field].as_str().expect("it is there").to_owned();
    Hook { path: format!("/api/v1/webhooks/{}", text("id")), secret: text("secret") }
}

/// Has a host open a webhook's secret, and checks that it is the one.
fn opens(server: &Server, hook: &Hook, receiver: &Receiver) {
    let tried = server.person("dana").post(&format!("{}/test", hook.path), &json!({}));
    assert_eq!(tried.body["status"], 204, "{tried:?}\n{}", server.log());
    receiver.got().last().expect("it has arrived").verify(&hook.secret).expect("signed with the secret as it was");
}

/// Does what seals and opens: a webhook is made and called, a directory is made and removed by steps whose state is sealed.
fn works(server: &Server, name: &str, receiver: &Receiver) {
    let dana = server.person("dana");
    let made = hook(&dana, receiver);
    opens(server, &made, receiver);
    assert_eq!(dana.send("DELETE", &made.path, None).status, 204);
    let wish = json!({"environment": "dev", "type": "local-directory", "name": name, "spec": {"quota_mb": 1}});
    let taken = dana.post("/api/v1/resources", &wish);
    assert_eq!(taken.status, 202, "{taken:?}\n{}", server.log());
    assert_eq!(dana.wait_for(&taken.request()), "succeeded", "{}", server.log());
    let gone = dana.send("DELETE", &format!("/api/v1/resources/payments/dev/local-directory/{name}"), None);
    assert_eq!(gone.status, 202, "{gone:?}\n{}", server.log());
    assert_eq!(dana.wait_for(&gone.request()), "succeeded", "{}", server.log());
}

/// The key that heads of the audit log are signed with, which is a secret of the store.
fn heads_key(server: &Server) -> Value {
    let key = server.person("ada").get("/api/v1/audit/key");
    assert_eq!(key.status, 200, "{key:?}\n{}", server.log());
    key.body
}

/// What the schedule last said.
fn said(server: &Server) -> Option<String> {
    let all = server.person("ada").get("/api/v1/schedules").body;
    let of_keys = all["items"].as_array()?.iter().find(|one| one["name"] == "master-key")?;
    of_keys["last"]["note"].as_str().map(str::to_owned)
}

fn told(server: &Server, what: &str) -> Vec<Value> {
    let events = server.person("ada").get("/api/v1/events?limit=200&type=macadam.sealing-key.").body;
    let all = events["items"].as_array().cloned().unwrap_or_default();
    all.into_iter().filter(|event| event["type"] == format!("macadam.sealing-key.{what}")).collect()
}

/// Restarts one host after the other with other keys, while the one that is not being restarted goes on serving.
fn restart_each(replicas: &mut Replicas, step: &str, key: &str, others: &str, receiver: &Receiver) {
    for at in 0..replicas.servers.len() {
        let (before, from) = replicas.servers.split_at_mut(at);
        let (server, after) = from.split_first_mut().expect("there is one");
        let other = before.first().or(after.first()).expect("there are two");
        let done = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut number = 0;
                while !done.load(Ordering::Relaxed) {
                    works(other, &format!("{step}-while-{at}-{number}"), receiver);
                    number += 1;
                }
            });
            server.stop();
            server.set_variable(KEY, key);
            server.set_variable(OTHERS, others);
            server.launch();
            done.store(true, Ordering::Relaxed);
        });
        for (number, server) in replicas.servers.iter().enumerate() {
            works(server, &format!("{step}-after-{at}-on-{number}"), receiver);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_on_one_database_replace_the_key_one_after_the_other_and_no_request_fails() {
    let mut replicas = Replicas::start(2, Place::Directory, CONFIG).await;
    let receiver = Receiver::start();
    let first = hook(&replicas.servers[0].person("dana"), &receiver);
    let signs = heads_key(&replicas.servers[0]);

    restart_each(&mut replicas, "given", &old(), &new(), &receiver);
    assert!(told(&replicas.servers[0], "replaced").is_empty(), "a key that is only given changes nothing");
    restart_each(&mut replicas, "current", &new(), &old(), &receiver);
    assert_eq!(told(&replicas.servers[0], "replaced").len(), 1, "whichever host was first");

    let server = &replicas.servers[0];
    let note =
        until("the end of the old key", server, || said(server).filter(|note| note.contains("can be taken away")));
    assert!(note.contains("nothing is left under"), "{note}");
    let replaced = told(server, "replaced")[0]["data"].clone();
    assert_eq!(told(server, "retired")[0]["data"]["key"], replaced["before"], "{replaced}");
    let resealed = told(server, "resealed");
    assert!(resealed.iter().any(|event| event["data"]["secrets"].as_u64() > Some(0)), "{resealed:?}");
    assert!(resealed.iter().any(|event| event["data"]["webhook_secrets"].as_u64() > Some(0)), "{resealed:?}");
    let audited =
        kept(&replicas, "select distinct action from audit where action like 'sealing-key.%' order by 1").await;
    assert_eq!(audited, ["sealing-key.replaced", "sealing-key.resealed", "sealing-key.retired"]);

    restart_each(&mut replicas, "taken", &new(), "", &receiver);
    for server in &replicas.servers {
        opens(server, &first, &receiver);
        assert_eq!(heads_key(server), signs, "what was sealed under the old key is what it was");
    }
    let under = "select count(*)::text from sealed_values v, sealing_keys k where v.sealed_by is distinct from k.id";
    assert_eq!(kept(&replicas, under).await, ["0"], "everything is under the one key that is left");
    let server = &mut replicas.servers[1];
    server.stop();
    server.set_variable(KEY, &old());
    server.launch_without_waiting();
    until("a refusal", server, || server.log().contains("give it the same key").then_some(()));
    for server in &replicas.servers {
        assert!(![old(), new()].iter().any(|key| server.log().contains(key)), "no key is ever shown");
    }
}

/// The first column of a query on the hosts' own database.
async fn kept(replicas: &Replicas, query: &str) -> Vec<String> {
    use sqlx::{AssertSqlSafe, Connection as _, Row as _};
    let url = replicas.postgres.superuser_url().replace("/postgres", "/kept");
    let mut connection = sqlx::postgres::PgConnection::connect(&url).await.unwrap();
    let rows = sqlx::raw_sql(AssertSqlSafe(query.to_owned())).fetch_all(&mut connection).await.unwrap();
    rows.iter().map(|row| row.get::<String, _>(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_was_not_given_the_new_key_says_which_is_missing_and_goes_on_with_what_it_can_open() {
    let mut replicas = Replicas::start(2, Place::Directory, CONFIG).await;
    let receiver = Receiver::start();
    // The first step is left out: only one host has the new key.
    let server = &mut replicas.servers[0];
    server.stop();
    server.set_variable(KEY, &new());
    server.set_variable(OTHERS, &old());
    server.launch();
    let [ahead, behind] = replicas.servers.as_slice() else { panic!("there are two") };
    let sealed = hook(&ahead.person("dana"), &receiver);
    let dana = behind.person("dana");
    let tried = dana.post(&format!("{}/test", sealed.path), &json!({})).body.to_string();
    assert!(tried.contains("MACADAM_OTHER_MASTER_KEYS") && tried.contains("does not have"), "{tried}");
    until("a word in the log", behind, || {
        behind.log().contains("under a key that this host does not have").then_some(())
    });
    opens(behind, &hook(&dana, &receiver), &receiver);
    // Started anew as it is, it is refused.
    replicas.servers[1].stop();
    replicas.servers[1].launch_without_waiting();
    let behind = &replicas.servers[1];
    until("a refusal", behind, || behind.log().contains("give it that key as well").then_some(()));
    replicas.servers[1].kill();
    replicas.servers[1].set_variable(OTHERS, &new());
    replicas.servers[1].launch();
    opens(&replicas.servers[1], &sealed, &receiver);
}

#[test]
fn a_host_of_its_own_replaces_the_key_of_its_data_directory() {
    let setup = Setup::without_postgres();
    let webhooks = "[webhooks]\nallow-addresses = [\"127.0.0.1/32\"]\nallow-http-hosts = [\"127.0.0.1\"]\n";
    let config = format!("other-master-key-files = [\"former.key\"]\n{webhooks}{}", setup.config);
    let mut server = Server::start(&Setup { config: format!("{webhooks}{}", setup.config), ..setup });
    let receiver = Receiver::start();
    let first = hook(&server.person("dana"), &receiver);
    let signs = heads_key(&server);
    server.stop();
    std::fs::copy(server.data().join("master.key"), server.data().join("former.key")).unwrap();
    std::fs::write(server.data().join("master.key"), [9; 32]).unwrap();
    server.launch_without_waiting();
    until("a refusal", &server, || server.log().contains("give it the same key").then_some(()));
    server.kill();
    std::fs::write(server.data().join("macadam.toml"), config).unwrap();
    server.launch();
    opens(&server, &first, &receiver);
    until("the end of the old key", &server, || said(&server).filter(|note| note.contains("can be taken away")));
    server.stop();
    std::fs::remove_file(server.data().join("former.key")).unwrap();
    let text = std::fs::read_to_string(server.data().join("macadam.toml")).unwrap();
    std::fs::write(server.data().join("macadam.toml"), text.replace("[\"former.key\"]", "[]")).unwrap();
    server.launch();
    opens(&server, &first, &receiver);
    assert_eq!(heads_key(&server), signs);
}
