//! The list of prices, and how one line of it is worked out.

use std::collections::BTreeMap;

use macadam_sdk::decimal::exact;
use macadam_sdk::{Decimal, EnvironmentClass, Error, Violation};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// What an administrator decides.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    #[serde(default = "usd")]
    pub(crate) currency: String,
    pub(crate) resources: BTreeMap<String, Vec<Rate>>,
}

fn usd() -> String {
    "USD".to_owned()
}

/// One thing that is paid for.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rate {
    pub(crate) name: String,
    pub(crate) unit: String,
    #[serde(default, deserialize_with = "decimal")]
    quantity: Option<Decimal>,
    from: Option<String>,
    #[serde(default, deserialize_with = "decimal")]
    default: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal")]
    times: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal")]
    price: Option<Decimal>,
    #[serde(default)]
    classes: Classes,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Classes {
    development: Difference,
    staging: Difference,
    production: Difference,
}

/// What differs in an environment of one class.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Difference {
    #[serde(default, deserialize_with = "decimal")]
    price: Option<Decimal>,
    #[serde(default, deserialize_with = "decimal")]
    times: Option<Decimal>,
}

/// A field that is there is a decimal.
fn decimal<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
    macadam_sdk::decimal::deserialize(deserializer).map(Some)
}

impl Settings {
    /// Rates that say two things, or nothing, about their quantity.
    pub(crate) fn contradictions(&self) -> Vec<Violation> {
        let mut violations = Vec::new();
        for (resource_type, rates) in &self.resources {
            for (index, rate) in rates.iter().enumerate() {
                let (key, message) = match (&rate.quantity, &rate.from, &rate.default) {
                    (Some(_), Some(_), _) => ("/from", "cannot stand beside `quantity`"),
                    (None, None, _) => ("", "needs `quantity` or `from`"),
                    (Some(_), None, Some(_)) => ("/default", "is only for `from`"),
                    _ => continue,
                };
                let path = format!("/resources/{}/{index}{key}", Violation::escaped(resource_type));
                violations.push(Violation::new(path, message).code("rate-contradictory"));
            }
        }
        violations
    }
}

impl Rate {
    /// How many units a month; `None` when the specification does not say and there is no default.
    pub(crate) fn quantity(&self, spec: &Value, class: EnvironmentClass) -> Result<Option<Decimal>, Error> {
        let base = match &self.from {
            None => self.quantity,
            Some(pointer) => match spec.pointer(pointer) {
                None | Some(Value::Null) => self.default,
                Some(value) => Some(counted(value, pointer)?),
            },
        };
        let Some(mut quantity) = base else { return Ok(None) };
        for factor in [self.times, self.difference(class).times].into_iter().flatten() {
            let product = quantity.checked_mul(factor);
            quantity = product.ok_or_else(|| Error::failed(format!("the quantity of {} is too large", self.name)))?;
        }
        Ok(Some(quantity))
    }

    /// The price of one unit; `None` when it is not known.
    pub(crate) fn price(&self, class: EnvironmentClass) -> Option<Decimal> {
        self.difference(class).price.or(self.price)
    }

    fn difference(&self, class: EnvironmentClass) -> &Difference {
        match class {
            EnvironmentClass::Development => &self.classes.development,
            EnvironmentClass::Staging => &self.classes.staging,
            EnvironmentClass::Production => &self.classes.production,
        }
    }
}

/// A number in a specification. Its shortest text is what people wrote, so `0.1` stays a tenth.
fn counted(value: &Value, pointer: &str) -> Result<Decimal, Error> {
    let number = match value {
        Value::Number(number) => exact(&number.to_string()),
        Value::String(text) => exact(text),
        _ => None,
    };
    let number = number.filter(|number| !number.is_sign_negative());
    number.ok_or_else(|| {
        let violation = Violation::new(format!("/spec{pointer}"), "must be a number of at least zero");
        Error::Invalid(vec![violation.code("quantity-invalid")])
    })
}
