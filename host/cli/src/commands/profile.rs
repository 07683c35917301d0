//! `macadam profile`: the servers that somebody signs in to from this machine.

use anyhow::bail;
use clap::Subcommand;
use serde_json::json;

use crate::args::Global;
use crate::exit::End;
use crate::output::{Output, table};
use crate::profiles::{ProfileStore, profile_name};
use crate::session::shown;
use crate::show::{items, text};

/// What can be done with profiles.
#[derive(Debug, Subcommand)]
pub(crate) enum ProfileCommand {
    /// List the profiles; the one in use is marked
    List,
    /// Use a profile from now on
    Use {
        /// Its name
        #[arg(value_parser = profile_name)]
        name: String,
    },
    /// Remove a profile with its tokens; `macadam logout` tells the identity provider as well
    Remove {
        /// Its name
        #[arg(value_parser = profile_name)]
        name: String,
    },
}

/// Runs `macadam profile`.
pub(crate) fn run(_: &Global, command: ProfileCommand, output: &mut Output<'_>) -> anyhow::Result<End> {
    let store = ProfileStore::of_user()?;
    match command {
        ProfileCommand::List => {}
        ProfileCommand::Use { name } => store.change(|all| {
            if !all.profiles.contains_key(&name) {
                bail!(
                    "there is no profile {name}; `macadam profile list` shows those there are, and \
                     `macadam login --profile {name} --server URL` makes one"
                );
            }
            all.current = Some(name);
            Ok(())
        })?,
        ProfileCommand::Remove { name } => {
            let _lock = store.lock(&name)?;
            store.change(|all| {
                if all.profiles.remove(&name).is_none() {
                    bail!("there is no profile {name}");
                }
                all.current.take_if(|current| *current == name);
                Ok(())
            })?;
            store.forget(&name)?;
        }
    }
    let all = store.read()?;
    let rows = all.profiles.iter().map(|(name, profile)| {
        let signed_in = store.credentials(name).ok().flatten().is_some();
        let current = all.current.as_deref() == Some(name);
        let server = shown(&profile.server);
        json!({"name": name, "server": server, "issuer": profile.issuer, "current": current, "signed_in": signed_in})
    });
    output.value(&json!({"items": rows.collect::<Vec<_>>()}), |list| {
        let rows = items(list).iter().map(|profile| {
            let is = |member: &str, word: &str| match profile.get(member).and_then(serde_json::Value::as_bool) {
                Some(true) => word.to_owned(),
                _ => String::new(),
            };
            [
                is("current", "*"),
                text(profile, "/name"),
                text(profile, "/server"),
                text(profile, "/issuer"),
                is("signed_in", "yes"),
            ]
        });
        Ok(table(["", "name", "server", "issuer", "signed in"], rows))
    })?;
    Ok(End::Done)
}
