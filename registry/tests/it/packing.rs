use macadam_core::digest::Digest;
use macadam_core::kind::PluginKind;
use macadam_registry::package::is_dev;
use macadam_registry::{Expected, PackError, ReadError, Versioning, pack, read};
use proptest::prelude::*;

use crate::support::{Guest, dev_policy, manifest, policy, policy_component};

#[test]
fn a_plugin_of_every_kind_is_packed_and_read_back() {
    for kind in PluginKind::ALL {
        let text = manifest(kind, "1.2.3");
        let component = Guest::of(kind).component();
        let package = pack(&text, &component, "# Read me\n", Versioning::AsWritten).unwrap();
        let expected = Expected { plugin: Some(package.reference()), digest: Some(package.digest()) };
        let back = read(&package.archive()[..], &expected).unwrap();
        assert_eq!(back, package, "what is read is what was packed");
        assert_eq!((back.manifest_text(), back.readme()), (text.as_str(), "# Read me\n"), "texts are kept as written");
        assert_eq!(*back.component().bytes(), component[..], "a component is taken as it is");
        assert_eq!(back.digest(), Digest::of(back.archive()), "a package's address is the digest of its archive");
        assert_eq!(back.path(), format!("macadam/{kind}-1.2.3.tar.gz"));
    }
}

#[test]
fn a_core_module_becomes_the_component_that_its_toolchain_would_have_made() {
    let guest = Guest::of(PluginKind::ApprovalPolicy);
    let text = manifest(PluginKind::ApprovalPolicy, "1.0.0");
    let package = pack(&text, &guest.core_module(), "", Versioning::AsWritten).unwrap();
    assert_eq!(*package.component().bytes(), guest.component()[..]);
}

#[test]
fn a_core_module_that_cannot_become_a_component_is_refused_by_name() {
    let text = manifest(PluginKind::ApprovalPolicy, "1.0.0");
    let packed = |wasm: &[u8]| pack(&text, wasm, "", Versioning::AsWritten).unwrap_err();
    assert!(matches!(packed(b"\x7fELF"), PackError::NotWasm));
    assert!(matches!(packed(b""), PackError::NotWasm));
    let bare = wat::parse_str("(module (func (export \"evaluate\")))").unwrap();
    assert!(matches!(packed(&bare), PackError::NoComponentType));
    let mut broken = Guest::of(PluginKind::ApprovalPolicy).core_module();
    broken.extend([99, 0]);
    assert!(matches!(packed(&broken), PackError::InvalidModule(_)), "an unknown section breaks a rule of WebAssembly");
    let mut lacking = bare;
    let whole = Guest::of(PluginKind::ApprovalPolicy).core_module();
    lacking.extend(custom_sections(&whole));
    assert!(matches!(packed(&lacking), PackError::Encode { .. }), "it claims an interface that it does not implement");
    let no_world =
        wat::parse_str("(component (type $t (component (export \"a:b/c\" (func)))) (export \"t\" (type $t)))");
    let mut strange = wat::parse_str("(module)").unwrap();
    strange.extend(custom_section("component-type", &no_world.unwrap()));
    assert!(matches!(packed(&strange), PackError::Encode { .. }), "a strange component type must not end the program");
}

fn custom_sections(module: &[u8]) -> Vec<u8> {
    use wasmparser::{Parser, Payload};
    let payloads = Parser::new(0).parse_all(module).map(Result::unwrap);
    let section = |payload| match payload {
        Payload::CustomSection(section) => custom_section(section.name(), section.data()),
        _ => Vec::new(),
    };
    payloads.flat_map(section).collect()
}

fn custom_section(name: &str, data: &[u8]) -> Vec<u8> {
    let length = 1 + name.len() + data.len();
    // The length as LEB128 of three bytes, which is enough for two megabytes.
    let mut section = vec![0, length as u8 | 0x80, (length >> 7) as u8 | 0x80, (length >> 14) as u8 & 0x7f];
    section.push(u8::try_from(name.len()).unwrap());
    section.extend(name.as_bytes());
    section.extend(data);
    section
}

#[test]
fn equal_contents_give_equal_bytes_on_every_machine_and_day() {
    let package = policy("1.0.0", "# A policy\n");
    assert_eq!(package, policy("1.0.0", "# A policy\n"));
    assert_eq!(package.archive()[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255], "no name, no time, no system");
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(&package.archive()[..]));
    let entries = tar.entries().unwrap().map(|entry| {
        let entry = entry.unwrap();
        let header = entry.header();
        let owner = (header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap());
        assert_eq!((owner, header.mode().unwrap()), ((0, 0, 0), 0o644), "nothing tells who packed, or when");
        entry.path().unwrap().display().to_string()
    });
    assert_eq!(entries.collect::<Vec<_>>(), ["README.md", "plugin.toml", "plugin.wasm"], "names are sorted");
}

#[test]
fn a_dev_version_says_what_is_in_the_package() {
    let one = dev_policy("1.2.0", "one");
    let version = one.manifest().version.clone();
    assert!(version.to_string().starts_with("1.2.0-dev.x"), "{version} is a prerelease of 1.2.0");
    assert_eq!(version.to_string().len(), "1.2.0-dev.x".len() + 12);
    assert_eq!(version, dev_policy("1.2.0", "one").manifest().version, "equal contents have equal versions");
    assert_ne!(version, dev_policy("1.2.0", "two").manifest().version, "other contents have another version");
    let expected = manifest(PluginKind::ApprovalPolicy, &version.to_string());
    assert_eq!(one.manifest_text(), expected, "the manifest says so too, and keeps its comments");
}

#[test]
fn what_a_reader_would_refuse_is_not_packed() {
    let text = manifest(PluginKind::CostEstimator, "1.0.0");
    let refused = pack(&text, &policy_component(), "", Versioning::AsWritten).unwrap_err();
    assert!(matches!(refused, PackError::Refused(ReadError::Component(_))), "{refused}");
    let text = manifest(PluginKind::ApprovalPolicy, "1.0.0");
    let long: String = (0..300_000).map(|number| number.to_string()).collect();
    let refused = pack(&text, &policy_component(), &long, Versioning::AsWritten).unwrap_err();
    assert!(matches!(refused, PackError::Refused(ReadError::EntryTooLarge { name: "README.md", .. })), "{refused}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_texts_are_packed_and_read_back(readme in "\\PC{0,200}", note in "[ -~]{0,40}", dev: bool) {
        let text = format!("{}# {note}\n", manifest(PluginKind::ApprovalPolicy, "0.1.0-rc.1"));
        let versioning = if dev { Versioning::Dev } else { Versioning::AsWritten };
        let package = pack(&text, &policy_component(), &readme, versioning).unwrap();
        let expected = Expected { plugin: Some(package.reference()), digest: Some(package.digest()) };
        prop_assert_eq!(is_dev(&package.manifest().version), dev);
        prop_assert_eq!(read(&package.archive()[..], &expected).unwrap(), package);
    }
}
