//! The one HTTP client: access gate, budget, time-outs, safe retries, redaction, one report a call.

mod answer;
mod bounds;
mod pieces;

use super::budget::Budget;
use super::error::{Class, VendorError};
use super::report::{self, CallReport, Reporter, Unjudged};
use crate::api::VendorName;
use crate::failpoint;
use crate::plan::Redactor;
pub(crate) use answer::Answer;
use answer::LONGEST_WAIT;
pub(super) use bounds::LONGEST_LIST;
use bounds::{longest_answer, takes_turn, too_many_values, turns};
use bytes::Bytes;
use pieces::Pieces;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tracing::Instrument as _;
use zeroize::Zeroizing;

/// Room for an ordinary request, so that no copy of half of it is left behind where it grew.
const ROOM: usize = 16 << 10;
/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a call may take in all, unless it says otherwise.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How long a long list may wait for its turn to be read.
const LONGEST_TURN_WAIT: Duration = Duration::from_secs(120);

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Reading all subscriptions.
    List,
    /// Reading one subscription.
    Read,
    /// Making one.
    Create,
    /// Changing one.
    Update,
    /// Deleting one.
    Delete,
    /// Logging in.
    Token,
    /// Finding out where the account lives, and how it is.
    Locate,
    /// Finding out what may be written, without writing it.
    Check,
}

impl Operation {
    /// The name as it stands in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Token => "token",
            Self::Locate => "locate",
            Self::Check => "check",
        }
    }

    /// Whether the vendor's subscriptions change by it.
    pub fn writes(self) -> bool {
        match self {
            Self::List | Self::Read | Self::Token | Self::Locate | Self::Check => false,
            Self::Create | Self::Update | Self::Delete => true,
        }
    }

    /// Whether a refusal of it concerns the whole account, and not the one subscription that it is about.
    pub(crate) fn concerns_account(self) -> bool {
        match self {
            Self::List | Self::Token | Self::Locate => true,
            Self::Read | Self::Check | Self::Create | Self::Update | Self::Delete => false,
        }
    }

    /// Whether it counts against the account's limit: the vendors' central services have limits of their own.
    fn is_counted(self) -> bool {
        match self {
            Self::Token | Self::Locate => false,
            Self::List | Self::Read | Self::Check | Self::Create | Self::Update | Self::Delete => true,
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What a client may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reads and token calls.
    ReadOnly,
    /// Everything.
    ReadWrite,
}

/// Says whether this process may still talk to vendors.
pub(crate) type Leads = Arc<dyn Fn() -> bool + Send + Sync>;

/// Reads from an answer's headers how many calls are left, and in how long the vendor counts anew.
pub(crate) type Meter = fn(&HeaderMap) -> Option<(u32, Duration)>;

/// A request to be sent.
pub(crate) struct Call<'a> {
    pub(crate) operation: Operation,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(HeaderName, SecretString)>,
    pub(crate) body: Body<'a>,
    pub(crate) timeout: Duration,
    /// Secrets in the body, beside those of the account.
    pub(crate) redactor: Redactor,
}

