//! What is made, changed and removed: directories, and projects.

use anyhow::ensure;
use serde_json::json;

use super::{path, succeeds, wish, wish_of};
use crate::soak::site::Site;

/// How many directories there are all the time, to be looked at.
pub(super) const STOCK: usize = 60;

/// Makes the directories that stay.
pub(super) fn stock(site: &Site) -> anyhow::Result<()> {
    for number in 0..STOCK {
        let wish = wish("dev", &format!("stock-{number}"));
        let taken = site.ask("dana", "POST", "/api/v1/resources").json(&wish).expect(&[202])?;
        succeeds(site, &taken.text("/request")?)?;
    }
    Ok(())
}

/// The whole life of a directory: made under a key that is sent again, looked at, changed, and removed.
pub(super) fn directory(site: &Site, _: usize) -> anyhow::Result<()> {
    let name = site.name("dir");
    let create = |quota: u32| {
        let wish = wish_of("dev", &name, quota);
        site.ask("dana", "POST", "/api/v1/resources").header("idempotency-key", &name).json(&wish)
    };
    let taken = create(100).expect(&[202])?;
    let again = create(100).expect(&[202])?;
    ensure!(again.replayed && again.body == taken.body, "the answer under a key is given again");
    create(101).expect(&[422])?;
    succeeds(site, &taken.text("/request")?)?;
    changed(site, &name)?;
    let removed = site.ask("dana", "DELETE", &path("dev", &name)).expect(&[202])?;
    succeeds(site, &removed.text("/request")?)
}

fn changed(site: &Site, name: &str) -> anyhow::Result<()> {
    let path = path("dev", name);
    let etag = site.ask("dana", "GET", &path).expect(&[200])?.etag.unwrap_or_default();
    // Its provider may look at it in between, which is a change of what is shown and of no condition.
    site.ask("dana", "GET", &path).header("if-none-match", &etag).expect(&[200, 304])?;
    let change = || site.ask("dana", "PUT", &path).header("if-match", &etag).json(&json!({"spec": {"quota_mb": 200}}));
    let taken = change().expect(&[202])?;
    succeeds(site, &taken.text("/request")?)?;
    change().expect(&[412])?;
    for more in ["credentials", "health", "transitions"] {
        site.ask("dana", "GET", &format!("{path}/{more}")).expect(&[200])?;
    }
    Ok(())
}

/// A project is made from a golden path, and fetched.
pub(super) fn scaffold(site: &Site, round: usize) -> anyhow::Result<()> {
    let features: &[&str] = if round.is_multiple_of(2) { &["observability"] } else { &["health-checks"] };
    let wish = json!({
        "template": "rest-api", "name": format!("orders-{}", round % 50), "features": features,
        "parameters": {"description": "Takes orders", "owner": "payments"}, "tags": {"owner": "payments"},
    });
    let made = site.ask("dana", "POST", "/api/v1/scaffolds").json(&wish).expect(&[201])?;
    let path = made.text("/links/scaffold")?;
    site.ask("dana", "GET", &path).expect(&[200])?;
    let archive = format!("{path}/archive");
    let etag = site.ask("dana", "GET", &archive).expect(&[200])?.etag.unwrap_or_default();
    site.ask("dana", "GET", &archive).header("if-none-match", &etag).expect(&[304])?;
    Ok(())
}
