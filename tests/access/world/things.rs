//! What belongs to the team `payments`, made anew for each operation that would use it up.

use std::collections::BTreeMap;

use macadam_core::digest::Digest;
use macadam_registry::{Package, Versioning, pack};
use macadam_tests::components::{component, contract_of};
use macadam_tests::server::Server;
use serde_json::{Value, json};

use super::{POLICY, ROLES, World, new_key};

impl World {
    /// What the parameters of an operation's path name, made where it has to be.
    pub(super) fn things(&self, operation: &str) -> BTreeMap<&'static str, String> {
        let (kind, _) = operation.rsplit_once('.').expect("a kind and what is done");
        match kind {
            "access.policies" => {
                let put = self.admin().send("PUT", "/api/v1/access/policies/none", Some(&json!({"text": POLICY})));
                assert_eq!(put.status, 200, "{put:?}");
                BTreeMap::from([("name", "none".to_owned())])
            }
            "bindings" => {
                self.bind();
                if operation == "bindings.rollback" {
                    // So that there is something else to go back to.
                    self.bind_as(&json!({"plugin": "pay/gate@1.0.0", "applies": {"environments": ["prod"]}}));
                }
                BTreeMap::from([("name", "gate".to_owned())])
            }
            "decisions" => BTreeMap::from([("seq", self.decision())]),
            "jobs" => BTreeMap::from([("id", self.job())]),
            "namespaces.keys" if operation == "namespaces.keys.revoke" => {
                BTreeMap::from([("name", "pay".to_owned()), ("key", self.trusted_key())])
            }
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

    /// The id of a key that counts.
    fn trusted_key(&self) -> String {
        let key = new_key();
        let wish = json!({"public_key": key.public().to_string()});
        let trusted = self.admin().post("/api/v1/namespaces/pay/keys", &wish);
        assert_eq!(trusted.status, 200, "{trusted:?}");
        key.id().to_string()
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

pub(super) fn directory(environment: &str, name: &str) -> Value {
    json!({"environment": environment, "type": "local-directory", "name": name, "spec": {"quota_mb": 64}})
}

pub(super) fn project() -> Value {
    json!({
        "template": "rest-api", "name": "orders", "tags": {"owner": "payments"},
        "parameters": {"description": "Takes orders", "owner": "payments"},
    })
}

pub(super) fn gate() -> Package {
    let component = component("team-quota");
    let manifest = format!(
        "name = \"pay/gate\"\nversion = \"1.0.0\"\nkind = \"approval-policy\"\ncontract = \"{}\"\n\
         summary = \"A policy of the tests.\"\nlicense = \"Apache-2.0\"\nauthors = [\"Tests\"]\n",
        contract_of(&component)
    );
    pack(&manifest, &component, "A policy of the tests.", Versioning::AsWritten).expect("it can be packed")
}

/// Somebody of each role in each team, and the owner of what is tried.
pub(super) fn write_people(server: &Server) {
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
