//! A real server with something of each kind that belongs to the team `payments`, and somebody of each role in two teams.

mod things;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::process::{Command, Output};

use macadam_registry::SigningKey;
use macadam_tests::contract::Contract;
use macadam_tests::server::{Answer, Person, Server, Setup, binary};
use serde_json::{Value, json};

use self::things::{directory, gate, project, write_people};

/// The roles, and somebody without one.
pub(crate) const ROLES: [&str; 7] =
    ["nobody", "developer", "team-lead", "publisher", "approver", "auditor", "platform-admin"];

const ORGANISATION: &str = r#"
[[teams]]
name = "payments"

[[teams]]
name = "orders"

[[namespaces]]
name = "pay"
team = "payments"
signatures = "optional"

[[environments]]
name = "dev"
class = "development"

[[environments]]
name = "prod"
class = "production"
"#;

const CONFIG: &str = r#"
when-no-policy-applies = "allow"

[connections.files.workspaces]
path = "workspaces"

[[plugins]]
plugin = "macadam/production-gate@dev"
settings = { groups = ["platform"] }

[[plugins]]
plugin = "macadam/local-directory@dev"
grants = ["files:workspaces"]

[[plugins]]
plugin = "macadam/rest-api@dev"
"#;

/// Forbids what nobody can do anyway.
const POLICY: &str = "@because(\"a test\") forbid (principal, action == Action::\"resource.create\", resource) \
                      when { principal.team == Team::\"none\" };";

/// The server, and what there is on it.
pub(crate) struct World {
    server: Server,
    count: Cell<u32>,
    /// What is tried by those who may not is tried on the same thing again: they cannot change it.
    kept: RefCell<BTreeMap<String, BTreeMap<&'static str, String>>>,
}

/// A request, but for who sends it.
struct Wish {
    path: String,
    body: Option<Value>,
}

impl World {
    pub(crate) fn start() -> Self {
        let mut server = Server::prepare(&Setup {
            config: CONFIG.to_owned(),
            organisation: ORGANISATION.to_owned(),
            ..Setup::default()
        });
        write_people(&server);
        server.launch();
        let world = Self { server, count: Cell::new(0), kept: RefCell::default() };
        let published = world.admin().publish(gate().archive());
        assert_eq!(published.status, 201, "{published:?}");
        world.bind();
        world
    }

    pub(crate) fn log(&self) -> String {
        self.server.log()
    }

