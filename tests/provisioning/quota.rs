//! The last of a team's quota, asked for by many at once.

use macadam_tests::server::{Server, Setup};
use serde_json::json;

const ORGANISATION: &str = r#"
[[teams]]
name = "payments"
members = ["dana"]
[teams.limits]
max-resources = 5

[[teams]]
name = "platform"
members = ["amir", "ada"]

[[environments]]
name = "dev"
class = "development"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn of_requests_that_race_for_the_last_of_a_quota_exactly_as_many_pass_as_fit() {
    let setup = Setup { organisation: ORGANISATION.to_owned(), ..Setup::without_postgres() };
    let server = Server::start(&setup);
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let ask = |index: usize| {
            let server = &server;
            scope.spawn(move || {
                let wish = json!({
                    "environment": "dev", "type": "local-directory", "name": format!("d{index}"),
                    "tags": {"owner": "payments"},
                });
                server.person("dana").post("/api/v1/resources", &wish).status
            })
        };
        let racers: Vec<_> = (0..24).map(ask).collect();
        racers.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    let count = |status: u16| statuses.iter().filter(|each| **each == status).count();
    assert_eq!((count(202), count(403)), (5, 19), "five fit, the others are denied: {statuses:?}");
    let listed = server.person("dana").get("/api/v1/resources");
    assert_eq!(listed.body["items"].as_array().map(Vec::len), Some(5), "{listed:?}");
}
