//! `macadam login` and `macadam logout`: signing in with an identity provider, by a code that one types in a browser.

use anyhow::bail;
use clap::Args;
use serde::Deserialize;

use crate::addresses::is_local;
use crate::args::Global;
use crate::client;
use crate::exit::End;
use crate::oauth::{Issuer, Way};
use crate::output::{Output, clean, note};
use crate::profiles::{Credentials, Profile, ProfileStore};
use crate::session;

/// The profile that is made when none is named and none is in use.
const DEFAULT: &str = "default";

/// What `macadam login` takes.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  macadam login --server https://macadam.example
  macadam login --server https://macadam.example --profile work
  macadam whoami

The address and the code that are shown may be opened on any machine that has a browser. What the sign-in gives is kept
for the profile, which is in use from then on, and renewed by itself for as long as the identity provider allows.")]
pub(crate) struct LoginArgs {
    /// Which identity provider, if the server trusts several
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
}

/// How a server says that one signs in.
#[derive(Debug, Deserialize)]
struct Ways {
    oidc: Vec<Way>,
}

/// Signs in.
pub(crate) fn login(global: &Global, args: &LoginArgs, output: &mut Output<'_>) -> anyhow::Result<End> {
    let store = ProfileStore::of_user()?;
    let profiles = store.read()?;
    let name = global.profile.clone().or_else(|| profiles.current.clone()).unwrap_or_else(|| DEFAULT.to_owned());
    let server = session::server_of(&name, profiles.profiles.get(&name).cloned(), global.server.as_deref())?;
    if !server.starts_with("https://") && !is_local(&server) {
        bail!("{server} is not reached over HTTPS, and a token must not travel in the open");
    }
    let ways: Ways = serde_json::from_value(client::get_open(&server, "/sign-in")?)?;
    let (way, client_id) = choose(&ways, args.issuer.as_deref(), &server)?;
    let issuer = Issuer::discover(&way.issuer)?;
    let code = issuer.device_code(way, client_id)?;
    note(&format!("Signing in to {server} by {} (as its client {client_id}).\n", way.issuer));
    match &code.verification_uri_complete {
        Some(complete) => note(&format!("Open  {complete}\nand compare the code, or open {}", code.verification_uri)),
        None => note(&format!("Open  {}", code.verification_uri)),
    }
    note(&format!("and type the code  {}\n", code.user_code));
    let credentials = Credentials { server: Some(server.clone()), ..issuer.wait(way, client_id, &code)? };
    let profile = Profile { server: server.clone(), issuer: way.issuer.clone() };
    {
        let _lock = store.lock(&name)?;
        store.keep(&name, &credentials)?;
    }
    store.change(|profiles| {
        profiles.profiles.insert(name.clone(), profile);
        profiles.current = Some(name.clone());
        Ok(())
    })?;
    output.remark(&format!("Signed in to {} as the profile {name}, which is in use now", clean(&server)))?;
    Ok(End::Done)
}

fn choose<'a>(ways: &'a Ways, issuer: Option<&str>, server: &str) -> anyhow::Result<(&'a Way, &'a str)> {
    let usable = || ways.oidc.iter().filter_map(|way| Some((way, way.client_id.as_deref()?)));
    let mut meant = usable().filter(|(way, _)| issuer.is_none_or(|issuer| way.issuer == issuer));
    let names = || usable().map(|(way, _)| way.issuer.as_str()).collect::<Vec<_>>().join(", ");
    match (meant.next(), meant.next()) {
        (Some(one), None) => Ok(one),
        (Some(_), Some(_)) => bail!("{server} trusts several identity providers; say which with --issuer: {}", names()),
        (None, _) if usable().next().is_none() => bail!(
            "{server} names no identity provider that the command line can sign in with; ask its operator for a \
             `client-id` under [[sign-in.oidc]], or use a service's token with --token"
        ),
        (None, _) => bail!("{server} does not trust that identity provider; it trusts {}", names()),
    }
}

/// Signs out: here, and with the identity provider if it lets one.
pub(crate) fn logout(global: &Global, output: &mut Output<'_>) -> anyhow::Result<End> {
    let store = ProfileStore::of_user()?;
    let profiles = store.read()?;
    let Some(name) = global.profile.clone().or(profiles.current) else {
        bail!("no profile is in use; name one with --profile");
    };
    let _lock = store.lock(&name)?;
    let credentials = store.credentials(&name).ok().flatten();
    // What is on this machine goes first, and whatever the provider says.
    let was_there = store.forget(&name)?;
    let revoked =
        credentials.as_ref().map(|kept| Issuer::discover(&kept.issuer).and_then(|issuer| issuer.revoke(kept)));
    if let Some(Err(error)) = revoked {
        note(&format!("The tokens are gone from this machine; the identity provider could not be told: {error:#}"));
    }
    let said = if was_there { "Signed out of" } else { "Nobody was signed in as" };
    output.remark(&format!("{said} the profile {name}"))?;
    Ok(End::Done)
}
