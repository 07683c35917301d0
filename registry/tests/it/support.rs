//! Plugins to test with: real components for the worlds in `wit/`, and archives built by hand.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};
use jiff::Timestamp;
use macadam_core::kind::PluginKind;
use macadam_core::names::PluginName;
use macadam_registry::{Package, Registry, Versioning, pack};
use tar::{EntryType, Header};
use tempfile::TempDir;
use wit_component::{ComponentEncoder, StringEncoding, dummy_module, embed_component_metadata};
use wit_parser::{LiftLowerAbi, ManglingAndAbi, Resolve, SourceMap};

/// A plugin's code: what a guest's toolchain writes, with functions that do nothing.
pub(crate) struct Guest {
    kind: PluginKind,
    /// The folders of the contracts that it is of.
    contracts: &'static [&'static str],
    /// What its world has beyond the contract's, in WIT.
    world: String,
    /// Further packages, in WIT.
    packages: String,
    /// Changes to the contract that it was built with.
    changes: Vec<(String, String)>,
}

impl Guest {
    pub(crate) fn of(kind: PluginKind) -> Self {
        Self::of_contracts(kind, &["v0.1"])
    }

    /// Is of one contract or several, by their folders in `wit/`.
    pub(crate) fn of_contracts(kind: PluginKind, contracts: &'static [&'static str]) -> Self {
        Self { kind, contracts, world: String::new(), packages: String::new(), changes: Vec::new() }
    }

    /// Has one more line in its world.
    pub(crate) fn with(mut self, line: &str) -> Self {
        self.world += line;
        self
    }

    /// Imports an interface of another package.
    pub(crate) fn importing(self, package: &str, interface: &str, version: &str) -> Self {
        let mut guest = self.with(&format!("import {package}/{interface}@{version};\n"));
        guest.packages += &format!("package {package}@{version} {{ interface {interface} {{ work: func(); }} }}\n");
        guest
    }

    /// Is built with another contract than the one in `wit/`.
    pub(crate) fn with_contract_changed(mut self, from: &str, to: &str) -> Self {
        self.changes.push((from.into(), to.into()));
        self
    }

    /// Is built with another version of the contract.
    pub(crate) fn for_contract(self, version: &str) -> Self {
        self.with_contract_changed("macadam:plugin@0.1.0", &format!("macadam:plugin@{version}"))
    }

    pub(crate) fn core_module(&self) -> Vec<u8> {
        let mut resolve = Resolve::default();
        let mut includes = String::new();
        for folder in self.contracts {
            let mut contract = SourceMap::default();
            for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../wit").join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let text = fs::read_to_string(&path).unwrap();
                let text = self.changes.iter().fold(text, |text, (from, to)| text.replace(from, to));
                contract.push(&path, text);
            }
            let contract = resolve.push_group(contract.parse().map_err(|(_, error)| error).unwrap()).unwrap();
            let version = resolve.packages[contract].name.version.clone().unwrap();
            includes += &format!("include macadam:plugin/{}-plugin@{version};\n", self.kind);
        }
        let world = format!("package test:guest;\n{}\nworld guest {{ {includes}{} }}", self.packages, self.world);
        let package = resolve.push_source("guest.wit", &world).unwrap();
        let world = resolve.select_world(&[package], Some("guest")).unwrap();
        let mut module = dummy_module(&resolve, world, ManglingAndAbi::Legacy(LiftLowerAbi::Sync));
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8).unwrap();
        module
    }

    pub(crate) fn component(&self) -> Vec<u8> {
        ComponentEncoder::default().module(&self.core_module()).unwrap().encode().unwrap()
    }
}

/// The same for a contract of another version.
pub(crate) fn manifest_for(contract: &str, kind: PluginKind, version: &str) -> String {
    manifest(kind, version).replace("contract = \"0.1.0\"", &format!("contract = \"{contract}\""))
}

/// A manifest that fits the guest of its kind.
pub(crate) fn manifest(kind: PluginKind, version: &str) -> String {
    let capabilities = match kind.is_pure() {
        true => "",
        false => "capabilities = [\"files:workspaces\", \"secrets\", \"sql:main\"]",
    };
    format!(
        "# What people read first.\nname = \"macadam/{kind}\"\nversion = \"{version}\" # raise me\nkind = \"{kind}\"\n\
         contract = \"0.1.0\"\nsummary = \"A plugin to test with.\"\nlicense = \"Apache-2.0 OR MIT\"\n\
         authors = [\"Ana <ana@example.com>\"]\n{capabilities}\n\n[settings]\nthreshold = \"100.00\"\n"
    )
}

