//! Statements on databases that an administrator has connected.
//!
//! A statement is built from parts, and the host quotes each as what it is, so nothing can be smuggled through a name
//! or a value:
//!
//! ```
//! use macadam_sdk::host::sql::Statement;
//! let statement = Statement::new("alter role ").identifier("app").text(" connection limit 5");
//! ```

use crate::Error;
use crate::bindings::macadam::plugin::sql::Part;
pub use crate::bindings::macadam::plugin::sql::{Endpoint, Error as SqlError, Refusal};

use super::imports;
use super::secrets::SecretHandle;

/// One row of an answer: every value as text, NULL as `None`.
pub type Row = Vec<Option<String>>;

/// A statement in parts.
#[derive(Debug, Clone)]
pub struct Statement(Vec<Part>);

impl Statement {
    /// Starts with SQL that you wrote yourself.
    #[must_use]
    pub fn new(sql: &'static str) -> Self {
        Self(vec![Part::Text(sql.to_owned())])
    }

    /// More SQL that you wrote yourself.
    #[must_use]
    pub fn text(self, sql: &'static str) -> Self {
        self.with(Part::Text(sql.to_owned()))
    }

    /// A name of a role, database, schema or table.
    #[must_use]
    pub fn identifier(self, name: &str) -> Self {
        self.with(Part::Identifier(name.to_owned()))
    }

    /// A string value.
    #[must_use]
    pub fn literal(self, value: &str) -> Self {
        self.with(Part::Literal(value.to_owned()))
    }

    /// A whole number, which needs no quotes.
    #[must_use]
    pub fn integer(self, value: i64) -> Self {
        self.with(Part::Text(value.to_string()))
    }

    /// A secret, put in as the verifier that the database stores, never as itself.
    #[must_use]
    pub fn verifier(self, secret: &SecretHandle) -> Self {
        self.with(Part::Verifier(secret.as_str().to_owned()))
    }

    fn with(mut self, part: Part) -> Self {
        self.0.push(part);
        self
    }
}

/// A connection by its name; the capability `sql:NAME` must be granted.
#[derive(Debug, Clone, Copy)]
pub struct Connection<'a>(&'a str);

impl<'a> Connection<'a> {
    /// The connection of this name. Nothing is done yet.
    #[must_use]
    pub fn named(name: &'a str) -> Self {
        Self(name)
    }

    /// Where the connection leads.
    ///
    /// # Errors
    /// [`SqlError`] when the host does not say.
    pub fn endpoint(self) -> Result<Endpoint, SqlError> {
        imports::sql::endpoint_of(self.0)
    }

    /// Runs one statement outside of any transaction and returns how many rows it changed.
    ///
    /// # Errors
    /// [`SqlError`], which becomes an [`Error`] by `?`.
    pub fn execute(self, statement: &Statement) -> Result<u64, SqlError> {
        imports::sql::execute(self.0, &statement.0)
    }

    /// Runs one query and returns its rows, at most 1,000.
    ///
    /// # Errors
    /// [`SqlError`], which becomes an [`Error`] by `?`.
    pub fn query(self, statement: &Statement) -> Result<Vec<Row>, SqlError> {
        imports::sql::query(self.0, &statement.0)
    }
}

impl From<SqlError> for Error {
    fn from(error: SqlError) -> Self {
        match error {
            SqlError::Unavailable(message) => Self::unavailable(format!("the database is not available: {message}")),
            SqlError::Refused(Refusal { code, message }) => {
                Self::Failed(format!("the database refused a statement with {code}: {message}"))
            }
        }
    }
}
