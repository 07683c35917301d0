//! `macadam plugin export`, `diff` and `apply`: everything that is active, as one YAML document in a repository.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};

use crate::args::Global;
use crate::client::Client;
use crate::commands::plugin::deprecate;
use crate::exit::End;
use crate::output::{Output, table};
use crate::show::{items, text};

/// Which document.
#[derive(Debug, Args)]
pub(crate) struct FileArgs {
    /// The YAML document, as `plugin export` writes it
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
}

/// What applying takes.
#[derive(Debug, Args)]
pub(crate) struct ApplyArgs {
    #[command(flatten)]
    document: FileArgs,
    /// Refuse unless the bindings are at this generation, which `plugin diff` shows
    #[arg(long)]
    generation: Option<u64>,
    /// Why, for the record
    #[arg(long, default_value = "")]
    reason: String,
}

/// Writes all bindings.
pub(super) fn export(global: &Global, output: &mut Output<'_>) -> anyhow::Result<End> {
    let all = Client::new(global)?.get("/bindings")?;
    let bindings: Vec<_> = items(&all).iter().filter_map(|item| item.get("binding").cloned()).collect();
    let document = json!({"bindings": bindings});
    output.value(&document, |document| Ok(serde_yaml_ng::to_string(document)?))?;
    Ok(End::Done)
}

/// Shows what would change.
pub(super) fn diff(global: &Global, args: &FileArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let wish = json!({"bindings": read(&args.file)?});
    let differences = Client::new(global)?.ask("/bindings/diff", &wish)?;
    deprecate::warn(&differences);
    let none = items(&differences).is_empty();
    output.value(&differences, |differences| {
        let generation = text(differences, "/generation");
        Ok(if none { format!("Nothing would change (generation {generation})") } else { shown(differences) })
    })?;
    Ok(if none { End::Done } else { End::Differs })
}

/// Makes the bindings those of the document.
pub(super) fn apply(global: &Global, args: &ApplyArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let bindings = read(&args.document.file)?;
    let wish = json!({"bindings": bindings, "generation": args.generation, "reason": args.reason});
    let applied = Client::new(global)?.post("/bindings/apply", &wish, &[])?;
    deprecate::warn(&applied);
    output.value(&applied, |applied| {
        let none = items(applied).is_empty();
        Ok(if none { "Nothing to change".to_owned() } else { shown(applied) })
    })?;
    Ok(End::Done)
}

fn read(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let document: Value = serde_yaml_ng::from_str(&text).with_context(|| format!("{} is not YAML", path.display()))?;
    match document.get("bindings") {
        Some(bindings @ Value::Array(_)) => Ok(bindings.clone()),
        _ => bail!("{} has no list `bindings`; `macadam plugin export` shows the form", path.display()),
    }
}

/// One row for each field that differs.
fn shown(differences: &Value) -> String {
    let rows = items(differences).iter().flat_map(|difference| {
        let name = text(difference, "/name");
        fields(difference.get("from"), difference.get("to"))
            .into_iter()
            .map(move |[field, from, to]| [name.clone(), field, from, to])
    });
    table(["binding", "field", "from", "to"], rows)
}

fn fields(from: Option<&Value>, to: Option<&Value>) -> Vec<[String; 3]> {
    let object = |value: Option<&Value>| value.and_then(Value::as_object).cloned().unwrap_or_default();
    let (from, to) = (object(from), object(to));
    let names: std::collections::BTreeSet<_> = from.keys().chain(to.keys()).filter(|name| *name != "name").collect();
    let written = |value: Option<&Value>| value.map(plain).unwrap_or_default();
    let differing = names.into_iter().filter(|name| from.get(*name) != to.get(*name));
    differing.map(|name| [name.clone(), written(from.get(name)), written(to.get(name))]).collect()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_fields_that_differ_are_shown() {
        let from = json!({"name": "a", "plugin": "x/a@1.0.0", "on-error": "deny"});
        let to = json!({"name": "a", "plugin": "x/a@1.1.0", "on-error": "deny", "settings": {"n": 1}});
        let expected = [["plugin", "x/a@1.0.0", "x/a@1.1.0"], ["settings", "", r#"{"n":1}"#]];
        assert_eq!(fields(Some(&from), Some(&to)), expected.map(|row| row.map(str::to_owned)));
        assert_eq!(fields(Some(&from), None).len(), 2, "what goes is shown field by field");
    }
}
