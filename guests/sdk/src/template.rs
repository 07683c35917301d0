//! Golden paths: a tree of files that a generator carries with it and renders.
//!
//! A build script embeds the tree with `macadam_sdk_build::embed_template`, and the plugin is then ten lines:
//! [`embedded_template!`](crate::embedded_template), [`Plugin`], [`GoldenPath`] and
//! [`export_generator!`](crate::export_generator).
//!
//! Templates are [`minijinja`]'s. They see the parameters at the top level and `features`, a map from each
//! feature's name to whether it is in. A name that is not defined is an error, never an empty text; nothing is escaped
//! unless a template does it, since a project is many languages; and a block on a line of its own leaves no line. The
//! filters are `default`, `first`, `indent`, `items`, `join`, `last`, `length`, `lines`, `lower`, `replace`, `sort`,
//! `split`, `string`, `title`, `tojson`, `trim` and `upper`, the tests `defined`, `undefined`, `none`, `startingwith`
//! and `endingwith`.

use std::collections::BTreeMap;

use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, filters, tests};

use crate::{Answers, Error, Feature, File, Mode, Plugin, Project, Template, TemplateGenerator, Violation, schema};

/// A golden path, embedded.
#[derive(Debug)]
pub struct Tree {
    /// What requests name.
    pub id: &'static str,
    /// SemVer of the golden path.
    pub version: &'static str,
    /// One line.
    pub title: &'static str,
    /// A paragraph.
    pub description: &'static str,
    /// Such as `service`.
    pub category: &'static str,
    /// The programming language.
    pub language: &'static str,
    /// The framework.
    pub framework: &'static str,
    /// The golden path that replaces this one.
    pub deprecated_by: Option<&'static str>,
    /// JSON Schema 2020-12 of the parameters.
    pub parameters: &'static str,
    /// What can be left out.
    pub features: &'static [TreeFeature],
    /// The files, in the order of their paths.
    pub files: &'static [TreeFile],
}

/// A part of a project that can be left out.
#[derive(Debug)]
pub struct TreeFeature {
    /// Its name.
    pub name: &'static str,
    /// One line.
    pub title: &'static str,
    /// Whether it is in when the requester does not say.
    pub default: bool,
}

/// One file of a tree.
#[derive(Debug)]
pub struct TreeFile {
    /// As in the generated project.
    pub path: &'static str,
    /// Whether it can be run.
    pub executable: bool,
    /// The features that must all be in for the file to be there.
    pub only_with: &'static [&'static str],
    /// What it holds.
    pub content: Content,
}

