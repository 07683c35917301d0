//! The list of a plugin's versions, as somebody may have changed it in the registry's directory.
#![no_main]

use std::path::PathBuf;
use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use macadam_core::names::PluginName;
use macadam_registry::{Registry, Releases};

static PLUGIN: LazyLock<PluginName> = LazyLock::new(|| "acme/gate".parse().unwrap());
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = std::env::temp_dir().join(format!("macadam-fuzz-releases-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("index/acme")).unwrap();
    folder
});

fuzz_target!(|bytes: &[u8]| {
    std::fs::write(FOLDER.join("index/acme/gate.json"), bytes).unwrap();
    let registry = Registry::open(FOLDER.as_path()).unwrap();
    if let Ok(releases) = registry.releases(&PLUGIN) {
        let written = serde_json::to_vec(&releases).unwrap();
        assert_eq!(serde_json::from_slice::<Releases>(&written).unwrap(), releases);
    }
});
