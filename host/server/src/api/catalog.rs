//! What there is to choose from: golden paths, resource types, environments, plugins, teams, and oneself.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use macadam_core::digest::Digest;
use macadam_core::kind::PluginKind;
use macadam_core::money::Currency;
use macadam_core::names::{BindingName, EnvironmentName, PersonId, PluginName, PluginRef, ResourceType, TeamId};
use macadam_core::plan::ResourceDescription;
use macadam_core::request::{Environment, EnvironmentClass};
use macadam_core::standing::{Standing, Team, TeamLimits, TeamUsage};
use macadam_platform::Caller;
use macadam_platform::authorization::{Action, Target};
use macadam_platform::plugins::{Deprecation, InForce, PluginState, PluginStatus, Provider, Quarantined};
use macadam_platform::scaffolding::TemplateView;
use rust_decimal::Decimal;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ServerState;
use crate::api::{All, SignedIn};
use crate::problem::Problem;

/// Who the token belongs to, and what they may do.
#[utoipa::path(
    get, path = "/whoami", operation_id = "whoami.get", tag = "catalog",
    responses(
        (status = 200, description = "The person who is signed in.", body = Caller),
    ),
)]
pub(super) async fn whoami(SignedIn(caller): SignedIn) -> Json<Caller> {
    Json(caller)
}

/// A team with what it may have and has. The words of the API, which are not those of the configuration.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Team)]
pub(super) struct TeamView {
    name: TeamId,
    members: Vec<PersonId>,
    cost_center: Option<String>,
    contacts: Vec<String>,
    currency: Currency,
    limits: LimitsView,
    usage: TeamUsage,
}

/// The most that a team may have; null is without a limit.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TeamLimits)]
struct LimitsView {
    max_resources: Option<u32>,
    max_per_type: BTreeMap<ResourceType, u32>,
    monthly_budget: Option<Decimal>,
}

impl TeamView {
    fn of(standing: Standing) -> Self {
        let Standing { team: Team { name, members, cost_center, contacts, currency, limits }, usage } = standing;
        let TeamLimits { max_resources, max_per_type, monthly_budget } = limits;
        let limits = LimitsView { max_resources, max_per_type, monthly_budget };
        Self { name, members, cost_center, contacts, currency, limits, usage }
    }
}

/// The teams whose standing the caller may see, with limits and usage.
#[utoipa::path(
    get, path = "/teams", operation_id = "teams.list", tag = "catalog",
    responses(
        (status = 200, description = "Every team that the caller may see.", body = All<TeamView>),
    ),
)]
pub(super) async fn teams(
    State(state): State<ServerState>,
    SignedIn(caller): SignedIn,
) -> Result<Json<All<TeamView>>, Problem> {
    let standings = state.platform.standings(&caller).await?;
    Ok(Json(All { items: standings.into_iter().map(TeamView::of).collect() }))
}

/// An environment, in the words of the API.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Environment)]
pub(super) struct EnvironmentView {
    name: EnvironmentName,
    class: EnvironmentClass,
    region: Option<String>,
    default_ttl_seconds: Option<u64>,
}

/// The environments that resources can be in.
#[utoipa::path(
    get, path = "/environments", operation_id = "environments.list", tag = "catalog",
    responses(
        (status = 200, description = "Every environment.", body = All<EnvironmentView>),
    ),
)]
pub(super) async fn environments(State(state): State<ServerState>) -> Result<Json<All<EnvironmentView>>, Problem> {
    let view = |Environment { name, class, region, default_ttl_seconds }| EnvironmentView {
        name,
        class,
        region,
        default_ttl_seconds,
    };
    Ok(Json(All { items: state.platform.store().environments().await?.into_iter().map(view).collect() }))
}

/// The golden paths that projects can be made from.
#[utoipa::path(
    get, path = "/templates", operation_id = "templates.list", tag = "catalog",
    responses(
        (status = 200, description = "Every template.", body = All<TemplateView>),
    ),
)]
pub(super) async fn templates(State(state): State<ServerState>) -> Json<All<TemplateView>> {
    Json(All { items: state.platform.templates() })
}

