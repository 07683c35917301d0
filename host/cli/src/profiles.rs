//! Profiles: the servers that somebody signs in to, and what they got there, kept on this machine for its owner only.
//!
//! ```text
//! ~/.config/macadam/profiles.toml            which profiles there are, and which is in use
//! ~/.config/macadam/credentials/NAME.json    the tokens of one; mode 0600, in a directory of mode 0700
//! ```
//!
//! Tokens are in files and not in the keyring of the desktop: on the machines where a command line signs in by a code there
//! mostly is none, and the crates for it bring a C library or a hundred others. What a file holds is worth little for
//! long: an access token lasts minutes, and a refresh token is replaced each time that it is used.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use macadam_server::sign_in::TokenKind;
use serde::{Deserialize, Serialize};

/// The variable that says where profiles are.
const VARIABLE: &str = "MACADAM_PROFILES";

/// One server that somebody signs in to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Profile {
    /// Its address.
    pub(crate) server: String,
    /// Who vouches for people there.
    pub(crate) issuer: String,
}

/// What there is.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Profiles {
    /// The one that counts when none is named.
    pub(crate) current: Option<String>,
    /// All, by name.
    #[serde(default)]
    pub(crate) profiles: BTreeMap<String, Profile>,
}

/// What a sign-in gave.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// The server that it was got for; nothing in files of before this was written down.
    #[serde(default)]
    pub(crate) server: Option<String>,
    /// Whose tokens these are.
    pub(crate) issuer: String,
    /// As which client they were got.
    pub(crate) client_id: String,
    /// Which of them goes to the server.
    pub(crate) send: TokenKind,
    /// For which API they are, where the issuer has to be told.
    pub(crate) resource: Option<String>,
    /// The token that goes to the server.
    pub(crate) token: String,
    /// When it ends.
    pub(crate) expires_at: Timestamp,
    /// What gets the next one.
    pub(crate) refresh_token: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

/// Where profiles are kept.
#[derive(Debug, Clone)]
pub(crate) struct ProfileStore(PathBuf);

impl ProfileStore {
    /// Where this machine's user keeps them.
    pub(crate) fn of_user() -> anyhow::Result<Self> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let found = set(VARIABLE)
            .or_else(|| set("XDG_CONFIG_HOME").map(|config| config.join("macadam")))
            .or_else(|| set("HOME").map(|home| home.join(".config/macadam")));
        let Some(path) = found else { bail!("there is no place for profiles: set HOME, or {VARIABLE} to a directory") };
        Ok(Self(path))
    }

    /// In a folder.
    #[cfg(test)]
    pub(crate) fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// What profiles there are.
    pub(crate) fn read(&self) -> anyhow::Result<Profiles> {
        let path = self.0.join("profiles.toml");
        match fs::read_to_string(&path) {
            Ok(text) => toml::from_str(&text).with_context(|| format!("{} is not as it was written", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Profiles::default()),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// Changes what profiles there are; one process at a time does.
    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Profiles) -> anyhow::Result<T>) -> anyhow::Result<T> {
        self.directory(&self.0)?;
        let _lock = held(&self.0.join("profiles.lock"))?;
        let mut profiles = self.read()?;
        let done = change(&mut profiles)?;
        self.write("profiles.toml", toml::to_string(&profiles)?.as_bytes())?;
        Ok(done)
    }

    /// What a profile's sign-in gave, if anybody is signed in.
    pub(crate) fn credentials(&self, name: &str) -> anyhow::Result<Option<Credentials>> {
        let path = self.path_of(name);
        match fs::read(&path) {
            Ok(text) => {
                must_be_private(&path)?;
                // Where it is damaged is not told: that could repeat a token.
                let read = serde_json::from_slice(&text).ok();
                read.map(Some).with_context(|| format!("{} is damaged; sign in again", path.display()))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("{} cannot be read", path.display())),
        }
    }

    /// Keeps what a sign-in gave.
    pub(crate) fn keep(&self, name: &str, credentials: &Credentials) -> anyhow::Result<()> {
        self.write(&format!("credentials/{name}.json"), &serde_json::to_vec(credentials)?)
    }

    /// Forgets what a sign-in gave, and says whether there was something.
    pub(crate) fn forget(&self, name: &str) -> anyhow::Result<bool> {
        match fs::remove_file(self.path_of(name)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error).with_context(|| format!("{} cannot be removed", self.path_of(name).display())),
        }
    }

    /// Keeps other processes away from the tokens of a profile until the lock is dropped: of two that use a refresh token
    /// at once, a careful provider takes the second for a thief.
    pub(crate) fn lock(&self, name: &str) -> anyhow::Result<File> {
        // Beside the tokens, so that no profile's name is that of the list's lock, which is taken while this one is held.
        let folder = self.0.join("credentials");
        self.directory(&folder)?;
        held(&folder.join(format!("{name}.lock")))
    }

    fn path_of(&self, name: &str) -> PathBuf {
        self.0.join(format!("credentials/{name}.json"))
    }

    /// Writes a file for its owner only, whole or not at all.
    fn write(&self, name: &str, bytes: &[u8]) -> anyhow::Result<()> {
        let path = self.0.join(name);
        let folder = path.parent().unwrap_or(&self.0);
        self.directory(folder)?;
        let put = || {
            // A temporary file is its owner's alone from the start.
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            file.write_all(bytes)?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|error| error.error)
        };
        put().map(drop).with_context(|| format!("{} cannot be written", path.display()))
    }

    fn directory(&self, path: &Path) -> anyhow::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path).with_context(|| format!("{} cannot be made", path.display()))
    }
}

