//! What is in `deploy/` fits together: files and names that one document takes from another are there. That each is
//! well-formed is `cargo xtask lint`'s, with the schemas and linters of their makers.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests fail by panicking, and say what they saw"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use macadam_tests::components::source_root;
use serde_json::Value;

fn deploy(path: &str) -> PathBuf {
    source_root().join("deploy").join(path)
}

fn yaml(path: &str) -> Value {
    let text = std::fs::read_to_string(deploy(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn base(name: &str) -> Value {
    yaml(&format!("kubernetes/base/{name}.yaml"))
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

/// The keys that environment and volumes of the deployment take from a secret or a config map, whether they have to be there
/// or not.
fn taken(pod: &Value, kind: &str) -> BTreeSet<String> {
    let environment = pod["containers"][0]["env"].as_array().unwrap().iter();
    let keys = environment.filter_map(|each| each["valueFrom"][kind]["key"].as_str().map(str::to_owned));
    let volumes = pod["volumes"].as_array().unwrap().iter();
    let items = volumes.filter(|_| kind == "secretKeyRef").filter_map(|volume| volume["secret"]["items"].as_array());
    keys.chain(items.flatten().filter_map(|item| item["key"].as_str().map(str::to_owned))).collect()
}

#[test]
fn the_kustomization_names_every_manifest_and_every_file_that_there_is() {
    let kustomization = base("kustomization");
    let resources: BTreeSet<_> = texts(&kustomization["resources"]).map(str::to_owned).collect();
    let files = texts(&kustomization["configMapGenerator"][0]["files"]).map(str::to_owned);
    let named: BTreeSet<_> = resources.iter().cloned().chain(files).collect();
    let there: BTreeSet<_> = std::fs::read_dir(deploy("kubernetes/base"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name != "kustomization.yaml" && !name.ends_with(".example.yaml"))
        .collect();
    assert_eq!(named, there, "what is not named is not deployed, and what is in the examples must not be");
}

#[test]
fn what_the_deployment_takes_from_secret_config_and_account_is_there() {
    let deployment = base("deployment");
    let pod = &deployment["spec"]["template"]["spec"];
    let secret = base("secret.example");
    let mut known: BTreeSet<_> = secret["stringData"].as_object().unwrap().keys().cloned().collect();
    // What is there for a time only stands in a comment of the example.
    let example = std::fs::read_to_string(deploy("kubernetes/base/secret.example.yaml")).unwrap();
    assert!(known.insert("other-master-keys".to_owned()) && example.contains("# other-master-keys:"), "{example}");
    assert_eq!(taken(pod, "secretKeyRef"), known, "the example has just what is needed");
    let container = &pod["containers"][0];
    let volumes: BTreeSet<_> =
        pod["volumes"].as_array().unwrap().iter().filter_map(|volume| volume["name"].as_str()).collect();
    for mount in container["volumeMounts"].as_array().unwrap() {
        assert!(volumes.contains(mount["name"].as_str().unwrap()), "{mount}");
    }
    assert_eq!(pod["serviceAccountName"], base("serviceaccount")["metadata"]["name"]);
    let labels = &deployment["spec"]["template"]["metadata"]["labels"];
    for selector in [
        &deployment["spec"]["selector"]["matchLabels"],
        &base("service")["spec"]["selector"],
        &base("poddisruptionbudget")["spec"]["selector"]["matchLabels"],
        &base("networkpolicy")["spec"]["podSelector"]["matchLabels"],
        &pod["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"],
    ] {
        assert_eq!(selector, labels, "each means the same pods");
    }
    assert_eq!(base("horizontalpodautoscaler")["spec"]["scaleTargetRef"]["name"], deployment["metadata"]["name"]);
    assert!(deployment["spec"].get("replicas").is_none(), "the autoscaler's number must not be reset by an apply");
    assert_eq!(base("service")["spec"]["ports"][0]["targetPort"], container["ports"][0]["name"]);
}

/// A file in which everything that is ready and switched off is switched on.
fn switched_on(path: &str) -> String {
    let text = std::fs::read_to_string(deploy(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert!(text.contains("#: "), "{path} has nothing that could be switched on");
    text.replace("#: ", "")
}

#[test]
fn exports_of_the_audit_log_that_are_switched_on_have_a_volume_that_every_host_writes() {
    let directory = |path: &str| {
        let config: toml::Table = switched_on(path).parse().unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!(config["audit"]["export-entries"].as_bool(), Some(true), "{path}");
        config["audit"]["export-directory"].as_str().unwrap().to_owned()
    };
    let dockerfile = std::fs::read_to_string(deploy("Dockerfile")).unwrap();

    let (place, text) = (directory("compose/macadam.toml"), switched_on("compose/compose.yaml"));
    let compose: Value = serde_yaml_ng::from_str(&text).unwrap();
    let mount = format!("audit:{place}");
    for host in ["macadam-1", "macadam-2"] {
        assert!(texts(&compose["services"][host]["volumes"]).any(|volume| volume == mount), "{host} has no {mount}");
    }
    assert!(compose["volumes"].get("audit").is_some(), "{text}");
    let own = dockerfile.lines().find(|line| line.contains("install -d -m 0700 -o 65532 -g 65532")).unwrap();
    assert!(own.contains(&format!(" /image{place}")), "or a new volume is root's: {own}");

    let (place, text) = (directory("kubernetes/base/macadam.toml"), switched_on("kubernetes/base/deployment.yaml"));
    let deployment: Value = serde_yaml_ng::from_str(&text).unwrap();
    let pod = &deployment["spec"]["template"]["spec"];
    let named = |list: &Value| list.as_array().unwrap().iter().find(|each| each["name"] == "audit").cloned();
    let mount = named(&pod["containers"][0]["volumeMounts"]).unwrap();
    assert_eq!((&mount["mountPath"], mount.get("readOnly")), (&Value::from(place), None), "{text}");
    let volume = named(&pod["volumes"]).unwrap();
    let example = std::fs::read_to_string(deploy("kubernetes/base/audit.example.yaml")).unwrap();
    let claim: Value = serde_yaml_ng::from_str(example.split("\n---\n").last().unwrap()).unwrap();
    assert_eq!(volume["persistentVolumeClaim"]["claimName"], claim["metadata"]["name"], "{text}");
    assert_eq!(claim["spec"]["accessModes"][0], "ReadWriteMany", "there is more than one replica");
}

#[test]
fn a_container_has_no_rights_that_it_does_not_need() {
    let deployment = base("deployment");
    let pod = &deployment["spec"]["template"]["spec"];
    assert_eq!(pod["securityContext"]["runAsNonRoot"], true);
    assert_eq!(pod["automountServiceAccountToken"], false);
    let security = &pod["containers"][0]["securityContext"];
    assert_eq!(security["readOnlyRootFilesystem"], true);
    assert_eq!(security["allowPrivilegeEscalation"], false);
    assert_eq!(security["capabilities"]["drop"][0], "ALL");
    let compose = yaml("compose/compose.yaml");
    for host in ["macadam-1", "macadam-2"] {
        assert!(compose["services"].get(host).is_some(), "{host}");
    }
    let shared = &compose["x-macadam"];
    assert_eq!((&shared["read_only"], &shared["cap_drop"][0]), (&Value::Bool(true), &Value::from("ALL")));
    let dockerfile = std::fs::read_to_string(deploy("Dockerfile")).unwrap();
    assert!(dockerfile.contains("\nUSER 65532:65532\n"), "the image's user is not root");
    assert_eq!(pod["securityContext"]["runAsUser"], 65532, "and the same as the deployment's");
}

#[test]
fn a_host_that_is_not_ready_gets_no_requests_and_is_not_restarted() {
    let deployment = base("deployment");
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let path = |probe: &str| container[probe]["httpGet"]["path"].as_str().unwrap();
    assert_eq!([path("startupProbe"), path("livenessProbe")], ["/healthz"; 2], "either restarts a host");
    assert_eq!(path("readinessProbe"), "/readyz");
    let patience = container["readinessProbe"]["timeoutSeconds"].as_u64().unwrap();
    assert!(patience > 3, "the store has three seconds to answer whoever asks whether it does");
}

#[test]
fn whoever_stops_a_host_waits_until_it_has_stopped_by_itself() {
    // Requests (`serve.rs` of the server), then steps and webhooks (`serve/mod.rs` of the command line), then what was
    // cut off, then traces.
    let longest = 15 + 30 + 1 + 10;
    let deployment = base("deployment");
    let pod = &deployment["spec"]["template"]["spec"];
    let pause = pod["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"].as_u64().unwrap();
    let patience = pod["terminationGracePeriodSeconds"].as_u64().unwrap();
    assert!(patience > pause + longest, "Kubernetes kills it after {patience} s, of which {pause} s are a pause");
    let compose = yaml("compose/compose.yaml");
    let patience = compose["x-macadam"]["stop_grace_period"].as_str().and_then(|text| text.strip_suffix('s')).unwrap();
    assert!(patience.parse::<u64>().unwrap() > longest, "compose kills it after {patience} s");
}

#[test]
fn the_configuration_names_packages_that_the_image_brings() {
    let root = source_root();
    for path in ["compose/macadam.toml", "kubernetes/base/macadam.toml"] {
        let config: toml::Table = std::fs::read_to_string(deploy(path)).unwrap().parse().unwrap();
        for binding in config["plugins"].as_array().unwrap() {
            let (name, range) = binding["plugin"].as_str().unwrap().split_once('@').unwrap();
            let name = name.strip_prefix("macadam/").unwrap();
            let kinds = ["policies", "estimators", "providers", "generators"];
            let manifest = kinds.iter().map(|kind| root.join("guests").join(kind).join(name).join("plugin.toml"));
            let manifest = manifest.filter_map(|path| std::fs::read_to_string(path).ok()).next();
            let manifest: toml::Table = manifest.unwrap_or_else(|| panic!("{name} is not shipped")).parse().unwrap();
            let version: semver::Version = manifest["version"].as_str().unwrap().parse().unwrap();
            assert!(range.parse::<semver::VersionReq>().unwrap().matches(&version), "{name}@{range} is not {version}");
        }
    }
}

#[test]
fn the_secrets_for_compose_are_made_once_and_are_what_the_host_takes() {
    let directory = tempfile::tempdir().unwrap();
    let script = directory.path().join("secrets.sh");
    std::fs::copy(deploy("compose/secrets.sh"), &script).unwrap();
    let run = || assert!(Command::new("sh").arg(&script).output().unwrap().status.success());
    let read = |name: &str| std::fs::read_to_string(directory.path().join("secrets").join(name)).unwrap();
    run();
    let environment = read("macadam.env");
    let set = environment.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once('='));
    let names: Vec<_> = set.map(|(name, _)| name).collect();
    assert_eq!(names, ["MACADAM_DATABASE", "MACADAM_MASTER_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]);
    let key = environment.lines().find_map(|line| line.strip_prefix("MACADAM_MASTER_KEY=")).unwrap();
    assert!(key.len() == 64 && key.chars().all(|digit| digit.is_ascii_hexdigit()), "32 bytes");
    assert!(environment.contains(&read("postgres-password")), "the host and the database have the same password");
    let people: toml::Table = read("people.toml").parse().unwrap();
    for (person, line) in people["people"].as_array().unwrap().iter().zip(read("tokens.txt").lines()) {
        let (name, token) = line.split_once(' ').unwrap();
        assert_eq!(person["person"].as_str(), Some(name));
        let hash = macadam_core::digest::Digest::of(token.as_bytes()).hex();
        assert_eq!(person["token-sha256"].as_str(), Some(hash.as_str()));
    }
    run();
    assert_eq!(read("macadam.env"), environment, "another key would open nothing that is there");
}
