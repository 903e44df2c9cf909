//! Dialect switches of a project; defaults and names follow the table in vendors/contensis.md §10.

use std::collections::VecDeque;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::store::Subscription;
use crate::pace::ThrottleDialect;

/// One set of switches per project.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Settings {
    /// Ids for the next subscriptions, used up in order; random after that.
    pub(crate) next_ids: VecDeque<String>,
    /// Lists come in the paging envelope instead of a bare array (row 1).
    pub(crate) paged: bool,
    /// Page size when the caller names none.
    pub(crate) page_size: usize,
    /// A server that always sends the first page.
    pub(crate) ignore_page_index: bool,
    /// Status for a stale version: 422 or 409 (row 2).
    pub(crate) conflict_status: u16,
    /// Status for a missing version: 422 or 400.
    pub(crate) missing_version_status: u16,
    /// What a PUT with a masked or missing secret does (row 3).
    pub(crate) secret_on_put: SecretOnPut,
    /// What a read shows in place of a secret (row 4).
    pub(crate) secret_mask: SecretMask,
    /// Names and descriptions are maps by language (row 5).
    pub(crate) localised: bool,
    /// The language under which a plain name is shown once names are maps.
    pub(crate) localised_language: String,
    /// Lists of one text in topics are shown as that text, and taken so (row 23).
    pub(crate) scalar_topics: bool,
    /// The permission endpoints exist (row 24).
    pub(crate) permission_endpoints: bool,
    /// Accept `event: []` (row 6).
    pub(crate) accept_empty_events: bool,
    /// Refuse a URL that is not https (row 7).
    pub(crate) require_https: bool,
    /// Reverse every list on the way out (row 8).
    pub(crate) shuffle: bool,
    /// Lower-case workflow ids and languages on the way out (row 8).
    pub(crate) lowercase: bool,
    /// Accept any resource type and event (row 9).
    pub(crate) lenient_topics: bool,
    /// Lower-case the first letter of header names on the way out (row 16).
    pub(crate) camel_headers: bool,
    /// Storing writes scheme and host of the URL in lower case.
    pub(crate) lowercase_host: bool,
    /// `modified` and `modifiedBy` are there from the start (row 17).
    pub(crate) modified_on_create: bool,
    /// A missing subscription answers 404 without a body (row 18).
    pub(crate) empty_not_found: bool,
    /// How long a new subscription stays invisible (row 21).
    pub(crate) visibility_delay_millis: i64,
    /// How long an access token lasts.
    pub(crate) token_lifetime_seconds: i64,
    /// A refresh answers with a new refresh token and voids the old one.
    pub(crate) rotate_refresh_tokens: bool,
    /// Calls that a project may make in a minute of the clock; `null` means no limit (vendors/contensis.md §6).
    pub(crate) calls_per_minute: Option<u32>,
    /// How a refusal because of the rate gives the delay.
    pub(crate) throttle_dialect: ThrottleDialect,
    /// Validation items have `Field` and `Message` instead of lower-case keys (§2.6).
    pub(crate) capital_fields: bool,
}

/// A PUT with the mask, or without a value, for a secret header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SecretOnPut {
    Keep,
    Erase,
    StoreLiteral,
}

/// How a secret is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SecretMask {
    Stars12,
    Stars8,
    Absent,
}

/// The two shapes of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ListEnvelope {
    Array,
    Paged,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            next_ids: VecDeque::new(),
            paged: false,
            page_size: 25,
            ignore_page_index: false,
            conflict_status: 422,
            missing_version_status: 422,
            secret_on_put: SecretOnPut::Keep,
            secret_mask: SecretMask::Stars12,
            localised: false,
            localised_language: "en-GB".to_owned(),
            scalar_topics: false,
            permission_endpoints: true,
            accept_empty_events: false,
            require_https: true,
            shuffle: false,
            lowercase: false,
            lenient_topics: false,
            camel_headers: false,
            lowercase_host: false,
            modified_on_create: false,
            empty_not_found: false,
            visibility_delay_millis: 0,
            token_lifetime_seconds: 3600,
            rotate_refresh_tokens: true,
            calls_per_minute: None,
            throttle_dialect: ThrottleDialect::Seconds,
            capital_fields: false,
        }
    }
}

impl Settings {
    pub(crate) fn list_envelope(&self) -> ListEnvelope {
        if self.paged { ListEnvelope::Paged } else { ListEnvelope::Array }
    }

    /// The id for a new subscription.
    pub(crate) fn mint_id(&mut self) -> String {
        self.next_ids.pop_front().unwrap_or_else(|| uuid::Uuid::new_v4().to_string())
    }

    /// Whether reads show this subscription yet.
    pub(crate) fn sees(&self, subscription: &Subscription, now: Timestamp) -> bool {
        now.duration_since(subscription.born) >= SignedDuration::from_millis(self.visibility_delay_millis)
    }
}
