//! The child that compiles a component: this same program, started by the sandbox with limits on itself.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Args;
use macadam_runtime::compiled::compiler::compile_as_child;

/// What the sandbox adds to the command.
#[derive(Debug, Args)]
pub(crate) struct CompileArgs {
    /// The engine's profile
    profile: String,
    /// Address space in bytes
    memory: u64,
    /// Time in seconds
    seconds: u64,
}

/// Compiles standard input to standard output. Exit code 1 means that the component was refused, and standard error
/// says why: the sandbox tells that from a crash.
pub(crate) fn compile(args: &CompileArgs) -> ExitCode {
    match compile_as_child(&args.profile, args.memory, args.seconds) {
        Ok(()) => ExitCode::SUCCESS,
        Err(reason) => {
            // Without a reader the exit code still tells.
            let _ = writeln!(std::io::stderr(), "{reason}");
            ExitCode::FAILURE
        }
    }
}
