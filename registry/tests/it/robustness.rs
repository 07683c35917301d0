//! Bytes from anybody never make the reader panic, hang or take what it should not. `PROPTEST_CASES` says how hard to
//! try.

use macadam_core::kind::PluginKind;
use macadam_registry::component::verify;
use macadam_registry::{ComponentError, Expected, Manifest, Versioning, pack, read};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use crate::support::{Archive, Guest, manifest, policy, policy_component};

/// Changes of single bytes, at any places.
fn changes() -> impl Strategy<Value = Vec<(Index, u8)>> {
    vec((any::<Index>(), any::<u8>()), 1..8)
}

fn changed(mut bytes: Vec<u8>, changes: &[(Index, u8)]) -> Vec<u8> {
    for (place, byte) in changes {
        let place = place.index(bytes.len());
        bytes[place] = *byte;
    }
    bytes
}

fn declared() -> Manifest {
    Manifest::parse(&manifest(PluginKind::ApprovalPolicy, "1.0.0")).unwrap()
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_refused(bytes in vec(any::<u8>(), 0..2000)) {
        prop_assert!(read(&bytes[..], &Expected::default()).is_err());
    }

    #[test]
    fn arbitrary_bytes_in_a_gzip_stream_are_refused(bytes in vec(any::<u8>(), 0..4000)) {
        prop_assert!(read(&Archive::default().raw(&bytes).packed()[..], &Expected::default()).is_err());
    }

    #[test]
    fn a_package_with_changed_bytes_is_never_taken_for_the_one_that_was_published(changes in changes()) {
        let package = policy("1.0.0", "# A policy\n");
        let bytes = changed(package.archive().to_vec(), &changes);
        prop_assume!(bytes[..] != package.archive()[..]);
        let expected = Expected { plugin: None, digest: Some(package.digest()) };
        prop_assert!(read(&bytes[..], &expected).is_err());
        // Without a digest to compare with, some changes are harmless, such as one to the gzip header's flags.
        let _ = read(&bytes[..], &Expected::default());
    }

    #[test]
    fn headers_with_changed_bytes_never_make_the_reader_panic(changes in changes(), whole: bool) {
        let tar = Archive::good().ended().unpacked();
        let bytes = changed(tar.get(..if whole { tar.len() } else { 1024 }).unwrap().to_vec(), &changes);
        let _ = read(&Archive::default().raw(&bytes).packed()[..], &Expected::default());
    }

    #[test]
    fn a_component_with_changed_bytes_never_makes_the_validator_panic(changes in changes()) {
        let _ = verify(&changed(policy_component(), &changes), &declared());
    }

    #[test]
    fn a_component_that_is_cut_or_put_together_never_makes_the_validator_panic(a: Index, b: Index, c: Index, d: Index) {
        let bytes = policy_component();
        let (one, two) = (a.index(bytes.len())..bytes.len(), b.index(bytes.len())..bytes.len());
        let head = &bytes[..8];
        let _ = verify(&bytes[..one.start], &declared());
        let one = &bytes[one][..];
        let two = &bytes[two][..];
        let joined = [head, &one[..c.index(one.len())], &two[..d.index(two.len())]].concat();
        let _ = verify(&joined, &declared());
    }

    #[test]
    fn a_core_module_with_changed_bytes_never_makes_the_packer_panic(changes in changes()) {
        let module = Guest::of(PluginKind::ApprovalPolicy).core_module();
        let text = manifest(PluginKind::ApprovalPolicy, "1.0.0");
        let _ = pack(&text, &changed(module, &changes), "", Versioning::AsWritten);
    }
}

#[test]
fn valid_components_that_no_wit_can_say_never_make_the_reader_panic() {
    for text in [
        r#"(import "a:b/c@1.0.0" (func))"#,
        r#"(import "t" (type (sub resource))) (import "url=<https://example.com>" (func))"#,
        r#"(import "macadam:plugin/log@0.1.0" (core module))"#,
        r#"(import "macadam:plugin/log@0.1.0" (instance (export "write" (component))))"#,
        r#"(import "macadam:plugin/log@0.1.0" (instance (export "level" (type (sub resource)))))"#,
        r#"(type $t (component (export "a:b/c" (func)))) (export "t" (type $t))"#,
        r#"(core module $m) (export "macadam:plugin/plugin@0.1.0" (core module $m))"#,
        r#"(component $c) (export "macadam:plugin/approval-policy@0.1.0" (component $c))"#,
        r#"(type $t (instance)) (export "macadam:plugin/approval-policy@0.1.0" (type $t))"#,
    ] {
        let component = wat::parse_str(format!("(component {text})")).unwrap();
        let error = verify(&component, &declared()).unwrap_err();
        assert!(!matches!(error, ComponentError::Malformed { .. }), "the test needs a valid component: {error}");
        // The same beside good exports, so that the imports are looked at too.
        let mut whole = policy_component();
        whole.extend(&component[8..]);
        let _ = verify(&whole, &declared());
    }
}
