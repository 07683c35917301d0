//! Who may do what, over HTTP.

use axum::body::Body;
use axum::http::{Method, header};
use serde_json::json;

use super::host::{Host, one_of_platform, request_as, request_bearing};

#[tokio::test]
async fn a_question_about_oneself_is_answered_with_what_it_would_take() {
    let host = Host::start().await;
    let ask = |person: &'static str, query: &'static str| {
        let host = &host;
        async move { host.get_as(person, &format!("/api/v1/authorize?{query}")).await }
    };
    let yes = ask("dana", "action=resource.create&resource=payments/dev/database/a").await.json();
    assert_eq!(
        (yes["allowed"].as_bool(), yes["because"].as_str()),
        (Some(true), Some("permitted by developers-build"))
    );
    let no = ask("dana", "action=resource.create&resource=orders/dev/database/a").await.json();
    assert_eq!(no["allowed"], false);
    assert_eq!(no["takes"]["team"], "orders", "{no}");
    let no = ask("olga", "action=binding.change").await.json();
    assert_eq!(no["takes"]["roles"], json!(["platform-admin"]));
    let request = host.dana_has_asked_for("ledger", one_of_platform()).await;
    let own = host.get_as("dana", &format!("/api/v1/authorize?action=request.approve&request={request}")).await.json();
    assert_eq!(own["allowed"], false);
    assert_eq!(own["policies"][0]["policy"], "nobody-reviews-their-own", "a forbid counts also when nothing permits");
}

#[tokio::test]
async fn what_no_policy_can_permit_is_answered_as_it_would_be_refused() {
    let host = Host::start().await;
    let request = host.dana_has_asked_for("ledger", one_of_platform()).await;
    let ask = async |bearer: &str, query: &str| {
        let request = request_bearing(bearer, Method::GET, &format!("/api/v1/authorize?{query}"));
        host.send(request.body(Body::empty()).unwrap()).await.json()
    };
    let (approve, cancel) =
        (format!("action=request.approve&request={request}"), format!("action=request.cancel&request={request}"));
    assert_eq!(ask("token-of-amir", &approve).await["allowed"], true, "he is in the group that is asked for");
    assert_eq!(ask("token-of-dana", &cancel).await["allowed"], true, "it is her request");
    let wish = json!({"name": "ci", "roles": ["developer"], "scopes": ["*"], "expires_in_days": 1});
    let made = host.post_as("dana", "/api/v1/service-tokens", &wish).await.json();
    let service = made["token"].as_str().unwrap();
    for (bearer, query, because) in [
        ("token-of-ada", approve.as_str(), "no approval that is still missing is for ada to give"),
        ("token-of-ada", cancel.as_str(), "only dana can cancel this request"),
        (service, "action=service-token.create", "people make tokens"),
        (service, "action=service-token.revoke", "no token but its own"),
    ] {
        let no = ask(bearer, query).await;
        assert_eq!((no["allowed"].as_bool(), &no["policies"]), (Some(false), &json!([])), "{no}");
        assert!(no["because"].as_str().unwrap().contains(because), "{no}");
    }
}

#[tokio::test]
async fn a_question_that_makes_no_sense_is_refused_by_its_field() {
    let host = Host::start().await;
    for (query, status) in [
        ("action=resource.create", 422),
        ("action=resource.create&resource=payments/nowhere/database/a", 422),
        ("action=request.approve&request=0198c0de-0000-7000-8000-000000000000", 404),
        ("action=resource.eat", 400),
        ("", 400),
        ("action=catalog.read&shoe=4", 400),
    ] {
        let answer = host.get_as("dana", &format!("/api/v1/authorize?{query}")).await;
        assert_eq!(answer.status.as_u16(), status, "{query}: {}", String::from_utf8_lossy(&answer.body));
    }
}

