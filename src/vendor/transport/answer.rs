//! An answer of a vendor: reads its JSON, and converts failures to errors.

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

/// Bounds of a wait that a vendor asks for, so that it causes neither a hot loop nor an account that never continues.
const SHORTEST_WAIT: Duration = Duration::from_secs(1);
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(24 * 3600);

/// Members of the vendors' error envelopes (vendors/brightpearl.md 8.1, vendors/contensis.md 2.6, vendors/superoffice.md 10).
const ENVELOPES: [&str; 7] = ["errors", "response", "message", "data", "logId", "ErrorType", "ErrorMessage"];

/// An answer of any status.
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
    /// The memory reserved for it.
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

    /// Hides the secrets of an account in the errors of this answer.
    #[cfg(feature = "fuzzing")]
    pub(crate) fn with_secrets(self, base: Redactor) -> Self {
        Self { base, ..self }
    }

    /// Reads the body as JSON of that shape. Anything else, such as HTML, is [`Class::Unavailable`]: it does not come from the
    /// vendor's API, or is incomplete.
    pub(crate) fn json<'a, T: serde::Deserialize<'a>>(&'a self) -> Result<T, VendorError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            // The parser's message may repeat a value, and the redactor does not know the secrets of a login's answer yet.
            let place = match self.operation {
                Operation::Token => format!("line {}, column {}", error.line(), error.column()),
                _ => error.to_string(),
            };
            self.malformed(&place)
        })
    }

    /// Reads the body of an answer with a success status. `detail` is the message of the vendor's error envelope, if the body is
    /// one in spite of the status.
    pub(crate) fn success<'a, T: serde::Deserialize<'a>>(
        &'a self,
        detail: Option<String>,
    ) -> Result<T, VendorError> {
        match detail {
            Some(detail) => Err(self.error(Class::Unavailable, detail)),
            None => self.json(),
        }
    }

    /// Checks that an answer with a success status confirms a deletion: the body is empty, `{}`, or the vendor's own by `is_own`.
    /// Anything else, such as a proxy's page, confirms nothing. `detail` is as for [`Self::success`].
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

    /// Returns the error of an answer whose shape differs from the vendor's documentation.
    pub(crate) fn malformed(&self, why: &str) -> VendorError {
        self.error(Class::Unavailable, format!("the answer is not what the vendor documents ({why})"))
    }

    /// Whether the body is empty or white space.
    pub(crate) fn is_blank(&self) -> bool {
        self.body.trim_ascii().is_empty()
    }

    /// Returns a part of the body. Of a list it is a view, which keeps the whole list in memory. Of any other answer it is a
    /// copy.
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

    /// Reads the body as JSON of any shape. Of a list, which may be long, only the members of [`ENVELOPES`].
    pub(crate) fn any_json(&self) -> Option<serde_json::Value> {
        if self.operation != Operation::List {
            return serde_json::from_slice(&self.body).ok();
        }
        let is_envelopes = |name: &str| ENVELOPES.iter().any(|member| member.eq_ignore_ascii_case(name));
        members(&self.body, &is_envelopes).map(serde_json::Value::Object)
    }

    /// Returns the memory reserved for the answer.
    pub(in crate::vendor) fn memory(&self) -> &Arc<Reservation> {
        &self.memory
    }

    /// Returns the length of the body in bytes.
    pub(crate) fn len(&self) -> usize {
        self.body.len()
    }

    /// Returns a header's value, if it is text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// Returns the wait of `Retry-After`, in seconds or as a date, which is compared with the vendor's own clock.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let value = self.header(RETRY_AFTER.as_str())?.trim();
        if let Ok(seconds) = value.parse() {
            return Some(Duration::from_secs(seconds));
        }
        let until = httpdate::parse_http_date(value).ok()?;
        Some(until.duration_since(self.date().unwrap_or_else(SystemTime::now)).unwrap_or_default())
    }

    /// Returns the time of the vendor's clock.
    pub(crate) fn date(&self) -> Option<SystemTime> {
        httpdate::parse_http_date(self.header(DATE.as_str())?).ok()
    }

    /// Returns an error with a redacted message.
    pub(crate) fn error(&self, class: Class, message: impl AsRef<str>) -> VendorError {
        if let Some(report) = &self.report {
            report.set_class(class);
        }
        let message = Redactor::redact_all([&self.redactor, &self.base], message.as_ref());
        let message = format!("{message} (HTTP {})", self.status.as_u16());
        VendorError::answered(class, self.operation, self.status.as_u16(), message)
    }

    /// Returns the error of an exceeded rate limit, and blocks the whole account for `wait`, or else for `Retry-After`.
    pub(crate) fn throttled(&self, detail: &str, wait: Option<Duration>) -> VendorError {
        let wait = wait.or_else(|| self.retry_after()).map(|wait| wait.clamp(SHORTEST_WAIT, LONGEST_WAIT));
        if let (Some(budget), Some(wait)) = (&self.budget, wait) {
            budget.block_for(wait, Instant::now());
        }
        VendorError { retry_after: wait, outcome_unknown: false, ..self.error(Class::Throttled, detail) }
    }

    /// Returns the error of a 403: the login lacks a right. Concerns the account for a list or a login, otherwise one
    /// subscription. `detail` is as for [`Self::status_error`]; `advice` names the right, and who can grant it.
    pub(crate) fn forbidden(&self, detail: Option<String>, advice: &str) -> VendorError {
        let class = match self.operation.concerns_account() {
            true => Class::Credentials,
            // Without the vendor's envelope the 403 comes from a proxy or filter.
            false if detail.is_none() && !self.is_blank() => return self.status_error(None),
            false => Class::Rejected,
        };
        let detail = detail.unwrap_or_else(|| "permission denied".into());
        self.error(class, format!("{detail}; {advice}"))
    }

    /// Returns the error of a status that means the same at every vendor. `detail` is the message of the vendor's own envelope,
    /// if the answer has one.
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
            // A 4xx without the vendor's envelope comes from a proxy, or from a wrong address.
            _ => {
                let wait = self.retry_after().map(|wait| wait.min(LONGEST_WAIT));
                VendorError { retry_after: wait, ..self.error(Class::Unavailable, message) }
            }
        }
    }

    /// Whether the body of a 503 speaks of the rate limit; otherwise it is an outage.
    fn mentions_throttling(&self) -> bool {
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(4096)]).to_lowercase();
        ["too many requests", "throttl", "rate limit"].iter().any(|words| text.contains(words))
    }

    /// Whether a token endpoint refuses the credentials. Other failures say nothing about them: there may be no token endpoint at
    /// that address.
    pub(crate) fn refuses_login(&self) -> bool {
        matches!(self.status.as_u16(), 400 | 401 | 403)
    }

    /// Describes an answer that is not in the vendor's own envelope.
    fn foreign_message(&self) -> String {
        if self.status.is_redirection() {
            let to = self.header("location").and_then(|to| Url::parse(to).ok());
            let host = to.as_ref().and_then(|to| to.host_str()).unwrap_or("another address");
            return format!(
                "redirected to {host}, but hooktender follows no redirects: check the account's address"
            );
        }
        let kind =
            self.header("content-type").unwrap_or("no content type").split(';').next().unwrap_or_default();
        format!(
            "the answer is not from the vendor's API ({kind}, {} bytes): check the account's address",
            self.body.len()
        )
    }
}
