//! What people do with webhooks: make, change, look at, try, rotate, enable and remove them.
//!
//! They are for those who may change what belongs to a team. Others learn nothing of them, since an address is often a
//! secret of its receiver's.

use jiff::{SignedDuration, Timestamp};
use macadam_core::names::TeamId;
use macadam_core::signature::WebhookSecret;
use macadam_core::violation::{Violation, join};
use macadam_store::{
    DeliveryId, DeliveryRecord, EVENT_TYPE_PREFIX, NewWebhook, NewWebhookUrl, PageRequest, Sealed, StoreError,
    WebhookChange, WebhookError, WebhookFilter, WebhookId, WebhookRecord,
};
use serde_json::json;

use crate::authorization::{Action, Refused, Target};
use crate::events::CloudEvent;
use crate::platform::random;
use crate::vault::scope;
use crate::webhooks::address;
use crate::webhooks::deliver::{delivery_id, send};
use crate::webhooks::destination::Destination;
use crate::webhooks::send::Purpose;
use crate::webhooks::{ChangeWebhook, CreateWebhook, WebhookView, WithSecret};
use crate::{Caller, Platform};

/// How many webhooks a team may have.
const MOST: u32 = 20;

/// How long the secret before a rotation counts as well.
const OVERLAP: SignedDuration = SignedDuration::from_hours(24);

/// What a filter may have.
const MOST_TYPES: usize = 50;
const LONGEST_PREFIX: usize = 200;
const LONGEST_DESCRIPTION: usize = 200;

/// Why something is not done with a webhook; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum ManageError {
    /// The input is wrong.
    #[error("{}", join(.0))]
    Invalid(Vec<Violation>),
    /// The person may not do this.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// There is none, or the person may not know of it.
    #[error("there is no webhook {0}")]
    NotFound(WebhookId),
    /// It does not fit what exists.
    #[error("{0}")]
    Conflict(String),
    /// Something that is needed is not there now.
    #[error("{0}")]
    Unavailable(String),
    /// Something of the host's own is broken.
    #[error("{0}")]
    Internal(String),
}

impl From<WebhookError> for ManageError {
    fn from(error: WebhookError) -> Self {
        match error {
            WebhookError::NotFound(id) => Self::NotFound(id),
            WebhookError::UnknownTeam(_) => Self::Invalid(vec![Violation::new("/team", error.to_string())]),
            WebhookError::TooMany { .. } | WebhookError::LeaseLost { .. } => Self::Conflict(error.to_string()),
            WebhookError::Store(error) => error.into(),
        }
    }
}

impl From<StoreError> for ManageError {
    fn from(error: StoreError) -> Self {
        if error.passes() { Self::Unavailable(error.to_string()) } else { Self::Internal(error.to_string()) }
    }
}

impl Platform {
    /// Makes a webhook and its secret.
    ///
    /// # Errors
    /// [`ManageError::Invalid`] names each field that is wrong.
    pub async fn create_webhook(
        &self,
        caller: &Caller,
        wish: CreateWebhook,
        now: Timestamp,
    ) -> Result<WithSecret, ManageError> {
        let CreateWebhook { team, url, description, types, subject } = wish;
        let team = team.unwrap_or_else(|| caller.team.clone());
        self.authorize(caller, Action::WebhookChange, &Target::Team(team.clone()))?;
        let destination = self.checked(&url, &description, &types, subject.as_deref())?;
        let filter = WebhookFilter { types, subject: subject.filter(|prefix| !prefix.is_empty()) };
        let id = WebhookId::new(now, bytes()?);
        let secret = self.new_secret(id)?;
        let url = self.sealed_url(id, &destination)?;
        let new = NewWebhook { id, team, description, url, filter, secret: secret.sealed, most: MOST };
        let webhook = self.store().create_webhook(&new, caller.by_person(), now).await?;
        Ok(WithSecret { webhook: self.shown(webhook), secret: secret.shown })
    }

    /// One webhook.
    ///
    /// # Errors
    /// [`ManageError::NotFound`] also for one of a team whose things the caller may not change.
    pub async fn webhook(&self, caller: &Caller, id: WebhookId) -> Result<WebhookView, ManageError> {
        Ok(self.shown(self.allowed_webhook(caller, Action::WebhookRead, id).await?))
    }

    /// The webhooks of the team that is named, or of all whose webhooks the caller may see.
    ///
    /// # Errors
    /// [`ManageError::Refused`] for a team whose webhooks the caller may not see, and when there is no other.
    pub async fn webhooks(
        &self,
        caller: &Caller,
        team: Option<TeamId>,
        page: PageRequest<WebhookId>,
    ) -> Result<Vec<WebhookView>, ManageError> {
        let teams = match team {
            Some(team) => {
                self.authorize(caller, Action::WebhookRead, &Target::Team(team.clone()))?;
                Some(vec![team])
            }
            None => self.some_teams_for::<ManageError>(caller, Action::WebhookRead).await?.into_filter(),
        };
        let found = self.store().webhooks(teams.as_deref(), page).await?;
        Ok(found.into_iter().map(|webhook| self.shown(webhook)).collect())
    }

