//! Calling approval policies.

use std::sync::Arc;

use macadam_core::request::PolicyContext;
use macadam_core::verdict::Verdict;

use crate::call::{Call, Lanes, Measured, Scope, failure, run};
use crate::clients::{Served, v0_1, v0_2};
use crate::errors::LoadError;
use crate::plugin::LoadedPlugin;

/// What a policy is asked, with the texts that numbers and times become: made once for all policies of a request.
#[derive(Debug)]
pub struct PolicyInput {
    pub(crate) context: PolicyContext,
    pub(crate) texts: Texts,
}

#[derive(Debug)]
pub(crate) struct Texts {
    pub(crate) now: String,
    pub(crate) hourly: String,
    pub(crate) monthly: String,
    pub(crate) lines: Vec<Option<String>>,
    pub(crate) budget: Option<String>,
    pub(crate) committed: String,
}

impl PolicyInput {
    /// Makes the texts.
    #[must_use]
    pub fn new(context: PolicyContext) -> Arc<Self> {
        let cost = context.cost.as_ref();
        let texts = Texts {
            now: context.now.to_string(),
            hourly: cost.map(|cost| cost.hourly.to_string()).unwrap_or_default(),
            monthly: cost.map(|cost| cost.monthly.to_string()).unwrap_or_default(),
            lines: cost
                .map(|cost| cost.lines.iter().map(|line| line.monthly.map(|m| m.to_string())).collect())
                .unwrap_or_default(),
            budget: context.standing.team.limits.monthly_budget.map(|budget| budget.to_string()),
            committed: context.standing.usage.committed.to_string(),
        };
        Arc::new(Self { context, texts })
    }

    /// What it was made from.
    #[must_use]
    pub fn context(&self) -> &PolicyContext {
        &self.context
    }
}

/// A loaded policy.
#[derive(Clone)]
pub struct PolicyClient {
    plugin: Arc<LoadedPlugin>,
    lanes: Arc<Lanes>,
    exports: Served<v0_1::exports::approval_policy::GuestIndices, v0_2::exports::approval_policy::GuestIndices>,
}

impl PolicyClient {
    /// Looks up a policy's functions.
    ///
    /// # Errors
    /// [`LoadError::Contract`] when it does not export them.
    pub fn new(plugin: Arc<LoadedPlugin>, lanes: Arc<Lanes>) -> Result<Self, LoadError> {
        let first = v0_1::exports::approval_policy::GuestIndices::new;
        let exports = Served::look_up(&plugin, first, v0_2::exports::approval_policy::GuestIndices::new)?;
        Ok(Self { plugin, lanes, exports })
    }

    /// The plugin behind it.
    #[must_use]
    pub fn plugin(&self) -> &Arc<LoadedPlugin> {
        &self.plugin
    }

    /// Decides one request.
    pub async fn evaluate(&self, input: Arc<PolicyInput>, settings: Arc<str>) -> Call<Verdict> {
        let exports = self.exports.clone();
        run(&self.plugin, &self.lanes, Scope::NONE, move |store, entered| {
            Box::pin(async move {
                match &exports {
                    Served::V0_1(exports) => {
                        let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                        let parts = v0_1::ContextParts::new(&input);
                        let answer = guest.call_evaluate(store, parts.context(), &settings).await?;
                        Ok(answer.map_err(v0_1::plugin_error).and_then(v0_1::verdict))
                    }
                    Served::V0_2(exports) => {
                        let guest = exports.at(&entered)?.load(&mut *store, &entered.instance)?;
                        store.data_mut().asked = v0_2::Asked::Policy(input);
                        let answer = guest.call_evaluate(store, &settings).await?;
                        Ok(answer.map_err(v0_2::plugin_error).and_then(v0_2::verdict))
                    }
                }
            })
        })
        .await
    }
}

impl Measured for Verdict {
    fn bytes(&self) -> u64 {
        match self {
            Self::Allow => 0,
            Self::Warn { warnings } => warnings.bytes(),
            Self::RequireApproval(need) => {
                need.reason.len() as u64 + need.groups.iter().map(|group| group.as_str().len() as u64).sum::<u64>()
            }
            Self::Deny { violations } => failure::bytes_of(violations),
        }
    }
}
