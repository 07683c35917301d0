//! Label selectors, as Kubernetes writes them: which tags a thing has to have, or not to have.
//!
//! ```text
//! team=payments,tier!=dev,env in (staging,production),region notin (eu),owner,!temporary
//! ```
//!
//! All of them must hold. `!=` and `notin` hold as well for what has no such tag.

use std::fmt;
use std::str::FromStr;

/// The longest selector, and the most requirements and values in one: far more than anybody writes by hand, and few enough
/// for one query.
const MAX_LENGTH: usize = 2_048;
const MAX_REQUIREMENTS: usize = 32;
const MAX_VALUES: usize = 64;

/// Which tags a thing has to have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selector {
    requirements: Vec<Requirement>,
}

impl Selector {
    /// What has to hold, all of it.
    #[must_use]
    pub fn requirements(&self) -> &[Requirement] {
        &self.requirements
    }
}

/// What one tag has to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requirement {
    /// The tag's key.
    pub key: String,
    /// What has to be so of it.
    pub is: Is,
}

/// What has to be so of a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Is {
    /// It is there.
    There,
    /// It is not there.
    Absent,
    /// It has one of these values.
    OneOf(Vec<String>),
    /// It has none of these values, or is not there.
    NoneOf(Vec<String>),
}

/// Where a selector stops being one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("at character {at}: {expected}")]
pub struct SelectorError {
    at: usize,
    expected: String,
}

impl SelectorError {
    /// The place, counted from 1.
    #[must_use]
    pub fn at(&self) -> usize {
        self.at
    }
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let mut reader = Reader { text, at: 0 };
        if text.len() > MAX_LENGTH {
            reader.at = MAX_LENGTH;
            return Err(reader.expected(&format!("a selector has at most {MAX_LENGTH} characters")));
        }
        let mut requirements = Vec::new();
        loop {
            if requirements.len() >= MAX_REQUIREMENTS {
                return Err(reader.expected(&format!("a selector has at most {MAX_REQUIREMENTS} requirements")));
            }
            requirements.push(reader.requirement()?);
            if !reader.eat(",") {
                break;
            }
        }
        reader.skip_space();
        if reader.rest().is_empty() {
            return Ok(Self { requirements });
        }
        Err(reader.expected("write `,` before the next requirement, as in `team=payments,tier!=dev`"))
    }
}

/// As short as it can be written: what was just short enough to be read must be so again.
impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Requirement { key, is }) in self.requirements.iter().enumerate() {
            f.write_str(if index > 0 { "," } else { "" })?;
            match is {
                Is::There => write!(f, "{key}")?,
                Is::Absent => write!(f, "!{key}")?,
                Is::OneOf(values) => match values.as_slice() {
                    [value] => write!(f, "{key}={value}")?,
                    values => write!(f, "{key} in({})", values.join(","))?,
                },
                Is::NoneOf(values) => match values.as_slice() {
                    [value] => write!(f, "{key}!={value}")?,
                    values => write!(f, "{key} notin({})", values.join(","))?,
                },
            }
        }
        Ok(())
    }
}