/// What a file of a tree holds.
#[derive(Debug)]
pub enum Content {
    /// These bytes.
    Copied(&'static [u8]),
    /// What this template renders to.
    Rendered(&'static str),
}

/// A generator that is a golden path and nothing else.
pub trait GoldenPath: Plugin {
    /// The tree, `&TREE` after [`embedded_template!`](crate::embedded_template).
    const TREE: &'static Tree;

    /// Brings answers given to an earlier version into the form of this one. Answers to this very version are never
    /// asked about. A golden path that never changed its questions has nothing to do here.
    ///
    /// # Errors
    /// [`Error::Failed`] for a version that this one does not know.
    fn migrate(from_version: &str, _answers: Answers) -> Result<Answers, Error> {
        let Tree { id, version, .. } = Self::TREE;
        Err(Error::failed(format!("{id} {version} does not know the answers of version {from_version:?}")))
    }
}

/// Takes in what the build script embedded, as the static `TREE`.
#[macro_export]
macro_rules! embedded_template {
    () => {
        include!(concat!(env!("OUT_DIR"), "/template.rs"));
    };
}

impl<P: GoldenPath> TemplateGenerator for P {
    fn describe_template() -> Template {
        Self::TREE.describe()
    }

    fn generate(answers: &Answers, _settings: &Self::Settings) -> Result<Project, Error> {
        Self::TREE.render(answers)
    }

    fn migrate_answers(from_version: &str, answers: Answers) -> Result<Answers, Error> {
        if from_version == Self::TREE.version { Ok(answers) } else { Self::migrate(from_version, answers) }
    }
}

impl Tree {
    /// The golden path in the words of the contract.
    #[must_use]
    pub fn describe(&self) -> Template {
        let feature = |of: &TreeFeature| Feature { name: of.name.into(), title: of.title.into(), default: of.default };
        Template {
            id: self.id.into(),
            version: self.version.into(),
            title: self.title.into(),
            description: self.description.into(),
            category: self.category.into(),
            language: self.language.into(),
            framework: self.framework.into(),
            features: self.features.iter().map(feature).collect(),
            parameters: self.parameters.into(),
            deprecated_by: self.deprecated_by.map(Into::into),
        }
    }

    /// Renders the project that the answers ask for.
    ///
    /// # Errors
    /// [`Error::Invalid`] names every answer that does not fit, at `/parameters/…` or `/features/…`; patterns are left
    /// to the host, which has validated the parameters against their schema. [`Error::Failed`] is a mistake in a
    /// template.
    pub fn render(&self, answers: &Answers) -> Result<Project, Error> {
        let violations = self.violations(answers);
        if !violations.is_empty() {
            return Err(Error::Invalid(violations));
        }
        let is_in = |feature: &str| answers.features.iter().any(|name| name == feature);
        let context = self.context(answers, is_in)?;
        let environment = environment().map_err(|error| Error::failed(error.to_string()))?;
        let files = self.files.iter().filter(|file| file.only_with.iter().all(|feature| is_in(feature)));
        let files = files.map(|file| file.render(&environment, &context)).collect::<Result<_, _>>()?;
        Ok(Project { files, warnings: Vec::new() })
    }

    fn violations(&self, answers: &Answers) -> Vec<Violation> {
        let mut violations = schema::check(self.parameters, &answers.parameters);
        for violation in &mut violations {
            violation.path.insert_str(0, "/parameters");
        }
        for (index, name) in answers.features.iter().enumerate() {
            if !self.features.iter().any(|feature| feature.name == name) {
                let known: Vec<&str> = self.features.iter().map(|feature| feature.name).collect();
                let message = format!("{} has no feature `{name}`; it has: {}", self.id, known.join(", "));
                violations.push(Violation::new(format!("/features/{index}"), message));
            }
        }
        violations
    }

    fn context(&self, answers: &Answers, is_in: impl Fn(&str) -> bool) -> Result<Value, Error> {
        let parameters = serde_json::from_str::<BTreeMap<String, Value>>(&answers.parameters);
        let mut context = parameters.map_err(|error| Error::invalid("/parameters", error.to_string()))?;
        let features = Value::from_pairs(self.features.iter().map(|of| (of.name, is_in(of.name))));
        context.insert("features".to_owned(), features);
        Ok(Value::from_pairs(context))
    }
}

impl TreeFile {
    fn render(&self, environment: &Environment<'_>, context: &Value) -> Result<File, Error> {
        let bytes = match self.content {
            Content::Copied(bytes) => bytes.to_vec(),
            Content::Rendered(template) => {
                let rendered = environment.render_named_str(self.path, template, context);
                rendered.map_err(|error| Error::failed(mistake(self.path, &error)))?.into_bytes()
            }
        };
        let mode = if self.executable { Mode::Executable } else { Mode::Regular };
        Ok(File { path: self.path.to_owned(), mode, bytes })
    }
}

fn mistake(path: &str, error: &minijinja::Error) -> String {
    let detail = error.detail().map(|detail| format!(": {detail}")).unwrap_or_default();
    format!("the template of {path} has a mistake in line {}: {}{detail}", error.line().unwrap_or(0), error.kind())
}

fn environment() -> Result<Environment<'static>, minijinja::Error> {
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    let mut environment = Environment::empty();
    add_words(&mut environment);
    environment.set_syntax(syntax.build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    Ok(environment)
}

/// The filters and tests that templates have: what text is made with. All of minijinja's would double the plugin's size
/// and the work of a fresh instance.
fn add_words(environment: &mut Environment<'_>) {
    environment.add_filter("default", filters::default);
    environment.add_filter("first", filters::first);
    environment.add_filter("indent", filters::indent);
    environment.add_filter("items", filters::items);
    environment.add_filter("join", filters::join);
    environment.add_filter("last", filters::last);
    environment.add_filter("length", filters::length);
    environment.add_filter("lines", filters::lines);
    environment.add_filter("lower", filters::lower);
    environment.add_filter("replace", filters::replace);
    environment.add_filter("sort", filters::sort);
    environment.add_filter("split", filters::split);
    environment.add_filter("string", filters::string);
    environment.add_filter("title", filters::title);
    environment.add_filter("tojson", filters::tojson);
    environment.add_filter("trim", filters::trim);
    environment.add_filter("upper", filters::upper);
    environment.add_test("defined", tests::is_defined);
    environment.add_test("endingwith", tests::is_endingwith);
    environment.add_test("none", tests::is_none);
    environment.add_test("startingwith", tests::is_startingwith);
    environment.add_test("undefined", tests::is_undefined);
}
