//! The request at hand, as policies and estimators ask about it.

use std::marker::PhantomData;

use serde::de::DeserializeOwned;

use crate::host::imports::request as asked;
use crate::{Action, Environment, EnvironmentClass, Error};

/// The request at hand. It holds nothing: each method asks the host, and what is not asked for is never copied. The
/// answers are the same throughout a call, so keep what you need twice.
#[derive(Debug)]
pub struct Request {
    _at_hand: PhantomData<()>,
}

impl Request {
    /// Only while a policy evaluates or an estimator estimates.
    pub(crate) const fn at_hand() -> Self {
        Self { _at_hand: PhantomData }
    }

    /// What it wants to do.
    #[must_use]
    pub fn action(&self) -> Action {
        asked::action()
    }

    /// Such as `postgres-database`; for a scaffold the template's id.
    #[must_use]
    pub fn resource_type(&self) -> String {
        asked::resource_type()
    }

    /// The resource's or project's name.
    #[must_use]
    pub fn name(&self) -> String {
        asked::name()
    }

    /// Where the resource lives.
    #[must_use]
    pub fn environment(&self) -> Environment {
        asked::environment()
    }

    /// What the environment is for, without its texts.
    #[must_use]
    pub fn environment_class(&self) -> EnvironmentClass {
        asked::environment_class()
    }

    /// Reads the specification into a type of your own; for a scaffold its parameters.
    ///
    /// # Errors
    /// [`Error::Invalid`] at `/spec`.
    pub fn spec<T: DeserializeOwned>(&self) -> Result<T, Error> {
        serde_json::from_str(&asked::spec()).map_err(|error| Error::invalid("/spec", error.to_string()))
    }

    /// The specification as JSON text.
    #[must_use]
    pub fn spec_text(&self) -> String {
        asked::spec()
    }

    /// The value of a tag.
    #[must_use]
    pub fn tag(&self, key: &str) -> Option<String> {
        asked::tag(key)
    }

    /// All tags, in the order of their keys.
    #[must_use]
    pub fn tags(&self) -> Vec<(String, String)> {
        asked::tags()
    }
}
