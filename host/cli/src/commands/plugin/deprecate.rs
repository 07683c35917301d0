//! `macadam plugin versions`, `deprecate` and `undeprecate`, and the warnings that follow from them.

use clap::Args;
use macadam_core::names::PluginName;
use macadam_registry::Scope;
use serde_json::{Value, json};

use crate::args::Global;
use crate::client::Client;
use crate::exit::End;
use crate::output::{Output, note, table};
use crate::show::{items, text};

/// Which plugin.
#[derive(Debug, Args)]
pub(crate) struct NameArgs {
    /// NAMESPACE/NAME
    plugin: PluginName,
}

/// Which plugin, or which version of it.
#[derive(Debug, Args)]
pub(crate) struct ScopeArgs {
    /// NAMESPACE/NAME@VERSION, or NAMESPACE/NAME for all versions
    plugin: Scope,
}

/// What is said.
#[derive(Debug, Args)]
pub(crate) struct DeprecateArgs {
    #[command(flatten)]
    scope: ScopeArgs,
    /// Why, and what to do: one line of at most 500 characters
    #[arg(long, value_name = "TEXT")]
    message: String,
    /// What to use instead: NAMESPACE/NAME or NAMESPACE/NAME@VERSION
    #[arg(long, value_name = "PLUGIN")]
    successor: Option<Scope>,
}

/// Lists a plugin's versions.
pub(super) fn versions(global: &Global, args: &NameArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let all = Client::new(global)?.get(&format!("/plugins/{}", args.plugin))?;
    output.value(&all, |all| {
        let row = |version: &Value| {
            let of = |pointer| text(version, pointer);
            let yanked = version.get("yanked").and_then(Value::as_bool).unwrap_or_default();
            let words = [if yanked { "yanked".to_owned() } else { String::new() }, said(version)];
            let words: Vec<_> = words.into_iter().filter(|word| !word.is_empty()).collect();
            [of("/version"), of("/contract"), of("/published"), of("/package"), words.join("; ")]
        };
        Ok(table(["version", "contract", "published", "package", "what"], items(all).iter().map(row)))
    })?;
    Ok(End::Done)
}

/// Says that something should not be used any more.
pub(super) fn deprecate(global: &Global, args: &DeprecateArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let wish = json!({"message": args.message, "successor": args.successor});
    let now = Client::new(global)?.put(&path_of(&args.scope.plugin), &wish, &[])?;
    output.value(&now, |now| Ok(format!("{} is {}", args.scope.plugin, said(now))))?;
    Ok(End::Done)
}

/// Undoes that.
pub(super) fn undeprecate(global: &Global, args: &ScopeArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let now = Client::new(global)?.delete(&path_of(&args.plugin), &[])?;
    output.value(&now, |now| {
        Ok(match said(now) {
            none if none.is_empty() => format!("{} is no longer deprecated", args.plugin),
            said => format!("{} is still {said}; that was said of {}", args.plugin, args.plugin.name),
        })
    })?;
    Ok(End::Done)
}

fn path_of(Scope { name, version }: &Scope) -> String {
    match version {
        Some(version) => format!("/plugins/{name}/{version}/deprecation"),
        None => format!("/plugins/{name}/deprecation"),
    }
}

/// What is said of something in an answer, in words; empty where nothing is.
pub(super) fn said(of: &Value) -> String {
    let (message, successor) = (text(of, "/deprecated/message"), text(of, "/deprecated/successor"));
    match (message.is_empty(), successor.is_empty()) {
        (true, _) => String::new(),
        (false, true) => format!("deprecated: {message}"),
        (false, false) => format!("deprecated: {message} (use {successor} instead)"),
    }
}

/// Tells what an answer warns of, beside the answer and not in it.
pub(super) fn warn(answer: &Value) {
    let warnings = answer.get("warnings").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for warning in warnings.iter().filter_map(Value::as_str) {
        note(&format!("warning: {warning}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_deprecated_is_said_with_what_follows_it() {
        let of = |deprecated: Value| said(&json!({"deprecated": deprecated}));
        assert_eq!(
            of(json!({"message": "old", "successor": "acme/rule@2.0.0"})),
            "deprecated: old (use acme/rule@2.0.0 instead)"
        );
        assert_eq!(of(json!({"message": "old"})), "deprecated: old");
        assert_eq!((of(Value::Null), said(&json!({}))), (String::new(), String::new()));
    }
}
