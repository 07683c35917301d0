//! What others change, and how a host hears of it.
//!
//! A host keeps what it has loaded: the bindings' plugins, judged by their namespaces' keys. Both count
//! [generations](Generations), and whoever sees one that it has not loaded loads what changed. Looking is one small
//! query; a database with several hosts also [tells](Listener) those who listen, so that they need not wait for their
//! next look. Telling is only faster: what is told while nobody listens is lost, and found at the next look.

use async_trait::async_trait;

use crate::StoreError;

/// How far bindings and namespaces have come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Generations {
    /// The generation of the bindings, as in [`BindingSet`](crate::BindingSet).
    pub bindings: u64,
    /// The generation of the namespaces and their keys.
    pub namespaces: u64,
}

/// Hears that somebody has changed bindings or namespaces.
#[async_trait]
pub trait Listener: Send {
    /// Waits until it is told of a change.
    ///
    /// # Errors
    /// When nothing can be heard any more, such as after the connection was cut. What was told meanwhile is lost, so
    /// look, and listen anew.
    async fn told(&mut self) -> Result<(), StoreError>;
}

/// What others change.
#[async_trait]
pub trait Changes: Send + Sync {
    /// How far everything has come. Made to be polled.
    async fn generations(&self) -> Result<Generations, StoreError>;

    /// Listens from now on. `None` where nobody else can change anything: the database is this process's own.
    ///
    /// # Errors
    /// When the database cannot be reached.
    async fn listen(&self) -> Result<Option<Box<dyn Listener>>, StoreError>;
}
