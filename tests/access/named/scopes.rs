//! Tokens of services, with the scopes that help names: all of them, and all but one.

use std::process::Output;

use super::{Words, help};
use crate::world::World;

/// A command that a service may run.
#[derive(Clone, Copy)]
struct Case {
    command: &'static str,
    /// Its line, with what an operation is for in the place of what is in brackets.
    line: &'static str,
    operation: &'static str,
    /// What this line takes of that which its command takes sometimes.
    sometimes: &'static [&'static str],
    role: &'static str,
}

const fn case(command: &'static str, line: &'static str, operation: &'static str) -> Case {
    Case { command, line, operation, sometimes: &[], role: "developer" }
}

const fn taking(sometimes: &'static [&'static str], case: Case) -> Case {
    Case { sometimes, ..case }
}

const fn administrating(case: Case) -> Case {
    Case { role: "platform-admin", ..case }
}

/// An archive is written to where none can be: by then all is asked, and nothing is left lying about.
const CASES: &[Case] = &[
    taking(
        &["request.read"],
        case("access explain", "access explain request.cancel --request {id}", "requests.cancel"),
    ),
    taking(&["audit.read", "catalog.read"], case("audit verify", "audit verify", "audit.heads")),
    case("fetch", "fetch {id} --archive /dev/null/{id}", "scaffolds.get"),
    // What has ended is not taken back, which is another answer than that somebody may not.
    case("job cancel", "job cancel {id}", "jobs.cancel"),
    administrating(case("job retry", "job retry {id}", "jobs.retry")),
    administrating(case("plugin activate", "plugin activate gate pay/gate@1.0.0", "bindings.put")),
    case("preview", "preview local-directory {new} --env dev --set quota_mb=64", "preview.create"),
    taking(&["resource.read"], case("preview", "preview --update {key} --set quota_mb=65", "resources.update")),
    taking(&["resource.read"], case("preview", "preview --delete {key}", "resources.delete")),
    case("request cancel", "request cancel {id}", "requests.cancel"),
    case("resource create", "resource create local-directory {new} --env dev --set quota_mb=64", "resources.create"),
    case("resource credentials", "resource credentials {key}", "resources.credentials"),
    case("resource delete", "resource delete {key}", "resources.delete"),
    case("resource update", "resource update {key} --set quota_mb=65", "resources.update"),
    case("resource update", "resource update {key} --tag owner=payments", "resources.update"),
    taking(
        &["request.read"],
        case(
            "scaffold",
            "scaffold rest-api orders --param owner=payments --param description=Orders --tag owner=payments --archive \
             /dev/null/{new}",
            "scaffolds.create",
        ),
    ),
];

/// Whether somebody was not let.
fn is_refused(ran: &Output) -> bool {
    let said = String::from_utf8_lossy(&ran.stderr);
    said.contains("/problems/forbidden") || said.contains("/problems/not-found")
}

/// Runs a case with some scopes, and one that it has no use for, since a token has at least one.
fn run(world: &World, case: &Case, scopes: &Words) -> Output {
    let scopes = scopes.iter().cloned().chain(["schedule.read".to_owned()]).collect();
    world.run_as_service(case.role, &scopes, &world.line(case.line, case.operation))
}

#[test]
fn a_token_for_the_actions_that_help_names_is_enough_and_one_for_all_but_one_is_not() {
    let world = World::start();
    let mut wrong = Vec::new();
    for case in CASES {
        let named = help::named(case.command);
        let sometimes: Words = case.sometimes.iter().map(|action| (*action).to_owned()).collect();
        assert!(sometimes.is_subset(&named.sometimes), "{} names {named:?}", case.command);
        let all: Words = named.always.union(&sometimes).cloned().collect();
        let ran = run(&world, case, &all);
        if is_refused(&ran) {
            wrong.push(format!("{} is refused with {all:?}: {ran:?}", case.line));
        }
        for action in &all {
            let but_one = all.iter().filter(|kept| *kept != action).cloned().collect();
            let ran = run(&world, case, &but_one);
            if !is_refused(&ran) {
                wrong.push(format!("{} is let without {action}: {ran:?}", case.line));
            }
        }
    }
    assert!(wrong.is_empty(), "{}\n{}", wrong.join("\n"), world.log());
}
