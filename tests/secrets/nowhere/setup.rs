//! A host whose configuration and environment are full of secrets, each of them a text that nothing else has, and the
//! servers around it, which ask for them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use macadam_tests::collector::Collector;
use macadam_tests::identity::Provider;
use macadam_tests::postgres::Postgres;
use macadam_tests::receiver::Receiver;
use macadam_tests::replicas::{CREDENTIALS, S3 as BlobStore};
use macadam_tests::server::{Server, Setup};
use macadam_tests::wire::Wire;
use sqlx::Connection as _;

use super::certificate;
use super::s3::is_signed;

/// The master key, as 64 digits.
pub(super) const MASTER: &str = "c0ffee5eed0123456789abcdef9988776655443322110fedcba98765432102b7";
/// Another key, which replaces it.
pub(super) const OTHER: &str = "0badcafe5eed3344556677889900aabbccddeeff0fedcba98765432101234567";
/// The store's password; a slash has to be percent-encoded in an address.
pub(super) const STORE: &str = "store/4b1d-kea";
/// The password of another user of the store, who is asked for a certificate as well.
pub(super) const WARDEN: &str = "warden/3e8a-shag";
pub(super) const MAIN: &str = "main/77ce-moa";
pub(super) const BROKEN: &str = "broken/93af-dodo";
/// What the collector is told in a header, and in the address.
pub(super) const COLLECTOR: &str = "collector-58d0-rail";
pub(super) const COLLECTOR_ADDRESS: &str = "collector-address-59e1-crake";
pub(super) const S3: &str = "s3secret-6e21-auk";
pub(super) const S3_SESSION: &str = "s3session-6f32-murre";

/// Where the database of a host is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kept {
    File,
    Postgres,
}

/// The servers around a host.
pub(super) struct Around {
    pub(super) postgres: Postgres,
    pub(super) collector: Collector,
    pub(super) receiver: Receiver,
    pub(super) provider: Provider,
    pub(super) blobs: BlobStore,
    /// What goes to the store of blobs.
    pub(super) wire: Wire,
}

impl Around {
    pub(super) async fn start() -> Self {
        let blobs = BlobStore::start();
        let around = Self {
            postgres: Postgres::start().await,
            collector: Collector::start(),
            receiver: Receiver::start(),
            provider: Provider::start(),
            wire: Wire::to(blobs.port()),
            blobs,
        };
        let postgres = &around.postgres;
        postgres.query(&format!("alter role provisioner password '{MAIN}'")).await;
        postgres.query(&format!("create role keeper login password '{STORE}'")).await;
        postgres.query("create database kept owner keeper").await;
        postgres.query(&format!("create role warden login password '{WARDEN}' in role keeper")).await;
        certificate::give(postgres).await;
        ask_for_passwords(postgres).await;
        around
    }

    pub(super) fn main_url(&self, password: &str) -> String {
        with_password(&self.postgres.provisioner_url(), "provisioner", password)
    }

    fn store_url(&self) -> String {
        with_password(&self.postgres.superuser_url(), "keeper", STORE).replace("/postgres", "/kept")
    }

