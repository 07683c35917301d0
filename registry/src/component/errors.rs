//! Why a component is refused.

use macadam_core::kind::PluginKind;
use semver::Version;

use super::InterfaceName;
use crate::contract::{KNOWN, PACKAGE};

/// Why bytes are not a component that this host takes: which rule they break, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ComponentError {
    /// The bytes are not WebAssembly, or break a rule of it.
    #[error("the component is malformed at byte {offset}: {reason}")]
    Malformed {
        /// Where.
        offset: usize,
        /// In the validator's words.
        reason: String,
    },
    /// The bytes are a core module.
    #[error("plugin.wasm is a core module, not a component; pack it from a build that carries its component type")]
    CoreModule,
    /// It imports something that is not an interface, such as a bare function.
    #[error("the component imports `{name}`, which is not an interface; import interfaces of {PACKAGE} only")]
    BareImport {
        /// As the component writes it.
        name: String,
    },
    /// It does not export the interface of the kind that its manifest declares.
    #[error(
        "the component does not export {PACKAGE}/{kind}, so it is not of kind {kind}; it exports {}",
        list(exports)
    )]
    NotOfKind {
        /// What the manifest declares.
        kind: PluginKind,
        /// The interfaces that it does export.
        exports: Vec<InterfaceName>,
    },
    /// It exports its kind's interface but not the one that all plugins have.
    #[error("the component does not export {interface}, which every plugin must; implement it")]
    MissingExport {
        /// What is missing.
        interface: InterfaceName,
    },
    /// It is built for a contract that this host does not know.
    #[error(
        "the component is built for {PACKAGE} {}, but this host knows {}; rebuild it or update the host; it exports {}",
        list(component), list(&KNOWN), list(exports)
    )]
    UnknownContract {
        /// The versions that it is built for.
        component: Vec<Version>,
        /// The interfaces that it does export.
        exports: Vec<InterfaceName>,
    },
    /// It is built for another line of the contract than its manifest says.
    #[error(
        "the component is built for {PACKAGE} {}, but its manifest says {declared}; make them agree",
        list(component)
    )]
    ContractMismatch {
        /// What the manifest says.
        declared: Version,
        /// The versions that it is built for.
        component: Vec<Version>,
    },
    /// It imports what its kind may not have.
    #[error("the component imports {interface}, which a plugin of kind {kind} may not have; build it without")]
    ForbiddenImport {
        /// What it imports.
        interface: InterfaceName,
        /// What the manifest declares.
        kind: PluginKind,
    },
    /// It imports an interface whose capability its manifest does not ask for.
    #[error("the component imports {interface}, but its manifest asks for none; add `{form}` to `capabilities`")]
    CapabilityNotAsked {
        /// What it imports.
        interface: InterfaceName,
        /// How the capability is written.
        form: &'static str,
    },
    /// A part of an interface has another type than in the contract.
    #[error("`{item}` of {interface} does not have the type that the contract says; rebuild with the contract's WIT")]
    TypeMismatch {
        /// Which interface.
        interface: InterfaceName,
        /// The function or type.
        item: String,
    },
    /// The contract that is built into this host cannot be read; nothing the component did.
    #[error("the contract built into this host cannot be read: {0}")]
    Contract(String),
}

impl From<wasmparser::BinaryReaderError> for ComponentError {
    fn from(error: wasmparser::BinaryReaderError) -> Self {
        Self::Malformed { offset: error.offset(), reason: error.message().to_owned() }
    }
}

/// Enough of a list for a sentence.
fn list<T: ToString>(items: &[T]) -> String {
    const SHOWN: usize = 10;
    let mut words: Vec<String> = items.iter().take(SHOWN).map(ToString::to_string).collect();
    match items.len() {
        0 => words.push("nothing".into()),
        length if length > SHOWN => words.push(format!("{} more", length - SHOWN)),
        _ => {}
    }
    words.join(", ")
}
