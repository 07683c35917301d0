use super::*;
use macadam_sdk::testing::generate;
use macadam_sdk::{Answers, Error, File, TemplateGenerator};
use proptest::prelude::*;
use serde_json::{Value, json};

const FEATURES: [&str; 2] = ["observability", "health-checks"];

fn parameters() -> Value {
    json!({
        "name": "order-intake", "description": "Takes orders.", "owner": "checkout", "system": "",
        "port": 3000, "node_version": "22", "license": "UNLICENSED"
    })
}

fn files(parameters: &Value, features: &[&str]) -> Vec<File> {
    generate::<RestApi>(&parameters.to_string(), features, "{}").unwrap().files
}

fn text<'a>(files: &'a [File], path: &str) -> &'a str {
    let file = files.iter().find(|file| file.path == path).unwrap_or_else(|| panic!("{path} is not there"));
    std::str::from_utf8(&file.bytes).unwrap()
}

#[test]
fn a_project_has_the_requesters_names_and_is_complete() {
    let files = files(&parameters(), &FEATURES);
    let package: Value = serde_json::from_str(text(&files, "package.json")).unwrap();
    assert_eq!(package["name"], "order-intake");
    for path in ["src/main.ts", "src/metrics.ts", "src/health.ts", "Dockerfile", ".github/workflows/ci.yml"] {
        assert!(!text(&files, path).is_empty(), "{path} must hold something");
    }
    assert!(files.iter().all(|file| !file.path.ends_with(".j2")), "what is rendered loses its ending");
}

#[test]
fn what_is_left_out_leaves_no_file_and_no_import_behind() {
    let files = files(&parameters(), &["observability"]);
    assert!(files.iter().all(|file| !file.path.contains("health")), "the files of a feature go with it");
    assert!(!text(&files, "src/app.ts").contains("health.js"), "and so do the lines that need them");
    assert!(text(&files, "src/app.ts").contains("metrics.js"));
}

#[test]
fn expressions_of_other_languages_survive() {
    let files = files(&parameters(), &FEATURES);
    assert!(text(&files, ".github/workflows/ci.yml").contains("${{ github.workflow }}"));
    assert!(text(&files, "src/config.ts").contains("`${name} must be an integer"));
}

#[test]
fn answers_that_do_not_fit_are_all_named() {
    let bad = json!({"name": 7, "description": "", "port": 80, "colour": "red", "node_version": "18"});
    match generate::<RestApi>(&bad.to_string(), &["observability", "teleport"], "{}") {
        Err(Error::Invalid(violations)) => {
            let mut paths: Vec<_> = violations.into_iter().map(|violation| violation.path).collect();
            paths.sort();
            let expected = ["/features/1", "/parameters/colour", "/parameters/description", "/parameters/name"];
            let expected =
                [&expected[..], &["/parameters/node_version", "/parameters/owner", "/parameters/port"]].concat();
            assert_eq!(paths, expected);
        }
        other => panic!("{other:?} must be invalid"),
    }
}

#[test]
fn answers_of_this_version_stay_as_they_are_and_of_unknown_versions_are_refused() {
    let answers = Answers { parameters: parameters().to_string(), features: vec!["observability".to_owned()] };
    assert_eq!(RestApi::migrate_answers("1.0.0", answers.clone()), Ok(answers.clone()));
    for unknown in ["0.9.0", "2.0.0", ""] {
        let refused = RestApi::migrate_answers(unknown, answers.clone());
        assert!(matches!(refused, Err(Error::Failed(_))), "{unknown:?} is not known");
    }
}

#[test]
fn what_is_described_is_what_the_schema_and_the_features_say() {
    let template = RestApi::describe_template();
    assert_eq!((template.id.as_str(), template.version.as_str()), ("rest-api", "1.0.0"));
    assert_eq!(template.features.iter().map(|f| f.name.as_str()).collect::<Vec<_>>(), FEATURES);
    assert!(serde_json::from_str::<Value>(&template.parameters).unwrap()["properties"]["name"].is_object());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_answers_that_fit_the_schema_render_and_twice_the_same(
        name in "[a-z][a-z0-9-]{1,38}[a-z0-9]",
        description in "[a-zA-Z0-9 '\"<>&%$`{}#*_\\\\-]{1,80}",
        owner in "[a-z][a-z0-9]{1,20}",
        system in "([a-z]{3,10})?",
        port in 1024_u16..=65535,
        node in prop_oneof![Just("20"), Just("22"), Just("24")],
        features in proptest::sample::subsequence(FEATURES.to_vec(), 0..=2),
    ) {
        let parameters = json!({
            "name": name, "description": format!("x{description}"), "owner": owner, "system": system,
            "port": port, "node_version": node, "license": "MIT"
        });
        let once = files(&parameters, &features);
        let package: Value = serde_json::from_str(text(&once, "package.json")).unwrap();
        let lock: Value = serde_json::from_str(text(&once, "package-lock.json")).unwrap();
        prop_assert_eq!(&package["name"], &json!(name));
        prop_assert_eq!(&lock["name"], &json!(name));
        prop_assert_eq!(once, files(&parameters, &features), "equal answers give equal bytes");
    }
}
