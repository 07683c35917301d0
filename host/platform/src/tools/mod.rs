//! What helps people who ask and people who write plugins, and changes nothing.
//!
//! | module | what it does |
//! |---|---|
//! | `manifest` | looks a plugin's manifest over, and writes one to begin with |
//! | `config` | the document that somebody has to write: a specification, parameters, settings, a manifest |
//! | `form` | a document by its schema: what is left out and known is filled in, the rest is named |

mod config;
mod form;
mod manifest;

pub use config::{Config, ConfigError, ConfigFor, Syntax};
pub use form::Field;
pub use manifest::check_manifest;