/// The body of a request.
pub(crate) enum Body<'a> {
    None,
    Json(&'a serde_json::Value),
    Form(Vec<(&'static str, SecretString)>),
}

impl Call<'_> {
    /// A call without headers and body.
    pub(crate) fn new(operation: Operation, method: Method, url: Url) -> Self {
        Self {
            operation,
            method,
            url,
            headers: Vec::new(),
            body: Body::None,
            timeout: CALL_TIMEOUT,
            redactor: Redactor::default(),
        }
    }
}

/// The one HTTP client of an account.
#[derive(Clone)]
pub(crate) struct Transport {
    http: reqwest::Client,
    turns: Arc<Semaphore>,
    exchanges: Arc<watch::Sender<()>>,
    vendor: VendorName,
    access: Access,
    redactor: Redactor,
    report: Reporter,
    budget: Arc<Budget>,
    meter: Option<Meter>,
    timeout: Duration,
    leads: Leads,
}

/// The HTTP client that all accounts share, with its connections and with the authorities that it trusts, which take a
/// megabyte. It is made when the first of them needs it.
#[derive(Clone)]
pub(crate) struct Http {
    client: Arc<OnceLock<reqwest::Client>>,
    turns: Arc<Semaphore>,
    /// Each exchange of tokens that is under way subscribes to it.
    exchanges: Arc<watch::Sender<()>>,
}

impl Default for Http {
    fn default() -> Self {
        Self { client: Arc::default(), turns: turns(), exchanges: Arc::new(watch::channel(()).0) }
    }
}

impl Http {
    /// Waits until no exchange of tokens is under way: the process must not end in the middle of one.
    pub(super) async fn exchanges_end(&self) {
        self.exchanges.closed().await;
    }

    /// The client; an error says why it cannot be set up.
    fn client(&self) -> Result<reqwest::Client, reqwest::Error> {
        if let Some(client) = self.client.get() {
            return Ok(client.clone());
        }
        let client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirect would carry credentials to a host that nobody checked.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("hooktender/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(self.client.get_or_init(|| client).clone())
    }
}

impl Transport {
    /// `redactor` holds the account's own secrets.
    pub(crate) fn new(
        http: &Http,
        vendor: VendorName,
        access: Access,
        redactor: Redactor,
        budget: Arc<Budget>,
        report: Reporter,
    ) -> Result<Self, reqwest::Error> {
        Ok(Self {
            http: http.client()?,
            turns: Arc::clone(&http.turns),
            exchanges: Arc::clone(&http.exchanges),
            vendor,
            access,
            redactor,
            report,
            budget,
            meter: None,
            timeout: Duration::MAX,
            leads: Arc::new(|| true),
        })
    }

    /// An exchange of tokens is under way as long as this is kept.
    pub(crate) fn unfinished_exchange(&self) -> watch::Receiver<()> {
        self.exchanges.subscribe()
    }

    /// The same client, told how the vendor tells what is left of its limit.
    pub(crate) fn metered(self, meter: Meter) -> Self {
        Self { meter: Some(meter), ..self }
    }

    /// The same client, no call of which takes longer than this.
    pub(crate) fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The same client, which says nothing while that says no.
    pub(crate) fn while_leading(self, leads: Leads) -> Self {
        Self { leads, ..self }
    }

    /// Whether the account's budget has room for so many calls now.
    pub(crate) fn affords(&self, calls: usize) -> bool {
        self.budget.remaining().is_none_or(|left| usize::try_from(left).is_ok_and(|left| left >= calls))
    }

    /// Sends a call. An answer of any status is an [`Answer`]; no answer is an error.
    ///
    /// A call that certainly did not reach the vendor is sent once more, and so is a read whose connection broke, as a
    /// kept-alive connection may at any time. A write whose connection broke is not: it may have been done.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Answer, VendorError> {
        if self.access == Access::ReadOnly && call.operation.writes() {
            let message = "refused by hooktender: this client may only read (plan mode)";
            return Err(VendorError::unsent(Class::Rejected, call.operation, message));
        }
        if !(self.leads)() {
            let message = "refused by hooktender: another process may have taken over";
            return Err(VendorError::unsent(Class::Unavailable, call.operation, message));
        }
        let request = self.request(&call)?;
        self.allowed(&call).map_err(|wait| VendorError::paced(call.operation, wait))?;
        let again = request.try_clone();
        match (self.once(&call, request).await, again) {
            // Each request that is sent counts.
            (Err((error, true)), Some(request)) if self.allowed(&call).is_ok() => {
                tracing::debug!(vendor = %self.vendor, operation = %call.operation, %error, "sending once more");
                self.once(&call, request).await.map_err(|(error, _)| error)
            }
            (answer, _) => answer.map_err(|(error, _)| error),
        }
    }

    /// Takes a request out of the account's budget; an error says how long to wait for the next.
    fn allowed(&self, call: &Call<'_>) -> Result<(), Duration> {
        let now = Instant::now();
        if call.operation.is_counted() { self.budget.take(now) } else { self.budget.open(now) }
    }

    fn request(&self, call: &Call<'_>) -> Result<reqwest::Request, VendorError> {
        let mut request = self
            .http
            .request(call.method.clone(), call.url.clone())
            .header(reqwest::header::ACCEPT, "application/json");
        for (name, value) in &call.headers {
            let bytes = wiped(value.expose_secret().as_bytes().to_vec().into());
            let mut value = HeaderValue::from_maybe_shared(bytes).map_err(|_| {
                self.unsent(call, Class::Credentials, &format!("the value for header {name} holds a character that no header can carry; check the Secret"))
            })?;
            value.set_sensitive(true);
            request = request.header(name, value);
        }
        request = match &call.body {
            Body::None => request,
            Body::Json(body) => request.header(CONTENT_TYPE, "application/json").body(wiped(in_json(body))),
            Body::Form(fields) => {
                request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(wiped(as_form(fields)))
            }
        };
        request.build().map_err(|error| self.unsent(call, Class::Rejected, &describe(&error)))
    }

    /// One try; the flag tells whether it may be repeated.
    async fn once(&self, call: &Call<'_>, request: reqwest::Request) -> Result<Answer, (VendorError, bool)> {
        let started = Instant::now();
        let span = report::span(self.vendor, call);
        let result = self.exchange(call, request).instrument(span.clone()).await;
        let elapsed = started.elapsed();
        let status = result.as_ref().ok().map(|answer| answer.status.as_u16());
        tracing::debug!(vendor = %self.vendor, operation = %call.operation, method = %call.method, host = call.url.host_str(), path = call.url.path(), status, elapsed_ms = elapsed.as_millis(), "vendor call");
        report::ended(&span, status);
        let class = status.map_or(Some(Class::Unavailable), report::class_of);
        let unjudged = Unjudged::new(
            Arc::clone(&self.report),
            CallReport { vendor: self.vendor, operation: call.operation, class, elapsed },
        );
        result.map(|answer| Answer { unjudged: Some(unjudged), ..answer }).map_err(|failure| {
            let unsent = matches!(&failure, Failure::Http(error) if error.is_connect());
            // What took too long, or was too much, would be so again.
            let once_is_enough = match &failure {
                Failure::Http(error) => error.is_timeout(),
                Failure::TimedOut(_) | Failure::TooLong(_) | Failure::TooMany | Failure::Crowded => true,
            };
            let message = Redactor::redact_all([&call.redactor, &self.redactor], &failure.to_string());
            let error = VendorError {
                outcome_unknown: call.operation.writes() && !unsent,
                ..VendorError::unsent(Class::Unavailable, call.operation, message)
            };
            // A login may use up what it was sent.
            let once_only = call.operation.writes() || call.operation == Operation::Token;
            (error, !once_is_enough && (unsent || !once_only))
        })
    }

    async fn exchange(&self, call: &Call<'_>, request: reqwest::Request) -> Result<Answer, Failure> {
        let operation = call.operation.as_str();
        failpoint::reached(["vendor", operation, "sending"]).await;
        let mut clock = Countdown::new(call.timeout.min(self.timeout), &call.url);
        let mut response = clock.within(self.http.execute(request)).await?;
        failpoint::reached(["vendor", operation, "sent"]).await;
        let longest = longest_answer(call.operation);
        let mut body = Pieces::new(response.content_length());
        let mut turn = None;
        // Unpacked, so that what is small on its way counts as what it becomes.
        while let Some(chunk) = clock.within(response.chunk()).await? {
            if body.len() + chunk.len() > longest {
                return Err(Failure::TooLong(longest));
            }
            if turn.is_none() && takes_turn(call.operation, body.len() + chunk.len()) {
                turn = Some(self.turn().await?);
            }
            body.push(&chunk);
        }
        let body = body.whole();
        if too_many_values(&body) {
            return Err(Failure::TooMany);
        }
        failpoint::reached(["vendor", operation, "answered"]).await;
        if let Some((left, anew)) = self.meter.and_then(|meter| meter(response.headers())) {
            self.budget.told(left, anew.min(LONGEST_WAIT), Instant::now());
        }
        Ok(Answer {
            operation: call.operation,
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: wiped(body),
            redactor: call.redactor.clone(),
            base: self.redactor.clone(),
            budget: Some(Arc::clone(&self.budget)),
            unjudged: None,
            _turn: turn,
        })
    }

    /// Waits for the turn to read a long list, which is no part of the time that the request may take.
    async fn turn(&self) -> Result<OwnedSemaphorePermit, Failure> {
        let turn = Arc::clone(&self.turns).acquire_owned();
        match tokio::time::timeout(LONGEST_TURN_WAIT, turn).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(_)) | Err(_) => Err(Failure::Crowded),
        }
    }

    fn unsent(&self, call: &Call<'_>, class: Class, message: &str) -> VendorError {
        let message = Redactor::redact_all([&call.redactor, &self.redactor], message);
        VendorError::unsent(class, call.operation, message)
    }
}

