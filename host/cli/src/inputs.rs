//! What people write on a command line, turned into JSON.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use anyhow::Context as _;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use serde_json::{Map, Value};

use crate::exit::UsageError;

/// `KEY=VALUE`, where the key may lead into objects with dots, and the value is JSON, or text when it is none.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Setting {
    path: Vec<String>,
    value: Value,
}

impl std::str::FromStr for Setting {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (path, value) = text.split_once('=').ok_or("write KEY=VALUE, such as storage_gb=20")?;
        let path: Vec<_> = path.split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) {
            return Err("a key is empty; write KEY=VALUE or OUTER.INNER=VALUE".to_owned());
        }
        Ok(Self { path, value: serde_json::from_str(value).unwrap_or_else(|_| Value::from(value)) })
    }
}

/// `KEY=VALUE`, both text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pair {
    key: String,
    value: String,
}

impl std::str::FromStr for Pair {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Self { key: key.to_owned(), value: value.to_owned() }),
            _ => Err("write KEY=VALUE, such as owner=dana".to_owned()),
        }
    }
}

/// Pairs as a map; of two with one key, the later counts.
pub(crate) fn pairs(pairs: &[Pair]) -> BTreeMap<String, String> {
    pairs.iter().map(|pair| (pair.key.clone(), pair.value.clone())).collect()
}

/// Settings over a base, in order.
pub(crate) fn over(mut base: Map<String, Value>, settings: &[Setting]) -> Result<Map<String, Value>, UsageError> {
    for setting in settings {
        set(&mut base, &setting.path, &setting.value)?;
    }
    Ok(base)
}

fn set(into: &mut Map<String, Value>, path: &[String], value: &Value) -> Result<(), UsageError> {
    let Some((key, rest)) = path.split_first() else { return Ok(()) };
    if rest.is_empty() {
        into.insert(key.clone(), value.clone());
        return Ok(());
    }
    match into.entry(key.clone()).or_insert_with(|| Value::Object(Map::new())) {
        Value::Object(inner) => set(inner, rest, value),
        _ => Err(UsageError(format!("{key} is no object, so {key}.{} cannot be set", rest.join(".")))),
    }
}

/// A JSON object from a file, or from standard input for `-`.
pub(crate) fn object_from(path: &Path) -> anyhow::Result<Map<String, Value>> {
    let text = if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).context("standard input cannot be read")?;
        text
    } else {
        std::fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?
    };
    serde_json::from_str(&text).with_context(|| format!("{} is not a JSON object", path.display()))
}

/// A word of a closed list, which help, completions and errors then name.
pub(crate) fn word<T>(words: impl IntoIterator<Item = &'static str>) -> impl TypedValueParser<Value = T>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static> + Clone + Send + Sync + 'static,
{
    PossibleValuesParser::new(words).try_map(|word| word.parse::<T>())
}

/// A length of time such as `90m`, `2h` or `7d`, in seconds.
pub(crate) fn seconds(text: &str) -> Result<u64, String> {
    let duration = humantime::parse_duration(text);
    let seconds = duration.map_err(|error| format!("{error}; write such as 90m, 2h or 7d"))?.as_secs();
    if seconds == 0 { Err("it is shorter than a second".to_owned()) } else { Ok(seconds) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn parsed(settings: &[&str]) -> Result<Value, UsageError> {
        let settings: Vec<Setting> = settings.iter().map(|text| text.parse().unwrap()).collect();
        over(Map::new(), &settings).map(Value::Object)
    }

    #[test]
    fn values_are_json_and_text_where_they_are_none() {
        let value = parsed(&["a=20", "b=true", "c=eu-west", "d=\"20\"", "e=[1,2]", "f=", "g=a=b", "h=null"]).unwrap();
        let expected =
            json!({"a": 20, "b": true, "c": "eu-west", "d": "20", "e": [1, 2], "f": "", "g": "a=b", "h": null});
        assert_eq!(value, expected);
    }

    #[test]
    fn dots_lead_into_objects_and_later_settings_count() {
        assert_eq!(parsed(&["a.b=1", "a.c.d=x", "a.b=2"]).unwrap(), json!({"a": {"b": 2, "c": {"d": "x"}}}));
        assert!(parsed(&["a=1", "a.b=2"]).is_err(), "a number has nothing inside");
        for bad in ["", "a", "=1", "a..b=1", ".a=1", "a.=1"] {
            assert!(bad.parse::<Setting>().is_err(), "{bad:?} is no setting");
        }
    }

    proptest! {
        #[test]
        fn a_json_value_arrives_as_it_was_written(key in "[a-z_]{1,8}", number in any::<i64>(), text in ".*") {
            for value in [json!(number), json!(text), json!([text, number]), json!({"x": text})] {
                let setting: Setting = format!("{key}={value}").parse().unwrap();
                prop_assert_eq!(&setting, &Setting { path: vec![key.clone()], value });
            }
        }

        #[test]
        fn any_text_is_a_setting_or_refused_and_never_a_panic(text in ".*") {
            if let Ok(setting) = text.parse::<Setting>() {
                prop_assert!(over(Map::new(), &[setting]).is_ok());
            }
            let _ = (text.parse::<Pair>(), seconds(&text));
        }

        #[test]
        fn whole_hours_are_so_many_seconds(hours in 1_u64..100_000) {
            prop_assert_eq!(seconds(&format!("{hours}h")), Ok(hours * 3_600));
        }
    }

    #[test]
    fn a_time_without_a_unit_or_length_is_refused() {
        for bad in ["", "2", "soon", "0s", "-1h", "500ms"] {
            assert!(seconds(bad).is_err(), "{bad:?} is no life time");
        }
        assert_eq!(seconds("1h 30m"), Ok(5_400));
    }
}
