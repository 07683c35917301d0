//! A client's certificate, and its key. The server is given the same for its own, and to check clients by: it has signed
//! itself.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt, chown};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use macadam_tests::postgres::Postgres;

use crate::leaks::Canary;

/// The key, and behind it the certificate.
pub(super) const PEM: &str = include_str!("client.pem");

/// A line of the key: nothing else has it, and it is as good as any other part.
pub(super) fn line() -> &'static str {
    PEM.lines().nth(1).expect("the key has lines")
}

pub(super) fn canaries() -> [Canary; 2] {
    let decoded = STANDARD.decode(line()).expect("a whole line is base64");
    [Canary::new("a client's key", line()), Canary::new("a client's key, decoded", decoded)]
}

/// Gives the server certificate and key. It speaks TLS when it reads its configuration the next time.
pub(super) async fn give(postgres: &Postgres) {
    let rules = postgres.query("show hba_file").await.remove(0);
    let (rules, name) = (Path::new(&rules), "own.pem");
    let path = rules.with_file_name(name);
    std::fs::write(&path, PEM).unwrap();
    // A server takes no key that others can read, or that is somebody else's.
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
    let owner = std::fs::metadata(rules).unwrap();
    chown(&path, Some(owner.uid()), Some(owner.gid())).unwrap();
    for setting in ["ssl_cert_file", "ssl_key_file", "ssl_ca_file"] {
        postgres.query(&format!("alter system set {setting} = '{name}'")).await;
    }
    postgres.query("alter system set ssl = on").await;
}
