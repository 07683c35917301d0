//! Hosts that do not get to the store of blobs, with credentials that AWS gives to whoever shows a token: what runs on a
//! cluster has that in a file.

use std::ffi::OsStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use macadam_tests::wire::Wire;

use super::refused::refused;

const TOKEN: &str = "identity-a7e1-lory";
const PROXY: &str = "proxy-b8f2-lory";
const GIVEN: &str = "given-c903-lory";
const SESSION: &str = "session-da14-lory";
const SECRETS: [&str; 4] = [TOKEN, PROXY, GIVEN, SESSION];

/// A data directory with blobs in a bucket, and a token in a file.
fn data(endpoint: &str) -> tempfile::TempDir {
    let data = tempfile::tempdir().unwrap();
    let config = format!("[blobs]\nurl = 's3://macadam/blobs'\nregion = 'us-east-1'\n{endpoint}");
    std::fs::write(data.path().join("macadam.toml"), config).unwrap();
    std::fs::write(data.path().join("token"), TOKEN).unwrap();
    data
}

fn start(what: &str, reason: &str, data: &tempfile::TempDir, variables: &[(&str, &str)]) {
    let environment: Vec<_> = variables.iter().map(|(name, value)| (*name, OsStr::new(*value))).collect();
    refused(what, reason, data.path(), &environment, &SECRETS);
}

/// The answer of a server that repeats what it was asked.
fn repeating(status: &str, head: &str) -> String {
    let body = format!("you said {head}");
    format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

/// AWS takes a web identity over HTTPS alone, which goes through a proxy here and no further.
#[test]
fn a_start_that_is_kept_from_aws_by_a_proxy_shows_neither_the_web_identity_nor_the_proxys_password() {
    let (data, proxy) = (data(""), Wire::to_nobody(|head| repeating("407 No", head)));
    let (token, address) = (data.path().join("token"), format!("http://ana:{PROXY}@127.0.0.1:{}", proxy.port()));
    let variables = [
        ("AWS_WEB_IDENTITY_TOKEN_FILE", token.to_str().unwrap()),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/macadam"),
        ("HTTPS_PROXY", &address),
    ];
    start("a web identity", "s3://macadam/blobs cannot be read or written", &data, &variables);
    let heard = proxy.heard();
    // The token is read before anybody is asked.
    assert!(heard.contains("CONNECT sts.us-east-1.amazonaws.com:443"), "whoever gives credentials is asked: {heard}");
    assert!(heard.contains(&STANDARD.encode(format!("ana:{PROXY}"))), "the proxy is told its password: {heard}");
}

#[test]
fn a_start_with_a_containers_credentials_shows_neither_its_token_nor_what_that_is_given() {
    let agent = Wire::to_nobody(|head| {
        if !head.contains(TOKEN) {
            return repeating("403 Forbidden", head);
        }
        let given = format!(
            "{{\"AccessKeyId\": \"ANA\", \"SecretAccessKey\": \"{GIVEN}\", \"Token\": \"{SESSION}\", \"Expiration\": \
             \"2120-01-01T00:00:00Z\"}}"
        );
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{given}", given.len())
    });
    let store = Wire::to_nobody(|head| repeating("403 Forbidden", head));
    let data = data(&format!("endpoint = 'http://127.0.0.1:{}'\n", store.port()));
    let (token, address) = (data.path().join("token"), format!("http://127.0.0.1:{}/credentials", agent.port()));
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", address.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap()),
    ];
    start("a container's credentials", "403 Forbidden", &data, &variables);
    let heard = store.heard();
    assert!(heard.contains(&format!("x-amz-security-token: {SESSION}")), "the store is told what was given: {heard}");
}

#[test]
fn a_start_that_is_given_no_credentials_does_not_show_the_token_that_was_repeated() {
    let agent = Wire::to_nobody(|head| repeating("400 Bad Request", head));
    let data = data("");
    let (token, address) = (data.path().join("token"), format!("http://127.0.0.1:{}/credentials", agent.port()));
    let variables = [
        ("AWS_CONTAINER_CREDENTIALS_FULL_URI", address.as_str()),
        ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", token.to_str().unwrap()),
    ];
    start("no credentials", "400 Bad Request", &data, &variables);
    assert!(agent.heard().contains(TOKEN), "whoever gives credentials is told the token: {}", agent.heard());
}
