//! What the server said, as tables and sentences for people.

use std::fmt::Write as _;

use macadam_core::estimate::{Estimate, Line};
use macadam_core::plan::Plan;
use macadam_core::verdict::{ApprovalNeed, Outcome, PolicyVerdict, Verdict};
use macadam_core::violation::join;
use macadam_platform::provisioning::Cost;
use serde::Deserialize;
use serde_json::Value;

use crate::client::Problem;
use crate::output::{clean, table};

/// A decision, as far as people want to see it. One that was made without asking anybody has less in it.
#[derive(Debug, Deserialize)]
pub(crate) struct Decision {
    cost: Option<Cost>,
    #[serde(default)]
    verdicts: Vec<PolicyVerdict>,
    #[serde(flatten)]
    outcome: Outcome,
    #[serde(default)]
    plan: Plan,
}

impl Decision {
    /// What it means.
    pub(crate) fn outcome(&self) -> &Outcome {
        &self.outcome
    }
}

/// A member as text: empty when it is not there.
pub(crate) fn text(value: &Value, pointer: &str) -> String {
    match value.pointer(pointer) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// The members of a list, or of a page's list.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.get("items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// Rows of names and values.
pub(crate) fn facts(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    rows.iter().filter(|(_, value)| !value.is_empty()).fold(String::new(), |mut all, (name, value)| {
        // Writing to a String cannot fail.
        let _ = writeln!(all, "{name:width$}  {}", clean(value));
        all
    })
}

/// Cost, verdicts, plan and outcome: all there is to say about what would be done.
pub(crate) fn decision(decision: &Decision) -> String {
    parts(&[reasons(decision), outcome(&decision.outcome)])
}

/// The same without the outcome, for a request that has moved on since it was decided.
pub(crate) fn reasons(decision: &Decision) -> String {
    parts(&[cost(decision.cost.as_ref()), verdicts(&decision.verdicts), plan(&decision.plan)])
}

fn parts(parts: &[String]) -> String {
    parts.iter().filter(|part| !part.is_empty()).map(|part| part.trim_end()).collect::<Vec<_>>().join("\n\n")
}

fn cost(cost: Option<&Cost>) -> String {
    match cost {
        None => String::new(),
        Some(Cost::Unknown { reason }) => format!("Cost: unknown ({})", clean(reason)),
        Some(Cost::Estimated(estimate)) if estimate.lines.is_empty() => total(estimate),
        Some(Cost::Estimated(estimate)) => {
            let lines = estimate.lines.iter().map(line);
            format!("{}\n{}", table(["cost", "unit", "quantity", "unit price", "monthly"], lines), total(estimate))
        }
    }
}

fn line(line: &Line) -> [String; 5] {
    let known = |amount: Option<rust_decimal::Decimal>| {
        amount.map_or_else(|| "unknown".to_owned(), |amount| amount.to_string())
    };
    [line.name.clone(), line.unit.clone(), line.quantity.to_string(), known(line.unit_price), known(line.monthly)]
}

/// An unknown price makes the total a lower bound, and the total says so.
fn total(estimate: &Estimate) -> String {
    let at_least = if estimate.lower_bound { "at least " } else { "" };
    let Estimate { monthly, hourly, currency, .. } = estimate;
    format!("Total: {at_least}{monthly} {currency} a month ({at_least}{hourly} {currency} an hour)")
}

fn verdicts(verdicts: &[PolicyVerdict]) -> String {
    if verdicts.is_empty() {
        return "Policies: none applies".to_owned();
    }
    let row = |each: &PolicyVerdict| {
        let (word, mut why) = match &each.verdict {
            Verdict::Allow => ("allow", String::new()),
            Verdict::Warn { warnings } => ("warn", warnings.join("; ")),
            Verdict::RequireApproval(approval) => ("require approval", need(approval)),
            Verdict::Deny { violations } => ("deny", join(violations)),
        };
        if let Some(error) = each.error.as_ref().filter(|error| !why.contains(error.as_str())) {
            why = format!("{why} (it gave no verdict: {error})");
        }
        [each.plugin.to_string(), word.to_owned(), why]
    };
    table(["policy", "verdict", "why"], verdicts.iter().map(row))
}

/// An approval, in words: why, and whose.
pub(crate) fn need(need: &ApprovalNeed) -> String {
    let people = if need.count == 1 { "one person".to_owned() } else { format!("{} people", need.count) };
    let groups: Vec<_> = need.groups.iter().map(ToString::to_string).collect();
    let whose = if groups.is_empty() { "any approver".to_owned() } else { groups.join(" or ") };
    format!("{} ({people} of {whose})", need.reason)
}

fn plan(plan: &Plan) -> String {
    if plan.steps.is_empty() {
        return String::new();
    }
    let row = |step: &macadam_core::plan::PlanStep| [step.effect.to_string(), step.target.clone(), step.detail.clone()];
    table(["plan", "what", "detail"], plan.steps.iter().map(row))
}

fn outcome(outcome: &Outcome) -> String {
    let (head, lines): (_, Vec<String>) = match outcome {
        Outcome::Allowed { warnings } => ("Allowed", warnings.clone()),
        Outcome::ApprovalRequired { needs, warnings } => {
            ("Needs approval:", needs.iter().map(need).chain(warnings.iter().cloned()).collect())
        }
        Outcome::Denied { violations } => ("Denied:", violations.iter().map(ToString::to_string).collect()),
    };
    bullets(head, &lines)
}

fn bullets(head: &str, lines: &[String]) -> String {
    lines.iter().fold(head.to_owned(), |mut all, line| {
        let _ = write!(all, "\n  - {}", clean(line));
        all
    })
}

/// A problem with each violation on a line, and with the whole decision where there is one.
pub(crate) fn problem(problem: &Problem) -> String {
    let violations: Vec<_> = problem.violations().iter().map(ToString::to_string).collect();
    let document = problem.document();
    let decided = document.get("decision").cloned().and_then(|value| serde_json::from_value::<Decision>(value).ok());
    let request = text(document, "/request");
    match decided {
        Some(decided) if !request.is_empty() => {
            format!("{}\n\nThe denial is recorded as request {request}.", decision(&decided))
        }
        _ if violations.is_empty() => format!("error: {}", clean(&problem.detail())),
        _ => bullets(&format!("error: {}", clean(&title(document))), &violations),
    }
}

fn title(document: &Value) -> String {
    let title = text(document, "/title");
    if title.is_empty() { "the server refuses".to_owned() } else { title }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn preview() -> Value {
        json!({
            "cost": {
                "cost": "estimated", "currency": "USD", "hourly": "0.0032", "monthly": "2.3", "lower_bound": true,
                "lines": [
                    {"name": "storage", "unit": "GB-month", "quantity": "20", "unit_price": "0.115", "monthly": "2.3"},
                    {"name": "egress", "unit": "GB", "quantity": "5", "unit_price": null, "monthly": null},
                ],
            },
            "verdicts": [
                {"plugin": {"name": "macadam/required-tags", "version": "0.1.0"}, "verdict": "allow",
                 "component": "sha256:00", "settings": "sha256:00", "fuel": 1},
                {"plugin": {"name": "macadam/production-gate", "version": "0.1.0"}, "verdict": "require-approval",
                 "reason": "it is production", "groups": ["platform"], "count": 1},
            ],
            "outcome": "approval-required",
            "needs": [{"reason": "it is production", "groups": ["platform"], "count": 1}],
            "warnings": [],
            "plan": {"steps": [{"effect": "create", "target": "database orders", "detail": "20 GB"}]},
        })
    }

    #[test]
    fn a_preview_shows_cost_verdicts_plan_and_what_it_means() {
        let shown = decision(&serde_json::from_value(preview()).unwrap());
        let expected = "\
COST     UNIT      QUANTITY  UNIT PRICE  MONTHLY
storage  GB-month  20        0.115       2.3
egress   GB        5         unknown     unknown
Total: at least 2.3 USD a month (at least 0.0032 USD an hour)

POLICY                         VERDICT           WHY
macadam/required-tags@0.1.0    allow
macadam/production-gate@0.1.0  require approval  it is production (one person of platform)

PLAN    WHAT             DETAIL
create  database orders  20 GB

Needs approval:
  - it is production (one person of platform)";
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_cost_that_nobody_knows_is_unknown_and_never_nothing() {
        let unknown =
            json!({"cost": {"cost": "unknown", "reason": "no estimator"}, "outcome": "allowed", "warnings": []});
        let shown = decision(&serde_json::from_value(unknown).unwrap());
        assert_eq!(shown, "Cost: unknown (no estimator)\n\nPolicies: none applies\n\nAllowed");
    }

    #[test]
    fn an_error_names_every_violation_on_a_line_of_its_own() {
        let violations = json!([{"field": "/spec/size", "message": "too small"}, {"field": "", "message": "odd"}]);
        let document = json!({"type": "/problems/invalid", "title": "The input is wrong", "violations": violations});
        assert_eq!(
            problem(&Problem::of(document, 422)),
            "error: The input is wrong\n  - /spec/size: too small\n  - odd"
        );
        let plain = json!({"type": "/problems/not-found", "detail": "there is no resource a"});
        assert_eq!(problem(&Problem::of(plain, 404)), "error: there is no resource a");
    }

    #[test]
    fn a_denial_shows_the_whole_decision_and_its_record() {
        let mut decision = preview();
        decision["outcome"] = json!("denied");
        decision["violations"] = json!([{"field": "/tags/owner", "message": "is missing"}]);
        let document = json!({
            "type": "/problems/denied", "request": "id", "violations": decision["violations"], "decision": decision,
        });
        let shown = problem(&Problem::of(document, 403));
        assert!(shown.contains("POLICY") && shown.contains("Denied:\n  - /tags/owner: is missing"), "{shown}");
        assert!(shown.ends_with("The denial is recorded as request id."), "{shown}");
    }
}
