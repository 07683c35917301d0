//! Denies requests that lack a tag which everybody has to set, or whose value breaks its rule.
//!
//! Every tag that is missing or wrong is named at once, so that nobody has to mend a request twice.

use macadam_sdk::words::ActionWord;
use macadam_sdk::{ApprovalPolicy, Context, Error, Plugin, Request, Verdict, Violation, export_policy};
use regex_lite::{Regex, RegexBuilder};

/// A pattern that needs more than this when it is compiled is refused.
const PATTERN_BYTES: usize = 256 * 1024;

/// The policy.
pub struct RequiredTags;

/// What an administrator decides.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    tags: Vec<Rule>,
}

/// What one tag must be like.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    key: String,
    pattern: Option<String>,
    allowed: Option<Vec<String>>,
    #[serde(default = "create_and_update")]
    actions: Vec<ActionWord>,
}

/// Removing something must not fail for want of a tag.
fn create_and_update() -> Vec<ActionWord> {
    vec![ActionWord::Create, ActionWord::Update]
}

impl Plugin for RequiredTags {
    type Settings = Settings;
    const SUMMARY: &'static str =
        "Denies requests that lack a tag which everybody has to set, or whose value breaks its rule.";
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");

    fn check_settings(settings: &Settings) -> Vec<Violation> {
        let mut violations = Vec::new();
        for (index, rule) in settings.tags.iter().enumerate() {
            if let Err(message) = rule.pattern.as_deref().map(compile).transpose() {
                violations.push(Violation::new(format!("/tags/{index}/pattern"), message).code("pattern-unusable"));
            }
            if settings.tags.iter().take(index).any(|earlier| earlier.key == rule.key) {
                violations.push(Violation::new(format!("/tags/{index}/key"), "has a rule already").code("rule-twice"));
            }
        }
        violations
    }
}

impl ApprovalPolicy for RequiredTags {
    fn evaluate(context: &Context, settings: &Settings) -> Result<Verdict, Error> {
        let action = ActionWord::from(context.request().action());
        let mut violations = Vec::new();
        for rule in settings.tags.iter().filter(|rule| rule.actions.contains(&action)) {
            violations.extend(rule.broken_by(context.request())?);
        }
        Ok(Verdict::from_findings(violations, Vec::new()))
    }
}

impl Rule {
    /// What is wrong with the tag.
    fn broken_by(&self, request: &Request) -> Result<Option<Violation>, Error> {
        let key = &self.key;
        let broken = |what: &str, code: &str| {
            let message = format!("the tag `{key}` is {what}{}", self.wanted());
            Ok(Some(Violation::new(format!("/tags/{}", Violation::escaped(key)), message).code(code)))
        };
        let Some(value) = request.tag(key) else { return broken("missing", "tag-missing") };
        let is_allowed = self.allowed.as_ref().is_none_or(|allowed| allowed.contains(&value));
        if is_allowed && self.matches(&value)? {
            return Ok(None);
        }
        broken(&format!("`{value}`"), "tag-invalid")
    }

    fn matches(&self, value: &str) -> Result<bool, Error> {
        let Some(pattern) = &self.pattern else { return Ok(true) };
        let compiled = compile(pattern);
        let compiled = compiled.map_err(|message| Error::failed(format!("the pattern of `{}` {message}", self.key)))?;
        Ok(compiled.is_match(value))
    }

    fn wanted(&self) -> String {
        match (&self.allowed, &self.pattern) {
            (Some(allowed), _) => format!("; it must be one of `{}`", allowed.join("`, `")),
            (None, Some(pattern)) => format!("; it must match `{pattern}`"),
            (None, None) => String::new(),
        }
    }
}

/// The whole value must match, so that a pattern cannot be met by a part of it.
fn compile(pattern: &str) -> Result<Regex, String> {
    let whole = format!("^(?:{pattern})$");
    RegexBuilder::new(&whole).size_limit(PATTERN_BYTES).build().map_err(|error| format!("is not usable: {error}"))
}

export_policy!(RequiredTags);

#[cfg(test)]
mod tests;
