//! The data directory: where everything is, made at the first start, for its owner only.
//!
//! ```text
//! macadam.toml        the configuration            people.toml   who may sign in
//! organisation.toml   teams and environments       tokens.txt    the first people's tokens, in plain text
//! master.key          what secrets are sealed with macadam.db    the store, unless it is on a server
//! blobs/              packages and archives, unless they are in a bucket
//! registry/           packages that are taken over at a start, such as from `macadam plugin pack`
//! cache/ workspaces/
//! ```

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use macadam_platform::vault::KEY_BYTES;
use macadam_server::people::FirstPeople;

use crate::serve::{config, organisation};
use crate::tokens;

/// The data directory.
#[derive(Debug, Clone)]
pub(super) struct DataDir(PathBuf);

impl DataDir {
    /// Opens the directory, making it on first use.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).with_context(|| format!("the data directory {} cannot be made", path.display()))?;
        // Absolute, since the paths in it are shown to people and handed to children.
        let path = fs::canonicalize(path).with_context(|| format!("{} cannot be used", path.display()))?;
        close_to_others(&path);
        Ok(Self(path))
    }

    /// A path in it; one that is absolute stays as it is.
    pub(super) fn join(&self, path: impl AsRef<Path>) -> PathBuf {
        self.0.join(path)
    }

    /// The store.
    pub(super) fn database(&self) -> PathBuf {
        self.join("macadam.db")
    }

    /// Who may sign in.
    pub(super) fn people(&self) -> PathBuf {
        self.join("people.toml")
    }

    /// The first people's tokens.
    pub(super) fn tokens(&self) -> PathBuf {
        self.join(tokens::FILE)
    }

    /// The configuration, written on first use.
    pub(super) fn first_config(&self) -> anyhow::Result<PathBuf> {
        self.first("macadam.toml", config::DEFAULT)
    }

    /// Teams and environments, written on first use.
    pub(super) fn first_organisation(&self) -> anyhow::Result<PathBuf> {
        self.first("organisation.toml", organisation::DEFAULT)
    }

    fn first(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.join(name);
        match write_new(&path, text.as_bytes()) {
            Ok(()) => tracing::info!(path = %path.display(), "written, to start with"),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error).with_context(|| format!("{} cannot be written", path.display())),
        }
        Ok(path)
    }

    /// Makes the first people and their tokens unless there are people, and says whether it did.
    pub(super) fn first_people(&self) -> anyhow::Result<bool> {
        let path = self.people();
        if path.exists() {
            return Ok(false);
        }
        let first = FirstPeople::generate()?;
        let mut text =
            "# Person and token. Whoever reads this file is these people; move it to where only they do.\n".to_owned();
        for (person, token) in &first.tokens {
            text.push_str(&format!("{person} {}\n", token.reveal()));
        }
        // Tokens first: people whose tokens nobody has would lock everybody out. Those of a start that was cut off
        // between the two open nothing.
        let tokens = self.tokens();
        remove_if_there(&tokens)
            .and_then(|()| write_new(&tokens, text.as_bytes()))
            .with_context(|| format!("{} cannot be written", tokens.display()))?;
        write_new(&path, first.file.as_bytes()).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(true)
    }

    /// The key that secrets are sealed with, unless it is elsewhere.
    pub(super) fn master_key(&self) -> PathBuf {
        self.join("master.key")
    }

    /// Makes that key.
    pub(super) fn new_master_key(&self) -> anyhow::Result<[u8; KEY_BYTES]> {
        let path = self.master_key();
        if self.database().exists() {
            bail!(
                "{} is not here, and the secrets in the store open with their key alone; put it back from a backup, or, \
                 where the host has its key from elsewhere, say the same: MACADAM_MASTER_KEY, `master-key-env`, \
                 `master-key-file` or `master-key-command`",
                path.display()
            );
        }
        let mut key = [0_u8; KEY_BYTES];
        getrandom::fill(&mut key).map_err(io::Error::other).context("the system gives no randomness")?;
        write_new(&path, &key).with_context(|| format!("{} cannot be written", path.display()))?;
        Ok(key)
    }
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Writes a file that is not there yet, for its owner only, whole or not at all.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).inspect_err(|_| {
        // A half-written key or token is worse than none.
        let _ = fs::remove_file(path);
    })
}

/// A directory may be there before the first start, such as with a registry in it. On volumes where its mode cannot be
/// changed the files in it are still their owner's alone.
#[cfg(unix)]
fn close_to_others(path: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    let closed = fs::metadata(path).and_then(|metadata| {
        let mut permissions = metadata.permissions();
        let mode = permissions.mode();
        permissions.set_mode(mode & !0o077);
        if mode & 0o077 == 0 { Ok(()) } else { fs::set_permissions(path, permissions) }
    });
    if let Err(error) = closed {
        tracing::warn!(path = %path.display(), %error, "others can look into the data directory");
    }
}

#[cfg(not(unix))]
fn close_to_others(_: &Path) {}

/// A key that others can read is nobody's secret; `refused` are the permissions that it must not have.
#[cfg(unix)]
pub(super) fn check_private(path: &Path, refused: u32) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & refused != 0 {
        bail!("{} can be read by others; take that away with `chmod 600`", path.display());
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn check_private(_: &Path, _: u32) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use macadam_server::people::People;
    use std::os::unix::fs::PermissionsExt;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_first_start_makes_everything_for_its_owner_only_and_the_second_changes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        fs::create_dir(&path).unwrap();
        let data = DataDir::open(&path).unwrap();
        assert_eq!(mode(&data.0), 0o700, "also when it was there, such as with a registry in it");
        assert_eq!(mode(&DataDir::open(&directory.path().join("new/data")).unwrap().0), 0o700);
        let start = || {
            (
                data.first_config().unwrap(),
                data.first_organisation().unwrap(),
                data.first_people().unwrap(),
                data.new_master_key().is_ok(),
            )
        };
        let (config, organisation, new_people, key) = start();
        assert!(new_people && key);
        for path in [&config, &organisation, &data.people(), &data.tokens(), &data.master_key()] {
            assert_eq!(mode(path), 0o600, "{} is for its owner only", path.display());
        }
        let tokens = fs::read_to_string(data.tokens()).unwrap();
        assert_eq!(start(), (config, organisation, false, false), "the second start makes nothing");
        assert_eq!(fs::read_to_string(data.tokens()).unwrap(), tokens, "tokens are made once");
        let people = People::parse(&fs::read_to_string(data.people()).unwrap()).unwrap();
        let dana = tokens.lines().find_map(|line| line.strip_prefix("dana ")).unwrap();
        assert_eq!(people.with_token(dana).unwrap().team.as_str(), "payments");
    }
}
