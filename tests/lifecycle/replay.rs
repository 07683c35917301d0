//! What was decided is on record, and another version can be tried on it.

use crate::{bind, policy, server};
use macadam_tests::server::{Answer, Person, Server};
use serde_json::{Value, json};

/// A server on which a gate has decided about directories in two environments.
fn with_decisions() -> Server {
    let server = server();
    let (amir, ada, dana) = (server.person("amir"), server.person("ada"), server.person("dana"));
    for (version, code) in [("1.0.0", "production-gate"), ("1.1.0", "production-gate"), ("2.0.0", "hostile-policy")] {
        assert_eq!(amir.publish(policy("macadam/gate", version, code).archive()).status, 201);
    }
    let binding = json!({"plugin": "macadam/gate@1.0.0", "settings": {"groups": ["platform"]}});
    assert_eq!(bind(&ada, "gate", &binding, None).status, 200);
    for (index, environment) in ["dev", "prod", "dev", "staging", "prod"].into_iter().enumerate() {
        let taken = ask(&dana, environment, &format!("notes-{index}"));
        assert!(matches!(taken.status, 201 | 202), "{taken:?}");
    }
    server
}

fn ask(person: &Person<'_>, environment: &str, name: &str) -> Answer {
    let wish = json!({"environment": environment, "type": "local-directory", "name": name, "spec": {"quota_mb": 500}});
    person.post("/api/v1/resources", &wish)
}

fn replay(person: &Person<'_>, wish: &Value) -> Value {
    let report = person.post("/api/v1/replays", wish);
    assert_eq!(report.status, 200, "{report:?}");
    report.body
}

#[test]
fn the_version_that_was_recorded_says_again_what_it_said_with_the_same_fuel() {
    let server = with_decisions();
    let report = replay(&server.person("ada"), &json!({"plugin": "macadam/gate@1.0.0"}));
    assert_eq!((&report["asked"], &report["same"]), (&json!(5), &json!(5)), "{report}");
    assert_eq!(report["fuel"]["recorded"], report["fuel"]["candidate"], "{report}");
    assert!(report["fuel"]["recorded"].as_u64().unwrap() > 1_000, "{report}");
    assert_eq!(report["groups"], json!([]));
}

#[test]
fn what_a_candidate_would_have_said_otherwise_is_grouped_with_the_requests() {
    let server = with_decisions();
    let ada = server.person("ada");
    // Of other settings the answers in production differ, since they name the groups.
    let report = replay(&ada, &json!({"plugin": "macadam/gate@1.1.0", "settings": {"groups": ["security"]}}));
    assert_eq!(
        (&report["same"], &report["different"], &report["failed"]),
        (&json!(3), &json!(2), &json!(0)),
        "{report}"
    );
    let group = &report["groups"][0];
    assert_eq!(group["count"], 2);
    assert!(group["from"].as_str().unwrap().starts_with("require-approval"), "{group}");
    let about: Vec<_> = group["examples"].as_array().unwrap().iter().map(|each| each["subject"].clone()).collect();
    assert_eq!(about, ["payments/prod/local-directory/notes-1", "payments/prod/local-directory/notes-4"]);

    let broken = replay(&ada, &json!({"plugin": "macadam/gate@2.0.0", "settings": {"act": "trap"}}));
    assert_eq!((&broken["failed"], &broken["same"]), (&json!(5), &json!(0)), "{broken}");
    assert!(broken["groups"][0]["to"].as_str().unwrap().starts_with("trap"), "{broken}");
    assert_eq!(crate::answered(&crate::preview(&server.person("dana"))), ["1.0.0"], "nothing became active by it");
}

#[test]
fn a_replay_goes_on_where_one_that_was_cut_off_had_got_to() {
    let server = with_decisions();
    let ada = server.person("ada");
    let first = replay(&ada, &json!({"plugin": "macadam/gate@1.0.0", "limit": 2}));
    assert_eq!((&first["asked"], &first["more"]), (&json!(2), &json!(true)), "{first}");
    let rest = replay(&ada, &json!({"plugin": "macadam/gate@1.0.0", "after": first["last"]}));
    assert_eq!((&rest["asked"], &rest["more"]), (&json!(3), &json!(false)), "{rest}");
    let none = replay(&ada, &json!({"plugin": "macadam/gate@1.0.0", "since": "2999-01-01T00:00:00Z"}));
    assert_eq!((&none["asked"], &none["last"]), (&json!(0), &Value::Null), "{none}");
}

