//! Names, keys, versions and what else is read from a text: what is taken reads back as it was written.
#![no_main]

use std::fmt::Display;
use std::str::FromStr;

use libfuzzer_sys::fuzz_target;
use macadam_core::audit::Stream;
use macadam_core::digest::Digest;
use macadam_core::money::{Currency, parse_decimal};
use macadam_core::names::{
    EnvironmentName, GroupName, Namespace, PersonId, PluginName, ResourceKey, ResourceName, TeamId,
};
use macadam_core::project::check_path;
use macadam_core::service::Scope;
use macadam_registry::Capability;
use macadam_registry::VersionQuery;
use macadam_registry::index::Scope as Deprecated;
use macadam_registry::manifest::License;
use macadam_registry::oci::{Reference, Repository};
use macadam_registry::signature::{KeyId, SignaturePolicy, Signer};

fn reads_back<T: FromStr + Display>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string(), text);
    }
}

/// What may be written in several ways is printed in one, which means the same.
fn means_the_same<T: FromStr + Display + PartialEq>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        let printed = value.to_string();
        assert!(printed.parse().is_ok_and(|again: T| again == value), "{text:?} is printed as {printed:?}");
    }
}

fuzz_target!(|text: &str| {
    reads_back::<TeamId>(text);
    reads_back::<PersonId>(text);
    reads_back::<GroupName>(text);
    reads_back::<Namespace>(text);
    reads_back::<EnvironmentName>(text);
    reads_back::<ResourceName>(text);
    reads_back::<ResourceKey>(text);
    reads_back::<PluginName>(text);
    reads_back::<Digest>(text);
    reads_back::<Stream>(text);
    reads_back::<Scope>(text);
    reads_back::<Capability>(text);
    reads_back::<Currency>(text);
    reads_back::<KeyId>(text);
    reads_back::<SignaturePolicy>(text);
    means_the_same::<Deprecated>(text);
    let _ = text.parse::<License>();
    means_the_same::<Reference>(text);
    means_the_same::<Repository>(text);
    means_the_same::<Signer>(text);
    means_the_same::<VersionQuery>(text);
    if let Ok(price) = parse_decimal(text) {
        assert!(parse_decimal(&price.to_string()).is_ok_and(|again| again == price), "{text:?} is as much again");
    }
    if check_path(text).is_ok() {
        let joined = std::path::Path::new("/root").join(text);
        assert!(joined.starts_with("/root") && !text.split('/').any(|part| part == ".."), "{text:?} stays inside");
    }
});
