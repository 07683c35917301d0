//! Exact decimals, read from text as people and hosts write them.

pub use rust_decimal::Decimal;

use crate::Error;

/// Reads a decimal without rounding: plain digits with an optional sign and point, at most 28 of them.
#[must_use]
pub fn exact(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text).ok()
}

/// Reads a decimal that the host gave.
pub(crate) fn from_host(text: &str, what: &str) -> Result<Decimal, Error> {
    exact(text).ok_or_else(|| Error::Failed(format!("the host gave a {what} that is no decimal: {text:?}")))
}

/// For serde: `#[serde(deserialize_with = "macadam_sdk::decimal::deserialize")]` on a field that holds a decimal as
/// text. A JSON number is refused, since many a writer makes a binary float of it.
///
/// # Errors
/// When the value is no text or not an exact decimal.
pub fn deserialize<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let text = <String as serde::Deserialize>::deserialize(deserializer)?;
    exact(&text).ok_or_else(|| serde::de::Error::custom("not a decimal; write digits as text, such as \"12.50\""))
}
