//! A real server with something of each kind that belongs to the team `payments`, and somebody of each role in two teams.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use macadam_core::digest::Digest;
use macadam_registry::{Package, Versioning, pack};
use macadam_tests::components::{component, contract_of};
use macadam_tests::contract::Contract;
use macadam_tests::server::{Answer, Person, Server, Setup};
use serde_json::{Value, json};

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
        let wish = json!({"binding": {"plugin": "pay/gate@1.0.0"}, "reason": "a test"});
        let bound = self.admin().send("PUT", "/api/v1/bindings/gate", Some(&wish));
        assert_eq!(bound.status, 200, "{bound:?}\n{}", self.log());
    }

    /// A name that nothing has.
    fn name(&self) -> String {
        self.count.set(self.count.get() + 1);
        format!("thing-{}", self.count.get())
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

    /// What the parameters of an operation's path name, made where it has to be.
    fn things(&self, operation: &str) -> BTreeMap<&'static str, String> {
        let (kind, _) = operation.rsplit_once('.').expect("a kind and what is done");
        match kind {
            "access.policies" => {
                let put = self.admin().send("PUT", "/api/v1/access/policies/none", Some(&json!({"text": POLICY})));
                assert_eq!(put.status, 200, "{put:?}");
                BTreeMap::from([("name", "none".to_owned())])
            }
            "bindings" => {
                self.bind();
                BTreeMap::from([("name", "gate".to_owned())])
            }
            "decisions" => BTreeMap::from([("seq", self.decision())]),
            "jobs" => BTreeMap::from([("id", self.job())]),
            "namespaces" | "namespaces.keys" => BTreeMap::from([("name", "pay".to_owned())]),
            "plugins" | "plugins.versions" => BTreeMap::from([
                ("namespace", "pay".to_owned()),
                ("name", "gate".to_owned()),
                ("version", "1.0.0".to_owned()),
            ]),
            // One that waits is taken back by its requester alone.
            "requests" if operation == "requests.cancel" => BTreeMap::from([("id", self.done())]),
            "requests" => BTreeMap::from([("id", self.pending())]),
            "resources" => BTreeMap::from([
                ("namespace", "payments".to_owned()),
                ("environment", "dev".to_owned()),
                ("type", "local-directory".to_owned()),
                ("name", self.directory()),
            ]),
            "scaffolds" => BTreeMap::from([("id", self.project())]),
            "schedules" => BTreeMap::from([("name", "expiry".to_owned())]),
            "service-tokens" => BTreeMap::from([("id", self.token())]),
            "webhooks" => BTreeMap::from([("id", self.webhook())]),
            _ => BTreeMap::new(),
        }
    }

    fn wish(&self, operation: &str, template: &str, things: &BTreeMap<&'static str, String>, role: &str) -> Wish {
        let path =
            things.iter().fold(template.to_owned(), |path, (name, value)| path.replace(&format!("{{{name}}}"), value));
        assert!(!path.contains('{'), "{operation}: {path} has a part that nothing fills");
        let body = match operation {
            "access.policies.put" | "access.policies.check" => Some(json!({"text": POLICY})),
            "bindings.put" => Some(json!({"binding": {"plugin": "pay/gate@1.0.0"}, "reason": "a test"})),
            // What cannot be applied is refused for what it is to those who may, and takes nothing with it.
            "bindings.apply" | "bindings.diff" => Some(json!({"bindings": [{"plugin": "pay/none@1.0.0"}]})),
            "namespaces.put" => Some(json!({"team": "payments", "signatures": "optional"})),
            "namespaces.keys.trust" | "namespaces.keys.revoke" => Some(json!({"public_key": "none", "key": "none"})),
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

    /// A directory that is there.
    fn directory(&self) -> String {
        let name = self.name();
        let taken = self.owner().post("/api/v1/resources", &directory("dev", &name));
        assert_eq!(taken.status, 202, "{taken:?}");
        assert_eq!(self.owner().wait_for(&taken.request()), "succeeded", "{}", self.log());
        name
    }

    /// A request that waits for an approval.
    fn pending(&self) -> String {
        let taken = self.owner().post("/api/v1/resources", &directory("prod", &self.name()));
        assert_eq!((taken.status, taken.body["state"].as_str()), (202, Some("pending-approval")), "{taken:?}");
        taken.request()
    }

    /// A request for a directory that is there.
    fn done(&self) -> String {
        let taken = self.owner().post("/api/v1/resources", &directory("dev", &self.name()));
        self.owner().wait_for(&taken.request());
        taken.request()
    }

    /// Its job.
    fn job(&self) -> String {
        let shown = self.owner().get(&format!("/api/v1/requests/{}", self.done()));
        shown.body["job"]["id"].as_str().unwrap_or_else(|| panic!("no job in {shown:?}")).to_owned()
    }

    fn decision(&self) -> String {
        self.pending();
        let begin = std::time::Instant::now();
        loop {
            // What was decided is on record within a moment, and not within the request.
            let page = self.owner().get("/api/v1/decisions");
            if let Some(seq) = page.body["items"][0]["seq"].as_u64() {
                return seq.to_string();
            }
            assert!(begin.elapsed().as_secs() < 60, "no decision is on record: {page:?}");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }

    fn project(&self) -> String {
        let made = self.owner().post("/api/v1/scaffolds", &project());
        made.body["id"].as_str().unwrap_or_else(|| panic!("no project: {made:?}")).to_owned()
    }

    fn token(&self) -> String {
        let wish =
            json!({"name": self.name(), "roles": ["developer"], "scopes": ["catalog.read"], "expires_in_days": 1});
        let made = self.owner().post("/api/v1/service-tokens", &wish);
        let id = made.body["id"].as_str().or(made.body["token"]["id"].as_str());
        id.unwrap_or_else(|| panic!("no token: {made:?}")).to_owned()
    }

    fn webhook(&self) -> String {
        let made = self.owner().post("/api/v1/webhooks", &json!({"url": "https://hooks.invalid/a"}));
        let id = made.body["id"].as_str().unwrap_or_else(|| panic!("no webhook: {made:?}")).to_owned();
        // A team may have twenty.
        if let Some(before) = self.kept.borrow_mut().insert("webhook".to_owned(), BTreeMap::from([("id", id.clone())]))
        {
            self.admin().send("DELETE", &format!("/api/v1/webhooks/{}", before["id"]), None);
        }
        id
    }
}

/// An operation's method and path.
fn route(operation: &str) -> (String, String) {
    let found = Contract::of_the_binary().operations().find(|(_, _, known)| known["operationId"] == operation);
    let (method, path, _) = found.unwrap_or_else(|| panic!("there is no operation {operation}"));
    (method.to_ascii_uppercase(), path.to_owned())
}

fn directory(environment: &str, name: &str) -> Value {
    json!({"environment": environment, "type": "local-directory", "name": name, "spec": {"quota_mb": 64}})
}

fn project() -> Value {
    json!({
        "template": "rest-api", "name": "orders", "tags": {"owner": "payments"},
        "parameters": {"description": "Takes orders", "owner": "payments"},
    })
}

fn gate() -> Package {
    let component = component("team-quota");
    let manifest = format!(
        "name = \"pay/gate\"\nversion = \"1.0.0\"\nkind = \"approval-policy\"\ncontract = \"{}\"\n\
         summary = \"A policy of the tests.\"\nlicense = \"Apache-2.0\"\nauthors = [\"Tests\"]\n",
        contract_of(&component)
    );
    pack(&manifest, &component, "A policy of the tests.", Versioning::AsWritten).expect("it can be packed")
}

/// Somebody of each role in each team, and the owner of what is tried.
fn write_people(server: &Server) {
    let (mut people, mut tokens) = (String::new(), String::new());
    let mut add = |person: &str, team: &str, roles: &str| {
        let token = format!("mcd_{person}");
        let hash = Digest::of(token.as_bytes()).hex();
        tokens.push_str(&format!("{person} {token}\n"));
        people.push_str(&format!(
            "[[people]]\nperson = \"{person}\"\nteam = \"{team}\"\nroles = [{roles}]\ngroups = [\"platform\"]\n\
             token-sha256 = \"{hash}\"\n"
        ));
    };
    for team in ["payments", "orders"] {
        for role in ROLES {
            let roles = if role == "nobody" { String::new() } else { format!("\"{role}\"") };
            add(&format!("{team}-{role}"), team, &roles);
        }
    }
    add("payments-owner", "payments", "\"developer\"");
    std::fs::write(server.data().join("people.toml"), people).expect("the people are written");
    std::fs::write(server.data().join("tokens.txt"), tokens).expect("their tokens are written");
}
