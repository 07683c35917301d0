//! Saying that a version, or a whole plugin, should not be used any more, and what to use instead.
//!
//! A deprecation is advice: nothing that runs stops, and every query finds what it found before. It is said of one
//! version, or of the plugin, and then of each version that it has and will have; a version's own word goes before its
//! plugin's.

use std::fmt;

use jiff::Timestamp;
use macadam_core::names::PluginRef;

use super::{IndexError, Registry, Releases, Scope, ScopeError, Wanted};

/// The most characters that a message may have: a few sentences, which are shown in one piece.
pub const MAX_MESSAGE: usize = 500;

/// What somebody says of what should not be used any more.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Notice {
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    successor: Option<Scope>,
}

/// A notice that was given.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Deprecation {
    /// What it says.
    #[serde(flatten)]
    pub notice: Notice,
    /// Since when.
    pub since: Timestamp,
}

/// Why a notice is not taken.
#[derive(Debug, thiserror::Error)]
pub enum NoticeError {
    /// It says nothing.
    #[error("the message is empty; say why, and what to do")]
    EmptyMessage,
    /// It says too much.
    #[error("the message has {length} characters; {MAX_MESSAGE} is the most")]
    LongMessage {
        /// How many it has.
        length: usize,
    },
    /// It does not fit on a line.
    #[error("the message has a control character, such as a line's end; write it as one line")]
    ManyLines,
    /// The successor is not well-formed.
    #[error("the successor is not well-formed: {0}")]
    Successor(#[from] ScopeError),
    /// The successor is what is deprecated.
    #[error("the successor {successor} is itself deprecated by this; name another one, or none")]
    SuccessorIsItself {
        /// What was named.
        successor: Box<Scope>,
    },
    /// Nobody has published the successor here.
    #[error("the successor {successor} is not in this registry: {source}")]
    UnknownSuccessor {
        /// What was named.
        successor: Box<Scope>,
        /// What there is.
        source: Box<IndexError>,
    },
}

impl NoticeError {
    /// Which part of the notice is wrong.
    #[must_use]
    pub fn field(&self) -> &'static str {
        match self {
            Self::EmptyMessage | Self::LongMessage { .. } | Self::ManyLines => "message",
            Self::Successor(_) | Self::SuccessorIsItself { .. } | Self::UnknownSuccessor { .. } => "successor",
        }
    }
}

impl Notice {
    /// A notice of one line, with what to use instead if there is something.
    ///
    /// # Errors
    /// [`NoticeError`] says which part is wrong. Whether the successor exists is the registry's to say.
    pub fn new(message: &str, successor: Option<&str>) -> Result<Self, NoticeError> {
        let message = message.trim();
        let length = message.chars().count();
        match length {
            0 => Err(NoticeError::EmptyMessage),
            1..=MAX_MESSAGE if message.chars().any(char::is_control) => Err(NoticeError::ManyLines),
            1..=MAX_MESSAGE => {
                let successor = successor.map(|text| text.trim().parse()).transpose()?;
                Ok(Self { message: message.to_owned(), successor })
            }
            length => Err(NoticeError::LongMessage { length }),
        }
    }

    /// Why, in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to use instead.
    #[must_use]
    pub fn successor(&self) -> Option<&Scope> {
        self.successor.as_ref()
    }
}

impl Registry {
    /// Says that a version or a plugin should not be used any more; a new notice takes the place of an earlier one.
    /// Answers whether that changed anything.
    ///
    /// # Errors
    /// [`IndexError::Notice`] when the successor cannot be one, [`IndexError::UnknownPlugin`] and
    /// [`IndexError::NoSuchVersion`] say what there is.
    pub fn deprecate(&self, scope: &Scope, notice: &Notice, now: Timestamp) -> Result<bool, IndexError> {
        self.check_successor(scope, notice)?;
        self.change(scope, |releases| releases.deprecate(scope, notice, now))
    }

    /// Undoes [`Registry::deprecate`] for just what it was said of: a version stays deprecated with its plugin. Answers
    /// whether that changed anything.
    ///
    /// # Errors
    /// [`IndexError::UnknownPlugin`] and [`IndexError::NoSuchVersion`] say what there is.
    pub fn undeprecate(&self, scope: &Scope) -> Result<bool, IndexError> {
        self.change(scope, |releases| releases.undeprecate(scope))
    }

    /// The notice that was given of just this: not of a version's plugin.
    ///
    /// # Errors
    /// [`IndexError::UnknownPlugin`] and [`IndexError::NoSuchVersion`] say what there is.
    pub fn said_of(&self, scope: &Scope) -> Result<Option<Deprecation>, IndexError> {
        Ok(self.releases(&scope.name)?.said_of(scope)?.cloned())
    }

    /// The notice that holds for a version, its own or its plugin's.
    ///
    /// # Errors
    /// [`IndexError::UnknownPlugin`] and [`IndexError::NoSuchVersion`] say what there is.
    pub fn deprecation(&self, plugin: &PluginRef) -> Result<Option<Deprecation>, IndexError> {
        let releases = self.releases(&plugin.name)?;
        let release = releases.wanted(&Wanted::Exact(plugin.version.clone()))?;
        Ok(releases.deprecation(release).cloned())
    }

