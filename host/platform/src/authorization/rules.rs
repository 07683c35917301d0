//! The rules in force: the default policies of `default.cedar`, and what administrators have added to them.
//!
//! Nothing is added that the schema does not know, so a policy that is in force means something. What was added under an
//! earlier version of the schema may not fit this one any more. It might forbid something, so leaving it out could open
//! what was closed: the rules are then *closed*, and nothing is allowed but to mend them.

use std::collections::{BTreeMap, HashMap};
use std::str::FromStr as _;

use cedar_policy::{
    ActionConstraint, Entities, EntityId, EntityUid, ParseErrors, Policy, PolicyId, PolicySet, Schema, ValidationMode,
    Validator,
};
use macadam_core::names::AccessPolicyName;
use macadam_store::AccessPolicySet;

use super::{Action, bounds};

/// What policies can speak about.
pub const SCHEMA: &str = include_str!("schema.cedarschema");

/// Who may do what, unless somebody adds to it.
pub const DEFAULT: &str = include_str!("default.cedar");

/// Why the policies that come with the host cannot be used. That is a mistake in the build.
#[derive(Debug, thiserror::Error)]
#[error("the access policies that come with this program cannot be used: {0}")]
pub struct BuiltInError(String);

impl BuiltInError {
    pub(super) fn of(cause: &dyn std::fmt::Display) -> Self {
        Self(cause.to_string())
    }
}

/// Why a text cannot be an access policy.
#[derive(Debug, thiserror::Error)]
pub enum PolicyTextError {
    /// It is not written in Cedar.
    #[error("{0}")]
    Syntax(String),
    /// It is longer than anybody writes by hand.
    #[error("it has more than {most} bytes; split it into several access policies")]
    TooLong {
        /// How many it may have.
        most: usize,
    },
    /// Too many of its brackets are open at once.
    #[error("its brackets are more than {most} deep; take it apart into several policies")]
    TooDeep {
        /// How many may be.
        most: usize,
    },
    /// Too many operators, dots and brackets are in one policy.
    #[error(
        "one of its policies has more than {most} operators, dots and brackets; take it apart into several, or ask about \
         a set, as in `[\"a\", \"b\"].contains(resource.name)`"
    )]
    TooManyLinks {
        /// How many may be.
        most: usize,
    },
    /// It has no policy in it.
    #[error("there is no policy in it; write at least one permit or forbid, as docs/access.md shows")]
    Empty,
    /// It has a slot to be filled in.
    #[error("templates are not taken; write the principal and the resource themselves")]
    Template,
    /// It speaks of something that there is not.
    #[error("{0}")]
    Unknown(String),
}

/// A set of rules.
pub(super) struct Rules {
    /// The generation of what was added.
    pub(super) generation: u64,
    /// For each action the policies that can speak about it, by id: `default.cedar`'s by their own, the added ones as
    /// `NAME`, `NAME#2`, …. A policy names its actions in its head, so the others cannot count, and leaving them out makes
    /// a question four times as fast.
    pub(super) policies: HashMap<Action, PolicySet>,
    /// Why nothing is allowed but to mend the rules.
    pub(super) closed: Option<String>,
}

/// The default policies and the schema, read once.
pub(super) struct BuiltIn {
    validator: Validator,
    policies: Vec<Policy>,
}

