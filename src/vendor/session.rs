//! Logging in: headers that never change, or a token that one caller at a time renews.

use super::error::VendorError;
use super::transport::{Answer, Call, Transport};
use reqwest::header::HeaderName;
use secrecy::{ExposeSecret, SecretString};
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// A token is renewed this long before it ends, so that it does not end on the way,
const REFRESH_MARGIN: Duration = Duration::from_secs(60);
/// but not before so much of its life is over, however short that is.
const MIN_USED_SHARE: f64 = 0.9;

/// The headers that tell the vendor who asks.
pub(crate) type Headers = Vec<(HeaderName, SecretString)>;

/// A token, and when it is time for the next.
#[derive(Clone)]
pub(crate) struct Token {
    value: SecretString,
    /// None: it is good until it is refused.
    refresh_at: Option<Instant>,
    /// How much longer each use makes it live.
    sliding_ttl: Option<Duration>,
}

impl Token {
    /// A token that is good until it is refused.
    pub(crate) fn non_expiring(value: SecretString) -> Self {
        Self { value, refresh_at: None, sliding_ttl: None }
    }

    /// A token that lives so long from now on.
    pub(crate) fn expiring(value: SecretString, life: Duration) -> Self {
        let early = REFRESH_MARGIN.min(life.mul_f64(1.0 - MIN_USED_SHARE));
        Self {
            refresh_at: Instant::now().checked_add(life.saturating_sub(early)),
            ..Self::non_expiring(value)
        }
    }

    /// A token that each use makes live so long again.
    pub(crate) fn sliding(value: SecretString, life: Duration) -> Self {
        Self { sliding_ttl: Some(life), ..Self::expiring(value, life) }
    }

    /// The token itself.
    #[cfg(test)]
    pub(crate) fn value(&self) -> &SecretString {
        &self.value
    }

    fn is_due(&self) -> bool {
        self.refresh_at.is_some_and(|at| at <= Instant::now())
    }
}

/// How one kind of credentials gives tokens.
pub(crate) trait TokenSource: Send + Sync {
    /// A new token. Called by one caller at a time; everybody else waits for what it gives.
    fn fetch(&self, transport: &Transport) -> impl Future<Output = Result<Token, VendorError>> + Send;

    /// The headers with that token.
    fn headers(&self, token: &SecretString) -> Headers;

    /// Keeps what was given and could not be kept yet, before it is forgotten with this session.
    fn flush_tokens(&self) -> impl Future<Output = Result<(), VendorError>> + Send {
        std::future::ready(Ok(()))
    }

    /// Whether that answer says that the token, and not just the request, is refused.
    fn rejects_token(&self, answer: &Answer) -> bool {
        answer.status.as_u16() == 401
    }
}

/// Who asks, call after call.
pub(crate) enum Session<R> {
    /// Headers that never change.
    Fixed(Headers),
    /// A token that is made anew when it ends or is refused.
    Refreshed {
        /// How.
        source: R,
        /// The one token.
        cache: Mutex<Option<Token>>,
    },
}

impl<R: TokenSource> Session<R> {
    /// A session whose first token is still to be fetched, or is given.
    pub(crate) fn refreshed(source: R, first: Option<Token>) -> Self {
        Self::Refreshed { source, cache: Mutex::new(first) }
    }

    /// Comes before the session is given up for another.
    pub(crate) async fn flush_tokens(&self) -> Result<(), VendorError> {
        match self {
            Self::Fixed(_) => Ok(()),
            Self::Refreshed { source, .. } => source.flush_tokens().await,
        }
    }

    /// Sends a call. After a refusal the token is renewed once and the call sent once more: the vendor refused it before
    /// it did anything. A second refusal is the answer.
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
        // It may be as good as ever: not each refusal is about the token.
        again.redactor.hide(&token, "(redacted)");
        transport.send(again).await
    }

    /// The token that is good now; another one than `refused`.
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
        // A scheme may stand before the token: a vendor that repeats either is kept from showing it.
        let token = value.expose_secret().rsplit(' ').next().unwrap_or_default();
        call.redactor.hide(&token.into(), "(redacted)");
    }
    call.headers.extend(headers);
    call
}
