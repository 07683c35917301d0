//! The API's document: OpenAPI 3.1, made from the very table of routes that is served.
//!
//! Each handler describes itself (`#[utoipa::path]`), and [`OpenApiRouter`](utoipa_axum::router::OpenApiRouter) takes
//! route and description together, so neither exists without the other. What every operation has alike, above all how
//! it is refused, is added here in one place ([`problems::add`]).
//!
//! | module | what it holds |
//! |---|---|
//! | `problems` | the answers that are refusals, and which operations can give them |
//! | `keyed` | `Idempotency-Key`, wherever it can be sent |
//! | `tagged` | `ETag`, wherever something is read |
//! | `names` | names of schemas that read well |
//! | `pages` | `/api/v1/openapi.json`, and the interactive page at `/docs` |

pub(crate) mod keyed;
mod names;
pub(crate) mod pages;
pub(crate) mod problems;
pub(crate) mod tagged;

use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{InfoBuilder, LicenseBuilder, OpenApi};

use crate::serve::table;

/// Bytes as they are, neither JSON nor text.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[allow(dead_code, reason = "how bytes look in the document; nothing is made of it")]
pub(crate) struct Bytes(Vec<u8>);

/// What the API's operations are about, in the order in which a newcomer meets them.
const TAGS: [(&str, &str); 16] = [
    ("catalog", "What there is to choose from, and oneself."),
    ("resources", "What people ask for, from the question what it would cost to its removal."),
    ("requests", "What was asked for, what became of it, and the approvals it waits for."),
    ("scaffolds", "Projects from golden paths."),
    ("plugins", "Published plugins: what decides, prices, makes and generates."),
    ("bindings", "Which plugins are active, where, and with which settings."),
    ("namespaces", "Who publishes under which name, and whose signatures count."),
    ("decisions", "What plugins were asked and said, and what another version would say."),
    ("jobs", "The work on requests, and what is done by the clock."),
    ("events", "What happened, as CloudEvents: a page, or a stream."),
    ("webhooks", "What happened, told to others."),
    ("audit", "Who did what, in chains that prove that nothing was changed."),
    ("access", "Who may do what, and why."),
    ("service-tokens", "Tokens for what calls without being a person."),
    ("tools", "Help for people who write plugins and pipelines."),
    ("operations", "What machines ask: is it alive, is it ready, what does it count."),
];

const ABOUT: &str = "\
The API of Macadam, an internal developer platform in one binary.

Every error is a problem document (RFC 9457) whose `type` is a path on this server that explains it. A list has `items`
and, where it has pages, `next`: ask for what is `after` it. Every POST, and whatever changes a resource, takes an
`Idempotency-Key`, so that a request whose answer was lost can be sent again.";

/// The API's document, as it is served.
#[must_use]
pub fn document() -> Value {
    let mut document = table().into_openapi();
    introduce(&mut document);
    problems::add(&mut document);
    names::mend(serde_json::to_value(&document).unwrap_or_default())
}

fn introduce(document: &mut OpenApi) {
    document.info = InfoBuilder::new()
        .title("Macadam")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT))
        .license(Some(LicenseBuilder::new().name("Apache-2.0").identifier(Some("Apache-2.0")).build()))
        .build();
    let tag = |(name, description): (&str, &str)| TagBuilder::new().name(name).description(Some(description)).build();
    document.tags = Some(TAGS.into_iter().map(tag).collect());
    let mut bearer = Http::new(HttpAuthScheme::Bearer);
    bearer.description = Some("A token of this server, as `Authorization: Bearer TOKEN`.".to_owned());
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    document.security = Some(vec![SecurityRequirement::new("bearer", Vec::<String>::new())]);
}

#[cfg(test)]
mod tests;
