//! What the exit code says: done, error, usage, denied, waiting for approval, or a difference.

use std::io::Write as _;
use std::process::ExitCode;

use crate::client::Problem;
use crate::output::{Format, clean};
use crate::show;

/// How a command ended that did what it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// It is done.
    Done,
    /// It is denied, or would be; what there is to say is said.
    Denied,
    /// It waits for approval, or would.
    Pending,
    /// What was compared differs.
    Differs,
    /// The audit log is not what was written.
    Tampered,
}

const ERROR: u8 = 1;
const USAGE: u8 = 2;
const DENIED: u8 = 3;
const PENDING: u8 = 4;
const DIFFERS: u8 = 5;
const TAMPERED: u8 = 6;

/// The command line is wrong in a way that only shows when its parts are put together.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct UsageError(pub(crate) String);

/// Says what went wrong on standard error, and gives the exit code.
pub(crate) fn report(ended: anyhow::Result<End>, format: Format) -> ExitCode {
    match ended {
        Ok(End::Done) => ExitCode::SUCCESS,
        Ok(End::Denied) => ExitCode::from(DENIED),
        Ok(End::Pending) => ExitCode::from(PENDING),
        Ok(End::Differs) => ExitCode::from(DIFFERS),
        Ok(End::Tampered) => ExitCode::from(TAMPERED),
        Err(error) => {
            // Nobody is left to tell when standard error is closed.
            let _ = writeln!(std::io::stderr().lock(), "{}", words(&error, format));
            ExitCode::from(code(&error))
        }
    }
}

fn words(error: &anyhow::Error, format: Format) -> String {
    match (error.downcast_ref::<Problem>(), format) {
        (Some(problem), Format::Json) => problem.document().to_string(),
        (Some(problem), Format::Table) => show::problem(problem),
        (None, _) => format!("error: {}", clean(&format!("{error:#}"))),
    }
}

fn code(error: &anyhow::Error) -> u8 {
    if error.is::<UsageError>() {
        return USAGE;
    }
    match error.downcast_ref::<Problem>() {
        Some(problem) if problem.is_denied() => DENIED,
        _ => ERROR,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_exit_code_tells_a_denial_from_an_error() {
        let problem = |kind: &str| anyhow::Error::new(Problem::of(json!({"type": format!("/problems/{kind}")}), 403));
        assert_eq!(code(&problem("denied")), DENIED);
        assert_eq!(code(&problem("forbidden")), ERROR);
        assert_eq!(code(&anyhow::anyhow!("no")), ERROR);
        assert_eq!(code(&UsageError("no".to_owned()).into()), USAGE);
    }
}
