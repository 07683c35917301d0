//! Calling template generators.

use std::sync::Arc;

use macadam_core::project::{Answers, GeneratedFile, Template};

use crate::call::{Call, Lanes, Measured, Scope, run};
use crate::clients::{Served, in_its_contract, v0_1, v0_2};
use crate::errors::LoadError;
use crate::plugin::LoadedPlugin;

/// What a generator produced; its paths are not yet checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generated {
    /// The files, in the generator's order.
    pub files: Vec<GeneratedFile>,
    /// What the requester should know.
    pub warnings: Vec<String>,
}

/// A loaded generator.
#[derive(Clone)]
pub struct GeneratorClient {
    plugin: Arc<LoadedPlugin>,
    lanes: Arc<Lanes>,
    exports: Served<v0_1::exports::template_generator::GuestIndices, v0_2::exports::template_generator::GuestIndices>,
}

impl GeneratorClient {
    /// Looks up a generator's functions.
    ///
    /// # Errors
    /// [`LoadError::Contract`] when it does not export them.
    pub fn new(plugin: Arc<LoadedPlugin>, lanes: Arc<Lanes>) -> Result<Self, LoadError> {
        let first = v0_1::exports::template_generator::GuestIndices::new;
        let exports = Served::look_up(&plugin, first, v0_2::exports::template_generator::GuestIndices::new)?;
        Ok(Self { plugin, lanes, exports })
    }

    /// The plugin behind it.
    #[must_use]
    pub fn plugin(&self) -> &Arc<LoadedPlugin> {
        &self.plugin
    }

    /// Asks what the golden path offers.
    pub async fn describe(&self) -> Call<Template> {
        let exports = self.exports.clone();
        run(&self.plugin, &self.lanes, Scope::NONE, move |store, entered| {
            Box::pin(async move {
                in_its_contract!(exports, contract, exports => {
                    let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                    Ok(contract::template(guest.call_describe_template(store).await?))
                })
            })
        })
        .await
    }

    /// Generates a project.
    pub async fn generate(&self, answers: Arc<Answers>, settings: Arc<str>) -> Call<Generated> {
        let exports = self.exports.clone();
        run(&self.plugin, &self.lanes, Scope::NONE, move |store, entered| {
            Box::pin(async move {
                in_its_contract!(exports, contract, exports => {
                    use contract::exports::template_generator as generator;
                    let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                    let parameters = answers.parameters.to_string();
                    let features: Vec<&str> = answers.features.iter().map(String::as_str).collect();
                    let given = generator::AnswersParam { parameters: &parameters, features: &features };
                    let answer = guest.call_generate(store, given, &settings).await?;
                    Ok(answer.map_err(contract::plugin_error).map(contract::project))
                })
            })
        })
        .await
    }

    /// Brings answers to an earlier version of the template into the form this version takes.
    pub async fn migrate_answers(&self, from_version: Arc<str>, answers: Arc<Answers>) -> Call<Answers> {
        let exports = self.exports.clone();
        run(&self.plugin, &self.lanes, Scope::NONE, move |store, entered| {
            Box::pin(async move {
                in_its_contract!(exports, contract, exports => {
                    use contract::exports::template_generator as generator;
                    let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                    let parameters = answers.parameters.to_string();
                    let features: Vec<&str> = answers.features.iter().map(String::as_str).collect();
                    let given = generator::AnswersParam { parameters: &parameters, features: &features };
                    let answer = guest.call_migrate_answers(store, &from_version, given).await?;
                    Ok(answer.map_err(contract::plugin_error).and_then(contract::answers))
                })
            })
        })
        .await
    }
}

impl Measured for Generated {
    fn bytes(&self) -> u64 {
        let files: u64 = self.files.iter().map(|file| (file.path.len() + file.bytes.len()) as u64).sum();
        files + self.warnings.bytes()
    }
}

impl Measured for Template {
    fn bytes(&self) -> u64 {
        (self.title.len() + self.description.len()) as u64
    }
}

impl Measured for Answers {
    fn bytes(&self) -> u64 {
        self.features.bytes()
    }
}
