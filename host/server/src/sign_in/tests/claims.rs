//! What a token says: whom it is for, when it counts, and who that is here.

use macadam_platform::Role;
use serde_json::json;

use super::issuer::{Issuer, NOW, Signer};

const LEEWAY: i64 = 60;

async fn world() -> (Issuer, Signer) {
    let signer = Signer::ed25519();
    (Issuer::start(vec![signer.jwk("k")]).await, signer)
}

fn token(signer: &Signer, claims: &serde_json::Value) -> String {
    signer.token(r#"{"alg": "EdDSA", "kid": "k"}"#, &claims.to_string())
}

#[tokio::test]
async fn a_token_for_somebody_else_is_refused_whether_it_says_one_or_several() {
    let (issuer, signer) = world().await;
    for (audience, good) in [
        (json!("macadam"), true),
        (json!(["macadam"]), true),
        (json!(["other", "macadam"]), true),
        (json!("other"), false),
        (json!(["other"]), false),
        (json!([]), false),
        (json!(""), false),
        (json!("macadam "), false),
        (json!("Macadam"), false),
        (json!("macadam,other"), false),
        (json!(["macadam", 1]), false),
        (json!([["macadam"]]), false),
        (json!({"macadam": true}), false),
        (json!(null), false),
        (json!(true), false),
    ] {
        let judged = issuer.judge(&token(&signer, &issuer.claims_but(&json!({"aud": audience})))).await;
        assert_eq!(judged.is_ok(), good, "a token for {audience}: {judged:?}");
    }
    let mut claims = issuer.claims();
    claims.as_object_mut().unwrap().remove("aud");
    issuer.refuses(&token(&signer, &claims), "aud", "a token for nobody").await;
}

#[tokio::test]
async fn an_issuer_is_its_text_to_the_letter() {
    let (issuer, signer) = world().await;
    for other in
        [format!("{}/", issuer.address), issuer.address.to_uppercase(), format!("{}#", issuer.address), String::new()]
    {
        issuer.refuses(&token(&signer, &issuer.claims_but(&json!({"iss": other}))), "issuer", &other).await;
    }
    for other in [json!([issuer.address]), json!(null), json!(1)] {
        issuer
            .refuses(&token(&signer, &issuer.claims_but(&json!({"iss": other}))), "iss", "an issuer that is no text")
            .await;
    }
}

#[tokio::test]
async fn a_token_counts_from_its_beginning_to_its_end_with_the_leeway_and_not_a_second_more() {
    let (issuer, signer) = world().await;
    let claims = issuer.claims_but(&json!({"nbf": NOW - 10, "iat": NOW - 10, "exp": NOW + 300}));
    let token = token(&signer, &claims);
    for (moment, good) in [
        (NOW - 10 - LEEWAY - 1, false),
        (NOW - 10 - LEEWAY, true),
        (NOW, true),
        (NOW + 300, true),
        (NOW + 300 + LEEWAY - 1, true),
        (NOW + 300 + LEEWAY, false),
        (NOW + 300 + LEEWAY + 1, false),
        (NOW + 1_000_000, false),
    ] {
        let judged = issuer.judge_at(&token, moment).await;
        assert_eq!(judged.is_ok(), good, "{} s after its issue: {judged:?}", moment - NOW + 10);
    }
}

#[tokio::test]
async fn times_that_make_no_sense_are_refused() {
    let (issuer, signer) = world().await;
    for (change, word) in [
        (json!({"exp": null}), "exp"),
        (json!({"exp": "9999999999"}), "exp"),
        (json!({"exp": -1}), "exp"),
        (json!({"exp": 1e300}), "exp"),
        (json!({"exp": u64::MAX}), "exp"),
        (json!({"exp": true}), "exp"),
        (json!({"exp": [NOW + 300]}), "exp"),
        (json!({"nbf": "soon"}), "nbf"),
        (json!({"iat": {}}), "iat"),
        (json!({"iat": NOW + 61}), "iat"),
        (json!({"nbf": NOW + 61}), "nbf"),
        (json!({"iat": NOW + 50, "exp": NOW + 40}), "before it began"),
    ] {
        issuer.refuses(&token(&signer, &issuer.claims_but(&change)), word, &change.to_string()).await;
    }
    let mut endless = issuer.claims();
    endless.as_object_mut().unwrap().remove("exp");
    issuer.refuses(&token(&signer, &endless), "exp", "a token without an end").await;
    let fraction = issuer.claims_but(&json!({"exp": (NOW as f64) + 300.5}));
    assert!(
        issuer.judge(&token(&signer, &fraction)).await.is_ok(),
        "RFC 7519, section 2: a number may have a fraction"
    );
}

#[tokio::test]
async fn nobody_is_the_platform_a_service_or_nobody_at_all() {
    let (issuer, signer) = world().await;
    for person in ["macadam-expiry", "macadam-service.payments.deploy", "Macadam-Expiry", "macadam-"] {
        issuer.refuses(&token(&signer, &issuer.claims_but(&json!({"sub": person}))), "platform's own", person).await;
    }
    for person in [json!(""), json!("auth0|1234"), json!("a b"), json!("dana\n"), json!("d".repeat(129)), json!("дана")]
    {
        issuer.refuses(&token(&signer, &issuer.claims_but(&json!({"sub": person}))), "claims.person", "no name").await;
    }
    for person in [json!(1), json!(null), json!(["dana"])] {
        issuer.refuses(&token(&signer, &issuer.claims_but(&json!({"sub": person}))), "sub", "no text").await;
    }
    for team in [json!("Not A Team"), json!(["payments"]), json!(null)] {
        issuer.refuses(&token(&signer, &issuer.claims_but(&json!({"team": team}))), "team", "no team").await;
    }
    let bound = issuer.claims_but(&json!({"cnf": {"jkt": "x"}}));
    issuer.refuses(&token(&signer, &bound), "cnf", "a token that is bound to a key").await;
}

#[tokio::test]
async fn roles_and_groups_come_from_what_the_configuration_says_and_from_nothing_else() {
    let signer = Signer::ed25519();
    let more = r#"
        person-prefix = "corp."
        default-roles = ["developer"]
        [claims]
        person = "preferred_username"
        groups = "/realm_access/groups"
        [[groups]]
        group = "approvers"
        roles = ["approver"]
        approval-groups = ["finance"]
        team = "platform"
        [[groups]]
        group = "payments"
        team = "payments"
    "#;
    let issuer = Issuer::start_with(vec![signer.jwk("k")], |settings| {
        let text = format!("issuer = '{}'\naudience = ['macadam']\n{more}", settings.issuer);
        *settings = toml::from_str(&text).unwrap();
    })
    .await;
    let says = |groups: serde_json::Value| {
        let claims = json!({"preferred_username": "dana", "realm_access": {"groups": groups}, "roles": ["admin"],
                            "groups": ["approvers"], "scope": "admin", "team": "platform"});
        token(&signer, &issuer.claims_but(&claims))
    };
    let dana = issuer.judge(&says(json!(["payments", "elsewhere"]))).await.unwrap();
    assert_eq!((dana.person.as_str(), dana.team.as_str()), ("corp.dana", "payments"));
    assert_eq!(
        (dana.roles.as_slice(), dana.groups.len()),
        (&[Role::Developer][..], 0),
        "`roles` and `groups` are not asked"
    );
    let amir = issuer.judge(&says(json!(["payments", "approvers"]))).await.unwrap();
    assert_eq!(amir.team.as_str(), "platform", "of several teams the one that is written first");
    assert_eq!(amir.roles, [Role::Developer, Role::Approver]);
    assert_eq!(amir.groups, ["finance".parse().unwrap()]);
    issuer.refuses(&says(json!([])), "team", "somebody without a team").await;
    issuer.refuses(&says(json!({"payments": true})), "team", "groups that are no list").await;
}
