use macadam_core::digest::Digest;
use macadam_core::kind::PluginKind;
use macadam_core::names::PluginRef;
use macadam_registry::package::{MAX_PACKED, MAX_UNPACKED};
use macadam_registry::{Expected, Package, ReadError, read};
use tar::EntryType;

use crate::support::{Archive, gzip, manifest, policy_component};

fn taken(bytes: &[u8]) -> Result<Package, ReadError> {
    read(bytes, &Expected::default())
}

/// Why an archive of these entries, ended as it should be, is refused.
fn refusal(archive: Archive) -> ReadError {
    taken(&archive.ended().packed()).expect_err("the archive must be refused")
}

macro_rules! refused {
    ($error:expr, $pattern:pat) => {{
        let error = $error;
        assert!(matches!(error, $pattern), "refused for another reason: {error}");
    }};
}

#[test]
fn an_archive_that_others_have_made_is_taken_when_it_holds_the_same() {
    assert!(taken(&Archive::good().ended().packed()).is_ok(), "the tests below change one thing about this archive");
    let turned = Archive::default().component().manifest().readme().ended().raw(&[0; 8192]);
    assert!(taken(&turned.packed()).is_ok(), "order and the length of the end say nothing");
}

#[test]
fn what_is_no_gzip_file_is_refused() {
    for bytes in [b"PK\x03\x04".as_slice(), b"<html>", &Archive::good().packed()[1..]] {
        refused!(taken(bytes).unwrap_err(), ReadError::NotGzip);
    }
}

#[test]
fn what_is_no_tar_archive_is_refused() {
    refused!(taken(&gzip(&[b'x'; 4096])).unwrap_err(), ReadError::NotTar { offset: 0 });
    let mut archive = Archive::good().ended();
    archive = Archive::default().raw(&[1; 512]).raw(b"").ended().raw(&archive.packed());
    refused!(taken(&archive.packed()).unwrap_err(), ReadError::NotTar { .. });
}

#[test]
fn an_archive_that_is_cut_anywhere_is_refused_and_never_taken() {
    let whole = Archive::good().ended().packed();
    for length in 0..whole.len() {
        refused!(taken(&whole[..length]).unwrap_err(), ReadError::Truncated);
    }
    refused!(taken(&Archive::good().packed()).unwrap_err(), ReadError::Truncated);
    refused!(taken(&Archive::good().raw(&[0; 512]).packed()).unwrap_err(), ReadError::Truncated);
    refused!(refusal(Archive::default().readme().manifest().lying_entry("plugin.wasm", 100_000)), ReadError::Truncated);
}

#[test]
fn a_changed_byte_in_the_stream_is_noticed() {
    let mut bytes = Archive::good().ended().packed();
    let end = bytes.len() - 8;
    bytes[end] ^= 1;
    refused!(taken(&bytes).unwrap_err(), ReadError::CorruptGzip { .. });
}

#[test]
fn bytes_after_the_end_are_refused() {
    let good = Archive::good().ended().packed();
    refused!(taken(&[good.as_slice(), b"x"].concat()).unwrap_err(), ReadError::TrailingGarbage);
    refused!(taken(&[good.as_slice(), &good].concat()).unwrap_err(), ReadError::TrailingGarbage);
    refused!(taken(&Archive::good().ended().raw(b"hidden").packed()).unwrap_err(), ReadError::TrailingGarbage);
    let second = Archive::good().ended().file("plugin.toml", b"").ended();
    refused!(taken(&second.packed()).unwrap_err(), ReadError::TrailingGarbage);
}

#[test]
fn a_name_that_leads_out_of_the_archive_is_refused() {
    for name in ["../plugin.toml", "/plugin.toml", "a/../../plugin.wasm", "..", "a\\..\\b", "C:\\plugin.wasm"] {
        for kind in [EntryType::Regular, EntryType::Directory, EntryType::Symlink] {
            refused!(refusal(Archive::good().entry(name, kind, b"")), ReadError::PathTraversal { .. });
        }
    }
}

#[test]
fn a_name_other_than_the_three_is_refused() {
    for name in ["plugin.wat", "./plugin.toml", "PLUGIN.TOML", "a/plugin.toml", "plugin.toml ", "", ".git/hooks/x"] {
        refused!(refusal(Archive::good().file(name, b"")), ReadError::UnexpectedEntry { .. });
    }
}

#[test]
fn a_link_is_refused_whatever_it_is_called() {
    for kind in [EntryType::Symlink, EntryType::Link] {
        for name in ["plugin.wasm", "README.md", "other"] {
            refused!(refusal(Archive::default().manifest().entry(name, kind, b"")), ReadError::Link { .. });
        }
    }
}

#[test]
fn what_is_no_plain_file_is_refused() {
    use EntryType::{Block, Char, Continuous, Directory, Fifo, GNUSparse};
    let others = [Block, Char, Continuous, Directory, Fifo, GNUSparse, EntryType::new(b'Z')];
    for kind in others {
        let archive = Archive::default().manifest().component().entry("README.md", kind, b"");
        refused!(refusal(archive), ReadError::NotAFile { .. });
    }
}

