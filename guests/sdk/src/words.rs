//! Words that settings use for the contract's enumerations, as JSON and people write them.

use std::fmt;

use crate::{Action, EnvironmentClass};

macro_rules! words {
    ($(#[$doc:meta])* $type:ident of $of:ty { $($(#[$case_doc:meta])* $case:ident = $word:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
        pub enum $type {
            $($(#[$case_doc])* #[serde(rename = $word)] $case,)+
        }

        impl $type {
            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$case => $word,)+ }
            }
        }

        impl From<$of> for $type {
            fn from(of: $of) -> Self {
                match of { $(<$of>::$case => Self::$case,)+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

words! {
    /// An action in settings.
    ActionWord of Action {
        /// Make a resource that does not exist.
        Create = "create",
        /// Change the specification of a resource that exists.
        Update = "update",
        /// Remove a resource.
        Delete = "delete",
        /// Generate a project from a golden path.
        Scaffold = "scaffold",
    }
}

words! {
    /// An environment's class in settings.
    ClassWord of EnvironmentClass {
        /// For trying things out.
        Development = "development",
        /// For what is about to be released.
        Staging = "staging",
        /// For what users depend on.
        Production = "production",
    }
}
