//! The whole HTTP API: whatever is asked for, the host answers, and never that it failed.
//!
//! An input is a request as it is written on the wire: a line with the method and the path, headers, an empty line, the
//! body. An administrator asks unless the headers say who. It goes through all layers down to a database; only the network
//! and the network's own parser are left out. What is kept lives for some inputs, so that one may build on another.
#![no_main]

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode, header};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use libfuzzer_sys::fuzz_target;
use macadam_blobs::Blobs;
use macadam_core::digest::Digest;
use macadam_core::limits::Limits;
use macadam_platform::authorization::Access;
use macadam_platform::decisions::{DecisionRetention, Recorder};
use macadam_platform::events::{EventSettings, Feed};
use macadam_platform::plugins::{By, HostGrants, Loader, Packages, Plugins};
use macadam_platform::vault::{Sealer, Vault};
use macadam_platform::webhooks::{Courier, WebhookSettings};
use macadam_platform::{Platform, PlatformParts, PlatformSettings};
use macadam_runtime::compiled::Compiler;
use macadam_runtime::{Sandbox, SandboxConfig};
use macadam_server::people::PeopleFile;
use macadam_server::sign_in::Authenticator;
use macadam_server::{ServerState, TrustedProxies, router};
use macadam_store::{SqliteStore, Store};
use serde_json::json;
use tokio::runtime::Runtime;
use tower::ServiceExt as _;

/// How many requests a host takes before another takes its place: one that somebody has told to forbid everything shows
/// nothing more.
const A_HOST: u32 = 1_000;

const TOKEN: &str = "token-of-ada";

struct Host {
    router: Router,
    taken: u32,
    _directory: tempfile::TempDir,
}

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap());
static HOST: Mutex<Option<Host>> = Mutex::new(None);

/// Written twice: the server's own tests (`host/server/src/tests/host.rs`) are inside its crate, where its types are not
/// those that a crate shared with them would have, and what is left to share would not fill one.
async fn host() -> Host {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&path.join("macadam.db")).await.unwrap());
    organise(store.as_ref()).await;
    let sandbox = Sandbox::start(SandboxConfig {
        cache: path.join("cache"),
        compiler: Compiler::InProcess,
        workers: 1,
        cap: Limits::CAP,
        longest_wait: Duration::from_secs(1),
    });
    let blobs = Blobs::in_memory();
    let packages = Packages::new(Arc::clone(&store), blobs.clone());
    let loader = Loader::new(packages, Arc::new(sandbox.unwrap()), HostGrants::default(), Arc::clone(&store));
    let plugins = Plugins::new(loader, Arc::clone(&store));
    plugins.start(&[], &By::host("to start with", Timestamp::now())).await.unwrap();
    let platform = Platform::new(PlatformParts {
        recorder: Recorder::start(Arc::clone(&store), DecisionRetention::default()),
        feed: Feed::start(Arc::clone(&store), EventSettings::default()),
        courier: Courier::new(WebhookSettings::default()).unwrap(),
        vault: Arc::new(Vault::new(Arc::clone(&store), Sealer::new(&[7; 32]))),
        access: Access::new().unwrap(),
        settings: PlatformSettings::default(),
        store,
        plugins,
        blobs,
    });
    let people = path.join("people.toml");
    let hash = Digest::of(TOKEN.as_bytes()).hex();
    let ada = "[[people]]\nperson = \"ada\"\nteam = \"platform\"\nroles = [\"admin\"]\n";
    std::fs::write(&people, format!("{ada}token-sha256 = \"{hash}\"\n")).unwrap();
    let people = Arc::new(PeopleFile::open(&people).unwrap());
    let state = ServerState::new(platform, Authenticator::default().with_development_people(people), true);
    let state = state.behind(TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]));
    Host { router: router(state), taken: 0, _directory: directory }
}

async fn organise(store: &dyn Store) {
    let now = Timestamp::now();
    for team in ["payments", "platform"] {
        let team = serde_json::from_value(json!({"name": team})).unwrap();
        store.put_team(&team, None, now).await.unwrap();
    }
    let dev = serde_json::from_value(json!({"name": "dev", "class": "development"})).unwrap();
    store.put_environment(&dev, None, now).await.unwrap();
}

/// What is no request to HTTP itself never gets here.
fn read(input: &[u8]) -> Option<Request<Body>> {
    let end = input.windows(2).position(|two| two == b"\n\n")?;
    let (head, body) = (std::str::from_utf8(&input[..end]).ok()?, &input[end + 2..]);
    let mut lines = head.lines();
    let (method, path) = lines.next()?.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(path);
    for line in lines {
        let (name, value) = line.split_once(": ")?;
        request = request.header(name, value);
    }
    if !request.headers_ref()?.contains_key(header::AUTHORIZATION) {
        request = request.header(header::AUTHORIZATION, format!("Bearer {TOKEN}"));
    }
    // A proxy that is believed hands it on.
    let request = request.extension(ConnectInfo(SocketAddr::from(([10, 0, 0, 1], 443))));
    request.body(Body::from(body.to_vec())).ok()
}

async fn ask(router: Router, request: Request<Body>) -> (StatusCode, Vec<u8>) {
    let (answer, body) = router.oneshot(request).await.unwrap().into_parts();
    let media_type = answer.headers.get(header::CONTENT_TYPE).map(|value| value.as_bytes().to_vec());
    if media_type.is_some_and(|media_type| media_type.starts_with(b"text/event-stream")) {
        // It goes on for ever.
        return (answer.status, Vec::new());
    }
    (answer.status, body.collect().await.unwrap().to_bytes().to_vec())
}

fuzz_target!(|input: &[u8]| {
    let Some(request) = read(input) else { return };
    let mut kept = HOST.lock().unwrap();
    if kept.as_ref().is_none_or(|host| host.taken >= A_HOST) {
        *kept = Some(RUNTIME.block_on(host()));
    }
    let Some(host) = kept.as_mut() else { return };
    host.taken += 1;
    let (status, body) = RUNTIME.block_on(ask(host.router.clone(), request));
    assert!(!status.is_server_error(), "{status}: {}", String::from_utf8_lossy(&body));
});
