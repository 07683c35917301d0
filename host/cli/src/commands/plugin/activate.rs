//! `macadam plugin bindings`, `activate`, `deactivate`, `rollback` and `history`.

use clap::Args;
use macadam_core::names::BindingName;
use serde_json::{Map, Value, json};

use crate::args::Global;
use crate::client::{Client, Problem};
use crate::commands::plugin::deprecate;
use crate::exit::End;
use crate::inputs::{Setting, over};
use crate::output::{Output, table};
use crate::show::{items, text};

/// What is activated.
#[derive(Debug, Args)]
pub(crate) struct ActivateArgs {
    /// The binding; a new one is made when there is none of that name
    binding: BindingName,
    /// NAMESPACE/NAME@VERSION, or a range such as NAMESPACE/NAME@^1.2
    plugin: String,
    /// Follow what is published: the highest version of the range at any time
    #[arg(long)]
    follow: bool,
    /// A setting, over those that the binding has; VALUE is JSON, or text where it is none
    #[arg(long = "set", value_name = "KEY=VALUE")]
    settings: Vec<Setting>,
    /// What counts when it fails
    #[arg(long, value_enum)]
    on_error: Option<Fallback>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// What counts when a plugin fails.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Fallback {
    /// Requests are denied
    Deny,
    /// Requests wait for a person
    RequireApproval,
    /// The version that was in force before answers
    LastGood,
}

impl Fallback {
    fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::RequireApproval => "require-approval",
            Self::LastGood => "last-good",
        }
    }
}

/// Which binding.
#[derive(Debug, Args)]
pub(crate) struct BindingArgs {
    /// The binding
    binding: BindingName,
    #[command(flatten)]
    change: ChangeArgs,
}

/// What a rollback takes.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    /// The binding
    binding: BindingName,
    /// The revision to go back to; the last one that says something else if nothing is said
    #[arg(long, value_name = "REVISION")]
    to: Option<u64>,
    #[command(flatten)]
    change: ChangeArgs,
}

/// What every change takes.
#[derive(Debug, Args)]
pub(super) struct ChangeArgs {
    /// The revision that was looked at: the change is refused when there has been another since
    #[arg(long, value_name = "REVISION")]
    revision: Option<u64>,
    /// Why, for the record
    #[arg(long, default_value = "")]
    reason: String,
}

/// Lists the bindings.
pub(super) fn bindings(global: &Global, output: &mut Output<'_>) -> anyhow::Result<End> {
    let all = Client::new(global)?.get("/bindings")?;
    output.value(&all, |all| Ok(shown(items(all))))?;
    Ok(End::Done)
}

/// Activates a version.
pub(super) fn activate(global: &Global, args: &ActivateArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    change(global, &args.binding, &args.change, output, |binding| {
        binding.insert("plugin".to_owned(), json!(args.plugin));
        binding.insert("auto".to_owned(), json!(args.follow));
        if let Some(on_error) = args.on_error {
            binding.insert("on-error".to_owned(), json!(on_error.as_str()));
        }
        set(binding, &args.settings)
    })
}

/// Changes what a binding says, and nothing else of it.
pub(super) fn change(
    global: &Global,
    name: &BindingName,
    args: &ChangeArgs,
    output: &mut Output<'_>,
    edit: impl FnOnce(&mut Map<String, Value>) -> anyhow::Result<()>,
) -> anyhow::Result<End> {
    let (client, path) = (Client::new(global)?, path_of(name));
    let there = match client.get(&path) {
        Ok(there) => Some(there),
        Err(error) if error.downcast_ref::<Problem>().is_some_and(Problem::is_not_found) => None,
        Err(error) => return Err(error),
    };
    let binding = there.as_ref().and_then(|there| there.get("binding")).and_then(Value::as_object);
    let mut binding = binding.cloned().unwrap_or_default();
    edit(&mut binding)?;
    // What was just looked at is what is changed, also where nobody names a revision.
    let seen = there.as_ref().and_then(|there| there.get("revision")).and_then(Value::as_u64).unwrap_or(0);
    let revision = args.revision.unwrap_or(seen);
    let wish = json!({"binding": binding, "revision": revision, "reason": args.reason});
    let now = client.put(&path, &wish, &[])?;
    deprecate::warn(&now);
    output.value(&now, |now| Ok(shown(std::slice::from_ref(now))))?;
    Ok(End::Done)
}

fn set(binding: &mut Map<String, Value>, settings: &[Setting]) -> anyhow::Result<()> {
    if settings.is_empty() {
        return Ok(());
    }
    let there = binding.get("settings").and_then(Value::as_object).cloned().unwrap_or_default();
    binding.insert("settings".to_owned(), Value::Object(over(there, settings)?));
    Ok(())
}

/// Takes a binding out.
pub(super) fn deactivate(global: &Global, args: &BindingArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let wish = json!({"revision": args.change.revision, "reason": args.change.reason});
    Client::new(global)?.delete_with(&path_of(&args.binding), &wish)?;
    output.remark(&format!("{} is taken out", args.binding))?;
    Ok(End::Done)
}

/// Makes a binding what it was.
pub(super) fn rollback(global: &Global, args: &RollbackArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let wish = json!({"to": args.to, "revision": args.change.revision, "reason": args.change.reason});
    let now = Client::new(global)?.post(&format!("{}/rollback", path_of(&args.binding)), &wish, &[])?;
    deprecate::warn(&now);
    output.value(&now, |now| Ok(shown(std::slice::from_ref(now))))?;
    Ok(End::Done)
}

/// Shows every revision.
pub(super) fn history(global: &Global, binding: &str, output: &mut Output<'_>) -> anyhow::Result<End> {
    let history = Client::new(global)?.get(&format!("/bindings/{binding}/history"))?;
    output.value(&history, |history| {
        let row = |revision: &Value| {
            let of = |pointer| text(revision, pointer);
            let what = match revision.get("spec") {
                None | Some(Value::Null) => "taken out".to_owned(),
                Some(_) => format!("{} ({})", of("/spec/binding/plugin"), of("/spec/version")),
            };
            let person = Some(of("/person")).filter(|person| !person.is_empty());
            [of("/revision"), what, person.unwrap_or_else(|| "the host".to_owned()), of("/at"), of("/reason")]
        };
        Ok(table(["revision", "what", "who", "when", "why"], items(history).iter().map(row)))
    })?;
    Ok(End::Done)
}

fn path_of(binding: &BindingName) -> String {
    format!("/bindings/{binding}")
}

fn shown(bindings: &[Value]) -> String {
    let row = |binding: &Value| {
        let of = |pointer| text(binding, pointer);
        let what = if of("/error").is_empty() { deprecate::said(binding) } else { of("/error") };
        [of("/name"), of("/revision"), of("/binding/plugin"), of("/version"), of("/state"), what]
    };
    table(["binding", "revision", "plugin", "version", "state", "what"], bindings.iter().map(row))
}
