//! Which server a command talks to, and whose token goes with it.
//!
//! | what is said | server | token |
//! |---|---|---|
//! | `--token` | `--server`, or the profile's, or the local one | that one |
//! | `--as` | `--server`, or the local one | of the data directory |
//! | `--profile`, or a profile in use | the profile's | the profile's, renewed when it is about to end |
//! | nothing | `--server`, or the local one | of the data directory, for a server on this machine |
//!
//! A profile's token goes to the profile's server and to no other, whatever `--server` says: the server is written down
//! with the tokens, too. An address with a name or a password in it is no server's.

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
            return Ok(Self { token: token(&store, &name, &profile.server)?, server: profile.server });
        }
        let server = plain(global.server.as_deref().unwrap_or(LOCAL))?;
        Ok(Self { token: tokens::find(global, &server)?, server })
    }
}

/// The server that a command line means.
pub(crate) fn server(global: &Global) -> anyhow::Result<String> {
    if let Some(server) = &global.server {
        return plain(server);
    }
    Ok(chosen(global)?.map_or_else(|| LOCAL.to_owned(), |(_, profile)| profile.server))
}

/// An address without a slash at its end, so that two spellings are one server. One with a name or a password in it is
/// refused, and not said again: it would be kept with the profile, and shown in lists and errors.
pub(crate) fn plain(server: &str) -> anyhow::Result<String> {
    // A password may have a slash in it, so the `@` is looked for everywhere.
    if server.contains('@') {
        bail!(
            "the address of the server has a name or a password in it (what stands before the `@`); leave that out, and \
             sign in with `macadam login`, --token or MACADAM_TOKEN"
        );
    }
    Ok(server.trim_end_matches('/').to_owned())
}

/// An address as it can be shown: without what may be a name and a password.
pub(crate) fn shown(server: &str) -> String {
    let Some((before, rest)) = server.rsplit_once('@') else { return server.to_owned() };
    match before.split_once("://") {
        Some((scheme @ ("http" | "https"), _)) => format!("{scheme}://{rest}"),
        _ => rest.to_owned(),
    }
}

/// Makes sure that a profile's address can be used. It may have been kept before those with a password were refused.
fn usable(name: &str, profile: Profile) -> anyhow::Result<(String, Profile)> {
    if plain(&profile.server).is_err() {
        bail!(
            "the profile {name} has the address of its server with a name or a password in it; remove it with `macadam \
             profile remove {name}`, and sign in anew with `macadam login --profile {name} --server {}`",
            shown(&profile.server)
        );
    }
    Ok((name.to_owned(), profile))
}

/// The server that somebody signs in to under a profile: the one that is named, and no other than that of a profile that
/// is there, whose sign-in would be lost.
pub(crate) fn server_of(name: &str, there: Option<Profile>, asked: Option<&str>) -> anyhow::Result<String> {
    let asked = asked.map(plain).transpose()?;
    let Some(there) = there else { return Ok(asked.unwrap_or_else(|| LOCAL.to_owned())) };
    let (_, there) = usable(name, there)?;
    match asked.filter(|asked| *asked != there.server) {
        Some(asked) => bail!(
            "the profile {name} is for {}; sign in to {asked} under another name with --profile, or remove this one first \
             with `macadam profile remove {name}`",
            there.server
        ),
        None => Ok(there.server),
    }
}

/// The profile that a command line means, if it means one.
fn chosen(global: &Global) -> anyhow::Result<Option<(String, Profile)>> {
    let asked = global.server.as_deref().map(plain).transpose()?;
    if let Some(name) = &global.profile {
        let Some(profile) = ProfileStore::of_user()?.read()?.profiles.remove(name) else {
            bail!("there is no profile {name}; `macadam login --profile {name} --server URL` makes one");
        };
        let (name, profile) = usable(name, profile)?;
        if let Some(server) = asked.filter(|server| *server != profile.server) {
            bail!("the profile {name} is for {}, and its token goes nowhere else; leave out {server}", profile.server);
        }
        return Ok(Some((name, profile)));
    }
    if global.person.is_some() {
        return Ok(None);
    }
    // Without a home there are no profiles, and development needs none.
    let Ok(store) = ProfileStore::of_user() else { return Ok(None) };
    let mut profiles = store.read()?;
    let current = profiles.current.take().and_then(|name| Some((name.clone(), profiles.profiles.remove(&name)?)));
    let meant = current.filter(|(_, profile)| asked.is_none_or(|server| server == profile.server));
    meant.map(|(name, profile)| usable(&name, profile)).transpose()
}

