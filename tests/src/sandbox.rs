//! A sandbox as the server has it, and questions to put to policies and generators in it.

use std::sync::Arc;
use std::time::Duration;

use macadam_core::digest::Blob;
use macadam_core::kind::PluginKind;
use macadam_core::limits::Limits;
use macadam_core::names::PluginRef;
use macadam_core::request::PolicyContext;
use macadam_core::verdict::Verdict;
use macadam_runtime::capabilities::Grants;
use macadam_runtime::clients::PolicyInput;
use macadam_runtime::compiled::Compiler;
use macadam_runtime::{Call, CallError, LoadError, LoadRequest, LoadedPlugin, Sandbox, SandboxConfig};
use serde_json::{Value, json};

/// A sandbox as the server has it.
pub struct TestSandbox {
    /// The sandbox.
    pub sandbox: Sandbox,
}

impl TestSandbox {
    /// Starts one for two workers, as the tests' runtimes have. All tests share one cache of compiled code, since
    /// compiling a Python runtime takes longer than all of them together.
    pub fn start() -> Self {
        let cache = crate::components::source_root().join("guests/target/code-cache");
        let config = SandboxConfig {
            cache,
            compiler: Compiler::InProcess,
            workers: 2,
            cap: Limits::CAP,
            longest_wait: Duration::from_secs(5),
        };
        Self { sandbox: Sandbox::start(config).expect("the sandbox starts") }
    }

    /// Loads a component under a name and limits.
    pub async fn load(
        &self,
        kind: PluginKind,
        name: &str,
        component: &[u8],
        limits: Limits,
    ) -> Result<Arc<LoadedPlugin>, LoadError> {
        let plugin = PluginRef {
            name: format!("test/{name}").parse().expect("a plugin name"),
            version: semver::Version::new(1, 0, 0),
        };
        let component = &Blob::new(component);
        let grants = Grants::none();
        self.sandbox.load(LoadRequest { plugin, kind, contract: None, component, limits, grants }).await
    }

    /// Loads a built policy.
    pub async fn policy(&self, name: &str, limits: Limits) -> Policy {
        let component = crate::components::component(name);
        let plugin = self.load(PluginKind::ApprovalPolicy, name, &component, limits).await;
        let client = self.sandbox.policy(&plugin.expect("the policy loads")).expect("it is a policy");
        Policy { client }
    }
}

/// A loaded policy.
#[derive(Clone)]
pub struct Policy {
    /// How it is called.
    pub client: macadam_runtime::clients::PolicyClient,
}

impl Policy {
    /// Puts a request to it.
    pub async fn decide(&self, context: &Arc<PolicyInput>, settings: &Value) -> Call<Verdict> {
        self.client.evaluate(Arc::clone(context), settings.to_string().into()).await
    }

    /// How it ends when it is told to misbehave.
    pub async fn misbehave(&self, settings: Value) -> (CallError, macadam_core::limits::Usage) {
        let call = self.decide(&a_request(), &settings).await;
        match call.outcome {
            Ok(verdict) => panic!("it should have ended in an error and answered {verdict:?}"),
            Err(error) => (error, call.usage),
        }
    }
}

/// A request as the platform puts it to policies: a production database with its cost, four tags and a busy team.
pub fn a_request() -> Arc<PolicyInput> {
    PolicyInput::new(context("production", "120.50"))
}

/// The same in an environment of another class and with another cost a month.
pub fn context(class: &str, monthly: &str) -> PolicyContext {
    let line = |name: &str, monthly: &str| json!({"name": name, "unit": "month", "quantity": "1", "unit_price": monthly, "monthly": monthly});
    serde_json::from_value(json!({
        "request": {
            "action": "create", "resource_type": "postgres-database", "name": "orders",
            "environment": {"name": "env-1", "class": class, "region": "eu-central-1"},
            "spec": {
                "storage_gb": 50, "connection_limit": 100, "version": "15", "backup": {"days": 7, "window": "02:00-03:00"},
                "extensions": ["pgcrypto", "uuid-ossp", "pg_trgm"], "parameters": {"work_mem": "16MB", "max_wal_size": "2GB"},
            },
            "tags": {"cost-center": "cc-1234", "data-class": "internal", "owner": "payments", "service": "orders-api"},
        },
        "cost": {
            "currency": "USD", "hourly": "0.1650684932", "monthly": monthly, "lower_bound": false,
            "lines": [line("compute", "80.00"), line("storage", "30.50"), line("backup", "10.00")],
        },
        "standing": {
            "team": {
                "name": "payments", "cost-center": "cc-1234", "currency": "USD",
                "limits": {"max-resources": 50, "max-per-type": {"postgres-database": 10}, "monthly-budget": "5000"},
            },
            "usage": {"by_type": {"postgres-database": 3, "local-directory": 2}, "committed": "812.25"},
        },
        "actor": {"person": "dana", "team": "payments", "roles": ["developer"]},
        "now": "2026-03-01T09:30:00Z",
    }))
    .expect("the context is well-formed")
}
