//! From core modules to components, and the check that a component imports only what its kind may.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, bail, ensure};
use macadam_core::kind::PluginKind;
use serde::Deserialize;
use wit_component::{ComponentEncoder, DecodedWasm, StringEncoding};
use wit_parser::Resolve;

/// Makes a component anew when its core module is newer.
///
/// # Errors
/// When the module is no guest, or the component imports what its kind may not.
pub(super) fn refresh(core: &Path, component: &Path, manifest: &Path) -> anyhow::Result<()> {
    if is_newer(component, core)? {
        return Ok(());
    }
    let module = fs::read(core).with_context(|| format!("cannot read {}", core.display()))?;
    let bytes = ComponentEncoder::default().validate(true).module(&module)?.encode()?;
    let Manifest { kind, contract } = manifest_of(manifest)?;
    check_interfaces(&bytes, kind, &contract)?;
    write(component, &bytes)
}

/// Makes components of the core modules that are written as text, for what no compiler would produce: all are policies.
///
/// # Errors
/// When a text is no guest.
pub(super) fn refresh_texts(folder: &Path, contract: &Path, components: &Path) -> anyhow::Result<()> {
    let Ok(entries) = fs::read_dir(folder) else { return Ok(()) };
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(contract)?;
    let world = resolve.select_world(&[package], Some("approval-policy-plugin"))?;
    for entry in entries {
        let text = entry?.path();
        let Some(name) = text.file_stem() else { continue };
        let component = components.join(name).with_extension("wasm");
        if !is_newer(&component, &text)? {
            let mut module = wat::parse_file(&text)?;
            wit_component::embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)?;
            let bytes = ComponentEncoder::default().validate(true).module(&module)?.encode();
            write(&component, &bytes.with_context(|| format!("{} makes no component", text.display()))?)?;
        }
    }
    Ok(())
}

fn is_newer(made: &Path, source: &Path) -> anyhow::Result<bool> {
    let source = fs::metadata(source).with_context(|| format!("there is no {}", source.display()))?;
    Ok(fs::metadata(made).is_ok_and(|made| made.modified().ok() > source.modified().ok()))
}

/// Writes beside the file and renames, so that nobody reads half a component.
fn write(component: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let temporary = component.with_extension("new");
    fs::write(&temporary, bytes)?;
    Ok(fs::rename(&temporary, component)?)
}

/// What a component is checked against.
#[derive(Deserialize)]
struct Manifest {
    kind: PluginKind,
    contract: String,
}

fn manifest_of(path: &Path) -> anyhow::Result<Manifest> {
    let text = fs::read_to_string(path)?;
    toml::from_str(&text).with_context(|| format!("in {}", path.display()))
}

fn check_interfaces(component: &[u8], kind: PluginKind, contract: &str) -> anyhow::Result<()> {
    let DecodedWasm::Component(resolve, world) = wit_component::decode(component)? else {
        bail!("the encoder made no component");
    };
    let world = resolve.worlds.get(world).context("the component has no world")?;
    let names = |keys: Vec<&_>| keys.into_iter().map(|key| resolve.name_world_key(key)).collect::<Vec<String>>();
    let interface = |name: &str| format!("macadam:plugin/{name}@{contract}");
    let allowed: Vec<String> = kind.allowed_imports().iter().map(|name| interface(name)).collect();
    for import in names(world.imports.keys().collect()) {
        ensure!(allowed.contains(&import), "it imports {import}, which no {kind} may");
    }
    let exports = names(world.exports.keys().collect());
    for export in [interface("plugin"), interface(kind.as_str())] {
        ensure!(exports.contains(&export), "it does not export {export}, which every {kind} must");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_that_imports_a_database_is_refused() {
        let text = r#"(component (import "macadam:plugin/sql@0.1.0" (instance)))"#;
        let refused =
            check_interfaces(&wat::parse_str(text).unwrap(), PluginKind::ApprovalPolicy, "0.1.0").unwrap_err();
        assert!(refused.to_string().contains("macadam:plugin/sql"), "the error names the import: {refused}");
    }

    #[test]
    fn a_component_that_is_older_than_its_module_is_made_anew() {
        let folder = tempfile::tempdir().unwrap();
        let (source, made) = (folder.path().join("source"), folder.path().join("made"));
        fs::write(&source, "").unwrap();
        assert!(!is_newer(&made, &source).unwrap(), "what is not there is not newer");
        std::thread::sleep(std::time::Duration::from_millis(20));
        fs::write(&made, "").unwrap();
        assert!(is_newer(&made, &source).unwrap());
    }
}
