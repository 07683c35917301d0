//! From a component's bytes to code that can be mapped.
//!
//! A compilation cannot be cancelled and costs memory without bound, so a stranger's component is compiled in a child
//! process ([`compiler`]). Its result is kept on disk ([`cache`]), and since mapping code is trusting it, only files that
//! this host wrote are ever mapped (`guard`).

pub mod cache;
pub mod compiler;
mod guard;

pub use cache::{CodeCache, CodeFile};
pub use compiler::{CompileError, Compiler};
