//! `Idempotency-Key` in the document: what a middleware does for every route is said in one place.

use utoipa::openapi::RefOr;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::{IntoResponses as _, PartialSchema as _};

use super::problems::{Conflict, Invalid, TooLarge};
use crate::extract::described_header;
use crate::idempotency::MAX_KEY;

/// Adds the header to what makes or changes something, and how it can be refused.
pub(crate) fn describe(item: &mut PathItem) {
    for operation in [&mut item.post, &mut item.put, &mut item.delete].into_iter().flatten() {
        describe_operation(operation);
    }
}

fn describe_operation(operation: &mut Operation) {
    let rule = ObjectBuilder::new()
        .schema_type(Type::String)
        .min_length(Some(1))
        .max_length(Some(MAX_KEY))
        .pattern(Some("^[!-~]+$"))
        .examples(["2f1c6f0e-order-42"]);
    let header = described_header(
        "Idempotency-Key",
        "The client's own key for this request: sent again under it within a day, it is not done twice, and answered as \
         the first time.",
        rule,
    );
    operation.parameters.get_or_insert_default().push(RefOr::T(header));
    for (status, response) in &mut operation.responses.responses {
        if let (true, RefOr::T(response)) = (status.starts_with('2'), response) {
            let description = "`true` when this answer was given before.";
            let header = HeaderBuilder::new().schema(Some(String::schema())).description(Some(description)).build();
            response.headers.insert("Idempotent-Replayed".to_owned(), RefOr::T(header));
        }
    }
    let refusals = [Conflict::responses(), Invalid::responses(), TooLarge::responses()];
    for (status, response) in refusals.into_iter().flatten() {
        operation.responses.responses.entry(status).or_insert(response);
    }
}
