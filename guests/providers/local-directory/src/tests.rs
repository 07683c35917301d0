use super::*;
use macadam_sdk::testing::{Host, Work, check_health, plan, request, validate, validate_settings};
use proptest::prelude::*;

const DIRECTORY: &str = "workspaces/payments/dev/notes";
const README: &str = "workspaces/payments/dev/notes/README.md";
const MARK: &str = "workspaces/payments/dev/.notes.json";

fn resource(spec: &str) -> ManagedResource {
    request().resource_type("local-directory").name("notes").spec(spec).resource("r-1")
}

fn provision(resource: &ManagedResource) -> Result<Vec<Output>, Error> {
    Work::new().provision::<LocalDirectory>(resource, "{}")
}

fn health(resource: &ManagedResource) -> Health {
    check_health::<LocalDirectory>(resource, "{}").unwrap()
}

#[test]
fn a_directory_is_made_with_a_readme_and_its_path_is_given() {
    let host = Host::start();
    let outputs = provision(&resource(r#"{"quota_mb": 50}"#)).unwrap();
    assert_eq!(outputs, [Output::text("path", format!("file:{DIRECTORY}"))]);
    assert!(String::from_utf8(host.files()[README].clone()).unwrap().starts_with("# notes"));
    assert_eq!(host.files()[MARK], br#"{"resource":"r-1","quota_mb":50}"#);
    assert_eq!(health(&resource("{}")), Health::Healthy);
}

#[test]
fn what_is_somebody_elses_is_neither_taken_nor_removed() {
    for (path, bytes) in [(README, b"mine".as_slice()), (MARK, br#"{"resource": "r-2"}"#), (MARK, b"not a mark")] {
        let host = Host::start();
        macadam_sdk::host::files::Root::named("workspaces").create_directory("payments/dev/notes").unwrap();
        host.put_file(path, bytes);
        let before = host.files();
        assert!(matches!(provision(&resource("{}")), Err(Error::Failed(why)) if why.contains("somebody else")));
        Work::new().deprovision::<LocalDirectory>(&resource("{}"), "{}").unwrap();
        assert_eq!(host.files(), before, "nothing of somebody else's may change");
        assert!(matches!(health(&resource("{}")), Health::Unhealthy(_)));
    }
}

#[test]
fn an_edited_readme_stays_and_one_that_was_asked_for_is_written() {
    let host = Host::start();
    provision(&resource("{}")).unwrap();
    host.put_file(README, b"edited");
    provision(&resource(r#"{"quota_mb": 5}"#)).unwrap();
    assert_eq!(host.files()[README], b"edited");
    provision(&resource(r#"{"readme": "wanted"}"#)).unwrap();
    assert_eq!(host.files()[README], b"wanted");
}

#[test]
fn what_is_gone_is_removed_again_without_an_error() {
    let host = Host::start();
    provision(&resource("{}")).unwrap();
    for _ in 0..2 {
        Work::new().deprovision::<LocalDirectory>(&resource("{}"), "{}").unwrap();
        assert_eq!(host.files().len(), 0, "neither the directory nor its mark stays");
        assert!(!host.directories().contains(DIRECTORY));
    }
    assert!(matches!(health(&resource("{}")), Health::Unhealthy(_)));
}

#[test]
fn a_plan_says_what_will_happen_and_does_nothing() {
    let host = Host::start();
    let effects = |desired: Option<&str>, current: Option<&str>| {
        let plan = plan::<LocalDirectory>(desired.map(resource), current.map(resource), "{}").unwrap();
        plan.steps.iter().map(|step| step.effect).collect::<Vec<_>>()
    };
    assert_eq!(effects(Some("{}"), None), [Effect::Create]);
    assert_eq!(effects(Some("{}"), Some("{}")), [Effect::Keep]);
    assert_eq!(effects(Some(r#"{"quota_mb": 2}"#), Some("{}")), [Effect::Change]);
    assert_eq!(effects(Some("{}"), Some(r#"{"old": 1}"#)), [Effect::Change]);
    assert_eq!(effects(None, Some("{}")), [Effect::Remove]);
    assert!(plan::<LocalDirectory>(None, None, "{}").is_err());
    assert_eq!(host.files().len() + host.directories().len(), 0);
}

#[test]
fn a_specification_that_does_not_fit_is_named_by_its_pointer() {
    match validate::<LocalDirectory>(resource(r#"{"quota_mb": "big", "colour": 1}"#), "{}") {
        Err(Error::Invalid(violations)) => {
            let paths: Vec<_> = violations.iter().map(|violation| violation.path.as_str()).collect();
            assert_eq!(paths, ["/spec/colour", "/spec/quota_mb"]);
        }
        other => panic!("{other:?} must be invalid"),
    }
    assert_eq!(validate_settings::<LocalDirectory>(r#"{"root": "Workspaces"}"#).unwrap_err()[0].path, "/root");
}

proptest! {
    #[test]
    fn however_often_a_step_is_repeated_the_result_is_the_same(repeats in 1_usize..5, quota in 1_u32..1000) {
        let host = Host::start();
        let spec = format!(r#"{{"quota_mb": {quota}}}"#);
        let first = provision(&resource(&spec)).unwrap();
        let files = host.files();
        for _ in 0..repeats {
            prop_assert_eq!(&provision(&resource(&spec)).unwrap(), &first);
        }
        prop_assert_eq!(host.files(), files);
    }
}
