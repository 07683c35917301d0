//! Running programs: what runs is shown, and a failure names it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// The root of the source tree.
pub(crate) fn root() -> Result<PathBuf> {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    Ok(manifest.parent().context("xtask is in a folder of the tree")?.to_owned())
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Result<Command> {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()?);
    // What cargo tells this program about itself is no business of what is built below: build scripts that look at such a
    // variable, as ring's does, would run again, and all that depends on them be built again, whenever somebody goes from
    // `cargo test` to `cargo xtask test` or back.
    for (name, _) in std::env::vars_os() {
        if name.to_str().is_some_and(is_about_this_program) {
            command.env_remove(name);
        }
    }
    Ok(command)
}

fn is_about_this_program(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_NAME", "CARGO_BIN_NAME", "CARGO_PRIMARY_PACKAGE"]
        .iter()
        .any(|about| variable.starts_with(about))
}

/// Runs a program to its end.
pub(crate) fn run(what: &str, command: &mut Command) -> Result<()> {
    crate::say(&format!("── {what}"));
    let status = command.status().with_context(|| format!("{what}: {:?} cannot be started", command.get_program()))?;
    if !status.success() {
        bail!("{what} failed ({status})");
    }
    Ok(())
}

/// Whether a program can be found.
pub(crate) fn is_installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|path| path.join(program).is_file())
}
