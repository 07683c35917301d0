//! Exact money. Amounts are decimals that are read from and written as text, because a unit price may be $0.0000002
//! and a binary float would make sums depend on their order.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;

/// Hours in the month that prices are converted with: 8,760 hours a year over twelve, as the cloud vendors' own
/// calculators take it.
pub const HOURS_PER_MONTH: Decimal = Decimal::from_parts(730, 0, 0, false, 0);

/// An ISO 4217 currency code, such as `USD`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Currency([u8; 3]);

/// A text that is no currency code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a currency: write the three letters of ISO 4217, such as USD")]
pub struct CurrencyError(String);

impl Currency {
    /// US dollars, the default where nobody has said otherwise.
    pub const USD: Self = Self(*b"USD");

    /// The three letters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl FromStr for Currency {
    type Err = CurrencyError;

    fn from_str(text: &str) -> Result<Self, CurrencyError> {
        match <[u8; 3]>::try_from(text.as_bytes()) {
            Ok(code) if code.iter().all(u8::is_ascii_uppercase) => Ok(Self(code)),
            _ => Err(CurrencyError(text.chars().take(20).collect())),
        }
    }
}

impl TryFrom<String> for Currency {
    type Error = CurrencyError;
    fn try_from(text: String) -> Result<Self, CurrencyError> {
        text.parse()
    }
}

impl From<Currency> for String {
    fn from(currency: Currency) -> Self {
        currency.as_str().to_owned()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

crate::text_schema!(
    Currency,
    ["An ISO 4217 currency code, such as `USD`."],
    crate::text_schema::TextRule { pattern: "^[A-Z]{3}$", example: "USD", longest: 3 }
);

/// An amount in a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct Money {
    /// Which currency.
    pub currency: Currency,
    /// How much, exactly.
    pub amount: Decimal,
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.amount.normalize(), self.currency)
    }
}

/// Reads a decimal as a plugin or a person writes it.
///
/// # Errors
/// When it is not plain digits with an optional sign and point, or has more digits than are kept exactly (28).
pub fn parse_decimal(text: &str) -> Result<Decimal, rust_decimal::Error> {
    Decimal::from_str_exact(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_unit_price_far_below_a_cent_stays_exact() {
        let price = parse_decimal("0.0000002").unwrap();
        assert_eq!((price * Decimal::from(5_000_000)).normalize().to_string(), "1");
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for bad in ["", "1e3", "NaN", "1,000", "0x10", " 1", "1.2.3", &"9".repeat(40)] {
            assert!(parse_decimal(bad).is_err(), "{bad:?} must be refused");
        }
    }

    #[test]
    fn a_currency_is_three_capital_letters() {
        assert_eq!("EUR".parse::<Currency>().unwrap().to_string(), "EUR");
        for bad in ["eur", "EURO", "", "E1R", "€€€"] {
            assert!(bad.parse::<Currency>().is_err(), "{bad} must be refused");
        }
    }

    proptest! {
        #[test]
        fn a_sum_does_not_depend_on_its_order(mut amounts in proptest::collection::vec(-1_000_000_i64..1_000_000, 1..40)) {
            let forward: Decimal = amounts.iter().map(|a| Decimal::new(*a, 7)).sum();
            amounts.reverse();
            let backward: Decimal = amounts.iter().map(|a| Decimal::new(*a, 7)).sum();
            prop_assert_eq!(forward, backward);
        }
    }
}
