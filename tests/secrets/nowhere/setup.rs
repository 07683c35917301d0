//! A host whose configuration and environment are full of secrets, each of them a text that nothing else has.

use macadam_tests::collector::Collector;
use macadam_tests::postgres::Postgres;
use macadam_tests::server::Setup;

/// The master key, as 64 digits.
pub(super) const MASTER: &str = "c0ffee5eed0123456789abcdef9988776655443322110fedcba98765432102b7";
/// Another key.
pub(super) const OTHER: &str = "0badcafe5eed3344556677889900aabbccddeeff0fedcba98765432101234567";
/// The store's password; a slash has to be percent-encoded in an address.
pub(super) const STORE: &str = "store/4b1d-kea";
pub(super) const MAIN: &str = "main/77ce-moa";
pub(super) const BROKEN: &str = "broken/93af-dodo";
pub(super) const COLLECTOR: &str = "collector-58d0-rail";
pub(super) const S3: &str = "s3secret-6e21-auk";

/// Where the database of a host is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    File,
    Postgres,
}

pub(super) fn with_password(url: &str, user: &str, password: &str) -> String {
    let rest = url.split_once('@').expect("the address has a user").1;
    format!("postgres://{user}:{}@{rest}", password.replace('/', "%2F"))
}

pub(super) fn setup(kept: Kept, postgres: &Postgres, collector: &Collector) -> Setup {
    let plugins = Setup::without_postgres().config;
    let main = with_password(&postgres.provisioner_url(), "provisioner", MAIN);
    let store = with_password(&postgres.superuser_url(), "keeper", STORE).replace("/postgres", "/kept");
    let database = if kept == Kept::Postgres { "database-url-env = \"STORE_URL\"\n" } else { "" };
    let config = format!(
        r#"{database}lease-seconds = 4
open-metrics = true
[jobs]
tries = 1
[webhooks]
allow-addresses = ["127.0.0.1/32"]
allow-http-hosts = ["127.0.0.1"]
[connections.sql.main]
url-env = "MAIN_URL"
{plugins}
[[plugins]]
plugin = "macadam/postgres-database@dev"
grants = ["sql:main", "secrets"]
"#
    );
    let headers = format!("authorization=Bearer {COLLECTOR}");
    let mut environment = collector.environment(&[("OTEL_EXPORTER_OTLP_HEADERS", &headers), ("MACADAM_LOG", "trace")]);
    for (name, value) in [
        ("MACADAM_MASTER_KEY", MASTER),
        ("MACADAM_OTHER_MASTER_KEYS", OTHER),
        ("MAIN_URL", &main),
        ("STORE_URL", &store),
        ("AWS_SECRET_ACCESS_KEY", S3),
    ] {
        environment.push((name.to_owned(), value.to_owned()));
    }
    Setup { config, environment, ..Setup::default() }
}
