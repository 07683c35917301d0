//! What is refused: by policies, by the form of what was asked, by rights, and because nobody knows who asks.

use serde_json::json;

use super::wish;
use crate::soak::site::Site;

const RESOURCES: &str = "/api/v1/resources";
const NOBODYS: &str = "/api/v1/requests/0198c0de-0000-7000-8000-000000000000";

/// Who asks for what, and how it is refused.
const REFUSED: [(&str, &str, &str, &str, u16); 14] = [
    ("dana", "POST", RESOURCES, "{", 400),
    ("dana", "POST", RESOURCES, "[]", 422),
    ("dana", "POST", RESOURCES, r#"{"environment": "dev", "type": "yacht", "name": "y"}"#, 422),
    ("dana", "POST", RESOURCES, r#"{"environment": "moon", "type": "local-directory", "name": "y"}"#, 422),
    ("dana", "POST", "/api/v1/preview", r#"{"environment": "dev", "type": "local-directory", "name": "Ä"}"#, 422),
    ("dana", "POST", "/api/v1/scaffolds", r#"{"template": "none", "name": "n"}"#, 422),
    ("dana", "GET", "/api/v1/resources?limit=0", "", 422),
    ("dana", "GET", "/api/v1/resources?selector=a%3D%3D%3D", "", 422),
    ("dana", "GET", "/api/v1/resources?colour=red", "", 400),
    ("dana", "GET", "/api/v1/resources/payments/dev/local-directory/none", "", 404),
    ("dana", "GET", NOBODYS, "", 404),
    ("dana", "GET", "/api/v1/nothing", "", 404),
    ("dana", "PATCH", RESOURCES, "", 405),
    ("dana", "GET", "/api/v1/audit/none", "", 404),
];

/// Tokens that are nobody's.
const STRANGERS: [&str; 5] =
    ["", "Bearer", "Bearer mcs_0000000000000000000000000000000000000000000", "Bearer e30.e30.AAAA", "Basic ZGFuYTpk"];

/// Asks for something that nobody gets.
pub(super) fn refused(site: &Site, round: usize) -> anyhow::Result<()> {
    if let Some((person, method, path, body, status)) = REFUSED.get(round % REFUSED.len()).copied() {
        site.ask(person, method, path).text(body).expect(&[status])?;
    }
    match round % 20 {
        0 => {
            let denied = json!({"environment": "dev", "type": "local-directory", "name": site.name("denied")});
            site.ask("dana", "POST", RESOURCES).json(&denied).expect(&[403])?;
        }
        5 => {
            let taken = wish("dev", "stock-1");
            site.ask("dana", "POST", RESOURCES).json(&taken).expect(&[409])?;
        }
        10 => {
            site.ask("dana", "PUT", "/api/v1/bindings/cost-threshold").json(&json!({})).expect(&[403, 422])?;
        }
        _ => {}
    }
    Ok(())
}

/// Asks without a token that counts. Whoever does that often is told to wait.
pub(super) fn stranger(site: &Site, round: usize) -> anyhow::Result<()> {
    let token = STRANGERS.get(round % STRANGERS.len()).copied().unwrap_or_default();
    // Tokens that nobody has sent before, as somebody who guesses would.
    let token = if round.is_multiple_of(7) { format!("Bearer mcd_{round}") } else { token.to_owned() };
    site.anybody("GET", "/api/v1/resources").header("authorization", &token).expect(&[400, 401, 429])?;
    Ok(())
}
