//! An instance that is used again and again: what a fresh one for each call is measured against. Macadam never does
//! this, since an instance that lives on remembers; so it is done here, around the runtime, with the guest that has an
//! allocator of its own.

use std::time::Instant;

use anyhow::{Context as _, ensure};
use macadam_core::limits::Limits;
use macadam_core::request::PolicyContext;
use macadam_runtime::engine::Profile;
use macadam_tests::components::component;
use wasmtime::component::{Component, HasSelf, Linker};
use wasmtime::{Engine, Store};

use crate::race::{Contender, nanoseconds};
use crate::rule::SETTINGS;

use bindings::ApprovalPolicyPlugin;
use bindings::exports::macadam::plugin::approval_policy as policy;
use bindings::macadam::plugin::{log, types};

mod bindings {
    #![allow(unsafe_code, missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "generated")]
    #![allow(clippy::missing_errors_doc, clippy::indexing_slicing, reason = "generated")]

    wasmtime::component::bindgen!({ path: "../wit/v0.1", world: "macadam:plugin/approval-policy-plugin" });
}

struct Silent;

impl log::Host for Silent {
    fn write(&mut self, _: log::Level, _: String) {}
}

impl types::Host for Silent {}

/// The instance, with fuel and epoch checks as in every other call.
pub(super) struct Warm {
    store: Store<Silent>,
    plugin: ApprovalPolicyPlugin,
    context: policy::Context,
    settings: String,
}

impl Warm {
    /// Instantiates the stock guest.
    pub(super) fn start() -> anyhow::Result<Self> {
        let start = || -> wasmtime::Result<(Store<Silent>, ApprovalPolicyPlugin)> {
            let engine = Engine::new(&Profile::Stock.config())?;
            let component = Component::new(&engine, component("stock-policy"))?;
            let mut linker = Linker::new(&engine);
            ApprovalPolicyPlugin::add_to_linker::<_, HasSelf<_>>(&mut linker, |state| state)?;
            let mut store = Store::new(&engine, Silent);
            store.set_fuel(Limits::DEFAULT.fuel)?;
            // Nobody moves this engine's epoch on.
            store.set_epoch_deadline(1);
            let plugin = ApprovalPolicyPlugin::instantiate(&mut store, &component, &linker)?;
            Ok((store, plugin))
        };
        let (store, plugin) = start().map_err(|error| anyhow::anyhow!("{error:#}"))?;
        let context = in_the_contracts_words(&super::the_context())?;
        Ok(Self { store, plugin, context, settings: SETTINGS.to_owned() })
    }

    fn call(&mut self) -> wasmtime::Result<bool> {
        self.store.set_fuel(Limits::DEFAULT.fuel)?;
        let guest = self.plugin.macadam_plugin_approval_policy();
        let answer = guest.call_evaluate(&mut self.store, &self.context, &self.settings)?;
        Ok(matches!(answer, Ok(policy::Verdict::Allow)))
    }
}

impl Contender for Warm {
    fn burst(&mut self, calls: usize, into: &mut Vec<u64>) -> anyhow::Result<()> {
        for _ in 0..calls {
            let started = Instant::now();
            let passes = self.call().map_err(|error| anyhow::anyhow!("{error:#}"))?;
            into.push(nanoseconds(started));
            ensure!(passes, "the warm instance decides otherwise");
        }
        Ok(())
    }
}

/// The request that is decided, as the contract has it.
fn in_the_contracts_words(context: &PolicyContext) -> anyhow::Result<policy::Context> {
    let (request, team) = (&context.request, &context.standing.team);
    let cost = context.cost.as_ref().context("the request has a cost")?;
    let line = |line: &macadam_core::estimate::Line| policy::CostLine {
        name: line.name.clone(),
        monthly: line.monthly.map(|monthly| monthly.to_string()),
    };
    let usage = context.standing.usage.by_type.iter().map(|(name, used)| policy::TypeUsage {
        resource_type: name.to_string(),
        used: *used,
        max: team.limits.max_per_type.get(name).copied(),
    });
    Ok(policy::Context {
        request: types::Request {
            action: types::Action::Create,
            resource_type: request.resource_type.clone(),
            name: request.name.clone(),
            environment: types::Environment {
                name: request.environment.name.to_string(),
                class: types::EnvironmentClass::Development,
                region: request.environment.region.clone(),
            },
            spec: request.spec.get().to_owned(),
            tags: request.tags.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
        },
        cost: Some(policy::Cost {
            currency: cost.currency.to_string(),
            hourly: cost.hourly.to_string(),
            monthly: cost.monthly.to_string(),
            lower_bound: cost.lower_bound,
            lines: cost.lines.iter().map(line).collect(),
        }),
        team: policy::Team {
            name: team.name.to_string(),
            cost_center: team.cost_center.clone(),
            currency: team.currency.to_string(),
            monthly_budget: team.limits.monthly_budget.map(|budget| budget.to_string()),
            committed: context.standing.usage.committed.to_string(),
            resources: context.standing.usage.resources(),
            max_resources: team.limits.max_resources,
            types: usage.collect(),
        },
        actor: types::Actor {
            person: context.actor.person.to_string(),
            team: context.actor.team.to_string(),
            roles: context.actor.roles.clone(),
        },
        now: context.now.to_string(),
        attributes: "{}".to_owned(),
    })
}