impl BuiltIn {
    pub(super) fn read() -> Result<Self, BuiltInError> {
        let wrong = |error: &dyn std::fmt::Display| BuiltInError::of(error);
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|error| wrong(&error))?;
        let validator = Validator::new(schema);
        let parsed = PolicySet::from_str(DEFAULT).map_err(|error| wrong(&error))?;
        let named = |policy: &Policy| {
            let id = policy.annotation("id").ok_or_else(|| BuiltInError("a policy has no @id".to_owned()))?;
            Ok(policy.new_id(PolicyId::new(id)))
        };
        let policies = parsed.policies().map(named).collect::<Result<Vec<_>, BuiltInError>>()?;
        let built_in = Self { validator, policies };
        built_in.check(&built_in.policies).map_err(|error| wrong(&error))?;
        Ok(built_in)
    }

    /// Whether a policy that comes with the host has this name.
    pub(super) fn has(&self, name: &AccessPolicyName) -> bool {
        self.policies.iter().any(|policy| policy.id().as_ref() as &str == name.as_str())
    }

    /// Whether nothing that was added can speak about an action.
    pub(super) fn alone_speaks_about(&self, rules: &Rules, action: Action) -> bool {
        let own = |policy: &Policy| self.policies.iter().any(|built_in| built_in.id() == policy.id());
        rules.policies.get(&action).is_none_or(|about| about.policies().all(own))
    }

    pub(super) fn schema(&self) -> &Schema {
        self.validator.schema()
    }

    /// Reads what an administrator has written. One text may hold several policies.
    pub(super) fn read_added(&self, name: &AccessPolicyName, text: &str) -> Result<Vec<Policy>, PolicyTextError> {
        bounds::check(text)?;
        let parsed = PolicySet::from_str(text).map_err(|error| PolicyTextError::Syntax(every_error(&error)))?;
        if parsed.templates().next().is_some() {
            return Err(PolicyTextError::Template);
        }
        // Cedar numbers them `policy0`, `policy1`, … in the order of the text.
        let in_order: BTreeMap<usize, &Policy> = parsed.policies().map(|policy| (number(policy), policy)).collect();
        let named = in_order.into_values().enumerate().map(|(index, policy)| policy.new_id(id(name, index)));
        let policies: Vec<_> = named.collect();
        if policies.is_empty() {
            return Err(PolicyTextError::Empty);
        }
        self.check(&policies)?;
        Ok(policies)
    }

    fn check(&self, policies: &[Policy]) -> Result<(), PolicyTextError> {
        let set = PolicySet::from_policies(policies.iter().cloned());
        let set = set.map_err(|error| PolicyTextError::Unknown(error.to_string()))?;
        let result = self.validator.validate(&set, ValidationMode::Strict);
        if result.validation_passed() {
            return Ok(());
        }
        let errors: Vec<_> = result.validation_errors().map(|error| every_error(error)).collect();
        Err(PolicyTextError::Unknown(errors.join("; ")))
    }

    /// The rules with what was added. Closed when one of those cannot be used.
    pub(super) fn with(&self, added: &AccessPolicySet) -> Rules {
        match self.join(added) {
            Ok(policies) => Rules { generation: added.generation, policies, closed: None },
            Err(why) => Rules { generation: added.generation, policies: HashMap::new(), closed: Some(why) },
        }
    }

    /// The rules with what was added, or why one of those cannot be used.
    pub(super) fn join(&self, added: &AccessPolicySet) -> Result<HashMap<Action, PolicySet>, String> {
        let mut all = self.policies.clone();
        for policy in &added.policies {
            let read = self.read_added(&policy.name, &policy.text);
            all.extend(read.map_err(|error| format!("the access policy {}: {error}", policy.name))?);
        }
        let entities = self.schema().action_entities().map_err(|error| error.to_string())?;
        let by_action = |action: &Action| {
            let uid = action_uid(*action).map_err(|error| error.to_string())?;
            let about = all.iter().filter(|policy| speaks_about(policy, &uid, &entities)).cloned();
            Ok((*action, PolicySet::from_policies(about).map_err(|error| error.to_string())?))
        };
        Action::ALL.iter().map(by_action).collect()
    }
}

/// An action as Cedar names it.
pub(super) fn action_uid(action: Action) -> Result<EntityUid, BuiltInError> {
    let of = "Action".parse().map_err(|error: ParseErrors| BuiltInError::of(&error))?;
    Ok(EntityUid::from_type_name_and_id(of, EntityId::new(action.as_str())))
}

fn speaks_about(policy: &Policy, action: &EntityUid, entities: &Entities) -> bool {
    let is = |named: &EntityUid| named == action || entities.is_ancestor_of(named, action);
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(named) => is(&named),
        ActionConstraint::In(named) => named.iter().any(is),
    }
}

fn id(name: &AccessPolicyName, index: usize) -> PolicyId {
    match index {
        0 => PolicyId::new(name.as_str()),
        _ => PolicyId::new(format!("{name}#{}", index + 1)),
    }
}

fn number(policy: &Policy) -> usize {
    let id: &str = policy.id().as_ref();
    id.trim_start_matches("policy").parse().unwrap_or(usize::MAX)
}

