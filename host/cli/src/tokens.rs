//! The tokens of development, which a local server has left for its own machine.

use std::path::Path;

use anyhow::{Context as _, bail};
use macadam_core::names::PersonId;

use crate::addresses::is_local;
use crate::args::Global;

/// The file in the data directory: lines of a person and their token.
pub(crate) const FILE: &str = "tokens.txt";

/// The token that a local server has left for its own machine.
pub(crate) fn find(global: &Global, server: &str) -> anyhow::Result<String> {
    if !is_local(server) {
        bail!(
            "nobody is signed in to {server}: run `macadam login --server {server}`, or give a token with --token or \
             MACADAM_TOKEN; the tokens in {FILE} stay on this machine"
        );
    }
    read(&global.data.join(FILE), global.person.as_ref())
}

fn read(path: &Path, person: Option<&PersonId>) -> anyhow::Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| {
        format!(
            "no token: sign in with `macadam login`, give one with --token or MACADAM_TOKEN, or name the data directory \
                 of a local server in development mode with --data ({} cannot be read)",
            path.display()
        )
    })?;
    let all: Vec<_> =
        text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' ')).collect();
    let found = match person {
        Some(person) => all.iter().find(|(name, _)| *name == person.as_str()),
        None => all.first(),
    };
    match found {
        Some((_, token)) => Ok(token.trim().to_owned()),
        None => {
            let names: Vec<_> = all.iter().map(|(name, _)| *name).collect();
            bail!("{} has no token for that person; it has tokens for: {}", path.display(), names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_person_is_meant_unless_one_is_named() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(FILE);
        std::fs::write(&path, "# the tokens\ndana mcd_1\namir mcd_2\n").unwrap();
        assert_eq!(read(&path, None).unwrap(), "mcd_1");
        assert_eq!(read(&path, Some(&"amir".parse().unwrap())).unwrap(), "mcd_2");
        let unknown = read(&path, Some(&"ada".parse().unwrap())).unwrap_err().to_string();
        assert!(unknown.contains("dana, amir"), "{unknown}");
    }
}
