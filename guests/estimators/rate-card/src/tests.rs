use super::*;
use macadam_sdk::testing::{estimate, request, validate_settings};
use macadam_sdk::{Decimal, ResourceRequest};
use proptest::prelude::*;

/// The settings that the plugin ships with.
fn shipped() -> String {
    let manifest: toml::Table = include_str!("../plugin.toml").parse().unwrap();
    serde_json::to_string(&manifest["settings"]).unwrap()
}

/// What the host makes of the lines: the monthly total, and whether it is only a lower bound.
fn total(estimate: &CostEstimate) -> (Decimal, bool) {
    let number = |text: &str| macadam_sdk::decimal::exact(text).unwrap();
    let priced =
        estimate.lines.iter().filter_map(|line| Some(number(&line.quantity) * number(line.unit_price.as_ref()?)));
    (priced.sum(), estimate.lines.iter().any(|line| line.unit_price.is_none()))
}

fn total_of(request: &ResourceRequest, settings: &str) -> (String, bool) {
    let (sum, lower_bound) = total(&estimate::<RateCard>(request, settings).unwrap());
    (sum.normalize().to_string(), lower_bound)
}

const CARD: &str = r#"{"currency": "EUR", "resources": {"vm": [
    {"name": "compute", "unit": "hour", "quantity": "730", "price": "0.1", "classes": {"production": {"times": "2"}}},
    {"name": "disk", "unit": "GB-month", "from": "/disk/gb", "times": "0.5", "price": "0.0000002",
     "classes": {"staging": {"price": "1"}}},
    {"name": "support", "unit": "month", "quantity": "1"}
]}}"#;

#[test]
fn the_prices_that_are_shipped_fit_their_own_schema_and_know_what_macadam_makes() {
    assert_eq!(validate_settings::<RateCard>(&shipped()), Ok(()));
    for (resource_type, spec) in
        [("postgres-database", "{}"), ("local-directory", "{}"), ("rest-api", r#"{"name": "a"}"#)]
    {
        let request = request().resource_type(resource_type).spec(spec).build();
        let (sum, lower_bound) = total(&estimate::<RateCard>(&request, &shipped()).unwrap());
        assert!(sum > Decimal::ZERO && !lower_bound, "{resource_type} must have a known price");
    }
}

#[test]
fn a_database_costs_by_its_storage_and_twice_in_production() {
    let database = |spec: &str| request().spec(spec);
    assert_eq!(total_of(&database("{}").build(), &shipped()), ("14.29".to_owned(), false));
    assert_eq!(total_of(&database(r#"{"storage_gb": 100}"#).build(), &shipped()), ("24.64".to_owned(), false));
    let production = database("{}").environment("prod", EnvironmentClass::Production).build();
    assert_eq!(total_of(&production, &shipped()), ("29.53".to_owned(), false));
}

#[test]
fn quantities_come_from_the_specification_and_prices_from_the_class() {
    let vm = |class| request().resource_type("vm").spec(r#"{"disk": {"gb": 3}}"#).environment("any", class).build();
    assert_eq!(total_of(&vm(EnvironmentClass::Development), CARD), ("73.0000003".to_owned(), true));
    assert_eq!(total_of(&vm(EnvironmentClass::Staging), CARD), ("74.5".to_owned(), true));
    assert_eq!(total_of(&vm(EnvironmentClass::Production), CARD), ("146.0000003".to_owned(), true));
}

#[test]
fn what_is_not_known_has_no_price_and_is_never_zero() {
    let unlisted = estimate::<RateCard>(&request().resource_type("robot").build(), CARD).unwrap();
    assert_eq!(unlisted.lines.len(), 1, "an unknown type is still a line");
    assert_eq!((unlisted.lines[0].name.as_str(), &unlisted.lines[0].unit_price), ("robot", &None));

    let without_size = estimate::<RateCard>(&request().resource_type("vm").build(), CARD).unwrap();
    assert_eq!(without_size.lines[1].unit_price, None, "a quantity that nobody knows leaves the price open");
    assert_eq!(without_size.lines[2].unit_price, None, "a rate without a price has none");
}

#[test]
fn a_size_that_is_no_number_or_negative_is_the_requesters_mistake() {
    for bad in [r#"{"disk": {"gb": -1}}"#, r#"{"disk": {"gb": "big"}}"#, r#"{"disk": {"gb": [1]}}"#] {
        match estimate::<RateCard>(&request().resource_type("vm").spec(bad).build(), CARD) {
            Err(Error::Invalid(violations)) => {
                assert_eq!(violations[0].path, "/spec/disk/gb");
                assert_eq!(violations[0].code.as_deref(), Some("quantity-invalid"));
            }
            other => panic!("{bad} must be invalid, not {other:?}"),
        }
    }
}

#[test]
fn what_is_removed_costs_nothing() {
    let delete = request().resource_type("robot").action(Action::Delete).build();
    assert_eq!(estimate::<RateCard>(&delete, CARD).unwrap().lines, []);
}

#[test]
fn rates_that_contradict_themselves_are_refused_when_they_are_set() {
    let bad = r#"{"resources": {"a/b": [
        {"name": "x", "unit": "u", "quantity": "1", "from": "/n"},
        {"name": "x", "unit": "u"},
        {"name": "x", "unit": "u", "quantity": "1", "default": "1"}
    ]}}"#;
    let paths: Vec<_> = validate_settings::<RateCard>(bad).unwrap_err().into_iter().map(|v| v.path).collect();
    assert_eq!(paths, ["/resources/a~1b/0/from", "/resources/a~1b/1", "/resources/a~1b/2/default"]);
    let negative = r#"{"resources": {"a": [{"name": "x", "unit": "u", "quantity": "-1", "price": 3}]}}"#;
    let paths: Vec<_> = validate_settings::<RateCard>(negative).unwrap_err().into_iter().map(|v| v.path).collect();
    assert_eq!(paths, ["/resources/a/0/price", "/resources/a/0/quantity"]);
}

proptest! {
    #[test]
    fn the_total_is_exact_for_any_size_and_price(gb in 0_i64..100_000, micros in 0_i64..10_000_000) {
        let price = Decimal::new(micros, 7);
        let card = format!(
            r#"{{"resources": {{"vm": [{{"name": "d", "unit": "GB", "from": "/gb", "price": "{price}"}}]}}}}"#
        );
        let request = request().resource_type("vm").spec(&format!(r#"{{"gb": {gb}}}"#)).build();
        let expected = (Decimal::new(micros * gb, 7), false);
        prop_assert_eq!(total(&estimate::<RateCard>(&request, &card).unwrap()), expected);
    }

    #[test]
    fn a_larger_size_never_costs_less(gb in 1_u32..1000, more in 0_u32..1000) {
        let cost = |gb: u32| {
            let request = request().spec(&format!(r#"{{"storage_gb": {gb}}}"#)).build();
            total(&estimate::<RateCard>(&request, &shipped()).unwrap()).0
        };
        prop_assert!(cost(gb) <= cost(gb + more));
    }
}
