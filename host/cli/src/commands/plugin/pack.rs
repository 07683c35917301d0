//! `macadam plugin pack` and `inspect`: what can be done with a plugin on this machine alone.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::Args;
use jiff::Timestamp;
use macadam_registry::{Expected, Package, Published, Registry, Versioning, pack, read};
use serde_json::{Value, json};

use crate::exit::End;
use crate::output::Output;
use crate::show::{facts, text};

/// Pack.
#[derive(Debug, Args)]
pub(crate) struct PackArgs {
    /// The plugin's directory
    dir: PathBuf,
    /// The component, or the core module that becomes one
    #[arg(long, value_name = "FILE")]
    component: Option<PathBuf>,
    /// Where the package goes; by default here, unless it goes to a registry
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A registry's directory to publish into
    #[arg(long, value_name = "DIR")]
    registry: Option<PathBuf>,
    /// Give it a version of its own that says it is being worked on; `@dev` finds the last one
    #[arg(long)]
    dev: bool,
}

/// Packs, and puts the package where it goes.
pub(super) fn pack_and_place(args: &PackArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let versioning = if args.dev { Versioning::Dev } else { Versioning::AsWritten };
    let package = from_directory(&args.dir, args.component.as_deref(), versioning)?;
    let out = args.out.clone().or_else(|| args.registry.is_none().then(|| PathBuf::from(".")));
    let mut remarks = Vec::new();
    if let Some(out) = out {
        // Both parts of the name, so that two plugins of one name from different publishers do not meet.
        let path = out.join(package.path().replace('/', "-"));
        std::fs::create_dir_all(&out).with_context(|| format!("{} cannot be made", out.display()))?;
        std::fs::write(&path, package.archive()).with_context(|| format!("{} cannot be written", path.display()))?;
        remarks.push(format!("Wrote {}", path.display()));
    }
    if let Some(registry) = &args.registry {
        remarks.push(match Registry::open(registry)?.publish(&package, Timestamp::now())? {
            Published::New => format!("Published to {}", registry.display()),
            Published::Already => format!("It is in {} already", registry.display()),
        });
    }
    output.value(&document(&package), |document| {
        let head = [("Plugin", plugin_of(document)), ("Digest", text(document, "/digest"))];
        Ok(format!("{}{}", facts(&head), remarks.join("\n")))
    })?;
    Ok(End::Done)
}

/// Shows what a package or a directory holds.
pub(super) fn inspect(path: &Path, component: Option<&Path>, output: &mut Output<'_>) -> anyhow::Result<End> {
    let package = open(path, component)?;
    output.value(&document(&package), |document| Ok(shown(document)))?;
    Ok(End::Done)
}

/// A package from its file, or packed from its directory.
pub(super) fn open(path: &Path, component: Option<&Path>) -> anyhow::Result<Package> {
    if path.is_dir() {
        return from_directory(path, component, Versioning::AsWritten);
    }
    let file = std::fs::File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    Ok(read(file, &Expected::default())?)
}

fn from_directory(dir: &Path, component: Option<&Path>, versioning: Versioning) -> anyhow::Result<Package> {
    let file = |name: &str| dir.join(name);
    let text =
        |path: PathBuf| std::fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()));
    let manifest = text(file("plugin.toml"))?;
    let readme = if file("README.md").exists() { text(file("README.md"))? } else { String::new() };
    let component = component.map_or_else(|| file("plugin.wasm"), Path::to_owned);
    if !component.exists() {
        bail!("there is no {}; build the plugin, and name its component with --component", component.display());
    }
    let wasm = std::fs::read(&component).with_context(|| format!("{} cannot be read", component.display()))?;
    pack(&manifest, &wasm, &readme, versioning).with_context(|| format!("{} cannot be packed", dir.display()))
}

fn document(package: &Package) -> Value {
    json!({
        "manifest": package.manifest(),
        "digest": package.digest(),
        "component": package.component().digest(),
        "interfaces": package.interfaces(),
        "size": package.archive().len(),
        "component_size": package.component().bytes().len(),
    })
}

fn plugin_of(document: &Value) -> String {
    format!("{}@{}", text(document, "/manifest/name"), text(document, "/manifest/version"))
}

fn shown(document: &Value) -> String {
    let of = |pointer| text(document, pointer);
    let list = |pointer| {
        let items = document.pointer(pointer).and_then(Value::as_array).cloned().unwrap_or_default();
        items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n  ")
    };
    let head = facts(&[
        ("Plugin", plugin_of(document)),
        ("Kind", of("/manifest/kind")),
        ("Contract", of("/manifest/contract")),
        ("Summary", of("/manifest/summary")),
        ("License", of("/manifest/license")),
        ("Authors", list("/manifest/authors").replace("\n  ", ", ")),
        ("Capabilities", list("/manifest/capabilities").replace("\n  ", ", ")),
        ("Settings", of("/manifest/settings")),
        ("Limits", of("/manifest/limits")),
        ("Package", format!("{} ({} bytes)", of("/digest"), of("/size"))),
        ("Component", format!("{} ({} bytes)", of("/component"), of("/component_size"))),
    ]);
    format!("{head}\nImports:\n  {}\n\nExports:\n  {}", list("/interfaces/imports"), list("/interfaces/exports"))
}
