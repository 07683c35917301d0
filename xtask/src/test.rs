//! `cargo xtask test [GROUP]`: every test, or one group of those that cross crates.
//!
//! What the tests need is built or installed first: the guests, the `macadam` binary, PostgreSQL, an S3 server. The last line sums up
//! all runners: `N passed, N failed, N skipped`. A test that finds that it cannot be run here says so by a line with
//! `SKIPPED:`; its runner calls it passed, and the last line does not.
//!
//! The group `keyless` is that of the feature, which nothing else builds: sigstore bundles, which need nothing else.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::shell::{cargo, is_installed, root, run};
use crate::{conformance, deploy, foreign, guests, oidc};

/// The S3 server that hosts share in tests. It does not check signatures of version 4; the tests of secrets do.
const S3: &str = "s3rver@3.7.1";

/// For how long there is trouble in the group `chaos`, which takes minutes when it is asked for by name.
const CHAOS_SECONDS: &str = "MACADAM_CHAOS_SECONDS";

/// How a test says that it cannot be run here, and why.
const SKIPPED: &str = "SKIPPED: ";

/// What the runners said, added up.
#[derive(Default)]
struct Tally {
    passed: u64,
    failed: u64,
    skipped: u64,
    /// What tests that cannot be run here have said.
    not_run: Vec<String>,
    broken: Vec<String>,
}

/// Runs the tests.
pub(crate) fn test(group: Option<&str>) -> Result<()> {
    if group == Some("keyless") {
        let mut tally = Tally::default();
        let mut keyless = cargo()?;
        keyless.args(["test", "-p", "macadam-registry", "--features", "keyless", "--no-fail-fast"]);
        tally.run("tests of the feature keyless", &mut keyless)?;
        return tally.conclude();
    }
    guests::build(&root()?, &guests::Options::default())?;
    foreign::build()?;
    conformance::install()?;
    oidc::install()?;
    need_postgres()?;
    need_promtool()?;
    // npm takes what it has not installed itself for rubbish, so each program has a folder of its own.
    deploy::npm(&root()?.join("target/tools/s3"), "s3rver", S3)?;
    let mut tally = Tally::default();
    match group {
        Some(group) => {
            build(&["--bin", "macadam", "--test", group])?;
            let mut tests = cargo()?;
            tests.args(["test", "--workspace", "--test", group]);
            if group == "chaos" && std::env::var_os(CHAOS_SECONDS).is_none() {
                tests.env(CHAOS_SECONDS, "240");
            }
            tally.run(&format!("tests of {group}"), &mut tests)?;
        }
        None => {
            build(&["--bin", "macadam", "--tests"])?;
            tally.run("tests of the host", cargo()?.args(["test", "--workspace", "--no-fail-fast"]))?;
            let mut native = cargo()?;
            native.current_dir(root()?.join("guests")).args(["test", "--workspace", "--no-fail-fast"]);
            tally.run("tests of the guests", &mut native)?;
        }
    }
    tally.conclude()
}

/// Builds the server with what tests it. Together, and of the whole workspace, since cargo gives the libraries below the
/// features that all of what is built at once asks for: the server alone, or one package, would have most of them built anew.
fn build(what: &[&str]) -> Result<()> {
    let mut build = cargo()?;
    build.args(["build", "--workspace"]).args(what);
    run("build of the server and of its tests", &mut build)
}

impl Tally {
    fn run(&mut self, what: &str, command: &mut Command) -> Result<()> {
        crate::say(&format!("── {what}"));
        let mut child = command.stdout(Stdio::piped()).spawn().with_context(|| format!("{what} cannot be started"))?;
        let output = child.stdout.take().context("the runner's output")?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            crate::say(&line);
            self.note(&line);
        }
        if !child.wait()?.success() {
            self.broken.push(what.to_owned());
        }
        Ok(())
    }

    /// Takes up cargo's `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn note(&mut self, line: &str) {
        // A runner may have written the test's name before it.
        if let Some((_, why)) = line.split_once(SKIPPED) {
            self.not_run.push(why.to_owned());
        }
        let Some(counts) = line.trim().strip_prefix("test result: ") else { return };
        let count = |word: &str| -> u64 {
            let part = counts.split([';', '.']).find(|part| part.trim_end().ends_with(word));
            part.and_then(|part| part.split_whitespace().next()).and_then(|number| number.parse().ok()).unwrap_or(0)
        };
        self.passed += count("passed");
        self.failed += count("failed");
        self.skipped += count("ignored");
    }

    /// How many have passed, failed and been skipped.
    fn counts(&self) -> (u64, u64, u64) {
        let not_run = u64::try_from(self.not_run.len()).unwrap_or(u64::MAX);
        (self.passed.saturating_sub(not_run), self.failed, self.skipped.saturating_add(not_run))
    }

    fn conclude(self) -> Result<()> {
        let (passed, failed, skipped) = self.counts();
        let Self { not_run, broken, .. } = self;
        crate::say("");
        for why in not_run {
            crate::say(&format!("{SKIPPED}{why}"));
        }
        crate::say(&format!("{passed} passed, {failed} failed, {skipped} skipped"));
        if !broken.is_empty() {
            bail!("not everything passed: {}", broken.join(", "));
        }
        if passed == 0 {
            bail!("no test was run");
        }
        Ok(())
    }
}

/// Makes sure that a PostgreSQL server can be started by the tests.
fn need_postgres() -> Result<()> {
    let packaged = std::fs::read_dir("/usr/lib/postgresql").is_ok_and(|mut versions| versions.next().is_some());
    if packaged || is_installed("initdb") {
        return Ok(());
    }
    install("postgresql", "a PostgreSQL server, so that `initdb` and `postgres` are there")
}

/// Makes sure that alert rules can be tried.
fn need_promtool() -> Result<()> {
    if is_installed("promtool") { Ok(()) } else { install("prometheus", "Prometheus' `promtool`") }
}

/// Installs a package of the distribution's, where that can be done; `what` is what the tests need it for.
fn install(package: &str, what: &str) -> Result<()> {
    if !is_root() || !is_installed("apt-get") {
        bail!("the tests need {what}: install it");
    }
    run("package lists", Command::new("apt-get").args(["update", "-q"]))?;
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-q", "--no-install-recommends", package]);
    run(&format!("installation of {package}"), install.env("DEBIAN_FRONTEND", "noninteractive"))
}

/// Whether packages can be installed.
fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_that_says_that_it_cannot_be_run_here_counts_as_skipped_and_its_reason_is_kept() {
        let mut tally = Tally::default();
        for line in [
            "test disk::a_full_disk ... SKIPPED: disk::a_full_disk: nobody may mount here",
            "ok",
            "test disk::another ... ok",
            "test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.10s",
        ] {
            tally.note(line);
        }
        assert_eq!((tally.passed, tally.failed, tally.skipped), (2, 0, 1), "what the runner counts");
        assert_eq!(tally.not_run, ["disk::a_full_disk: nobody may mount here"]);
        assert_eq!(tally.counts(), (1, 0, 2), "who was not run has not passed");
    }
}
