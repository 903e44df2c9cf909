//! One token an account, renewed by one caller at a time.

use super::error::VendorError;
use secrecy::{ExposeSecret, SecretString};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A token is renewed this long before it ends, so that it does not end on the way.
const EARLY: Duration = Duration::from_secs(60);

/// A token and its end.
#[derive(Clone)]
pub(crate) struct Token {
    /// The token itself.
    pub(crate) value: SecretString,
    /// When the vendor stops taking it.
    pub(crate) expires: Instant,
}

/// Keeps the one token of an account. Callers that need a new one wait for the one renewal in flight.
#[derive(Default)]
pub(crate) struct TokenCache {
    slot: Mutex<Option<Token>>,
}

impl TokenCache {
    /// The token that is good now; `renew` is called when there is none, or when it is `refused`: the value that the
    /// vendor just answered 401 to.
    pub(crate) async fn get<R>(
        &self,
        refused: Option<&SecretString>,
        renew: impl FnOnce() -> R,
    ) -> Result<SecretString, VendorError>
    where
        R: Future<Output = Result<Token, VendorError>>,
    {
        let mut slot = self.slot.lock().await;
        let good = slot.as_ref().filter(|token| {
            let was_refused = refused.is_some_and(|r| r.expose_secret() == token.value.expose_secret());
            !was_refused && Instant::now() + EARLY < token.expires
        });
        if let Some(token) = good {
            return Ok(token.value.clone());
        }
        *slot = None;
        let token = renew().await?;
        let value = token.value.clone();
        *slot = Some(token);
        Ok(value)
    }
}
