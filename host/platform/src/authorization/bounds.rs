//! How long and how deep the text of an access policy may be.
//!
//! Cedar goes one step down the stack for each bracket that is open, and for each link of a chain such as `a.b.c` or
//! `a && b && c`. Where the stack ends, its parser ends the process, and its validator takes for good what it has not looked
//! at. So both are counted before it reads a text, with room to spare on the stack of a thread that serves requests.

use super::PolicyTextError;

/// The longest text. Checking one of this length takes a good part of a second.
const MAX_BYTES: usize = 64 * 1024;

/// How many brackets may be open at once.
const MAX_DEPTH: usize = 32;

/// How many links the chains of one policy may have together.
const MAX_LINKS: usize = 300;

/// As how many links an `if` counts, whose `else` takes more of the stack.
const IF: usize = 4;

/// Makes sure that a text can be read.
///
/// # Errors
/// [`PolicyTextError`] names the bound, and what to do.
pub(super) fn check(text: &str) -> Result<(), PolicyTextError> {
    if text.len() > MAX_BYTES {
        return Err(PolicyTextError::TooLong { most: MAX_BYTES });
    }
    let (mut rest, mut depth, mut links) = (text, 0_usize, 0_usize);
    while let Some((token, after)) = rest.split_at_checked(length(rest)).filter(|(token, _)| !token.is_empty()) {
        rest = after;
        match token {
            // The next policy has chains of its own.
            ";" => links = 0,
            "(" | "[" | "{" => (depth, links) = (depth + 1, links + 1),
            ")" | "]" | "}" => depth = depth.saturating_sub(1),
            "." | "+" | "-" | "*" | "&&" | "||" => links += 1,
            "if" => links += IF,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return Err(PolicyTextError::TooDeep { most: MAX_DEPTH });
        }
        if links > MAX_LINKS {
            return Err(PolicyTextError::TooManyLinks { most: MAX_LINKS });
        }
    }
    Ok(())
}

/// How long the first token of a text is, as Cedar takes it apart: a string, a comment, a word, a sign.
fn length(text: &str) -> usize {
    if text.starts_with('"') {
        let mut escaped = false;
        let closes = |(_, c): &(usize, char)| {
            let closes = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            closes
        };
        return text.char_indices().skip(1).find(closes).map_or(text.len(), |(at, _)| at + 1);
    }
    if text.starts_with("//") {
        return text.find(['\n', '\r']).unwrap_or(text.len());
    }
    if text.starts_with("&&") || text.starts_with("||") {
        return 2;
    }
    match text.find(|c: char| !c.is_alphanumeric() && c != '_') {
        Some(0) => text.chars().next().map_or(0, char::len_utf8),
        Some(word) => word,
        None => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn when(condition: &str) -> String {
        format!("permit (principal, action, resource) when {{ {condition} }};")
    }

    #[test]
    fn what_nobody_writes_by_hand_is_refused_before_it_is_read() {
        let of = |open: &str, times: usize, close: &str| when(&[open.repeat(times), close.repeat(times)].concat());
        for (text, part) in [
            (of("(", 33, "true)"), "32"),
            (of("[", 100_000, "]"), "bytes"),
            (of("[", 20_000, "]"), "deep"),
            (of("{a:", 5_000, "}"), "deep"),
            (of("[1].contains(", 2_000, ")"), "deep"),
            (of("true && ", 400, ""), "300"),
            (of("1+", 30_000, ""), "300"),
            (of("principal.a", 1, &".a".repeat(400)), "300"),
            (of("if true then true else ", 80, ""), "300"),
            (format!("{};", when("true").trim_end_matches(';').to_owned() + &" when { true }".repeat(400)), "300"),
            (when("true").repeat(2_000), "bytes"),
        ] {
            let refused = check(&text).unwrap_err().to_string();
            assert!(refused.contains(part), "{part:?} in {refused}");
        }
    }

    #[test]
    fn what_is_in_strings_and_comments_and_in_other_policies_does_not_count() {
        let strings = when(&format!(r#"resource == Team::"\"{}""#, "(.".repeat(1_000)));
        let comments = format!("// {}\r\n{}", "(.".repeat(1_000), when("true"));
        let sets = when(&format!("[{}].contains(principal.team)", r#"Team::"a", "#.repeat(1_000)));
        for text in [strings, comments, sets, when("principal.team == principal.team").repeat(500)] {
            assert!(check(&text).is_ok(), "{:?}", check(&text));
        }
        for unclosed in ["\"", "\"\\", "//", "é", "((", "))", ""] {
            assert!(check(unclosed).is_ok(), "{unclosed:?} is Cedar's to refuse");
        }
        assert!(check(&format!("// a comment ends here: \r{}", "(".repeat(40))).is_err());
        assert!(check(&format!(r#""\\"{}"#, "(".repeat(40))).is_err(), "a string ends where Cedar ends it");
    }
}
