//! Reading the log. A team's stream is for its members; everything is for auditors, who leave a trace of having looked.

use jiff::Timestamp;
use macadam_core::audit::Stream;
use macadam_store::{AuditEntry, AuditFilter, NewAuditEntry, PageRequest, StoreError};
use serde_json::json;

use crate::authorization::{Action, Refused, Target};
use crate::provisioning::ProvisionError;
use crate::{Caller, Platform};

impl Platform {
    /// Entries of the audit log, a page at a time. Without a stream they are those of the caller's team, and for an
    /// auditor all.
    ///
    /// # Errors
    /// [`ProvisionError::Forbidden`] when another stream than that of the caller's team is asked for.
    pub async fn audit(
        &self,
        caller: &Caller,
        mut filter: AuditFilter,
        page: PageRequest<u64>,
        now: Timestamp,
    ) -> Result<Vec<AuditEntry>, ProvisionError> {
        filter.stream = self.readable(caller, filter.stream)?;
        if filter.stream != Some(own(caller)) {
            self.leave_a_trace(caller, &filter, now).await?;
        }
        Ok(self.store().audit(&filter, page).await?)
    }

    async fn leave_a_trace(&self, caller: &Caller, filter: &AuditFilter, now: Timestamp) -> Result<(), ProvisionError> {
        let stream = filter.stream.as_ref();
        if !self.audit.readers.begins(&caller.person, stream, now) {
            return Ok(());
        }
        let AuditFilter { actor, action, subject, since, until, .. } = filter;
        let data = json!({
            "actor": actor, "action": action, "subject": subject, "since": since, "until": until,
        });
        let subject = stream.map_or_else(|| "audit".to_owned(), |stream| format!("audit/{stream}"));
        let entry = NewAuditEntry::new("audit.read", subject).by(caller.by()).with(data);
        let written = self.keep_trace(entry, stream, now).await;
        if written.is_err() {
            self.audit.readers.forget(&caller.person, stream);
        }
        Ok(written?)
    }

    /// In the stream that is read, if there is a team that has it: a look at a name that is misspelt must not begin a chain.
    async fn keep_trace(
        &self,
        mut entry: NewAuditEntry,
        stream: Option<&Stream>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let is_there = match stream {
            Some(Stream::Team(team)) => self.store().team(team).await?.is_some(),
            Some(Stream::Platform) | None => true,
        };
        entry.stream = stream.filter(|_| is_there).cloned().unwrap_or_default();
        self.store().append_audit(&entry, now).await.map(drop)
    }
}

/// The caller's team's stream.
pub(super) fn own(caller: &Caller) -> Stream {
    Stream::Team(caller.team.clone())
}

impl Platform {
    /// The stream that is read, or `None` for all.
    pub(super) fn readable(&self, caller: &Caller, asked: Option<Stream>) -> Result<Option<Stream>, Refused> {
        let reads_own = self.may(caller, Action::AuditRead, &Target::Team(caller.team.clone()));
        match asked {
            Some(Stream::Team(team)) => {
                self.authorize(caller, Action::AuditRead, &Target::Team(team.clone()))?;
                Ok(Some(Stream::Team(team)))
            }
            None if reads_own && !self.may(caller, Action::AuditReadAll, &Target::Platform) => Ok(Some(own(caller))),
            asked => {
                self.authorize(caller, Action::AuditReadAll, &Target::Platform)?;
                Ok(asked)
            }
        }
    }
}
