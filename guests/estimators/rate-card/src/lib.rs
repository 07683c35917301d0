//! Prices requests from a list of prices in its settings.
//!
//! What is not on the list is not free: it makes a line without a price, and the host's total then says that it is only
//! a lower bound.

mod card;

use card::{Rate, Settings};
use macadam_sdk::{
    Action, CostEstimate, CostEstimator, EnvironmentClass, Error, Line, Plugin, Request, Violation, export_estimator,
};
use serde_json::Value;

/// The estimator.
pub struct RateCard;

impl Plugin for RateCard {
    type Settings = Settings;
    const SUMMARY: &'static str = "Prices requests from a list of prices in its settings.";
    const SETTINGS_SCHEMA: &'static str = include_str!("../settings.schema.json");

    fn check_settings(settings: &Settings) -> Vec<Violation> {
        settings.contradictions()
    }
}

impl CostEstimator for RateCard {
    fn estimate(request: &Request, settings: &Settings) -> Result<CostEstimate, Error> {
        let currency = settings.currency.clone();
        // What is gone costs nothing.
        if request.action() == Action::Delete {
            return Ok(CostEstimate { currency, lines: Vec::new() });
        }
        let resource_type = request.resource_type();
        let Some(rates) = settings.resources.get(&resource_type) else {
            return Ok(CostEstimate { currency, lines: vec![unlisted(resource_type)] });
        };
        let (spec, class): (Value, _) = (request.spec()?, request.environment_class());
        let lines = rates.iter().map(|rate| line(rate, &spec, class)).collect::<Result<_, _>>()?;
        Ok(CostEstimate { currency, lines })
    }
}

fn line(rate: &Rate, spec: &Value, class: EnvironmentClass) -> Result<Line, Error> {
    let quantity = rate.quantity(spec, class)?;
    // A quantity that is not known leaves the price of the whole open, whatever one unit costs.
    let unit_price = quantity.and_then(|_| rate.price(class)).map(|price| price.normalize().to_string());
    let quantity = quantity.map_or_else(|| "1".to_owned(), |quantity| quantity.normalize().to_string());
    Ok(Line { name: rate.name.clone(), unit: rate.unit.clone(), quantity, unit_price })
}

fn unlisted(resource_type: String) -> Line {
    Line { name: resource_type, unit: "resource".to_owned(), quantity: "1".to_owned(), unit_price: None }
}

export_estimator!(RateCard);

#[cfg(test)]
mod tests;
