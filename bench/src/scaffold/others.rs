//! Other generators as programs, on the golden path written in their form.
//!
//! Both speak Jinja2, as the golden path does but for the filter `split`, which is written out here. What they make is
//! not compared byte by byte, only that every file is there.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};

use crate::Effort;
use crate::figures::Report;
use crate::race::median;
use crate::scaffold::native::{Content, Tree, context};
use crate::scaffold::{NAME, NATIVE, answers};

/// Measures each program that is there.
pub(super) fn measure(effort: Effort, tools: Option<&Path>, report: &mut Report) -> anyhow::Result<()> {
    let runs = effort.rounds.min(7);
    for (name, program, prepare) in [
        ("scaffold/cookiecutter", "cookiecutter", cookiecutter as Prepare),
        ("scaffold/copier", "copier", copier as Prepare),
    ] {
        let found = tools.map(|tools| tools.join(program)).filter(|program| program.is_file());
        let Some(found) = found else {
            report.skip(name, "µs", NATIVE, "it is not installed");
            continue;
        };
        match time(&found, prepare, runs) {
            Ok(value) => report.add(name, value, "µs", NATIVE),
            Err(error) => report.skip(name, "µs", NATIVE, &format!("{error:#}")),
        }
    }
    Ok(())
}

/// Writes the golden path into a folder in the program's form and gives the arguments that make a project beside it.
type Prepare = fn(&Tree, &Path) -> anyhow::Result<Vec<String>>;

fn time(program: &Path, prepare: Prepare, runs: usize) -> anyhow::Result<f64> {
    let (tree, folder) = (Tree::read()?, tempfile::tempdir()?);
    let arguments = prepare(&tree, folder.path())?;
    let project = folder.path().join("out").join(NAME);
    let mut times = Vec::new();
    for run in 0..=runs {
        if project.exists() {
            std::fs::remove_dir_all(&project)?;
        }
        let started = Instant::now();
        let mut command = Command::new(program);
        let output = command.args(&arguments).stdin(Stdio::null()).output().context("it cannot be started")?;
        let spent = started.elapsed();
        ensure!(output.status.success(), "it fails: {}", String::from_utf8_lossy(&output.stderr).trim());
        // The first run fills the system's caches.
        if run > 0 {
            times.push(spent.as_secs_f64() * 1e6);
        }
    }
    for file in &tree.files {
        ensure!(project.join(&file.path).is_file(), "it did not make {}", file.path);
    }
    Ok(median(times))
}

fn cookiecutter(tree: &Tree, folder: &Path) -> anyhow::Result<Vec<String>> {
    let context = context(&answers())?;
    let context = context.as_object().context("an object")?;
    let copied = tree.files.iter().filter(|file| matches!(file.content, Content::Copied(_)));
    let copied: Vec<_> = copied.map(|file| format!("{{{{cookiecutter.name}}}}/{}", file.path)).collect();
    let mut questions = context.clone();
    questions.insert("_copy_without_render".to_owned(), json!(copied));
    questions.insert("_jinja2_env_vars".to_owned(), json!({"trim_blocks": true, "lstrip_blocks": true}));
    let root = folder.join("template");
    // Its variables have a name in front; a line at the top of each template lets the rest stay as it is.
    let names = context.keys().map(|name| format!("{{%- set {name} = cookiecutter.{name} -%}}")).collect::<String>();
    write_tree(tree, &root.join("{{cookiecutter.name}}"), "", &names)?;
    std::fs::write(root.join("cookiecutter.json"), Value::Object(questions).to_string())?;
    let out = folder.join("out");
    Ok(vec!["--no-input".to_owned(), "-o".to_owned(), text(&out)?, text(&root)?])
}

fn copier(tree: &Tree, folder: &Path) -> anyhow::Result<Vec<String>> {
    let context = context(&answers())?;
    let question = |(name, value): (&String, &Value)| {
        let kind = match value {
            Value::Number(_) => "int",
            Value::Object(_) => "json",
            _ => "str",
        };
        let default = if kind == "json" { json!(value.to_string()) } else { value.clone() };
        (name.clone(), json!({"type": kind, "default": default}))
    };
    let mut settings: serde_json::Map<_, _> = context.as_object().context("an object")?.iter().map(question).collect();
    settings.insert("_subdirectory".to_owned(), json!("files"));
    settings.insert("_templates_suffix".to_owned(), json!(".jinja"));
    let environment = json!({"trim_blocks": true, "lstrip_blocks": true, "keep_trailing_newline": true});
    settings.insert("_envops".to_owned(), environment);
    let root = folder.join("template");
    write_tree(tree, &root.join("files"), ".jinja", "")?;
    // JSON is YAML.
    std::fs::write(root.join("copier.yml"), Value::Object(settings).to_string())?;
    let out = folder.join("out").join(NAME);
    Ok(["copy", "--defaults", "--quiet"].map(str::to_owned).into_iter().chain([text(&root)?, text(&out)?]).collect())
}

fn write_tree(tree: &Tree, root: &Path, suffix: &str, header: &str) -> anyhow::Result<()> {
    for file in &tree.files {
        let (path, bytes) = match &file.content {
            Content::Copied(bytes) => (root.join(&file.path), bytes.clone()),
            Content::Rendered(template) => {
                let template = template.replace("|split|", "|trim|").replace("|join(\" \")", "");
                (root.join(format!("{}{suffix}", file.path)), format!("{header}{template}").into_bytes())
            }
        };
        std::fs::create_dir_all(path.parent().context("a file is in a folder")?)?;
        std::fs::write(path, bytes)?;
    }
    Ok(())
}

fn text(path: &Path) -> anyhow::Result<String> {
    path.to_str().map(str::to_owned).context("a path is UTF-8")
}
