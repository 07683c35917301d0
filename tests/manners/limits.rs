//! `[rate-limits]`: what one token, one team, and one address without a token may ask for.

use macadam_tests::server::{Answer, Person, Server};

use crate::server_with;

/// Few at once and one in ten seconds, so that a test meets the limits and no pause of a test's fills a bucket again.
const LIMITS: &str = r#"
[rate-limits]
token = { per-minute = 6, burst = 4 }
team = { per-minute = 6, burst = 6 }
failures = { per-minute = 6, burst = 2 }
"#;

fn ask(person: &Person<'_>) -> Answer {
    person.get("/api/v1/whoami")
}

fn may_ask(person: &Person<'_>, times: usize) {
    for time in 1..=times {
        let answer = ask(person);
        assert_eq!(answer.status, 200, "request {time} of {times} is within the limits: {answer:?}");
    }
}

fn is_told_to_wait(answer: &Answer, whose: &str) {
    assert_eq!((answer.status, answer.body["type"].as_str()), (429, Some("/problems/too-many-requests")), "{answer:?}");
    let wait: u64 = answer.header("retry-after").parse().expect("it says in how many seconds to come back");
    assert!((1..=10).contains(&wait), "one is let in every ten seconds, and it says {wait}");
    let detail = answer.body["detail"].as_str().unwrap_or_default();
    assert!(detail.contains(whose), "{whose:?} is named in {detail:?}");
}

fn limited() -> Server {
    server_with(LIMITS)
}

#[test]
fn one_who_asks_too_often_is_told_to_wait_and_another_team_is_not() {
    let server = limited();
    let (dana, amir) = (server.person("dana"), server.person("amir"));
    may_ask(&dana, 4);
    let refused = ask(&dana);
    is_told_to_wait(&refused, "this token");
    assert!(refused.header("ratelimit").contains("\"token\";r=0"), "{:?}", refused.headers);
    assert!(refused.header("ratelimit-policy").contains("\"token\";q=4;w=40"), "{:?}", refused.headers);
    may_ask(&amir, 1);
}

#[test]
fn a_team_that_asks_too_often_with_several_tokens_is_told_to_wait_and_another_is_not() {
    let server = limited();
    let (dana, amir, ada) = (server.person("dana"), server.person("amir"), server.person("ada"));
    may_ask(&amir, 4);
    may_ask(&ada, 2);
    is_told_to_wait(&ask(&ada), "your team");
    may_ask(&dana, 1);
}

#[test]
fn an_address_that_keeps_failing_is_told_to_wait_and_a_token_that_counts_is_let_in_from_it() {
    let server = limited();
    let stranger = server.bearing("mcd_nobody");
    for _ in 0..2 {
        assert_eq!(ask(&stranger).status, 401, "the first failures are told as what they are");
    }
    is_told_to_wait(&ask(&stranger), "from this address");
    may_ask(&server.person("dana"), 1);
}

#[test]
fn health_is_asked_about_without_a_limit() {
    let server = limited();
    for path in ["/healthz", "/readyz"].repeat(10) {
        let answer = server.bearing("mcd_nobody").get(path);
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
    }
}
