//! The floor: the same templates through minijinja, compiled for each project as the generator has to.

use std::path::Path;

use anyhow::Context as _;
use macadam_core::project::{Answers, FileMode, GeneratedFile, Project, ProjectLimits};
use macadam_tests::components::source_root;
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, UndefinedBehavior};
use serde_json::{Map, Value};

/// The golden path as its generator carries it.
pub(super) struct Tree {
    pub(super) files: Vec<TreeFile>,
}

/// One file of it.
pub(super) struct TreeFile {
    /// As in the project.
    pub(super) path: String,
    pub(super) content: Content,
}

/// What it holds.
pub(super) enum Content {
    Copied(Vec<u8>),
    Rendered(String),
}

impl Tree {
    /// Reads the golden path's files.
    pub(super) fn read() -> anyhow::Result<Self> {
        let root = source_root().join("templates/rest-api/files");
        let mut files = Vec::new();
        collect(&root, &root, &mut files)?;
        Ok(Self { files })
    }

    /// Renders a project with every feature.
    pub(super) fn render(&self, answers: &Answers) -> anyhow::Result<Project> {
        let context = serde_json::from_value::<minijinja::Value>(context(answers)?)?;
        let environment = environment()?;
        let render = |file: &TreeFile| {
            let bytes = match &file.content {
                Content::Copied(bytes) => bytes.clone(),
                Content::Rendered(template) => {
                    environment.render_named_str(&file.path, template, context.clone())?.into_bytes()
                }
            };
            Ok(GeneratedFile { path: file.path.clone(), mode: FileMode::Regular, bytes })
        };
        let files = self.files.iter().map(render).collect::<anyhow::Result<_>>()?;
        Ok(Project::check(files, ProjectLimits::default())?)
    }
}

/// What templates see: the parameters, and which features are in.
pub(super) fn context(answers: &Answers) -> anyhow::Result<Value> {
    let mut context = answers.parameters.as_object().context("parameters are an object")?.clone();
    let features = answers.features.iter().map(|name| (name.clone(), Value::from(true))).collect::<Map<_, _>>();
    context.insert("features".to_owned(), Value::Object(features));
    Ok(Value::Object(context))
}

fn collect(root: &Path, folder: &Path, files: &mut Vec<TreeFile>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
            continue;
        }
        let name = path.strip_prefix(root)?.to_str().context("a path is UTF-8")?;
        let file = match name.strip_suffix(".j2") {
            Some(name) => {
                TreeFile { path: name.to_owned(), content: Content::Rendered(std::fs::read_to_string(&path)?) }
            }
            None => TreeFile { path: name.to_owned(), content: Content::Copied(std::fs::read(&path)?) },
        };
        files.push(file);
    }
    Ok(())
}

/// As the SDK sets it up.
fn environment() -> anyhow::Result<Environment<'static>> {
    let mut syntax = SyntaxConfig::builder();
    syntax.trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true);
    let mut environment = Environment::new();
    environment.set_syntax(syntax.build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    Ok(environment)
}
