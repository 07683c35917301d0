//! How a plugin becomes the exports of its component. The macros are the whole interface; natively they export nothing.

use std::marker::PhantomData;

use crate::bindings::exports::macadam::plugin::{
    approval_policy, cost_estimator, plugin as plugin_interface, provider as provider_interface, template_generator,
};
use crate::{
    Answers, ApprovalPolicy, ChangePlan, CostEstimate, CostEstimator, Error, Health, ManagedResource, Plugin, Project,
    Provider, ResourceDescription, Template, TemplateGenerator, Verdict, Violation,
};
use crate::{estimator, generator, plugin, policy, provider};

/// The SDK's version, left in the custom section `macadam-sdk` of every guest: it says which allocator is inside.
pub const SDK_VERSION: [u8; env!("CARGO_PKG_VERSION").len()] = {
    let mut version = [0; env!("CARGO_PKG_VERSION").len()];
    version.copy_from_slice(env!("CARGO_PKG_VERSION").as_bytes());
    version
};

macro_rules! world {
    ($(#[$doc:meta])* $name:ident, $file:literal) => {
        $(#[$doc])*
        pub const $name: [u8; include_bytes!(concat!(env!("OUT_DIR"), "/", $file)).len()] =
            *include_bytes!(concat!(env!("OUT_DIR"), "/", $file));
    };
}

world!(
    /// The world of policies, encoded.
    APPROVAL_POLICY, "approval-policy-plugin"
);
world!(
    /// The world of estimators, encoded.
    COST_ESTIMATOR, "cost-estimator-plugin"
);
world!(
    /// The world of providers, encoded.
    PROVIDER, "provider-plugin"
);
world!(
    /// The world of generators, encoded.
    TEMPLATE_GENERATOR, "template-generator-plugin"
);

/// A plugin as the contract sees it.
pub struct Exported<P>(PhantomData<P>);

impl<P: Plugin> plugin_interface::Guest for Exported<P> {
    fn describe() -> plugin_interface::Info {
        plugin_interface::Info { summary: P::SUMMARY.to_owned(), settings_schema: P::SETTINGS_SCHEMA.to_owned() }
    }

    fn validate_settings(settings: String) -> Result<(), Vec<Violation>> {
        let violations = plugin::settings_violations::<P>(&settings);
        if violations.is_empty() { Ok(()) } else { Err(violations) }
    }
}

impl<P: ApprovalPolicy> approval_policy::Guest for Exported<P> {
    fn evaluate(settings: String) -> Result<Verdict, Error> {
        policy::evaluate::<P>(&settings)
    }
}

impl<P: CostEstimator> cost_estimator::Guest for Exported<P> {
    fn estimate(settings: String) -> Result<CostEstimate, Error> {
        estimator::estimate::<P>(&settings)
    }
}

impl<P: Provider> provider_interface::Guest for Exported<P> {
    fn describe_resource() -> ResourceDescription {
        P::describe_resource()
    }

    fn validate(desired: ManagedResource, settings: String) -> Result<(), Error> {
        provider::validate::<P>(desired, &settings)
    }

    fn plan(
        desired: Option<ManagedResource>,
        current: Option<ManagedResource>,
        settings: String,
    ) -> Result<ChangePlan, Error> {
        provider::plan::<P>(desired, current, &settings)
    }

    fn provision(
        desired: ManagedResource,
        step: provider_interface::Step,
        settings: String,
    ) -> Result<provider_interface::Progress, Error> {
        provider::provision::<P>(desired, step, &settings)
    }

    fn deprovision(
        current: ManagedResource,
        step: provider_interface::Step,
        settings: String,
    ) -> Result<provider_interface::Progress, Error> {
        provider::deprovision::<P>(&current, step, &settings)
    }

    fn check_health(current: ManagedResource, settings: String) -> Result<Health, Error> {
        provider::check_health::<P>(&current, &settings)
    }
}

impl<P: TemplateGenerator> template_generator::Guest for Exported<P> {
    fn describe_template() -> Template {
        P::describe_template()
    }

    fn generate(answers: Answers, settings: String) -> Result<Project, Error> {
        generator::generate::<P>(&answers, &settings)
    }

    fn migrate_answers(from_version: String, answers: Answers) -> Result<Answers, Error> {
        P::migrate_answers(&from_version, answers)
    }
}

/// Exports a type that implements [`ApprovalPolicy`] as a policy's component.
#[macro_export]
macro_rules! export_policy {
    ($plugin:ty) => {
        $crate::export_kind!(
            $plugin,
            approval_policy,
            __export_macadam_plugin_approval_policy_0_2_0_cabi,
            APPROVAL_POLICY
        );
    };
}

/// Exports a type that implements [`CostEstimator`] as an estimator's component.
#[macro_export]
macro_rules! export_estimator {
    ($plugin:ty) => {
        $crate::export_kind!(
            $plugin,
            cost_estimator,
            __export_macadam_plugin_cost_estimator_0_2_0_cabi,
            COST_ESTIMATOR
        );
    };
}

/// Exports a type that implements [`Provider`] as a provider's component.
#[macro_export]
macro_rules! export_provider {
    ($plugin:ty) => {
        $crate::export_kind!($plugin, provider, __export_macadam_plugin_provider_0_2_0_cabi, PROVIDER);
    };
}

/// Exports a type that implements [`TemplateGenerator`] as a generator's component.
#[macro_export]
macro_rules! export_generator {
    ($plugin:ty) => {
        $crate::export_kind!(
            $plugin,
            template_generator,
            __export_macadam_plugin_template_generator_0_2_0_cabi,
            TEMPLATE_GENERATOR
        );
    };
}

/// The functions of two interfaces, the world that says so, and the SDK's mark.
#[doc(hidden)]
#[macro_export]
macro_rules! export_kind {
    ($plugin:ty, $interface:ident, $exports:ident, $world:ident) => {
        #[cfg(target_arch = "wasm32")]
        const _: () = {
            type Plugin = $crate::export::Exported<$plugin>;
            $crate::bindings::exports::macadam::plugin::plugin::__export_macadam_plugin_plugin_0_2_0_cabi!(
                Plugin with_types_in $crate::bindings::exports::macadam::plugin::plugin
            );
            $crate::bindings::exports::macadam::plugin::$interface::$exports!(
                Plugin with_types_in $crate::bindings::exports::macadam::plugin::$interface
            );

            #[used]
            #[unsafe(link_section = "component-type:macadam-plugin")]
            static WORLD: [u8; $crate::export::$world.len()] = $crate::export::$world;

            #[used]
            #[unsafe(link_section = "macadam-sdk")]
            static SDK: [u8; $crate::export::SDK_VERSION.len()] = $crate::export::SDK_VERSION;
        };
        // Natively only the promise is checked.
        #[cfg(not(target_arch = "wasm32"))]
        const _: () = {
            const fn exports<T: $crate::bindings::exports::macadam::plugin::$interface::Guest>() {}
            exports::<$crate::export::Exported<$plugin>>();
        };
    };
}
