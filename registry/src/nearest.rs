//! Which known name was probably meant by one that is not known.

/// The closest of some names, when it is close enough to be a slip of the fingers.
pub(crate) fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // More than a third of the letters wrong is no slip any more.
    let allowed = (word.chars().count() / 3).clamp(1, 4);
    names
        .into_iter()
        .map(|name| (strsim::damerau_levenshtein(word, name), name))
        .filter(|(distance, _)| *distance <= allowed)
        .min()
        .map(|(_, name)| name)
}

/// Says which name was probably meant, as the end of a sentence; empty when none is close.
pub(crate) fn hint(name: Option<&str>) -> String {
    name.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_fingers_finds_the_name_that_was_meant() {
        let names = ["summary", "license", "limits"];
        assert_eq!(nearest("licence", names), Some("license"));
        assert_eq!(nearest("sumary", names), Some("summary"));
        assert_eq!(nearest("homepage", names), None, "a word that resembles none must not be answered with one");
    }
}
