use macadam_core::kind::PluginKind;
use macadam_registry::component::{WASI, verify};
use macadam_registry::{ComponentError, Manifest};

use crate::support::{Guest, manifest, manifest_for};

const POLICY: PluginKind = PluginKind::ApprovalPolicy;

fn declared(kind: PluginKind) -> Manifest {
    Manifest::parse(&manifest(kind, "1.0.0")).unwrap()
}

fn refusal(guest: &Guest, manifest: &Manifest) -> ComponentError {
    verify(&guest.component(), manifest).expect_err("the component must be refused")
}

#[test]
fn a_component_of_every_kind_is_taken_as_its_own_kind_and_as_no_other() {
    for kind in PluginKind::ALL {
        let component = Guest::of(kind).component();
        let interfaces = verify(&component, &declared(kind)).unwrap();
        let exports = interfaces.exports.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(exports.contains(&format!("macadam:plugin/{kind}@0.1.0")), "{exports:?} names the kind's interface");
        for other in PluginKind::ALL.into_iter().filter(|other| *other != kind) {
            let error = verify(&component, &declared(other)).unwrap_err();
            assert!(matches!(error, ComponentError::NotOfKind { .. }), "a {kind} passed as a {other}: {error}");
        }
    }
}

#[test]
fn a_component_of_every_kind_is_taken_for_the_contract_that_it_is_of_and_for_no_other() {
    let contracts: [(&'static [&'static str], &str, &str); 2] =
        [(&["v0.1"], "0.1.0", "0.2.0"), (&["v0.2"], "0.2.0", "0.1.0")];
    for kind in PluginKind::ALL {
        for (folders, own, other) in contracts {
            let component = Guest::of_contracts(kind, folders).component();
            let declared = |contract| Manifest::parse(&manifest_for(contract, kind, "1.0.0")).unwrap();
            let interfaces = verify(&component, &declared(own)).unwrap();
            let exports = interfaces.exports.iter().map(ToString::to_string).collect::<Vec<_>>();
            assert!(exports.contains(&format!("macadam:plugin/{kind}@{own}")), "{exports:?}");
            let error = verify(&component, &declared(other)).unwrap_err();
            assert!(matches!(error, ComponentError::ContractMismatch { .. }), "{kind} of {own} as {other}: {error}");
        }
    }
}

#[test]
fn a_component_of_both_contracts_is_taken_for_either_and_its_manifest_says_which() {
    for kind in PluginKind::ALL {
        let component = Guest::of_contracts(kind, &["v0.1", "v0.2"]).component();
        for contract in ["0.1.0", "0.2.0"] {
            let declared = Manifest::parse(&manifest_for(contract, kind, "1.0.0")).unwrap();
            assert!(verify(&component, &declared).is_ok(), "{kind} of both, declared as {contract}");
        }
        let declared = Manifest::parse(&manifest_for("0.3.0", kind, "1.0.0")).unwrap();
        let error = verify(&component, &declared).unwrap_err();
        assert!(matches!(error, ComponentError::ContractMismatch { .. }), "{error}");
    }
}

#[test]
fn a_component_may_import_a_part_of_what_its_contract_offers_and_nothing_that_it_does_not() {
    let declared = Manifest::parse(&manifest_for("0.2.0", POLICY, "1.0.0")).unwrap();
    let of_0_2 = || Guest::of_contracts(POLICY, &["v0.2"]);
    for (from, to) in [
        ("    now: func() -> timestamp;\n", ""),
        ("    tags: func() -> list<tuple<string, string>>;\n", ""),
        ("    import context;\n", ""),
        ("    import request;\n    import context;\n", ""),
    ] {
        let taken = verify(&of_0_2().with_contract_changed(from, to).component(), &declared);
        assert!(taken.is_ok(), "without {from:?}: {taken:?}");
    }
    for (from, to, item) in [
        ("    now: func() -> timestamp;\n", "    now: func() -> timestamp;\n    moon: func() -> string;\n", "moon"),
        ("tag: func(key: string) -> option<string>", "tag: func(key: string) -> string", "tag"),
        ("        lower-bound: bool,\n", "", "total"),
    ] {
        let error = refusal(&of_0_2().with_contract_changed(from, to), &declared);
        assert!(matches!(&error, ComponentError::TypeMismatch { item: named, .. } if named.contains(item)), "{error}");
    }
}

