//! The only sender of requests to vendors: access check, rate limit, time-outs, safe retries, redaction, one report per call.

mod answer;
mod bounds;
mod failure;
mod http;
pub(super) mod operation;
mod pieces;

use super::budget::Budget;
use super::error::{Class, VendorError};
use super::json::Counter;
use super::memory::{AnswerKind, Reservation};
use super::report::{self, CallReport, PendingReport, Reporter};
use crate::api::VendorName;
use crate::failpoint;
use crate::plan::{Document, Redactor};
pub(crate) use answer::Answer;
use answer::LONGEST_WAIT;
pub(super) use bounds::LONGEST_LIST;
use bounds::{cost, longest_answer, most_values};
use bytes::Bytes;
use failure::{Failure, describe, not_set_up};
pub(crate) use http::Http;
pub use operation::Operation;
use pieces::Pieces;
use reqwest::header::{CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};
use secrecy::{ExposeSecret, SecretString};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::watch;
use tracing::Instrument as _;
use zeroize::Zeroizing;

/// Initial capacity of a request body. A buffer that grows would leave copies of secrets behind.
const ROOM: usize = 16 << 10;
/// Default time limit of a call.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// The access of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Reads and logins.
    ReadOnly,
    /// All operations.
    ReadWrite,
}

/// Whether this process is the leader, which alone may call vendors.
pub(crate) type IsLeader = Arc<dyn Fn() -> bool + Send + Sync>;

/// Reads from an answer's headers how many calls remain, and in how long the vendor's window resets.
pub(crate) type Meter = fn(&HeaderMap) -> Option<(u32, Duration)>;

/// A request to send.
pub(crate) struct Call<'a> {
    pub(crate) operation: Operation,
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(HeaderName, SecretString)>,
    pub(crate) body: Body<'a>,
    pub(crate) timeout: Duration,
    /// Secrets in the request, besides those of the account.
    pub(crate) redactor: Redactor,
    /// The memory reserved for a list, if the answer is one of its pages.
    pub(in crate::vendor) memory: Option<Arc<Reservation>>,
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
            memory: None,
        }
    }
}

/// Sends the calls of one account.
#[derive(Clone)]
pub(crate) struct Transport {
    http: Http,
    vendor: VendorName,
    access: Access,
    redactor: Redactor,
    report: Reporter,
    budget: Arc<Budget>,
    meter: Option<Meter>,
    timeout: Duration,
    is_leader: IsLeader,
}

impl Transport {
    /// `redactor` hides the account's own secrets.
    pub(crate) fn new(
        http: &Http,
        vendor: VendorName,
        access: Access,
        redactor: Redactor,
        budget: Arc<Budget>,
        report: Reporter,
    ) -> Self {
        Self {
            http: http.clone(),
            vendor,
            access,
            redactor,
            report,
            budget,
            meter: None,
            timeout: Duration::MAX,
            is_leader: Arc::new(|| true),
        }
    }

    /// Marks a token exchange as in flight until the result is dropped.
    pub(crate) fn begin_token_exchange(&self) -> watch::Receiver<()> {
        self.http.exchanges.subscribe()
    }

    /// Sets how to read the remaining calls from an answer.
    pub(crate) fn metered(self, meter: Meter) -> Self {
        Self { meter: Some(meter), ..self }
    }

    /// Bounds how long any call may take.
    pub(crate) fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Refuses calls while `is_leader` returns false.
    pub(crate) fn while_leading(self, is_leader: IsLeader) -> Self {
        Self { is_leader, ..self }
    }

    /// Whether the account's budget has room for that many calls now.
    pub(crate) fn affords(&self, calls: usize) -> bool {
        self.budget.remaining().is_none_or(|left| usize::try_from(left).is_ok_and(|left| left >= calls))
    }

