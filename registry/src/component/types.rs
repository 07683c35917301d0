//! A validated component and the types of its imports and exports, beside the contract's.
//!
//! Everything is read with `wasmparser`, whose validator is made for hostile bytes. `wit-component`'s decoder is not:
//! it assumes what its own encoder writes, and gives up with a panic on valid components that it could not have
//! written. It also says nothing more: whether a component can be linked is a question about types, and the validator
//! has them.

use macadam_core::kind::PluginKind;
use semver::Version;
use wasmparser::component_types::{
    ComponentAnyTypeId, ComponentEntityType, ComponentInstanceType, ComponentItem, ComponentType,
};
use wasmparser::types::{Types, TypesRef};
use wasmparser::{Parser, Payload, Validator, WasmFeatures};

use super::{ComponentError, InterfaceName};
use crate::contract;

/// What the host's engine compiles: WebAssembly 3.0 without garbage collection, exceptions and threads, which the host
/// leaves out, and components without async.
const FEATURES: WasmFeatures = WasmFeatures::WASM3
    .difference(WasmFeatures::GC_TYPES)
    .difference(WasmFeatures::EXCEPTIONS)
    .difference(WasmFeatures::THREADS)
    .union(WasmFeatures::COMPONENT_MODEL);

/// Checks the bytes of a core module or a component against the rules of WebAssembly.
pub(crate) fn validate(wasm: &[u8]) -> Result<(), ComponentError> {
    Validator::new_with_features(FEATURES).validate_all(wasm)?;
    Ok(())
}

/// The names that a component imports and exports at its top level, as it writes them.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) imports: Vec<String>,
    pub(super) exports: Vec<String>,
}

impl Names {
    pub(super) fn read(wasm: &[u8]) -> Result<Self, ComponentError> {
        let mut names = Self::default();
        let mut nested = 0_usize;
        for payload in Parser::new(0).parse_all(wasm) {
            match payload? {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => nested += 1,
                Payload::End(_) => nested = nested.saturating_sub(1),
                Payload::ComponentImportSection(section) if nested == 0 => {
                    for import in section {
                        names.imports.push(import?.name.name.to_owned());
                    }
                }
                Payload::ComponentExportSection(section) if nested == 0 => {
                    for export in section {
                        names.exports.push(export?.name.name.to_owned());
                    }
                }
                _ => {}
            }
        }
        Ok(names)
    }
}

/// A component and every known version of the contract, validated in one context so that their types can be compared.
pub(super) struct Typed {
    component: Types,
    contracts: Vec<(&'static Version, Types)>,
}

/// An import or export, with the list in which its types are found.
type Item<'a> = (Option<&'a ComponentItem>, TypesRef<'a>);

impl Typed {
    pub(super) fn validate(wasm: &[u8]) -> Result<Self, ComponentError> {
        // Types are compared by identity within one validator, so everything goes through the same one.
        let mut validator = Validator::new_with_features(FEATURES);
        // The component first: what is malformed costs no look at the contracts.
        let component = validator.validate_all(wasm)?;
        let mut contracts = Vec::with_capacity(contract::KNOWN.len());
        for version in &contract::KNOWN {
            validator.reset();
            let encoded = contract::encoded(version).map_err(ComponentError::Contract)?;
            let types = validator.validate_all(encoded);
            let types = types.map_err(|error| ComponentError::Contract(error.message().to_owned()))?;
            contracts.push((version, types));
        }
        Ok(Self { component, contracts })
    }

    /// Whether an import is an instance, as interfaces are, and not a function or value under an interface's name.
    pub(super) fn imports_instance(&self, name: &str) -> bool {
        let item = self.component.component_item_for_import(name);
        item.is_some_and(|item| matches!(item.ty, ComponentEntityType::Instance(_)))
    }

    /// The first part of an imported interface that the contract has not, or has with another type.
    pub(super) fn import_mismatch(
        &self,
        name: &InterfaceName,
        kind: PluginKind,
    ) -> Result<Option<String>, ComponentError> {
        let (world, contract) = self.world(name, kind)?;
        let given = find(&world.imports, name);
        let wanted = self.component.component_item_for_import(&name.to_string());
        Ok(first_mismatch((given, contract), (wanted, self.component.as_ref())))
    }

    /// The first part of one of the contract's interfaces that the component does not export, or with another type.
    pub(super) fn export_mismatch(
        &self,
        name: &InterfaceName,
        kind: PluginKind,
    ) -> Result<Option<String>, ComponentError> {
        let given = self.component.component_item_for_export(&name.to_string());
        let (world, contract) = self.world(name, kind)?;
        let wanted = find(&world.exports, name);
        Ok(first_mismatch((given, self.component.as_ref()), (wanted, contract)))
    }

    /// The world for a kind in the contract that serves an interface's version: a type that is exported under the
    /// world's name and that, as `wit-component` writes it, again holds the world under its full name.
    fn world(
        &self,
        interface: &InterfaceName,
        kind: PluginKind,
    ) -> Result<(&ComponentType, TypesRef<'_>), ComponentError> {
        let serving = interface.version().and_then(contract::serving);
        let contract = self.contracts.iter().find(|(version, _)| Some(*version) == serving);
        let unknown = || ComponentError::Contract(format!("no contract serves {interface}"));
        let (_, contract) = contract.ok_or_else(unknown)?;
        let name = format!("{kind}-plugin");
        let missing = || ComponentError::Contract(format!("it has no world {name}"));
        let item = contract.component_item_for_export(&name).ok_or_else(missing)?;
        let ComponentEntityType::Type { created: ComponentAnyTypeId::Component(outer), .. } = item.ty else {
            return Err(missing());
        };
        match contract[outer].exports.values().next().map(|item| item.ty) {
            Some(ComponentEntityType::Component(world)) => Ok((&contract[world], contract.as_ref())),
            _ => Err(missing()),
        }
    }
}

fn find<'a>(
    items: impl IntoIterator<Item = (&'a String, &'a ComponentItem)>,
    name: &InterfaceName,
) -> Option<&'a ComponentItem> {
    let same = |other: InterfaceName| other.package() == name.package() && other.interface() == name.interface();
    items.into_iter().find(|(other, _)| InterfaceName::parse(other).is_some_and(same)).map(|(_, item)| item)
}

/// The first part of the wanted interface that the given one has not, or has with a type that will not do.
fn first_mismatch((given, given_types): Item<'_>, (wanted, wanted_types): Item<'_>) -> Option<String> {
    let (Some(given), Some(wanted)) = (parts(given, &given_types), parts(wanted, &wanted_types)) else {
        return Some("(the whole interface)".into());
    };
    let fits = |name: &str, wanted: &ComponentItem| {
        let given = given.exports.get(name);
        given.is_some_and(|given| ComponentEntityType::is_subtype_of(&given.ty, given_types, &wanted.ty, wanted_types))
    };
    wanted.exports.iter().find(|(name, wanted)| !fits(name, wanted)).map(|(name, _)| name.clone())
}

fn parts<'a>(item: Option<&ComponentItem>, types: &'a TypesRef<'_>) -> Option<&'a ComponentInstanceType> {
    match item?.ty {
        ComponentEntityType::Instance(id) => Some(&types[id]),
        _ => None,
    }
}
