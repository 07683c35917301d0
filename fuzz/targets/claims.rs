//! What a token says whose signature is good: people call themselves what they like at many a provider, and get no
//! role, no prefix and no time by it that the settings do not give.
#![no_main]

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use libfuzzer_sys::fuzz_target;
use macadam_platform::{Credential, Role};
use macadam_server::sign_in::OidcSettings;
use serde_json::{Map, Value, json};

const ISSUER: &str = "https://issuer.example";

static SETTINGS: LazyLock<OidcSettings> = LazyLock::new(|| {
    let settings = json!({
        "issuer": ISSUER, "audience": ["macadam"], "person-prefix": "ext-", "default-roles": ["developer"],
        "claims": {"person": "/profile/name", "team": "team", "groups": "groups"},
        "groups": [
            {"group": "leads", "team": "payments", "roles": ["team-lead"]},
            {"group": "security", "roles": ["approver"], "approval-groups": ["security"]},
        ],
    });
    serde_json::from_value(settings).unwrap()
});

static NOW: LazyLock<Timestamp> = LazyLock::new(|| "2026-01-01T00:00:00Z".parse().unwrap());

fuzz_target!(|bytes: &[u8]| {
    let Ok(claims) = serde_json::from_slice::<Map<String, Value>>(bytes) else { return };
    let Ok(caller) = SETTINGS.caller(&claims, *NOW) else { return };
    assert_eq!(claims.get("iss"), Some(&json!(ISSUER)), "it is the issuer's");
    assert!(claims.get("aud").is_some_and(|aud| aud.to_string().contains("\"macadam\"")), "it is for this host");
    assert!(!claims.contains_key("cnf"), "nobody has to prove a key");
    assert!(
        caller.person.as_str().starts_with("ext-") && !caller.person.is_reserved(),
        "{} is a person",
        caller.person
    );
    assert!(!caller.is_service() && caller.scopes.is_none());
    let given = [Role::Developer, Role::TeamLead, Role::Approver];
    assert!(caller.roles.iter().all(|role| given.contains(role)), "nobody gives themselves {:?}", caller.roles);
    let groups = claims.get("groups").map(Value::to_string).unwrap_or_default();
    assert!(!caller.is(Role::Approver) || groups.contains("\"security\""), "approvers are of the group");
    let Credential::Oidc { issuer, expires_at } = caller.credential else { panic!("it is a provider's token") };
    let leeway = SignedDuration::from_secs(i64::from(SETTINGS.leeway_seconds));
    assert!(issuer == ISSUER && NOW.duration_since(expires_at) < leeway, "it counts now, and ends at {expires_at}");
});
