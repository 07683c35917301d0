//! `ETag` and `If-None-Match` in the document: what a middleware does for every read is said in one place.

use utoipa::PartialSchema as _;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{RefOr, ResponseBuilder};

use crate::extract::described_header;

/// Adds the headers to what is read as a JSON document, and the answer to whoever has it already.
pub(crate) fn describe(item: &mut PathItem) {
    if let Some(operation) = item.get.as_mut().filter(|operation| is_document(operation)) {
        describe_operation(operation);
    }
}

fn is_document(operation: &Operation) -> bool {
    let answer = operation.responses.responses.get("200");
    matches!(answer, Some(RefOr::T(answer)) if answer.content.contains_key("application/json"))
}

fn describe_operation(operation: &mut Operation) {
    let rule = ObjectBuilder::new().schema_type(Type::String).examples(["\"5f0c2b9d7a1e4f60\""]);
    let header = described_header("If-None-Match", "The `ETag` of what the client has; 304 when it is still so.", rule);
    operation.parameters.get_or_insert_default().push(RefOr::T(header));
    if let Some(RefOr::T(answer)) = operation.responses.responses.get_mut("200") {
        let description = "Which state of it this is; for things with revisions, `If-Match` takes it.";
        let header = HeaderBuilder::new().schema(Some(String::schema())).description(Some(description)).build();
        answer.headers.insert("ETag".to_owned(), RefOr::T(header));
    }
    let unchanged = ResponseBuilder::new().description("It is what `If-None-Match` names.").build();
    operation.responses.responses.insert("304".to_owned(), RefOr::T(unchanged));
}
