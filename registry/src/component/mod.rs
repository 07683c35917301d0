//! What a component imports and exports, and whether that is what its manifest says and its kind may have.
//!
//! A plugin exports `macadam:plugin/plugin` and the interface of its kind, both in a version of the line that its
//! manifest names, with exactly the contract's types. It may export more: toolchains leave things behind, and a
//! component may be of several contracts, of which its manifest says the one that it is called by.
//!
//! It may import the contract's interfaces that its kind is allowed, each that needs a capability only if its manifest
//! asks for one, and a listed part of `wasi:*@0.2`. Toolchains import that part whether or not a program uses it; the
//! host answers it with an empty world, a fixed clock and seeded randomness, so that it gives no authority and the same
//! answers every time. Sockets are in it because some toolchains cannot leave them out; the host's refuse everything.
//! Everything else, above all `wasi:http`, is refused here, before anybody can install it.

mod errors;
mod interface;
mod types;

use std::collections::BTreeSet;

use semver::Version;

pub use errors::ComponentError;
pub use interface::InterfaceName;
pub(crate) use types::validate;
use types::{Names, Typed};

use crate::contract::{self, PACKAGE};
use crate::manifest::{Capability, Manifest};

/// The part of WASI 0.2 that any component may import: packages and their interfaces.
pub const WASI: [(&str, &[&str]); 6] = [
    ("wasi:io", &["error", "poll", "streams"]),
    ("wasi:clocks", &["monotonic-clock", "wall-clock"]),
    ("wasi:random", &["random", "insecure", "insecure-seed"]),
    (
        "wasi:cli",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("wasi:filesystem", &["types", "preopens"]),
    (
        "wasi:sockets",
        &["network", "instance-network", "ip-name-lookup", "tcp", "tcp-create-socket", "udp", "udp-create-socket"],
    ),
];

/// The interfaces at a component's top level.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Interfaces {
    /// What it needs.
    pub imports: BTreeSet<InterfaceName>,
    /// What it offers.
    pub exports: BTreeSet<InterfaceName>,
}

/// Checks a component against its manifest, and says what it imports and exports. The bytes may be anything.
///
/// # Errors
/// [`ComponentError`] names the first rule that it breaks.
pub fn verify(wasm: &[u8], manifest: &Manifest) -> Result<Interfaces, ComponentError> {
    if wasmparser::Parser::is_core_wasm(wasm) {
        return Err(ComponentError::CoreModule);
    }
    let typed = Typed::validate(wasm)?;
    let names = Names::read(wasm)?;
    let exports: BTreeSet<_> = names.exports.iter().filter_map(|name| InterfaceName::parse(name)).collect();
    check_exports(&typed, &exports, manifest)?;
    let imports = named_imports(&typed, &names.imports)?;
    for import in &imports {
        check_import(&typed, import, manifest)?;
    }
    Ok(Interfaces { imports, exports })
}

/// The names of the imports, all of which must be interfaces.
fn named_imports(typed: &Typed, names: &[String]) -> Result<BTreeSet<InterfaceName>, ComponentError> {
    let named = |name: &String| {
        let interface = InterfaceName::parse(name).filter(|_| typed.imports_instance(name));
        interface.ok_or_else(|| ComponentError::BareImport { name: name.chars().take(80).collect() })
    };
    names.iter().map(named).collect()
}

fn check_exports(typed: &Typed, exports: &BTreeSet<InterfaceName>, manifest: &Manifest) -> Result<(), ComponentError> {
    let version = contract_version(exports, manifest)?;
    for interface in ["plugin", manifest.kind.as_str()] {
        let interface = InterfaceName::new(PACKAGE, interface, &version);
        if !exports.contains(&interface) {
            return Err(ComponentError::MissingExport { interface });
        }
        if let Some(item) = typed.export_mismatch(&interface, manifest.kind)? {
            return Err(ComponentError::TypeMismatch { interface, item });
        }
    }
    Ok(())
}

/// The version in which the component exports its kind's interface and that is of the manifest's line.
fn contract_version(exports: &BTreeSet<InterfaceName>, manifest: &Manifest) -> Result<Version, ComponentError> {
    let of_kind = |name: &&InterfaceName| name.package() == PACKAGE && name.interface() == manifest.kind.as_str();
    let component: Vec<Version> = exports.iter().filter(of_kind).filter_map(|name| name.version().cloned()).collect();
    let exported = || exports.iter().cloned().collect();
    if component.is_empty() {
        return Err(ComponentError::NotOfKind { kind: manifest.kind, exports: exported() });
    }
    if !component.iter().any(|version| contract::serving(version).is_some()) {
        return Err(ComponentError::UnknownContract { component, exports: exported() });
    }
    let declared = &manifest.contract;
    let fits = |version: &&Version| contract::same_line(version, declared) && contract::serving(version).is_some();
    match component.iter().find(fits) {
        Some(_) if contract::serving(declared).is_none() => {
            Err(ComponentError::UnknownContract { component: vec![declared.clone()], exports: exported() })
        }
        Some(version) => Ok(version.clone()),
        None => Err(ComponentError::ContractMismatch { declared: declared.clone(), component }),
    }
}

fn check_import(typed: &Typed, import: &InterfaceName, manifest: &Manifest) -> Result<(), ComponentError> {
    let kind = manifest.kind;
    if is_wasi(import) {
        return Ok(());
    }
    // A component that is of several contracts imports from each.
    let served = import.version().is_some_and(|version| contract::serving(version).is_some());
    let allowed = import.package() == PACKAGE && kind.allowed_imports().contains(&import.interface());
    if !allowed || !served {
        return Err(ComponentError::ForbiddenImport { interface: import.clone(), kind });
    }
    if let Some((interface, form)) = Capability::FORMS.iter().find(|(name, _)| *name == import.interface()) {
        let asked = manifest.capabilities.iter().any(|capability| capability.interface() == *interface);
        if !asked {
            return Err(ComponentError::CapabilityNotAsked { interface: import.clone(), form });
        }
    }
    match typed.import_mismatch(import, kind)? {
        Some(item) => Err(ComponentError::TypeMismatch { interface: import.clone(), item }),
        None => Ok(()),
    }
}

/// Whether an interface is in the listed part of WASI, in a released version 0.2.
fn is_wasi(import: &InterfaceName) -> bool {
    let listed = WASI
        .iter()
        .any(|(package, interfaces)| *package == import.package() && interfaces.contains(&import.interface()));
    let released = |version: &Version| (version.major, version.minor) == (0, 2) && version.pre.is_empty();
    listed && import.version().is_some_and(released)
}
