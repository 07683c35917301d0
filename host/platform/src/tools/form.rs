//! A document by its JSON Schema, for somebody to finish: what is given is kept, what has a default is filled in, what is
//! required and has none gets a value that shows what goes there, and is named.
//!
//! Properties are what people write, so properties are what is looked at, level by level. What a schema says by `$ref` or
//! `allOf` is checked, but not filled in.

use macadam_core::violation::Violation;
use serde_json::{Map, Value, json};

use crate::schema::Schema;

/// One thing that can be written in a document.
#[derive(Debug, Clone, PartialEq, serde::Serialize, utoipa::ToSchema)]
pub struct Field {
    /// Where, as a JSON Pointer into the document.
    pub field: String,
    /// What it is for, in the words of the schema.
    pub description: Option<String>,
    /// Whether it has to be there.
    pub required: bool,
    /// What counts when it is left out.
    pub default: Option<Value>,
    /// Whether its value only shows what goes there.
    pub to_fill_in: bool,
    /// What may be written, as JSON Schema.
    pub schema: Value,
}

/// A document, and what there is to say of it.
#[derive(Debug)]
pub(super) struct Form {
    /// The document.
    pub(super) document: Value,
    /// Everything that can be written in it.
    pub(super) fields: Vec<Field>,
    /// What is wrong with it, besides what is to be filled in.
    pub(super) violations: Vec<Violation>,
}

impl Form {
    /// The same without a property.
    pub(super) fn without(mut self, name: &str) -> Self {
        if let Value::Object(document) = &mut self.document {
            document.remove(name);
        }
        self.fields.retain(|field| field.field.trim_start_matches('/') != name);
        self
    }
}

/// Fills a document in.
pub(super) fn form(schema: &Schema, given: Map<String, Value>) -> Form {
    let (mut document, mut fields) = (given, Vec::new());
    fill(schema.document(), &mut document, "", &mut fields);
    let document = Value::Object(document);
    let mut violations = schema.complete("", document.clone()).err().unwrap_or_default();
    violations
        .retain(|violation| !fields.iter().any(|field| field.to_fill_in && is_within(&violation.path, &field.field)));
    Form { document, fields, violations }
}

fn fill(schema: &Value, document: &mut Map<String, Value>, at: &str, fields: &mut Vec<Field>) {
    let required = schema.get("required").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    for (name, schema) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let field = format!("{at}/{}", name.replace('~', "~0").replace('/', "~1"));
        let (required, default) = (required.iter().any(|one| one == name), schema.get("default").cloned());
        let mut to_fill_in = false;
        if !document.contains_key(name) {
            let shown = default.clone().or_else(|| required.then(|| shows(schema)));
            // An object is finished below.
            to_fill_in = required && default.is_none() && !shown.as_ref().is_some_and(|shown| is_group(shown, schema));
            document.extend(shown.map(|value| (name.clone(), value)));
        }
        let description = schema.get("description").or_else(|| schema.get("title")).and_then(Value::as_str);
        let description = description.map(str::to_owned);
        fields.push(Field { field: field.clone(), description, required, default, to_fill_in, schema: schema.clone() });
        match document.get_mut(name) {
            Some(Value::Object(inner)) => fill(schema, inner, &field, fields),
            // What is below something that may be left out can be written as well.
            None => fill(schema, &mut Map::new(), &field, fields),
            Some(_) => {}
        }
    }
}

/// Whether a JSON Pointer is another one, or goes on where that ends.
fn is_within(pointer: &str, field: &str) -> bool {
    pointer.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn is_group(shown: &Value, schema: &Value) -> bool {
    shown.is_object() && schema.get("properties").is_some()
}

/// A value that shows what goes there: one that the schema names, or an empty one of its type.
fn shows(schema: &Value) -> Value {
    let first = |name: &str| schema.get(name).and_then(Value::as_array).and_then(|all| all.first()).cloned();
    let named = schema.get("const").cloned().or_else(|| first("examples")).or_else(|| first("enum"));
    named.unwrap_or_else(|| {
        let least = || schema.get("minimum").cloned().unwrap_or(json!(0));
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => json!(""),
            Some("integer" | "number") => least(),
            Some("boolean") => json!(false),
            Some("array") => json!([]),
            Some("object") => json!({}),
            _ => Value::Null,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Schema {
        Schema::compile(json!({
            "type": "object", "required": ["owner", "backup", "size"], "additionalProperties": false,
            "properties": {
                "owner": {"type": "string", "minLength": 1, "title": "Who answers for it"},
                "size": {"type": "integer", "minimum": 1, "default": 10},
                "tier": {"enum": ["small", "large"]},
                "backup": {
                    "type": "object", "required": ["plan"],
                    "properties": {"plan": {"enum": ["daily", "weekly"]}, "days": {"type": "integer", "default": 7}},
                },
            },
        }))
        .unwrap()
    }

    fn given(value: &Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn open(form: &Form) -> Vec<&str> {
        form.fields.iter().filter(|field| field.to_fill_in).map(|field| field.field.as_str()).collect()
    }

    #[test]
    fn what_is_known_is_filled_in_and_the_rest_is_named() {
        let form = form(&schema(), Map::new());
        assert_eq!(form.document, json!({"owner": "", "size": 10, "backup": {"plan": "daily", "days": 7}}));
        assert_eq!(open(&form), ["/owner", "/backup/plan"]);
        assert!(form.violations.is_empty(), "what is to be filled in is not wrong: {:?}", form.violations);
        let all: Vec<_> = form.fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(all, ["/owner", "/size", "/tier", "/backup", "/backup/plan", "/backup/days"]);
        assert_eq!(form.fields[0].description.as_deref(), Some("Who answers for it"));
    }

    #[test]
    fn what_is_given_stays_and_is_checked() {
        let good = form(&schema(), given(&json!({"owner": "dana", "tier": "large", "backup": {"plan": "weekly"}})));
        assert_eq!(good.document["backup"], json!({"plan": "weekly", "days": 7}));
        assert!(open(&good).is_empty() && good.violations.is_empty(), "{:?}", good.violations);
        let bad = form(&schema(), given(&json!({"size": 0, "colour": "red"})));
        let mut fields: Vec<_> = bad.violations.iter().map(|violation| violation.path.as_str()).collect();
        fields.sort_unstable();
        assert_eq!(fields, ["/colour", "/size"], "{:?}", bad.violations);
        assert_eq!(bad.document["size"], 0, "what somebody wrote is not changed behind their back");
    }

    #[test]
    fn what_is_to_be_filled_in_hides_nothing_of_a_field_with_a_longer_name() {
        let schema = json!({
            "type": "object", "required": ["size"],
            "properties": {"size": {"type": "integer", "minimum": 1, "examples": [0]}, "size2": {"type": "integer"}},
        });
        let form = form(&Schema::compile(schema).unwrap(), given(&json!({"size2": "big"})));
        assert_eq!(open(&form), ["/size"]);
        let fields: Vec<_> = form.violations.iter().map(|violation| violation.path.as_str()).collect();
        assert_eq!(fields, ["/size2"]);
    }

    #[test]
    fn a_finished_form_is_what_its_schema_takes() {
        let finished = form(&schema(), given(&json!({"owner": "dana", "backup": {"plan": "daily"}})));
        assert_eq!(schema().complete("", finished.document.clone()), Ok(finished.document));
    }
}
