//! What is only looked at: previews, lists and their pages, single things again, events as they happen.

use std::io::BufRead as _;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::ensure;
use serde_json::Value;

use super::made::STOCK;
use super::{path, wish};
use crate::soak::site::Site;

/// How long somebody follows events before they come back where they were.
const FOLLOWED: Duration = Duration::from_secs(10);

/// Who looks at what, one after the other.
const LOOKED_AT: [(&str, &str); 30] = [
    ("dana", "/api/v1/whoami"),
    ("dana", "/api/v1/teams"),
    ("dana", "/api/v1/environments"),
    ("dana", "/api/v1/resource-types"),
    ("dana", "/api/v1/templates"),
    ("dana", "/api/v1/plugins"),
    ("dana", "/api/v1/plugins/macadam/cost-threshold"),
    ("dana", "/api/v1/namespaces"),
    ("dana", "/api/v1/resources?limit=20"),
    ("dana", "/api/v1/resources?environment=dev&type=local-directory&state=ready&limit=50"),
    ("dana", "/api/v1/resources?selector=owner%3Dpayments,half%20in%20(even)&limit=20"),
    ("dana", "/api/v1/requests?limit=20"),
    ("dana", "/api/v1/requests?state=succeeded&selector=half%3Dodd&limit=20"),
    ("amir", "/api/v1/requests?state=pending-approval"),
    ("dana", "/api/v1/jobs?limit=20"),
    ("dana", "/api/v1/events?limit=50"),
    ("dana", "/api/v1/webhooks"),
    ("dana", "/api/v1/authorize?action=catalog.read"),
    ("ada", "/api/v1/access/matrix"),
    ("ada", "/api/v1/access/policies"),
    ("ada", "/api/v1/access/actions"),
    ("ada", "/api/v1/bindings"),
    ("ada", "/api/v1/bindings/cost-threshold"),
    ("ada", "/api/v1/decisions?limit=20"),
    ("ada", "/api/v1/schedules"),
    ("ada", "/api/v1/audit?limit=50"),
    ("ada", "/api/v1/audit/heads"),
    ("ada", "/api/v1/openapi.json"),
    ("ada", "/metrics"),
    ("nobody", "/readyz"),
];

/// What would a directory cost, and is it allowed? Nothing is written.
pub(super) fn preview(site: &Site, round: usize) -> anyhow::Result<()> {
    let environment = if round.is_multiple_of(4) { "prod" } else { "dev" };
    let wish = wish(environment, &format!("preview-{}", round % 1_000));
    site.ask("dana", "POST", "/api/v1/preview").json(&wish).expect(&[200])?;
    Ok(())
}

/// Looks at one of many things, and at a directory that has not changed since the last look.
pub(super) fn look(site: &Site, round: usize) -> anyhow::Result<()> {
    let (person, what) = LOOKED_AT.get(round % LOOKED_AT.len()).copied().unwrap_or(("dana", "/api/v1/whoami"));
    site.ask(person, "GET", what).header("accept-encoding", "gzip").expect(&[200])?;
    let path = path("dev", &format!("stock-{}", round % STOCK));
    let etag = site.ask("dana", "GET", &path).expect(&[200])?.etag.unwrap_or_default();
    // A provider may look at the directory in between, which is a change of what is shown.
    site.ask("dana", "GET", &path).header("if-none-match", &etag).expect(&[200, 304])?;
    Ok(())
}

/// Goes through all directories page by page.
pub(super) fn pages(site: &Site, _: usize) -> anyhow::Result<()> {
    let (mut after, mut seen) = (String::new(), 0);
    loop {
        let path = format!("/api/v1/resources?limit=25{after}");
        let page = site.ask("dana", "GET", &path).expect(&[200])?.json()?;
        seen += page.get("items").and_then(Value::as_array).map_or(0, Vec::len);
        match page.get("next").and_then(Value::as_str) {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    ensure!(seen >= STOCK, "there are {STOCK} directories, and the pages had {seen}");
    Ok(())
}

/// The last event that somebody has seen.
static LAST: Mutex<Option<String>> = Mutex::new(None);

/// Follows what happens for a while, from where the last look ended.
pub(super) fn follow(site: &Site, _: usize) -> anyhow::Result<()> {
    let begin = Instant::now();
    let mut last = LAST.lock().map(|last| last.clone()).unwrap_or_default();
    for line in site.stream("dana", last.as_deref())?.lines() {
        if let Some(id) = line?.strip_prefix("id:") {
            last = Some(id.trim().to_owned());
        }
        if begin.elapsed() > FOLLOWED || !site.goes_on() {
            break;
        }
    }
    if let Ok(mut kept) = LAST.lock() {
        *kept = last;
    }
    Ok(())
}
