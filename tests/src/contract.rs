//! What the API's document promises of each answer, and whether an answer keeps it.
//!
//! The helpers that talk to a server ask this of every answer of every test, so code and document cannot drift apart
//! anywhere that a test goes.

use std::collections::HashMap;
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use jsonschema::Validator;
use serde_json::{Value, json};

use crate::server::binary;

/// The API's document, ready to be compared with answers.
pub struct Contract {
    document: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// One answer, as far as the document speaks of it.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The method that was sent.
    pub method: &'a str,
    /// The path, with or without its query.
    pub path: &'a str,
    /// The answer's status.
    pub status: u16,
    /// The answer's `Content-Type`; empty when it has none.
    pub media_type: &'a str,
    /// The answer's body.
    pub body: &'a [u8],
}

impl Contract {
    /// Takes the document.
    pub fn new(document: Value) -> Self {
        Self { document, validators: Mutex::default() }
    }

    /// That of the server that cargo has built, as its command line writes it.
    pub fn of_the_binary() -> &'static Self {
        static OF_THE_BINARY: LazyLock<Contract> = LazyLock::new(|| {
            let written = Command::new(binary()).args(["api", "document"]).output().expect("the command line runs");
            Contract::new(serde_json::from_slice(&written.stdout).expect("it writes the document"))
        });
        &OF_THE_BINARY
    }

    /// The document's operations: method, path and description.
    pub fn operations(&self) -> impl Iterator<Item = (&str, &str, &Value)> {
        let paths = self.document["paths"].as_object().into_iter().flatten();
        paths.flat_map(|(path, item)| {
            let operations = item.as_object().into_iter().flatten().filter(|(name, _)| is_method(name));
            operations.map(move |(method, operation)| (method.as_str(), path.as_str(), operation))
        })
    }

    /// Compares an answer with the document.
    ///
    /// # Panics
    /// When the answer is not one that the document has; the message names the operation.
    #[track_caller]
    pub fn check(&self, given: Given<'_>) {
        if let Err(wrong) = self.compare(given) {
            let body: String = String::from_utf8_lossy(given.body).chars().take(2_000).collect();
            panic!(
                "{} {} answers {} and {wrong}; mend code or document\n{body}",
                given.method, given.path, given.status
            );
        }
    }

    /// Says how an answer differs from the document.
    ///
    /// # Errors
    /// What is not as the document has it.
    pub fn compare(&self, given: Given<'_>) -> Result<(), String> {
        let path = given.path.split('?').next().unwrap_or_default();
        let method = match given.method.to_ascii_lowercase().as_str() {
            "head" => "get".to_owned(),
            other => other.to_owned(),
        };
        let Some((template, item)) = self.path_item(path) else {
            let undescribed = path == "/docs" || path.starts_with("/docs/") || given.status == 404;
            return if undescribed { Ok(()) } else { Err("the document has no such path".to_owned()) };
        };
        let Some(operation) = item.get(&method) else {
            let refused = given.status == 405;
            return if refused { Ok(()) } else { Err(format!("the document has no {method} of {template}")) };
        };
        let id = operation["operationId"].as_str().unwrap_or_default();
        let response = operation["responses"].get(given.status.to_string());
        let response = response.ok_or_else(|| format!("{id} has no such status in the document"))?;
        self.compare_body(&format!("{id} {}", given.status), self.resolved(response), given)
    }

    fn compare_body(&self, what: &str, response: &Value, given: Given<'_>) -> Result<(), String> {
        let content = response["content"].as_object();
        let Some(content) = content.filter(|_| given.method != "HEAD") else {
            let empty = given.body.is_empty();
            return if empty { Ok(()) } else { Err(format!("{what} has no body in the document")) };
        };
        let essence = |text: &str| text.split(';').next().unwrap_or_default().trim().to_owned();
        let found = content.iter().find(|(name, _)| essence(name) == essence(given.media_type));
        let (media_type, content) =
            found.ok_or_else(|| format!("{what} has no {:?} in the document", given.media_type))?;
        if !media_type.contains("json") {
            return Ok(());
        }
        let body: Value = serde_json::from_slice(given.body).map_err(|error| format!("{what} is no JSON: {error}"))?;
        let validator = self.validator(what, &content["schema"]);
        let errors: Vec<_> =
            validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
        if errors.is_empty() { Ok(()) } else { Err(format!("{what} differs from its schema: {}", errors.join("; "))) }
    }

    fn validator(&self, what: &str, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().unwrap_or_else(PoisonError::into_inner);
        let made = validators.entry(what.to_owned()).or_insert_with(|| {
            let whole = json!({
                "$schema": "https://json-schema.org/draft/2020-12/schema",
                "components": self.document["components"],
                "allOf": [schema],
            });
            let validator = jsonschema::options().should_validate_formats(true).build(&whole);
            Arc::new(validator.unwrap_or_else(|error| panic!("the schema of {what} is none: {error}")))
        });
        Arc::clone(made)
    }

    /// The path's template and what the document says of it. What is spelled out goes before what is a parameter.
    fn path_item(&self, path: &str) -> Option<(&str, &Value)> {
        let parts: Vec<_> = path.split('/').collect();
        let literals = |template: &str| {
            let expected: Vec<_> = template.split('/').collect();
            let fits =
                |(expected, part): (&&str, &&str)| expected == part || (expected.starts_with('{') && !part.is_empty());
            let all = expected.len() == parts.len() && expected.iter().zip(&parts).all(fits);
            all.then(|| expected.iter().filter(|part| !part.starts_with('{')).count())
        };
        let paths = self.document["paths"].as_object()?;
        let fitting = paths.iter().filter_map(|(template, item)| Some((literals(template)?, template, item)));
        fitting.max_by_key(|(literals, ..)| *literals).map(|(_, template, item)| (template.as_str(), item))
    }

    fn resolved<'a>(&'a self, value: &'a Value) -> &'a Value {
        let target = value["$ref"].as_str().and_then(|target| target.strip_prefix('#'));
        target.and_then(|pointer| self.document.pointer(pointer)).unwrap_or(value)
    }
}