#[test]
fn extensions_that_rename_or_resize_the_next_entry_are_refused() {
    let record = b"30 path=plugin.toml size=99999\n";
    use EntryType::{GNULongLink, GNULongName, XGlobalHeader, XHeader};
    for (kind, bytes) in [
        (XHeader, record.as_slice()),
        (XGlobalHeader, record),
        (GNULongName, b"plugin.toml\0"),
        (GNULongLink, b"plugin.toml\0"),
    ] {
        for name in ["././@LongLink", "PaxHeaders/plugin.toml", "plugin.toml"] {
            let archive = Archive::default().entry(name, kind, bytes).readme().manifest().component();
            refused!(refusal(archive), ReadError::Extension { .. });
        }
    }
}

#[test]
fn a_file_that_is_there_twice_is_refused() {
    refused!(refusal(Archive::good().manifest()), ReadError::DuplicateEntry { name: "plugin.toml" });
    refused!(refusal(Archive::good().readme()), ReadError::DuplicateEntry { name: "README.md" });
}

#[test]
fn a_file_that_is_missing_is_named() {
    let without = |archive: Archive| refusal(archive);
    refused!(without(Archive::default()), ReadError::MissingEntry { .. });
    refused!(without(Archive::default().manifest().component()), ReadError::MissingEntry { name: "README.md" });
    refused!(without(Archive::default().readme().component()), ReadError::MissingEntry { name: "plugin.toml" });
    refused!(without(Archive::default().readme().manifest()), ReadError::MissingEntry { name: "plugin.wasm" });
}

#[test]
fn a_bomb_is_refused_before_it_has_grown() {
    let bomb = gzip(&vec![0; MAX_UNPACKED * 2]);
    assert!(bomb.len() < 200_000, "the test needs a bomb that is small while it is packed");
    refused!(taken(&bomb).unwrap_err(), ReadError::RatioTooHigh { .. });
    let slow: Vec<u8> = (0..MAX_UNPACKED as u32 / 4 + 1024).flat_map(|n| (n / 16).to_le_bytes()).collect();
    refused!(taken(&gzip(&slow)).unwrap_err(), ReadError::UnpackedTooLarge { .. });
}

#[test]
fn a_package_without_an_end_is_not_read_to_its_end() {
    refused!(
        read(std::io::repeat(0x1f), &Expected::default()).unwrap_err(),
        ReadError::PackedTooLarge { limit: MAX_PACKED }
    );
}

#[test]
fn a_file_that_is_larger_than_its_kind_may_be_is_refused_by_its_header_alone() {
    for name in ["README.md", "plugin.toml", "plugin.wasm"] {
        for size in [100_000_000, 0o77_777_777_777, u64::MAX] {
            refused!(refusal(Archive::default().lying_entry(name, size)), ReadError::EntryTooLarge { .. });
        }
    }
}

#[test]
fn a_text_that_is_not_utf_8_is_refused() {
    let latin1 = b"name = \"caf\xe9\"";
    refused!(
        refusal(Archive::default().readme().file("plugin.toml", latin1).component()),
        ReadError::NotUtf8 { name: "plugin.toml" }
    );
    refused!(
        refusal(Archive::default().file("README.md", latin1).manifest().component()),
        ReadError::NotUtf8 { name: "README.md" }
    );
}

#[test]
fn a_bad_manifest_and_a_bad_component_are_refused_for_what_they_are() {
    refused!(refusal(Archive::default().readme().file("plugin.toml", b"name = 1").component()), ReadError::Manifest(_));
    refused!(refusal(Archive::default().readme().manifest().file("plugin.wasm", b"\0asm")), ReadError::Component(_));
    let other = manifest(PluginKind::TemplateGenerator, "1.0.0");
    let archive = Archive::default().readme().file("plugin.toml", other.as_bytes());
    refused!(refusal(archive.file("plugin.wasm", &policy_component())), ReadError::Component(_));
}

#[test]
fn another_plugin_or_version_than_expected_is_refused() {
    let bytes = Archive::good().ended().packed();
    for (name, version) in [("macadam/approval-policy", "1.0.1"), ("acme/approval-policy", "1.0.0")] {
        let plugin = PluginRef { name: name.parse().unwrap(), version: version.parse().unwrap() };
        let error = read(&bytes[..], &Expected { plugin: Some(plugin), digest: None }).unwrap_err();
        refused!(error, ReadError::WrongPlugin { .. });
    }
}

#[test]
fn other_bytes_than_expected_are_refused_before_they_are_unpacked() {
    let expected = Expected { plugin: None, digest: Some(Digest::of(b"something else")) };
    refused!(read(&b"not even gzip"[..], &expected).unwrap_err(), ReadError::WrongDigest { .. });
}
