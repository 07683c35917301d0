//! Whom a host may be made to call (server-side request forgery).

use macadam_tests::server::{Server, Setup};
use serde_json::json;

use crate::path;
use macadam_tests::receiver::Receiver;

#[test]
fn a_host_is_not_made_to_call_its_neighbours_or_itself() {
    let receiver = Receiver::start();
    // Only the plain HTTP to these names is allowed, and no address.
    let plugins = Setup::without_postgres();
    let config = format!("[webhooks]\nallow-http-hosts = [\"localhost\", \"127.0.0.1\"]\n{}", plugins.config);
    let server = Server::start(&Setup { config, ..plugins });
    let dana = server.person("dana");
    let port = receiver.port();
    for url in [
        format!("http://127.0.0.1:{port}/hook"),
        "https://127.0.0.1/".to_owned(),
        "https://[::1]/".to_owned(),
        "https://[::ffff:127.0.0.1]/".to_owned(),
        "https://10.0.0.1/".to_owned(),
        "https://172.20.0.1/".to_owned(),
        "https://192.168.0.1/".to_owned(),
        "https://169.254.169.254/latest/meta-data/".to_owned(),
        "https://[fd00:ec2::254]/".to_owned(),
        "https://[fe80::1]/".to_owned(),
        "https://224.0.0.1/".to_owned(),
        "https://0.0.0.0/".to_owned(),
        "https://017700000001/".to_owned(),
        format!("http://hooks.example:{port}/hook"),
    ] {
        let refused = dana.post("/api/v1/webhooks", &json!({"url": url}));
        assert_eq!(
            (refused.status, &refused.body["violations"][0]["field"]),
            (422, &json!("/url")),
            "{url}: {refused:?}"
        );
    }
    // A name may lead anywhere: it is refused where it leads to.
    let made = dana.post("/api/v1/webhooks", &json!({"url": format!("http://localhost:{port}/hook")}));
    assert_eq!(made.status, 201, "{made:?}");
    let tried = dana.post(&path(&made.body, "/test"), &json!({}));
    assert_eq!(tried.status, 200);
    let error = tried.body["error"].as_str().unwrap();
    assert!(error.contains("not on the public internet") && error.contains("allow-addresses"), "{error}");
    assert_eq!(receiver.got().len(), 0, "nothing was sent");
}
