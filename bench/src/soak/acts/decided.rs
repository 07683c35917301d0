//! What people decide on: requests for production, which are approved, rejected or taken back.

use serde_json::json;

use super::{path, succeeds, wish};
use crate::soak::site::Site;

/// Somebody asks for a directory in production, and somebody else answers.
pub(super) fn approval(site: &Site, round: usize) -> anyhow::Result<()> {
    let name = site.name("prod");
    let taken = site.ask("dana", "POST", "/api/v1/resources").json(&wish("prod", &name)).expect(&[202])?;
    let request = taken.text("/request")?;
    match round % 4 {
        0 => {
            let comment = json!({"comment": "not today"});
            site.ask("amir", "POST", &format!("/api/v1/requests/{request}/reject")).json(&comment).expect(&[200])?;
        }
        1 => {
            site.ask("dana", "POST", &format!("/api/v1/requests/{request}/cancel")).expect(&[200])?;
        }
        _ => {
            approved(site, &request)?;
            let removed = site.ask("dana", "DELETE", &path("prod", &name)).expect(&[202])?;
            approved(site, &removed.text("/request")?)?;
        }
    }
    Ok(())
}

/// Tries it without the right to, then has it approved, and waits until it is done.
fn approved(site: &Site, request: &str) -> anyhow::Result<()> {
    let shown = site.ask("amir", "GET", &format!("/api/v1/requests/{request}")).expect(&[200])?;
    let yes = json!({"digest": shown.text("/digest")?});
    site.ask("dana", "POST", &format!("/api/v1/requests/{request}/approve")).json(&yes).expect(&[403])?;
    site.ask("amir", "POST", &format!("/api/v1/requests/{request}/approve")).json(&yes).expect(&[200])?;
    site.ask("amir", "POST", &format!("/api/v1/requests/{request}/approve")).json(&yes).expect(&[409])?;
    succeeds(site, request)
}
