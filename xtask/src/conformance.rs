//! What judges the API's document and the server by it: tools from PyPI at fixed versions, in an environment of their
//! own below `guests/target/`.

use std::fs;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell::{is_installed, root, run};

const TOOLS: [&str; 2] = ["schemathesis==4.32.5", "openapi-spec-validator==0.9.0"];

/// Installs the tools if they are not there.
pub(crate) fn install() -> Result<()> {
    let place = root()?.join("guests/target/conformance");
    let venv = place.join("venv");
    if TOOLS.iter().all(|tool| venv.join("bin").join(tool.split("==").next().unwrap_or_default()).exists()) {
        return Ok(());
    }
    if !is_installed("python3") {
        bail!("the conformance tests need python3 with its venv module");
    }
    fs::create_dir_all(&place)?;
    run("a Python environment", Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
    run(
        "the tools of the conformance tests",
        Command::new(venv.join("bin/pip")).args(["install", "--quiet"]).args(TOOLS),
    )
}