#[tokio::test]
async fn a_request_of_another_team_cannot_be_probed_by_asking_about_it() {
    let host = Host::start().await;
    let request = host.dana_has_asked_for("ledger", one_of_platform()).await;
    let path = format!("/api/v1/authorize?action=request.approve&request={request}");
    host.get_as("olga", &path).await.is_problem("not-found", 404);
}

const CLOSED: &str = "@because(\"production is closed\") forbid (principal, action in Action::\"build\", resource is Resource) \
                      when { resource.class == \"production\" };";

#[tokio::test]
async fn an_added_policy_counts_at_once_and_is_taken_back_by_its_removal() {
    let host = Host::start().await;
    let question = "/api/v1/authorize?action=resource.create&resource=payments/prod/database/a";
    let may = async || host.get_as("dana", question).await.json()["allowed"] == true;
    assert!(may().await);
    let checked = host.post_as("ada", "/api/v1/access/policies/closed/check", &json!({"text": CLOSED})).await.json();
    let turned = checked["differences"].as_array().unwrap();
    assert!(turned.iter().all(|cell| cell["class"] == "production" && cell["after"] == false), "{checked}");
    assert!(!turned.is_empty() && may().await, "a check changes nothing");
    let wish = json!({"text": CLOSED, "revision": 0, "reason": "freeze"});
    let put = host.send_json("ada", Method::PUT, "/api/v1/access/policies/closed", &wish.to_string()).await;
    assert_eq!((put.status.as_u16(), put.json()["revision"].as_u64()), (200, Some(1)));
    assert!(!may().await);
    let again = host.send_json("ada", Method::PUT, "/api/v1/access/policies/closed", &wish.to_string()).await;
    assert_eq!(again.is_problem("conflict", 409)["current"], 1, "it is not absent any more");
    let listed = host.get_as("ada", "/api/v1/access/policies").await.json();
    assert_eq!((listed["items"][0]["name"].as_str(), listed["generation"].as_u64()), (Some("closed"), Some(1)));
    assert!(listed["default"].as_str().unwrap().contains("developers-build"), "the default rules can be read");
    let gone = host.send_json("ada", Method::DELETE, "/api/v1/access/policies/closed", "").await;
    assert_eq!(gone.status.as_u16(), 204);
    assert!(may().await);
    host.send_json("ada", Method::DELETE, "/api/v1/access/policies/closed", "").await.is_problem("not-found", 404);
}

#[tokio::test]
async fn what_would_lock_everybody_out_or_means_nothing_is_not_added() {
    let host = Host::start().await;
    for (name, text, part) in [
        ("lockout", "forbid (principal, action, resource);", "could not change access policies any more"),
        ("typo", "permit (principal, action == Action::\"resource.crate\", resource);", "resource.crate"),
        ("broken", "permit (", "unexpected"),
        ("nothing", "// to do", "no policy"),
        ("developers-build", "permit (principal, action, resource);", "comes with the host"),
    ] {
        let path = format!("/api/v1/access/policies/{name}");
        let refused = host.send_json("ada", Method::PUT, &path, &json!({"text": text}).to_string()).await;
        let detail = refused.is_problem("invalid", 422)["detail"].to_string();
        assert!(detail.contains(part), "{name}: {detail}");
    }
    assert_eq!(host.get_as("ada", "/api/v1/access/policies").await.json()["generation"], 0, "nothing was changed");
}

