//! The password of the proxy that a host is behind. What leaves through it: sign-in at identity providers that are
//! elsewhere, and traces; blobs do as well, in `roles`. Messages of webhooks do not.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use macadam_tests::server::{Server, Setup};
use macadam_tests::wire::Wire;

use super::places::{files, read};
use super::setup::{COLLECTOR, COLLECTOR_ADDRESS, Kept};
use super::told::Told;
use crate::leaks::leaks;
use crate::until;

const PASSWORD: &str = "proxy-e1f5-gannet";

/// Nobody is there (RFC 5737): whoever asks does so through the proxy.
const ELSEWHERE: &str = "192.0.2.1";

#[test]
fn the_password_of_a_proxy_is_told_to_the_proxy_alone() {
    let proxy = Wire::to_nobody(|head| {
        let body = format!("you said {head}");
        format!("HTTP/1.1 407 No\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
    });
    let config = format!(
        "open-metrics = true\n[[sign-in.oidc]]\nissuer = 'https://{ELSEWHERE}'\naudience = ['macadam']\n\
         claims = {{ person = 'sub', team = 'team' }}\n"
    );
    let environment = [
        ("MACADAM_LOG", "trace".to_owned()),
        ("ALL_PROXY", format!("http://ana:{PASSWORD}@127.0.0.1:{}", proxy.port())),
        // What is sent in vain has secrets of its own.
        ("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://otlp:{COLLECTOR_ADDRESS}@{ELSEWHERE}:4318")),
        ("OTEL_EXPORTER_OTLP_HEADERS", format!("x-token={COLLECTOR}")),
    ];
    let environment = environment.map(|(name, value)| (name.to_owned(), value)).to_vec();
    let mut server = Server::start(&Setup { config, environment, ..Setup::default() });
    let mut told = Told::new(&server, Kept::File);
    told.canary("a proxy's password", PASSWORD);
    let encoded = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let claims = format!(
        "{{\"iss\": \"https://{ELSEWHERE}\", \"sub\": \"ana\", \"aud\": \"macadam\", \"team\": \"payments\", \
         \"iat\": 1700000000, \"exp\": 4102444800}}"
    );
    let token =
        format!("{}.{}.{}", encoded("{\"alg\": \"RS256\", \"kid\": \"a\"}"), encoded(&claims), encoded("signature"));
    // The host asks the provider, which may take longer than `ask` waits.
    let refused = server.bearing(&token).get("/api/v1/whoami");
    assert_eq!(refused.status, 503, "the keys cannot be had: {refused:?}\n{}", server.log());
    told.outputs.push(crate::leaks::Output::new("the answer without keys", refused.body.to_string()));
    read(&server, &mut told);
    until("traces that are lost", &server, || server.log().contains("traces are not taken").then_some(()));
    files(&mut told, server.data(), "");
    server.stop();
    files(&mut told, server.data(), "");

    let (heard, pair) = (proxy.heard(), STANDARD.encode(format!("ana:{PASSWORD}")));
    for port in ["443", "4318"] {
        let connect = format!("CONNECT {ELSEWHERE}:{port} ");
        let mut heads = heard.split("\r\n\r\n").filter(|head| head.starts_with(&connect));
        assert!(heads.any(|head| head.contains(&pair)), "the proxy is told its password for port {port}: {heard}");
    }
    let leaks = leaks(&told.canaries, &told.outputs);
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n\n"));
}
