//! A version that is only asked: it is under no binding, has no grants, and nothing that it says counts.

use std::sync::Arc;

use macadam_core::kind::PluginKind;
use macadam_core::limits::LimitOverrides;
use macadam_registry::VersionQuery;
use macadam_runtime::clients::{EstimatorClient, GeneratorClient, PolicyClient, ProviderClient};
use serde_json::{Map, Value};

use crate::plugins::load::{Power, Ready};
use crate::plugins::{ActivateError, Binding, Identity, Loader};
use crate::schema::Schema;

/// A version that is only asked.
pub struct Candidate {
    /// Exactly what it is.
    identity: Identity,
    /// Its settings, if it was given some; else those of each question.
    settings: Option<Arc<str>>,
    /// How to ask it.
    pub(crate) client: CandidateClient,
}

/// How a candidate is asked, by its kind.
pub(crate) enum CandidateClient {
    Policy(PolicyClient),
    Estimator(EstimatorClient),
    Generator(GeneratorClient),
    Provider(ProviderClient),
}

impl Candidate {
    /// Exactly what it is.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> PluginKind {
        match self.client {
            CandidateClient::Policy(_) => PluginKind::ApprovalPolicy,
            CandidateClient::Estimator(_) => PluginKind::CostEstimator,
            CandidateClient::Generator(_) => PluginKind::TemplateGenerator,
            CandidateClient::Provider(_) => PluginKind::Provider,
        }
    }

    pub(crate) fn settings(&self) -> Option<Arc<str>> {
        self.settings.clone()
    }
}

impl Loader {
    /// What the settings of a version look like, and those that its manifest brings along.
    ///
    /// # Errors
    /// [`ActivateError`] when there is none, it cannot be loaded, or what it describes is no schema.
    pub(crate) async fn settings_of(
        &self,
        query: &VersionQuery,
    ) -> Result<(Schema, Map<String, Value>), ActivateError> {
        let (plugin, _) = self.packages.resolve(query).await?;
        let package = self.packages.fetch(&plugin).await?;
        let (loaded, _) = self.without_settings(&package, LimitOverrides::default()).await?;
        let described = self.sandbox.plugin(&loaded)?.describe().await.outcome?.settings_schema;
        let schema = Schema::compile(described).map_err(|source| ActivateError::Schema { plugin, source })?;
        Ok((schema, package.manifest().settings.clone()))
    }

    /// Loads a version to be asked.
    ///
    /// # Errors
    /// [`ActivateError`] when there is none, it cannot be loaded, or the settings do not fit it.
    pub async fn candidate(
        &self,
        query: &VersionQuery,
        settings: Option<&Map<String, Value>>,
        limits: LimitOverrides,
    ) -> Result<Candidate, ActivateError> {
        let (plugin, _) = self.packages.resolve(query).await?;
        let package = self.packages.fetch(&plugin).await?;
        let (loaded, identity, settings) = match settings {
            Some(settings) => {
                let binding = Binding { limits, ..Binding::only(&query.to_string(), settings.clone()) };
                let Ready { loaded, identity, settings } = self.ready(&package, &binding, Power::None).await?;
                (loaded, identity, Some(settings))
            }
            None => {
                let (loaded, identity) = self.without_settings(&package, limits).await?;
                (loaded, identity, None)
            }
        };
        let client = match loaded.kind() {
            PluginKind::ApprovalPolicy => CandidateClient::Policy(self.sandbox.policy(&loaded)?),
            PluginKind::CostEstimator => CandidateClient::Estimator(self.sandbox.estimator(&loaded)?),
            PluginKind::TemplateGenerator => CandidateClient::Generator(self.sandbox.generator(&loaded)?),
            PluginKind::Provider => CandidateClient::Provider(self.sandbox.provider(&loaded)?),
        };
        Ok(Candidate { identity, settings, client })
    }
}