#[tokio::test]
async fn a_policy_is_checked_also_by_those_who_may_only_look_and_who_would_lock_themselves_out_is_told_so() {
    let host = Host::start().await;
    let path = "/api/v1/access/policies/a/check";
    let wish = json!({
        "name": "checks", "roles": ["platform-admin"], "scopes": ["access-policy.read"], "expires_in_days": 1,
    });
    let made = host.post_as("ada", "/api/v1/service-tokens", &wish).await.json();
    let token = made["token"].as_str().unwrap();
    let lockout = json!({"text": "forbid (principal, action == Action::\"access-policy.change\", resource);"});
    for bearer in ["token-of-iris", token] {
        let check = async |wish: &serde_json::Value| {
            let request = request_bearing(bearer, Method::POST, path).header(header::CONTENT_TYPE, "application/json");
            host.send(request.body(Body::from(wish.to_string())).unwrap()).await
        };
        let checked = check(&json!({"text": CLOSED})).await;
        assert_eq!(checked.status, 200, "{}", String::from_utf8_lossy(&checked.body));
        assert!(!checked.json()["differences"].as_array().unwrap().is_empty(), "what it turns is told");
        let locked = check(&lockout).await.json();
        let turned = &locked["differences"][0];
        assert_eq!((turned["action"].as_str(), turned["after"].as_bool()), (Some("access-policy.change"), Some(false)));
    }
    let refused = host.post_as("ada", path, &lockout).await.is_problem("invalid", 422);
    assert!(refused["detail"].as_str().unwrap().contains("could not change access policies any more"), "{refused}");
}

#[tokio::test]
async fn the_rules_are_for_those_to_see_and_to_change_who_may() {
    let host = Host::start().await;
    for person in ["dana", "amir"] {
        host.get_as(person, "/api/v1/access/policies").await.is_problem("forbidden", 403);
        host.get_as(person, "/api/v1/access/matrix").await.is_problem("forbidden", 403);
        let put = host.send_json(person, Method::PUT, "/api/v1/access/policies/a", "{\"text\": \"\"}").await;
        assert!(put.is_problem("forbidden", 403)["detail"].as_str().unwrap().contains("platform-admin"));
    }
    let actions = host.get_as("dana", "/api/v1/access/actions").await.json();
    assert!(actions["items"].as_array().unwrap().iter().any(|action| action["action"] == "resource.create"));
}

#[tokio::test]
async fn a_list_shows_only_what_could_be_looked_at_alone() {
    let host = Host::start().await;
    host.dana_has_asked_for("ledger", Vec::new()).await;
    let listed =
        async |person| host.get_as(person, "/api/v1/resources").await.json()["items"].as_array().unwrap().len();
    assert_eq!((listed("dana").await, listed("olga").await, listed("amir").await), (1, 0, 1));
    let text = "forbid (principal in Role::\"approver\", action == Action::\"resource.read\", resource in Team::\"payments\");";
    let wish = json!({"text": text}).to_string();
    let put = host.send_json("ada", Method::PUT, "/api/v1/access/policies/hidden", &wish).await;
    assert_eq!(put.status.as_u16(), 200);
    assert_eq!((listed("dana").await, listed("amir").await), (1, 0), "what is forbidden alone is not listed either");
    host.get_as("amir", "/api/v1/resources/payments/dev/database/ledger").await.is_problem("not-found", 404);
}

