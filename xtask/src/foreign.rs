//! What other toolchains bring: the policies in JavaScript and Python, built with their own toolchains into `guests/target/components/`.
//!
//! The toolchains come from npm and PyPI at fixed versions into `guests/target/foreign/`. Nothing is built again unless
//! a source or the contract is newer.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail};

use crate::shell::{is_installed, root, run};

const JAVASCRIPT: &str = "componentize-qjs@0.4.5";
const PYTHON: &str = "componentize-py==0.25.1";
/// What receivers of webhooks check messages with; the tests let it check ours.
const RECEIVER: &str = "standardwebhooks@1.1.1";
const WORLD: &str = "approval-policy-plugin";

/// They stay on the first contract: components of it must run for as long as the host knows it.
const CONTRACT: &str = "wit/v0.1";

/// Builds each foreign policy with and without stubs for WASI.
pub(crate) fn build() -> Result<()> {
    let root = root()?;
    let (sources, tools) = (root.join("tests/foreign/guests"), root.join("guests/target/foreign"));
    let (wit, components) = (root.join(CONTRACT), root.join("guests/target/components"));
    fs::create_dir_all(&tools)?;
    fs::create_dir_all(&components)?;
    npm(&tools, RECEIVER, "node_modules/standardwebhooks")?;
    for (suffix, stub) in [("", None), ("-stubbed", Some("--stub-wasi"))] {
        let component = components.join(format!("foreign-js{suffix}.wasm"));
        if is_stale(&component, &[&sources.join("policy.js"), &wit])? {
            let mut componentize = Command::new(javascript(&tools)?);
            componentize.arg("--wit").arg(&wit).args(["-n", WORLD, "--sync"]).args(stub);
            componentize.arg("--js").arg(sources.join("policy.js")).arg("-o").arg(&component);
            run("the JavaScript policy", &mut componentize)?;
        }
        let component = components.join(format!("foreign-python{suffix}.wasm"));
        if is_stale(&component, &[&sources.join("policy.py"), &wit])? {
            let mut componentize = Command::new(python(&tools)?);
            componentize.current_dir(&sources).arg("-d").arg(&wit).args(["-w", WORLD, "componentize"]).args(stub);
            componentize.arg("policy").arg("-o").arg(&component).env("PYTHONDONTWRITEBYTECODE", "1");
            run("the Python policy", &mut componentize)?;
        }
    }
    Ok(())
}

fn javascript(tools: &Path) -> Result<std::path::PathBuf> {
    npm(tools, JAVASCRIPT, "node_modules/.bin/componentize-qjs")
}

/// Installs a package unless what it brings is there. npm removes what it is not asked for, so it is asked for both.
fn npm(tools: &Path, package: &str, brings: &str) -> Result<std::path::PathBuf> {
    let path = tools.join(brings);
    if !path.exists() {
        if !is_installed("npm") {
            bail!("the tests need npm: install Node.js 20 or newer");
        }
        let mut install = Command::new("npm");
        install.current_dir(tools).args(["install", "--no-audit", "--no-fund", "--no-save", "--prefix", "."]);
        run(&format!("the package {package}"), install.args([JAVASCRIPT, RECEIVER]))?;
    }
    Ok(path)
}

fn python(tools: &Path) -> Result<std::path::PathBuf> {
    let venv = tools.join("venv");
    let program = venv.join("bin/componentize-py");
    if !program.exists() {
        if !is_installed("python3") {
            bail!("the tests of foreign guests need python3 with its venv module");
        }
        run("a Python environment", Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run("the Python toolchain", Command::new(venv.join("bin/pip")).args(["install", "--quiet", PYTHON]))?;
    }
    Ok(program)
}

/// Whether a component is missing or older than anything it is made from.
fn is_stale(component: &Path, sources: &[&Path]) -> Result<bool> {
    let Ok(built) = fs::metadata(component).and_then(|metadata| metadata.modified()) else { return Ok(true) };
    for source in sources {
        if newest(source)? > built {
            return Ok(true);
        }
    }
    Ok(false)
}

fn newest(path: &Path) -> Result<SystemTime> {
    let metadata = fs::metadata(path).with_context(|| format!("{} is not there", path.display()))?;
    let mut newest = metadata.modified()?;
    if metadata.is_dir() {
        for entry in fs::read_dir(path)? {
            newest = newest.max(entry?.metadata()?.modified()?);
        }
    }
    Ok(newest)
}
