//! What the command line says of itself.

use std::process::Command;

use macadam_tests::server::binary;

use super::Words;

/// The actions that the help of a command names.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Whenever it is run.
    pub(super) always: Words,
    /// Under a condition.
    pub(super) sometimes: Words,
}

/// The commands that take no further command, such as `resource list`. One that is hidden is not among them.
pub(super) fn commands() -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![Vec::new()];
    while let Some(words) = open.pop() {
        let below = subcommands(&words);
        match below.as_slice() {
            [] => found.push(words.join(" ")),
            below => open.extend(below.iter().map(|name| [words.as_slice(), std::slice::from_ref(name)].concat())),
        }
    }
    found.sort();
    found
}

fn subcommands(words: &[String]) -> Vec<String> {
    let help = help(words);
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines.take_while(|line| !line.is_empty()).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| *name != "help").map(str::to_owned).collect()
}

fn help(words: &[String]) -> String {
    let written = Command::new(binary()).args(words).arg("-h").output().expect("the command line runs");
    assert!(written.status.success(), "{words:?} has a help");
    String::from_utf8(written.stdout).expect("help is text")
}

/// What the last line of a command's help says.
pub(super) fn named(command: &str) -> Named {
    let words: Vec<_> = command.split(' ').map(str::to_owned).collect();
    let help = help(&words);
    let last = help.trim_end().lines().next_back().unwrap_or_default();
    let Some(listed) = last.strip_prefix("Action: ").or_else(|| last.strip_prefix("Actions: ")) else {
        return Named::default();
    };
    let mut named = Named::default();
    for one in listed.split(", ") {
        match one.split_once(" (only ") {
            Some((action, _)) => named.sometimes.insert(action.to_owned()),
            None => named.always.insert(one.to_owned()),
        };
    }
    named
}
