//! Who reads what, what an entry says, and that looking leaves a trace.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use macadam_tests::server::binary;
use serde_json::{Value, json};

use crate::{directory, said, server, works};

#[test]
fn an_entry_says_from_where_by_what_and_under_which_decision() {
    let server = server("trusted-proxies = [\"127.0.0.0/8\"]");
    let headers = [("x-request-id", "deploy-4711"), ("x-forwarded-for", "203.0.113.9, 198.51.100.7")];
    let asked = server.person("dana").send_with("POST", "/api/v1/resources", Some(&directory("three")), &headers);
    let request = asked.request();
    server.person("dana").wait_for(&request);
    let page = server.person("dana").get(&format!("/api/v1/audit?subject=requests/{request}"));
    let entry = &page.body["items"][0];
    assert_eq!(entry["stream"], json!("team/payments"));
    assert_eq!((&entry["actor"], &entry["action"]), (&json!("dana"), &json!("request.queued")));
    assert_eq!(entry["address"], json!("198.51.100.7"), "the trusted proxy's word counts, and not what it was told");
    assert_eq!((&entry["request_id"], &entry["credential"]), (&json!("deploy-4711"), &json!("token")));
    let kept = server.person("dana").get(&format!("/api/v1/requests/{request}")).body;
    assert_eq!((&entry["decision"], &entry["request"]), (&kept["digest"], &json!(request)));
    assert!(entry["before"].is_null() && entry["after"].is_string(), "{entry}");

    let stranger = crate::server("");
    let asked = stranger.person("dana").send_with("POST", "/api/v1/resources", Some(&directory("three")), &headers);
    let page = stranger.person("dana").get(&format!("/api/v1/audit?subject=requests/{}", asked.request()));
    assert_eq!(page.body["items"][0]["address"], json!("127.0.0.1"), "without trust everybody could say anything");
}

#[test]
fn a_team_reads_its_own_stream_and_auditors_read_all_and_leave_a_trace_once() {
    let server = server("");
    let (dana, ada) = (server.person("dana"), server.person("ada"));
    let own = dana.get("/api/v1/audit?limit=200").body;
    assert!(!own["items"].as_array().unwrap().is_empty());
    assert!(own["items"].as_array().unwrap().iter().all(|entry| entry["stream"] == json!("team/payments")));
    for (path, status) in [
        ("/api/v1/audit?stream=platform", 403),
        ("/api/v1/audit?stream=team/platform", 403),
        ("/api/v1/audit?stream=payments", 400),
        ("/api/v1/audit?limit=0", 422),
        ("/api/v1/audit?action=%00", 422),
        ("/api/v1/audit?since=-009998-01-02T00:00:00Z", 200),
        ("/api/v1/audit?until=-009998-01-02T00:00:00Z", 200),
        ("/api/v1/audit?after=18446744073709551615", 200),
        ("/api/v1/audit?colour=red", 400),
    ] {
        assert_eq!(dana.get(path).status, status, "{path}");
    }
    let readings = |stream: &str| {
        let page = ada.get(&format!("/api/v1/audit?action=audit.read&stream={stream}")).body;
        page["items"].as_array().unwrap().len()
    };
    assert_eq!(dana.get("/api/v1/audit?action=audit.").body["items"], json!([]), "a team's own look leaves nothing");
    let mut after = 0;
    loop {
        let page = ada.get(&format!("/api/v1/audit?limit=3&after={after}")).body;
        if page["items"] == json!([]) {
            break;
        }
        assert!(page["items"][0]["seq"].as_u64().unwrap() == after + 1, "pages follow each other without a gap");
        let Some(next) = page["next"].as_u64() else { break };
        after = next;
    }
    let nothing = server.cli("amir", &["audit", "verify"]);
    assert_eq!(nothing.status.code(), Some(1), "to verify nothing proves nothing: {}", said(&nothing));
    assert!(said(&nothing).contains("there is no entry that you may read"), "{}", said(&nothing));
    assert_eq!(readings("team/payments"), 1, "a look at a team's stream shows in that stream");
    assert_eq!(readings("team/payments"), 1, "and all pages are one reading");
    assert_eq!(readings("platform"), 2, "the look at everything, and this one");
    let seen = dana.get("/api/v1/audit?action=audit.read").body;
    assert_eq!(seen["items"][0]["actor"], json!("ada"), "a team sees who looked");
}

#[test]
fn a_look_at_a_team_that_there_is_not_leaves_a_trace_and_no_stream() {
    let server = server("");
    assert_eq!(works(&server, "ada", &["audit", "tail", "--stream", "team/paymnets"]), "");
    let trace = server.person("ada").get("/api/v1/audit?stream=platform&subject=audit/team/paymnets").body;
    assert_eq!(trace["items"].as_array().unwrap().len(), 1, "{trace}");
    assert!(!works(&server, "ada", &["audit", "heads"]).contains("paymnets"));
    let verified = server.cli("ada", &["audit", "verify", "--stream", "team/paymnets"]);
    assert_eq!(verified.status.code(), Some(1), "of what there is not, nothing is proved: {}", said(&verified));
}

#[test]
fn tail_shows_the_newest_last_and_whole_entries_to_programs() {
    let server = server("");
    let shown = works(&server, "dana", &["audit", "tail", "-n", "2"]);
    assert_eq!(shown.lines().count(), 2, "{shown}");
    assert!(shown.lines().last().unwrap().contains("request.succeeded"), "{shown}");
    let lines = works(&server, "dana", &["audit", "tail", "--action", "request.queued", "--output", "json"]);
    let entries: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(entries.len(), 2);
    assert!(entries[0]["seq"].as_u64() < entries[1]["seq"].as_u64());
    let refused = server.cli("dana", &["audit", "tail", "--stream", "platform"]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("takes the role auditor"), "{}", said(&refused));
}

#[test]
fn tail_follows_what_comes_also_after_the_server_was_away() {
    let mut server = server("");
    let mut following = Command::new(binary())
        .args(["--server", &server.url(""), "--as", "dana", "--data"])
        .arg(server.data())
        .args(["audit", "tail", "--follow", "-n", "1", "--action", "request.queued"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let reading = std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| tell.send(line)));
    let next = || told.recv_timeout(Duration::from_secs(60)).expect("a line comes");
    assert!(next().contains("request.queued"), "it begins with what there is");
    let asked = server.person("dana").post("/api/v1/resources", &directory("three")).request();
    assert!(next().contains(&asked), "and goes on with what comes");
    server.stop();
    // Long enough for it to ask meanwhile.
    std::thread::sleep(Duration::from_secs(2));
    server.launch();
    let asked = server.person("dana").post("/api/v1/resources", &directory("four")).request();
    assert!(next().contains(&asked), "and with what comes when the server is there again");
    following.kill().unwrap();
    following.wait().unwrap();
    let _ = reading.join();
}
