//! Create: generate, decide, record.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use macadam_core::names::{EnvironmentName, ResourceName, TemplateId};
use macadam_core::plan::Plan;
use macadam_core::project::{Answers, Project, ProjectLimits, Template};
use macadam_core::request::{Action, Environment, EnvironmentClass, Request};
use macadam_core::violation::Violation;
use macadam_runtime::Call;
use macadam_runtime::clients::Generated;
use macadam_store::{Change, RequestId, Scaffold, ScaffoldFile, ScaffoldId, Subject, Submitted};
use serde::Serialize;
use serde_json::value::to_raw_value;
use serde_json::{Value, json};

use crate::authorization::{Action as May, Target};
use crate::decisions::Asked;
use crate::platform::random;
use crate::plugins::ask::Question;
use crate::plugins::in_force::{About, Silence};
use crate::plugins::{ActiveTable, Generator, Identity, InForce, Version};
use crate::provisioning::decide::{Matter, Purpose, cover, subject};
use crate::provisioning::validate::tag_violations;
use crate::provisioning::{Decided, ProvisionError};
use crate::scaffolding::archive;
use crate::{Caller, Platform};

/// A wish for a project.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateScaffold {
    /// The golden path.
    pub template: TemplateId,
    /// The project's name, which is also its directory and the template's parameter `name`.
    pub name: ResourceName,
    /// The template's other parameters.
    #[serde(default)]
    pub parameters: serde_json::Map<String, Value>,
    /// The features that are in; the template's defaults when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub features: Option<Vec<String>>,
    /// Where the service is to run first, for policies; the first development environment when nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentName>,
    /// Labels.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A project that was taken: handed out, or waiting for approval.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Scaffolded {
    /// The project, with its provenance.
    #[serde(flatten)]
    pub scaffold: Scaffold,
    /// Its request.
    #[serde(flatten)]
    pub submitted: Submitted,
    /// What was decided.
    pub decision: Value,
}

/// A wish as the access policies see it.
fn project(caller: &Caller, wish: &CreateScaffold, environment: &Environment) -> Target {
    Target::Project {
        template: wish.template.clone(),
        team: caller.team.clone(),
        environment: environment.name.clone(),
        class: environment.class,
    }
}

impl Platform {
    /// Generates a project, decides, and records both.
    ///
    /// # Errors
    /// [`ProvisionError::Invalid`] names each parameter that is wrong; [`ProvisionError::Denied`] is recorded.
    #[tracing::instrument(target = "macadam::trace", name = "scaffold", skip_all)]
    pub async fn scaffold(
        &self,
        caller: &Caller,
        wish: CreateScaffold,
        now: Timestamp,
    ) -> Result<Scaffolded, ProvisionError> {
        let table = self.plugins().active();
        let line = find(&table, &wish.template)?;
        check_wish(&wish)?;
        let environment = self.environment_for(&wish).await?;
        self.authorize(caller, May::ProjectCreate, &project(caller, &wish, &environment))?;
        let subject = subject(&caller.team, environment.name.as_str(), wish.template.as_str(), wish.name.as_str());
        let about = About { team: &caller.team, subject: &subject, now, recorded: true };
        let made =
            self.ask(line, about, &Generate { wish: Arc::new(wish.clone()), limits: self.settings().project }).await;
        let generated = made.answer.map_err(refused)?;
        let answers = answers(&made.version.face, &wish).map_err(ProvisionError::Invalid)?;
        let request = Arc::new(Request {
            action: Action::Scaffold,
            resource_type: wish.template.to_string(),
            name: wish.name.to_string(),
            environment,
            spec: to_raw_value(&answers.parameters)?,
            tags: wish.tags.clone(),
        });
        let scaffold = self.keep(&made.version, &wish, &answers, generated, now).await?;
        let matter = Matter::new(caller, &caller.team, &request, &table, Purpose::Submission, now);
        let mut decided = self.decide_scaffold(&matter, &made.version.identity).await?;
        decided.trail.entries.extend(made.entries);
        let document = json!({"action": "scaffold", "wish": wish});
        let change = Change::Scaffold(Box::new(scaffold.clone()));
        let submitted = self.take(caller, document, change, &decided, now).await?;
        Ok(Scaffolded { scaffold, submitted, decision: serde_json::to_value(&decided)? })
    }

