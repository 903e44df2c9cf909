//! What came back: read as JSON, and judged.

use super::{Operation, wiped};
use crate::plan::Redactor;
use crate::vendor::budget::Budget;
use crate::vendor::error::{Class, VendorError};
use crate::vendor::json::members;
use crate::vendor::memory::Reservation;
#[cfg(any(test, feature = "fuzzing"))]
use crate::vendor::memory::{AnswerKind, AnswerMemory};
use crate::vendor::report::PendingReport;
use bytes::Bytes;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use reqwest::{StatusCode, Url};
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A wait that a vendor asks for is kept within these: nothing that it says makes a hot loop or a dead account.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// The members of vendors' envelopes of errors (vendors/brightpearl.md 8.1, vendors/contensis.md 2.6, vendors/superoffice.md 10).
const ENVELOPES: [&str; 7] = ["errors", "response", "message", "data", "logId", "ErrorType", "ErrorMessage"];

/// What came back.
pub(crate) struct Answer {
    pub(crate) operation: Operation,
    pub(crate) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// Made by [`wiped`].
    pub(super) body: Bytes,
    pub(super) redactor: Redactor,
    pub(super) base: Redactor,
    pub(super) budget: Option<Arc<Budget>>,
    pub(super) report: Option<PendingReport>,
    /// The memory that is reserved for it.
    pub(super) memory: Arc<Reservation>,
}

impl Answer {
    /// An answer for tests.
    #[cfg(any(test, feature = "fuzzing"))]
    pub(crate) fn of(operation: Operation, status: StatusCode, headers: HeaderMap, body: &str) -> Self {
        let (redactor, base) = (Redactor::default(), Redactor::default());
        Self {
            operation,
            status,
            headers,
            body: wiped(body.as_bytes().to_vec().into()),
            redactor,
            base,
            budget: None,
            report: None,
            memory: AnswerMemory::new(1 << 30).reserve(AnswerKind::List),
        }
    }