fn is_method(name: &str) -> bool {
    ["get", "put", "post", "delete", "patch", "head", "options"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contract() -> Contract {
        Contract::new(json!({
            "paths": {
                "/things/{id}": {"get": {"operationId": "things.get", "responses": {
                    "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
                    "404": {"$ref": "#/components/responses/None"},
                }}},
                "/things/all": {"delete": {"operationId": "things.clear", "responses": {"204": {"description": ""}}}},
            },
            "components": {
                "schemas": {"Thing": {"type": "object", "required": ["id"], "properties": {"id": {"type": "integer"}}}},
                "responses": {"None": {"content": {"application/problem+json": {"schema": {}}}}},
            },
        }))
    }

    fn given<'a>(method: &'a str, path: &'a str, status: u16, media_type: &'a str, body: &'a str) -> Given<'a> {
        Given { method, path, status, media_type, body: body.as_bytes() }
    }

    #[test]
    fn an_answer_that_the_document_has_is_fine() {
        let contract = contract();
        for good in [
            given("GET", "/things/7?x=1", 200, "application/json", r#"{"id": 7}"#),
            given("HEAD", "/things/7", 200, "application/json", ""),
            given("GET", "/things/7", 404, "application/problem+json", "{}"),
            given("DELETE", "/things/all", 204, "", ""),
            given("PUT", "/things/7", 405, "application/problem+json", "{}"),
            given("GET", "/nowhere", 404, "application/problem+json", "{}"),
        ] {
            assert_eq!(contract.compare(good), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn an_answer_that_the_document_does_not_have_is_found() {
        let contract = contract();
        for (bad, why) in [
            (given("GET", "/things/7", 200, "application/json", r#"{"id": "x"}"#), "differs from its schema"),
            (given("GET", "/things/7", 200, "text/html", "<p>"), "text/html"),
            (given("GET", "/things/7", 500, "application/problem+json", "{}"), "no such status"),
            (given("PUT", "/things/7", 200, "", ""), "no put"),
            (given("GET", "/nowhere", 200, "", ""), "no such path"),
            (given("DELETE", "/things/all", 204, "text/plain", "gone"), "no body"),
        ] {
            let wrong = contract.compare(bad).unwrap_err();
            assert!(wrong.contains(why), "{bad:?}: {wrong}");
        }
    }
}