    /// Checks what was generated, packs it, and keeps the archive.
    async fn keep(
        &self,
        version: &Version<Generator>,
        wish: &CreateScaffold,
        answers: &Answers,
        generated: Generated,
        now: Timestamp,
    ) -> Result<Scaffold, ProvisionError> {
        let unusable = |message: String| ProvisionError::Unavailable { message, retry_after: None };
        let plugin = version.identity.plugin.clone();
        let project = Project::check(generated.files, self.settings().project);
        let project = project.map_err(|error| unusable(format!("{plugin}: {error}")))?;
        let (bytes, _) = archive(wish.name.as_str(), &project).map_err(|error| unusable(error.to_string()))?;
        let size = bytes.len() as u64;
        let digest = self.parts.blobs.put(bytes).await?;
        let file = |file: &macadam_core::project::GeneratedFile| ScaffoldFile {
            path: file.path.clone(),
            mode: file.mode,
            size: file.bytes.len() as u64,
        };
        Ok(Scaffold {
            id: ScaffoldId::new(now, random()?),
            template: wish.template.clone(),
            plugin,
            plugin_digest: version.identity.component,
            answers: serde_json::to_value(answers)?,
            archive: digest,
            archive_size: size,
            files: project.files().iter().map(file).collect(),
            warnings: generated.warnings,
        })
    }

    async fn decide_scaffold(&self, matter: &Matter<'_>, generator: &Identity) -> Result<Decided, ProvisionError> {
        let (cost, priced) = self.estimate(matter).await;
        let standing = self.standing(matter).await?;
        let (verdicts, asked) = self.verdicts(matter, &cost, standing).await;
        let outcome = self.combined(matter, &verdicts);
        let plan = Plan::default();
        let digest = cover(matter, &verdicts, &outcome, &plan, Some(generator), None)?;
        let trail = matter.trail(priced.into_iter().chain(asked));
        Ok(Decided { cost, verdicts, outcome, plan, digest, trail })
    }

    /// A project of the caller's that was taken before, as [`scaffold`](Self::scaffold) said it then: for whoever asked and
    /// got no answer.
    ///
    /// # Errors
    /// [`ProvisionError::Denied`] when it was denied; [`ProvisionError::NotFound`] when there is none.
    pub async fn scaffolded(&self, caller: &Caller, id: RequestId) -> Result<Scaffolded, ProvisionError> {
        let (request, submitted) = self.taken_before(caller, id).await?;
        let unknown = || ProvisionError::NotFound(format!("request {id} for a project"));
        let Subject::Scaffold { id: Some(made), .. } = &request.subject else { return Err(unknown()) };
        let scaffold = self.store().scaffold(*made).await?.ok_or_else(unknown)?.scaffold;
        Ok(Scaffolded { scaffold, submitted, decision: request.decision })
    }

    async fn environment_for(&self, wish: &CreateScaffold) -> Result<Environment, ProvisionError> {
        let all = self.store().environments().await?;
        let (found, missing) = match &wish.environment {
            Some(name) => {
                let found = all.iter().find(|environment| environment.name == *name);
                (found, ProvisionError::no_environment("/environment", name, &all))
            }
            None => {
                let found = all.iter().find(|environment| environment.class == EnvironmentClass::Development);
                let missing = "there is no development environment; name the one to use";
                (found, ProvisionError::invalid("/environment", missing))
            }
        };
        found.cloned().ok_or(missing)
    }
}

fn find<'a>(table: &'a ActiveTable, template: &TemplateId) -> Result<&'a Arc<InForce<Generator>>, ProvisionError> {
    table.generators.get(template).ok_or_else(|| {
        let known: Vec<_> = table.generators.keys().map(TemplateId::as_str).collect();
        let message = format!("there is no template {template}; there are: {}", known.join(", "));
        ProvisionError::invalid("/template", message)
    })
}

