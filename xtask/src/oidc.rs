//! The identity provider that the tests of sign-in use: npm `oidc-provider` at a fixed version, in `guests/target/oidc/`.

use std::fs;
use std::process::Command;

use anyhow::{Result, bail};

use crate::shell::{is_installed, root, run};

const PROVIDER: &str = "oidc-provider@9.13.3";

/// Installs the provider, unless it is there.
pub(crate) fn install() -> Result<()> {
    let tools = root()?.join("guests/target/oidc");
    if tools.join("node_modules/oidc-provider").exists() {
        return Ok(());
    }
    if !is_installed("npm") {
        bail!("the tests of sign-in need npm: install Node.js 20 or newer");
    }
    fs::create_dir_all(&tools)?;
    let mut install = Command::new("npm");
    install.current_dir(&tools).args(["install", "--no-audit", "--no-fund", "--no-save", "--prefix", "."]);
    run("the identity provider of the tests", install.arg(PROVIDER))
}
