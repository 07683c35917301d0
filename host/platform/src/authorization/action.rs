//! What can be done, by the word that routes, commands, scopes of tokens and policies have for it.

use super::TargetKind;

/// One line for each action: its variant, its word, and how a person says it.
macro_rules! actions {
    ($($(#[$doc:meta])* $variant:ident = $word:literal on $kind:ident, $doing:literal;)*) => {
        /// An action that somebody may or may not do. Each is declared in `schema.cedarschema`, with what it can be done to.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Action {
            $($(#[$doc])* $variant,)*
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];

            /// The action's word, such as `resource.create`.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $word,)*
                }
            }

            /// What somebody does who does it, such as "asking for a resource".
            #[must_use]
            pub const fn doing(self) -> &'static str {
                match self {
                    $(Self::$variant => $doing,)*
                }
            }

            /// What kind of thing it is done to.
            #[must_use]
            pub const fn on(self) -> TargetKind {
                match self {
                    $(Self::$variant => TargetKind::$kind,)*
                }
            }
        }
    };
}

actions! {
    /// Sees environments, resource types, golden paths, plugins and namespaces.
    CatalogRead = "catalog.read" on Platform, "looking at what there is";
    /// Asks what may be done, and why not.
    AccessExplain = "access.explain" on Platform, "asking what one may do";
    /// Reads the metrics.
    MetricsRead = "metrics.read" on Platform, "reading the metrics";
    /// Sees a team with what it may have and has.
    TeamRead = "team.read" on Team, "looking at a team";
    /// Sees a resource, its health and what became of it.
    ResourceRead = "resource.read" on Resource, "looking at a resource";
    /// Sees a request with its decision, its approvals, its project and its job.
    RequestRead = "request.read" on Request, "looking at a request";
    /// Gets a resource's credentials.
    ResourceUse = "resource.use" on Resource, "getting the credentials of a resource";
    /// Sees what plugins were asked and said about a team's requests.
    DecisionRead = "decision.read" on Team, "looking at recorded decisions";
    /// Reads a team's part of the audit log.
    AuditRead = "audit.read" on Team, "reading the audit log of a team";
    /// Reads the whole audit log.
    AuditReadAll = "audit.read-all" on Platform, "reading the whole audit log";
    /// Asks what a request would come to.
    ResourcePreview = "resource.preview" on Resource, "previewing a request";
    /// Asks for a resource.
    ResourceCreate = "resource.create" on Resource, "asking for a resource";
    /// Asks for a change of a resource.
    ResourceUpdate = "resource.update" on Resource, "changing a resource";
    /// Asks for the removal of a resource.
    ResourceDelete = "resource.delete" on Resource, "removing a resource";
    /// Asks for a project from a golden path.
    ProjectCreate = "project.create" on Project, "asking for a project";
    /// Takes back a request that waits.
    RequestCancel = "request.cancel" on Request, "cancelling a request";
    /// Sees a team's service tokens.
    ServiceTokenRead = "service-token.read" on Team, "looking at service tokens";
    /// Makes a token for a service of a team's.
    ServiceTokenCreate = "service-token.create" on Team, "making a service token";
    /// Ends a service token.
    ServiceTokenRevoke = "service-token.revoke" on Team, "revoking a service token";
    /// Hears of what happens to a team's things.
    EventRead = "event.read" on Team, "following events";
    /// Hears of what administrators do.
    EventReadAll = "event.read-all" on Platform, "following administrators' events";
    /// Sees a team's webhooks and what came of their deliveries.
    WebhookRead = "webhook.read" on Team, "looking at webhooks";
    /// Makes, changes, tries and removes a team's webhooks.
    WebhookChange = "webhook.change" on Team, "changing webhooks";
    /// Sees a job with its attempts.
    JobRead = "job.read" on Team, "looking at jobs";
    /// Takes back a request's job.
    JobCancel = "job.cancel" on Request, "cancelling a job";
    /// Has a dead job tried again.
    JobRetry = "job.retry" on Platform, "having a dead job tried again";
    /// Sees what is done by the clock.
    ScheduleRead = "schedule.read" on Platform, "looking at schedules";
    /// Has what is done by the clock done now.
    ScheduleRun = "schedule.run" on Platform, "running a schedule";
    /// Approves a request.
    RequestApprove = "request.approve" on Request, "approving a request";
    /// Rejects a request.
    RequestReject = "request.reject" on Request, "rejecting a request";
    /// Publishes and signs a version.
    PluginPublish = "plugin.publish" on Namespace, "publishing a plugin";
    /// Takes a version out of what ranges find, or puts it back.
    PluginYank = "plugin.yank" on Namespace, "yanking a plugin";
    /// Says that a version should not be used any more, or takes that back.
    PluginDeprecate = "plugin.deprecate" on Namespace, "deprecating a plugin";
    /// Sees where a shadow says something else.
    DecisionCompare = "decision.compare" on Platform, "looking at what a shadow says";
    /// Asks a version what was asked before.
    DecisionReplay = "decision.replay" on Platform, "replaying what was recorded";
    /// Sees which access policies were added.
    AccessPolicyRead = "access-policy.read" on Platform, "looking at access policies";
    /// Sees why a plugin is not active.
    PluginInspect = "plugin.inspect" on Platform, "looking into a plugin";
    /// Sees what is to be active, and compares it with a document.
    BindingRead = "binding.read" on Platform, "looking at bindings";
    /// Changes what is active.
    BindingChange = "binding.change" on Platform, "changing what is active";
    /// Says whose a namespace is, and whose signatures count in it.
    NamespaceChange = "namespace.change" on Platform, "changing a namespace";
    /// Adds, changes and removes access policies.
    AccessPolicyChange = "access-policy.change" on Platform, "changing access policies";
}

impl utoipa::PartialSchema for Action {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        utoipa::openapi::ObjectBuilder::new()
            .schema_type(utoipa::openapi::schema::Type::String)
            .enum_values(Some(Self::ALL.iter().map(|action| action.as_str())))
            .description(Some("An action that somebody may or may not do."))
            .into()
    }
}

impl utoipa::ToSchema for Action {
    /// Not to be taken for what a request wants to do, which is an action in the document as well.
    fn name() -> std::borrow::Cow<'static, str> {
        std::borrow::Cow::Borrowed("AccessAction")
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A text that is no action's word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no action {0:?}; GET /api/v1/access/actions lists them")]
pub struct NoSuchAction(String);

impl std::str::FromStr for Action {
    type Err = NoSuchAction;

    fn from_str(text: &str) -> Result<Self, NoSuchAction> {
        let found = Self::ALL.iter().find(|action| action.as_str() == text);
        found.copied().ok_or_else(|| NoSuchAction(text.chars().take(80).collect()))
    }
}

impl serde::Serialize for Action {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> serde::Deserialize<'de> for Action {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