    fn admin(&self) -> Person<'_> {
        self.server.person("payments-platform-admin")
    }

    /// Whose things are tried.
    fn owner(&self) -> Person<'_> {
        self.server.person("payments-owner")
    }

    fn bind(&self) {
        self.bind_as(&json!({"plugin": "pay/gate@1.0.0"}));
    }

    fn bind_as(&self, binding: &Value) {
        let wish = json!({"binding": binding, "reason": "a test"});
        let bound = self.admin().send("PUT", "/api/v1/bindings/gate", Some(&wish));
        assert_eq!(bound.status, 200, "{bound:?}\n{}", self.log());
    }

    /// A name that nothing has.
    fn name(&self) -> String {
        self.count.set(self.count.get() + 1);
        format!("thing-{}", self.count.get())
    }

    /// Runs the command line with a new token of a service of the team `payments`, which has a role and these scopes.
    pub(crate) fn run_as_service(&self, role: &str, scopes: &BTreeSet<String>, line: &str) -> Output {
        let maker = if role == "developer" { self.owner() } else { self.admin() };
        let wish = json!({"name": "ci", "roles": [role], "scopes": scopes, "expires_in_days": 1});
        let made = maker.post("/api/v1/service-tokens", &wish);
        let token = made.body["token"].as_str().unwrap_or_else(|| panic!("no token: {made:?}"));
        Command::new(binary())
            .args(["--server", &self.server.url(""), "--token", token, "--output", "json"])
            .args(line.split(' '))
            .output()
            .expect("the command line runs")
    }

    /// A line with what it names: `{new}` is a name that nothing has, `{key}` a resource, and others are parts of the path of
    /// an operation.
    pub(crate) fn line(&self, template: &str, operation: &str) -> String {
        let mut things = self.things(operation);
        things.insert("new", self.name());
        if let Some(name) = things.get("name").filter(|_| things.contains_key("environment")) {
            let key = format!("payments/dev/local-directory/{name}");
            things.insert("key", key);
        }
        things.iter().fold(template.to_owned(), |line, (name, value)| line.replace(&format!("{{{name}}}"), value))
    }

    /// Has somebody try an operation. Those who may change something get a thing of their own to change.
    pub(crate) fn attempt(&self, operation: &str, person: &str, fresh: bool) -> Answer {
        let (method, template) = route(operation);
        let changes = method != "GET";
        let kept = self.kept.borrow().get(operation).filter(|_| !(fresh && changes)).cloned();
        let things = kept.unwrap_or_else(|| self.things(operation));
        self.kept.borrow_mut().insert(operation.to_owned(), things.clone());
        let role = person.split_once('-').map_or("", |(_, role)| role);
        let Wish { path, body } = self.wish(operation, &template, &things, role);
        let person = self.server.person(person);
        if operation == "plugins.publish" {
            return person.publish(gate().archive());
        }
        if operation == "events.list" {
            return person.send_with(&method, &path, None, &[("accept", "application/json")]);
        }
        person.send(&method, &path, body.as_ref())
    }

    fn wish(&self, operation: &str, template: &str, things: &BTreeMap<&'static str, String>, role: &str) -> Wish {
        let path =
            things.iter().fold(template.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value));
        assert!(!path.contains('{'), "{operation}: {path} has a part that nothing fills");
        let body = match operation {
            "access.policies.put" | "access.policies.check" => Some(json!({"text": POLICY})),
            "bindings.put" => Some(json!({"binding": {"plugin": "pay/gate@1.0.0"}, "reason": "a test"})),
            // What cannot be applied is refused for what it is to those who may, and takes nothing with it.
            "bindings.apply" => Some(json!({"bindings": [{"plugin": "pay/none@1.0.0"}]})),
            "bindings.diff" => Some(json!({"bindings": [{"plugin": "pay/gate@1.0.0"}]})),
            "namespaces.put" => Some(json!({"team": "payments", "signatures": "optional"})),
            "namespaces.keys.trust" => Some(json!({"public_key": new_key().public().to_string()})),
            "namespaces.keys.revoke" => Some(json!({"key": things["key"], "reason": "a test"})),
            "plugins.deprecate" | "plugins.versions.deprecate" => Some(json!({"message": "a newer one is there"})),
            "preview.create" | "resources.create" => Some(directory("dev", &self.name())),
            "replays.create" => Some(json!({"plugin": "pay/gate@1.0.0"})),
            "requests.approve" => {
                let shown = self.owner().get(&format!("/api/v1/requests/{}", things["id"]));
                Some(json!({"digest": shown.body["digest"]}))
            }
            "tools.generate-config" => Some(json!({"for": "manifest", "name": "pay/new", "kind": "provider"})),
            "resources.update" => Some(json!({"spec": {"quota_mb": 128}})),
            "scaffolds.create" => Some(project()),
            "service-tokens.create" => Some(json!({
                // A token has no role that its maker has not.
                "name": self.name(), "team": "payments", "roles": [if role == "nobody" { "developer" } else { role }],
                "scopes": ["catalog.read"], "expires_in_days": 1,
            })),
            "webhooks.create" => Some(json!({"url": "https://hooks.invalid/a", "team": "payments"})),
            "webhooks.change" => Some(json!({"description": "another"})),
            _ => None,
        };
        let query = match operation {
            "access.explain" => "?action=catalog.read",
            // What was asked about everybody's requests is for auditors; this is about one's own.
            _ => "",
        };
        Wish { path: format!("{path}{query}"), body }
    }
}

/// A plugin, as it is published.
pub(crate) fn package() -> Vec<u8> {
    gate().archive().to_vec()
}

/// A key that nobody has seen yet: one that was revoked once is never trusted again.
fn new_key() -> SigningKey {
    SigningKey::generate().expect("the system has randomness")
}

/// An operation's method and path.
fn route(operation: &str) -> (String, String) {
    let found = Contract::of_the_binary().operations().find(|(_, _, known)| known["operationId"] == operation);
    let (method, path, _) = found.unwrap_or_else(|| panic!("there is no operation {operation}"));
    (method.to_ascii_uppercase(), path.to_owned())
}