/// A policy's package; what it says in its README makes one differ from another.
pub(crate) fn policy(version: &str, readme: &str) -> Package {
    named_policy("macadam/approval-policy", version, readme)
}

pub(crate) fn named_policy(name: &str, version: &str, readme: &str) -> Package {
    let manifest = manifest(PluginKind::ApprovalPolicy, version).replace("macadam/approval-policy", name);
    pack(&manifest, &policy_component(), readme, Versioning::AsWritten).unwrap()
}

/// The same policy packed while it is being worked on.
pub(crate) fn dev_policy(version: &str, readme: &str) -> Package {
    let manifest = manifest(PluginKind::ApprovalPolicy, version);
    pack(&manifest, &policy_component(), readme, Versioning::Dev).unwrap()
}

pub(crate) fn policy_component() -> Vec<u8> {
    static COMPONENT: std::sync::LazyLock<Vec<u8>> =
        std::sync::LazyLock::new(|| Guest::of(PluginKind::ApprovalPolicy).component());
    COMPONENT.clone()
}

/// An archive built entry by entry, without any of the rules that packing keeps.
#[derive(Default)]
pub(crate) struct Archive {
    tar: Vec<u8>,
}

impl Archive {
    /// The three files of a good package.
    pub(crate) fn good() -> Self {
        Self::default().readme().manifest().component()
    }

    pub(crate) fn readme(self) -> Self {
        self.file("README.md", b"# A policy\n")
    }

    pub(crate) fn manifest(self) -> Self {
        self.file("plugin.toml", manifest(PluginKind::ApprovalPolicy, "1.0.0").as_bytes())
    }

    pub(crate) fn component(self) -> Self {
        self.file("plugin.wasm", &policy_component())
    }

    pub(crate) fn file(self, name: &str, bytes: &[u8]) -> Self {
        self.entry(name, EntryType::Regular, bytes)
    }

    /// An entry with any name and type; the name goes into the header as it is.
    pub(crate) fn entry(mut self, name: &str, kind: EntryType, bytes: &[u8]) -> Self {
        let mut header = Header::new_ustar();
        header.as_ustar_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        self.tar.extend(header.as_bytes());
        self.tar.extend(bytes);
        self.tar.resize(self.tar.len().next_multiple_of(512), 0);
        self
    }

    /// A header that says more bytes follow than do.
    pub(crate) fn lying_entry(mut self, name: &str, size: u64) -> Self {
        self = self.file(name, b"");
        let start = self.tar.len() - 512;
        let mut header = Header::new_ustar();
        header.as_mut_bytes().copy_from_slice(&self.tar[start..]);
        header.set_size(size);
        header.set_cksum();
        self.tar[start..].copy_from_slice(header.as_bytes());
        self
    }

    pub(crate) fn raw(mut self, bytes: &[u8]) -> Self {
        self.tar.extend(bytes);
        self
    }

    /// The two empty blocks that end an archive.
    pub(crate) fn ended(self) -> Self {
        self.raw(&[0; 1024])
    }

    pub(crate) fn unpacked(&self) -> Vec<u8> {
        self.tar.clone()
    }

    pub(crate) fn packed(&self) -> Vec<u8> {
        gzip(&self.tar)
    }
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzBuilder::new().write(Vec::new(), Compression::default());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// What the policies here are called unless a test says otherwise.
pub(crate) const POLICY: &str = "macadam/approval-policy";

/// A registry that is gone after the test.
pub(crate) struct Temporary {
    pub(crate) registry: Registry,
    pub(crate) directory: TempDir,
}

impl Temporary {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self { registry: Registry::open(directory.path()).unwrap(), directory }
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.directory.path().join(relative)
    }

    pub(crate) fn resolved(&self, query: &str) -> String {
        self.registry.resolve(&query.parse().unwrap()).unwrap().0.to_string()
    }
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

pub(crate) fn name() -> PluginName {
    POLICY.parse().unwrap()
}
