//! Where a key can come from. What keeps keys elsewhere, such as a key management service, is asked by a program of the
//! administrator's: each has one already, with its own way of signing in.

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use macadam_platform::vault::KEY_BYTES;

use super::MasterKey;
use crate::serve::data::check_private;

/// How long a program may take to give a key: a service far away, and a sign-in before.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a program is asked whether it has ended.
const LOOK: Duration = Duration::from_millis(20);

/// The most that a program may write. A key is short; what is longer is a mistake.
const MOST: u64 = 4096;

/// The most that is repeated of what a program says is wrong.
const TOLD: usize = 300;

/// Something that keeps a key, and gives it to this host.
pub(in crate::serve) trait KeySource {
    /// The key; `None` when it is to be made.
    fn key(&self) -> anyhow::Result<Option<MasterKey>>;
}

/// A variable of the environment.
pub(super) struct Variable(pub(super) String);

/// A file that somebody has made.
pub(super) struct File(pub(super) PathBuf);

/// The file in the data directory. It is the only one that is made where there is none.
pub(super) struct DataDirFile(pub(super) PathBuf);

/// A program and its arguments, which writes the key to standard output. It is run without a shell.
pub(super) struct Program(pub(super) Vec<String>);

impl KeySource for Variable {
    fn key(&self) -> anyhow::Result<Option<MasterKey>> {
        // The system's own error repeats what is in the variable when that is no UTF-8, such as a key as bytes.
        let text = std::env::var(&self.0).ok().with_context(|| {
            format!("the variable {} of the environment cannot be read; set it, as digits or base64", self.0)
        })?;
        MasterKey::from_text(&text).with_context(|| format!("the variable {}", self.0)).map(Some)
    }
}

impl KeySource for File {
    fn key(&self) -> anyhow::Result<Option<MasterKey>> {
        let bytes = fs::read(&self.0).with_context(|| format!("{} cannot be read", self.0.display()))?;
        // Orchestrators mount secrets for a group.
        check_private(&self.0, 0o007)?;
        MasterKey::from_bytes(&bytes).with_context(|| self.0.display().to_string()).map(Some)
    }
}

impl KeySource for DataDirFile {
    fn key(&self) -> anyhow::Result<Option<MasterKey>> {
        let path: &Path = &self.0;
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("{} cannot be read", path.display())),
        };
        check_private(path, 0o077)?;
        let length = bytes.len();
        let key = bytes.try_into().map_err(|_| {
            anyhow::anyhow!("{} has {length} bytes instead of {KEY_BYTES}; put it back from a backup", path.display())
        })?;
        Ok(Some(MasterKey(key)))
    }
}

impl KeySource for Program {
    fn key(&self) -> anyhow::Result<Option<MasterKey>> {
        let Some((name, arguments)) = self.0.split_first() else {
            bail!("the program that gives the key has no name; write it and its arguments as a list");
        };
        let written = output(name, arguments).with_context(|| format!("the program {name}, which gives the key"))?;
        MasterKey::from_bytes(&written).with_context(|| format!("what the program {name} writes")).map(Some)
    }
}

/// What a program writes to standard output when it succeeds in time.
fn output(name: &str, arguments: &[String]) -> anyhow::Result<Vec<u8>> {
    let mut command = Command::new(name);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("it cannot be started")?;
    let (out, err) = (reading(child.stdout.take()), reading(child.stderr.take()));
    let begin = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        if begin.elapsed() > PATIENCE {
            child.kill()?;
            child.wait()?;
            bail!("it took longer than {} s and was ended", PATIENCE.as_secs());
        }
        sleep(LOOK);
    };
    let (out, err) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
    if !status.success() {
        let said: String = String::from_utf8_lossy(&err).trim().chars().take(TOLD).collect();
        let said = if said.is_empty() { "it wrote nothing to its standard error".to_owned() } else { said };
        bail!("it failed ({status}): {said}");
    }
    Ok(out)
}

/// Reads what a program writes, so that it never waits for a reader.
fn reading(from: Option<impl std::io::Read + Send + 'static>) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut read = Vec::new();
        if let Some(mut from) = from {
            // What could not be read is missing, and then it is no key.
            let _ = from.by_ref().take(MOST).read_to_end(&mut read);
            let _ = std::io::copy(&mut from, &mut std::io::sink());
        }
        read
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(script: &str) -> Result<Option<MasterKey>, String> {
        let program = Program(["sh", "-c", script].map(str::to_owned).to_vec());
        program.key().map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_program_gives_a_key_as_digits_base64_or_bytes() {
        for script in [
            "printf '07%.0s' $(seq 32)",
            "echo BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=",
            "printf '\\007%.0s' $(seq 32); echo asked >&2",
        ] {
            assert_eq!(program(script).unwrap().unwrap().0, [7; 32], "{script}");
        }
    }

    #[test]
    fn a_program_that_gives_none_is_told_with_what_it_says_and_never_with_what_it_wrote() {
        for (script, part) in [
            ("echo hunter2; echo 'access denied' >&2; exit 3", "access denied"),
            ("echo hunter2", "openssl rand"),
            ("yes hunter2 | head -c 100000", "openssl rand"),
            ("true", "openssl rand"),
        ] {
            let Err(refused) = program(script) else { panic!("{script} gives no key") };
            assert!(refused.contains(part) && !refused.contains("hunter2"), "{part:?} is missing in: {refused}");
        }
        let nowhere = Program(vec!["macadam-no-such-program".to_owned()]);
        assert!(nowhere.key().is_err_and(|error| format!("{error:#}").contains("cannot be started")));
        assert!(Program(Vec::new()).key().is_err());
    }
}
