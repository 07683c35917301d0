//! A compiler for `wasm32-unknown-unknown`, wherever it comes from.
//!
//! Most people need nothing or one `rustup target add`, which is tried for them. Where rustup is missing or cannot
//! download, a distribution's compiler with the sources of its library does as well: cargo builds the library along
//! with the guests. The sources must be those of the very compiler, so they are looked for in its own sysroot.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context as _, bail};

use super::{run, search_path};

/// What guests are built for: no imports but those that their world names.
pub(super) const TARGET: &str = "wasm32-unknown-unknown";

/// A download that takes longer than this does not come any more.
const RUSTUP_PATIENCE: Duration = Duration::from_secs(90);

/// Debian's and Ubuntu's newest compiler and the sources of its library.
const PACKAGES: [&str; 2] = ["rustc-web", "rust-web-src"];

/// Where a compiler for guests comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Toolchain {
    /// The Rust toolchain in use has the target, or rustup adds it.
    Rustup,
    /// A compiler with the sources of its library, as distributions package it.
    Distribution,
}

/// A compiler that was found.
#[derive(Debug)]
pub(super) enum Found {
    Installed,
    Distribution { rustc: PathBuf, linker: PathBuf },
}

/// Finds a compiler, and gets one when there is none.
///
/// # Errors
/// Says what to install when nothing worked.
pub(super) fn find(target: &Path, wanted: Option<Toolchain>) -> anyhow::Result<Found> {
    let last_time_distribution = note(target).exists();
    let may_rustup = wanted != Some(Toolchain::Distribution);
    if may_rustup && (has_target() || (!last_time_distribution && rustup_adds_target())) {
        return Ok(Found::Installed);
    }
    if wanted != Some(Toolchain::Rustup) {
        if let Some(found) = distribution() {
            return Ok(found);
        }
        if install_packages()
            && let Some(found) = distribution()
        {
            return Ok(found);
        }
    }
    bail!(
        "there is no compiler for {TARGET}: run `rustup target add {TARGET}`, or on Debian and Ubuntu \
         `apt-get install {} lld`, or `rustup component add rust-src`, then try again",
        PACKAGES.join(" ")
    )
}

impl Found {
    /// The call of cargo that builds the checkout's guests with this compiler.
    pub(super) fn cargo_build(&self, root: &Path) -> Command {
        let mut command = Command::new(cargo());
        command.arg("build").arg("--config").arg(without_paths(root));
        // Flags meant for this machine's own code; and another set of flags would build everything anew.
        for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "CARGO_BUILD_TARGET"] {
            command.env_remove(name);
        }
        if let Self::Distribution { rustc, linker } = self {
            let variable = format!("CARGO_TARGET_{}_LINKER", TARGET.to_uppercase().replace('-', "_"));
            command.env("RUSTC", rustc).env("RUSTC_BOOTSTRAP", "1").env(variable, linker);
            command.arg("-Zbuild-std=std,panic_abort");
        }
        command
    }

    /// Remembers that rustup was of no use, so that the next build does not wait for it again.
    pub(super) fn remember(&self, target: &Path) -> anyhow::Result<()> {
        match self {
            Self::Installed if note(target).exists() => fs::remove_file(note(target))?,
            Self::Installed => {}
            Self::Distribution { .. } => fs::write(note(target), "")?,
        }
        Ok(())
    }
}

fn note(target: &Path) -> PathBuf {
    target.join("built-with-the-distributions-compiler")
}

/// Takes the folders of this machine out of what panics name, so that equal sources give equal components anywhere.
fn without_paths(root: &Path) -> String {
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| env::home_dir().map(|home| home.join(".cargo"))).unwrap_or_default();
    let registries = fs::read_dir(cargo_home.join("registry/src")).into_iter().flatten().flatten();
    let mut folders: Vec<PathBuf> = registries.map(|registry| registry.path()).chain([root.to_owned()]).collect();
    folders.sort();
    let flag = |folder: &PathBuf| toml::Value::from(format!("--remap-path-prefix={}=", folder.display()));
    let flags = toml::Value::Array(folders.iter().map(flag).collect());
    format!("target.{TARGET}.rustflags={flags}")
}