/// A selector, read from its beginning.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    /// Goes past a sign, if it comes next.
    fn eat(&mut self, sign: &str) -> bool {
        self.skip_space();
        let found = self.rest().starts_with(sign);
        self.at += if found { sign.len() } else { 0 };
        found
    }

    /// What comes up to the next sign or space.
    fn word(&mut self) -> &'a str {
        self.skip_space();
        let is_sign = |c: char| c.is_whitespace() || "=!,()".contains(c);
        let rest = self.rest();
        let word = rest.split(is_sign).next().unwrap_or_default();
        self.at += word.len();
        word
    }

    fn requirement(&mut self) -> Result<Requirement, SelectorError> {
        let absent = self.eat("!");
        let key = self.key()?;
        if absent {
            return Ok(Requirement { key, is: Is::Absent });
        }
        let is = if self.eat("!=") {
            Is::NoneOf(vec![self.value()?])
        } else if self.eat("==") || self.eat("=") {
            Is::OneOf(vec![self.value()?])
        } else {
            let before = self.at;
            match self.word() {
                "in" => Is::OneOf(self.values()?),
                "notin" => Is::NoneOf(self.values()?),
                "" => Is::There,
                _ => {
                    self.at = before;
                    self.skip_space();
                    return Err(
                        self.expected("write one of `=`, `!=`, `in (…)`, `notin (…)` after a tag's key, or `,`")
                    );
                }
            }
        };
        Ok(Requirement { key, is })
    }

    fn key(&mut self) -> Result<String, SelectorError> {
        self.skip_space();
        let begin = self.at;
        let key = self.word();
        let good = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte));
        if good {
            return Ok(key.to_owned());
        }
        self.at = begin;
        Err(self.expected("write a tag's key, of letters, digits and the characters . _ - /"))
    }

    /// A value, which has no more control characters than the values of tags: PostgreSQL takes no text with a NUL in it.
    fn value(&mut self) -> Result<String, SelectorError> {
        let value = self.word();
        let Some((place, _)) = value.char_indices().find(|(_, c)| c.is_control()) else { return Ok(value.to_owned()) };
        self.at -= value.len() - place;
        Err(self.expected("a tag's value has no control characters; leave this one out"))
    }

    fn values(&mut self) -> Result<Vec<String>, SelectorError> {
        if !self.eat("(") {
            self.skip_space();
            return Err(self.expected("write the values in brackets, as in `env in (staging,production)`"));
        }
        let mut values = Vec::new();
        loop {
            if values.len() >= MAX_VALUES {
                return Err(self.expected(&format!("there are at most {MAX_VALUES} values in one list")));
            }
            values.push(self.value()?);
            if self.eat(")") {
                return Ok(values);
            }
            if !self.eat(",") {
                self.skip_space();
                return Err(self.expected("write `,` before the next value, or `)` after the last"));
            }
        }
    }

    fn expected(&self, expected: &str) -> SelectorError {
        let at = self.text.char_indices().take_while(|(place, _)| *place < self.at).count() + 1;
        SelectorError { at, expected: expected.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<Requirement> {
        text.parse::<Selector>().unwrap_or_else(|error| panic!("{text:?}: {error}")).requirements
    }

    fn of(key: &str, is: Is) -> Requirement {
        Requirement { key: key.into(), is }
    }

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|value| (*value).to_owned()).collect()
    }

    #[test]
    fn every_form_that_kubernetes_has_is_read() {
        let all = read(" team = payments, tier!=dev,env in (a, b),zone notin (c),a.b/c==1,owner , !old, empty=");
        assert_eq!(
            all,
            [
                of("team", Is::OneOf(texts(&["payments"]))),
                of("tier", Is::NoneOf(texts(&["dev"]))),
                of("env", Is::OneOf(texts(&["a", "b"]))),
                of("zone", Is::NoneOf(texts(&["c"]))),
                of("a.b/c", Is::OneOf(texts(&["1"]))),
                of("owner", Is::There),
                of("old", Is::Absent),
                of("empty", Is::OneOf(texts(&[""]))),
            ]
        );
        assert_eq!(read("in in (in)"), [of("in", Is::OneOf(texts(&["in"])))], "a word is only special in its place");
    }

    #[test]
    fn what_is_no_selector_is_refused_by_the_place() {
        for (text, at) in [
            ("", 1),
            ("a,", 3),
            ("a=b c", 5),
            ("a b", 3),
            ("a in b", 6),
            ("a in (b", 8),
            ("a in (b c)", 9),
            ("=b", 1),
            ("a,!", 4),
            ("ä=1", 1),
            ("a=ä,b(", 6),
            ("a=b=c", 4),
            ("a>1", 1),
            ("a=\0", 3),
            ("a!=ä\0", 5),
            ("a in (b,c\u{7f})", 10),
            ("a notin (\0)", 10),
        ] {
            let error = text.parse::<Selector>().unwrap_err();
            assert_eq!(error.at(), at, "{text:?}: {error}");
        }
        assert!("a,".repeat(40).parse::<Selector>().is_err() && "a".repeat(3_000).parse::<Selector>().is_err());
    }

    #[test]
    fn a_selector_that_is_written_is_read_as_the_same() {
        for text in ["a=b", "a!=b,c", "a in (b,c),!d", "a notin (b)"] {
            let selector: Selector = text.parse().unwrap();
            assert_eq!(selector.to_string().parse::<Selector>().unwrap(), selector, "{text}");
        }
        let longest = format!("{}={}", vec!["a=b"; MAX_REQUIREMENTS].join(","), "c".repeat(MAX_LENGTH - 128));
        let longest: Selector = longest.replacen("b=", "b", 1).parse().unwrap();
        assert_eq!(longest.to_string().parse(), Ok(longest), "the longest is not too long when it is written again");
    }
}
