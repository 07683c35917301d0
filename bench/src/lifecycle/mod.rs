//! The life of plugins in a whole host: how long a change takes until it answers, what a thousand bound plugins cost those
//! who ask, and how fast the past is replayed.

mod many;
mod replays;
mod swaps;

use jiff::Timestamp;
use macadam_platform::plugins::ChangeBinding;
use macadam_platform::provisioning::Ask;
use macadam_platform::{Caller, Platform};
use serde_json::json;

use crate::Effort;
use crate::figures::Report;

/// Measures the group.
pub(crate) fn measure(effort: Effort, report: &mut Report) -> anyhow::Result<()> {
    swaps::measure(effort, report)?;
    many::measure(effort, report)?;
    replays::measure(effort, report)
}

/// Asks for a directory as a preview does, and says which versions answered.
async fn preview(platform: &Platform, caller: &Caller) -> anyhow::Result<Vec<String>> {
    let wish = json!({"environment": "dev", "type": "local-directory", "name": "notes", "spec": {"quota_mb": 500}});
    let shown = platform.preview(caller, Ask::Create(serde_json::from_value(wish)?), Timestamp::now()).await?;
    Ok(shown.decided.verdicts.iter().map(|each| each.verdict.plugin.version.to_string()).collect())
}

/// Binds a version of the measured policy.
async fn activate(platform: &Platform, caller: &Caller, version: &str) -> anyhow::Result<()> {
    let mut bindings = crate::whole::bindings(&format!("macadam/bench-policy@{version}"))?;
    let wish = ChangeBinding { binding: bindings.swap_remove(0), revision: None, reason: String::new() };
    platform.change_binding(caller, &"bench-policy".parse()?, wish, Timestamp::now()).await?;
    Ok(())
}
