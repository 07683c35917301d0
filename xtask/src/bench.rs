//! `cargo xtask bench [GROUP] [--quick] [--json FILE]`: what the sandbox costs, as ratios within one run.
//!
//! Everything is built optimised first: the guests, the server, the program that measures, and the other policy engines,
//! which are a cargo workspace of their own. Other generators come from PyPI at fixed versions into the target folder;
//! where they cannot be had, their figures say that they were not measured.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::shell::{cargo, is_installed, root, run};
use crate::{foreign, guests};

const COOKIECUTTER: &str = "cookiecutter==2.7.1";
const COPIER: &str = "copier==9.19.1";

/// What is measured, and how.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// One group: decision, http, scaffold, plugin, lifecycle, store or server; all when nothing is said.
    group: Option<String>,
    /// Everything in under a minute, once it is built.
    #[arg(long)]
    quick: bool,
    /// Writes the figures to a file as JSON.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Builds what is measured and what it is compared with, and measures.
pub(crate) fn bench(options: &Options) -> Result<()> {
    let wants = |group: &str| options.group.as_deref().is_none_or(|only| only == group);
    guests::build(&root()?, &guests::Options::default())?;
    build()?;

    let release = release()?;
    let mut measure = Command::new(release.join("macadam-bench"));
    measure.current_dir(root()?).args(&options.group).arg("--server").arg(release.join("macadam"));
    if options.quick {
        measure.arg("--quick");
    }
    if let Some(file) = &options.json {
        measure.arg("--json").arg(std::path::absolute(file)?);
    }
    if wants("decision") {
        or_say("the JavaScript policy", foreign::build());
        if let Some(program) = or_say("the other policy engines", peers()) {
            measure.arg("--peers").arg(program);
        }
    }
    if wants("scaffold")
        && let Some(folder) = or_say("the other generators", generators())
    {
        measure.arg("--tools").arg(folder);
    }
    run("measuring", &mut measure)
}

/// Builds the server and the program that measures it, optimised.
pub(crate) fn build() -> Result<()> {
    let mut build = cargo()?;
    build.args(["build", "--release", "-p", "macadam-bench", "-p", "macadam-cli"]);
    run("build of the server and of what measures it", &mut build)
}

/// Where the two of them are then.
pub(crate) fn release() -> Result<PathBuf> {
    Ok(target()?.join("release"))
}

/// What is only compared with may be missing; its figures then say so.
fn or_say<T>(what: &str, outcome: Result<T>) -> Option<T> {
    outcome.inspect_err(|error| crate::say(&format!("{what} cannot be had: {error:#}"))).ok()
}

/// Builds the other policy engines and gives the program that runs them.
fn peers() -> Result<PathBuf> {
    let target = target()?.join("bench-peers");
    let mut build = cargo()?;
    build
        .current_dir(root()?.join("bench-peers"))
        .args(["build", "--release", "--locked", "--target-dir"])
        .arg(&target);
    run("build of the other policy engines", &mut build)?;
    Ok(target.join("release/bench-peers"))
}

/// Installs the other generators and gives the folder with their programs.
fn generators() -> Result<PathBuf> {
    let folder = target()?.join("bench-generators");
    let programs = folder.join("bin");
    let is_there = |program: &str| programs.join(program).is_file();
    if !(is_there("cookiecutter") && is_there("copier")) {
        anyhow::ensure!(is_installed("python3"), "python3 with its venv module is not installed");
        run("a Python environment", Command::new("python3").args(["-m", "venv"]).arg(&folder))?;
        let mut install = Command::new(programs.join("pip"));
        run("the other generators", install.args(["install", "--quiet", COOKIECUTTER, COPIER]))?;
    }
    Ok(programs)
}

/// Where cargo builds.
fn target() -> Result<PathBuf> {
    Ok(std::env::var_os("CARGO_TARGET_DIR").map_or(root()?.join("target"), PathBuf::from))
}
