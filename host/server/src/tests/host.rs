//! A host in a temporary directory, spoken to in the users' words.

use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::BodyExt as _;
use jiff::Timestamp;
use macadam_blobs::Blobs;
use macadam_core::audit::Origin;
use macadam_core::digest::Digest;
use macadam_core::limits::Limits;
use macadam_core::verdict::ApprovalNeed;
use macadam_platform::decisions::{DecisionRetention, Recorder};
use macadam_platform::events::{EventSettings, Feed};
use macadam_platform::plugins::{Binding, By, HostGrants, Loader, Packages, Plugins};
use macadam_platform::vault::{Sealer, Vault};
use macadam_platform::webhooks::{Courier, WebhookSettings};
use macadam_platform::{Platform, PlatformParts, PlatformSettings};
use macadam_runtime::compiled::Compiler;
use macadam_runtime::{Sandbox, SandboxConfig};
use macadam_store::{
    Change, Decision, Desired, HeldKey, JobId, NewRequest, PendingApproval, ProviderPin, RequestId, ResourceId,
    Scaffold, ScaffoldId, SqliteStore, Store,
};
use macadam_tests::contract::{Contract, Given};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::people::{People, PeopleFile};
use crate::sign_in::Authenticator;
use crate::{ServerState, router};

/// Person, team, roles, groups. A person's token is their name after `token-of-`.
const PEOPLE: [(&str, &str, &str, &str); 5] = [
    ("dana", "payments", "\"developer\"", ""),
    ("olga", "orders", "\"developer\"", ""),
    ("amir", "platform", "\"approver\"", "\"platform\""),
    ("ada", "platform", "\"admin\"", ""),
    ("iris", "platform", "\"auditor\"", ""),
];

pub(super) struct Host {
    directory: tempfile::TempDir,
    pub(super) state: ServerState,
    pub(super) router: axum::Router,
    pub(super) store: Arc<dyn Store>,
    sqlite: Arc<SqliteStore>,
    pub(super) blobs: Blobs,
}

/// An answer, read whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }

    pub(super) fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The answer is a problem of this kind; gives its document.
    #[track_caller]
    pub(super) fn is_problem(&self, kind: &str, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status.as_u16(), status, "the status of the problem {kind}: {text}");
        assert_eq!(self.header(header::CONTENT_TYPE), "application/problem+json", "every error is a problem document");
        let problem = self.json();
        assert_eq!(problem["type"], format!("/problems/{kind}"));
        assert_eq!(problem["status"], status, "the document repeats the status");
        assert!(!problem["title"].as_str().unwrap().is_empty() && !problem["detail"].as_str().unwrap().is_empty());
        problem
    }
}

impl Host {
    pub(super) async fn start() -> Self {
        Self::start_with(&[], true).await
    }

    /// A host whose organisation nobody has written down yet.
    pub(super) async fn start_empty() -> Self {
        Self::start_on(&[], true, false).await
    }

    pub(super) async fn start_with(plugins: &[&str], open_metrics: bool) -> Self {
        Self::start_on(plugins, open_metrics, true).await
    }

