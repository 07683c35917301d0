//! Plugin packages: format, digest, index and version resolution.
