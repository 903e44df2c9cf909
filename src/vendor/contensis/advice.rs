//! Advice about an account or a refusal: rights to add to the login's role, and the setting `nameLanguage`. It only changes
//! messages: no call is blocked, and a read that fails is ignored.

use super::rights::{self, Right};
use super::wire::member;
use super::{Contensis, is_vendor_error, names};
use crate::api::{REQUESTED_AT, VendorName};
use crate::vendor::transport::{Answer, Call, Operation};
use crate::vendor::{Class, VendorError};
use futures::future::join_all;
use reqwest::Method;
use std::time::Duration;

/// Time limit of a read, for which a list or the answer to a write waits.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Returns what to do about an account that can be read.
pub(super) fn of_account(client: &Contensis) -> Option<String> {
    let names = client.dialect().and_then(|dialect| dialect.mismatch(client.language.as_deref()));
    let missing = client.rights.missing();
    let rights = (!missing.is_empty()).then(|| {
        format!(
            "the role of this {} lacks the webhook permission {} of project {}: add it, then set the annotation {REQUESTED_AT} on this account to check it again",
            client.login,
            rights::names(&missing),
            client.project
        )
    });
    let all: Vec<_> = names.into_iter().chain(rights).collect();
    (!all.is_empty()).then(|| all.join("; "))
}

/// Adds to a refusal that may be about the dialect of names what to set.
pub(super) async fn explained(client: &Contensis, error: VendorError) -> VendorError {
    if error.class != Class::Rejected {
        return error;
    }
    let language = client.language.as_deref();
    let hint = match client.dialect() {
        Some(dialect) => dialect.mismatch(language),
        None if names::is_about_names(&error.message) => {
            let primary = client.primary_language.get_or_init(|| primary_language(client)).await;
            Some(names::guess(language, primary.as_deref()))
        }
        None => None,
    };
    match hint {
        Some(hint) => VendorError { message: format!("{}; {hint}", error.message), ..error },
        None => error,
    }
}

/// Checks after a list which rights the login lacks: once per client, and again after a refusal that the last check does not
/// explain. Waits for a later list if the checks would take more than half of the remaining budget.
pub(super) async fn check_rights(client: &Contensis) {
    let calls = 1 + Right::BEYOND_VIEW.len();
    if client.transport.affords(2 * calls) && client.rights.start_check() {
        client.rights.record(missing_rights(client).await);
    }
}

/// Returns the rights that the login lacks; `None` if the server does not tell (vendors/contensis.md 5).
///
/// Only for a login that has just listed the subscriptions: a server that denies it even that right has no such endpoint,
/// or no answer for this kind of login.
async fn missing_rights(client: &Contensis) -> Option<Vec<Right>> {
    if !has(client, Right::View).await? {
        return None;
    }
    let answers = join_all(Right::BEYOND_VIEW.map(|right| has(client, right))).await;
    let answers = answers.into_iter().collect::<Option<Vec<bool>>>()?;
    let all = Right::BEYOND_VIEW.into_iter().zip(answers);
    Some(all.filter(|(_, has)| !has).map(|(right, _)| right).collect())
}

/// Checks one right of the login. A missing one is a 404 in the vendor's envelope.
async fn has(client: &Contensis, right: Right) -> Option<bool> {
    let path = ["security", "permissions", "webhookSubscriptions", "actions", right.action()];
    let answer = read(client, &path).await?;
    match answer.status.as_u16() {
        200 => member(answer.any_json()?.as_object()?, "authorized")?.as_bool(),
        404 => is_vendor_error(&answer).then_some(false),
        _ => None,
    }
}

/// Returns the project's primary language.
async fn primary_language(client: &Contensis) -> Option<String> {
    let answer = read(client, &[]).await.filter(|answer| answer.status.is_success())?;
    let project = answer.any_json()?;
    let language = member(project.as_object()?, "primaryLanguage")?.as_str()?;
    names::is_language(language).then(|| language.to_owned())
}

async fn read(client: &Contensis, path: &[&str]) -> Option<Answer> {
    let project = ["api", "management", "projects", &client.project];
    let url = client.endpoint.join(project.into_iter().chain(path.iter().copied()));
    let call = || Call { timeout: TIMEOUT, ..Call::new(Operation::Validate, Method::GET, url.clone()) };
    match client.send(call).await {
        Ok(answer) => Some(answer),
        Err(error) => {
            tracing::debug!(vendor = %VendorName::Contensis, project = client.project, %error, "the project was not read");
            None
        }
    }
}