#[test]
fn the_command_line_says_by_its_exit_code_whether_anything_differs() {
    let server = with_decisions();
    let run = |arguments: &[&str]| {
        let output = server.cli("ada", &[&["replay", "--plugin", "macadam/gate"], arguments].concat());
        let (shown, error) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        (output.status.code().unwrap(), format!("{shown}{error}"))
    };
    let (code, shown) = run(&["--version", "1.0.0", "--since", "30d"]);
    assert_eq!(code, 0, "{shown}");
    let folder = tempfile::tempdir().unwrap();
    let settings = folder.path().join("settings.json");
    std::fs::write(&settings, r#"{"groups": ["security"]}"#).unwrap();
    let (code, shown) = run(&["--version", "1.1.0", "--settings", settings.to_str().unwrap()]);
    assert_eq!(code, 5, "{shown}");
    assert!(shown.contains("payments/prod/local-directory/notes-1"), "{shown}");
    let (code, shown) = run(&["--version", "9.9.9"]);
    assert_eq!((code, shown.contains("9.9.9")), (1, true), "{shown}");
}

#[test]
fn what_a_teams_requests_held_is_for_the_team_and_for_auditors_who_leave_a_trace() {
    let server = with_decisions();
    let (dana, amir, ada) = (server.person("dana"), server.person("amir"), server.person("ada"));
    let own = dana.get("/api/v1/decisions?binding=gate");
    let first = own.body["items"][0]["seq"].as_u64().unwrap();
    assert_eq!(own.body["items"].as_array().unwrap().len(), 5, "{own:?}");
    let path = format!("/api/v1/decisions/{first}");
    let detail = dana.get(&path);
    assert_eq!(detail.body["given"]["request"]["name"], "notes-0", "{detail:?}");
    assert_eq!(detail.body["given_settings"]["groups"], json!(["platform"]), "{detail:?}");
    assert_eq!(traces(&server), 0, "one's own is nothing to note");
    for other in [&amir, &ada] {
        assert_eq!(other.get("/api/v1/decisions?team=payments").status, 403);
        assert_eq!(other.get(&path).status, 404, "it is not even known to be there");
        assert_eq!(other.get("/api/v1/decisions").body["items"], json!([]));
    }
    assert_eq!(amir.post("/api/v1/replays", &json!({"plugin": "macadam/gate@1.0.0"})).status, 403);
    for (wrong, field) in [
        (json!({"plugin": "gate"}), "/plugin"),
        (json!({"plugin": "macadam/gatee@1.0.0"}), "/plugin"),
        (json!({"plugin": "macadam/gate@1.0.0", "settings": {"groups": 1}}), "/settings/groups"),
    ] {
        let refused = ada.post("/api/v1/replays", &wrong);
        assert_eq!((refused.status, &refused.body["violations"][0]["field"]), (422, &json!(field)), "{refused:?}");
    }

    let people = server.data().join("people.toml");
    let text = std::fs::read_to_string(&people).unwrap();
    std::fs::write(&people, text.replace(r#"["platform-admin"]"#, r#"["platform-admin", "auditor"]"#)).unwrap();
    let begin = std::time::Instant::now();
    while ada.get(&path).status != 200 {
        assert!(begin.elapsed().as_secs() < 30, "the change of people counts soon");
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(ada.get("/api/v1/decisions?team=payments").status, 200);
    assert_eq!(traces(&server), 1);
}

/// How often somebody looked at what belongs to others, by the audit log.
#[tokio::main(flavor = "current_thread")]
async fn traces(server: &Server) -> i64 {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(server.data().join("macadam.db")).read_only(true);
    let mut connection = sqlx::ConnectOptions::connect(&options).await.unwrap();
    let count = sqlx::query_scalar("SELECT count(*) FROM audit WHERE action = 'decision.read'");
    count.fetch_one(&mut connection).await.unwrap()
}
