//! Distinct secrets go in wherever there is a way in, work is done and fails, and then everything that a host writes or
//! answers is looked through: none of them may be in it, but where it is shown on purpose.
//!
//! What may hold a secret, and why: a webhook's address is kept as it is and shown to its team, since it is what is called
//! (events, audit and logs name its host alone); an idempotency key is kept to be compared; the first people's tokens are
//! in `tokens.txt`, which is where they are handed out. What a person writes into a specification, a tag or a comment is
//! not a secret to the platform, and is not looked for; nor is the name of a field, which an error names.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use macadam_tests::collector::Collector;
use macadam_tests::postgres::Postgres;
use macadam_tests::receiver::Receiver;
use macadam_tests::server::{Server, Setup, binary, database};
use serde_json::json;
use sqlx::{AssertSqlSafe, Connection as _, Row as _};

use crate::leaks::{Canary, Output, leaks};
use crate::until;

/// The master key, as 64 digits.
const MASTER: &str = "c0ffee5eed0123456789abcdef9988776655443322110fedcba98765432102b7";
/// Another key.
const OTHER: &str = "0badcafe5eed3344556677889900aabbccddeeff0fedcba98765432101234567";
/// The store's password; a slash has to be percent-encoded in an address.
const STORE: &str = "store/4b1d-kea";
const MAIN: &str = "main/77ce-moa";
const BROKEN: &str = "broken/93af-dodo";
const COLLECTOR: &str = "collector-58d0-rail";
const S3: &str = "s3secret-6e21-auk";

/// Where the database of a host is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kept {
    File,
    Postgres,
}

fn with_password(url: &str, user: &str, password: &str) -> String {
    let rest = url.split_once('@').expect("the address has a user").1;
    format!("postgres://{user}:{}@{rest}", password.replace('/', "%2F"))
}