#[test]
fn what_a_policy_may_ask_is_not_for_kinds_that_have_no_context() {
    for (kind, interface) in [
        (PluginKind::CostEstimator, "context"),
        (PluginKind::TemplateGenerator, "request"),
        (PluginKind::Provider, "request"),
    ] {
        let guest = Guest::of_contracts(kind, &["v0.2"]).with(&format!("import macadam:plugin/{interface}@0.2.0;\n"));
        let error = refusal(&guest, &Manifest::parse(&manifest_for("0.2.0", kind, "1.0.0")).unwrap());
        assert!(matches!(error, ComponentError::ForbiddenImport { .. }), "{kind} with {interface}: {error}");
    }
}

#[test]
fn exports_that_toolchains_leave_behind_do_no_harm() {
    let guest = Guest::of(POLICY).with("export init: func();\nexport exports: interface { run: func(); }\n");
    assert!(verify(&guest.component(), &declared(POLICY)).is_ok());
}

#[test]
fn the_listed_part_of_wasi_may_be_imported_by_every_kind() {
    for kind in PluginKind::ALL {
        let listed = WASI.iter().flat_map(|(package, names)| names.iter().map(move |name| (package, name)));
        for (package, interface) in listed {
            let guest = Guest::of(kind).importing(package, interface, "0.2.6");
            assert!(verify(&guest.component(), &declared(kind)).is_ok(), "{kind} may import {package}/{interface}");
        }
    }
}

#[test]
fn what_is_not_listed_may_not_be_imported() {
    for (package, interface, version) in [
        ("wasi:http", "types", "0.2.6"),
        ("wasi:http", "outgoing-handler", "0.2.6"),
        ("wasi:cli", "run", "0.2.6"),
        ("wasi:clocks", "timezone", "0.2.6"),
        ("wasi:io", "streams", "0.3.0"),
        ("wasi:io", "streams", "0.2.0-rc-2023-10-18"),
        ("wasi:keyvalue", "store", "0.2.0"),
        ("acme:plugin", "log", "0.1.0"),
    ] {
        for kind in PluginKind::ALL {
            let error = refusal(&Guest::of(kind).importing(package, interface, version), &declared(kind));
            assert!(matches!(error, ComponentError::ForbiddenImport { .. }), "{package}/{interface}: {error}");
        }
    }
}

#[test]
fn a_pure_kind_cannot_import_what_has_effects() {
    for kind in PluginKind::ALL.into_iter().filter(|kind| kind.is_pure()) {
        for interface in ["secrets", "sql", "files"] {
            let guest = Guest::of(kind).with(&format!("import macadam:plugin/{interface}@0.1.0;\n"));
            let error = refusal(&guest, &declared(kind));
            assert!(matches!(error, ComponentError::ForbiddenImport { .. }), "{kind} with {interface}: {error}");
        }
    }
}

#[test]
fn an_import_needs_its_capability_in_the_manifest() {
    let whole = manifest(PluginKind::Provider, "1.0.0");
    for (capability, form) in [("sql:main", "sql:NAME"), ("files:workspaces", "files:NAME"), ("secrets", "secrets")] {
        // Another name of the same interface is enough; none at all is not.
        let without = whole.replace(&format!("\"{capability}\", "), "").replace(&format!(", \"{capability}\""), "");
        let without = Manifest::parse(&without).unwrap();
        assert_eq!(without.capabilities.len(), 2, "the test must have taken one away");
        let error = refusal(&Guest::of(PluginKind::Provider), &without);
        assert!(
            matches!(&error, ComponentError::CapabilityNotAsked { form: named, .. } if *named == form),
            "a missing {capability} must be named: {error}"
        );
    }
}

#[test]
fn a_capability_may_be_asked_for_and_not_used() {
    let guest = Guest::of(PluginKind::Provider)
        .with_contract_changed("    import secrets;\n    import sql;\n    import files;\n", "");
    assert!(verify(&guest.component(), &declared(PluginKind::Provider)).is_ok());
}

#[test]
fn a_component_for_a_contract_that_is_not_known_is_refused_with_both_lists() {
    for version in ["0.3.0", "1.0.0", "0.1.1"] {
        let text = manifest(POLICY, "1.0.0").replace("contract = \"0.1.0\"", &format!("contract = \"{version}\""));
        let error = refusal(&Guest::of(POLICY).for_contract(version), &Manifest::parse(&text).unwrap());
        assert!(matches!(error, ComponentError::UnknownContract { .. }), "{error}");
        let message = error.to_string();
        let exported = format!("macadam:plugin/approval-policy@{version}");
        for part in [version, "0.1.0, 0.2.0", exported.as_str()] {
            assert!(message.contains(part), "what it is for, what the host knows and what it exports: {message}");
        }
    }
}

