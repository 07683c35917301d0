//! The kinds of plugin. This one list drives worlds, clients, purity rules, command words and documentation: a kind
//! added here makes the compiler point at every place that has to answer.

use std::fmt;

/// What a plugin is for.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum PluginKind {
    /// Decides whether a request may go ahead.
    ApprovalPolicy,
    /// Prices requests.
    CostEstimator,
    /// Makes resources of one type.
    Provider,
    /// Generates projects.
    TemplateGenerator,
}

impl PluginKind {
    /// Every kind, in the order in which a request meets them.
    pub const ALL: [Self; 4] = [Self::CostEstimator, Self::ApprovalPolicy, Self::Provider, Self::TemplateGenerator];

    /// The kind's word, which is also the name of the interface that its components export.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApprovalPolicy => "approval-policy",
            Self::CostEstimator => "cost-estimator",
            Self::Provider => "provider",
            Self::TemplateGenerator => "template-generator",
        }
    }

    /// The interfaces of the contract, without package and version, that a component of this kind may import. Not every
    /// version of the contract has each.
    #[must_use]
    pub const fn allowed_imports(self) -> &'static [&'static str] {
        match self {
            Self::ApprovalPolicy => &["types", "log", "request", "context"],
            Self::CostEstimator => &["types", "log", "request"],
            Self::TemplateGenerator => &["types", "log"],
            Self::Provider => &["types", "log", "secrets", "sql", "files"],
        }
    }

    /// Whether the kind is a pure function of its input: no effects, no authority, the same answer every time.
    #[must_use]
    pub const fn is_pure(self) -> bool {
        !matches!(self, Self::Provider)
    }
}

impl fmt::Display for PluginKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_is_written_the_same_way_everywhere() {
        for kind in PluginKind::ALL {
            assert_eq!(serde_json::to_string(&kind).unwrap(), format!("\"{kind}\""));
        }
    }
}
