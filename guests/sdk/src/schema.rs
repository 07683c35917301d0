//! Checks a JSON document against the part of JSON Schema that settings and parameters need, and finds everything that
//! is wrong, each with its pointer.
//!
//! A full validator is larger than all the rest of a plugin, and the host has one and uses it. What is checked here is
//! `type`, `enum`, `const`, `properties`, `required`, `additionalProperties`, `items`, `minItems`, `maxItems`,
//! `uniqueItems`, `minLength`, `maxLength`, `minimum`, `maximum`, and the formats `decimal`, `currency`, `slug` and
//! `json-pointer`. Other words say nothing here; notably `pattern`, which would need a regular expression engine.

use serde_json::{Map, Value};

use crate::{Violation, decimal};

/// Everything that is wrong with a document; pointers are relative to it.
#[must_use]
pub fn check(schema: &str, document: &str) -> Vec<Violation> {
    let read = |text, what| serde_json::from_str::<Value>(text).map_err(|error| format!("{what} is not JSON: {error}"));
    let (schema, document) = match (read(schema, "the plugin's own schema"), read(document, "this")) {
        (Ok(schema), Ok(document)) => (schema, document),
        (Err(message), _) | (_, Err(message)) => return vec![Violation::new("", message)],
    };
    check_value(&schema, &document)
}

/// The same for documents that have been read.
#[must_use]
pub fn check_value(schema: &Value, document: &Value) -> Vec<Violation> {
    let mut check = Check { path: String::new(), found: Vec::new() };
    check.value(schema, document);
    check.found
}

struct Check {
    path: String,
    found: Vec<Violation>,
}

impl Check {
    fn report(&mut self, message: impl Into<String>) {
        self.found.push(Violation::new(self.path.clone(), message));
    }

    fn below(&mut self, key: &str, look: impl FnOnce(&mut Self)) {
        let length = self.path.len();
        self.path.push('/');
        self.path.push_str(&Violation::escaped(key));
        look(self);
        self.path.truncate(length);
    }

    fn value(&mut self, schema: &Value, value: &Value) {
        let Value::Object(schema) = schema else {
            if schema == &Value::Bool(false) {
                self.report("must not be here");
            }
            return;
        };
        if !self.has_type(schema, value) {
            return;
        }
        self.is_listed(schema, value);
        match value {
            Value::Object(members) => self.object(schema, members),
            Value::Array(items) => self.array(schema, items),
            Value::String(text) => self.string(schema, text),
            Value::Number(number) => self.number(schema, number.as_f64().unwrap_or_default()),
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn has_type(&mut self, schema: &Map<String, Value>, value: &Value) -> bool {
        let names: Vec<&str> = match schema.get("type") {
            Some(Value::String(name)) => vec![name],
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
            _ => return true,
        };
        let fits = names.iter().any(|name| is_a(name, value));
        if !fits {
            self.report(format!("must be of type {}", names.join(" or ")));
        }
        fits
    }

    fn is_listed(&mut self, schema: &Map<String, Value>, value: &Value) {
        if let Some(Value::Array(allowed)) = schema.get("enum")
            && !allowed.contains(value)
        {
            let allowed: Vec<String> = allowed.iter().map(shown).collect();
            self.report(format!("must be one of {}", allowed.join(", ")));
        }
        if let Some(only) = schema.get("const")
            && only != value
        {
            self.report(format!("must be {}", shown(only)));
        }
    }

    fn object(&mut self, schema: &Map<String, Value>, members: &Map<String, Value>) {
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                self.below(name, |check| check.report("is required"));
            }
        }
        let properties = schema.get("properties").and_then(Value::as_object);
        for (name, member) in members {
            match (properties.and_then(|known| known.get(name)), schema.get("additionalProperties")) {
                (Some(known), _) => self.below(name, |check| check.value(known, member)),
                (None, Some(Value::Bool(false))) => {
                    let known: Vec<&str> = properties.into_iter().flat_map(Map::keys).map(String::as_str).collect();
                    let message = format!("is not known here; known are: {}", known.join(", "));
                    self.below(name, |check| check.report(message));
                }
                (None, Some(other)) => self.below(name, |check| check.value(other, member)),
                (None, None) => {}
            }
        }
    }

    fn array(&mut self, schema: &Map<String, Value>, items: &[Value]) {
        self.within(schema, "minItems", "maxItems", items.len() as f64, "items");
        let unique = schema.get("uniqueItems") == Some(&Value::Bool(true));
        for (index, item) in items.iter().enumerate() {
            let repeated = unique && items.iter().take(index).any(|earlier| earlier == item);
            self.below(&index.to_string(), |check| {
                if repeated {
                    check.report("must not be there twice");
                }
                if let Some(schema) = schema.get("items") {
                    check.value(schema, item);
                }
            });
        }
    }

    fn string(&mut self, schema: &Map<String, Value>, text: &str) {
        self.within(schema, "minLength", "maxLength", text.chars().count() as f64, "characters");
        let (fits, rule) = match schema.get("format").and_then(Value::as_str) {
            Some("decimal") => (is_decimal(text), "a decimal of at least zero, such as \"12.50\""),
            Some("currency") => (is_currency(text), "an ISO 4217 code of three letters, such as \"USD\""),
            Some("slug") => (is_slug(text), "a name of lower-case letters, digits and single hyphens"),
            Some("json-pointer") => (text.is_empty() || text.starts_with('/'), "a JSON Pointer, such as \"/cpu\""),
            _ => (true, ""),
        };
        if !fits {
            self.report(format!("must be {rule}"));
        }
    }