    async fn start_on(plugins: &[&str], open_metrics: bool, organised: bool) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path();
        let sqlite = Arc::new(SqliteStore::open(&path.join("macadam.db")).await.unwrap());
        let store: Arc<dyn Store> = Arc::<SqliteStore>::clone(&sqlite);
        if organised {
            organise(store.as_ref()).await;
        }
        let sandbox = Sandbox::start(SandboxConfig {
            cache: path.join("cache"),
            compiler: Compiler::InProcess,
            workers: 1,
            cap: Limits::CAP,
            longest_wait: std::time::Duration::from_secs(1),
        });
        let blobs = Blobs::in_directory(&path.join("blobs")).unwrap();
        let packages = Packages::new(Arc::clone(&store), blobs.clone());
        let loader = Loader::new(packages, Arc::new(sandbox.unwrap()), HostGrants::default(), Arc::clone(&store));
        let binding = |plugin: &&str| serde_json::from_value::<Binding>(json!({"plugin": plugin})).unwrap();
        let bindings: Vec<_> = plugins.iter().map(binding).collect();
        let plugins = Plugins::new(loader, Arc::clone(&store));
        let by = By::host("to start with", Timestamp::now());
        plugins.start(&bindings, &by).await.unwrap();
        let webhooks = WebhookSettings {
            allow_addresses: vec!["127.0.0.1/32".parse().unwrap()],
            allow_http_hosts: vec!["127.0.0.1".to_owned()],
            ..WebhookSettings::default()
        };
        let platform = Platform::new(PlatformParts {
            recorder: Recorder::start(Arc::clone(&store), DecisionRetention::default()),
            feed: Feed::start(Arc::clone(&store), EventSettings::default()),
            courier: Courier::new(webhooks).unwrap(),
            store: Arc::clone(&store),
            plugins,
            vault: Arc::new(Vault::new(Arc::clone(&store), Sealer::new(&[7; 32]))),
            blobs: blobs.clone(),
            access: macadam_platform::authorization::Access::new().unwrap(),
            settings: PlatformSettings::default(),
        });
        std::fs::write(path.join("people.toml"), people()).unwrap();
        let people = Arc::new(PeopleFile::open(&path.join("people.toml")).unwrap());
        let state = ServerState::new(platform, Authenticator::default().with_development_people(people), open_metrics);
        let router = router(state.clone());
        Self { directory, state, router, store, sqlite, blobs }
    }

    /// The host with something else set.
    pub(super) fn with(self, set: impl FnOnce(ServerState) -> ServerState) -> Self {
        let state = set(self.state);
        Self { router: router(state.clone()), state, ..self }
    }

    /// Where the store's file is.
    pub(super) fn database(&self) -> std::path::PathBuf {
        self.directory.path().join("macadam.db")
    }

    /// From now on the store answers nothing.
    pub(super) async fn loses_its_store(&self) {
        self.sqlite.close().await;
    }

    /// Sends a request as it is, and compares the answer with the document.
    pub(super) async fn send(&self, request: Request<Body>) -> Answer {
        static CONTRACT: LazyLock<Contract> = LazyLock::new(|| Contract::new(crate::document()));
        let (method, path) = (request.method().clone(), request.uri().path().to_owned());
        let answer = self.exchange(request).await;
        let (status, media_type) = (answer.status.as_u16(), answer.header(header::CONTENT_TYPE));
        CONTRACT.check(Given { method: method.as_str(), path: &path, status, media_type, body: &answer.body });
        answer
    }

    /// Sends a request as it is, and takes whatever comes.
    pub(super) async fn exchange(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    pub(super) async fn get_as(&self, person: &str, path: &str) -> Answer {
        self.send(request_as(person, Method::GET, path).body(Body::empty()).unwrap()).await
    }

    pub(super) async fn post_as(&self, person: &str, path: &str, body: &Value) -> Answer {
        self.send_json(person, Method::POST, path, &body.to_string()).await
    }

    pub(super) async fn send_json(&self, person: &str, method: Method, path: &str, body: &str) -> Answer {
        let request = request_as(person, method, path).header(header::CONTENT_TYPE, "application/json");
        self.send(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Does what a schedule does, as if it were another moment, and gives what is said of it.
    pub(super) async fn runs(&self, schedule: &str, at: Timestamp) -> String {
        let tasks = macadam_platform::schedule::tasks();
        let task = tasks.iter().find(|task| task.name() == schedule).expect("there is such a schedule");
        task.run(&self.state.platform, at).await.unwrap()
    }

    /// Writes a request of dana's for a database straight into the store, as if policies had decided it.
    pub(super) async fn dana_has_asked_for(&self, name: &str, needs: Vec<ApprovalNeed>) -> RequestId {
        self.take(database(name), needs, Origin::NONE).await
    }

    /// The same, by another host that holds a key.
    pub(super) async fn dana_has_asked_under(&self, held: &HeldKey, name: &str) -> RequestId {
        self.take(database(name), Vec::new(), Origin { held: Some(held.clone()), ..Origin::NONE }).await
    }

    /// The same for a project, with its archive.
    pub(super) async fn dana_has_scaffolded(&self, bytes: &[u8], needs: Vec<ApprovalNeed>) -> (ScaffoldId, RequestId) {
        let id = ScaffoldId::new(Timestamp::now(), random());
        let archive = self.blobs.put(bytes.to_vec()).await.unwrap();
        let scaffold = Scaffold {
            id,
            template: "rest-api".parse().unwrap(),
            plugin: plugin(),
            plugin_digest: Digest::of(b"wasm"),
            answers: json!({"parameters": {"name": "orders"}, "features": []}),
            archive,
            archive_size: bytes.len() as u64,
            files: Vec::new(),
            warnings: Vec::new(),
        };
        (id, self.take(Change::Scaffold(Box::new(scaffold)), needs, Origin::NONE).await)
    }

    async fn take(&self, change: Change, needs: Vec<ApprovalNeed>, origin: Origin) -> RequestId {
        let now = Timestamp::now();
        let dana = People::parse(&people()).unwrap().with_token("token-of-dana").unwrap().actor();
        let approval = PendingApproval { needs, expires_at: now + jiff::SignedDuration::from_hours(1) };
        let new = NewRequest {
            id: RequestId::new(now, random()),
            actor: dana,
            origin,
            document: json!({}),
            change,
            decision: Decision {
                record: json!({"outcome": "allowed"}),
                digest: Digest::of(b"decision"),
                approval: Some(approval),
            },
            job: JobId::new(now, random()),
        };
        self.store.submit(&new, now).await.unwrap().request
    }
}

/// A database in dana's namespace.
fn database(name: &str) -> Change {
    Change::Create {
        resource: ResourceId::new(Timestamp::now(), random()),
        key: format!("payments/dev/database/{name}").parse().unwrap(),
        desired: Desired {
            spec: serde_json::value::to_raw_value(&json!({"size": 1})).unwrap(),
            tags: Default::default(),
            ttl_seconds: None,
            estimate: None,
            provider: ProviderPin { plugin: plugin(), digest: Digest::of(b"wasm"), settings: String::new() },
        },
    }
}

/// A request with somebody's own token, such as a service's.
pub(super) fn request_bearing(token: &str, method: Method, path: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {token}"))
}

/// An approval that one member of the group `platform` can give.
pub(super) fn one_of_platform() -> Vec<ApprovalNeed> {
    vec![ApprovalNeed { reason: "it is new".to_owned(), groups: vec!["platform".parse().unwrap()], count: 1 }]
}

pub(super) fn request_as(person: &str, method: Method, path: &str) -> axum::http::request::Builder {
    request_bearing(&format!("token-of-{person}"), method, path)
}

fn plugin() -> macadam_core::names::PluginRef {
    macadam_core::names::PluginRef { name: "macadam/test".parse().unwrap(), version: "1.0.0".parse().unwrap() }
}

fn random() -> [u8; 10] {
    let mut bytes = [0; 10];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

fn people() -> String {
    let entry = |(person, team, roles, groups): &(&str, &str, &str, &str)| {
        let hash = Digest::of(format!("token-of-{person}").as_bytes()).hex();
        format!(
            "[[people]]\nperson = \"{person}\"\nteam = \"{team}\"\nroles = [{roles}]\ngroups = [{groups}]\n\
             token-sha256 = \"{hash}\"\n"
        )
    };
    PEOPLE.iter().map(entry).collect()
}

async fn organise(store: &dyn Store) {
    let now = Timestamp::now();
    for team in ["payments", "orders", "platform"] {
        let team = serde_json::from_value(json!({"name": team})).unwrap();
        store.put_team(&team, None, now).await.unwrap();
    }
    for (name, class) in [("dev", "development"), ("prod", "production")] {
        let environment = serde_json::from_value(json!({"name": name, "class": class})).unwrap();
        store.put_environment(&environment, None, now).await.unwrap();
    }
}
