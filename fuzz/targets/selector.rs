//! A label selector: what is taken means the same when it is written again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use macadam_core::selector::Selector;

fuzz_target!(|text: &str| {
    match text.parse::<Selector>() {
        Ok(selector) => assert_eq!(selector.to_string().parse(), Ok(selector), "{text:?} is written as it is read"),
        Err(error) => assert!((1..=text.chars().count() + 1).contains(&error.at()), "{error} is a place in {text:?}"),
    }
});
