//! What each kind of sealed value is sealed to: one that is moved to another place does not open there.

use macadam_store::{JobId, JobPhase, SealedPlace, WebhookId};

pub(crate) fn of_secret(scope: &str, name: &str) -> String {
    format!("secret/{scope}/{name}")
}

pub(crate) fn of_job_state(job: JobId, phase: JobPhase) -> String {
    format!("job/{job}/{}", phase.as_str())
}

pub(crate) fn of_webhook(webhook: WebhookId) -> String {
    format!("webhook/{webhook}")
}

pub(crate) fn of_webhook_url(webhook: WebhookId) -> String {
    format!("webhook-url/{webhook}")
}

pub(crate) fn of_place(place: &SealedPlace) -> String {
    match place {
        SealedPlace::Secret { scope, name, .. } => of_secret(scope, name),
        SealedPlace::JobState { job, phase } => of_job_state(*job, *phase),
        SealedPlace::WebhookSecret(webhook) | SealedPlace::PreviousWebhookSecret(webhook) => of_webhook(*webhook),
        SealedPlace::WebhookUrl(webhook) | SealedPlace::PlainWebhookUrl(webhook) => of_webhook_url(*webhook),
    }
}
