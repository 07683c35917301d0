//! What people say of what they do: why they change something, and what they say to a request.
//!
//! It goes into the record, the audit log, events and webhooks, each of which is read whole by many; so it has a length
//! that people write, and not that of a body.
//!
//! ```
//! #[derive(serde::Deserialize)]
//! struct Removal {
//!     #[serde(default, deserialize_with = "macadam_core::remark::read")]
//!     reason: String,
//! }
//! assert!(serde_json::from_str::<Removal>(r#"{"reason": "not needed any more"}"#).is_ok());
//! ```

use serde::{Deserialize, Deserializer, de};

/// The most characters of a remark: half a page. The API's document says it as `max_length`, wherever there is one.
pub const MAX: usize = 2000;

/// Reads a remark, for `deserialize_with`.
///
/// # Errors
/// When it is no text, or has more than [`MAX`] characters.
pub fn read<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let remark = String::deserialize(deserializer)?;
    bounded(&remark)?;
    Ok(remark)
}

/// Reads a remark that may be null, for `deserialize_with`.
///
/// # Errors
/// As [`read`].
pub fn read_optional<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let remark = Option::<String>::deserialize(deserializer)?;
    bounded(remark.as_deref().unwrap_or_default())?;
    Ok(remark)
}

fn bounded<E: de::Error>(remark: &str) -> Result<(), E> {
    match remark.chars().count() {
        0..=MAX => Ok(()),
        length => Err(E::custom(format_args!("it has {length} characters, and {MAX} is the most; say it shorter"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[allow(dead_code, reason = "only how it is read matters")]
    struct Said {
        #[serde(default, deserialize_with = "read")]
        reason: String,
        #[serde(default, deserialize_with = "read_optional")]
        comment: Option<String>,
    }

    fn said(name: &str, text: &str) -> Result<Said, String> {
        serde_json::from_value(serde_json::json!({name: text})).map_err(|error| error.to_string())
    }

    #[test]
    fn a_remark_is_as_long_as_people_write_and_no_longer() {
        for name in ["reason", "comment"] {
            said(name, &"ä".repeat(MAX)).expect("characters count, not bytes");
            let refused = said(name, &"ä".repeat(MAX + 1)).unwrap_err();
            assert!(refused.contains("it has 2001 characters, and 2000 is the most"), "{refused}");
        }
        let nothing: Said = serde_json::from_str(r#"{"comment": null}"#).unwrap();
        assert!(nothing.reason.is_empty() && nothing.comment.is_none(), "both may be left out");
    }
}
