//! `macadam plugin`: make, publish and activate plugins.
//!
//! | module | the commands |
//! |---|---|
//! | `pack` | `pack`, `inspect`: on this machine alone |
//! | `sign` | `keygen`, `sign`, `verify`: signatures, on this machine alone |
//! | `oci` | `push`, `pull`: packages in OCI registries |
//! | `publish` | `publish`, `yank`, `unyank`: what can be had |
//! | `deprecate` | `versions`, `deprecate`, `undeprecate`: what there is, and what should not be used any more |
//! | `activate` | `bindings`, `activate`, `deactivate`, `rollback`, `history`: what is active |
//! | `tried` | `canary`, `shadow`, `promote`: a version on live requests |
//! | `document` | `export`, `diff`, `apply`: all that is active, as one file |

mod activate;
mod deprecate;
mod document;
mod oci;
mod pack;
mod publish;
mod sign;
mod tried;

use std::path::PathBuf;

use clap::Subcommand;
use serde_json::Value;

use crate::args::Global;
use crate::client::Client;
use crate::exit::End;
use crate::output::{Output, table};
use crate::show::{items, text};

/// What can be done with plugins.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Pack a plugin's directory, and publish it into a local registry if one is named
    #[command(after_help = "\
Examples:
  macadam plugin pack . --component target/component.wasm --out dist
  macadam plugin pack . --dev --registry .macadam/registry

The directory has plugin.toml, plugin.wasm unless --component names another file, and README.md if there is one.")]
    Pack(pack::PackArgs),
    /// Show what a package, or a plugin's directory, holds
    Inspect {
        /// A package, or a directory as `plugin pack` takes it
        path: PathBuf,
        /// The component, when a directory is inspected that has it elsewhere
        #[arg(long, value_name = "FILE")]
        component: Option<PathBuf>,
    },
    /// Make a key to sign packages with
    Keygen(sign::KeygenArgs),
    /// Write what a signature of a package is over, for tools that sign without a key
    #[command(after_help = "\
Examples:
  macadam plugin statement dist/gate-1.2.0.tar.gz --out statement.json
  cosign attest-blob statement.json --predicate statement.json --type urn:macadam:plugin-statement:v1 \\
    --bundle gate.sigstore.json
  macadam plugin sign dist/gate-1.2.0.tar.gz --bundle gate.sigstore.json

With cosign before version 3, write --new-bundle-format too.")]
    Statement(sign::StatementArgs),
    /// Sign a package; the signature goes beside it, and `plugin publish` takes it along
    Sign(sign::SignArgs),
    /// Verify a package's signature by keys or an identity that are named
    #[command(after_help = "\
Examples:
  macadam plugin verify dist/gate-1.2.0.tar.gz --key macadam-ed25519-public:...
  macadam plugin verify dist/gate-1.2.0.tar.gz --issuer https://token.actions.githubusercontent.com \\
    --subject https://github.com/acme/gate/.github/workflows/release.yml@refs/heads/main --trusted-root trusted_root.json

An identity is verified only by a macadam that is built with the feature `keyless`.")]
    Verify(sign::VerifyArgs),
    /// Push a package and its signature to an OCI registry
    Push(oci::PushArgs),
    /// Pull a package and its signatures from an OCI registry
    Pull(oci::PullArgs),
    /// List the active plugins of the server
    List,
    /// Publish a version on the server, so that it can be activated
    #[command(after_help = "\
Examples:
  macadam plugin publish dist/acme-tag-police-1.2.0.tar.gz
  macadam plugin publish plugins/tag-police --component target/component.wasm

A version is immutable: the same bytes again are a success, others are refused. Publishing activates nothing, except
where a binding follows what is published. Only members of the team that owns the namespace publish there.")]
    Publish(publish::PublishArgs),
    /// Take a version out of what ranges and `latest` find; who names it exactly still gets it
    Yank(publish::VersionArgs),
    /// Undo yank
    Unyank(publish::VersionArgs),
    /// List a plugin's versions, with those that are yanked or deprecated
    Versions(deprecate::NameArgs),
    /// Say that a version, or all of a plugin, should not be used any more; nothing that runs stops
    #[command(after_help = "\
Examples:
  macadam plugin deprecate acme/tag-police@1.2.0 --message 'misses empty tags' --successor acme/tag-police@1.2.1
  macadam plugin deprecate acme/tag-police --message 'not maintained any more' --successor macadam/required-tags

Whoever activates it or has it active is told; ranges and `latest` find it as before, which yank is for. Without a
version it is said of all versions, those to come among them. Said again, the new message takes the place of the old.")]
    Deprecate(deprecate::DeprecateArgs),
    /// Undo deprecate, for just the version or the plugin that is named
    Undeprecate(deprecate::ScopeArgs),
    /// List the bindings: what is to be active, in which version and revision
    Bindings,
    /// Activate a version under a binding, in one step and without a failed request
    #[command(after_help = "\