/// Bytes that are wiped when the last reader is done with them.
fn wiped(bytes: Zeroizing<Vec<u8>>) -> Bytes {
    Bytes::from_owner(bytes)
}

fn in_json(body: &serde_json::Value) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
    // Memory takes whatever is written to it.
    let _ = serde_json::to_writer(&mut *text, body);
    text
}

fn as_form(fields: &[(&'static str, SecretString)]) -> Zeroizing<Vec<u8>> {
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(ROOM));
    form.extend_pairs(fields.iter().map(|(name, value)| (*name, value.expose_secret())));
    form.finish().into_bytes().into()
}

/// What is left of the time that a request may take. reqwest's own time-out would go on while a list waits for its turn.
struct Countdown<'a> {
    left: Duration,
    host: &'a str,
}

impl<'a> Countdown<'a> {
    fn new(limit: Duration, url: &'a Url) -> Self {
        Self { left: limit, host: url.host_str().unwrap_or("the vendor") }
    }

    /// Runs a part of the request within the time that is left.
    async fn within<T>(
        &mut self,
        part: impl Future<Output = Result<T, reqwest::Error>>,
    ) -> Result<T, Failure> {
        let start = Instant::now();
        let done = tokio::time::timeout(self.left, part).await;
        self.left = self.left.saturating_sub(start.elapsed());
        done.map_err(|_| Failure::TimedOut(self.host.to_owned()))?.map_err(Failure::Http)
    }
}

