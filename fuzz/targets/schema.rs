//! A schema that a plugin brings along, and a document of its user's, on two lines: what is taken is whole, and taken
//! again.
#![no_main]

use libfuzzer_sys::fuzz_target;
use macadam_platform::schema::Schema;
use serde_json::Value;

fuzz_target!(|text: &str| {
    let Some((schema, document)) = text.split_once('\n') else { return };
    let Ok(schema) = serde_json::from_str(schema) else { return };
    let Ok(document) = serde_json::from_str::<Value>(document) else { return };
    let Ok(schema) = Schema::compile(schema) else { return };
    match schema.complete("/spec", document) {
        Ok(whole) => {
            assert_eq!(schema.complete("/spec", whole.clone()), Ok(whole), "a whole document is taken as it is")
        }
        Err(violations) => {
            assert!(!violations.is_empty(), "what is refused is refused for something");
            assert!(violations.iter().all(|violation| violation.path.starts_with("/spec")), "each has its place");
        }
    }
});
