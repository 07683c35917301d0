//! Documents against JSON Schema 2020-12: defaults filled in, then checked, every error as a violation at its place.

use jsonschema::{Draft, Validator};
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
        let violation = |error: jsonschema::ValidationError<'_>| {
            Violation::new(format!("{prefix}{}", error.instance_path()), error.to_string())
        };
        let violations: Vec<_> = self.validator.iter_errors(&document).take(MAX_VIOLATIONS).map(violation).collect();
        if violations.is_empty() { Ok(document) } else { Err(violations) }
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
        let wrong = schema.complete("/spec", json!({"size": 0, "colour": "red"})).unwrap_err();
        assert!(wrong.iter().any(|violation| violation.path == "/spec/size"), "the place is named: {wrong:?}");
        assert_eq!(wrong.len(), 3, "name is missing, size too small, colour unknown: {wrong:?}");
    }

    #[test]
    fn a_schema_that_is_none_is_refused() {
        assert!(Schema::compile(json!({"type": "colour"})).is_err());
        assert!(Schema::compile(json!({"$ref": "http://example.com/schema.json"})).is_err(), "nothing is fetched");
    }
}
