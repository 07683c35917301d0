use macadam_core::kind::PluginKind;
use macadam_registry::{Manifest, ManifestError};
use proptest::prelude::*;
use serde_json::json;

use crate::support::manifest;

fn good() -> String {
    manifest(PluginKind::Provider, "1.2.3")
}

/// The good manifest with one line replaced.
fn with(field: &str, line: &str) -> String {
    let lines = good()
        .lines()
        .map(|old| if old.starts_with(field) { line.to_owned() } else { old.to_owned() })
        .collect::<Vec<_>>();
    lines.join("\n")
}

#[test]
fn a_whole_manifest_is_read() {
    let text = good()
        + "max = 3\nratio = 0.5\nsince = 2026-03-01\nnested = { on = true, list = [1, \"a\"] }\n\
                         [limits]\nfuel = 5\ndeadline-ms = 10\n";
    let manifest = Manifest::parse(&text).unwrap();
    assert_eq!(manifest.reference().to_string(), "macadam/provider@1.2.3");
    assert_eq!((manifest.kind, manifest.contract.to_string().as_str()), (PluginKind::Provider, "0.1.0"));
    assert_eq!(manifest.license.as_str(), "Apache-2.0 OR MIT");
    assert_eq!(manifest.authors, ["Ana <ana@example.com>"]);
    let capabilities: Vec<_> = manifest.capabilities.iter().map(ToString::to_string).collect();
    assert_eq!(capabilities, ["secrets", "sql:main", "files:workspaces"]);
    assert_eq!(
        (manifest.limits.fuel, manifest.limits.deadline_ms, manifest.limits.concurrency),
        (Some(5), Some(10), None)
    );
    let settings = json!({
        "threshold": "100.00", "max": 3, "ratio": 0.5, "since": "2026-03-01", "nested": {"on": true, "list": [1, "a"]}
    });
    assert_eq!(serde_json::Value::Object(manifest.settings), settings, "settings become JSON, dates their text");
}

#[test]
fn what_may_be_left_out_has_a_default() {
    let text = "name = \"a/b\"\nversion = \"1.0.0\"\nkind = \"cost-estimator\"\ncontract = \"0.1.0\"\n\
                summary = \"s\"\nlicense = \"MIT\"";
    let manifest = Manifest::parse(text).unwrap();
    assert!(manifest.authors.is_empty() && manifest.capabilities.is_empty() && manifest.settings.is_empty());
}

#[test]
fn every_field_that_is_missing_is_named_with_what_to_write() {
    for field in ["name", "version", "kind", "contract", "summary", "license"] {
        let error = Manifest::parse(&with(field, "")).unwrap_err();
        assert!(matches!(error, ManifestError::Missing { field: named, .. } if named == field), "{error}");
        assert!(error.to_string().contains("write "), "the message says what to do: {error}");
    }
}

#[test]
fn every_field_that_is_wrong_is_named_with_what_to_write() {
    for (field, line) in [
        ("name", "name = \"provider\""),
        ("name", "name = [\"a/b\"]"),
        ("version", "version = \"1.2\""),
        ("version", "version = \"01.2.3\""),
        ("version", "version = \"1.2.3+build.1\""),
        ("version", &format!("version = \"1.2.3-{}\"", "a".repeat(64))),
        ("kind", "kind = \"policy\""),
        ("contract", "contract = \"latest\""),
        ("summary", "summary = \"\""),
        ("summary", "summary = \"  \""),
        ("summary", "summary = \"two\\nlines\""),
        ("summary", &format!("summary = \"{}\"", "long".repeat(51))),
        ("license", "license = \"free\""),
        ("license", "license = \"MIT OR\""),
        ("authors", "authors = \"Ana\""),
        ("authors", "authors = [\"\"]"),
        ("capabilities", "capabilities = [\"http:main\"]"),
        ("capabilities", "capabilities = [\"sql:MAIN\"]"),
        ("settings", "settings = 3\n[limits]\n#"),
    ] {
        let text = with(if field == "settings" { "[settings]" } else { field }, line);
        let error = Manifest::parse(&text).unwrap_err();
        assert!(matches!(&error, ManifestError::Invalid { field: named, .. } if named == field), "{line}: {error}");
        assert!(!error.to_string().contains('\n'), "a message is one line: {error}");
    }
}

#[test]
fn a_wrong_part_of_a_table_is_named_with_its_path() {
    for (lines, path) in [
        ("deep = { rate = inf }", "settings.deep.rate"),
        ("[limits]\nfuel = 0", "limits.fuel"),
        ("[limits]\nfuel = -1", "limits"),
        ("[limits]\nfule = 1", "limits"),
    ] {
        let error = Manifest::parse(&(good() + lines)).unwrap_err();
        assert!(matches!(&error, ManifestError::Invalid { field, .. } if field == path), "{lines}: {error}");
    }
}

#[test]
fn a_field_that_is_not_known_is_refused_with_the_one_that_was_meant() {
    let error = Manifest::parse(&with("license", "license = \"MIT\"\nlicence = \"MIT\"")).unwrap_err();
    assert!(matches!(error, ManifestError::UnknownField { nearest: Some("license"), .. }), "{error}");
    let error = Manifest::parse(&with("license", "license = \"MIT\"\nhomepage = \"x\"")).unwrap_err();
    assert!(matches!(error, ManifestError::UnknownField { nearest: None, .. }), "{error}");
}

#[test]
fn what_is_no_toml_is_refused_with_its_place() {
    let error = Manifest::parse("name = \"a/b\"\nversion = = 1").unwrap_err();
    assert!(matches!(error, ManifestError::Syntax { line: 2, column: 11, .. }), "{error:?}");
    let error = Manifest::parse("name = \"a/b\"\nname = \"a/c\"").unwrap_err();
    assert!(matches!(error, ManifestError::Syntax { line: 2, .. }), "a field twice has no meaning: {error:?}");
}

#[test]
fn a_pure_kind_may_ask_for_no_capability() {
    for kind in PluginKind::ALL.into_iter().filter(|kind| kind.is_pure()) {
        for capability in ["secrets", "sql:main", "files:workspaces"] {
            let line = format!("kind = \"{kind}\"");
            let text = with("kind", &line)
                .replace("\"files:workspaces\", \"secrets\", \"sql:main\"", &format!("\"{capability}\""));
            let error = Manifest::parse(&text).unwrap_err();
            assert!(matches!(error, ManifestError::NotForThisKind { .. }), "{kind} with {capability}: {error}");
        }
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,300}") {
        let _ = Manifest::parse(&text);
    }

    #[test]
    fn no_change_to_a_manifest_makes_it_panic(at in 0_usize..400, with in "[\\[\\]{}\"'=.,#\\\\0-9a-z\n]{0,6}") {
        let mut text = good();
        let at = at % text.len();
        if text.is_char_boundary(at) {
            text.insert_str(at, &with);
            let _ = Manifest::parse(&text);
        }
    }
}
