//! Services: what calls the platform without being a person, such as a pipeline, and which actions its token is for.
//!
//! A service has an id where a person has one, so that it can ask for things and be named in the audit log. All ids that
//! start with [`RESERVED`] are the platform's own to give; whoever lets people in refuses them, so no person has the id of
//! a service. A service is never counted among the people who approve.

use std::fmt;
use std::str::FromStr;

use crate::names::{NameError, PersonId, TeamId};

/// How the ids start that no person may have.
pub const RESERVED: &str = "macadam-";

/// How the ids of services start.
const SERVICE: &str = "macadam-service.";

/// With the prefix, a team's name of 63 and a dot it just fits into a person's id.
const NAME_MAX: usize = 48;

impl PersonId {
    /// The id of a team's service. Tokens of the same name in one team are one service, so a token can be replaced by
    /// another without anybody noticing.
    ///
    /// # Errors
    /// When the name is no slug of at most 48 characters.
    pub fn of_service(team: &TeamId, name: &str) -> Result<Self, NameError> {
        service_name(name)?;
        Self::new(format!("{SERVICE}{team}.{name}"))
    }

    /// Whether this is the id of a service.
    #[must_use]
    pub fn is_service(&self) -> bool {
        self.as_str().starts_with(SERVICE)
    }

    /// The service's team and name, if this is the id of one.
    #[must_use]
    pub fn service(&self) -> Option<(TeamId, &str)> {
        let (team, name) = self.as_str().strip_prefix(SERVICE)?.split_once('.')?;
        Some((team.parse().ok()?, name))
    }

    /// Whether no person may have this id. Case does not count: `Macadam-Service.x` is there to be mistaken for one.
    #[must_use]
    pub fn is_reserved(&self) -> bool {
        self.as_str().get(..RESERVED.len()).is_some_and(|start| start.eq_ignore_ascii_case(RESERVED))
    }
}

/// Checks the name of a service.
///
/// # Errors
/// When it is no slug of at most 48 characters.
pub fn service_name(name: &str) -> Result<(), NameError> {
    const RULE: &str = "use 1 to 48 lower-case letters, digits and single hyphens, starting with a letter and not ending with a hyphen";
    let fits = name.len() <= NAME_MAX && TeamId::new(name).is_ok();
    if fits { Ok(()) } else { Err(NameError::new("name of a service", name, RULE)) }
}

/// What a token may be used for: one action (`resource.read`), all of one kind of thing (`resource.*`), or all (`*`).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Scope(String);

/// Called otherwise in the API's document, where a version of a plugin is a scope, too.
impl utoipa::PartialSchema for Scope {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        let rule = crate::text_schema::TextRule {
            pattern: r"^(\*|[a-z][a-z-]*\.(\*|[a-z][a-z-]*))$",
            example: "resource.*",
            longest: 64,
        };
        let description = "What a token may be used for: one action (`resource.read`), all of one kind of thing \
                           (`resource.*`), or all (`*`).";
        crate::text_schema::schema(rule, &[description])
    }
}

impl utoipa::ToSchema for Scope {
    fn name() -> std::borrow::Cow<'static, str> {
        std::borrow::Cow::Borrowed("TokenScope")
    }
}

impl Scope {
    /// Everything.
    #[must_use]
    pub fn all() -> Self {
        Self("*".to_owned())
    }

    /// Whether an action, by its word, is among what this allows.
    #[must_use]
    pub fn covers(&self, action: &str) -> bool {
        match self.0.strip_suffix('*') {
            // What stays is nothing, or `resource.`: the dot keeps `resource.*` from covering `resource-type.read`.
            Some(start) => action.starts_with(start),
            None => self.0 == action,
        }
    }

    /// Whether this allows all that another scope does.
    #[must_use]
    pub fn includes(&self, other: &Self) -> bool {
        match other.0.strip_suffix('*') {
            Some(start) => self.0.strip_suffix('*').is_some_and(|own| start.starts_with(own)),
            None => self.covers(&other.0),
        }
    }

    /// The scope as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        const RULE: &str = "write an action such as `resource.read`, all of a kind as `resource.*`, or `*`";
        let good = text == "*"
            || text
                .split_once('.')
                .is_some_and(|(kind, what)| TeamId::new(kind).is_ok() && (what == "*" || TeamId::new(what).is_ok()));
        if good { Ok(Self(text.to_owned())) } else { Err(NameError::new("scope", text, RULE)) }
    }
}

impl TryFrom<String> for Scope {
    type Error = NameError;
    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Scope> for String {
    fn from(scope: Scope) -> Self {
        scope.0
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn scope(text: &str) -> Scope {
        text.parse().unwrap()
    }

    #[test]
    fn a_scope_covers_its_action_its_kind_or_everything_and_nothing_that_only_looks_alike() {
        assert!(scope("resource.read").covers("resource.read"));
        assert!(!scope("resource.read").covers("resource.reader") && !scope("resource.read").covers("resource"));
        assert!(scope("resource.*").covers("resource.delete"));
        assert!(!scope("resource.*").covers("resource-type.read") && !scope("resource.*").covers("request.read"));
        assert!(scope("*").covers("plugin.activate"));
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for text in
            ["", "**", "*.*", "*.read", "resource", "resource.", ".read", "resource.re*", "a.b.c", "Resource.read"]
        {
            assert!(text.parse::<Scope>().is_err(), "{text:?} must be refused");
        }
    }

    #[test]
    fn a_service_has_an_id_that_no_person_may_have_and_that_says_whose_it_is() {
        let team: TeamId = "payments".parse().unwrap();
        let id = PersonId::of_service(&team, "deploy").unwrap();
        assert!(id.is_service() && id.is_reserved(), "{id}");
        assert_eq!(id.service(), Some((team, "deploy")));
        for person in ["dana", "macadam", "service.payments.deploy", "a-macadam-service.x"] {
            let person: PersonId = person.parse().unwrap();
            assert!(!person.is_reserved() && !person.is_service() && person.service().is_none(), "{person}");
        }
        assert!("MACADAM-service.payments.deploy".parse::<PersonId>().unwrap().is_reserved());
        let longest = ("t".repeat(63), "n".repeat(48));
        assert!(PersonId::of_service(&longest.0.parse().unwrap(), &longest.1).is_ok(), "the longest names fit");
        assert!(PersonId::of_service(&"a".parse().unwrap(), &"n".repeat(49)).is_err());
        assert!(PersonId::of_service(&"a".parse().unwrap(), "a.b").is_err(), "a dot would make two services one");
    }

    proptest! {
        #[test]
        fn what_includes_a_scope_covers_all_that_it_covers(
            a in "(\\*|[ab]\\.(\\*|[ab]))", b in "(\\*|[ab]\\.(\\*|[ab]))", action in "[ab]\\.[ab]"
        ) {
            let (a, b) = (scope(&a), scope(&b));
            if a.includes(&b) && b.covers(&action) {
                prop_assert!(a.covers(&action));
            }
        }
    }
}
