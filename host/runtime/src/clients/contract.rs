//! Which version of the contract a component is of.

use std::fmt;

use macadam_core::kind::PluginKind;
use semver::Version;
use wasmtime::component::Component;

/// A line of the contract that this host runs. Within a line, a component for an earlier version runs as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ContractLine {
    /// `0.1.x`: a policy is handed its whole context.
    V0_1,
    /// `0.2.x`: a policy asks for what it decides on.
    V0_2,
}

impl ContractLine {
    /// Every line, oldest first.
    pub const ALL: [Self; 2] = [Self::V0_1, Self::V0_2];

    /// The newest version of the line that this host knows, as interfaces' names end.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::V0_1 => "0.1.0",
            Self::V0_2 => "0.2.0",
        }
    }

    /// The full name of one of its interfaces.
    pub(crate) fn interface(self, name: &str) -> String {
        format!("macadam:plugin/{name}@{}", self.version())
    }

    /// Whether a version is of this line.
    fn has(self, version: &Version) -> bool {
        let minor = match self {
            Self::V0_1 => 1,
            Self::V0_2 => 2,
        };
        (version.major, version.minor) == (0, minor)
    }

    /// The line in which a component is of its kind. One that is of several is served by the one that its manifest
    /// declares, or else by the newest.
    ///
    /// # Errors
    /// When it is of none, or not of the declared one; in words.
    pub(crate) fn of(component: &Component, kind: PluginKind, declared: Option<&Version>) -> Result<Self, String> {
        let exported = |line: &Self| component.get_export_index(None, line.interface(kind.as_str())).is_some();
        let lines: Vec<Self> = Self::ALL.into_iter().filter(exported).collect();
        let fits = |line: &&Self| declared.is_none_or(|version| line.has(version));
        lines.iter().rev().find(fits).copied().ok_or_else(|| {
            let declared = declared.map(|version| format!("; its manifest says {version}")).unwrap_or_default();
            format!(
                "it exports macadam:plugin/{kind} in {}, and this host runs {}{declared}",
                if lines.is_empty() { "no version that is known here".to_owned() } else { list(&lines) },
                list(&Self::ALL)
            )
        })
    }
}

impl fmt::Display for ContractLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.version())
    }
}

fn list(lines: &[ContractLine]) -> String {
    lines.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::Engine;

    const POLICY: PluginKind = PluginKind::ApprovalPolicy;

    /// A component that exports the policies' interface, empty, in some versions.
    fn exporting(versions: &[&str]) -> Component {
        let export =
            |version: &&str| format!("(export \"macadam:plugin/approval-policy@{version}\" (instance $empty))");
        let exports: String = versions.iter().map(export).collect();
        let bytes = wat::parse_str(format!("(component (instance $empty) {exports})")).unwrap();
        Component::new(&Engine::default(), bytes).unwrap()
    }

    #[test]
    fn a_component_is_of_the_contract_that_it_exports() {
        for line in ContractLine::ALL {
            let component = exporting(&[line.version()]);
            assert_eq!(ContractLine::of(&component, POLICY, None), Ok(line));
            let declared: Version = line.version().parse().unwrap();
            assert_eq!(ContractLine::of(&component, POLICY, Some(&declared)), Ok(line));
        }
    }

    #[test]
    fn of_several_contracts_the_manifests_counts_and_without_one_the_newest() {
        let both = exporting(&["0.1.0", "0.2.0"]);
        for line in ContractLine::ALL {
            let declared: Version = line.version().parse().unwrap();
            assert_eq!(ContractLine::of(&both, POLICY, Some(&declared)), Ok(line));
        }
        assert_eq!(ContractLine::of(&both, POLICY, None), Ok(ContractLine::V0_2));
    }

    #[test]
    fn a_component_of_no_known_contract_or_not_of_the_declared_one_is_refused_with_both_lists() {
        let said = ContractLine::of(&exporting(&["0.3.0"]), POLICY, None).unwrap_err();
        assert!(said.contains("no version that is known here") && said.contains("0.1.0, 0.2.0"), "{said}");
        let declared = Version::new(0, 2, 0);
        let said = ContractLine::of(&exporting(&["0.1.0"]), POLICY, Some(&declared)).unwrap_err();
        assert!(said.contains("approval-policy in 0.1.0") && said.contains("manifest says 0.2.0"), "{said}");
        assert!(
            ContractLine::of(&exporting(&["0.1.0"]), PluginKind::Provider, None).is_err(),
            "nor one of another kind"
        );
    }
}
