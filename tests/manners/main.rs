//! How the running program behaves towards those who call it, as far as an administrator or a caller can say: how much is let
//! in, which pages may call, which things are listed, and which changes are conditional.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_errors_doc,
    reason = "tests fail by panicking, and say what they saw"
)]

mod browsers;
mod conditions;
mod limits;
mod selectors;

use macadam_tests::server::{Server, Setup};
use serde_json::{Value, json};

/// A server with these lines before the rest of its `macadam.toml`.
fn server_with(lines: &str) -> Server {
    let plugins = Setup::without_postgres();
    Server::start(&Setup { config: format!("{lines}\n{}", plugins.config), ..plugins })
}

/// The wish for a directory with a tag `tier`.
fn directory(name: &str, tier: &str) -> Value {
    let tags = json!({"owner": "payments", "tier": tier});
    json!({"environment": "dev", "type": "local-directory", "name": name, "spec": {"quota_mb": 64}, "tags": tags})
}

/// Has dana ask for a directory, and waits until it is there.
fn make_directory(server: &Server, name: &str, tier: &str) {
    let dana = server.person("dana");
    let taken = dana.post("/api/v1/resources", &directory(name, tier));
    assert_eq!(taken.status, 202, "{taken:?}");
    assert_eq!(dana.wait_for(&taken.request()), "succeeded", "{}", server.log());
}
