//! The ids of what is stored: UUIDs of version 7 (RFC 9562), which sort by the time they were made, so that a page of
//! records ends at an id and the next one starts there.
//!
//! Time and randomness come in as arguments; nothing here asks the world for either.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use uuid::{Builder, Uuid};

/// A text that is no id. It is not repeated: whoever pastes a token where an id belongs reads it in no answer and no log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is not the id of a {what}: write a UUID of version 7 in lower case with hyphens")]
pub struct IdError {
    what: &'static str,
}

/// A UUID of version 7 in its one spelling.
const VERSION_7: &str = "^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$";

macro_rules! id {
    ($(#[doc = $doc:literal])* $name:ident, $what:literal) => {
        $(#[doc = $doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Uuid);

        impl $name {
            /// An id made at a moment, from ten random bytes.
            #[must_use]
            pub fn new(now: Timestamp, random: [u8; 10]) -> Self {
                let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
                Self(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
            }

            /// The UUID.
            #[must_use]
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                // One spelling only: a UUID has several (braces, upper case, URN), and an id is compared as text.
                Uuid::parse_str(text)
                    .ok()
                    .filter(|uuid| uuid.get_version_num() == 7 && uuid.to_string() == text)
                    .map(Self)
                    .ok_or_else(|| IdError { what: $what })
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                use utoipa::openapi::schema::{ObjectBuilder, SchemaFormat, Type};
                ObjectBuilder::new()
                    .schema_type(Type::String)
                    .format(Some(SchemaFormat::Custom("uuid".to_owned())))
                    .pattern(Some(VERSION_7))
                    .examples(["0198c0de-0000-7000-8000-000000000000"])
                    .description(Some([$($doc),+].map(str::trim).join(" ")))
                    .into()
            }
        }

        impl utoipa::ToSchema for $name {
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed(stringify!($name))
            }
        }
    };
}

id!(
    /// One action that somebody asked for.
    RequestId, "request"
);
id!(
    /// A resource, over all the requests on it; providers get it as the name that is unique everywhere.
    ResourceId, "resource"
);
id!(
    /// The work on one request.
    JobId, "job"
);
id!(
    /// A generated project.
    ScaffoldId, "scaffold"
);
id!(
    /// A place that is told of events.
    WebhookId, "webhook"
);
id!(
    /// One attempt to tell a webhook.
    DeliveryId, "delivery"
);
id!(
    /// A service's token.
    ServiceTokenId, "service token"
);
id!(
    /// One live call that more than one version answered: what joins the shadow's answer to the one that counted.
    PairId, "pair"
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_what_it_prints_and_has_one_spelling() {
        let id = RequestId::new("2026-01-02T03:04:05Z".parse().unwrap(), [7; 10]);
        assert_eq!(id.to_string().parse::<RequestId>().unwrap(), id);
        let upper = id.to_string().to_uppercase();
        for bad in [upper.as_str(), "", "x", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"] {
            assert!(bad.parse::<RequestId>().is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn a_later_id_sorts_after_an_earlier_one_as_text_too() {
        let early = JobId::new("2026-01-02T03:04:05.001Z".parse().unwrap(), [255; 10]);
        let late = JobId::new("2026-01-02T03:04:05.002Z".parse().unwrap(), [0; 10]);
        assert!(early < late && early.to_string() < late.to_string());
    }
}