#[test]
fn a_manifest_that_names_another_contract_than_the_component_is_refused() {
    let text = manifest(POLICY, "1.0.0").replace("contract = \"0.1.0\"", "contract = \"1.0.0\"");
    let error = refusal(&Guest::of(POLICY), &Manifest::parse(&text).unwrap());
    assert!(matches!(error, ComponentError::ContractMismatch { .. }), "{error}");
    let text = text.replace("contract = \"1.0.0\"", "contract = \"0.1.9\"");
    let error = refusal(&Guest::of(POLICY), &Manifest::parse(&text).unwrap());
    assert!(matches!(error, ComponentError::UnknownContract { .. }), "{error}");
}

#[test]
fn a_component_without_the_interface_of_all_plugins_is_refused() {
    let guest = Guest::of(POLICY).with_contract_changed("    export plugin;\n", "");
    let error = refusal(&guest, &declared(POLICY));
    assert!(matches!(error, ComponentError::MissingExport { .. }), "{error}");
}

#[test]
fn an_export_with_another_type_than_the_contracts_is_refused_by_its_name() {
    for (from, to, item) in [
        ("evaluate: func(context: context, settings: json)", "evaluate: func(context: context)", "evaluate"),
        ("evaluate: func(", "judge: func(", "evaluate"),
        ("describe: func() -> info", "describe: func() -> string", "describe"),
        ("        deny(list<violation>),\n", "", "verdict"),
        ("count: u32", "count: u64", "approval"),
    ] {
        let guest = Guest::of(POLICY).with_contract_changed(from, to);
        let error = refusal(&guest, &declared(POLICY));
        assert!(matches!(&error, ComponentError::TypeMismatch { item: named, .. } if named.contains(item)), "{error}");
    }
}

#[test]
fn an_import_that_the_host_cannot_serve_is_refused_by_its_name() {
    let more = "read-file: func(root: string, path: string)";
    let guest =
        Guest::of(PluginKind::Provider).with_contract_changed(more, &format!("{more} -> string;\n    other: func()"));
    let error = refusal(&guest, &declared(PluginKind::Provider));
    assert!(
        matches!(&error, ComponentError::TypeMismatch { interface, .. } if interface.interface() == "files"),
        "{error}"
    );
}

#[test]
fn a_bare_import_is_refused() {
    for line in ["import init: func();\n", "import helpers: interface { work: func(); }\n"] {
        let error = refusal(&Guest::of(POLICY).with(line), &declared(POLICY));
        assert!(matches!(error, ComponentError::BareImport { .. }), "{line}: {error}");
    }
}

#[test]
fn an_interfaces_name_on_something_that_is_none_is_refused() {
    let func = wat::parse_str("(component (import \"macadam:plugin/log@0.1.0\" (func)))").unwrap();
    let error = verify(&func, &declared(POLICY)).unwrap_err();
    assert!(!matches!(error, ComponentError::Malformed { .. }), "the test needs a valid component: {error}");
    let empty = wat::parse_str(
        "(component (instance $i) (export \"macadam:plugin/plugin@0.1.0\" (instance $i))
           (export \"macadam:plugin/approval-policy@0.1.0\" (instance $i)))",
    );
    let error = verify(&empty.unwrap(), &declared(POLICY)).unwrap_err();
    assert!(matches!(error, ComponentError::TypeMismatch { .. }), "an empty instance is no plugin: {error}");
}

#[test]
fn what_is_no_component_is_refused() {
    let module = wat::parse_str("(module)").unwrap();
    assert_eq!(verify(&module, &declared(POLICY)).unwrap_err(), ComponentError::CoreModule);
    for bytes in [b"".as_slice(), b"\0asm", b"\0asm\x0d\0\x01\0\x63", b"#!/bin/sh"] {
        let error = verify(bytes, &declared(POLICY)).unwrap_err();
        assert!(matches!(error, ComponentError::Malformed { .. }), "{bytes:?}: {error}");
    }
    let empty = wat::parse_str("(component)").unwrap();
    let error = verify(&empty, &declared(POLICY)).unwrap_err();
    assert!(matches!(error, ComponentError::NotOfKind { .. }), "{error}");
}
