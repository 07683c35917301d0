use std::collections::BTreeSet;

use super::*;

/// Every operation, by its method and path.
fn operations(document: &Value) -> Vec<(String, &Value)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let of_path = |(path, item): (&'_ String, &'_ Value)| -> Vec<(String, String)> {
        item.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())).collect()
    };
    let named = paths.flat_map(of_path);
    named.map(|(path, method)| (format!("{method} {path}"), &document["paths"][&path][&method])).collect()
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            found.extend(members.get("$ref").and_then(Value::as_str).map(str::to_owned));
            members.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}

#[test]
fn the_document_is_of_version_3_1_and_says_whose_it_is() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["title"], "Macadam");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(document["components"]["securitySchemes"]["bearer"]["scheme"], "bearer");
}

#[test]
fn every_operation_has_a_name_of_its_own_a_summary_and_a_tag_that_is_explained() {
    let document = document();
    let mut names = BTreeSet::new();
    let tags: BTreeSet<_> = TAGS.iter().map(|(name, _)| *name).collect();
    for (operation, described) in operations(&document) {
        let name = described["operationId"].as_str().unwrap_or_default();
        assert!(names.insert(name.to_owned()), "{operation}: another operation is called {name:?}");
        let readable =
            name.split('.').count() >= 2 && name.bytes().all(|b| b.is_ascii_lowercase() || b".-".contains(&b));
        assert!(readable, "{operation}: {name:?} is not written like `resources.create`");
        assert!(described["summary"].as_str().is_some_and(|text| text.ends_with('.')), "{operation} has no summary");
        let tag = described["tags"][0].as_str().unwrap_or_default();
        assert!(tags.contains(tag), "{operation}: nobody explains the tag {tag:?}");
    }
    assert!(names.len() >= 45, "every route is described: {names:?}");
}

#[test]
fn whatever_is_referred_to_is_there() {
    let document = document();
    let mut found = BTreeSet::new();
    references(&document, &mut found);
    for reference in &found {
        let pointer = reference.strip_prefix('#').unwrap_or_default();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
    assert!(found.contains("#/components/responses/Denied"), "refusals are shared");
}

#[test]
fn every_schema_and_each_of_its_members_is_explained() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        assert!(!name.contains('_'), "{name} is not a name for people");
        if schema["oneOf"].is_null() && schema["allOf"].is_null() {
            assert!(schema["description"].is_string(), "{name} has no description");
        }
    }
}

#[test]
fn an_operation_can_be_refused_in_the_ways_that_follow_from_its_shape() {
    let document = document();
    let statuses = |path: &str, method: &str| {
        let responses = document["paths"][path][method]["responses"].as_object().unwrap();
        responses.keys().cloned().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(statuses("/api/v1/whoami", "get"), "200 304 401 403 429 500 503");
    assert_eq!(statuses("/api/v1/resources", "post"), "202 400 401 403 408 409 413 415 422 429 500 503");
    let resource = "/api/v1/resources/{namespace}/{environment}/{type}/{name}";
    assert_eq!(statuses(resource, "get"), "200 304 401 403 404 429 500 503");
    assert_eq!(statuses(resource, "delete"), "202 400 401 403 404 409 412 413 422 429 500 503");
    assert_eq!(statuses("/healthz", "get"), "200 500 503", "nobody signs in to ask whether it is alive");
    let denied = &document["paths"]["/api/v1/resources"]["post"]["responses"]["403"]["$ref"];
    assert_eq!(denied, "#/components/responses/Denied");
}

#[test]
fn names_money_and_ids_have_their_rules_in_the_document() {
    let document = document();
    let schema = |name: &str| &document["components"]["schemas"][name];
    assert_eq!(schema("TeamId")["pattern"], "^[a-z][a-z0-9]*(-[a-z0-9]+)*$");
    assert_eq!(schema("TeamId")["maxLength"], 63);
    assert_eq!(schema("Digest")["type"], "string");
    assert_eq!(schema("RequestId")["format"], "uuid");
    assert_eq!(schema("Estimate")["properties"]["monthly"]["type"], "string", "money is decimal text");
    assert_eq!(schema("RequestState")["enum"][1], "pending-approval", "a state is its word");
    let page = &schema("ResourcePage")["properties"]["items"]["items"]["$ref"];
    assert_eq!(page, "#/components/schemas/Resource");
}
