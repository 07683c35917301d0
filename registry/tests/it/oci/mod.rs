//! Packages in OCI registries: a real one (Debian's `docker-registry`, which has no referrers API), another client that
//! reads what was pushed (`skopeo`), and a registry of the test's own that has the API, asks for tokens, and cheats.

mod fake;
mod hostile;
mod installed;
mod real;
mod sign_in;

use macadam_registry::oci::{Credentials, Remote, Repository, Target, Transport};

/// A repository of a registry on this machine, spoken to by nobody in particular.
fn remote(address: &str) -> Remote {
    remote_as(address, Credentials::Anonymous)
}

fn remote_as(address: &str, credentials: Credentials) -> Remote {
    Remote::new(repository(address), credentials, Transport::Https)
}

fn repository(address: &str) -> Repository {
    format!("{address}/macadam/approval-policy").parse().unwrap()
}

fn tag(text: &str) -> Target {
    Target::tag(text).unwrap()
}