    fn change(
        &self,
        scope: &Scope,
        change: impl FnOnce(&mut Releases) -> Result<bool, IndexError>,
    ) -> Result<bool, IndexError> {
        // A name that nobody has published must not leave a lock file behind.
        self.releases(&scope.name)?;
        let _lock = self.lock(&scope.name)?;
        let mut releases = self.releases(&scope.name)?;
        let changed = change(&mut releases)?;
        if changed {
            self.write_index(&releases)?;
        }
        Ok(changed)
    }

    fn check_successor(&self, scope: &Scope, notice: &Notice) -> Result<(), IndexError> {
        match notice.successor() {
            Some(successor) => notice.check_successor(scope, self.releases(&successor.name)),
            None => Ok(()),
        }
    }
}

impl Notice {
    /// Checks that the successor can be one for what is deprecated; `there` is what the index says of the successor's
    /// plugin.
    ///
    /// # Errors
    /// [`IndexError::Notice`] when it is itself deprecated by this, or nobody has published it.
    pub fn check_successor(&self, scope: &Scope, there: Result<Releases, IndexError>) -> Result<(), IndexError> {
        let Some(successor) = self.successor() else { return Ok(()) };
        // What is deprecated may be every version, and then none of them follows it.
        if scope.covers(successor) {
            return Err(NoticeError::SuccessorIsItself { successor: Box::new(successor.clone()) }.into());
        }
        let there = there.and_then(|releases| match &successor.version {
            Some(version) => releases.wanted(&Wanted::Exact(version.clone())).map(drop),
            None => Ok(()),
        });
        there.map_err(|source| match source {
            IndexError::UnknownPlugin { .. } | IndexError::NoSuchVersion { .. } => {
                let (successor, source) = (Box::new(successor.clone()), Box::new(source));
                NoticeError::UnknownSuccessor { successor, source }.into()
            }
            failed => failed,
        })
    }
}

impl Releases {
    /// Says that a version or the plugin should not be used any more; answers whether that changed anything. Said again,
    /// it has been said since it was said first.
    ///
    /// # Errors
    /// [`IndexError::NoSuchVersion`] says what there is.
    pub fn deprecate(&mut self, scope: &Scope, notice: &Notice, now: Timestamp) -> Result<bool, IndexError> {
        let there = self.said_in(scope)?;
        let new = there.as_ref().is_none_or(|there| there.notice != *notice);
        if new {
            *there = Some(Deprecation { notice: notice.clone(), since: now });
        }
        Ok(new)
    }

    /// Undoes [`Releases::deprecate`] for just what it was said of.
    ///
    /// # Errors
    /// [`IndexError::NoSuchVersion`] says what there is.
    pub fn undeprecate(&mut self, scope: &Scope) -> Result<bool, IndexError> {
        Ok(self.said_in(scope)?.take().is_some())
    }

    /// The notice that was given of just this: not of a version's plugin.
    ///
    /// # Errors
    /// [`IndexError::NoSuchVersion`] says what there is.
    pub fn said_of(&self, scope: &Scope) -> Result<Option<&Deprecation>, IndexError> {
        match &scope.version {
            None => Ok(self.deprecated()),
            Some(version) => Ok(self.wanted(&Wanted::Exact(version.clone()))?.deprecated.as_ref()),
        }
    }

    /// The notice that holds for a plugin, or for a version: its own or its plugin's.
    ///
    /// # Errors
    /// [`IndexError::NoSuchVersion`] says what there is.
    pub fn holds_for(&self, scope: &Scope) -> Result<Option<&Deprecation>, IndexError> {
        Ok(self.said_of(scope)?.or(self.deprecated()))
    }

    /// Where the notice of just this is kept.
    fn said_in(&mut self, scope: &Scope) -> Result<&mut Option<Deprecation>, IndexError> {
        let Some(version) = &scope.version else { return Ok(self.deprecated_mut()) };
        let lacks = self.lacks(Wanted::Exact(version.clone()));
        self.get_mut(version).map(|release| &mut release.deprecated).ok_or(lacks)
    }
}

impl fmt::Display for Deprecation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.notice.message)?;
        match &self.notice.successor {
            Some(successor) => write!(f, " (use {successor} instead)"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_of_1_to_500_characters_and_the_error_names_the_field() {
        assert_eq!(Notice::new("  old  ", None).unwrap().message(), "old");
        assert!(Notice::new(&"ä".repeat(500), None).is_ok(), "characters are counted, not bytes");
        for bad in ["", " \n ", "one\ntwo", "\u{1b}[2J", &"x".repeat(501)] {
            assert_eq!(Notice::new(bad, None).unwrap_err().field(), "message", "{bad:?} must be refused");
        }
        assert_eq!(Notice::new("old", Some("acme/rule@^2")).unwrap_err().field(), "successor");
    }

    #[test]
    fn a_deprecation_reads_back_what_it_writes() {
        let notice = Notice::new("old", Some("acme/rule@2.0.0")).unwrap();
        let said = Deprecation { notice, since: Timestamp::UNIX_EPOCH };
        let text = serde_json::to_string(&said).unwrap();
        assert_eq!(text, r#"{"message":"old","successor":"acme/rule@2.0.0","since":"1970-01-01T00:00:00Z"}"#);
        assert_eq!(serde_json::from_str::<Deprecation>(&text).unwrap(), said);
    }
}