/// An error with what is under it, and with the help that Cedar has for it.
fn every_error(error: &(dyn miette::Diagnostic + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    match error.help() {
        Some(help) => format!("{text} ({help})"),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, PolicyTextError> {
        let policies = BuiltIn::read().unwrap().read_added(&"night".parse().unwrap(), text)?;
        Ok(policies.iter().map(|policy| policy.id().to_string()).collect())
    }

    #[test]
    fn what_comes_with_the_host_can_be_used() {
        let built_in = BuiltIn::read().unwrap();
        let rules = built_in.with(&AccessPolicySet::default());
        assert_eq!(rules.closed, None);
        for action in Action::ALL {
            assert!(rules.policies[action].policies().count() > 0, "somebody may do {action}");
        }
    }

    #[test]
    fn every_action_is_declared_in_exactly_one_group_and_nothing_else_is() {
        let built_in = BuiltIn::read().unwrap();
        let entities = built_in.schema().action_entities().unwrap();
        // A group's word has no dot, an action's has one.
        let is_action = |entity: &&cedar_policy::Entity| entity.uid().id().unescaped().contains('.');
        let actions: Vec<_> = entities.iter().filter(is_action).collect();
        let mut declared: Vec<_> = actions.iter().map(|action| action.uid().id().unescaped().to_owned()).collect();
        declared.sort();
        let mut known: Vec<_> = Action::ALL.iter().map(|action| action.as_str().to_owned()).collect();
        known.sort();
        assert_eq!(declared, known, "schema.cedarschema and action.rs list the same actions");
        for action in actions {
            let (uid, _, groups) = action.clone().into_inner();
            assert_eq!(groups.len(), 1, "{uid} is in one group, so that default.cedar says who may do it");
        }
    }

    #[test]
    fn a_text_is_taken_apart_into_policies_in_its_order() {
        let two = "permit (principal, action == Action::\"team.read\", resource);
                   forbid (principal, action == Action::\"team.read\", resource == Team::\"hr\");";
        assert_eq!(read(two).unwrap(), ["night", "night#2"]);
    }

    #[test]
    fn as_deep_and_as_long_as_a_policy_may_be_it_is_read_and_looked_at() {
        let when = |condition: &str| format!("permit (principal, action, resource) when {{ {condition} }};");
        let nested = |open: &str, inner: &str, close: &str, times: usize| {
            when(&[open.repeat(times).as_str(), inner, close.repeat(times).as_str()].concat())
        };
        for (text, good) in [
            (nested("(", "true", ")", 31), true),
            (nested("[1].contains(", "1", ")", 31), false),
            (nested("[", "1", "]", 31), false),
            (nested("true && ", "true", "", 298), true),
            (nested("true && ", "principal.age > 3", "", 297), false),
            (nested("1 + ", "1 == 1", "", 298), true),
            (nested("1 + ", "\"a\" == 1", "", 298), false),
            (nested("principal", "", ".age", 1), false),
            (when(&format!("principal{} > 3", ".age".repeat(298))), false),
            (nested("if true then true else ", "true", "", 74), true),
            (nested("if principal.team == principal.team then true else ", "principal.age > 3", "", 49), false),
        ] {
            let read = read(&text);
            assert_eq!(read.is_ok(), good, "{text}: {read:?}");
            assert!(
                good || matches!(read, Err(PolicyTextError::Unknown(_))),
                "what is within the bounds is refused by what it says: {text}: {read:?}"
            );
        }
    }

    #[test]
    fn what_means_nothing_is_refused_by_what_is_wrong() {
        for (text, part) in [
            ("permit (principal, action, resource", "unexpected end"),
            ("", "no policy"),
            ("// nothing", "no policy"),
            ("permit (principal == ?principal, action, resource);", "template"),
            ("permit (principal in Roll::\"developer\", action, resource);", "Roll"),
            ("permit (principal, action == Action::\"resource.crate\", resource);", "resource.crate"),
            ("permit (principal, action, resource) when { principal.age > 3 };", "age"),
            ("permit (principal, action, resource) when { principal.team == \"payments\" };", "String"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text:?} is refused for {part:?}: {error}");
        }
    }
}
