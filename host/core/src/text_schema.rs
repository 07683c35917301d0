//! How a type that is written as a text looks in the API's document: with its rule, an example and its length, so that
//! a client can check what it is about to send.

/// What there is to know of a text that has a rule.
#[derive(Debug, Clone, Copy)]
pub struct TextRule {
    /// An ECMA-262 regular expression, as JSON Schema 2020-12 wants it.
    pub pattern: &'static str,
    /// A text that keeps to the rule.
    pub example: &'static str,
    /// The most characters that it may have.
    pub longest: usize,
}

/// The schema of a text with a rule; the description's lines are joined.
#[must_use]
pub fn schema(rule: TextRule, description: &[&str]) -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
    let description: Vec<_> = description.iter().map(|line| line.trim()).collect();
    let object = utoipa::openapi::ObjectBuilder::new()
        .schema_type(utoipa::openapi::schema::Type::String)
        .pattern(Some(rule.pattern))
        .min_length(Some(1))
        .max_length(Some(rule.longest))
        .examples([rule.example])
        .description(Some(description.join(" ")));
    object.into()
}

/// Has a type appear in the API's document as a text with a rule.
///
/// ```
/// struct Colour;
/// macadam_core::text_schema!(
///     Colour, ["A colour."], macadam_core::text_schema::TextRule { pattern: "^#[0-9a-f]{6}$", example: "#c0ffee", longest: 7 }
/// );
/// assert_eq!(<Colour as utoipa::ToSchema>::name(), "Colour");
/// ```
#[macro_export]
macro_rules! text_schema {
    ($type:ident, [$($description:literal),+], $rule:expr) => {
        impl utoipa::PartialSchema for $type {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
                $crate::text_schema::schema($rule, &[$($description),+])
            }
        }

        impl utoipa::ToSchema for $type {
            fn name() -> std::borrow::Cow<'static, str> {
                std::borrow::Cow::Borrowed(stringify!($type))
            }
        }
    };
}
