use std::time::Duration;

use macadam_registry::oci::{Credentials, OciError, ReferrersVia, Secret};

use super::fake::{Answer, Asked, Fake};
use super::{remote, remote_as, tag};
use crate::support::policy;

fn basic(password: &str) -> Credentials {
    Credentials::Basic { username: "ana".into(), password: Secret::new(password) }
}

/// A registry that takes the token `t0ken`, which the server of tokens gives to whoever has the right password.
fn with_tokens() -> (Fake, Fake) {
    let (registry, tokens) = (Fake::start(), Fake::start());
    tokens.answers(|asked, _| match asked.authorization.as_deref() {
        // ana:secret
        Some("Basic YW5hOnNlY3JldA==") => Answer::of(200, "{\"token\": \"t0ken\"}"),
        _ => Answer::of(401, "{\"errors\": [{\"code\": \"UNAUTHORIZED\", \"message\": \"who are you?\"}]}"),
    });
    let realm = format!("http://{}/token", tokens.address());
    registry.answers(move |asked, answer| match asked.authorization.as_deref() {
        Some("Bearer t0ken") => answer,
        _ => {
            let scope = "repository:macadam/approval-policy:pull,push";
            let challenge = format!("Bearer realm=\"{realm}\",service=\"fake\",scope=\"{scope}\"");
            Answer::of(401, "").with("WWW-Authenticate", challenge)
        }
    });
    (registry, tokens)
}

#[test]
fn a_token_is_had_for_a_password_that_the_registry_itself_never_sees() {
    let (registry, tokens) = with_tokens();
    let package = policy("1.0.0", "# A policy\n");
    let ana = remote_as(registry.address(), basic("secret"));
    let pushed = ana.push(&package, None).unwrap();
    assert_eq!(pushed.referrers, ReferrersVia::Api, "this registry keeps referrers itself");
    assert_eq!(ana.pull(&tag("1.0.0")).unwrap().package, package);
    let asked = tokens.log();
    assert_eq!(asked.len(), 1, "one token does for a while");
    assert_eq!(asked[0].path, "/token?service=fake&scope=repository%3Amacadam%2Fapproval-policy%3Apull%2Cpush");
    let saw_password = |asked: &Asked| asked.authorization.as_deref().is_some_and(|header| header.starts_with("Basic"));
    assert!(!registry.log().iter().any(saw_password), "the password goes to the server of tokens alone");
}

#[test]
fn who_gets_no_token_is_told_why() {
    let (registry, _tokens) = with_tokens();
    for credentials in [Credentials::Anonymous, basic("wrong")] {
        let refused = remote_as(registry.address(), credentials).pull(&tag("1.0.0")).unwrap_err();
        let OciError::Unauthorized { reason, .. } = &refused else { panic!("another reason: {refused}") };
        assert_eq!(reason, "UNAUTHORIZED: who are you?");
    }
}

#[test]
fn a_token_that_was_had_elsewhere_is_sent_as_it_is() {
    let (registry, tokens) = with_tokens();
    let package = policy("1.0.0", "# A policy\n");
    remote_as(registry.address(), Credentials::Bearer(Secret::new("t0ken"))).push(&package, None).unwrap();
    let wrong = remote_as(registry.address(), Credentials::Bearer(Secret::new("wrong")));
    assert!(matches!(wrong.pull(&tag("1.0.0")), Err(OciError::Unauthorized { .. })));
    assert!(tokens.log().is_empty(), "no other token is asked for");
}

#[test]
fn a_password_is_not_sent_unencrypted_to_another_machine() {
    let registry = Fake::start();
    registry.answers(|_, _| {
        Answer::of(401, "").with("WWW-Authenticate", "Bearer realm=\"http://tokens.example/token\",service=\"x\"")
    });
    let refused = remote_as(registry.address(), basic("secret")).pull(&tag("1.0.0")).unwrap_err();
    assert!(matches!(&refused, OciError::NotEncrypted { url, .. } if url.contains("tokens.example")), "{refused}");
}

#[test]
fn an_upload_is_not_sent_unencrypted_to_another_machine() {
    for location in ["http://storage.example/upload", "//storage.example/upload", "ftp://storage.example/x", "upload"] {
        let registry = Fake::start();
        registry.answers(move |asked, answer| match asked.method.as_str() {
            "POST" => answer.with("Location", location),
            _ => answer,
        });
        let refused = remote(registry.address()).push(&policy("1.0.0", ""), None).unwrap_err();
        assert!(matches!(refused, OciError::NotEncrypted { .. } | OciError::Protocol { .. }), "{location}: {refused}");
    }
}

#[test]
fn storage_behind_a_registry_is_followed_to_and_never_told_who_asks() {
    let (registry, storage) = (Fake::start(), Fake::start());
    let package = policy("1.0.0", "# A policy\n");
    for there in [&registry, &storage] {
        remote(there.address()).push(&package, None).unwrap();
    }
    let begin = storage.log().len();
    let elsewhere = storage.address().to_owned();
    registry.answers(move |asked, answer| match asked.path.contains("/blobs/") && asked.method == "GET" {
        true => Answer::of(307, "").with("Location", format!("http://{elsewhere}{}", asked.path)),
        false => answer,
    });
    let remote = remote_as(registry.address(), Credentials::Bearer(Secret::new("t0ken")));
    assert_eq!(remote.pull(&tag("1.0.0")).unwrap().package, package);
    let asked = storage.log().split_off(begin);
    assert!(asked.len() >= 4, "the blobs came from there: {asked:?}");
    assert!(asked.iter().all(|asked| asked.authorization.is_none()), "the token is the registry's: {asked:?}");
    assert!(registry.log().iter().any(|asked| asked.authorization.as_deref() == Some("Bearer t0ken")));
}

#[test]
fn a_registry_that_has_too_much_to_do_says_when_to_come_back() {
    let registry = Fake::start();
    registry.answers(|_, _| Answer::of(429, "{\"errors\": []}").with("Retry-After", "7"));
    let refused = remote(registry.address()).pull(&tag("1.0.0")).unwrap_err();
    let OciError::Busy { status: 429, retry_after, .. } = refused else { panic!("another reason: {refused}") };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
    registry
        .answers(|_, _| Answer::of(400, "{\"errors\": [{\"code\": \"NAME_INVALID\", \"message\": \"a\\u001b[31m\"}]}"));
    let refused = remote(registry.address()).pull(&tag("1.0.0")).unwrap_err();
    assert!(
        matches!(&refused, OciError::Refused { status: 400, reason, .. } if reason == "NAME_INVALID: a[31m"),
        "{refused}"
    );
}