    /// Sends a call. An answer of any status is an [`Answer`]; no answer is an error.
    ///
    /// Retries once if the call certainly did not reach the vendor, or if it is a read whose connection broke, as a kept-alive
    /// connection may at any time. A write whose connection broke may have been carried out and is not retried.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Answer, VendorError> {
        if self.access == Access::ReadOnly && call.operation.writes() {
            let message = "refused by hooktender: this client may only read (plan mode)";
            return Err(VendorError::unsent(Class::Rejected, call.operation, message));
        }
        if !(self.is_leader)() {
            let message = "refused by hooktender: another process may have taken over";
            return Err(VendorError::unsent(Class::Unavailable, call.operation, message));
        }
        let request = self.request(&call)?;
        self.acquire(&call).map_err(|wait| VendorError::paced(call.operation, wait))?;
        let again = request.try_clone();
        match (self.attempt(&call, request).await, again) {
            // The retry counts against the budget too.
            (Err((error, true)), Some(request)) if self.acquire(&call).is_ok() => {
                tracing::debug!(vendor = %self.vendor, operation = %call.operation, %error, "retrying a vendor call");
                self.attempt(&call, request).await.map_err(|(error, _)| error)
            }
            (answer, _) => answer.map_err(|(error, _)| error),
        }
    }

    /// Takes a call out of the account's budget; an error says how long to wait.
    fn acquire(&self, call: &Call<'_>) -> Result<(), Duration> {
        let now = Instant::now();
        if call.operation.is_counted() { self.budget.try_acquire(now) } else { self.budget.check(now) }
    }

    fn request(&self, call: &Call<'_>) -> Result<reqwest::Request, VendorError> {
        let client = self.http.client(&call.url);
        let client = client.map_err(|error| self.unsent(call, Class::Unavailable, &not_set_up(&error)))?;
        let mut request = client
            .request(call.method.clone(), call.url.clone())
            .header(reqwest::header::ACCEPT, "application/json");
        for (name, value) in &call.headers {
            let bytes = wiped(value.expose_secret().as_bytes().to_vec().into());
            let mut value = HeaderValue::from_maybe_shared(bytes).map_err(|_| {
                self.unsent(call, Class::Credentials, &format!("the value of header {name} contains a character that is not valid in a header: check the Secret"))
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

    /// Sends the request once. The flag beside an error says whether a retry is safe and useful.
    async fn attempt(
        &self,
        call: &Call<'_>,
        request: reqwest::Request,
    ) -> Result<Answer, (VendorError, bool)> {
        let started = Instant::now();
        let span = report::span(self.vendor, call.operation, &call.method, &call.url);
        let result = self.round_trip(call, request).instrument(span.clone()).await;
        let elapsed = started.elapsed();
        let status = result.as_ref().ok().map(|answer| answer.status.as_u16());
        tracing::debug!(vendor = %self.vendor, operation = %call.operation, method = %call.method, host = call.url.host_str(), path = call.url.path(), status, elapsed_ms = elapsed.as_millis(), "vendor call");
        report::ended(&span, status);
        let clock = result.as_ref().ok().and_then(|answer| clock(&answer.headers));
        let class = status.map_or(Some(Class::Unavailable), report::class_of);
        let report = PendingReport::new(
            Arc::clone(&self.report),
            CallReport { vendor: self.vendor, operation: call.operation, class, elapsed, clock },
        );
        result.map(|answer| Answer { report: Some(report), ..answer }).map_err(|failure| {
            let unsent = matches!(&failure, Failure::Http(error) if error.is_connect());
            let would_fail_again = match &failure {
                Failure::Http(error) => error.is_timeout(),
                Failure::TimedOut(_) | Failure::TooLong(_) | Failure::TooMany(_) | Failure::NoMemory(_) => {
                    true
                }
            };
            let message = Redactor::redact_all([&call.redactor, &self.redactor], &failure.to_string());
            let error = VendorError {
                outcome_unknown: call.operation.writes() && !unsent,
                too_large: failure.is_too_large(),
                ..VendorError::unsent(Class::Unavailable, call.operation, message)
            };
            // A login may use up the token that it sends.
            let once_only = call.operation.writes() || call.operation == Operation::Token;
            (error, !would_fail_again && (unsent || !once_only))
        })
    }

    async fn round_trip(&self, call: &Call<'_>, request: reqwest::Request) -> Result<Answer, Failure> {
        let operation = call.operation.as_str();
        failpoint::reached(["vendor", operation, "sending"]).await;
        let mut clock = Countdown::new(call.timeout.min(self.timeout), &call.url);
        let client = self.http.client(&call.url).map_err(Failure::Http)?;
        let mut response = clock.run(client.execute(request)).await?;
        failpoint::reached(["vendor", operation, "sent"]).await;
        let kind = if call.operation == Operation::List { AnswerKind::List } else { AnswerKind::Single };
        let memory = call.memory.clone().unwrap_or_else(|| self.http.memory.reserve(kind));
        let body = self.body(call, &mut response, &mut clock, &memory).await?;
        failpoint::reached(["vendor", operation, "answered"]).await;
        if let Some((remaining, resets_in)) = self.meter.and_then(|meter| meter(response.headers())) {
            self.budget.update_from_headers(remaining, resets_in.min(LONGEST_WAIT), Instant::now());
        }
        Ok(Answer {
            operation: call.operation,
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: wiped(body),
            redactor: call.redactor.clone(),
            base: self.redactor.clone(),
            budget: Some(Arc::clone(&self.budget)),
            report: None,
            memory,
        })
    }

    /// Reads a body within the bounds and the available memory. Waiting for memory does not count against the call's time limit.
    async fn body(
        &self,
        call: &Call<'_>,
        response: &mut reqwest::Response,
        clock: &mut Countdown<'_>,
        memory: &Reservation,
    ) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let (longest, most) = (longest_answer(call.operation), most_values(call.operation));
        let (mut body, mut values) = (Pieces::new(response.content_length()), Counter::default());
        // Reserved for the pages before this one.
        let before = memory.size();
        // Decompressed, so that the bounds apply to the decompressed size.
        while let Some(chunk) = clock.run(response.chunk()).await? {
            let length = body.len() + chunk.len();
            if length > longest {
                return Err(Failure::TooLong(longest));
            }
            memory.grow_to(before + cost(call.operation, length)).await.map_err(Failure::NoMemory)?;
            // Each value takes a byte at least.
            if length > most {
                if body.len() <= most {
                    body.each(|piece| values.add(piece));
                }
                values.add(&chunk);
            }
            if values.values() > most {
                return Err(Failure::TooMany(most));
            }
            body.push(&chunk);
        }
        Ok(body.whole())
    }

    fn unsent(&self, call: &Call<'_>, class: Class, message: &str) -> VendorError {
        let message = Redactor::redact_all([&call.redactor, &self.redactor], message);
        VendorError::unsent(class, call.operation, message)
    }
}

/// Returns the sender's time in an answer's headers.
fn clock(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

/// Returns a redactor that hides every secret of a document.
pub(crate) fn secrets_of(document: &Document) -> Redactor {
    let mut redactor = Redactor::default();
    document.for_each_text(&mut |text| {
        for (variable, secret) in text.secrets() {
            redactor.hide(secret, &format!("$({variable})"));
        }
    });
    redactor
}

/// Bytes that are wiped when the last reference is dropped.
fn wiped(bytes: Zeroizing<Vec<u8>>) -> Bytes {
    Bytes::from_owner(bytes)
}

fn in_json(body: &serde_json::Value) -> Zeroizing<Vec<u8>> {
    let mut text = Zeroizing::new(Vec::with_capacity(ROOM));
    // Writing to a Vec cannot fail.
    let _ = serde_json::to_writer(&mut *text, body);
    text
}

fn as_form(fields: &[(&'static str, SecretString)]) -> Zeroizing<Vec<u8>> {
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(ROOM));
    form.extend_pairs(fields.iter().map(|(name, value)| (*name, value.expose_secret())));
    form.finish().into_bytes().into()
}

/// The remaining time of a call. reqwest's own time-out would also count the wait for memory.
struct Countdown<'a> {
    left: Duration,
    host: &'a str,
}

impl<'a> Countdown<'a> {
    fn new(limit: Duration, url: &'a Url) -> Self {
        Self { left: limit, host: url.host_str().unwrap_or("the vendor") }
    }

    /// Runs a part of the call within the remaining time.
    async fn run<T>(&mut self, part: impl Future<Output = Result<T, reqwest::Error>>) -> Result<T, Failure> {
        let start = Instant::now();
        let done = tokio::time::timeout(self.left, part).await;
        self.left = self.left.saturating_sub(start.elapsed());
        done.map_err(|_| Failure::TimedOut(self.host.to_owned()))?.map_err(Failure::Http)
    }
}

#[cfg(test)]
mod tests;
