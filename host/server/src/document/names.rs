//! Names of schemas that read well: `Page<Resource, ResourceId>` is derived as `Page_Resource_ResourceId`, and becomes
//! `ResourcePage`; `All<Team>` becomes `TeamList`.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

const SCHEMAS: &str = "#/components/schemas/";

/// The document with its generic schemas renamed, wherever they are named.
pub(super) fn mend(mut document: Value) -> Value {
    let Some(schemas) = document.pointer_mut("/components/schemas").and_then(Value::as_object_mut) else {
        return document;
    };
    let names: BTreeMap<String, String> =
        schemas.keys().filter_map(|name| Some((name.clone(), readable(name)?))).collect();
    *schemas = std::mem::take(schemas).into_iter().map(|(name, schema)| (renamed(&names, name), schema)).collect();
    follow(&mut document, &names);
    document
}

fn readable(name: &str) -> Option<String> {
    let item = |rest: &str| rest.split('_').next().unwrap_or_default().to_owned();
    let page = name.strip_prefix("Page_").map(|rest| format!("{}Page", item(rest)));
    page.or_else(|| name.strip_prefix("All_").map(|rest| format!("{}List", item(rest))))
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
