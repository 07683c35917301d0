//! Who may sign in while one develops: a file of people, each with a team, roles, groups, and the hash of a token.
//!
//! ```toml
//! [[people]]
//! person = "dana"
//! team = "payments"
//! roles = ["developer"]
//! groups = []
//! token-sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
//! ```
//!
//! A person with several tokens has several entries and stays one person: nobody approves their own request with
//! another token. A token is 32 random bytes, so its plain sha256 is as good as a slow hash would be, and finding it by
//! its hash tells a stranger with a stopwatch nothing about other tokens.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use macadam_core::digest::Digest;
use macadam_core::misread::without_value;
use macadam_core::names::{GroupName, PersonId, TeamId};
use macadam_core::service::RESERVED;
use macadam_platform::secret_token::{DEVELOPMENT_PREFIX, SecretToken};
use macadam_platform::{Caller, Role};
use serde::{Deserialize, Serialize};

/// Why a file of people cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PeopleError {
    /// It cannot be read.
    #[error("{} cannot be read: {source}; check that it is there and readable", path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not the TOML that it should be.
    #[error("line {line}: {reason}; write [[people]] entries with person, team, roles, groups and token-sha256")]
    Syntax {
        /// Counted from one.
        line: usize,
        /// What is wrong there.
        reason: String,
    },
    /// A hash is none.
    #[error("the token-sha256 of {person} is not a sha256; write the 64 hexadecimal digits that `sha256sum` gives")]
    BadHash {
        /// Whose.
        person: PersonId,
    },
    /// Two entries have one token.
    #[error("{first} and {second} have the same token; make a new one for one of them")]
    SameToken {
        /// One.
        first: PersonId,
        /// The other.
        second: PersonId,
    },
    /// A name that the platform keeps for itself and for services.
    #[error("names that start with {RESERVED} are the platform's own; choose another")]
    Reserved,
    /// A file of people could not be written as TOML.
    #[error("the people cannot be written: {0}")]
    Unwritable(#[from] toml::ser::Error),
    /// The system gives no randomness.
    #[error("no token could be made: {0}")]
    Random(#[source] std::io::Error),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    people: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Entry {
    person: PersonId,
    team: TeamId,
    roles: Vec<Role>,
    #[serde(default)]
    groups: Vec<GroupName>,
    token_sha256: String,
}

/// The people who may sign in.
#[derive(Debug, Default)]
pub struct People {
    by_hash: HashMap<Digest, Caller>,
}

impl People {
    /// Reads a file's text.
    ///
    /// # Errors
    /// [`PeopleError`] names the line or the person.
    pub fn parse(text: &str) -> Result<Self, PeopleError> {
        let file: File = toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            PeopleError::Syntax { line: before.matches('\n').count() + 1, reason: without_value(error.message()) }
        })?;
        let mut people = Self::default();
        for entry in file.people {
            people.add(entry)?;
        }
        Ok(people)
    }

    fn add(&mut self, entry: Entry) -> Result<(), PeopleError> {
        let Entry { person, team, roles, groups, token_sha256 } = entry;
        if person.is_reserved() {
            return Err(PeopleError::Reserved);
        }
        let hash = format!("sha256:{token_sha256}").parse::<Digest>();
        let hash = hash.map_err(|_| PeopleError::BadHash { person: person.clone() })?;
        let caller = Caller::in_development(person.clone(), team, roles, groups);
        match self.by_hash.insert(hash, caller) {
            None => Ok(()),
            Some(first) => Err(PeopleError::SameToken { first: first.person, second: person }),
        }
    }

    /// Whose token this is.
    #[must_use]
    pub fn with_token(&self, token: &str) -> Option<&Caller> {
        self.by_hash.get(&Digest::of(token.as_bytes()))
    }

    /// Everybody, in no order; a person once for each token.
    pub fn callers(&self) -> impl Iterator<Item = &Caller> {
        self.by_hash.values()
    }
}

/// A file of people, read again when it has changed.
#[derive(Debug)]
pub struct PeopleFile {
    path: PathBuf,
    people: ArcSwap<People>,
    modified: Mutex<Option<SystemTime>>,
}

impl PeopleFile {
    /// Reads the file.
    ///
    /// # Errors
    /// [`PeopleError`] when it cannot be read or used.
    pub fn open(path: &Path) -> Result<Self, PeopleError> {
        let file = Self { path: path.to_owned(), people: ArcSwap::default(), modified: Mutex::default() };
        file.reload_if_changed()?;
        Ok(file)
    }

    /// The people as of the last time the file was read.
    #[must_use]
    pub fn current(&self) -> Arc<People> {
        self.people.load_full()
    }

    /// Reads the file again if its time of change is another, and says whether it was.
    ///
    /// # Errors
    /// [`PeopleError`] when it cannot be read or used; whoever could sign in before still can.
    pub fn reload_if_changed(&self) -> Result<bool, PeopleError> {
        let io = |source| PeopleError::Io { path: self.path.clone(), source };
        let modified = std::fs::metadata(&self.path).and_then(|metadata| metadata.modified()).map_err(io)?;
        let mut known = self.modified.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == Some(modified) {
            return Ok(false);
        }
        // Also a file that is wrong counts as read, so that its error is told once and not every time.
        *known = Some(modified);
        let text = std::fs::read_to_string(&self.path).map_err(io)?;
        self.people.store(Arc::new(People::parse(&text)?));
        Ok(true)
    }
}