/// What is wrong with a wish whichever version generates.
fn check_wish(wish: &CreateScaffold) -> Result<(), ProvisionError> {
    let mut violations = tag_violations(&wish.tags);
    if wish.parameters.get("name").is_some_and(|given| *given != json!(wish.name)) {
        let message = "it differs from the project's `name`; leave it out";
        violations.push(Violation::new("/parameters/name", message));
    }
    if violations.is_empty() { Ok(()) } else { Err(ProvisionError::Invalid(violations)) }
}

/// The question for a project. Each version has parameters and features of its own.
#[derive(Debug, Clone)]
struct Generate {
    wish: Arc<CreateScaffold>,
    limits: ProjectLimits,
}

impl Question<Generator> for Generate {
    type Answer = Generated;

    async fn put(&self, version: &Version<Generator>) -> Call<Generated> {
        let answers = match answers(&version.face, &self.wish) {
            Ok(answers) => Arc::new(answers),
            Err(violations) => return Call::refused(&version.loaded, violations),
        };
        let call = version.face.client.generate(answers, Arc::clone(&version.settings)).await;
        // A project that nobody can be given is no answer, so that the next version has its turn.
        let checked = call.outcome.as_ref().map(|made| Project::check(made.files.clone(), self.limits));
        match checked {
            Ok(Err(error)) => call.unusable(&version.loaded, error.to_string()),
            _ => call,
        }
    }

    fn asked(&self, version: &Version<Generator>) -> Asked {
        // What the version refused to take is recorded as it was given.
        let CreateScaffold { parameters, features, .. } = self.wish.as_ref();
        let (parameters, features) = (Value::Object(parameters.clone()), features.clone().unwrap_or_default());
        let given = || Answers { parameters, features };
        Asked::Generate(Arc::new(answers(&version.face, &self.wish).unwrap_or_else(|_| given())))
    }
}

fn answers(generator: &Generator, wish: &CreateScaffold) -> Result<Answers, Vec<Violation>> {
    let template = &generator.template;
    let mut violations = Vec::new();
    let known = |name: &String| template.features.iter().any(|feature| feature.name == *name);
    for (index, name) in wish.features.iter().flatten().enumerate().filter(|(_, name)| !known(name)) {
        let all: Vec<_> = template.features.iter().map(|feature| feature.name.as_str()).collect();
        let message = format!("{} has no feature {name:?}; it has: {}", template.id, all.join(", "));
        violations.push(Violation::new(format!("/features/{index}"), message));
    }
    let mut parameters = wish.parameters.clone();
    parameters.insert("name".to_owned(), json!(wish.name));
    match generator.parameters.complete("/parameters", Value::Object(parameters)) {
        Ok(parameters) if violations.is_empty() => Ok(Answers { parameters, features: features(template, wish) }),
        Ok(_) => Err(violations),
        Err(more) => {
            violations.extend(more);
            Err(violations)
        }
    }
}

/// The features that are in, in the template's order, each once: equal wishes give equal answers.
fn features(template: &Template, wish: &CreateScaffold) -> Vec<String> {
    let is_in = |feature: &&macadam_core::project::Feature| match &wish.features {
        Some(named) => named.contains(&feature.name),
        None => feature.default,
    };
    template.features.iter().filter(is_in).map(|feature| feature.name.clone()).collect()
}

fn refused(silence: Silence) -> ProvisionError {
    match ProvisionError::from(silence) {
        ProvisionError::Invalid(violations) => ProvisionError::Invalid(below_parameters(violations)),
        other => other,
    }
}

fn below_parameters(violations: Vec<Violation>) -> Vec<Violation> {
    let below = |mut violation: Violation| {
        if !violation.path.starts_with("/parameters") && !violation.path.starts_with("/features") {
            violation.path = format!("/parameters{}", violation.path);
        }
        violation
    };
    violations.into_iter().map(below).collect()
}
