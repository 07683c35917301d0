//! `cargo xtask lint`: formatting, lints and documentation, of the host and of the guests; whether the fuzz targets
//! compile; and `deploy/`.

use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::shell::{cargo, root, run};
use crate::{deploy, fuzz};

/// Checks everything that needs no test to be run.
pub(crate) fn lint() -> Result<()> {
    nothing_is_half_merged()?;
    fuzz::all_are_among_the_host()?;
    let host = ("host", root()?, fuzz::AMONG_THE_HOST.to_vec());
    for (what, folder, more) in [host, ("guests", root()?.join("guests"), Vec::new())] {
        run(&format!("formatting of the {what}"), cargo()?.current_dir(&folder).args(["fmt", "--all", "--check"]))?;
        let mut clippy = cargo()?;
        clippy.current_dir(&folder).args(["clippy", "--workspace", "--all-targets"]).args(more);
        run(&format!("lints of the {what}"), clippy.args(["--", "-D", "warnings"]))?;
        let mut doc = cargo()?;
        doc.current_dir(&folder).args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "-D warnings");
        run(&format!("documentation of the {what}"), &mut doc)?;
    }
    deploy::check()
}

/// No compiler looks into documents, where the marks of a merge that was not finished would stay.
fn nothing_is_half_merged() -> Result<()> {
    let marks = format!("^({} |{} )", "<".repeat(7), ">".repeat(7));
    let mut look = Command::new("git");
    look.current_dir(root()?).args(["grep", "--line-number", "-E", &marks]);
    let found = look.output().context("git looks for what is half merged")?;
    match found.status.code() {
        Some(1) => Ok(()),
        Some(0) => bail!("something is half merged:\n{}", String::from_utf8_lossy(&found.stdout)),
        _ => bail!("git cannot look for what is half merged: {}", String::from_utf8_lossy(&found.stderr)),
    }
}