    /// Changes of a webhook what is said, and nothing else: somebody may just be changing the rest.
    ///
    /// # Errors
    /// [`ManageError::Invalid`] names each field that is wrong.
    pub async fn change_webhook(
        &self,
        caller: &Caller,
        id: WebhookId,
        wish: ChangeWebhook,
        now: Timestamp,
    ) -> Result<WebhookView, ManageError> {
        let there = self.allowed_webhook(caller, Action::WebhookChange, id).await?;
        let ChangeWebhook { url, description, types, subject } = wish;
        // Whoever brings an address need not have one that opens.
        let known = address::open(self.parts.vault.sealer(), &there);
        let to_be = match (&url, &known) {
            (Some(url), _) => url,
            (None, Ok(known)) => known,
            (None, Err(error)) => {
                return Err(ManageError::Conflict(format!(
                    "the address of webhook {id}: {error}; give it another one"
                )));
            }
        };
        let destination = self.checked(
            to_be,
            description.as_deref().unwrap_or_default(),
            types.as_deref().unwrap_or_default(),
            subject.as_deref(),
        )?;
        let moves = url.is_some() && !known.is_ok_and(|known| known == destination.as_str());
        let url = moves.then(|| self.sealed_url(id, &destination)).transpose()?;
        let change = WebhookChange { description, url, types, subject };
        Ok(self.shown(self.store().change_webhook(id, &change, caller.by_person(), now).await?))
    }

    /// Gives a webhook a new secret; the one it had counts as well for a day.
    ///
    /// # Errors
    /// [`ManageError::NotFound`].
    pub async fn rotate_webhook(
        &self,
        caller: &Caller,
        id: WebhookId,
        now: Timestamp,
    ) -> Result<WithSecret, ManageError> {
        self.allowed_webhook(caller, Action::WebhookChange, id).await?;
        let secret = self.new_secret(id)?;
        let until = now.checked_add(OVERLAP).unwrap_or(Timestamp::MAX);
        let webhook = self.store().rotate_webhook(id, &secret.sealed, until, caller.by_person(), now).await?;
        Ok(WithSecret { webhook: self.shown(webhook), secret: secret.shown })
    }

    /// Lets a webhook be told of events again, from where it stopped.
    ///
    /// # Errors
    /// [`ManageError::NotFound`].
    pub async fn enable_webhook(
        &self,
        caller: &Caller,
        id: WebhookId,
        now: Timestamp,
    ) -> Result<WebhookView, ManageError> {
        self.allowed_webhook(caller, Action::WebhookChange, id).await?;
        Ok(self.shown(self.store().enable_webhook(id, caller.by_person(), now).await?))
    }

    /// Removes a webhook.
    ///
    /// # Errors
    /// [`ManageError::NotFound`].
    pub async fn delete_webhook(&self, caller: &Caller, id: WebhookId, now: Timestamp) -> Result<(), ManageError> {
        self.allowed_webhook(caller, Action::WebhookChange, id).await?;
        Ok(self.store().delete_webhook(id, caller.by_person(), now).await?)
    }

    /// Sends a webhook a message that tells nothing, whatever its state, and says what came of it.
    ///
    /// # Errors
    /// [`ManageError::NotFound`].
    pub async fn test_webhook(
        &self,
        caller: &Caller,
        id: WebhookId,
        now: Timestamp,
    ) -> Result<DeliveryRecord, ManageError> {
        let webhook = self.allowed_webhook(caller, Action::WebhookChange, id).await?;
        let delivery = delivery_id(now);
        let (event_type, subject) = (format!("{EVENT_TYPE_PREFIX}webhook.test"), format!("webhooks/{id}"));
        let data = json!({ "webhook": id, "team": webhook.team, "by": caller.person });
        let message = format!("test_{delivery}");
        let event = CloudEvent::new(message.clone(), self.feed().source(), &event_type, &subject, now, data);
        let outcome = send(self, &webhook, Purpose::Test, message, &event, now).await;
        let (took, status, error) = (outcome.took, outcome.status, outcome.error);
        let record = DeliveryRecord {
            id: delivery,
            webhook: id,
            event: None,
            event_type,
            attempt: 1,
            at: now,
            took,
            status,
            error,
        };
        self.store().keep_test(&record).await?;
        Ok(record)
    }

