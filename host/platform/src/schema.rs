//! Documents against JSON Schema 2020-12: defaults filled in, then checked, every error as a violation at its place.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{Draft, ValidationError, Validator};
use macadam_core::violation::Violation;
use serde_json::{Map, Value};

/// A schema that documents are checked against, compiled once.
#[derive(Debug, Clone)]
pub struct Schema {
    document: Value,
    validator: Validator,
}

/// A schema that is none.
#[derive(Debug, thiserror::Error)]
#[error("the schema cannot be used: {0}")]
pub struct SchemaError(String);

/// Errors beyond this many help nobody.
const MAX_VIOLATIONS: usize = 50;

impl Schema {
    /// Compiles a schema. References lead nowhere but into the schema itself.
    ///
    /// # Errors
    /// [`SchemaError`] when it is not a valid JSON Schema.
    pub fn compile(document: Value) -> Result<Self, SchemaError> {
        let validator = jsonschema::options().with_draft(Draft::Draft202012).build(&document);
        Ok(Self { validator: validator.map_err(|error| SchemaError(error.to_string()))?, document })
    }

    /// The schema as a document.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// Fills in what the document leaves out and the schema has a default for, then checks it.
    ///
    /// # Errors
    /// A [`Violation`] for each thing that is wrong, its path below `prefix`.
    pub fn complete(&self, prefix: &str, mut document: Value) -> Result<Value, Vec<Violation>> {
        fill_defaults(&self.document, &mut document);
        let errors = self.validator.iter_errors(&document);
        let all: Vec<_> = errors.flat_map(|error| violations(prefix, &error)).take(MAX_VIOLATIONS).collect();
        if all.is_empty() { Ok(document) } else { Err(all) }
    }
}

/// What is wrong, each field by its own place, also one that is missing or that there is not. What somebody wrote is not said
/// again: it may be as long as a body may be, or a secret in the wrong field.
fn violations(prefix: &str, error: &ValidationError<'_>) -> Vec<Violation> {
    let at = format!("{prefix}{}", error.instance_path());
    let below = |name: &str| format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
    match error.kind() {
        ValidationErrorKind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            vec![Violation::new(below(name), "is missing; it has to be there")]
        }
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
            let unknown = |name: &String| Violation::new(below(name), "there is no such field; leave it out");
            unexpected.iter().map(unknown).collect()
        }
        _ => vec![Violation::new(at, error.masked_with("it").to_string())],
    }
}

/// Fills in defaults of properties, level by level. JSON Schema leaves `default` to its users; this is what form
/// generators do with it. A property without a default stays out, also when properties below it have one.
fn fill_defaults(schema: &Value, document: &mut Value) {
    let properties = schema.get("properties").and_then(Value::as_object);
    let (Some(properties), Some(document)) = (properties, document.as_object_mut()) else { return };
    fill_properties(properties, document);
}

fn fill_properties(properties: &Map<String, Value>, document: &mut Map<String, Value>) {
    for (name, schema) in properties {
        if !document.contains_key(name)
            && let Some(default) = schema.get("default")
        {
            document.insert(name.clone(), default.clone());
        }
        if let Some(value) = document.get_mut(name) {
            fill_defaults(schema, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn defaults_are_filled_in_and_every_error_names_its_place() {
        let schema = Schema::compile(json!({
            "type": "object",
            "required": ["name"],
            "additionalProperties": false,
            "properties": {
                "name": {"type": "string"},
                "size": {"type": "integer", "minimum": 1, "default": 10},
                "backup": {"type": "object", "properties": {"days": {"type": "integer", "default": 7}}},
            },
        }))
        .unwrap();
        let full = schema.complete("/spec", json!({"name": "a", "backup": {}})).unwrap();
        assert_eq!(full, json!({"name": "a", "size": 10, "backup": {"days": 7}}));
        let wrong = schema.complete("/spec", json!({"size": 0, "colour/s": "red"})).unwrap_err();
        let mut places: Vec<_> = wrong.iter().map(|violation| violation.path.as_str()).collect();
        places.sort_unstable();
        assert_eq!(places, ["/spec/colour~1s", "/spec/name", "/spec/size"], "each by its own place: {wrong:?}");
    }

    #[test]
    fn what_was_written_is_not_said_again() {
        let schema = Schema::compile(json!({
            "properties": {
                "port": {"type": "integer"},
                "note": {"maxLength": 3},
                "mode": {"enum": ["a", "b"]},
                "name": {"pattern": "^[a-z]+$"},
            },
        }))
        .unwrap();
        let secret = json!("hunter2");
        let document = json!({"port": secret, "note": secret, "mode": secret, "name": secret});
        let wrong = schema.complete("", document).unwrap_err();
        assert_eq!(wrong.len(), 4, "{wrong:?}");
        assert!(!format!("{wrong:?}").contains("hunter2"), "it may be a secret in the wrong field: {wrong:?}");
        assert!(wrong.iter().any(|violation| violation.message == "it is not of type \"integer\""), "{wrong:?}");
    }

    #[test]
    fn a_schema_that_is_none_is_refused() {
        assert!(Schema::compile(json!({"type": "colour"})).is_err());
        assert!(Schema::compile(json!({"$ref": "http://example.com/schema.json"})).is_err(), "nothing is fetched");
    }
}
