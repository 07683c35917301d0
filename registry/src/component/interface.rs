//! The name of an interface, as a component imports or exports it.

use std::fmt;

use semver::Version;
use wasmparser::names::{ComponentName, ComponentNameKind};

/// An interface's name, such as `wasi:io/streams@0.2.6`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct InterfaceName {
    package: String,
    interface: String,
    version: Option<Version>,
}

impl InterfaceName {
    pub(crate) fn new(package: &str, interface: &str, version: &Version) -> Self {
        Self { package: package.into(), interface: interface.into(), version: Some(version.clone()) }
    }

    /// Reads a name; `None` when it is a bare name such as `init`, or a URL, a hash or a dependency.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let name = ComponentName::new(text, 0).ok()?;
        let ComponentNameKind::Interface(name) = name.kind() else { return None };
        let version = name.version(None).ok()?;
        let package = format!("{}:{}", name.namespace(), name.package());
        Some(Self { package, interface: name.projection().to_string(), version })
    }

    /// Such as `wasi:io`.
    #[must_use]
    pub fn package(&self) -> &str {
        &self.package
    }

    /// Such as `streams`.
    #[must_use]
    pub fn interface(&self) -> &str {
        &self.interface
    }

    /// Such as `0.2.6`.
    #[must_use]
    pub fn version(&self) -> Option<&Version> {
        self.version.as_ref()
    }
}

impl fmt::Display for InterfaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.package, self.interface)?;
        self.version.as_ref().map_or(Ok(()), |version| write!(f, "@{version}"))
    }
}

impl serde::Serialize for InterfaceName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interface_name_reads_back_what_it_prints() {
        for text in ["wasi:io/streams@0.2.6", "macadam:plugin/log@0.1.0", "a:b/c", "a:b/c@1.0.0-rc.1"] {
            let name = InterfaceName::parse(text).expect("an interface name");
            assert_eq!(name.to_string(), text);
        }
        let name = InterfaceName::parse("wasi:io/streams@0.2.6").unwrap();
        assert_eq!((name.package(), name.interface()), ("wasi:io", "streams"));
        assert_eq!(name.version(), Some(&Version::new(0, 2, 6)));
    }

    #[test]
    fn what_names_no_interface_is_told_apart() {
        for text in
            ["", "init", "[method]a.b", "url=<https://example.com>", "unlocked-dep=<a:b>", "a:b", "a/b", "a:b/c@x"]
        {
            assert_eq!(InterfaceName::parse(text), None, "{text:?} names no interface");
        }
    }
}
