//! Violations: what is wrong with an input, said so that the person who wrote it can mend it.

use std::fmt;

/// One thing that is wrong, and where.
#[derive(
    Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
pub struct Violation {
    /// A JSON Pointer (RFC 6901) into the request's document, empty when it concerns the whole; or the name of a query's
    /// parameter.
    #[serde(rename = "field")]
    pub path: String,
    /// What is wrong and how to mend it.
    pub message: String,
    /// What kind of violation it is, such as `tag-missing`: chosen by whoever found it and the same in all its
    /// versions, so that people can look it up and reports can count it. See [`is_code`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
}

/// What a code may have, in bytes.
pub const CODE_MAX: usize = 64;

impl Violation {
    /// A violation at a place.
    #[must_use]
    pub fn new(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { path: path.into(), message: message.into(), code: None }
    }

    /// The same violation with a code.
    #[must_use]
    pub fn with_code(self, code: impl Into<String>) -> Self {
        Self { code: Some(code.into()), ..self }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        self.code.as_ref().map_or(Ok(()), |code| write!(f, " [{code}]"))
    }
}

/// Whether a text may be a violation's code: words of lower-case letters and digits, joined by `-` or `/`, at most
/// [`CODE_MAX`] bytes. It becomes a word in reports that group by it, so it is neither free text nor long.
#[must_use]
pub fn is_code(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    text.len() <= CODE_MAX && text.split(['-', '/']).all(is_word)
}

/// Writes violations as one line, for errors and logs.
#[must_use]
pub fn join(violations: &[Violation]) -> String {
    violations.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_few_lower_case_words_and_nothing_else() {
        for good in ["tag-missing", "a", "quota/resources", "v2-rule/3", &"a".repeat(CODE_MAX)] {
            assert!(is_code(good), "{good:?} is a code");
        }
        for bad in
            ["", "Tag", "tag_missing", "tag--missing", "-tag", "tag/", "tag missing", "tag\n", "é", &"a".repeat(65)]
        {
            assert!(!is_code(bad), "{bad:?} is no code");
        }
    }

    #[test]
    fn a_violation_without_a_code_is_written_as_it_always_was() {
        let plain = Violation::new("/tags/owner", "is missing");
        let written = r#"{"field":"/tags/owner","message":"is missing"}"#;
        assert_eq!(serde_json::to_string(&plain).unwrap(), written);
        assert_eq!(serde_json::from_str::<Violation>(written).unwrap(), plain);
        assert_eq!(plain.to_string(), "/tags/owner: is missing");
        let coded = plain.with_code("tag-missing");
        assert_eq!(coded.to_string(), "/tags/owner: is missing [tag-missing]");
        let written = r#"{"field":"/tags/owner","message":"is missing","code":"tag-missing"}"#;
        assert_eq!(serde_json::to_string(&coded).unwrap(), written);
        assert_eq!(serde_json::from_str::<Violation>(written).unwrap(), coded);
    }
}