/// What a sign-in under a profile gave, for its server.
fn kept(store: &ProfileStore, name: &str, server: &str) -> anyhow::Result<Credentials> {
    // Tokens of another server can be in the file when the profile was made anew meanwhile, or when the disk takes two
    // names for one. Those of before the server was written down are the profile's.
    let kept = store.credentials(name)?.filter(|kept| kept.server.as_ref().is_none_or(|of| of == server));
    kept.ok_or_else(|| {
        anyhow::anyhow!("nobody is signed in as the profile {name}; run `macadam login --profile {name}`")
    })
}

/// The token of a profile, renewed if it is about to end.
fn token(store: &ProfileStore, name: &str, server: &str) -> anyhow::Result<String> {
    let good = |credentials: &Credentials| credentials.expires_at > Timestamp::now() + LEAST;
    let first = kept(store, name, server)?;
    if good(&first) {
        return Ok(first.token);
    }
    let _lock = store.lock(name)?;
    // Somebody may have renewed it while this waited.
    let kept = kept(store, name, server)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_without_anybodys_password() {
        for (given, plainly) in [
            ("https://macadam.example", "https://macadam.example"),
            ("https://macadam.example//", "https://macadam.example"),
            ("http://127.0.0.1:7070/", "http://127.0.0.1:7070"),
        ] {
            assert_eq!(plain(given).unwrap(), plainly);
            assert_eq!(shown(given), given);
        }
        for bad in [
            "https://dana:hunter2@macadam.example",
            "https://dana:hunter2/?#@macadam.example",
            "https://dana:hunter2@x@macadam.example",
            "https://hunter2@macadam.example",
            "dana:hunter2@macadam.example",
            "dana:hunter2://x@macadam.example",
        ] {
            let refused = plain(bad).unwrap_err().to_string();
            assert!(refused.contains("macadam login") && !refused.contains("hunter2"), "{refused}");
            assert!(shown(bad).ends_with("macadam.example"), "{}", shown(bad));
            assert!(!shown(bad).contains("hunter2") && !shown(bad).contains('@'), "{}", shown(bad));
        }
        assert_eq!(shown("https://dana:hunter2@macadam.example/x"), "https://macadam.example/x");
    }

    fn profile(server: &str) -> Profile {
        Profile { server: server.to_owned(), issuer: "https://login.example".to_owned() }
    }

    #[test]
    fn a_profile_keeps_its_server() {
        let of = |there: Option<&str>, asked| {
            server_of("work", there.map(profile), asked).map_err(|error| error.to_string())
        };
        let (a, b) = ("https://a.example", "https://b.example");
        assert_eq!(of(None, None).as_deref(), Ok(LOCAL));
        assert_eq!(of(None, Some("https://a.example/")).as_deref(), Ok(a));
        assert_eq!(of(Some(a), None).as_deref(), Ok(a));
        assert_eq!(of(Some(a), Some("https://a.example/")).as_deref(), Ok(a));
        let refused = of(Some(a), Some(b)).unwrap_err();
        assert!([a, b, "--profile", "profile remove work"].iter().all(|part| refused.contains(part)), "{refused}");
    }

    #[test]
    fn a_profile_that_was_kept_with_a_password_is_refused_with_the_remedy_and_without_the_password() {
        let refused = usable("work", profile("https://dana:hunter2@a.example")).unwrap_err().to_string();
        assert!(refused.contains("profile remove work") && refused.contains("--server https://a.example"), "{refused}");
        assert!(!refused.contains("hunter2"), "{refused}");
        assert_eq!(usable("work", profile("https://a.example")).unwrap().0, "work");
    }

    #[test]
    fn tokens_in_a_profiles_file_go_to_the_server_that_they_were_got_for() {
        let folder = tempfile::tempdir().unwrap();
        let store = ProfileStore::at(folder.path());
        let credentials = |server: Option<&str>| Credentials {
            server: server.map(str::to_owned),
            issuer: "https://login.example".to_owned(),
            client_id: "cli".to_owned(),
            send: macadam_server::sign_in::TokenKind::AccessToken,
            resource: None,
            token: "one".to_owned(),
            expires_at: Timestamp::now() + SignedDuration::from_hours(1),
            refresh_token: None,
        };
        for (of, sent) in [(None, true), (Some("https://a.example"), true), (Some("https://b.example"), false)] {
            store.keep("work", &credentials(of)).unwrap();
            let token = token(&store, "work", "https://a.example").map_err(|error| error.to_string());
            assert_eq!(token.is_ok(), sent, "{of:?}: {token:?}");
            assert!(sent || token.unwrap_err().contains("macadam login --profile work"));
        }
    }
}
