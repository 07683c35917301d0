//! Fuzzing: each target of `fuzz/` for a while, built with coverage by the compiler that is there.
//!
//! libFuzzer counts which edges of the program an input takes; `rustc` writes the counters with LLVM's own pass, on a stable
//! toolchain as well. What makes a target fail is kept in `fuzz/artifacts`, what led somewhere new in `fuzz/corpus`. What a
//! target begins with, when there is something that chance would hardly write, is in `fuzz/seeds`.
//!
//! Nothing else builds `fuzz/`; `cargo xtask lint` has the compiler look at its targets, as binaries of `fuzz/check`.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::shell::{cargo, root, run};

/// What the flags of cargo-fuzz are, without a sanitizer, which would take a nightly toolchain.
const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
                     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
                     -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// What `fuzz` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The target; all of them if nothing is said.
    target: Option<String>,
    /// For how long each.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
}

/// With what cargo compiles the targets among the host's packages, to see whether they still fit.
pub(crate) const AMONG_THE_HOST: [&str; 2] = ["--features", "macadam-fuzz-check/targets"];

/// Makes sure that no target is left out of those.
pub(crate) fn all_are_among_the_host() -> Result<()> {
    let folder = root()?.join("fuzz");
    let manifest = std::fs::read_to_string(folder.join("check/Cargo.toml")).context("fuzz/check cannot be read")?;
    let mut targets = targets(&folder)?.into_iter();
    match targets.find(|target| !manifest.contains(&format!("\"../targets/{target}.rs\""))) {
        Some(target) => bail!("fuzz/check/Cargo.toml has no target {target}: write it there as well"),
        None => Ok(()),
    }
}

/// Fuzzes.
pub(crate) fn fuzz(options: &Options) -> Result<()> {
    let folder = root()?.join("fuzz");
    let targets = match &options.target {
        Some(target) => vec![target.clone()],
        None => targets(&folder)?,
    };
    let host = host()?;
    let mut build = cargo()?;
    build.current_dir(&folder).env("RUSTFLAGS", FLAGS).args(["build", "--release", "--workspace", "--target", &host]);
    // One target is built without what only others take.
    match &options.target {
        Some(target) => build.args(["--bin", target]),
        None => build.arg("--bins"),
    };
    run("build of the fuzz targets", &mut build)?;
    for target in targets {
        let (corpus, artifacts) = (folder.join("corpus").join(&target), folder.join("artifacts").join(&target));
        for directory in [&corpus, &artifacts] {
            std::fs::create_dir_all(directory).with_context(|| format!("{} cannot be made", directory.display()))?;
        }
        let mut fuzzer = Command::new(folder.join("target").join(&host).join("release").join(&target));
        // What is new is written into the first folder, and the others are only read.
        fuzzer.arg(&corpus).args(Some(folder.join("seeds").join(&target)).filter(|seeds| seeds.is_dir()));
        fuzzer.arg(format!("-artifact_prefix={}/", artifacts.display()));
        fuzzer.args([format!("-max_total_time={}", options.seconds), "-timeout=10".to_owned()]);
        fuzzer.args(["-rss_limit_mb=2048", "-print_final_stats=1"]);
        run(&format!("fuzzing of {target}"), &mut fuzzer)?;
    }
    Ok(())
}

fn targets(folder: &Path) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for file in std::fs::read_dir(folder.join("targets")).context("the targets cannot be listed")? {
        let path = file?.path();
        names.extend(path.file_stem().and_then(|name| name.to_str()).map(str::to_owned));
    }
    names.sort();
    if names.is_empty() {
        bail!("there is no fuzz target");
    }
    Ok(names)
}

/// The machine's own triple: with a target named, build scripts are built without the counters.
fn host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("rustc cannot be asked what it builds for")?;
    let text = String::from_utf8(output.stdout).context("rustc answers in UTF-8")?;
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(line.context("rustc does not say what it builds for")?.to_owned())
}
