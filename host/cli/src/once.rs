//! What must happen once although its answer may be lost: sent under a key that the server knows it by.

use std::thread::sleep;
use std::time::Duration;

use anyhow::anyhow;
use serde_json::Value;

use crate::client::Problem;

const KEY: &str = "idempotency-key";

/// How often something is sent whose answer is lost. A server that starts again takes about so long.
const TRIES: u32 = 4;

/// How long to wait before it is sent again.
const PAUSE: Duration = Duration::from_millis(500);

/// How long to wait, all in all, for what is under way: longer than a server that died over it is waited for.
const PATIENCE: Duration = Duration::from_secs(30);

/// A new key, unless the headers have one.
pub(crate) fn key_unless_in(headers: &[(&str, &str)]) -> anyhow::Result<Option<String>> {
    if headers.iter().any(|(name, _)| *name == KEY) {
        return Ok(None);
    }
    let number = (getrandom::u64(), getrandom::u64());
    let (Ok(high), Ok(low)) = number else { return Err(anyhow!("the system gives no randomness")) };
    Ok(Some(format!("macadam-{high:016x}{low:016x}")))
}

/// The key as a header.
pub(crate) fn header(key: Option<&str>) -> Vec<(&str, &str)> {
    key.map(|key| (KEY, key)).into_iter().collect()
}

/// Why something is sent again.
enum Again {
    /// The connection broke.
    Lost,
    /// It is under way, and this long is to be waited.
    UnderWay(Duration),
}

/// Sends something until there is an answer: again when the connection broke, and later when it is under way.
pub(crate) fn until_answered(send: impl Fn() -> anyhow::Result<Value>) -> anyhow::Result<Value> {
    let (mut tries, mut waited) = (1, Duration::ZERO);
    loop {
        let answer = send();
        match answer.as_ref().err().and_then(again) {
            Some(Again::Lost) if tries < TRIES => {
                tries += 1;
                sleep(PAUSE);
            }
            Some(Again::UnderWay(pause)) if waited < PATIENCE => {
                waited += pause;
                sleep(pause);
            }
            _ => return answer,
        }
    }
}

/// Whether what ended like this is sent again.
fn again(error: &anyhow::Error) -> Option<Again> {
    if let Some(problem) = error.downcast_ref::<Problem>() {
        let seconds = problem.retry_after().filter(|_| problem.is_under_way())?;
        return Some(Again::UnderWay(Duration::from_secs(seconds.clamp(1, PATIENCE.as_secs()))));
    }
    let broken = error.chain().find_map(|cause| cause.downcast_ref::<ureq::Error>())?;
    lost_its_answer(broken).then_some(Again::Lost)
}

/// Whether the server may have done what was asked although there is no answer. Nobody who was never reached has.
fn lost_its_answer(error: &ureq::Error) -> bool {
    use std::io::ErrorKind;
    match error {
        ureq::Error::Io(error) => matches!(
            error.kind(),
            ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe
                | ErrorKind::UnexpectedEof
        ),
        ureq::Error::Protocol(_) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::io::{Error, ErrorKind};

    use super::*;

    fn sent(fail: impl Fn(u32) -> Option<anyhow::Error>) -> (bool, u32) {
        let tries = Cell::new(0);
        let answered = until_answered(|| {
            tries.set(tries.get() + 1);
            fail(tries.get()).map_or(Ok(Value::Null), Err)
        });
        (answered.is_ok(), tries.get())
    }

    fn io(kind: ErrorKind) -> anyhow::Error {
        anyhow::Error::new(ureq::Error::Io(Error::from(kind))).context("cannot be reached")
    }

    #[test]
    fn what_lost_its_answer_is_sent_again_and_not_for_ever() {
        assert_eq!(sent(|number| (number < 3).then(|| io(ErrorKind::ConnectionReset))), (true, 3));
        assert_eq!(sent(|_| Some(io(ErrorKind::UnexpectedEof))), (false, TRIES));
    }

    #[test]
    fn what_never_arrived_or_was_answered_is_not_sent_again() {
        assert_eq!(sent(|_| Some(io(ErrorKind::ConnectionRefused))), (false, 1));
        assert_eq!(sent(|_| Some(Problem::of(Value::Null, 409).into())), (false, 1));
        assert_eq!(sent(|_| None), (true, 1));
    }

    #[test]
    fn a_key_of_the_users_own_is_left_alone_and_two_new_ones_differ() {
        assert!(key_unless_in(&[(KEY, "mine")]).unwrap().is_none());
        assert_ne!(key_unless_in(&[]).unwrap(), key_unless_in(&[]).unwrap());
    }
}
