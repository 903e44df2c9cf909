//! Sessions: fixed headers, or a token that one caller at a time refreshes.

use super::error::VendorError;
use super::transport::{Answer, Call, Transport};
use reqwest::header::HeaderName;
use secrecy::{ExposeSecret, SecretString};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A token is refreshed this long before it expires, so that it does not expire in transit,
const REFRESH_MARGIN: Duration = Duration::from_secs(60);
/// but not before this share of its lifetime has passed.
const MIN_USED_SHARE: f64 = 0.9;

/// Headers that authenticate a request.
pub(crate) type Headers = Vec<(HeaderName, SecretString)>;

/// A token, and when to refresh it.
#[derive(Clone)]
pub(crate) struct Token {
    value: SecretString,
    /// None: when the vendor rejects it.
    refresh_at: Option<Instant>,
    /// The lifetime that begins with each use; none if use does not extend it.
    sliding_ttl: Option<Duration>,
}

impl Token {
    /// A token that is valid until the vendor rejects it.
    pub(crate) fn non_expiring(value: SecretString) -> Self {
        Self { value, refresh_at: None, sliding_ttl: None }
    }

    /// A token that is valid for `life` from now on.
    pub(crate) fn expiring(value: SecretString, life: Duration) -> Self {
        let early = REFRESH_MARGIN.min(life.mul_f64(1.0 - MIN_USED_SHARE));
        Self {
            refresh_at: Instant::now().checked_add(life.saturating_sub(early)),
            ..Self::non_expiring(value)
        }
    }

    /// A token that is valid for `life` from its last use on.
    pub(crate) fn sliding(value: SecretString, life: Duration) -> Self {
        Self { sliding_ttl: Some(life), ..Self::expiring(value, life) }
    }

    #[cfg(test)]
    pub(crate) fn value(&self) -> &SecretString {
        &self.value
    }

    fn is_due(&self) -> bool {
        self.refresh_at.is_some_and(|at| at <= Instant::now())
    }
}

/// Fetches tokens for one kind of credentials.
pub(crate) trait TokenSource: Send + Sync {
    /// Fetches a new token. Called by one caller at a time; all others wait for its result.
    fn fetch(&self, transport: &Transport) -> impl Future<Output = Result<Token, VendorError>> + Send;

    /// Returns the headers that carry the token.
    fn headers(&self, token: &SecretString) -> Headers;

    /// Stores exchanged tokens that could not be stored yet. Must be called before the session is dropped.
    fn flush_tokens(&self) -> impl Future<Output = Result<(), VendorError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Whether the answer rejects the token, not only the request.
    fn rejects_token(&self, answer: &Answer) -> bool {
        answer.status.as_u16() == 401
    }
}

/// Authenticates the calls of one client.
pub(crate) enum Session<R> {
    /// Headers that never change.
    Fixed(Headers),
    /// A token that is refreshed when it expires or is rejected.
    Refreshed {
        /// Where new tokens come from.
        source: R,
        /// The current token.
        cache: Mutex<Option<Token>>,
    },
}

impl<R: TokenSource> Session<R> {
    /// A session with a token; without `first`, the first call fetches one.
    pub(crate) fn refreshed(source: R, first: Option<Token>) -> Self {
        Self::Refreshed { source, cache: Mutex::new(first) }
    }

    /// Stores exchanged tokens that could not be stored yet. Must be called before the session is dropped.
    pub(crate) async fn flush_tokens(&self) -> Result<(), VendorError> {
        match self {
            Self::Fixed(_) => Ok(()),
            Self::Refreshed { source, .. } => source.flush_tokens().await,
        }
    }

    /// Sends a call. If the token is rejected, fetches a new one and sends the call once more: a call with a rejected token
    /// has no effect. A second rejection is returned.
    pub(crate) async fn send<'a>(
        &self,
        transport: &Transport,
        call: impl Fn() -> Call<'a>,
    ) -> Result<Answer, VendorError> {
        let (source, cache) = match self {
            Self::Fixed(headers) => return transport.send(with(call(), headers.clone())).await,
            Self::Refreshed { source, cache } => (source, cache),
        };
        let token = Self::token(source, cache, transport, None).await?;
        let answer = transport.send(with(call(), source.headers(&token))).await?;
        if !source.rejects_token(&answer) {
            Self::record_use(cache, &token).await;
            return Ok(answer);
        }
        let fresh = Self::token(source, cache, transport, Some(&token)).await?;
        let mut again = with(call(), source.headers(&fresh));
        // The first token may still be valid: not each rejection is about the token.
        again.redactor.hide(&token, "(redacted)");
        transport.send(again).await
    }

    /// Returns a valid token that is not `refused`.
    async fn token(
        source: &R,
        cache: &Mutex<Option<Token>>,
        transport: &Transport,
        refused: Option<&SecretString>,
    ) -> Result<SecretString, VendorError> {
        let mut slot = cache.lock().await;
        let was_refused = |token: &Token| refused.is_some_and(|refused| same(refused, &token.value));
        if let Some(token) = slot.as_ref().filter(|token| !token.is_due() && !was_refused(token)) {
            return Ok(token.value.clone());
        }
        *slot = None;
        let token = source.fetch(transport).await?;
        Ok(slot.insert(token).value.clone())
    }

    async fn record_use(cache: &Mutex<Option<Token>>, used: &SecretString) {
        let mut slot = cache.lock().await;
        if let Some(token) = slot.as_mut().filter(|token| same(used, &token.value))
            && let Some(life) = token.sliding_ttl
        {
            *token = Token::sliding(token.value.clone(), life);
        }
    }
}

fn same(a: &SecretString, b: &SecretString) -> bool {
    a.expose_secret() == b.expose_secret()
}

fn with(mut call: Call<'_>, headers: Headers) -> Call<'_> {
    for (_, value) in &headers {
        // A scheme such as Bearer may precede the token; an error message may repeat the token without it.
        let token = value.expose_secret().rsplit(' ').next().unwrap_or_default();
        call.redactor.hide(&token.into(), "(redacted)");
    }
    call.headers.extend(headers);
    call
}