/// What can be asked for.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OfferedType)]
pub(super) struct ResourceTypeView {
    #[serde(flatten)]
    description: ResourceDescription,
    /// Who makes it.
    plugin: String,
}

/// What can be asked for, with the schema of its specification.
#[utoipa::path(
    get, path = "/resource-types", operation_id = "resource-types.list", tag = "catalog",
    responses(
        (status = 200, description = "Every type that a provider makes now.", body = All<ResourceTypeView>),
    ),
)]
pub(super) async fn resource_types(State(state): State<ServerState>) -> Json<All<ResourceTypeView>> {
    let active = state.platform.plugins().active();
    let view = |line: &std::sync::Arc<InForce<Provider>>| ResourceTypeView {
        description: line.active.face.description.clone(),
        plugin: line.active.identity.plugin.to_string(),
    };
    Json(All { items: active.providers.values().map(view).collect() })
}

/// One binding and what came of it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Plugin)]
pub(super) struct PluginView {
    /// What the binding is called.
    binding: BindingName,
    /// How often it was changed.
    revision: u64,
    /// What it asks for.
    requested: String,
    name: Option<PluginName>,
    version: Option<String>,
    kind: Option<PluginKind>,
    summary: Option<String>,
    #[serde(flatten)]
    state: PluginState,
    package: Option<Digest>,
    component: Option<Digest>,
    settings: Option<Digest>,
    /// What is said of the version.
    deprecated: Option<Deprecation>,
    usage: UsageView,
}

/// What all calls since the plugin was loaded came to.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PluginUsage)]
struct UsageView {
    calls: u64,
    failures: u64,
    fuel: u64,
    seconds: f64,
}

impl PluginView {
    fn of(status: &PluginStatus, all: bool, deprecated: Option<Deprecation>) -> Self {
        let (identity, usage) = (status.identity(), status.usage());
        let plugin = |of: fn(&PluginRef) -> String| identity.map(|identity| of(&identity.plugin));
        Self {
            binding: status.name.clone(),
            revision: status.revision,
            requested: status.binding.plugin.clone(),
            name: identity.map(|identity| identity.plugin.name.clone()),
            version: plugin(|plugin| plugin.version.to_string()),
            kind: status.kind,
            summary: status.summary.clone(),
            state: if all { status.state() } else { without_cause(status.state()) },
            package: identity.map(|identity| identity.package),
            component: identity.map(|identity| identity.component),
            settings: identity.map(|identity| identity.settings),
            deprecated,
            usage: UsageView {
                calls: usage.calls,
                failures: usage.failures,
                fuel: usage.fuel,
                seconds: std::time::Duration::from_nanos(usage.wall_ns).as_secs_f64(),
            },
        }
    }
}

/// The cause of a failure may name what only operators need to know, such as files and connections.
fn without_cause(state: PluginState) -> PluginState {
    let hidden = |what: &str| format!("{what}; an administrator sees why");
    match state {
        PluginState::Active => PluginState::Active,
        PluginState::Quarantined(quarantined) => {
            PluginState::Quarantined(Quarantined { error: hidden("it keeps failing"), ..quarantined })
        }
        PluginState::LastGood { .. } => PluginState::LastGood { error: hidden("an earlier version answers") },
        PluginState::Failed { .. } => PluginState::Failed { error: hidden("not active") },
    }
}

/// The plugins in force, one for each binding.
#[utoipa::path(
    get, path = "/plugins", operation_id = "plugins.list", tag = "plugins",
    responses(
        (status = 200, description = "Every binding and what came of it.", body = All<PluginView>),
    ),
)]
pub(super) async fn plugins(State(state): State<ServerState>, SignedIn(caller): SignedIn) -> Json<All<PluginView>> {
    let (active, all) =
        (state.platform.plugins().active(), state.platform.may(&caller, Action::PluginInspect, &Target::Platform));
    let mut deprecated = state.platform.deprecated_bindings(&active).await;
    let view = |status: &std::sync::Arc<PluginStatus>| PluginView::of(status, all, deprecated.remove(&status.name));
    Json(All { items: active.status.iter().map(view).collect() })
}
