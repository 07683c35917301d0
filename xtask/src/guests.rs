//! `guests`: builds every plugin of the checkout into a component.
//!
//! The guests are a cargo workspace of their own, so one call of cargo builds all of them and does nothing when nothing
//! has changed. What cargo makes are core modules; each becomes a component here, and is checked to import nothing but
//! what its kind may.

mod component;
mod toolchain;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context as _, bail};
use serde::Deserialize;

pub(crate) use toolchain::Toolchain;
use toolchain::{TARGET, cargo};

/// How the guests are built.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Options {
    /// The compiler to use; by default the first that is there or can be had.
    #[arg(long)]
    pub(crate) toolchain: Option<Toolchain>,
}

/// A plugin that is ready to be packed.
#[derive(Debug)]
pub(crate) struct BuiltPlugin {
    /// Where its `plugin.toml` is.
    #[allow(dead_code, reason = "for the commands that pack plugins")]
    pub(crate) manifest_dir: PathBuf,
    /// The component.
    pub(crate) component: PathBuf,
}

/// Builds every plugin: each crate of the guests' workspace that has a `plugin.toml`.
///
/// # Errors
/// When there is no compiler for guests and none can be had, when a crate does not build, or when a component imports
/// what its kind may not.
pub(crate) fn build(root: &Path, options: &Options) -> anyhow::Result<Vec<BuiltPlugin>> {
    let guests = root.join("guests");
    let target = guests.join("target");
    let toolchain = toolchain::find(&target, options.toolchain)?;
    let mut build = toolchain.cargo_build(root);
    build.current_dir(&guests).args(["--release", "--workspace", "--target", TARGET, "--target-dir"]).arg(&target);
    run(&mut build).context("the guests do not build")?;
    toolchain.remember(&target)?;

    let components = target.join("components");
    fs::create_dir_all(&components)?;
    let cores = target.join(TARGET).join("release");
    let mut built = Vec::new();
    for package in plugins(&guests)? {
        let core = cores.join(package.name.replace('-', "_")).with_extension("wasm");
        let component = components.join(&package.name).with_extension("wasm");
        component::refresh(&core, &component, &package.manifest_dir.join("plugin.toml"))
            .with_context(|| format!("{} makes no component", package.name))?;
        built.push(BuiltPlugin { manifest_dir: package.manifest_dir, component });
    }
    component::refresh_texts(&root.join("tests/hostile/guests/wat"), &root.join("wit/v0.1"), &components)?;
    Ok(built)
}

struct Package {
    name: String,
    manifest_dir: PathBuf,
}

/// The crates of the workspace that are plugins, by name.
fn plugins(guests: &Path) -> anyhow::Result<Vec<Package>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<MetadataPackage>,
    }
    #[derive(Deserialize)]
    struct MetadataPackage {
        name: String,
        manifest_path: PathBuf,
    }
    let mut command = Command::new(cargo());
    command.current_dir(guests).args(["metadata", "--no-deps", "--format-version", "1"]);
    let output = command.output().context("cargo does not run")?;
    if !output.status.success() {
        bail!("cargo cannot read the guests' workspace: {}", String::from_utf8_lossy(&output.stderr));
    }
    let metadata: Metadata = serde_json::from_slice(&output.stdout)?;
    let mut plugins: Vec<Package> = metadata
        .packages
        .into_iter()
        .filter_map(|package| {
            Some(Package { manifest_dir: package.manifest_path.parent()?.to_owned(), name: package.name })
        })
        .filter(|package| package.manifest_dir.join("plugin.toml").exists())
        .collect();
    plugins.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(plugins)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("{} does not run", command.get_program().display()))?;
    if status.success() { Ok(()) } else { bail!("{} ended with {status}", command.get_program().display()) }
}

/// The folders of `PATH`.
fn search_path() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}
