//! What those do who operate the platform: tokens of services, webhooks, and bindings of plugins.

use serde_json::json;

use crate::soak::site::Site;

/// Somebody is told of all that happens to one team.
pub(super) fn webhook(site: &Site, receiver: &str) -> anyhow::Result<()> {
    let wish = json!({"url": receiver, "types": ["macadam.request", "macadam.resource"]});
    site.ask("dana", "POST", "/api/v1/webhooks").json(&wish).expect(&[201])?;
    Ok(())
}

/// A service gets a token, uses it, and loses it.
pub(super) fn service(site: &Site, _: usize) -> anyhow::Result<()> {
    let wish = json!({
        "name": site.name("service"), "roles": ["developer"], "scopes": ["catalog.read"], "expires_in_days": 1,
    });
    let made = site.ask("dana", "POST", "/api/v1/service-tokens").json(&wish).expect(&[201])?;
    let (id, bearer) = (made.text("/id")?, format!("Bearer {}", made.text("/token")?));
    let uses =
        |statuses: &[u16]| site.anybody("GET", "/api/v1/whoami").header("authorization", &bearer).expect(statuses);
    uses(&[200])?;
    site.ask("dana", "DELETE", &format!("/api/v1/service-tokens/{id}")).expect(&[200, 204])?;
    // An address that fails too often is told to wait.
    uses(&[401, 429])?;
    Ok(())
}

/// A policy gets other settings: it is loaded again, and what was in force before stays for a while.
pub(super) fn rebind(site: &Site, round: usize) -> anyhow::Result<()> {
    let settings = json!({"threshold": (50 + round % 2).to_string(), "groups": ["finance"]});
    let wish = json!({
        "binding": {"plugin": "macadam/cost-threshold@dev", "settings": settings}, "reason": "another threshold",
    });
    site.ask("ada", "PUT", "/api/v1/bindings/cost-threshold").json(&wish).expect(&[200])?;
    Ok(())
}
