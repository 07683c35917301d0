//! The provisioning story with the real parts: the server as a process, the shipped plugins, a real PostgreSQL.

mod approval;
mod command_line;
mod errors;
mod lifecycle;
mod quota;
