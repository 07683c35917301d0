//! What a deserializer says of a document or a query that does not fit, in the words of whoever wrote it: which field, what
//! is wrong with it in JSON's words, and what to write.

use macadam_core::misread::without_value;

/// What is said of fields whose place is the object that they are missing in, before the field's name.
const OF_FIELDS: [(&str, &str); 2] = [
    ("missing field ", "is missing; it has to be there"),
    ("duplicate field ", "is there more than once; write it once"),
];

/// What there is, by JSON's own words for it.
const FOUND: [(&str, &str); 3] = [
    ("invalid type: sequence,", "array"),
    ("invalid type: map,", "object"),
    ("invalid type: floating point,", "fraction"),
];

/// What is expected, by what one can write.
const EXPECTED: [(&str, &str); 11] = [
    ("a map", "an object"),
    ("a sequence", "an array"),
    ("a boolean", "true or false"),
    ("u8", "a whole number from 0 to 255"),
    ("u16", "a whole number from 0 to 65535"),
    ("u32", "a whole number from 0 to 4294967295"),
    ("u64", "a whole number from 0"),
    ("usize", "a whole number from 0"),
    ("i32", "a whole number"),
    ("i64", "a whole number"),
    ("f64", "a number"),
];

/// What the standard library says of a text that is no number.
const NUMBERS: [(&str, &str); 4] = [
    ("invalid digit found in string", "write a whole number"),
    ("cannot parse integer from empty string", "write a whole number"),
    ("number too large to fit in target type", "the number is too large; write a smaller one"),
    ("number too small to fit in target type", "the number is too small; write a larger one"),
];

/// What serde_json says where one of some words has to be and something is that is no text.
const NO_WORD: &str = "expected value";

/// A field that was not told by its place, and what is wrong.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Told {
    /// The field's name, when it is not the place's that the deserializer was at.
    pub(crate) field: Option<String>,
    /// What is wrong, and what to write.
    pub(crate) message: String,
}

/// What a deserializer's message says. What somebody wrote into a field of another type may be a secret, which has no business
/// in the answers that proxies and clients log: it is not said again. A name that breaks the rules of names is, so that
/// people see what of it does.
pub(crate) fn told(message: &str) -> Told {
    let text = without_value(message);
    // serde_json adds where in the text; the pointer says where in the document.
    let text = text.rsplit_once(" at line ").map_or(text.as_str(), |(text, _)| text);
    let of_a_field = OF_FIELDS.iter().find_map(|(start, says)| {
        let field = text.strip_prefix(start)?.strip_prefix('`')?.strip_suffix('`')?;
        Some(Told { field: Some(field.to_owned()), message: (*says).to_owned() })
    });
    of_a_field.unwrap_or_else(|| Told { field: None, message: in_plain_words(text) })
}

fn in_plain_words(text: &str) -> String {
    if text == NO_WORD {
        return "write one of the words that the API's document has for it".to_owned();
    }
    if let Some((_, plain)) = NUMBERS.iter().find(|(said, _)| text == *said) {
        return (*plain).to_owned();
    }
    let Some((found, expected)) = text.split_once(" expected ").filter(|_| text.starts_with("invalid ")) else {
        return text.to_owned();
    };
    let found = FOUND
        .iter()
        .find(|(said, _)| found == *said)
        .map_or_else(|| found.to_owned(), |(_, plain)| format!("invalid type: {plain},"));
    let plain = EXPECTED.iter().find(|(said, _)| expected == *said).map(|(_, plain)| *plain);
    // The name of a struct is the host's own word.
    let plain = plain.or_else(|| expected.starts_with("struct ").then_some("an object"));
    format!("{found} expected {}", plain.unwrap_or(expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_that_is_missing_or_twice_there_is_told_by_its_name() {
        let field = |message| told(message).field;
        assert_eq!(field("missing field `name` at line 1 column 2").as_deref(), Some("name"));
        assert_eq!(field("duplicate field `name` at line 1 column 9").as_deref(), Some("name"));
        assert_eq!(field("invalid type: null, expected a string"), None);
    }

    #[test]
    fn what_is_expected_is_told_in_words_that_one_can_write() {
        for (said, plain) in [
            ("invalid type: sequence, expected struct CreateResource", "invalid type: array, expected an object"),
            ("invalid type: map, expected a sequence at line 1 column 5", "invalid type: object, expected an array"),
            ("invalid type: string \"hunter2\", expected u64", "invalid type: string, expected a whole number from 0"),
            ("invalid type: floating point `1.5`, expected i64", "invalid type: fraction, expected a whole number"),
            (
                "invalid value: integer `-1`, expected u8",
                "invalid value: integer, expected a whole number from 0 to 255",
            ),
            ("invalid digit found in string", "write a whole number"),
            ("expected value at line 1 column 9", "write one of the words that the API's document has for it"),
            ("unknown field `a`, expected `b` or `c`", "unknown field `a`, expected `b` or `c`"),
            ("\"X\" is not a valid team: use letters", "\"X\" is not a valid team: use letters"),
        ] {
            assert_eq!(told(said), Told { field: None, message: plain.to_owned() });
        }
    }
}
