//! What becomes of a request: looked at once, or until it has ended.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use macadam_core::lifecycle::RequestState;
use serde_json::Value;

use crate::client::Client;
use crate::exit::End;
use crate::inputs::seconds;
use crate::output::{Output, note};
use crate::show::{self, text};

/// Whether to wait, and how a request that is sent twice is known again.
#[derive(Debug, Args)]
pub(crate) struct FollowArgs {
    /// Wait until the request has ended, approvals included
    #[arg(long)]
    wait: bool,
    /// How long to wait at most
    #[arg(long, value_name = "TIME", default_value = "10m", value_parser = seconds)]
    timeout: u64,
    /// A key of your own: the same request with the same key happens once, however often it is sent
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
}

/// Soon enough for people, and seldom enough for the server.
const POLL: Duration = Duration::from_millis(500);

impl FollowArgs {
    /// The headers that go with the request.
    pub(crate) fn headers(&self) -> Vec<(&str, &str)> {
        self.idempotency_key.iter().map(|key| ("idempotency-key", key.as_str())).collect()
    }

    /// Shows a request that was taken, waits if that was asked for, and says how it ended.
    pub(crate) fn follow(&self, client: &Client, taken: &Value, output: &mut Output<'_>) -> anyhow::Result<End> {
        let id = text(taken, "/request");
        if !self.wait {
            let request = client.get(&format!("/requests/{id}"))?;
            output.value(&request, |request| Ok(super::request::shown(request)))?;
            return Ok(end_of(&request));
        }
        let request = self.wait_for(client, &id)?;
        output.value(&request, |request| Ok(super::request::shown(request)))?;
        match state_of(&request) {
            Some(state) if state.is_final() && state != RequestState::Succeeded => {
                let failure = text(&request, "/failure");
                bail!("request {id} is {state}{}{failure}", if failure.is_empty() { "" } else { ": " })
            }
            _ => Ok(end_of(&request)),
        }
    }

    fn wait_for(&self, client: &Client, id: &str) -> anyhow::Result<Value> {
        let until = Instant::now() + Duration::from_secs(self.timeout);
        let mut seen = String::new();
        loop {
            let request = client.get(&format!("/requests/{id}"))?;
            let state = state_of(&request);
            let now = [text(&request, "/state"), text(&request, "/job/note")].join(" ").trim_end().to_owned();
            if now != seen {
                note(&format!("{id}: {now}"));
                seen = now;
            }
            if state.is_none_or(RequestState::is_final) {
                return Ok(request);
            }
            if Instant::now() >= until {
                if state == Some(RequestState::PendingApproval) {
                    return Ok(request);
                }
                bail!("request {id} has not ended in time; look at it again with `macadam request get {id}`");
            }
            sleep(POLL);
        }
    }
}

fn state_of(request: &Value) -> Option<RequestState> {
    text(request, "/state").parse().ok()
}

fn end_of(request: &Value) -> End {
    if state_of(request) == Some(RequestState::PendingApproval) { End::Pending } else { End::Done }
}

/// How a decision that was only asked about would end.
pub(crate) fn end_if_asked(decision: &show::Decision) -> End {
    use macadam_core::verdict::Outcome;
    match decision.outcome() {
        Outcome::Allowed { .. } => End::Done,
        Outcome::ApprovalRequired { .. } => End::Pending,
        Outcome::Denied { .. } => End::Denied,
    }
}
