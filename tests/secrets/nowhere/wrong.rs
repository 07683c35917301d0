//! Secrets where none belong: in credentials that are none, in queries, and in bodies that cannot be read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use macadam_tests::server::Server;

use super::told::Told;

/// Credentials where none are expected, in forms that are none.
pub(super) fn malformed_sign_in(server: &Server, told: &mut Told) {
    let secrets = ["basic-10f2-emu", "two-20f2-emu", "bare-30f2-emu", "mcs_40f2emu40f2emu40f2emu", "cookie-60f2-emu"];
    for secret in secrets {
        told.canary("a malformed credential", secret);
    }
    let jwt = format!("{}.{}.signature-50f2-emu", STANDARD.encode("{\"alg\":\"RS256\"}"), STANDARD.encode("{}"));
    told.canary("the signature of a JWT", "signature-50f2-emu");
    for value in [
        format!("Basic {}", STANDARD.encode(format!("user:{}", secrets[0]))),
        format!("Bearer some {}", secrets[1]),
        secrets[2].to_owned(),
        format!("Bearer {}", secrets[3]),
        format!("Bearer {jwt}"),
        format!("Bearer \u{e9}{}", secrets[1]),
    ] {
        let header = format!("authorization: {value}");
        told.ask(server, "GET /api/v1/whoami", &[&header], "");
        told.ask(server, "POST /api/v1/resources", &[&header, "content-type: application/json"], "{");
    }
    told.ask(server, "GET /api/v1/whoami", &[&format!("cookie: session={}", secrets[4])], "");
    let dana = server.person("dana").authorization();
    told.ask(server, "GET /api/v1/whoami", &[&dana, &format!("x-api-key: {}", secrets[4])], "");
    told.ask(server, "GET /api/v1/whoami", &[&dana, &dana], "");
}

/// Secrets in queries, known and unknown.
pub(super) fn queries(server: &Server, told: &mut Told) {
    told.canary("a secret in a query", "query-71aa-owl");
    let dana = server.person("dana").authorization();
    for path in ["/api/v1/whoami", "/api/v1/events", "/api/v1/requests", "/nowhere", "/readyz", "/docs"] {
        for query in ["access_token=query-71aa-owl", "after=query-71aa-owl", "limit=query-71aa-owl"] {
            told.ask(server, &format!("GET {path}?{query}"), &[&dana], "");
        }
    }
    told.ask(server, "GET /api/v1/events?types=query-71aa-owl%zz", &[&dana, "last-event-id: query-71aa-owl"], "");
}

/// Bodies that cannot be read, or not as what they should be.
pub(super) fn malformed_bodies(server: &Server, told: &mut Told) {
    told.canary("a secret in a body", "body-82bb-jay");
    let (dana, ada) = (server.person("dana").authorization(), server.person("ada").authorization());
    let bodies = [
        r#"{"password": "body-82bb-jay""#,
        r#"{"password": "body-82bb-jay"}"#,
        r#""body-82bb-jay""#,
        r#"{"url": "body-82bb-jay", "types": "body-82bb-jay"}"#,
        r#"{"url": ["body-82bb-jay"], "name": ["body-82bb-jay"], "environment": ["body-82bb-jay"]}"#,
        "body-82bb-jay",
        "{\"a\": \"body-82bb-jay\n\"}",
    ];
    for body in bodies {
        for path in ["resources", "preview", "webhooks", "service-tokens", "authorize", "scaffolds", "replays"] {
            for media in ["application/json", "text/plain"] {
                let media = format!("content-type: {media}");
                told.ask(server, &format!("POST /api/v1/{path}"), &[&dana, &media], body);
            }
        }
        told.ask(server, "PUT /api/v1/bindings/x", &[&ada, "content-type: application/json"], body);
        told.ask(server, "POST /api/v1/bindings/apply", &[&ada, "content-type: application/yaml"], body);
        told.ask(
            server,
            "POST /api/v1/plugins",
            &[&ada, "content-type: application/gzip", "macadam-signature: body-82bb-jay"],
            body,
        );
    }
}
