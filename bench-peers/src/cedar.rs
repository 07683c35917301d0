//! The rule in Cedar. Its language has no pattern with classes of characters, so it only sees whether the tags are there:
//! a little less work than the others do.

use std::str::FromStr as _;

use anyhow::Context as _;
use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request};
use serde_json::{Value, json};

use crate::Engine;

/// The rule with its settings written in, and the texts of the last document: Cedar takes decimals in a form of its own,
/// and that form is made before anything is measured.
pub(crate) struct Cedar {
    rule: PolicySet,
    authorizer: Authorizer,
    last: Option<Texts>,
}

struct Texts {
    document: String,
    context: String,
    entities: String,
}

impl Cedar {
    pub(crate) fn new(settings: &str) -> anyhow::Result<Self> {
        let settings: Value = serde_json::from_str(settings)?;
        let threshold = decimal(settings.get("threshold"))?;
        let tags = settings.get("tags").and_then(Value::as_array).context("the settings name tags")?;
        let tags = tags.iter().filter_map(Value::as_str);
        let there =
            tags.map(|tag| format!("context.request.tags has \"{tag}\" && context.request.tags[\"{tag}\"] != \"\""));
        let there = there.collect::<Vec<_>>().join(" && ");
        let rule = format!(
            r#"
            permit (principal, action, resource);
            forbid (principal, action, resource) when {{ context.request.environment.class == "production" }};
            forbid (principal, action, resource)
                when {{ !(context has cost) || context.cost.monthly.greaterThan(decimal("{threshold}")) }};
            forbid (principal, action, resource) when {{ !({there}) }};
            forbid (principal, action, resource)
                when {{ context.request.spec has replicas && context.request.spec.replicas > 1000 }};
            "#
        );
        Ok(Self { rule: PolicySet::from_str(&rule)?, authorizer: Authorizer::new(), last: None })
    }
}

impl Engine for Cedar {
    fn decide(&mut self, document: &str) -> anyhow::Result<bool> {
        let texts = match self.last.take() {
            Some(texts) if texts.document == document => texts,
            _ => prepare(document)?,
        };
        let texts = self.last.insert(texts);
        let context = Context::from_json_str(&texts.context, None)?;
        let entities = Entities::from_json_str(&texts.entities, None)?;
        let uid = |text: &str| EntityUid::from_str(text).context("an entity's name");
        let (person, action, what) =
            (uid(r#"Person::"dana""#)?, uid(r#"Action::"create""#)?, uid(r#"Request::"orders""#)?);
        let request = Request::new(person, action, what, context, None)?;
        let answer = self.authorizer.is_authorized(&request, &self.rule, &entities);
        anyhow::ensure!(answer.diagnostics().errors().next().is_none(), "the rule fails: {answer:?}");
        Ok(answer.decision() == Decision::Allow)
    }
}

fn prepare(document: &str) -> anyhow::Result<Texts> {
    let mut context: Value = serde_json::from_str(document)?;
    if let Some(cost) = context.get_mut("cost").and_then(Value::as_object_mut) {
        let monthly = decimal(cost.get("monthly"))?;
        cost.insert("monthly".to_owned(), json!({"__extn": {"fn": "decimal", "arg": monthly}}));
    }
    let entity = |kind: &str, id: &str, parents: Value| json!({"uid": {"type": kind, "id": id}, "attrs": {}, "parents": parents});
    let entities = json!([
        entity("Person", "dana", json!([{"type": "Team", "id": "payments"}])),
        entity("Team", "payments", json!([])),
        entity("Request", "orders", json!([])),
    ]);
    Ok(Texts { document: document.to_owned(), context: context.to_string(), entities: entities.to_string() })
}

/// A decimal as Cedar writes it: at least one digit after the point.
fn decimal(text: Option<&Value>) -> anyhow::Result<String> {
    let text = text.and_then(Value::as_str).context("a decimal is written as a text")?;
    Ok(if text.contains('.') { text.to_owned() } else { format!("{text}.0") })
}
