//! Compiling a component, bounded in time and memory.
//!
//! The host starts its own program again as a child that limits itself before it reads the first byte: address space,
//! processor time, no files. What goes wrong in there ends the child and is an error here.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, setrlimit};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use wasmtime::Engine;

use crate::engine::Profile;

/// Where components are compiled.
#[derive(Debug, Clone)]
pub enum Compiler {
    /// In this process: for components one trusts, such as in benchmarks.
    InProcess,
    /// In a child process.
    Child {
        /// The program and its first arguments; the profile's word is added. It must end in [`compile_as_child`].
        command: Vec<PathBuf>,
        /// What a compilation may use.
        bounds: CompileBounds,
    },
}

/// What one compilation may use.
#[derive(Debug, Clone, Copy)]
pub struct CompileBounds {
    /// Wall time.
    pub time: Duration,
    /// Address space in bytes.
    pub memory: u64,
    /// Compiled code in bytes.
    pub output: u64,
}

impl Default for CompileBounds {
    /// The largest foreign component, a Python runtime of 18 MB, takes 9 s and 1.5 GB on two cores.
    fn default() -> Self {
        Self { time: Duration::from_secs(120), memory: 6 << 30, output: 512 << 20 }
    }
}

/// Why there is no compiled code.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The compiler refuses the component.
    #[error("{0}")]
    Refused(String),
    /// It took longer than it may.
    #[error("it did not compile within {} s", .0.as_secs())]
    TimedOut(Duration),
    /// The child ended without a word: out of memory or processor time.
    #[error("the compiler ended without a result ({0}); the component is too large or too complex")]
    Died(String),
    /// The child could not be started or spoken to.
    #[error("the compiler could not be run: {0}")]
    Host(#[from] std::io::Error),
}

impl Compiler {
    /// Compiles a component for a profile.
    ///
    /// # Errors
    /// [`CompileError`] says whether the component or the host is at fault.
    pub async fn compile(&self, engine: &Engine, profile: Profile, component: &[u8]) -> Result<Vec<u8>, CompileError> {
        match self {
            Self::InProcess => {
                engine.precompile_component(component).map_err(|error| CompileError::Refused(format!("{error:#}")))
            }
            Self::Child { command, bounds } => compile_in_child(command, *bounds, profile, component).await,
        }
    }
}

async fn compile_in_child(
    command: &[PathBuf],
    bounds: CompileBounds,
    profile: Profile,
    component: &[u8],
) -> Result<Vec<u8>, CompileError> {
    let (program, arguments) = command.split_first().ok_or_else(|| std::io::Error::other("no compiler is set"))?;
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .arg(profile.as_str())
        .arg(bounds.memory.to_string())
        .arg(bounds.time.as_secs().to_string())
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let feed = async {
        if let Some(mut stdin) = stdin {
            // A child that ends early closes its end; why is in its exit and its words, not in this error.
            let _ = stdin.write_all(component).await;
        }
    };
    let talk = async {
        let (mut code, mut words) = (Vec::new(), Vec::new());
        let read_code = async {
            match stdout {
                Some(stdout) => stdout.take(bounds.output.saturating_add(1)).read_to_end(&mut code).await,
                None => Ok(0),
            }
        };
        let read_words = async {
            match stderr {
                Some(stderr) => stderr.take(8_192).read_to_end(&mut words).await,
                None => Ok(0),
            }
        };
        let ((), code_read, words_read) = tokio::join!(feed, read_code, read_words);
        code_read?;
        words_read?;
        let status = child.wait().await?;
        Ok::<_, std::io::Error>((status, code, words))
    };
    let (status, code, words) =
        tokio::time::timeout(bounds.time, talk).await.map_err(|_| CompileError::TimedOut(bounds.time))??;
    if code.len() as u64 > bounds.output {
        return Err(CompileError::Refused(format!("its code is larger than {} bytes", bounds.output)));
    }
    if status.success() {
        return Ok(code);
    }
    let words = String::from_utf8_lossy(&words).trim().to_owned();
    // 1 is the child's own exit after it has said why; everything else is a signal or an abort.
    if status.code() == Some(1) {
        Err(CompileError::Refused(words))
    } else {
        Err(CompileError::Died(status.to_string()))
    }
}

/// The child's side: limits itself, reads a component from standard input and writes its code to standard output.
///
/// # Errors
/// What to say on standard error before ending with exit code 1.
pub fn compile_as_child(profile: &str, memory: u64, seconds: u64) -> Result<(), String> {
    use std::io::{Read as _, Write as _};
    let limit = |resource, value| {
        setrlimit(resource, Rlimit { current: Some(value), maximum: Some(value) }).map_err(|error| error.to_string())
    };
    limit(Resource::Core, 0)?;
    limit(Resource::Fsize, 0)?;
    // Several threads compile at once, so processor time runs faster than wall time.
    limit(Resource::Cpu, seconds.saturating_mul(4).max(1))?;
    limit(Resource::As, memory)?;
    let profile = Profile::ALL.into_iter().find(|known| known.as_str() == profile).ok_or("no such profile")?;
    let mut component = Vec::new();
    std::io::stdin().lock().read_to_end(&mut component).map_err(|error| error.to_string())?;
    let engine = Engine::new(&profile.compile_config()).map_err(|error| format!("{error:#}"))?;
    let code = engine.precompile_component(&component).map_err(|error| format!("{error:#}"))?;
    std::io::stdout().lock().write_all(&code).map_err(|error| error.to_string())
}