enum Failure {
    Http(reqwest::Error),
    TimedOut(String),
    TooLong(usize),
    TooMany,
    Crowded,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(error) => f.write_str(&describe(error)),
            Self::TimedOut(host) => write!(f, "no answer in time from {host}"),
            Self::TooLong(longest) => write!(
                f,
                "the answer is longer than {} MiB, which is more than is read; check the account's address, and what it has there",
                longest >> 20
            ),
            Self::Crowded => f.write_str("too many long lists are being read at once; this one is tried again"),
            Self::TooMany => f.write_str(
                "the answer holds more values than are read; check the account's address, and what it has there",
            ),
        }
    }
}

/// What went wrong, down to the cause, without the URL (whose query may hold more than it should).
fn describe(error: &reqwest::Error) -> String {
    let host = error.url().and_then(|url| url.host_str()).unwrap_or("the vendor");
    let what = if error.is_timeout() {
        "no answer in time from"
    } else if error.is_connect() {
        "no connection to"
    } else {
        "the connection broke: no whole answer from"
    };
    let mut cause: &dyn std::error::Error = error;
    while let Some(deeper) = cause.source() {
        cause = deeper;
    }
    if std::ptr::eq(std::ptr::from_ref(cause).cast::<u8>(), std::ptr::from_ref(error).cast::<u8>()) {
        format!("{what} {host}")
    } else {
        format!("{what} {host} ({cause})")
    }
}

#[cfg(test)]
mod tests;
