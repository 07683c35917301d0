//! `macadam plugin canary`, `shadow` and `promote`: trying a version on live requests.

use anyhow::bail;
use clap::{Args, ValueEnum};
use macadam_core::names::BindingName;
use semver::Version;
use serde_json::{Map, Value, json};

use super::activate::{ChangeArgs, change};
use crate::args::Global;
use crate::exit::End;
use crate::output::Output;

/// A version that gets some of the requests.
#[derive(Debug, Args)]
pub(crate) struct CanaryArgs {
    /// The binding
    binding: BindingName,
    /// The version of the binding's plugin to try
    #[arg(required_unless_present = "end")]
    version: Option<Version>,
    /// How many of a hundred requests it gets
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(0..=100))]
    weight: u8,
    /// What keeps to one version: all requests of a team, or all about one thing
    #[arg(long, value_enum, default_value_t = Sticky::Team)]
    sticky: Sticky,
    /// How many of its calls may fail before it is taken out
    #[arg(long, default_value_t = 0)]
    failures: u64,
    /// How many calls of both versions it takes before they are compared
    #[arg(long, default_value_t = 20)]
    calls: u64,
    /// How many times the active version's mean time it may take
    #[arg(long, value_name = "TIMES")]
    slower: Option<f64>,
    /// How many more of a hundred requests it may deny
    #[arg(long, value_name = "PERCENT")]
    denials: Option<f64>,
    /// End the trial; the active version gets all requests
    #[arg(long, conflicts_with = "version")]
    end: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Sticky {
    Team,
    Request,
}

/// A version that is asked beside the active one.
#[derive(Debug, Args)]
pub(crate) struct ShadowArgs {
    /// The binding
    binding: BindingName,
    /// The version of the binding's plugin to ask
    #[arg(required_unless_present = "end")]
    version: Option<Version>,
    /// End the trial
    #[arg(long, conflicts_with = "version")]
    end: bool,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Which binding's canary.
#[derive(Debug, Args)]
pub(crate) struct PromoteArgs {
    /// The binding
    binding: BindingName,
    #[command(flatten)]
    change: ChangeArgs,
}

/// Tries a version on a share of the requests, or ends that.
pub(super) fn canary(global: &Global, args: &CanaryArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    change(global, &args.binding, &args.change, output, |binding| {
        let Some(version) = &args.version else { return take(&args.binding, binding, "canary").map(drop) };
        there(&args.binding, binding)?;
        let mut bounds = json!({"failures": args.failures, "calls": args.calls});
        for (name, bound) in [("slower", args.slower), ("denials", args.denials)] {
            if let (Some(bound), Some(bounds)) = (bound, bounds.as_object_mut()) {
                bounds.insert(name.to_owned(), json!(bound));
            }
        }
        let sticky = match args.sticky {
            Sticky::Team => "team",
            Sticky::Request => "request",
        };
        let canary = json!({"version": version, "weight": args.weight, "sticky": sticky, "bounds": bounds});
        binding.insert("canary".to_owned(), canary);
        Ok(())
    })
}

/// Has a version asked beside the active one, or ends that.
pub(super) fn shadow(global: &Global, args: &ShadowArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    change(global, &args.binding, &args.change, output, |binding| {
        let Some(version) = &args.version else { return take(&args.binding, binding, "shadow").map(drop) };
        there(&args.binding, binding)?;
        binding.insert("shadow".to_owned(), json!({"version": version}));
        Ok(())
    })
}

/// Makes the canary the active version.
pub(super) fn promote(global: &Global, args: &PromoteArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    change(global, &args.binding, &args.change, output, |binding| {
        let canary = take(&args.binding, binding, "canary")?;
        let version = canary.get("version").and_then(Value::as_str).unwrap_or_default();
        let plugin = binding.get("plugin").and_then(Value::as_str).unwrap_or_default();
        let name = plugin.split('@').next().unwrap_or_default();
        let promoted = format!("{name}@{version}");
        binding.insert("plugin".to_owned(), json!(promoted));
        // A range would go on to another version than the one that was tried.
        binding.remove("auto");
        Ok(())
    })
}

fn there(name: &BindingName, binding: &Map<String, Value>) -> anyhow::Result<()> {
    match binding.contains_key("plugin") {
        true => Ok(()),
        false => bail!("there is no binding {name}; `macadam plugin bindings` lists them"),
    }
}

fn take(name: &BindingName, binding: &mut Map<String, Value>, what: &str) -> anyhow::Result<Value> {
    there(name, binding)?;
    match binding.remove(what) {
        Some(tried) if !tried.is_null() => Ok(tried),
        _ => bail!("the binding {name} has no {what}"),
    }
}