Examples:
  macadam plugin activate cost-threshold acme/cost-threshold@1.3.0 --reason 'rounds up'
  macadam plugin activate tag-police 'acme/tag-police@^1.2' --follow --set mode=strict

What the binding says of settings, places, limits and grants stays unless it is given anew. A version that does not load
changes nothing.")]
    Activate(activate::ActivateArgs),
    /// Give a version a share of the requests; it is taken out by itself when it breaks its bounds
    #[command(after_help = "\
Examples:
  macadam plugin canary cost-threshold 1.3.0 --weight 20 --denials 5
  macadam plugin canary cost-threshold --end

A canary that fails hurts no request: the active version answers instead. `macadam plugin promote` makes it the active one.")]
    Canary(tried::CanaryArgs),
    /// Ask a version beside the active one; what it says counts for nothing, and where it differs is kept
    #[command(after_help = "\
Examples:
  macadam plugin shadow cost-threshold 1.3.0
  macadam plugin shadow cost-threshold --end

A shadow changes nothing: a provider is only asked for its plan, without any grant.")]
    Shadow(tried::ShadowArgs),
    /// Make a binding's canary its active version
    Promote(tried::PromoteArgs),
    /// Take a binding out: nothing is active under it any more
    Deactivate(activate::BindingArgs),
    /// Make a binding what it was before, or at a revision
    Rollback(activate::RollbackArgs),
    /// Show every revision of a binding: what, who, when and why
    History {
        /// The binding
        binding: String,
    },
    /// Write all bindings as one YAML document
    Export,
    /// Show what applying a YAML document would change; exit code 5 when something would
    Diff(document::FileArgs),
    /// Make the bindings those of a YAML document, all or none; twice is a no-op
    Apply(document::ApplyArgs),
}

/// Runs `macadam plugin`.
pub(crate) fn run(global: &Global, command: PluginCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    match command {
        PluginCommand::Pack(args) => pack::pack_and_place(&args, output),
        PluginCommand::Inspect { path, component } => pack::inspect(&path, component.as_deref(), output),
        PluginCommand::Keygen(args) => sign::keygen(&args, output),
        PluginCommand::Statement(args) => sign::statement(&args, output),
        PluginCommand::Sign(args) => sign::sign(&args, output),
        PluginCommand::Verify(args) => sign::verify(&args, output),
        PluginCommand::Push(args) => oci::push(&args, output),
        PluginCommand::Pull(args) => oci::pull(&args, output),
        PluginCommand::List => list(global, output),
        PluginCommand::Publish(args) => publish::publish(global, &args, output),
        PluginCommand::Yank(args) => publish::yank(global, &args, true, output),
        PluginCommand::Unyank(args) => publish::yank(global, &args, false, output),
        PluginCommand::Versions(args) => deprecate::versions(global, &args, output),
        PluginCommand::Deprecate(args) => deprecate::deprecate(global, &args, output),
        PluginCommand::Undeprecate(args) => deprecate::undeprecate(global, &args, output),
        PluginCommand::Bindings => activate::bindings(global, output),
        PluginCommand::Activate(args) => activate::activate(global, &args, output),
        PluginCommand::Canary(args) => tried::canary(global, &args, output),
        PluginCommand::Shadow(args) => tried::shadow(global, &args, output),
        PluginCommand::Promote(args) => tried::promote(global, &args, output),
        PluginCommand::Deactivate(args) => activate::deactivate(global, &args, output),
        PluginCommand::Rollback(args) => activate::rollback(global, &args, output),
        PluginCommand::History { binding } => activate::history(global, &binding, output),
        PluginCommand::Export => document::export(global, output),
        PluginCommand::Diff(args) => document::diff(global, &args, output),
        PluginCommand::Apply(args) => document::apply(global, &args, output),
    }
}

fn list(global: &Global, output: &mut Output<'_>) -> anyhow::Result<End> {
    let all = Client::new(global)?.get("/plugins")?;
    output.value(&all, |all| {
        let row = |plugin: &Value| {
            let of = |pointer| text(plugin, pointer);
            let name =
                if of("/name").is_empty() { of("/requested") } else { format!("{}@{}", of("/name"), of("/version")) };
            let said = [of("/error"), deprecate::said(plugin), of("/summary")];
            let what = said.into_iter().find(|said| !said.is_empty()).unwrap_or_default();
            [name, of("/kind"), of("/state"), of("/usage/calls"), of("/usage/failures"), what]
        };
        Ok(table(["plugin", "kind", "state", "calls", "failures", "what"], items(all).iter().map(row)))
    })?;
    Ok(End::Done)
}