    fn number(&mut self, schema: &Map<String, Value>, number: f64) {
        self.within(schema, "minimum", "maximum", number, "");
    }

    fn within(&mut self, schema: &Map<String, Value>, least: &str, most: &str, have: f64, what: &str) {
        let bound = |word: &str| schema.get(word).and_then(|bound| Some((bound, bound.as_f64()?)));
        let space = if what.is_empty() { "" } else { " " };
        if let Some((least, _)) = bound(least).filter(|(_, least)| have < *least) {
            self.report(format!("must be at least {}{space}{what}", shown(least)));
        }
        if let Some((most, _)) = bound(most).filter(|(_, most)| have > *most) {
            self.report(format!("must be at most {}{space}{what}", shown(most)));
        }
    }
}

/// A schema's value in a message. By hand, since the general way of writing values and floats is 15 KB of code.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => ["\"", text, "\""].concat(),
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
        Value::Null => "null".to_owned(),
        Value::Array(_) | Value::Object(_) => "what its schema says".to_owned(),
    }
}

fn is_a(name: &str, value: &Value) -> bool {
    match (name, value) {
        ("integer", Value::Number(number)) => {
            number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|n| n % 1.0 == 0.0)
        }
        ("number", Value::Number(_))
        | ("null", Value::Null)
        | ("boolean", Value::Bool(_))
        | ("string", Value::String(_))
        | ("array", Value::Array(_))
        | ("object", Value::Object(_)) => true,
        _ => false,
    }
}

fn is_decimal(text: &str) -> bool {
    decimal::exact(text).is_some_and(|decimal| !decimal.is_sign_negative())
}

fn is_currency(text: &str) -> bool {
    text.len() == 3 && text.bytes().all(|b| b.is_ascii_uppercase())
}

/// The same rule as the host's names.
fn is_slug(text: &str) -> bool {
    text.len() <= 63
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.as_bytes().windows(2).any(|pair| pair == b"--")
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCHEMA: &str = r#"{
        "type": "object",
        "required": ["price", "group"],
        "additionalProperties": false,
        "properties": {
            "price": { "type": "string", "format": "decimal" },
            "currency": { "type": "string", "format": "currency" },
            "group": { "type": "string", "format": "slug" },
            "count": { "type": "integer", "minimum": 1, "maximum": 5 },
            "when": { "enum": ["always", "never"] },
            "keys": { "type": "array", "uniqueItems": true, "minItems": 1, "items": { "type": "string", "maxLength": 3 } },
            "by/type": { "type": "object", "additionalProperties": { "type": ["string", "null"] } }
        }
    }"#;

    fn paths(document: &str) -> Vec<String> {
        check(SCHEMA, document).into_iter().map(|violation| violation.path).collect()
    }

    #[test]
    fn a_document_that_fits_has_no_violations() {
        let good = r#"{"price": "0.0000002", "currency": "USD", "group": "a-1", "count": 1.0, "when": "never",
            "keys": ["a", "b"], "by/type": {"x": null}}"#;
        assert_eq!(check(SCHEMA, good), []);
    }

    #[test]
    fn everything_that_is_wrong_is_found_at_once_with_its_pointer() {
        let bad = r#"{"price": 5, "currency": "usd", "count": 9, "when": "soon", "keys": ["a", "abcd", "a"],
            "by/type": {"a~b": 1}, "colour": "red"}"#;
        let expected =
            ["/by~1type/a~0b", "/colour", "/count", "/currency", "/group", "/keys/1", "/keys/2", "/price", "/when"];
        let mut found = paths(bad);
        found.sort();
        assert_eq!(found, expected);
    }

    #[test]
    fn what_is_not_json_is_one_violation_of_the_whole() {
        for bad in ["", "{", "nul", "{} {}"] {
            assert_eq!(paths(bad), [""], "{bad:?} is wrong as a whole");
        }
    }

    #[test]
    fn negative_and_imprecise_prices_are_no_decimals() {
        for bad in ["-1", "1e3", "", "NaN", "0.00000000000000000000000000001", "1,5"] {
            assert_eq!(paths(&format!(r#"{{"group": "a", "price": "{bad}"}}"#)), ["/price"], "{bad} must be refused");
        }
    }

    proptest! {
        #[test]
        fn no_document_makes_the_check_panic(document in "[\\[\\]{}\":,a-z0-9.e-]{0,60}") {
            let _ = check(SCHEMA, &document);
            let _ = check(&document, SCHEMA);
        }

        #[test]
        fn a_pointer_leads_back_to_the_value_that_it_blames(key in "[a-z/~]{1,8}") {
            let document = serde_json::json!({"by/type": {(key.as_str()): 7}, "price": "1", "group": "g"});
            let schema: Value = serde_json::from_str(SCHEMA).unwrap();
            let found = check_value(&schema, &document);
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(document.pointer(&found[0].path), Some(&serde_json::json!(7)));
        }
    }
}