    /// What gives a host the store as a user with a certificate, as variables of PostgreSQL's own say.
    pub(super) fn by_certificate(&self) -> [(&'static str, String); 4] {
        let url = self.postgres.superuser_url().replace("admin@", "warden@").replace("/postgres", "/kept");
        let pem = certificate::PEM.to_owned();
        [("STORE_URL", url), ("PGPASSWORD", WARDEN.to_owned()), ("PGSSLCERT", pem.clone()), ("PGSSLKEY", pem)]
    }

    /// Checks that a host has come with the certificate.
    pub(super) async fn came_by_certificate(&self) {
        let query =
            "select client_dn::text from pg_stat_ssl join pg_stat_activity using (pid) where usename = 'warden'";
        let named = self.postgres.query(query).await;
        assert!(!named.is_empty() && named.iter().all(|name| name == "/CN=warden"), "{named:?}");
    }

    /// How a host is set up among them.
    pub(super) fn setup(&self, kept: Kept) -> Setup {
        let database = if kept == Kept::Postgres { "database-url-env = \"STORE_URL\"\n" } else { "" };
        let (plugins, provider, wire) = (Setup::without_postgres().config, self.provider.config(), self.wire.port());
        let config = format!(
            r#"{database}lease-seconds = 4
open-metrics = true
[jobs]
tries = 1
[audit]
export-directory = "exports"
export-interval-seconds = 10
export-entries = true
[webhooks]
allow-addresses = ["127.0.0.1/32"]
allow-http-hosts = ["127.0.0.1"]
[blobs]
url = "s3://macadam/blobs"
endpoint = "http://127.0.0.1:{wire}"
region = "us-east-1"
[connections.sql.main]
url-env = "MAIN_URL"
{provider}
{plugins}
[[plugins]]
plugin = "macadam/postgres-database@dev"
grants = ["sql:main", "secrets"]
"#
        );
        let mut variables = vec![
            ("MACADAM_LOG", "trace".to_owned()),
            ("MACADAM_MASTER_KEY", MASTER.to_owned()),
            ("MACADAM_OTHER_MASTER_KEYS", OTHER.to_owned()),
            ("MAIN_URL", self.main_url(MAIN)),
            ("AWS_ACCESS_KEY_ID", CREDENTIALS.to_owned()),
            ("AWS_SECRET_ACCESS_KEY", S3.to_owned()),
            ("AWS_SESSION_TOKEN", S3_SESSION.to_owned()),
            (
                "OTEL_EXPORTER_OTLP_ENDPOINT",
                format!("http://otlp:{COLLECTOR_ADDRESS}@127.0.0.1:{}", self.collector.port()),
            ),
            ("OTEL_EXPORTER_OTLP_HEADERS", format!("x-token={COLLECTOR}")),
        ];
        if kept == Kept::Postgres {
            variables.push(("STORE_URL", self.store_url()));
        }
        let environment = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Setup { config, environment, ..Setup::default() }
    }

    /// Checks that those who let everybody in were told their secrets. The others have checked them themselves.
    pub(super) fn were_told(&self, server: &Server) {
        let pair = STANDARD.encode(format!("otlp:{COLLECTOR_ADDRESS}"));
        for said in [format!("x-token: {COLLECTOR}"), format!("authorization: basic {pair}")] {
            assert!(self.collector.saw(&said), "the collector is told {said}\n{}", server.log());
        }
        let heard = self.wire.heard();
        let mut puts = heard.match_indices("PUT /macadam/").filter_map(|(at, _)| heard[at..].split("\r\n\r\n").next());
        assert!(puts.any(|head| is_signed(head, S3)), "blobs are put with signatures by the secret key");
        let session = format!("x-amz-security-token: {S3_SESSION}");
        assert!(heard.contains(&session), "the store of blobs is told the session's token");
    }
}

/// Has the server ask everybody but its superuser for a password, and one for a certificate; it trusts all who come from
/// this machine otherwise.
async fn ask_for_passwords(postgres: &Postgres) {
    let rules = postgres.query("show hba_file").await.remove(0);
    let text = [
        "host all admin 127.0.0.1/32 trust\n",
        "hostssl all warden 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n",
        "host all warden 127.0.0.1/32 reject\n",
        "host all all 127.0.0.1/32 scram-sha-256\n",
    ];
    std::fs::write(rules, text.concat()).unwrap();
    postgres.query("select pg_reload_conf()::text").await;
    let wrong = with_password(&postgres.provisioner_url(), "provisioner", "none of them");
    for _ in 0..600 {
        if sqlx::postgres::PgConnection::connect(&wrong).await.is_err() {
            let right = with_password(&postgres.provisioner_url(), "provisioner", MAIN);
            sqlx::postgres::PgConnection::connect(&right).await.expect("the right password counts");
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the server asks for no password");
}

fn with_password(url: &str, user: &str, password: &str) -> String {
    let rest = url.split_once('@').expect("the address has a user").1;
    format!("postgres://{user}:{}@{rest}", password.replace('/', "%2F").replace(' ', "%20"))
}
