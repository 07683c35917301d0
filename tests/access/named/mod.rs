//! The actions that a command's help names are those that it takes: no route is asked whose action is not named, and a
//! token for what is named, and nothing else, is enough.

mod help;
mod lines;
mod recorder;
mod scopes;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::Command;

use macadam_tests::contract::Contract;
use macadam_tests::server::binary;
use serde_json::Value;

use self::lines::{BESIDES, FILES, LINES, LOCAL, PERHAPS};
use self::recorder::{Asked, Recorder};
use crate::world::package;

type Words = BTreeSet<String>;

/// What a run of a command asked: by routes' own actions and what they ask besides, and what they may ask.
#[derive(Default)]
struct Takes {
    surely: Words,
    perhaps: Words,
}

impl Takes {
    fn of(asked: &[Asked]) -> Self {
        let mut takes = Self::default();
        for Asked { method, path } in asked {
            let operation = operation(method, path);
            let id = operation["operationId"].as_str().expect("every operation has a name");
            let own = operation["x-macadam-action"].as_str().map(str::to_owned);
            let of = |table: &[(&str, &str)]| -> Words {
                table.iter().filter(|(named, _)| *named == id).map(|(_, action)| (*action).to_owned()).collect()
            };
            takes.surely.extend(own.into_iter().chain(of(BESIDES)));
            takes.perhaps.extend(of(PERHAPS));
        }
        takes
    }
}

/// The operation that a request is for.
fn operation(method: &str, path: &str) -> &'static Value {
    let parts: Vec<_> = path.split('/').collect();
    let fits = |template: &str| {
        let named: Vec<_> = template.split('/').collect();
        let same = |(named, part): (&&str, &&str)| named == part || named.starts_with('{');
        (named.len() == parts.len() && named.iter().zip(&parts).all(same))
            .then(|| named.iter().filter(|part| !part.starts_with('{')).count())
    };
    let fitting = Contract::of_the_binary()
        .operations()
        .filter(|(known, ..)| *known == method)
        .filter_map(|(_, template, operation)| Some((fits(template)?, operation)));
    // What is spelled out goes before what is a parameter.
    let found = fitting.max_by_key(|(literals, _)| *literals);
    found.unwrap_or_else(|| panic!("the document has no {method} {path}")).1
}

/// Runs a line against a server that only keeps what it is asked.
fn run(recorder: &Recorder, directory: &Path, line: &str) -> Vec<Asked> {
    // What an earlier line has written must not be in the way of this one.
    let _ = std::fs::remove_file(directory.join("archive"));
    let ran = Command::new(binary())
        .args(["--server", &recorder.url(), "--token", "token"])
        .args(line.split(' '))
        .current_dir(directory)
        .output()
        .expect("the command line runs");
    // Whoever stops early has not asked all that there is to ask. 4 is that it waits, and 5 that something differs.
    let ended = ran.status.code();
    assert!(matches!(ended, Some(0 | 4 | 5)), "{line}: {ended:?} {}", String::from_utf8_lossy(&ran.stderr));
    recorder.take()
}

/// Says how the help of a command differs from what its lines took.
fn wrong(command: &str, ran: &[Takes]) -> Vec<String> {
    let help::Named { always, sometimes } = help::named(command);
    let any: Words = ran.iter().flat_map(|takes| &takes.surely).cloned().collect();
    let every: Words =
        any.iter().filter(|action| ran.iter().all(|takes| takes.surely.contains(*action))).cloned().collect();
    let perhaps: Words =
        ran.iter().flat_map(|takes| &takes.perhaps).filter(|action| !any.contains(*action)).cloned().collect();
    let possible: Words = any.difference(&every).chain(&perhaps).cloned().collect();
    let mut wrong = Vec::new();
    if always != every {
        wrong.push(format!("{command} always takes {every:?}, and its help names {always:?}"));
    }
    if sometimes != possible {
        wrong.push(format!("{command} sometimes takes {possible:?}, and its help names {sometimes:?}"));
    }
    wrong
}

#[test]
fn the_help_of_each_command_names_the_actions_of_all_routes_that_it_asks_and_no_other() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    for (name, text) in FILES {
        std::fs::write(directory.path().join(name), text).expect("what lines name is there");
    }
    std::fs::write(directory.path().join("package.tar.gz"), package()).expect("there is a package");
    let recorder = Recorder::start();
    let commands = help::commands();
    let mut ran: BTreeMap<&str, Vec<Takes>> = BTreeMap::new();
    for line in LINES {
        let command =
            commands.iter().find(|command| *line == command.as_str() || line.starts_with(&format!("{command} ")));
        let command = command.unwrap_or_else(|| panic!("{line} is of no command"));
        ran.entry(command.as_str()).or_default().push(Takes::of(&run(&recorder, directory.path(), line)));
    }
    let tried: BTreeSet<_> = ran.keys().copied().chain(LOCAL.iter().copied()).collect();
    assert_eq!(
        tried,
        commands.iter().map(String::as_str).collect(),
        "each command is tried, or is of this machine alone"
    );
    let mut wrongs: Vec<_> = ran.iter().flat_map(|(command, ran)| wrong(command, ran)).collect();
    wrongs.extend(LOCAL.iter().flat_map(|command| wrong(command, &[])));
    assert!(wrongs.is_empty(), "{}", wrongs.join("\n"));
}
