//! Which variable of the environment cannot be read: the parser of command lines says that something is no UTF-8, and
//! not what.

use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};

use clap::error::ErrorKind;
use clap::{Arg, Command, Error, ValueHint};

/// The error of a command line, with the name of the variable that is the reason. What is in it is not repeated: it may
/// be a password.
pub(crate) fn named(error: Error, command: &Command, read: impl Fn(&OsStr) -> Option<OsString>) -> Error {
    if error.kind() != ErrorKind::InvalidUtf8 {
        return error;
    }
    let mut all = BTreeSet::new();
    variables(command, &mut all);
    let unreadable = all.into_iter().filter(|name| read(name).is_some_and(|value| value.to_str().is_none()));
    let names: Vec<_> = unreadable.map(OsStr::to_string_lossy).collect();
    if names.is_empty() {
        return error;
    }
    let names = names.join(" and ");
    Error::raw(error.kind(), format!("the variable {names} of the environment is no UTF-8; set it anew, or unset it\n"))
}

/// The variables that arguments may be in; what is in one that is a path may be anything.
fn variables<'a>(command: &'a Command, all: &mut BTreeSet<&'a OsStr>) {
    let texts = command.get_arguments().filter(|argument| argument.get_value_hint() != ValueHint::AnyPath);
    all.extend(texts.filter_map(Arg::get_env));
    for below in command.get_subcommands() {
        variables(below, all);
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;
    use crate::commands::actions::command;

    #[test]
    fn a_variable_that_is_no_utf_8_is_named_and_not_shown() {
        let read = |name: &OsStr| {
            let bad = || OsString::from_vec(b"hunter2\xff".to_vec());
            match name.to_str()? {
                "MACADAM_DATABASE" | "MACADAM_DATA" => Some(bad()),
                "MACADAM_TOKEN" => Some("hunter2".into()),
                _ => None,
            }
        };
        let said = |kind| named(Error::raw(kind, "as it was"), &command(), read).to_string();
        let named = said(ErrorKind::InvalidUtf8);
        assert!(named.contains("the variable MACADAM_DATABASE of the environment is no UTF-8"), "{named}");
        assert!(!named.contains("hunter2"), "{named}");
        assert!(said(ErrorKind::UnknownArgument).contains("as it was"), "nothing else is said to be that");
    }

    #[test]
    fn what_is_typed_and_is_no_utf_8_is_told_as_it_was() {
        let error = named(Error::raw(ErrorKind::InvalidUtf8, "as it was"), &command(), |_| None);
        assert!(error.to_string().contains("as it was"), "{error}");
    }
}
