//! Refusals in the document: a response for each kind of problem, and which operations can give which.
//!
//! What an operation alone knows (a conflict, a denial) it names itself, as one of the types here. What follows from
//! its shape is added to all: whoever must sign in can be refused, what a path names may not exist, a body can be
//! wrong.

use std::collections::BTreeMap;

use macadam_core::violation::Violation;
use serde_json::Value;
use utoipa::openapi::header::HeaderBuilder;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::schema::{AllOfBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, Response, ResponseBuilder, Schema};
use utoipa::{IntoResponses, PartialSchema as _, ToSchema};

use crate::problem::ProblemKind;

/// Why a request was refused, as RFC 9457 has it.
#[derive(ToSchema)]
#[schema(as = Problem)]
#[allow(dead_code, reason = "how `crate::problem::Problem` is written; only the document has it as a type")]
struct ProblemDocument {
    /// What kind of problem it is: a path on this server that explains it.
    #[schema(example = "/problems/invalid")]
    r#type: String,
    /// The same for all problems of the kind.
    title: String,
    /// The HTTP status again.
    status: u16,
    /// What is wrong here, in one sentence.
    detail: String,
    /// What is wrong with the input, field by field.
    #[schema(nullable = false)]
    violations: Option<Vec<Violation>>,
}

macro_rules! refusals {
    ($($(#[$doc:meta])* $kind:ident),+ $(,)?) => {
        $(
            $(#[$doc])*
            pub(crate) struct $kind;

            impl IntoResponses for $kind {
                fn responses() -> BTreeMap<String, RefOr<Response>> {
                    let kind = ProblemKind::$kind;
                    BTreeMap::from([(kind.status().as_u16().to_string(), reference(kind))])
                }
            }
        )+
    };
}

refusals! {
    /// The operation may not fit what exists.
    Conflict,
    /// Policies, quota or budget may say no.
    Denied,
    /// Whoever is signed in may not do it, although not everybody has to be signed in.
    Forbidden,
    /// What was there once may not be kept any more.
    Gone,
    /// There may be no such thing.
    NotFound,
    /// The input may be wrong although nothing is in the body.
    Invalid,
    /// Whoever asks may have to sign in, although not everybody has to.
    Unauthenticated,
    /// The thing may have been changed since it was looked at.
    Stale,
    /// The body may be too large.
    TooLarge,
    /// It may be more at once than one person may have.
    TooManyRequests,
}

/// Adds the responses, and to each operation those that follow from its shape.
pub(super) fn add(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    components.schemas.insert("Problem".to_owned(), ProblemDocument::schema());
    let mut nested = Vec::new();
    ProblemDocument::schemas(&mut nested);
    components.schemas.extend(nested);
    for kind in ProblemKind::ALL {
        components.responses.insert(name(kind), RefOr::T(response(kind)));
    }
    for operation in document.paths.paths.values_mut().flat_map(operations) {
        for kind in follow_from(operation) {
            let status = kind.status().as_u16().to_string();
            operation.responses.responses.entry(status).or_insert_with(|| reference(kind));
        }
    }
}

/// A path's operations.
pub(crate) fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch].into_iter().flatten()
}

fn follow_from(operation: &Operation) -> Vec<ProblemKind> {
    use ProblemKind as Kind;
    let mut kinds = vec![Kind::Internal, Kind::Unavailable];
    // An operation that says itself which tokens it takes is one that takes none.
    if operation.security.is_none() {
        kinds.extend([Kind::Unauthenticated, Kind::Forbidden, Kind::TooManyRequests]);
    }
    if has(operation, &ParameterIn::Path) {
        kinds.push(Kind::NotFound);
    }
    if has(operation, &ParameterIn::Query) {
        kinds.extend([Kind::Malformed, Kind::Invalid]);
    }
    if has(operation, &ParameterIn::Header) {
        kinds.extend([Kind::Malformed, Kind::Invalid]);
    }
    if operation.request_body.is_some() {
        kinds.extend([Kind::Malformed, Kind::Timeout, Kind::TooLarge, Kind::UnsupportedMediaType, Kind::Invalid]);
    }
    kinds
}

fn has(operation: &Operation, place: &ParameterIn) -> bool {
    // Whatever is in `If-None-Match` is no mistake: it names what is there, or it does not.
    let is_there = |parameter: &RefOr<Parameter>| match parameter {
        RefOr::T(parameter) => parameter.parameter_in == *place && parameter.name != "If-None-Match",
        RefOr::Ref(_) => false,
    };
    operation.parameters.iter().flatten().any(is_there)
}

/// A kind's name among the document's responses: `not-found` is `NotFound`.
fn name(kind: ProblemKind) -> String {
    format!("{kind:?}")
}

fn reference(kind: ProblemKind) -> RefOr<Response> {
    RefOr::Ref(Ref::from_response_name(name(kind)))
}

fn response(kind: ProblemKind) -> Response {
    let description = format!("{}. {}", kind.title(), kind.remedy());
    let content = ContentBuilder::new().schema(Some(schema(kind))).build();
    let mut response = ResponseBuilder::new().description(description).content("application/problem+json", content);
    let header =
        |description: &str| HeaderBuilder::new().schema(Some(String::schema())).description(Some(description)).build();
    match kind {
        ProblemKind::Unauthenticated => {
            response = response.header("WWW-Authenticate", header("How to sign in."));
        }
        ProblemKind::Unavailable | ProblemKind::TooManyRequests => {
            response = response.header("Retry-After", header("In how many seconds to try again."));
        }
        ProblemKind::Conflict => {
            let description = "In how many seconds to ask again, when the same request is under way.";
            let header = HeaderBuilder::new().schema(Some(Option::<String>::schema())).description(Some(description));
            response = response.header("Retry-After", header.build());
        }
        _ => {}
    }
    response.build()
}

fn schema(kind: ProblemKind) -> Schema {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let fixed = |kinds: &[ProblemKind]| {
        let words = kinds.iter().map(|kind| format!("/problems/{}", kind.as_str()));
        let word = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(words)).build();
        let status =
            ObjectBuilder::new().schema_type(Type::Integer).enum_values(Some([kind.status().as_u16()])).build();
        ObjectBuilder::new().property("type", word).property("status", status)
    };
    let object = match kind {
        // One status, two kinds: what is decided and denied is there to see, what is forbidden is not.
        ProblemKind::Denied => fixed(&[ProblemKind::Forbidden, ProblemKind::Denied])
            .property("request", text().description(Some("The request's id, when it was decided and denied.")))
            .property("decision", <Value as utoipa::PartialSchema>::schema()),
        ProblemKind::Conflict => {
            let about = "The revision or generation that there is; null when there is nothing.";
            let number = SchemaType::from_iter([Type::Integer, Type::Null]);
            fixed(&[kind]).property("current", ObjectBuilder::new().schema_type(number).description(Some(about)))
        }
        ProblemKind::Gone => fixed(&[kind])
            .property("oldest", text().description(Some("The place of the oldest event that is kept.")))
            .property("latest", text().description(Some("The place of the newest event."))),
        _ => fixed(&[kind]),
    };
    AllOfBuilder::new().item(Ref::from_schema_name("Problem")).item(object).build().into()
}