    /// What came of a webhook's attempts, the latest first.
    ///
    /// # Errors
    /// [`ManageError::NotFound`].
    pub async fn webhook_deliveries(
        &self,
        caller: &Caller,
        id: WebhookId,
        page: PageRequest<DeliveryId>,
    ) -> Result<Vec<DeliveryRecord>, ManageError> {
        self.allowed_webhook(caller, Action::WebhookRead, id).await?;
        Ok(self.store().deliveries(id, page).await?)
    }

    /// A webhook to which the caller may do something; to everybody else it is not there.
    async fn allowed_webhook(
        &self,
        caller: &Caller,
        action: Action,
        id: WebhookId,
    ) -> Result<WebhookRecord, ManageError> {
        self.is_in_scope(caller, action)?;
        let found = self.store().webhook(id).await?;
        let allowed = found.filter(|webhook| self.may(caller, action, &Target::Team(webhook.team.clone())));
        allowed.ok_or(ManageError::NotFound(id))
    }

    /// Checks what is said of a webhook, and names everything that is wrong with it.
    fn checked(
        &self,
        url: &str,
        description: &str,
        types: &[String],
        subject: Option<&str>,
    ) -> Result<Destination, ManageError> {
        let mut wrong = Vec::new();
        let destination = Destination::new(url, self.courier().settings());
        if let Err(reason) = &destination {
            wrong.push(Violation::new("/url", reason));
        }
        if description.chars().count() > LONGEST_DESCRIPTION {
            wrong.push(Violation::new("/description", format!("it has more than {LONGEST_DESCRIPTION} characters")));
        }
        if types.len() > MOST_TYPES {
            wrong.push(Violation::new("/types", format!("there are more than {MOST_TYPES}; write shorter prefixes")));
        }
        for (index, prefix) in types.iter().enumerate().filter(|(_, prefix)| !is_type_prefix(prefix)) {
            let message =
                format!("{prefix:?} is no event's beginning; write such as macadam.request. (docs/events.md)");
            wrong.push(Violation::new(format!("/types/{index}"), message));
        }
        if subject.is_some_and(|prefix| prefix.len() > LONGEST_PREFIX || prefix.contains(char::is_control)) {
            let message =
                format!("it is longer than {LONGEST_PREFIX} bytes or not printable; write such as resources/");
            wrong.push(Violation::new("/subject", message));
        }
        match destination {
            Ok(destination) if wrong.is_empty() => Ok(destination),
            _ => Err(ManageError::Invalid(wrong)),
        }
    }

    /// A webhook as its owners see it. An address that does not open keeps nobody from the rest.
    fn shown(&self, webhook: WebhookRecord) -> WebhookView {
        let url = address::open(self.parts.vault.sealer(), &webhook);
        let url = url.inspect_err(|error| tracing::error!(webhook = %webhook.id, %error, "a webhook's address"));
        WebhookView::of(webhook, url.ok())
    }

    fn sealed_url(&self, id: WebhookId, destination: &Destination) -> Result<NewWebhookUrl, ManageError> {
        let sealed = address::seal(self.parts.vault.sealer(), id, destination.as_str());
        let url = sealed.map_err(|error| ManageError::Internal(error.to_string()))?;
        Ok(NewWebhookUrl { url, receiver: destination.receiver() })
    }

    fn new_secret(&self, id: WebhookId) -> Result<NewSecret, ManageError> {
        let internal = |error: &dyn std::fmt::Display| ManageError::Internal(error.to_string());
        let mut bytes = vec![0_u8; WebhookSecret::NEW];
        getrandom::fill(&mut bytes).map_err(|error| internal(&error))?;
        let sealed =
            self.parts.vault.sealer().seal(&scope::of_webhook(id), &bytes).map_err(|error| internal(&error))?;
        let shown = WebhookSecret::new(bytes).map_err(|error| internal(&error))?.reveal();
        Ok(NewSecret { sealed, shown })
    }
}

struct NewSecret {
    sealed: Sealed,
    shown: String,
}

fn bytes() -> Result<[u8; 10], ManageError> {
    random().map_err(|error| ManageError::Internal(error.to_string()))
}

/// Whether an event's type can begin like this: either text is the other's beginning.
fn is_type_prefix(prefix: &str) -> bool {
    let is_word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-.".contains(c);
    let begins = prefix.starts_with(EVENT_TYPE_PREFIX) || EVENT_TYPE_PREFIX.starts_with(prefix);
    begins && (1..=LONGEST_PREFIX).contains(&prefix.len()) && prefix.chars().all(is_word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_that_no_event_can_have_is_refused() {
        for good in ["macadam.", "mac", "macadam.request.", "macadam.request.pending-approval"] {
            assert!(is_type_prefix(good), "{good:?}");
        }
        for bad in ["", "request.", "macadam request", "macadam.Request", "com.example"] {
            assert!(!is_type_prefix(bad), "{bad:?}");
        }
    }
}