fn setup(kept: Kept, postgres: &Postgres, collector: &Collector) -> Setup {
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

fn bytes_of(key: &str) -> Vec<u8> {
    key.as_bytes().chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// Whatever a server says to a request that may be nonsense: status, headers and body.
fn ask(server: &Server, first: &str, headers: &[&str], body: &str) -> Output {
    let address = server.url("").trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).expect("it listens");
    stream.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
    let headers: String = headers.iter().map(|header| format!("{header}\r\n")).collect();
    let length = body.len();
    let request = format!(
        "{first} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    // A stream of events does not end: what has come by then is what there is.
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.starts_with(b"HTTP/1.1 "), "{first} is answered: {}", String::from_utf8_lossy(&answer));
    let path = first.split_once(' ').map_or(first, |(_, path)| path);
    Output::new(format!("answer of {}", path.split('?').next().unwrap_or_default()), answer)
}

/// The items of a page, with their texts as they are.
fn items(server: &Server, person: &str, path: &str) -> Vec<serde_json::Value> {
    let answer = ask(server, &format!("GET {path}"), &[&server.person(person).authorization()], "");
    let text = String::from_utf8_lossy(&answer.bytes).into_owned();
    let body = text.split_once("\r\n\r\n").expect("there is a body").1;
    let page: serde_json::Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {text}"));
    page["items"].as_array().expect("a page has items").clone()
}

/// Everything that went in, and what came out while it did.
struct Told {
    canaries: Vec<Canary>,
    outputs: Vec<Output>,
}

impl Told {
    fn new(server: &Server) -> Self {
        let mut canaries = vec![
            Canary::new("the master key's text", MASTER),
            Canary::new("the master key", bytes_of(MASTER)),
            Canary::new("the other key's text", OTHER),
            Canary::new("the other key", bytes_of(OTHER)),
            Canary::new("the store's password", STORE),
            Canary::new("the connection's password", MAIN),
            Canary::new("the broken connection's password", BROKEN),
            Canary::new("the collector's token", COLLECTOR),
            Canary::new("the key of the blobs' store", S3),
        ];
        for person in ["dana", "amir", "ada"] {
            let header = server.person(person).authorization();
            let token = header.rsplit(' ').next().unwrap().to_owned();
            canaries.push(Canary::new("a person's token", token).but_in(&["file tokens.txt"]));
        }
        Self { canaries, outputs: Vec::new() }
    }

    fn canary(&mut self, what: &'static str, secret: &str) {
        self.canaries.push(Canary::new(what, secret));
    }

    fn ask(&mut self, server: &Server, first: &str, headers: &[&str], body: &str) {
        self.outputs.push(ask(server, first, headers, body));
    }
}

/// Credentials where none are expected, in forms that are none.
fn malformed_sign_in(server: &Server, told: &mut Told) {
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
fn queries(server: &Server, told: &mut Told) {
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
fn malformed_bodies(server: &Server, told: &mut Told) {
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

/// Webhooks: their secrets, and addresses with secrets in them, good and bad.
fn webhooks(server: &Server, told: &mut Told, receiver: &Receiver) {
    const OWN: &[&str] = &["answer of /api/v1/webhooks", "table webhooks", "file macadam.db", "backup"];
    let dana = server.person("dana");
    for secret in ["userinfo-93cc-hen", "path-94cc-hen", "fragment-95cc-hen", "away-96cc-hen"] {
        told.canaries.push(Canary::new("a webhook's address", secret).but_in(OWN));
    }
    let (header, media) = (dana.authorization(), "content-type: application/json");
    let port = receiver.port();
    for url in [
        format!("http://user:userinfo-93cc-hen@127.0.0.1:{port}/hook"),
        format!("http://127.0.0.1:{port}/hook#fragment-95cc-hen"),
        "http://10.1.2.3/path-94cc-hen".to_owned(),
        "ftp://127.0.0.1/path-94cc-hen".to_owned(),
        "path-94cc-hen".to_owned(),
    ] {
        let body = json!({"url": url, "types": ["macadam."]}).to_string();
        told.ask(server, "POST /api/v1/webhooks", &[&header, media], &body);
    }
    // One that takes everything, one that refuses, and one whose receiver is away.
    for (url, types) in [
        (receiver.url("/hook?key=path-94cc-hen"), "macadam."),
        (receiver.url("/nowhere/path-94cc-hen"), "macadam."),
        ("http://127.0.0.1:9/away-96cc-hen".to_owned(), "macadam."),
    ] {
        let made = dana.post("/api/v1/webhooks", &json!({"url": url, "types": [types]}));
        assert_eq!(made.status, 201, "{made:?}");
        let path = format!("/api/v1/webhooks/{}", made.body["id"].as_str().unwrap());
        let rotated = dana.post(&format!("{path}/rotate"), &json!({}));
        for shown in [&made, &rotated] {
            let secret = shown.body["secret"].as_str().unwrap().strip_prefix("whsec_").unwrap();
            told.canary("a webhook's secret", secret);
            told.canaries.push(Canary::new("a webhook's secret, decoded", STANDARD.decode(secret).unwrap()));
        }
        told.ask(server, &format!("POST {path}/test"), &[&header, media], "{}");
        told.ask(server, &format!("GET {path}"), &[&header], "");
        told.ask(server, &format!("GET {path}/deliveries"), &[&header], "");
    }
}

/// A database is made and its credentials are looked at; another cannot be made; a service asks for a third.
fn work(server: &Server, told: &mut Told) {
    let dana = server.person("dana");
    told.canaries.push(Canary::new("an idempotency key", "idempotency-a4dd-tit").but_in(&[
        "table idempotency",
        "file macadam.db",
        "backup",
    ]));
    let made = dana.request_database_once("dev", "orders", 1, "idempotency-a4dd-tit");
    assert_eq!(made.status, 202, "{made:?}");
    assert_eq!(dana.wait_for(&made.request()), "succeeded", "{}", server.log());
    let credentials = dana.get("/api/v1/resources/payments/dev/postgres-database/orders/credentials").body;
    let password = credentials["outputs"]["password"].as_str().expect("there is a password").to_owned();
    told.canary("a credential that a provider has made", &password);
    told.ask(server, "GET /api/v1/resources/payments/dev/postgres-database/orders", &[&dana.authorization()], "");
    let again = [&dana.authorization(), "content-type: application/json", "idempotency-key: idempotency-a4dd-tit"];
    told.ask(server, "POST /api/v1/resources", &again, &database("dev", "other", 2).to_string());

    let wish = json!({"name": "deploy", "roles": ["developer"], "scopes": ["*"], "expires_in_days": 30});
    let service = dana.post("/api/v1/service-tokens", &wish).body["token"].as_str().unwrap().to_owned();
    told.canary("a service's token", &service);
    let header = format!("authorization: Bearer {service}");
    told.ask(server, "GET /api/v1/whoami", &[&header], "");
    told.ask(
        server,
        "POST /api/v1/preview",
        &[&header, "content-type: application/json"],
        &database("dev", "a", 1).to_string(),
    );
    for cut in [&service[..service.len() - 2], &format!("{service}x")] {
        told.ask(server, "GET /api/v1/whoami", &[&format!("authorization: Bearer {cut}")], "");
    }
}

/// A provider whose database is away, which says so in its own words.
fn fail(server: &mut Server, told: &mut Told) {
    server.stop();
    server.set_variable("MAIN_URL", &with_password("postgres://@127.0.0.1:9/nothing", "nobody", BROKEN));
    server.launch();
    let dana = server.person("dana");
    let media = "content-type: application/json";
    told.ask(
        server,
        "POST /api/v1/resources",
        &[&dana.authorization(), media],
        &database("dev", "late", 1).to_string(),
    );
    let failed = until("the failure", server, || {
        let requests = items(server, "dana", "/api/v1/requests");
        requests.iter().any(|request| request["state"] == "failed").then(|| json!(requests).to_string())
    });
    told.outputs.push(Output::new("requests", failed));
}

/// Whatever can be read.
fn read(server: &Server, told: &mut Told) {
    for person in ["dana", "amir", "ada"] {
        let header = server.person(person).authorization();
        for path in [
            "audit?limit=200",
            "audit/heads",
            "audit/key",
            "events?limit=200",
            "decisions",
            "requests",
            "resources",
            "jobs",
            "schedules",
            "webhooks",
            "service-tokens",
            "bindings",
            "plugins",
            "teams",
            "whoami",
            "namespaces",
            "resource-types",
            "access/policies",
            "access/matrix",
            "openapi.json",
            "sign-in",
        ] {
            told.ask(server, &format!("GET /api/v1/{path}"), &[&header], "");
        }
        for path in ["/readyz", "/healthz", "/metrics"] {
            told.ask(server, &format!("GET {path}"), &[&header], "");
        }
        told.ask(server, "GET /api/v1/events?after=0", &[&header, "accept: text/event-stream"], "");
    }
    let ada = server.person("ada");
    for decision in items(server, "ada", "/api/v1/decisions") {
        told.ask(server, &format!("GET /api/v1/decisions/{}", decision["seq"]), &[&ada.authorization()], "");
    }
    for job in items(server, "ada", "/api/v1/jobs") {
        told.ask(server, &format!("GET /api/v1/jobs/{}", job["id"].as_str().unwrap()), &[&ada.authorization()], "");
    }
    let exported = server.data().join("export.jsonl");
    let ran = server.cli("ada", &["audit", "export", "-o", exported.to_str().unwrap()]);
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let wrong = server.cli("ada", &["--token", "mcd_cli-b5ee-kite", "request", "list"]);
    told.canary("a token on the command line", "mcd_cli-b5ee-kite");
    for ran in [ran, wrong] {
        told.outputs.push(Output::new("the command line", [ran.stdout, ran.stderr].concat()));
    }
}

/// What is on the disk, but for what an administrator wrote.
fn files(told: &mut Told, folder: &Path, name: &str) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, file) = (entry.path(), format!("{name}{}", entry.file_name().to_string_lossy()));
        if path.is_symlink() || file == "registry" {
            continue;
        }
        if path.is_dir() {
            files(told, &path, &format!("{file}/"));
        } else {
            told.outputs.push(Output::new(format!("file {file}"), std::fs::read(path).unwrap()));
        }
    }
}

/// Every table of the hosts' database, as text.
async fn tables(told: &mut Told, postgres: &Postgres) {
    let url = postgres.superuser_url().replace("/postgres", "/kept");
    let mut connection = sqlx::postgres::PgConnection::connect(&url).await.unwrap();
    let mut rows = async |query: String| -> Vec<String> {
        let rows = sqlx::raw_sql(AssertSqlSafe(query)).fetch_all(&mut connection).await.unwrap();
        rows.iter().map(|row| row.get::<String, _>(0)).collect()
    };
    let names = rows("select tablename::text from pg_tables where schemaname = 'public'".to_owned()).await;
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        let text = rows(format!("select t::text from {name} t")).await.join("\n");
        told.outputs.push(Output::new(format!("table {name}"), text));
    }
}

