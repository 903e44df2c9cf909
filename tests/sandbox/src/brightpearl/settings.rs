//! Dialect switches of an account.

use serde::{Deserialize, Serialize};

/// Dialect switches; the defaults are the likeliest values (vendors/brightpearl.md §9.6).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Settings {
    /// The id that the next webhook gets; never below one that was used.
    pub(super) next_id: u64,
    /// Requests allowed in a window (§7).
    pub(super) throttle_cap: u64,
    /// Length of a window in milliseconds; windows are aligned to the clock (§7).
    pub(super) throttle_window_millis: i64,
    /// Status for an unknown account: 404 or 401. Read from the settings of account `_`.
    pub(super) unknown_account_status: u16,
    /// An account without webhooks answers 200 and `[]` instead of 404 (§2.3).
    pub(super) empty_list_ok: bool,
    /// Status for a JSON value of the wrong type: 500 or 400 (§8.2).
    pub(super) wrong_type_status: u16,
    /// Status for PUT and PATCH: 405 or 404.
    pub(super) update_status: u16,
    /// Refuse templates that lack one of the four variables (§4.3).
    pub(super) require_variables: bool,
    /// Accept any event name.
    pub(super) lenient_events: bool,
    /// Further event names to accept.
    pub(super) extra_events: Vec<String>,
    /// Leave `qualityOfService` out of answers when it was never sent (§2.2).
    pub(super) omit_unset_quality_of_service: bool,
    /// Leave `idSetAccepted` out of answers when it was never sent.
    pub(super) omit_unset_id_set_accepted: bool,
    /// Write `=` as an escape in JSON answers (§9.5).
    pub(super) escape_equals: bool,
    /// Storing writes scheme and host of the URI template in lower case.
    pub(super) lowercase_host: bool,
    /// Storing cuts a last slash off the URI template.
    pub(super) cut_last_slash: bool,
    /// `normal`, `expired` or `invalid`: the latter two refuse every credential (§6.3).
    pub(super) auth_mode: AuthMode,
    /// A refresh replaces the refresh token, and the old one is void (§6.2).
    pub(super) rotate_refresh_tokens: bool,
    /// How long the list lacks a new webhook.
    pub(super) visibility_delay_millis: i64,
}

/// The state of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum AuthMode {
    Normal,
    Expired,
    Invalid,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            next_id: 1,
            throttle_cap: 200,
            throttle_window_millis: 60_000,
            unknown_account_status: 404,
            empty_list_ok: false,
            wrong_type_status: 500,
            update_status: 405,
            require_variables: true,
            lenient_events: false,
            extra_events: Vec::new(),
            omit_unset_quality_of_service: true,
            omit_unset_id_set_accepted: false,
            escape_equals: true,
            lowercase_host: false,
            cut_last_slash: false,
            auth_mode: AuthMode::Normal,
            rotate_refresh_tokens: true,
            visibility_delay_millis: 0,
        }
    }
}
