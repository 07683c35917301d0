//! One request and its answer, which is compared with the API's document before a test sees it.

use serde_json::{Value, json};
use ureq::http::HeaderMap;

use crate::contract::{Contract, Given};
use crate::server::{Answer, PATIENCE};

/// What sends requests: a status is no error to it.
pub(crate) fn agent() -> ureq::Agent {
    ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build().into()
}

/// Sends a request on a connection of its own.
pub(crate) fn answer(request: ureq::http::Request<impl ureq::AsSendBody>) -> Answer {
    answer_from(&agent(), request)
}

/// Sends a request, and reads the answer as JSON.
pub(crate) fn answer_from(agent: &ureq::Agent, request: ureq::http::Request<impl ureq::AsSendBody>) -> Answer {
    match exchange(agent, request) {
        Ok((status, headers, body)) => {
            Answer { status, body: serde_json::from_slice(&body).unwrap_or(Value::Null), headers }
        }
        Err(error) => Answer { status: 0, body: json!(error.to_string()), headers: HeaderMap::new() },
    }
}

/// Sends a request, and compares the answer with the API's document.
pub(crate) fn exchange(
    agent: &ureq::Agent,
    request: ureq::http::Request<impl ureq::AsSendBody>,
) -> Result<(u16, HeaderMap, Vec<u8>), ureq::Error> {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut answer = agent.run(request)?;
    // An answer that breaks off is no answer: the server was killed, which some tests do.
    let body = answer.body_mut().with_config().limit(u64::MAX).read_to_vec()?;
    let status = answer.status().as_u16();
    let media_type = answer.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let given = Given { method: method.as_str(), path: &path, status, media_type, body: &body };
    Contract::of_the_binary().check(given);
    Ok((status, answer.headers().clone(), body))
}
