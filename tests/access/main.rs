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

mod table;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use macadam_tests::contract::Contract;
use macadam_tests::server::Answer;

use crate::table::{CELLS, OPEN};
use crate::world::{ROLES, World};

/// Whether somebody was not let: told so, or told that there is no such thing. A denial by a plugin is no refusal.
fn is_refused(answer: &Answer) -> bool {
    let forbidden = answer.status == 403 && answer.body["type"] == "/problems/forbidden";
    assert_ne!(answer.status, 401, "everybody here is signed in: {answer:?}");
    forbidden || answer.status == 404
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
fn each_role_may_do_what_the_table_says_with_its_own_and_with_others_and_nothing_else() {
    let world = World::start();
    let mut wrong = Vec::new();
    for (operation, own, other) in CELLS {
        for (team, who) in [("payments", own), ("orders", other)] {
            for role in ROLES {
                let may = *who == "*" || who.split(' ').any(|word| word == role);
                let answer = world.attempt(operation, &format!("{team}-{role}"), may);
                if is_refused(&answer) == may {
                    wrong.push(format!("{operation} by {role} of {team} is {}: {}", answer.status, answer.body));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), world.log());
}