async fn nothing_leaks(kept: Kept) {
    let (postgres, collector, receiver) = (Postgres::start().await, Collector::start(), Receiver::start());
    postgres.query(&format!("create role keeper login password '{STORE}'")).await;
    postgres.query("create database kept owner keeper").await;
    let mut server = Server::start(&setup(kept, &postgres, &collector));
    let mut told = Told::new(&server);
    malformed_sign_in(&server, &mut told);
    queries(&server, &mut told);
    malformed_bodies(&server, &mut told);
    webhooks(&server, &mut told, &receiver);
    work(&server, &mut told);
    until("messages", &server, || (receiver.taken().len() > 5).then_some(()));
    fail(&mut server, &mut told);
    read(&server, &mut told);
    if kept == Kept::File {
        let backup = server.data().join("backup.db");
        let ran = Command::new(binary()).arg("--data").arg(server.data()).arg("backup").arg(&backup).output().unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        told.outputs.push(Output::new("backup", std::fs::read(&backup).unwrap()));
        std::fs::remove_file(backup).unwrap();
        // While the host runs, there is a write-ahead log.
        files(&mut told, server.data(), "");
    }
    server.stop();
    files(&mut told, server.data(), "");
    if kept == Kept::Postgres {
        tables(&mut told, &postgres).await;
    }
    for body in collector.protobuf() {
        told.outputs.push(Output::new("traces", body));
    }
    for got in receiver.got() {
        told.outputs.push(Output::new(
            "a webhook's message",
            format!("{:?} {}", got.headers, String::from_utf8_lossy(&got.body)),
        ));
    }
    let outputs: Vec<&str> = told.outputs.iter().map(|output| output.name.as_str()).collect();
    for needed in ["file server.log", "traces", "a webhook's message", "answer of /metrics", "file export.jsonl"] {
        assert!(outputs.contains(&needed), "{needed} was looked through: {outputs:?}");
    }
    let leaks = leaks(&told.canaries, &told.outputs);
    assert!(leaks.is_empty(), "{} leaks:\n{}", leaks.len(), leaks.join("\n\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_where_it_should_not_be_with_a_store_in_a_file() {
    nothing_leaks(Kept::File).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_is_where_it_should_not_be_with_a_store_on_postgresql() {
    nothing_leaks(Kept::Postgres).await;
}

#[test]
fn a_start_that_is_refused_shows_no_secret() {
    for (variable, value, secret) in [
        ("MACADAM_DATABASE", "postgres://keeper:start-c6ff-ibis@127.0.0.1:9/kept", "start-c6ff-ibis"),
        ("MACADAM_DATABASE", "postgres://keeper:start-c6ff-ibis@[nonsense", "start-c6ff-ibis"),
        ("MACADAM_DATABASE", "mysql://keeper:start-c6ff-ibis@127.0.0.1/kept", "start-c6ff-ibis"),
        ("MACADAM_MASTER_KEY", "start-c6ff-ibis", "start-c6ff-ibis"),
        ("MACADAM_OTHER_MASTER_KEYS", "start-c6ff-ibis", "start-c6ff-ibis"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://user:start-c6ff-ibis@[nonsense", "start-c6ff-ibis"),
    ] {
        let data = tempfile::tempdir().unwrap();
        let ran = Command::new(binary())
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(data.path())
            .envs([(variable, value), ("MACADAM_LOG", "trace")])
            .output()
            .unwrap();
        assert!(!ran.status.success(), "{variable}={value} is refused");
        let said = Output::new(variable, [ran.stdout, ran.stderr].concat());
        let leaks = leaks(&[Canary::new(variable, secret)], &[said]);
        assert!(leaks.is_empty(), "{}", leaks.join("\n"));
    }
}
