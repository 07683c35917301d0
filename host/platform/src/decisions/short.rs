//! An answer in a few words, so that many can be grouped and two compared.

use macadam_core::canonical::CanonicalJson;
use macadam_store::DecisionOutcome;
use serde_json::Value;

/// An answer in a few words, alike for answers that are alike.
pub(super) fn in_short(outcome: &DecisionOutcome) -> String {
    let text = match outcome {
        DecisionOutcome::Failed { kind, message } => format!("{kind}: {message}"),
        DecisionOutcome::Answered(document) => answer_in_short(document),
    };
    text.chars().take(160).collect()
}

fn answer_in_short(document: &CanonicalJson) -> String {
    let value: Value = document.read().unwrap_or_default();
    let of = |pointer: &str| value.pointer(pointer).and_then(Value::as_str);
    if let Some(verdict) = of("/verdict") {
        let why = of("/reason").or_else(|| of("/violations/0/message")).or_else(|| of("/warnings/0"));
        let code = of("/violations/0/code").map(|code| format!(" [{code}]")).unwrap_or_default();
        return why.map_or_else(|| verdict.to_owned(), |why| format!("{verdict}{code}: {why}"));
    }
    if let Some(monthly) = of("/monthly") {
        return format!("{monthly} a month");
    }
    if let Some(steps) = value.pointer("/steps").and_then(Value::as_array) {
        let step = |step: &Value| {
            let of = |name: &str| step.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            format!("{} {}", of("effect"), of("target"))
        };
        return steps.iter().map(step).collect::<Vec<_>>().join(", ");
    }
    match value.pointer("/files").and_then(Value::as_array) {
        Some(files) => format!("{} files, {}", files.len(), document.digest().short()),
        None => document.as_str().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(answer: &Value) -> String {
        in_short(&DecisionOutcome::Answered(CanonicalJson::new(answer).unwrap()))
    }

    #[test]
    fn answers_that_differ_in_their_code_alone_are_told_apart() {
        let violation = |code: Option<&str>| serde_json::json!({"verdict": "deny", "violations": [{"field": "/tags", "message": "is missing", "code": code}]});
        assert_eq!(short(&violation(None)), "deny: is missing");
        assert_eq!(short(&violation(Some("tag-missing"))), "deny [tag-missing]: is missing");
    }

    #[test]
    fn a_plan_is_its_steps_and_a_price_its_sum() {
        let plan =
            serde_json::json!({"steps": [{"effect": "create", "target": "role a"}, {"effect": "keep", "target": "b"}]});
        assert_eq!(short(&plan), "create role a, keep b");
        assert_eq!(short(&serde_json::json!({"monthly": "12.50", "lines": []})), "12.50 a month");
    }
}
