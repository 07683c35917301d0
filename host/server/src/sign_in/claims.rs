//! What a verified token says: whether it is for this host and for now, and who it makes of its bearer.

use jiff::Timestamp;
use macadam_core::audit::Origin;
use macadam_core::names::{GroupName, PersonId, TeamId};
use macadam_platform::{Caller, Credential, Role};
use serde_json::{Map, Value};

use super::SignInError;
use super::refuse;
use super::settings::OidcSettings;

impl OidcSettings {
    /// Who somebody is here, by the claims of a token of this provider's whose signature is good, if it counts now.
    ///
    /// # Errors
    /// [`SignInError`] says why the token lets nobody in.
    pub fn caller(&self, claims: &Map<String, Value>, now: Timestamp) -> Result<Caller, SignInError> {
        Claims { all: claims, settings: self }.caller(now)
    }
}

/// The claims of a token whose signature is good.
struct Claims<'a> {
    all: &'a Map<String, Value>,
    settings: &'a OidcSettings,
}

impl Claims<'_> {
    /// The person that the token is of, if it counts here and now.
    fn caller(&self, now: Timestamp) -> Result<Caller, SignInError> {
        self.is_from_the_issuer()?;
        self.is_for_this_host()?;
        let expires_at = self.is_for_now(now)?;
        if self.all.contains_key("cnf") {
            return Err(refuse("it is bound to a key (`cnf`), and a bearer proves no key"));
        }
        let meanings = self.meanings();
        let mut roles = [self.settings.default_roles.clone(), self.roles()].concat();
        roles.extend(meanings.iter().flat_map(|meaning| meaning.roles.iter().copied()));
        let mut groups = self.approval_groups();
        groups.extend(meanings.iter().flat_map(|meaning| meaning.approval_groups.iter().cloned()));
        Ok(Caller {
            origin: Origin::NONE,
            person: self.person()?,
            team: self.team(&meanings)?,
            roles: sorted(roles),
            groups: sorted(groups),
            scopes: None,
            credential: Credential::Oidc { issuer: self.settings.issuer.clone(), expires_at },
        })
    }

    fn is_from_the_issuer(&self) -> Result<(), SignInError> {
        let issuer = self.all.get("iss").and_then(Value::as_str);
        if issuer == Some(&self.settings.issuer) { Ok(()) } else { Err(refuse("its issuer is another")) }
    }

    fn is_for_this_host(&self) -> Result<(), SignInError> {
        let ours = |one: &Value| one.as_str().is_some_and(|one| self.settings.audience.iter().any(|own| own == one));
        let good = match self.all.get("aud") {
            Some(Value::Array(all)) => all.iter().all(Value::is_string) && all.iter().any(ours),
            Some(one) => ours(one),
            None => false,
        };
        let audience = self.settings.audience.join(", ");
        if good { Ok(()) } else { Err(refuse(format_args!("it is for others (`aud`); get one for {audience}"))) }
    }

    /// Checks the times of RFC 7519, sections 4.1.4 to 4.1.6, and gives the end.
    fn is_for_now(&self, now: Timestamp) -> Result<Timestamp, SignInError> {
        let leeway = jiff::SignedDuration::from_secs(i64::from(self.settings.leeway_seconds));
        let expires = self.time("exp")?.ok_or_else(|| refuse("it never ends (`exp` is missing)"))?;
        let (not_before, issued) = (self.time("nbf")?, self.time("iat")?);
        if now.duration_since(expires) >= leeway {
            return Err(refuse(format_args!("it expired at {expires}; sign in again with `macadam login`")));
        }
        if not_before.is_some_and(|at| at.duration_since(now) > leeway) {
            return Err(refuse("it does not count yet (`nbf`); compare the clocks of this host and its issuer"));
        }
        if issued.is_some_and(|at| at.duration_since(now) > leeway) {
            return Err(refuse("it was issued in the future (`iat`); compare the clocks of this host and its issuer"));
        }
        if issued.or(not_before).is_some_and(|at| at > expires) {
            return Err(refuse("it ended before it began"));
        }
        Ok(expires)
    }

    /// A number of seconds since 1970, which may have a fraction.
    fn time(&self, claim: &'static str) -> Result<Option<Timestamp>, SignInError> {
        let Some(value) = self.all.get(claim) else { return Ok(None) };
        let wrong = || refuse(format_args!("its `{claim}` is no moment"));
        let seconds = match value.as_i64() {
            Some(seconds) => seconds,
            // The fraction is dropped: of an end, that is a little early. What is out of range becomes the outermost
            // number, which is no moment either.
            #[allow(clippy::cast_possible_truncation, reason = "a cast from a float saturates")]
            None => value.as_f64().ok_or_else(wrong)?.floor() as i64,
        };
        if seconds < 0 {
            return Err(wrong());
        }
        Timestamp::from_second(seconds).map(Some).map_err(|_| wrong())
    }

    fn person(&self) -> Result<PersonId, SignInError> {
        let claim = &self.settings.claims.person;
        let Some(Value::String(said)) = self.find(claim) else {
            return Err(refuse(format_args!("it does not say who it is of (`{claim}` is missing or no text)")));
        };
        let name = format!("{}{said}", self.settings.person_prefix);
        let person = PersonId::new(name).map_err(|error| {
            refuse(format_args!("its `{claim}` names nobody here: {error}; let `claims.person` name another claim"))
        })?;
        if person.is_reserved() {
            return Err(refuse(format_args!("its `{claim}` is a name of the platform's own; no person has it")));
        }
        Ok(person)
    }

    fn team(&self, meanings: &[&super::settings::GroupMeaning]) -> Result<TeamId, SignInError> {
        if let Some(claim) = &self.settings.claims.team {
            match self.find(claim) {
                None | Some(Value::Null) => {}
                Some(Value::String(team)) => {
                    return team.parse().map_err(|error| refuse(format_args!("its `{claim}` is no team: {error}")));
                }
                Some(_) => return Err(refuse(format_args!("its `{claim}` is no team: it is no text"))),
            }
        }
        let named = meanings.iter().find_map(|meaning| meaning.team.clone());
        named.ok_or_else(|| {
            refuse("it says of no team, by a claim or a group; ask an administrator of the identity provider for one")
        })
    }

    fn roles(&self) -> Vec<Role> {
        let words = self.settings.claims.roles.as_ref().map(|claim| self.texts(claim)).unwrap_or_default();
        // Roles that mean something elsewhere are in the same list.
        words.into_iter().filter_map(|word| serde_json::from_value(Value::String(word.to_owned())).ok()).collect()
    }

    fn approval_groups(&self) -> Vec<GroupName> {
        let names = self.settings.claims.approval_groups.as_ref().map(|claim| self.texts(claim)).unwrap_or_default();
        names.into_iter().filter_map(|name| name.parse().ok()).collect()
    }

    /// What the provider's groups mean, in the order of the configuration.
    fn meanings(&self) -> Vec<&super::settings::GroupMeaning> {
        let groups = self.texts(&self.settings.claims.groups);
        self.settings.groups.iter().filter(|meaning| groups.contains(&meaning.group.as_str())).collect()
    }

    /// The texts of a claim that is a list of them, or one.
    fn texts(&self, claim: &str) -> Vec<&str> {
        match self.find(claim) {
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            Some(Value::String(one)) => vec![one],
            _ => Vec::new(),
        }
    }

    fn find(&self, claim: &str) -> Option<&Value> {
        let Some(pointer) = claim.strip_prefix('/') else { return self.all.get(claim) };
        let (first, rest) = pointer.split_once('/').unwrap_or((pointer, ""));
        let first = self.all.get(&first.replace("~1", "/").replace("~0", "~"))?;
        if rest.is_empty() { Some(first) } else { first.pointer(&format!("/{rest}")) }
    }
}

fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort_unstable();
    all.dedup();
    all
}
