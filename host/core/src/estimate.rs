//! What a request costs. An unknown price stays unknown: it makes the total a lower bound that says so, never a zero
//! that lies.

use rust_decimal::Decimal;

use crate::money::{Currency, HOURS_PER_MONTH, Money};

/// One thing that is paid for.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
#[schema(as = EstimateLine)]
pub struct Line {
    /// Such as `storage`.
    pub name: String,
    /// What is counted, such as `GB-month`.
    pub unit: String,
    /// How many units a month.
    pub quantity: Decimal,
    /// The price of one unit; `None` when it is not known.
    pub unit_price: Option<Decimal>,
    /// Quantity times price; `None` when the price is not known.
    pub monthly: Option<Decimal>,
}

/// Why an estimator's answer cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EstimateError {
    /// A quantity or price is below zero, which would hide other lines' cost.
    #[error("line {0:?} has a negative quantity or price")]
    Negative(String),
    /// The product or sum has more digits than can be kept exactly.
    #[error("line {0:?} makes the total too large to keep exactly")]
    TooLarge(String),
}

/// What a request costs: its lines and their totals.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Estimate {
    /// The currency of every line.
    pub currency: Currency,
    /// What is paid for.
    pub lines: Vec<Line>,
    /// The total an hour.
    pub hourly: Decimal,
    /// The total a month of 730 hours.
    pub monthly: Decimal,
    /// True when a line has no known price: the real cost is at least the total.
    pub lower_bound: bool,
}

impl Estimate {
    /// Adds up what an estimator answered: name, unit, quantity a month and unit price of each line.
    ///
    /// # Errors
    /// [`EstimateError`] names the line that cannot be.
    pub fn add_up(
        currency: Currency,
        lines: impl IntoIterator<Item = (String, String, Decimal, Option<Decimal>)>,
    ) -> Result<Self, EstimateError> {
        let mut monthly = Decimal::ZERO;
        let mut lower_bound = false;
        let mut priced = Vec::new();
        for (name, unit, quantity, unit_price) in lines {
            if quantity < Decimal::ZERO || unit_price.is_some_and(|price| price < Decimal::ZERO) {
                return Err(EstimateError::Negative(name));
            }
            let total = match unit_price {
                Some(price) => {
                    Some(quantity.checked_mul(price).ok_or_else(|| EstimateError::TooLarge(name.clone()))?.normalize())
                }
                None => None,
            };
            lower_bound |= total.is_none();
            monthly =
                monthly.checked_add(total.unwrap_or_default()).ok_or_else(|| EstimateError::TooLarge(name.clone()))?;
            priced.push(Line { name, unit, quantity, unit_price, monthly: total });
        }
        let hourly = (monthly / HOURS_PER_MONTH).round_dp(10).normalize();
        Ok(Self { currency, lines: priced, hourly, monthly: monthly.normalize(), lower_bound })
    }

    /// The monthly total as money.
    #[must_use]
    pub fn monthly_money(&self) -> Money {
        Money { currency: self.currency, amount: self.monthly }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(name: &str, quantity: i64, price: Option<i64>) -> (String, String, Decimal, Option<Decimal>) {
        (name.into(), "unit".into(), Decimal::from(quantity), price.map(|p| Decimal::new(p, 2)))
    }

    #[test]
    fn an_unknown_price_is_never_a_zero() {
        let estimate = Estimate::add_up(Currency::USD, [line("a", 2, Some(150)), line("b", 1, None)]).unwrap();
        assert_eq!(estimate.monthly.to_string(), "3");
        assert!(estimate.lower_bound, "the total must say that it is only a lower bound");
        assert_eq!(estimate.lines[1].monthly, None);
    }

    #[test]
    fn a_negative_line_cannot_hide_what_the_others_cost() {
        let refused = Estimate::add_up(Currency::USD, [line("a", 5, Some(100)), line("rebate", -5, Some(100))]);
        assert_eq!(refused.unwrap_err(), EstimateError::Negative("rebate".into()));
    }

    #[test]
    fn a_total_that_cannot_be_kept_exactly_is_refused() {
        let huge = ("a".to_owned(), "u".to_owned(), Decimal::MAX, Some(Decimal::MAX));
        assert_eq!(Estimate::add_up(Currency::USD, [huge]).unwrap_err(), EstimateError::TooLarge("a".into()));
    }

    proptest! {
        #[test]
        fn the_total_is_the_sum_of_the_known_lines(
            lines in proptest::collection::vec((0_i64..10_000, proptest::option::of(0_i64..10_000)), 0..20)
        ) {
            let estimate = Estimate::add_up(Currency::USD, lines.iter().map(|(q, p)| line("l", *q, *p))).unwrap();
            let expected: i64 = lines.iter().map(|(q, p)| q * p.unwrap_or(0)).sum();
            prop_assert_eq!(estimate.monthly, Decimal::new(expected, 2).normalize());
            prop_assert_eq!(estimate.lower_bound, lines.iter().any(|(_, p)| p.is_none()));
        }
    }
}