#[tokio::test]
async fn what_a_policy_permits_of_another_team_is_listed_with_ones_own() {
    let host = Host::start().await;
    host.dana_has_asked_for("ledger", Vec::new()).await;
    for (person, team) in [("dana", "payments"), ("olga", "orders"), ("ada", "platform")] {
        let wish = json!({"url": "https://hooks.example/a", "team": team});
        let made = host.post_as(person, "/api/v1/webhooks", &wish).await;
        assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.body));
        let wish = json!({"name": "ci", "roles": ["developer"], "scopes": ["catalog.read"], "expires_in_days": 1});
        let made = host.post_as(person, "/api/v1/service-tokens", &wish).await;
        assert_eq!(made.status, 201, "{}", String::from_utf8_lossy(&made.body));
    }
    let teams = async |list: &str| {
        let items = host.get_as("olga", &format!("/api/v1/{list}")).await.json()["items"].clone();
        let teams: std::collections::BTreeSet<_> =
            items.as_array().unwrap().iter().map(|item| item["team"].as_str().unwrap().to_owned()).collect();
        teams.into_iter().collect::<Vec<_>>()
    };
    assert!(teams("jobs").await.is_empty());
    for list in ["webhooks", "service-tokens"] {
        assert_eq!(teams(list).await, ["orders"], "{list}");
    }
    let text = "permit (principal == Person::\"olga\", action in [Action::\"job.read\", Action::\"webhook.read\", \
                Action::\"service-token.read\", Action::\"decision.read\"], resource == Team::\"payments\");";
    let put = async |text: &str| {
        let wish = json!({"text": text}).to_string();
        let put = host.send_json("ada", Method::PUT, "/api/v1/access/policies/shared", &wish).await;
        assert_eq!(put.status, 200, "{}", String::from_utf8_lossy(&put.body));
    };
    put(text).await;
    assert_eq!(teams("jobs").await, ["payments"]);
    for list in ["webhooks", "service-tokens"] {
        assert_eq!(teams(list).await, ["orders", "payments"], "{list}: what is nobody's here stays hidden");
    }
    let own = "forbid (principal, action == Action::\"decision.read\", resource == Team::\"orders\");";
    put(&format!("{text}\n{own}")).await;
    assert!(teams("decisions").await.is_empty(), "a list is there for whoever may see those of another team alone");
    put(own).await;
    host.get_as("olga", "/api/v1/decisions").await.is_problem("forbidden", 403);
}

#[tokio::test]
async fn a_token_that_is_not_for_a_list_is_refused_it_and_not_shown_an_empty_one() {
    let host = Host::start().await;
    host.dana_has_asked_for("ledger", Vec::new()).await;
    let make = async |scopes: &[&str]| {
        let wish = json!({"name": "ci", "roles": ["developer"], "scopes": scopes, "expires_in_days": 1});
        let made = host.post_as("dana", "/api/v1/service-tokens", &wish).await.json();
        made["token"].as_str().unwrap().to_owned()
    };
    let get = async |token: &str, path: &str| {
        host.send(request_bearing(token, Method::GET, path).body(Body::empty()).unwrap()).await
    };
    let (other, good) = (make(&["schedule.read"]).await, make(&["*"]).await);
    let lists =
        ["teams", "resources", "requests", "jobs", "decisions", "events", "webhooks", "service-tokens", "audit"];
    for list in lists {
        let path = format!("/api/v1/{list}");
        let refused = get(&other, &path).await.is_problem("forbidden", 403);
        assert!(refused["detail"].as_str().unwrap().contains("its scopes are schedule.read"), "{list}: {refused}");
        let shown = get(&good, &path).await;
        assert_eq!(shown.status, 200, "{list}: {}", String::from_utf8_lossy(&shown.body));
    }
}

#[tokio::test]
async fn a_token_that_is_not_for_a_thing_is_told_so_and_not_that_there_is_none() {
    let host = Host::start().await;
    let request = host.dana_has_asked_for("ledger", Vec::new()).await;
    let make = async |scopes: &[&str]| {
        let wish = json!({"name": "ci", "roles": ["developer"], "scopes": scopes, "expires_in_days": 1});
        let made = host.post_as("dana", "/api/v1/service-tokens", &wish).await.json();
        made["token"].as_str().unwrap().to_owned()
    };
    let send = async |token: &str, method: Method, path: &str| {
        host.send(request_bearing(token, method, path).body(Body::empty()).unwrap()).await
    };
    let takes_back = make(&["request.cancel", "job.cancel", "resource.delete", "resource.use"]).await;
    let good = make(&["*"]).await;
    let none = "0198c0de-0000-7000-8000-000000000000";
    for (method, path) in [
        (Method::GET, format!("requests/{none}")),
        (Method::POST, format!("requests/{none}/cancel")),
        (Method::GET, format!("jobs/{none}")),
        (Method::POST, format!("jobs/{none}/cancel")),
        (Method::GET, format!("scaffolds/{none}")),
        (Method::GET, format!("scaffolds/{none}/archive")),
        (Method::GET, format!("webhooks/{none}")),
        (Method::GET, "decisions/999".to_owned()),
        (Method::GET, "resources/payments/dev/database/none".to_owned()),
        (Method::GET, "resources/payments/dev/database/none/credentials".to_owned()),
        (Method::DELETE, "resources/payments/dev/database/none".to_owned()),
    ] {
        let path = format!("/api/v1/{path}");
        let refused = send(&takes_back, method.clone(), &path).await.is_problem("forbidden", 403);
        assert!(refused["detail"].as_str().unwrap().contains("its scopes are"), "{method} {path}: {refused}");
        send(&good, method, &path).await.is_problem("not-found", 404);
    }
    let path = format!("/api/v1/requests/{request}");
    send(&takes_back, Method::GET, &path).await.is_problem("forbidden", 403);
    assert_eq!(send(&good, Method::GET, &path).await.status, 200, "it is there, and that is what is said of it");
}

