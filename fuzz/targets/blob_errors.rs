//! Errors of the place of blobs, as a store, an agent that gives credentials, or a proxy may word them: of an answer
//! nothing is told but its status, its code and its message, and the details of a denied access.
//!
//! An input is an answer, with a `$` where its secret is; without one, the secret is at the end.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../host/blobs/src/answer.rs"]
mod answer;

use answer::told;

const SECRET: &str = "hunter2";

/// What the client says before an answer. The last has none of its own words for that: there an answer begins with `<`.
const BEFORE: [&str; 3] = [
    "Error performing GET in 2ms - Server returned non-2xx status code: 403 Forbidden: ",
    "Error performing POST in 2ms - Server returned error response: ",
    "Got invalid list response: <",
];

/// Whether the end of a text is within an element that is told.
fn is_told(text: &str, denied: bool) -> bool {
    let Some((_, begun)) = text.rsplit_once('<') else { return false };
    begun.starts_with("Code>") || begun.starts_with("Message>") || denied && begun.starts_with("Details>")
}

fuzz_target!(|answer: &str| {
    if answer.contains(SECRET) {
        return;
    }
    let (head, tail) = answer.split_once('$').unwrap_or((answer, ""));
    let code = answer.replace('<', "");
    for before in BEFORE {
        let words = before.trim_end_matches('<');
        let said = format!("{before}{head}{SECRET}{tail}");
        let told_of_it = told(&said);
        assert!(told_of_it.starts_with(words), "what the client says itself is told: {told_of_it:?}");
        let denied = said.contains("<Code>AccessDenied<");
        let may = is_told(&format!("{before}{head}"), denied);
        assert!(may || !told_of_it.contains(SECRET), "{said:?} is told as {told_of_it:?}");

        let document = format!("{words}<Error><Code>{code}</Code><Token>{SECRET}</Token></Error>");
        assert_eq!(told(&document), format!("{words}{code}"), "the code is told as it is, and nothing else");
    }
});