/// Waits until no other process holds a lock, and holds it.
fn held(path: &Path) -> anyhow::Result<File> {
    let file = OpenOptions::new().create(true).append(true).open(path);
    let file = file.with_context(|| format!("{} cannot be used", path.display()))?;
    file.lock().with_context(|| format!("{} cannot be locked", path.display()))?;
    Ok(file)
}

/// Checks the name of a profile, which becomes a file's.
pub(crate) fn profile_name(name: &str) -> Result<String, String> {
    let good = !name.is_empty()
        && name.len() <= 64
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if good { Ok(name.to_owned()) } else { Err("use 1 to 64 letters, digits, `-` and `_`".to_owned()) }
}

#[cfg(unix)]
fn must_be_private(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
        bail!("{} can be read by others; take that away with `chmod 600`, and sign in again", path.display());
    }
    Ok(())
}

#[cfg(not(unix))]
fn must_be_private(_: &Path) -> anyhow::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn credentials() -> Credentials {
        Credentials {
            server: Some("https://a.example".to_owned()),
            issuer: "https://login.example".to_owned(),
            client_id: "cli".to_owned(),
            send: TokenKind::AccessToken,
            resource: None,
            token: "secret-one".to_owned(),
            expires_at: "2026-01-01T00:00:00Z".parse().unwrap(),
            refresh_token: Some("secret-two".to_owned()),
        }
    }

    #[test]
    fn what_a_sign_in_gave_is_its_owners_alone_and_gone_after_signing_out() {
        let folder = tempfile::tempdir().unwrap();
        let store = ProfileStore(folder.path().join("macadam"));
        assert!(store.credentials("default").unwrap().is_none() && !store.forget("default").unwrap());
        store.keep("default", &credentials()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        let path = store.path_of("default");
        assert_eq!((mode(&path), mode(path.parent().unwrap()), mode(&store.0)), (0o600, 0o700, 0o700));
        let kept = store.credentials("default").unwrap().unwrap();
        assert_eq!((kept.token.as_str(), kept.refresh_token.as_deref()), ("secret-one", Some("secret-two")));
        assert!(!format!("{kept:?}").contains("secret"), "tokens do not show in logs");
        fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(store.credentials("default").unwrap_err().to_string().contains("chmod 600"));
        assert!(store.forget("default").unwrap() && store.credentials("default").unwrap().is_none());
    }

    #[test]
    fn a_change_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = ProfileStore(folder.path().to_owned());
        let profile = Profile { server: "https://a.example".to_owned(), issuer: "https://b.example".to_owned() };
        store.change(|all| Ok(all.profiles.insert("a".to_owned(), profile.clone()))).unwrap();
        let failed: anyhow::Result<()> = store.change(|all| {
            all.profiles.clear();
            bail!("no")
        });
        assert!(failed.is_err());
        assert_eq!(store.read().unwrap().profiles.get("a"), Some(&profile));
    }

    #[test]
    fn a_profile_may_be_called_as_the_list_of_them_is() {
        let folder = tempfile::tempdir().unwrap();
        let store = ProfileStore::at(folder.path());
        let (done, is_done) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let _lock = store.lock("profiles").unwrap();
            store.change(|_| Ok(())).unwrap();
            done.send(()).unwrap();
        });
        let waited = is_done.recv_timeout(std::time::Duration::from_secs(10));
        assert!(waited.is_ok(), "whoever holds a profile's lock can change the list");
    }

    #[test]
    fn a_profile_has_a_name_that_stays_in_its_folder() {
        for good in ["default", "prod-eu", "A_1"] {
            assert!(profile_name(good).is_ok(), "{good}");
        }
        for bad in ["", "../x", "a/b", ".", "a.b", "a b", &"x".repeat(65)] {
            assert!(profile_name(bad).is_err(), "{bad}");
        }
    }
}