#[tokio::test]
async fn a_host_without_teams_has_empty_lists_and_no_failures() {
    let host = Host::start_empty().await;
    for list in ["teams", "resources", "requests", "jobs", "decisions", "events", "webhooks"] {
        let answer = host.get_as("dana", &format!("/api/v1/{list}")).await;
        assert_eq!(answer.status.as_u16(), 200, "{list}: {}", String::from_utf8_lossy(&answer.body));
        assert_eq!(answer.json()["items"], json!([]), "{list}");
    }
}

#[tokio::test]
async fn a_policy_that_another_host_has_added_counts_once_it_is_looked_for() {
    let host = Host::start().await;
    let change = macadam_store::AccessPolicyChange {
        name: "closed".parse().unwrap(),
        text: Some(CLOSED.to_owned()),
        expected: macadam_store::Expected::Absent,
        generation: 0,
    };
    let why =
        macadam_store::Attribution { actor: None, origin: macadam_core::audit::Origin::NONE, reason: String::new() };
    host.store.change_access_policy(&change, &why, jiff::Timestamp::now()).await.unwrap();
    let question = "/api/v1/authorize?action=resource.create&resource=payments/prod/database/a";
    assert_eq!(host.get_as("dana", question).await.json()["allowed"], true, "nobody has looked yet");
    host.state.platform.follow_access().await.unwrap();
    assert_eq!(host.get_as("dana", question).await.json()["because"], "production is closed");
}

#[tokio::test]
async fn a_policy_that_was_changed_since_it_was_looked_at_is_not_changed_again() {
    let host = Host::start().await;
    let path = "/api/v1/access/policies/closed";
    let put = async |tag: &str, wish: serde_json::Value| {
        let request = request_as("ada", Method::PUT, path).header(header::IF_MATCH, tag);
        let request = request.header(header::CONTENT_TYPE, "application/json");
        host.exchange(request.body(Body::from(wish.to_string())).unwrap()).await
    };
    let wish = json!({"text": CLOSED, "reason": "closed for the day"});
    assert_eq!(host.send_json("ada", Method::PUT, path, &wish.to_string()).await.status, 200);
    let tag = host.get_as("ada", path).await.header(header::ETAG).to_owned();
    let later = json!({"text": CLOSED.replace("production is closed", "it is late"), "reason": "said better"});
    assert_eq!(put(&tag, later).await.status, 200);
    put(&tag, wish).await.is_problem("stale", 412);
    let both = json!({"text": CLOSED, "reason": "closed for the day", "revision": 7});
    let problem = put(&tag, both).await.is_problem("invalid", 422);
    assert_eq!(problem["violations"][0]["field"], "/revision");
    let delete = request_as("ada", Method::DELETE, path).header(header::IF_MATCH, tag);
    host.exchange(delete.body(Body::empty()).unwrap()).await.is_problem("stale", 412);
}
