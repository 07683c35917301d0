//! What is told of the answers of whatever keeps blobs, gives credentials for them, or is in between.

/// What the client says before an answer that is an error: with its status behind it, and without.
const STATUS: &str = "Server returned non-2xx status code: ";
const RESPONSE: &str = "Server returned error response: ";

/// What a store says, of its answer only code and message: AWS repeats in it the request that it does not take, and
/// with it the session's token. What answers with something else may repeat as much: an agent that gives credentials, or
/// a proxy. Google says only in the details who lacks which permission, and of a header that it does not take they may repeat
/// a part, so they are told of a denied access alone.
pub(crate) fn told(said: &str) -> String {
    let Some((before, answer)) = with_answer(said) else { return said.to_owned() };
    let element = |name: &str| Some(answer.split_once(&format!("<{name}>"))?.1.split_once('<')?.0);
    let code = element("Code");
    let details = element("Details").filter(|_| code == Some("AccessDenied"));
    let told: Vec<_> = [code, element("Message"), details].into_iter().flatten().collect();
    format!("{before}{}", told.join(": "))
}

/// What was said before an answer, and the answer, if there is one. It begins where the first of these is, since what is
/// behind that may repeat any of them.
fn with_answer(said: &str) -> Option<(&str, &str)> {
    let at = [STATUS, RESPONSE, "<"].into_iter().filter_map(|begin| said.find(begin)).min()?;
    let rest = said.get(at..)?;
    let answer = match rest.strip_prefix(STATUS) {
        Some(status) => status.split_once(": ")?.1,
        None => rest.strip_prefix(RESPONSE).unwrap_or(rest),
    };
    said.strip_suffix(answer).map(|before| (before, answer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_stores_document_code_and_message_are_told_and_not_what_was_asked() {
        let refused = "Error performing GET in 2ms - Server returned non-2xx status code: 403 Forbidden: ";
        let document = "<?xml version=\"1.0\"?>\n<Error><Code>ExpiredToken</Code><Message>It has expired.</Message>\
                        <Token-0>hunter2</Token-0></Error>";
        assert_eq!(told(&format!("{refused}{document}")), format!("{refused}ExpiredToken: It has expired."));
        let details = |code: &str, details: &str| {
            told(&format!("<Error><Code>{code}</Code><Message>No</Message><Details>{details}</Details></Error>"))
        };
        assert_eq!(details("AccessDenied", "ana lacks list"), "AccessDenied: No: ana lacks list");
        assert_eq!(details("MalformedSecurityHeader", "hunter2"), "MalformedSecurityHeader: No");
        for other in ["<html>hunter2</html>", "authorization: hunter2", "{\"said\": \"hunter2: hunter2\"}"] {
            assert_eq!(told(&format!("{refused}{other}")), refused);
        }
        let accepted = "Error performing POST in 2ms - Server returned error response: ";
        assert_eq!(told(&format!("{accepted}{document}")), format!("{accepted}ExpiredToken: It has expired."));
        assert_eq!(told(&format!("{accepted}hunter2")), accepted);
        assert_eq!(told("nobody is there"), "nobody is there");
    }

    #[test]
    fn what_an_answer_repeats_of_the_clients_own_words_is_not_taken_for_them() {
        let refused = "Error performing GET in 2ms - Server returned non-2xx status code: 403 Forbidden: ";
        let accepted = "Error performing POST in 2ms - Server returned error response: ";
        for words in [STATUS, RESPONSE] {
            for before in [refused, accepted] {
                assert_eq!(told(&format!("{before}hunter2 {words}400: <Code>No</Code>")), format!("{before}No"));
            }
            assert_eq!(told(&format!("Got <html>hunter2 {words}400: <Code>No</Code>")), "Got No");
        }
    }
}
