//! Persistence: the store's traits and their embedded implementation on SQLite.
