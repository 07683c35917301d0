//! The address of a webhook, sealed: what follows its host is often a secret of its receiver's.

use macadam_store::{Sealed, WebhookId, WebhookRecord, WebhookUrl};

use crate::vault::{SealError, Sealer, scope};

/// Seals an address. It opens as that webhook's only.
pub(super) fn seal(sealer: &Sealer, webhook: WebhookId, url: &str) -> Result<Sealed, SealError> {
    sealer.seal(&scope::of_webhook_url(webhook), url.as_bytes())
}

/// Whom a webhook calls.
pub(super) fn open(sealer: &Sealer, webhook: &WebhookRecord) -> Result<String, SealError> {
    match &webhook.url {
        WebhookUrl::Sealed(sealed) => {
            let opened = sealer.open(&scope::of_webhook_url(webhook.id), sealed)?;
            String::from_utf8(opened).map_err(|_| SealError::DoesNotOpen)
        }
        WebhookUrl::Plain(url) => Ok(url.clone()),
    }
}
