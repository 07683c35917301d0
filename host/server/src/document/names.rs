//! Names of schemas that read well: `Page<Resource, ResourceId>` is derived as `Page_Resource_ResourceId`, and becomes
//! `ResourcePage`; `All<Team>` becomes `TeamList`.
//!
//! What is derived for a generic type has its parameters written out in place, and forgets that `Option<I>` may be null.
//! Here a list refers to its items by their name, and `next` is null where nothing follows.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

const SCHEMAS: &str = "#/components/schemas/";

/// The document with its generic schemas renamed, wherever they are named.
pub(super) fn mend(mut document: Value) -> Value {
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else {
        return document;
    };
    let names: BTreeMap<String, String> =
        schemas.keys().filter_map(|name| Some((name.clone(), List::of(name)?.readable()))).collect();
    let known: Vec<_> = schemas.keys().cloned().collect();
    for (name, schema) in schemas.iter_mut() {
        if let Some(list) = List::of(name) {
            list.refer(schema, &known);
        }
    }
    *schemas = std::mem::take(schemas).into_iter().map(|(name, schema)| (renamed(&names, name), schema)).collect();
    follow(&mut document, &names);
    document
}

/// A generic schema, by what its derived name says.
struct List<'a> {
    item: &'a str,
    /// What says where the next page starts; a list of all there is has none.
    next: Option<&'a str>,
}

impl<'a> List<'a> {
    fn of(name: &'a str) -> Option<Self> {
        if let Some(item) = name.strip_prefix("All_") {
            return Some(Self { item, next: None });
        }
        let (item, next) = name.strip_prefix("Page_")?.split_once('_')?;
        Some(Self { item, next: Some(next) })
    }

    fn readable(&self) -> String {
        format!("{}{}", self.item, if self.next.is_some() { "Page" } else { "List" })
    }

    fn refer(&self, schema: &mut Value, known: &[String]) {
        let by_name =
            |name: &str| known.iter().any(|known| known == name).then(|| json!({"$ref": format!("{SCHEMAS}{name}")}));
        if let (Some(items), Some(item)) = (schema.pointer_mut("/properties/items/items"), by_name(self.item)) {
            *items = item;
        }
        if let (Some(next), Some(name)) = (schema.pointer_mut("/properties/next"), self.next) {
            let start = by_name(name).unwrap_or_else(|| next.take());
            *next = json!({
                "description": "Ask for what is `after` this; nothing follows when it is null.",
                "anyOf": [start, {"type": "null"}],
            });
        }
    }
}

fn renamed(names: &BTreeMap<String, String>, name: String) -> String {
    names.get(&name).cloned().unwrap_or(name)
}

fn follow(value: &mut Value, names: &BTreeMap<String, String>) {
    match value {
        Value::Object(members) => follow_members(members, names),
        Value::Array(items) => items.iter_mut().for_each(|item| follow(item, names)),
        _ => {}
    }
}

fn follow_members(members: &mut Map<String, Value>, names: &BTreeMap<String, String>) {
    for (member, value) in members {
        match value {
            Value::String(text) if member == "$ref" => {
                if let Some(name) = text.strip_prefix(SCHEMAS).and_then(|name| names.get(name)) {
                    *text = format!("{SCHEMAS}{name}");
                }
            }
            _ => follow(value, names),
        }
    }
}