/// The people that a host starts with, and their tokens.
#[derive(Debug)]
pub struct FirstPeople {
    /// The file of people.
    pub file: String,
    /// Everybody's token.
    pub tokens: Vec<(PersonId, SecretToken)>,
}

/// Who is there on the first run: somebody to ask, somebody to approve, somebody to administrate.
const FIRST: [(&str, &str, &[Role], &[&str]); 3] = [
    ("dana", "payments", &[Role::Developer], &[]),
    ("amir", "platform", &[Role::Approver, Role::Publisher], &["platform", "finance"]),
    ("ada", "platform", &[Role::PlatformAdmin], &[]),
];

impl FirstPeople {
    /// Makes three people with a new token each.
    ///
    /// # Errors
    /// When the system gives no randomness.
    pub fn generate() -> Result<Self, PeopleError> {
        let (mut people, mut tokens) = (Vec::new(), Vec::new());
        for (person, team, roles, groups) in FIRST {
            let name = |error: macadam_core::names::NameError| PeopleError::Random(std::io::Error::other(error));
            let person = PersonId::new(person).map_err(name)?;
            let groups = groups.iter().map(|group| GroupName::new(*group)).collect::<Result<_, _>>().map_err(name)?;
            let token = SecretToken::generate(DEVELOPMENT_PREFIX).map_err(PeopleError::Random)?;
            people.push(Entry {
                person: person.clone(),
                team: TeamId::new(team).map_err(name)?,
                roles: roles.to_vec(),
                groups,
                token_sha256: Digest::of(token.reveal().as_bytes()).hex(),
            });
            tokens.push((person, token));
        }
        let header =
            "# Who may sign in. A change counts within seconds. A token's hash: printf %s TOKEN | sha256sum\n\n";
        Ok(Self { file: format!("{header}{}", toml::to_string(&File { people })?), tokens })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_people_can_sign_in_with_the_tokens_that_were_made_and_with_no_others() {
        let first = FirstPeople::generate().unwrap();
        let people = People::parse(&first.file).unwrap();
        let names: Vec<_> = first.tokens.iter().map(|(person, _)| person.as_str()).collect();
        assert_eq!(names, ["dana", "amir", "ada"]);
        for (person, token) in &first.tokens {
            assert_eq!(people.with_token(token.reveal()).unwrap().person, *person);
            assert!(token.reveal().starts_with(DEVELOPMENT_PREFIX) && token.reveal().len() == 68, "32 bytes as hex");
            assert!(!first.file.contains(token.reveal()), "the file holds hashes only");
            assert!(!format!("{token:?}").contains(token.reveal()), "a token does not show in logs");
        }
        assert!(people.with_token("mcd_").is_none() && people.with_token("").is_none());
    }

    fn entry(person: &str, hash: &str) -> String {
        format!("[[people]]\nperson = {person:?}\nteam = \"a\"\nroles = [\"developer\"]\ntoken-sha256 = {hash:?}\n")
    }

    #[test]
    fn a_file_with_a_mistake_is_refused_by_the_place_of_the_mistake() {
        let hash = Digest::of(b"x").hex();
        assert!(People::parse(&entry("dana", &hash)).is_ok());
        for name in [macadam_platform::provisioning::SYSTEM, "macadam-service.payments.deploy", "Macadam-x"] {
            assert!(matches!(People::parse(&entry(name, &hash)), Err(PeopleError::Reserved)), "{name} is no person's");
        }
        assert!(matches!(People::parse(&entry("dana", "abc")), Err(PeopleError::BadHash { .. })));
        let twice = format!("{}{}", entry("dana", &hash), entry("ada", &hash));
        assert!(matches!(People::parse(&twice), Err(PeopleError::SameToken { .. })));
        let unknown = format!("{}rolls = []\n", entry("dana", &hash));
        assert!(
            matches!(People::parse(&unknown), Err(PeopleError::Syntax { line: 6, .. })),
            "{:?}",
            People::parse(&unknown)
        );
        let misplaced = entry("dana", &hash).replace("[\"developer\"]", "\"mcd_secret\"");
        let said = People::parse(&misplaced).unwrap_err().to_string();
        assert!(
            said.contains("line 4") && !said.contains("mcd_secret"),
            "a token in the wrong place is not told: {said}"
        );
    }

    #[test]
    fn a_changed_file_counts_and_a_broken_one_leaves_everybody_signed_in() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("people.toml");
        let at = |seconds| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
        let write = |text: &str, seconds| {
            std::fs::write(&path, text).unwrap();
            std::fs::File::options().write(true).open(&path).unwrap().set_modified(at(seconds)).unwrap();
        };
        write(&entry("dana", &Digest::of(b"one").hex()), 1);
        let file = PeopleFile::open(&path).unwrap();
        assert!(!file.reload_if_changed().unwrap(), "nothing has changed");
        write(&entry("dana", &Digest::of(b"two").hex()), 2);
        assert!(file.reload_if_changed().unwrap());
        assert!(file.current().with_token("one").is_none() && file.current().with_token("two").is_some());
        write("people = 1", 3);
        assert!(file.reload_if_changed().is_err());
        assert!(file.current().with_token("two").is_some(), "a mistake in the file locks nobody out");
        assert!(!file.reload_if_changed().unwrap(), "the mistake is told once");
    }
}
