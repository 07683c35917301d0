//! The streams of the audit log.

use std::fmt;
use std::str::FromStr;

use crate::names::TeamId;

/// A chain of its own: that of a team, or of the platform for what concerns no team or all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Stream {
    /// What concerns no single team: plugins, bindings, namespaces, teams themselves.
    #[default]
    Platform,
    /// What concerns a team: its requests, and looks at what it has.
    Team(TeamId),
}

crate::text_schema!(
    Stream,
    ["A chain of its own: `platform`, or `team/NAME`."],
    crate::text_schema::TextRule {
        pattern: "^(platform|team/[a-z][a-z0-9]*(-[a-z0-9]+)*)$",
        example: "team/payments",
        longest: 68,
    }
);

/// A text that is no stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no stream of the audit log; write `platform`, or `team/` and a team's name")]
pub struct StreamError(String);

const PLATFORM: &str = "platform";
const TEAM: &str = "team/";

impl fmt::Display for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Platform => f.write_str(PLATFORM),
            Self::Team(team) => write!(f, "{TEAM}{team}"),
        }
    }
}

impl FromStr for Stream {
    type Err = StreamError;

    fn from_str(text: &str) -> Result<Self, StreamError> {
        let none = || StreamError(text.chars().take(80).collect());
        match text.strip_prefix(TEAM) {
            Some(team) => team.parse().map(Self::Team).map_err(|_| none()),
            None if text == PLATFORM => Ok(Self::Platform),
            None => Err(none()),
        }
    }
}

impl TryFrom<String> for Stream {
    type Error = StreamError;
    fn try_from(text: String) -> Result<Self, StreamError> {
        text.parse()
    }
}

impl From<Stream> for String {
    fn from(stream: Stream) -> Self {
        stream.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_reads_back_what_it_prints_and_nothing_else_is_one() {
        for text in ["platform", "team/payments"] {
            assert_eq!(text.parse::<Stream>().unwrap().to_string(), text);
        }
        for text in ["", "team/", "team", "payments", "team/No Team", "Platform"] {
            let refused = text.parse::<Stream>().unwrap_err().to_string();
            assert!(refused.contains("write `platform`"), "{refused}");
        }
    }
}