    /// The same answer to an account that has these secrets.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn with_secrets(self, base: Redactor) -> Self {
        Self { base, ..self }
    }

    /// The body as JSON of that shape. Anything else, HTML say, is [`Class::Unavailable`]: it does not come from the
    /// vendor's own service, or not whole.
    pub(crate) fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, VendorError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            // The parser's words may repeat a value, and nobody knows yet what is secret in a login's answer.
            let place = match self.operation {
                Operation::Token => format!("line {}, column {}", error.line(), error.column()),
                _ => error.to_string(),
            };
            self.malformed(&place)
        })
    }

    /// The body of an answer with a success status, of that shape. `detail` is what the vendor's error envelope says, where the
    /// body is one all the same.
    pub(crate) fn success<'a, T: serde::Deserialize<'a>>(
        &'a self,
        detail: Option<String>,
    ) -> Result<T, VendorError> {
        match detail {
            Some(detail) => Err(self.error(Class::Unavailable, detail)),
            None => self.json(),
        }
    }

    /// Whether a deletion is done, by an answer with a success status: the body is empty, `{}`, or the vendor's own as
    /// `is_own` tells. Of anything else, such as a proxy's page, nobody knows what was done. `detail` is as for
    /// [`Self::success`].
    pub(crate) fn check_deleted(
        &self,
        detail: Option<String>,
        is_own: fn(&serde_json::Map<String, serde_json::Value>) -> bool,
    ) -> Result<(), VendorError> {
        let is_done = self.is_blank()
            || detail.is_none()
                && matches!(self.any_json(), Some(serde_json::Value::Object(map)) if map.is_empty() || is_own(&map));
        if is_done {
            Ok(())
        } else {
            Err(self.error(Class::Unavailable, detail.unwrap_or_else(|| self.foreign_message())))
        }
    }

    /// The error of an item that has another shape than the vendor documents.
    pub(crate) fn malformed(&self, why: &str) -> VendorError {
        self.error(Class::Unavailable, format!("the answer is not what the vendor documents ({why})"))
    }

    /// Whether there is no body.
    pub(crate) fn is_blank(&self) -> bool {
        self.body.trim_ascii().is_empty()
    }

    /// A part of the body, to be kept. Of a list it is a view: the list is kept while any of its parts is. Of anything else
    /// it is a copy, as the rest is not worth keeping.
    pub(crate) fn part(&self, part: &RawValue) -> Bytes {
        let part = part.get().as_bytes();
        let (whole, at) = (self.body.as_ptr_range(), part.as_ptr_range());
        let within = whole.contains(&at.start) && at.end <= whole.end;
        if within && self.operation == Operation::List {
            self.body.slice_ref(part)
        } else {
            wiped(part.to_vec().into())
        }
    }

    /// The body as JSON of any shape, if it is that. Of a list, which may be long, only what vendors' envelopes of errors have.
    pub(crate) fn any_json(&self) -> Option<serde_json::Value> {
        if self.operation != Operation::List {
            return serde_json::from_slice(&self.body).ok();
        }
        let is_envelopes = |name: &str| ENVELOPES.iter().any(|member| member.eq_ignore_ascii_case(name));
        members(&self.body, &is_envelopes).map(serde_json::Value::Object)
    }

    /// The memory that is reserved for it.
    pub(in crate::vendor) fn memory(&self) -> &Arc<Reservation> {
        &self.memory
    }

    /// How long the body is.
    pub(crate) fn len(&self) -> usize {
        self.body.len()
    }

    /// A header's value, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// How long `Retry-After` asks to wait: seconds, or a date, which is read by the vendor's own clock.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let value = self.header(RETRY_AFTER.as_str())?.trim();
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = httpdate::parse_http_date(value).ok()?;
        Some(until.duration_since(self.date().unwrap_or_else(SystemTime::now)).unwrap_or_default())
    }

    /// The vendor's clock.
    pub(crate) fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.header(DATE.as_str())?).ok()
    }

    /// An error with a message that is fit to be shown.
    pub(crate) fn error(&self, class: Class, message: impl AsRef<str>) -> VendorError {
        if let Some(report) = &self.report {
            report.set_class(class);
        }
        let message = Redactor::redact_all([&self.redactor, &self.base], message.as_ref());
        let message = format!("{message} (HTTP {})", self.status.as_u16());
        VendorError::answered(class, self.operation, self.status.as_u16(), message)
    }

    /// Too fast. The whole account waits for as long as it is told, `wait`, or else what `Retry-After` says.
    pub(crate) fn throttled(&self, detail: &str, wait: Option<Duration>) -> VendorError {
        let wait = wait.or_else(|| self.retry_after()).map(|wait| wait.clamp(SHORTEST_WAIT, LONGEST_WAIT));
        if let (Some(budget), Some(wait)) = (&self.budget, wait) {
            budget.block_for(wait, Instant::now());
        }
        VendorError { retry_after: wait, outcome_unknown: false, ..self.error(Class::Throttled, detail) }
    }

    /// The error of a 403: the login lacks a right. For a list or a login that is the account's, for one write it is that
    /// write's alone. `detail` is as for [`Self::status_error`]; `advice` names the right, and who can give it.
    pub(crate) fn forbidden(&self, detail: Option<String>, advice: &str) -> VendorError {
        let class = match self.operation.concerns_account() {
            true => Class::Credentials,
            // A filter on the way to the vendor knows nothing of rights.
            false if detail.is_none() && !self.is_blank() => return self.status_error(None),
            false => Class::Rejected,
        };
        let detail = detail.unwrap_or_else(|| "permission denied".into());
        self.error(class, format!("{detail}; {advice}"))
    }

    /// The error of a status that says the same at every vendor. `detail` is what the vendor's own envelope said, if the
    /// answer had one.
    pub(crate) fn status_error(&self, detail: Option<String>) -> VendorError {
        let foreign = detail.is_none();
        let message = detail.unwrap_or_else(|| self.foreign_message());
        match self.status.as_u16() {
            401 => self.error(Class::Credentials, message),
            403 if self.operation.concerns_account() => self.error(Class::Credentials, message),
            404 | 410 if !foreign => self.error(Class::NotFound, message),
            409 | 412 => self.error(Class::Outdated, message),
            429 => self.throttled(&message, None),
            503 if self.mentions_throttling() => self.throttled(&message, None),
            400..=499 if !foreign => self.error(Class::Rejected, message),
            // A 4xx in a foreign envelope comes from something in between, or from a wrong address.
            _ => {
                let wait = self.retry_after().map(|wait| wait.min(LONGEST_WAIT));
                VendorError { retry_after: wait, ..self.error(Class::Unavailable, message) }
            }
        }
    }

    /// A 503 is an outage, unless its text says that it is about the pace.
    fn mentions_throttling(&self) -> bool {
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(4096)]).to_lowercase();
        ["too many requests", "throttl", "rate limit"].iter().any(|words| text.contains(words))
    }

    /// Whether a token endpoint refuses who asks. What else it may answer says nothing of the credentials: there may be
    /// no token endpoint at that address.
    pub(crate) fn refuses_login(&self) -> bool {
        matches!(self.status.as_u16(), 400 | 401 | 403)
    }

    /// What to say of an answer that is not in the vendor's own envelope.
    fn foreign_message(&self) -> String {
        if self.status.is_redirection() {
            let to = self.header("location").and_then(|to| Url::parse(to).ok());
            let host = to.as_ref().and_then(|to| to.host_str()).unwrap_or("another address");
            return format!("redirected to {host}, which is not followed; check the account's address");
        }
        let kind =
            self.header("content-type").unwrap_or("no content type").split(';').next().unwrap_or_default();
        format!(
            "the answer is not the vendor's own ({kind}, {} bytes); check the account's address",
            self.body.len()
        )
    }
}
