//! Who may sign in to this host: people by identity providers, services by their tokens, and in development mode the
//! people of a file, whose tokens lie beside it.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use macadam_server::people::PeopleFile;
use macadam_server::sign_in::{Authenticator, OidcSettings};

use crate::serve::config::{Config, Mode};
use crate::serve::data::DataDir;

/// What lets people in.
pub(super) struct Gate {
    /// What finds out who is calling.
    pub(super) authenticator: Authenticator,
    /// The file of people, in development mode.
    pub(super) people: Option<Arc<PeopleFile>>,
    /// Whether the first people were made just now.
    pub(super) new_people: bool,
}

/// What to do on a host that lets no person in.
pub(super) const NOBODY: &str = "\
No person can sign in to this host: it is not in development mode and trusts no identity provider.
  to try it on this machine:     macadam serve --development
  for your organisation:         write [[sign-in.oidc]] with issuer, audience and client-id into macadam.toml
  for a first administrator:     macadam token bootstrap --team TEAM --name NAME --role admin
See docs/sign-in.md.";

/// Opens what lets people in.
pub(super) fn open(data: &DataDir, config: &Config, development: bool, address: SocketAddr) -> anyhow::Result<Gate> {
    let absolute = |settings: &OidcSettings| OidcSettings {
        ca_file: settings.ca_file.as_ref().map(|path| data.join(path)),
        ..settings.clone()
    };
    let authenticator = Authenticator::new(config.sign_in.oidc.iter().map(absolute).collect())?;
    if !development && config.mode == Mode::Production {
        return Ok(Gate { authenticator, people: None, new_people: false });
    }
    if !address.ip().is_loopback() && !config.sign_in.development_beyond_loopback {
        bail!(
            "development mode lets in whoever has a token out of tokens.txt, and others reach {address}; listen on a \
             loopback address, leave development mode, or write `development-beyond-loopback = true` under [sign-in]"
        );
    }
    let new_people = data.first_people()?;
    let people = PeopleFile::open(&data.people()).with_context(|| data.people().display().to_string())?;
    let people = Arc::new(people);
    let authenticator = authenticator.with_development_people(Arc::clone(&people));
    Ok(Gate { authenticator, people: Some(people), new_people })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(config: &str, development: bool, address: &str) -> Result<(bool, bool), String> {
        let directory = tempfile::tempdir().unwrap();
        let data = DataDir::open(directory.path()).unwrap();
        let config: Config = toml::from_str(config).unwrap();
        let gate = open(&data, &config, development, address.parse().unwrap()).map_err(|error| format!("{error:#}"))?;
        assert_eq!(gate.people.is_some(), data.tokens().exists(), "tokens are made in development mode only");
        Ok((gate.authenticator.is_in_development(), gate.new_people))
    }

    #[test]
    fn development_tokens_count_where_development_mode_is_asked_for_and_nowhere_else() {
        assert_eq!(opened("", false, "127.0.0.1:7070"), Ok((false, false)));
        assert_eq!(opened("mode = 'production'", false, "0.0.0.0:7070"), Ok((false, false)));
        assert_eq!(opened("mode = 'development'", false, "127.0.0.1:7070"), Ok((true, true)));
        assert_eq!(opened("", true, "[::1]:7070"), Ok((true, true)));
    }

    #[test]
    fn a_host_in_development_mode_is_not_offered_to_others_unless_that_is_said() {
        for address in ["0.0.0.0:7070", "10.1.2.3:7070", "[::]:7070"] {
            let refused = opened("", true, address).unwrap_err();
            assert!(refused.contains("development-beyond-loopback"), "{refused}");
            assert!(opened("[sign-in]\ndevelopment-beyond-loopback = true", true, address).is_ok(), "{address}");
        }
    }

    #[test]
    fn a_provider_that_cannot_be_trusted_is_refused_by_issuer_key_and_remedy() {
        let of = |more: &str| {
            let base = "[[sign-in.oidc]]\nissuer = 'https://login.example'\naudience = ['macadam']\n";
            opened(&format!("{base}{more}"), false, "127.0.0.1:1").map(drop)
        };
        assert_eq!(of("claims.team = 'team'"), Ok(()));
        for (more, parts) in [
            ("", ["claims", "team"]),
            ("claims.team = 'team'\nalgorithms = ['RS256', 'HS256']", ["algorithms", "shared secret"]),
            ("claims.team = 'team'\nleeway-seconds = 86400", ["leeway-seconds", "300"]),
            ("claims.team = 'team'\nca-file = 'nowhere.pem'", ["ca-file", "cannot be read"]),
        ] {
            let refused = of(more).unwrap_err();
            assert!(refused.contains("https://login.example"), "{refused}");
            assert!(parts.iter().all(|part| refused.contains(part)), "{parts:?} in: {refused}");
        }
        for issuer in ["http://login.example", "login.example", "https://login.example?x=1"] {
            let text = format!("[[sign-in.oidc]]\nissuer = '{issuer}'\naudience = ['a']\nclaims.team = 't'");
            assert!(opened(&text, false, "127.0.0.1:1").unwrap_err().contains("`issuer`"), "{issuer}");
        }
        for issuer in [
            "https://u:hunter2@login.example",
            "https://u:hunter2/x@login.example",
            "https://login.example/?t=a@hunter2",
            "https://login.example#hunter2",
        ] {
            let text = format!("[[sign-in.oidc]]\nissuer = '{issuer}'\naudience = ['a']\nclaims.team = 't'");
            let refused = opened(&text, false, "127.0.0.1:1").unwrap_err();
            assert!(refused.contains("an issuer: `issuer`") && !refused.contains("hunter2"), "{refused}");
        }
    }
}