/// The cargo that runs this, or the one on the path.
pub(super) fn cargo() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

fn has_target() -> bool {
    let library = printed(Path::new("rustc"), &["--target", TARGET, "--print", "target-libdir"]);
    let entries = library.and_then(|library| fs::read_dir(library).ok());
    entries.into_iter().flatten().flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("libstd-"))
}

fn rustup_adds_target() -> bool {
    let quiet = || Stdio::null();
    let mut command = Command::new("rustup");
    command.args(["target", "add", TARGET]).stdin(quiet()).stdout(quiet()).stderr(quiet());
    command.spawn().is_ok_and(|child| ends_well_in_time(child, RUSTUP_PATIENCE)) && has_target()
}

fn ends_well_in_time(mut child: Child, patience: Duration) -> bool {
    let start = Instant::now();
    while start.elapsed() < patience {
        match child.try_wait() {
            Ok(Some(status)) => return status.success(),
            Ok(None) => thread::sleep(Duration::from_millis(50)),
            Err(_) => return false,
        }
    }
    // It may have ended just now; then there is nothing to kill and nothing to report.
    let _ = child.kill();
    let _ = child.wait();
    false
}

/// A compiler whose sysroot has the library's sources, and a linker for WebAssembly.
fn distribution() -> Option<Found> {
    let has_sources = |rustc: &PathBuf| {
        let sysroot = printed(rustc, &["--print", "sysroot"]);
        sysroot.is_some_and(|root| Path::new(&root).join("lib/rustlib/src/rust/library/std/Cargo.toml").exists())
    };
    let folders = search_path().into_iter().chain(["/usr/bin".into()]);
    let rustc = folders.map(|folder| folder.join("rustc")).filter(|rustc| rustc.exists()).find(has_sources)?;
    Some(Found::Distribution { rustc, linker: linker()? })
}

/// The linker that comes with a Rust toolchain, or else LLVM's own, the newest first.
fn linker() -> Option<PathBuf> {
    let of_toolchain = printed(Path::new("rustc"), &["--print", "sysroot"]).and_then(|sysroot| {
        let hosts = fs::read_dir(Path::new(&sysroot).join("lib/rustlib")).ok()?;
        hosts.flatten().map(|host| host.path().join("bin/rust-lld")).find(|lld| lld.exists())
    });
    let on_path = || {
        let names = ["rust-lld", "wasm-ld", "lld"];
        let folders = search_path();
        names.iter().flat_map(|name| folders.iter().map(move |folder| folder.join(name))).find(|file| file.exists())
    };
    of_toolchain.or_else(on_path).or_else(newest_llvm_linker)
}

fn newest_llvm_linker() -> Option<PathBuf> {
    let version = |folder: &Path| folder.file_name()?.to_str()?.strip_prefix("llvm-")?.parse::<u32>().ok();
    let folders = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path());
    let linkers = folders.filter_map(|folder| Some((version(&folder)?, folder.join("bin/wasm-ld"))));
    linkers.filter(|(_, linker)| linker.exists()).max().map(|(_, linker)| linker)
}

/// Installs the distribution's packages where that needs no password and no answer.
fn install_packages() -> bool {
    let is_root = printed(Path::new("id"), &["-u"]).as_deref() == Some("0");
    let has_apt = search_path().iter().any(|folder| folder.join("apt-get").exists());
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        run(&mut command).is_ok()
    };
    let install = [["install", "--yes", "--no-install-recommends"].as_slice(), PACKAGES.as_slice()].concat();
    is_root && has_apt && (apt(&install) || (apt(&["update"]) && apt(&install)))
}

/// What a program prints, when it ends well.
fn printed(program: &Path, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).stderr(Stdio::null()).output().ok()?;
    let text = output.status.success().then(|| String::from_utf8(output.stdout).context("not text").ok())??;
    Some(text.trim().to_owned())
}
