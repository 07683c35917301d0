//! The stand-in for a host: one for each test's thread. It keeps files in memory, gives out handles, and hands
//! statements to the test.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::marker::PhantomData;
use std::rc::Rc;

use crate::host::log::Level;
use crate::host::sql::{Refusal, Row, SqlError};

type SqlAnswer = Rc<RefCell<dyn FnMut(&str) -> Result<Vec<Row>, SqlError>>>;

#[derive(Default)]
struct State {
    log: Vec<(Level, String)>,
    statements: Vec<String>,
    sql: Option<SqlAnswer>,
    files: BTreeMap<String, Vec<u8>>,
    directories: BTreeSet<String>,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

fn with_state<T>(look: impl FnOnce(&mut State) -> T) -> T {
    STATE.with(|state| look(&mut state.borrow_mut()))
}

/// The stand-in of this thread, new at its start and forgotten at its end. Without one, host functions work on a
/// stand-in that nobody looks at.
#[derive(Debug)]
pub struct Host {
    _of_this_thread: PhantomData<*const ()>,
}

impl Host {
    /// A host that has seen nothing.
    #[must_use]
    pub fn start() -> Self {
        with_state(|state| *state = State::default());
        Self { _of_this_thread: PhantomData }
    }

    /// Answers every statement and query from now on. A statement comes as text, its names and values quoted and a
    /// secret written as `'verifier of HANDLE'`; a statement that is executed changes as many rows as are returned.
    pub fn on_sql(&self, answer: impl FnMut(&str) -> Result<Vec<Row>, SqlError> + 'static) {
        with_state(|state| state.sql = Some(Rc::new(RefCell::new(answer))));
    }

    /// Every statement so far.
    #[must_use]
    pub fn statements(&self) -> Vec<String> {
        with_state(|state| state.statements.clone())
    }

    /// Every file, as `root/path`.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        with_state(|state| state.files.clone())
    }

    /// Every directory, as `root/path`.
    #[must_use]
    pub fn directories(&self) -> BTreeSet<String> {
        with_state(|state| state.directories.clone())
    }

    /// Puts a file where a test wants to find it.
    pub fn put_file(&self, path: &str, bytes: &[u8]) {
        with_state(|state| state.files.insert(path.to_owned(), bytes.to_vec()));
    }

    /// Every log line so far.
    #[must_use]
    pub fn log_lines(&self) -> Vec<(Level, String)> {
        with_state(|state| state.log.clone())
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        with_state(|state| *state = State::default());
    }
}

/// A database's refusal, for answers to statements.
#[must_use]
pub fn refused(code: &str, message: &str) -> SqlError {
    SqlError::Refused(Refusal { code: code.to_owned(), message: message.to_owned() })
}

/// The host functions, as they are in a component.
pub(crate) mod imports {
    pub(crate) use crate::testing::asked::{context, request};

    pub(crate) mod log {
        use super::super::{Level, with_state};

        pub(crate) fn write(level: Level, message: &str) {
            with_state(|state| state.log.push((level, message.to_owned())));
        }
    }

    pub(crate) mod secrets {
        use crate::bindings::macadam::plugin::secrets::Error;

        pub(crate) fn generate(name: &str) -> Result<String, Error> {
            Ok(format!("handle-of-{name}"))
        }
    }

    pub(crate) mod sql {
        use std::rc::Rc;

        use super::super::{Row, SqlError, refused, with_state};
        use crate::bindings::macadam::plugin::sql::{Endpoint, Part};

        pub(crate) fn endpoint_of(_connection: &str) -> Result<Endpoint, SqlError> {
            Ok(Endpoint { host: "db.example".to_owned(), port: 5432 })
        }

        pub(crate) fn execute(connection: &str, statement: &[Part]) -> Result<u64, SqlError> {
            query(connection, statement).map(|rows| rows.len() as u64)
        }

        pub(crate) fn query(_connection: &str, statement: &[Part]) -> Result<Vec<Row>, SqlError> {
            let text: String = statement.iter().map(rendered).collect();
            let answer = with_state(|state| {
                state.statements.push(text.clone());
                state.sql.as_ref().map(Rc::clone)
            });
            // The state is free again while the test answers, so that it may look at the host.
            match answer {
                Some(answer) => (answer.borrow_mut())(&text),
                None => Err(refused("0A000", "this test has not said how to answer SQL; see Host::on_sql")),
            }
        }

        fn rendered(part: &Part) -> String {
            match part {
                Part::Text(text) => text.clone(),
                Part::Identifier(name) => format!("\"{}\"", name.replace('"', "\"\"")),
                Part::Literal(value) => format!("'{}'", value.replace('\'', "''")),
                Part::Verifier(handle) => format!("'verifier of {handle}'"),
            }
        }
    }

    pub(crate) mod files {
        use super::super::with_state;
        use crate::host::files::FilesError;

        fn full(root: &str, path: &str) -> Result<String, FilesError> {
            let bad = path.is_empty() || path.split('/').any(|part| matches!(part, "" | "." | ".."));
            if bad { Err(FilesError::BadPath(path.to_owned())) } else { Ok(format!("{root}/{path}")) }
        }

        fn is_below(path: &str, directory: &str) -> bool {
            path == directory || path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
        }

        pub(crate) fn create_directory(root: &str, path: &str) -> Result<(), FilesError> {
            let full = full(root, path)?;
            let ends = full.match_indices('/').map(|(end, _)| end).skip(1).chain([full.len()]);
            with_state(|state| state.directories.extend(ends.filter_map(|end| full.get(..end)).map(str::to_owned)));
            Ok(())
        }

        pub(crate) fn write_file(root: &str, path: &str, bytes: &[u8]) -> Result<(), FilesError> {
            let full = full(root, path)?;
            let parent = full.rsplit_once('/').map_or(root, |(parent, _)| parent).to_owned();
            with_state(|state| {
                if parent != root && !state.directories.contains(&parent) {
                    return Err(FilesError::NotFound(path.to_owned()));
                }
                state.files.insert(full, bytes.to_vec());
                Ok(())
            })
        }

        pub(crate) fn read_file(root: &str, path: &str) -> Result<Vec<u8>, FilesError> {
            let full = full(root, path)?;
            with_state(|state| state.files.get(&full).cloned()).ok_or_else(|| FilesError::NotFound(path.to_owned()))
        }

        pub(crate) fn exists(root: &str, path: &str) -> Result<bool, FilesError> {
            let full = full(root, path)?;
            Ok(with_state(|state| state.files.contains_key(&full) || state.directories.contains(&full)))
        }

        pub(crate) fn remove(root: &str, path: &str) -> Result<(), FilesError> {
            let full = full(root, path)?;
            with_state(|state| {
                state.files.retain(|file, _| !is_below(file, &full));
                state.directories.retain(|directory| !is_below(directory, &full));
            });
            Ok(())
        }

        pub(crate) fn location_of(root: &str, path: &str) -> Result<String, FilesError> {
            full(root, path).map(|full| format!("file:{full}"))
        }
    }
}
