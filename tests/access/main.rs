//! Every operation of the API's document, tried by every role on what is its own team's and on what is another's. An operation
//! that names no action, and one that this table does not know, fail here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::missing_errors_doc,
    reason = "tests fail by panicking, and say what they saw"
)]

mod named;
mod table;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use macadam_tests::contract::Contract;
use macadam_tests::server::Answer;

use crate::table::{CELLS, OPEN, UNFIT};
use crate::world::{ROLES, World};

/// Whether somebody was not let: told so, or told that there is no such thing. A denial by a plugin is no refusal.
fn is_refused(answer: &Answer) -> bool {
    let forbidden = answer.status == 403 && answer.body["type"] == "/problems/forbidden";
    forbidden || answer.status == 404
}

/// Whether somebody was served: an operation that fails for everybody would otherwise look like one that everybody may do.
const fn is_done(answer: &Answer) -> bool {
    matches!(answer.status, 200..=299 | 304)
}

/// The status that is all that a role can get of an operation here, although it may do it.
fn unfit(operation: &str, role: &str) -> Option<u16> {
    let found = UNFIT.iter().find(|(named, who, ..)| *named == operation && is_one_of(role, who));
    found.map(|(_, _, status, _)| *status)
}

fn is_one_of(role: &str, who: &str) -> bool {
    who == "*" || who.split(' ').any(|word| word == role)
}

/// Whether an answer is what the table says. No line of it lets an answer be 401 or 5xx.
fn is_as_said(operation: &str, role: &str, may: bool, answer: &Answer) -> bool {
    match (may, unfit(operation, role)) {
        (false, _) => is_refused(answer),
        (true, Some(status)) => answer.status == status,
        (true, None) => is_done(answer),
    }
}

#[test]
fn every_operation_names_its_action_and_has_a_line_for_who_may_do_it() {
    let contract = Contract::of_the_binary();
    let mut operations = BTreeMap::new();
    for (_, _, operation) in contract.operations() {
        let action = operation["x-macadam-action"].as_str();
        operations.insert(operation["operationId"].as_str().expect("every operation has a name"), action);
    }
    for (name, action) in &operations {
        assert_eq!(action.is_none(), OPEN.contains(name), "{name} has the action {action:?}");
    }
    let known: BTreeSet<_> = CELLS.iter().map(|(name, _, _)| *name).chain(OPEN).collect();
    assert_eq!(known, operations.keys().copied().collect(), "the table has a line for each operation, and no other");
}

#[test]
fn what_is_allowed_and_still_not_had_is_of_operations_in_the_table_and_no_failure_of_the_server() {
    for (operation, _, status, why) in UNFIT {
        assert!(CELLS.iter().any(|(name, _, _)| name == operation), "{operation} is no operation of the table");
        assert!([409, 422].contains(status), "{operation}: {status} is nothing that a good request may get ({why})");
    }
}

#[test]
fn each_role_may_do_what_the_table_says_with_its_own_and_with_others_and_nothing_else() {
    let world = World::start();
    let mut wrong = Vec::new();
    for (operation, own, other) in CELLS {
        for (team, who) in [("payments", own), ("orders", other)] {
            for role in ROLES {
                let may = is_one_of(role, who);
                let answer = world.attempt(operation, &format!("{team}-{role}"), may);
                if !is_as_said(operation, role, may, &answer) {
                    let said = if may { "may" } else { "may not" };
                    wrong.push(format!(
                        "{operation} by {role} of {team}, who {said}: {} {}",
                        answer.status, answer.body
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), world.log());
}
