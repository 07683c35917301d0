//! What a deserializer says of a value that is not as expected, without the value: somebody may have written a password or
//! a token into the wrong field, and what is said ends up in answers and logs.

/// What a value can be called, as `serde` and its formats do. Whatever else stands there may be the value itself.
const KINDS: [&str; 18] = [
    "boolean",
    "integer",
    "floating point",
    "character",
    "string",
    "byte array",
    "null",
    "unit value",
    "unit variant",
    "Option value",
    "newtype struct",
    "newtype variant",
    "sequence",
    "map",
    "enum",
    "tuple variant",
    "struct variant",
    "number",
];

/// What is said before a value.
const STARTS: [&str; 3] = ["invalid type: ", "invalid value: ", "unknown variant "];

/// A deserializer's message with the value's kind in the place of the value. What it says of fields, by their names, stays.
#[must_use]
pub fn without_value(message: &str) -> String {
    let Some((start, rest)) = STARTS.iter().find_map(|start| Some((start, message.strip_prefix(start)?))) else {
        return message.to_owned();
    };
    let kind = KINDS.into_iter().find(|kind| rest.starts_with(kind));
    let said = kind.map_or_else(|| start.trim_end_matches([':', ' ']).to_owned(), |kind| format!("{start}{kind}"));
    // The last of them: the value may have the word in it as well.
    match rest.rsplit_once(", expected ") {
        Some((_, expected)) => format!("{said}, expected {expected}"),
        None => said,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    #[allow(dead_code, reason = "only how it is read matters")]
    struct Wish {
        name: String,
        #[serde(default)]
        size: u8,
        #[serde(default)]
        place: Place,
    }

    #[derive(Debug, Default, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Place {
        #[default]
        Here,
        There,
    }

    fn told(document: &str) -> String {
        let document: serde_json::Value = serde_json::from_str(document).unwrap();
        without_value(&serde_json::from_value::<Wish>(document).unwrap_err().to_string())
    }

    #[test]
    fn a_value_is_told_by_its_kind_and_what_is_expected_by_its_name() {
        for (document, told_of_it) in [
            (r#"{"name": "a", "size": "hunter2"}"#, "invalid type: string, expected u8"),
            (r#"{"name": "a", "size": "x, expected hunter2"}"#, "invalid type: string, expected u8"),
            (r#"{"name": "a", "size": -77}"#, "invalid value: integer, expected u8"),
            (r#"{"name": "a", "size": 77.5}"#, "invalid type: floating point, expected u8"),
            (r#"{"name": true}"#, "invalid type: boolean, expected a string"),
            (r#"{"name": null}"#, "invalid type: null, expected a string"),
            (r#"{"name": ["hunter2"]}"#, "invalid type: sequence, expected a string"),
            (r#"{"name": {"hunter2": 1}}"#, "invalid type: map, expected a string"),
            (r#"{"name": "a", "place": "hunter2"}"#, "unknown variant, expected `here` or `there`"),
        ] {
            assert_eq!(told(document), told_of_it, "{document}");
        }
    }

    #[test]
    fn a_field_is_told_by_its_name() {
        assert!(told(r#"{"nmae": "a"}"#).contains("unknown field `nmae`"), "what is mistyped is found by its name");
        assert_eq!(told("{}"), "missing field `name`");
    }

    #[test]
    fn what_is_no_kind_of_value_is_taken_for_the_value() {
        assert_eq!(without_value("invalid value: hunter2, expected a key"), "invalid value, expected a key");
        assert_eq!(without_value("invalid value: string \"hunter2"), "invalid value: string", "a message cut short");
        assert_eq!(without_value("the key is too short"), "the key is too short");
    }
}
