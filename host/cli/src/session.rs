//! Which server a command talks to, and whose token goes with it.
//!
//! | what is said | server | token |
//! |---|---|---|
//! | `--token` | `--server`, or the profile's, or the local one | that one |
//! | `--as` | `--server`, or the local one | of the data directory |
//! | `--profile`, or a profile in use | the profile's | the profile's, renewed when it is about to end |
//! | nothing | `--server`, or the local one | of the data directory, for a server on this machine |
//!
//! A profile's token goes to the profile's server and to no other, whatever `--server` says.

use anyhow::bail;
use jiff::{SignedDuration, Timestamp};

use crate::answers::Refusal;
use crate::args::Global;
use crate::oauth::Issuer;
use crate::profiles::{Credentials, Profile, ProfileStore};
use crate::tokens;

/// The server that is meant when nothing says which.
pub(crate) const LOCAL: &str = "http://127.0.0.1:7070";

/// How long a token must still last to be worth sending.
const LEAST: SignedDuration = SignedDuration::from_secs(30);

/// A server, and whose token goes there.
pub(crate) struct Session {
    /// The server's address.
    pub(crate) server: String,
    /// The token.
    pub(crate) token: String,
}

impl Session {
    /// What a command line means.
    pub(crate) fn of(global: &Global) -> anyhow::Result<Self> {
        if let Some(token) = &global.token {
            return Ok(Self { server: server(global)?, token: token.trim().to_owned() });
        }
        if let Some((name, profile)) = chosen(global)? {
            let store = ProfileStore::of_user()?;
            return Ok(Self { server: profile.server, token: token(&store, &name)? });
        }
        let server = plain(global.server.as_deref().unwrap_or(LOCAL));
        Ok(Self { token: tokens::find(global, &server)?, server })
    }
}

/// The server that a command line means.
pub(crate) fn server(global: &Global) -> anyhow::Result<String> {
    if let Some(server) = &global.server {
        return Ok(plain(server));
    }
    Ok(chosen(global)?.map_or_else(|| LOCAL.to_owned(), |(_, profile)| profile.server))
}

/// An address without a slash at its end, so that two spellings are one server.
pub(crate) fn plain(server: &str) -> String {
    server.trim_end_matches('/').to_owned()
}

/// The profile that a command line means, if it means one.
fn chosen(global: &Global) -> anyhow::Result<Option<(String, Profile)>> {
    let asked = global.server.as_deref().map(plain);
    if let Some(name) = &global.profile {
        let Some(profile) = ProfileStore::of_user()?.read()?.profiles.remove(name) else {
            bail!("there is no profile {name}; `macadam login --profile {name} --server URL` makes one");
        };
        if let Some(server) = asked.filter(|server| *server != profile.server) {
            bail!("the profile {name} is for {}, and its token goes nowhere else; leave out {server}", profile.server);
        }
        return Ok(Some((name.clone(), profile)));
    }
    if global.person.is_some() {
        return Ok(None);
    }
    // Without a home there are no profiles, and development needs none.
    let Ok(store) = ProfileStore::of_user() else { return Ok(None) };
    let mut profiles = store.read()?;
    let current = profiles.current.take().and_then(|name| Some((name.clone(), profiles.profiles.remove(&name)?)));
    Ok(current.filter(|(_, profile)| asked.is_none_or(|server| server == profile.server)))
}

/// The token of a profile, renewed if it is about to end.
fn token(store: &ProfileStore, name: &str) -> anyhow::Result<String> {
    let ended = || anyhow::anyhow!("nobody is signed in as the profile {name}; run `macadam login --profile {name}`");
    let good = |credentials: &Credentials| credentials.expires_at > Timestamp::now() + LEAST;
    let kept = store.credentials(name)?.ok_or_else(ended)?;
    if good(&kept) {
        return Ok(kept.token);
    }
    let _lock = store.lock(name)?;
    // Somebody may have renewed it while this waited.
    let kept = store.credentials(name)?.ok_or_else(ended)?;
    if good(&kept) {
        return Ok(kept.token);
    }
    let Some(refresh_token) = &kept.refresh_token else {
        bail!("the sign-in of the profile {name} ended at {}; run `macadam login --profile {name}`", kept.expires_at);
    };
    let renewed = Issuer::discover(&kept.issuer)?.refresh(&kept, refresh_token);
    let renewed = renewed.map_err(|error| match error.downcast_ref::<Refusal>() {
        Some(refusal) if refusal.code == "invalid_grant" => anyhow::anyhow!(
            "the sign-in of the profile {name} has ended or was taken back; run `macadam login --profile {name}`"
        ),
        _ => error,
    })?;
    store.keep(name, &renewed)?;
    Ok(renewed.token)
}
