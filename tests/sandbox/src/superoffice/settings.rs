//! Dialect switches of a tenant (vendors/superoffice.md §17).

use serde::{Deserialize, Serialize};

use crate::pace::ThrottleDialect;

/// One set of switches per tenant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own")]
pub(crate) struct Settings {
    /// The id that the next hook gets.
    pub(crate) next_id: i64,
    /// Which generation of the server: `10.1`, `10.2.7` or `12.0`.
    pub(crate) version: Version,
    /// What a missing `State` becomes.
    pub(crate) missing_state: MissingState,
    /// A POST with an id other than 0 keeps that id if it is free.
    pub(crate) post_takes_id: bool,
    /// A PUT to an id that does not exist.
    pub(crate) put_unknown: PutUnknown,
    /// A PUT resets what it does not mention; otherwise it leaves it alone.
    pub(crate) put_resets_omitted: bool,
    /// A DELETE of an id that does not exist: 404 or 204.
    pub(crate) delete_unknown_status: u16,
    /// PATCH is offered.
    pub(crate) patch: bool,
    /// Status when the target does not pass its check: 400 or 500.
    pub(crate) refused_target_status: u16,
    /// Targets of type webhook must be https.
    pub(crate) require_https: bool,
    /// A save checks the target.
    pub(crate) check_targets: bool,
    /// What storing does to the event list.
    pub(crate) events: Events,
    /// Storing writes the type in lower case (§7.2).
    pub(crate) lowercase_type: bool,
    /// Storing writes scheme and host of the target in lower case (§7.2).
    pub(crate) lowercase_host: bool,
    /// A save answers with the members that were sent, although something else is stored.
    pub(crate) answers_as_sent: bool,
    /// What storing does to empty maps.
    pub(crate) empty_maps: EmptyMaps,
    /// How reads show the secret.
    pub(crate) secret_echo: SecretEcho,
    /// How dates are written.
    pub(crate) dates: Dates,
    /// Every credential is refused, as after the app's consent is withdrawn.
    pub(crate) refuse_all: bool,
    /// Online: the state at the state address; all but Running and OnlineMaintenance stop the API.
    pub(crate) state: String,
    /// Online: how long that answer may be kept.
    pub(crate) state_valid_seconds: i64,
    /// Online: the only host (with port) that the tenant answers on; others get 421. `null` means any.
    pub(crate) endpoint_host: Option<String>,
    /// Online: status for another app's hook: 404 or 403.
    pub(crate) foreign_status: u16,
    /// Online: how far the stamp of a signed system token may be off.
    pub(crate) timestamp_tolerance_minutes: i64,
    /// Online: how long a ticket lasts after its last use.
    pub(crate) ticket_life_seconds: i64,
    /// Online: how long an access token lasts.
    pub(crate) token_life_seconds: i64,
    /// Online: the error in the token that a system user is given.
    pub(crate) jwt_fault: JwtFault,
    /// A list without a hook: 200 with `[]`, or 404 in the service's own envelope (§10).
    pub(crate) empty_list_status: u16,
    /// Calls that a tenant accepts in a second of the clock; `null` means no limit (§10).
    pub(crate) max_calls_per_second: Option<u32>,
    /// How a refusal because of the rate gives the delay.
    pub(crate) throttle_dialect: ThrottleDialect,
    /// How long the list lacks a new hook.
    pub(crate) visibility_delay_millis: i64,
}

/// Generations that differ in their fields (§6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum Version {
    #[serde(rename = "10.1")]
    V10_1,
    #[serde(rename = "10.2.7")]
    V10_2_7,
    #[serde(rename = "12.0")]
    V12_0,
}

impl Version {
    pub(crate) fn number(self) -> &'static str {
        match self {
            Self::V10_1 => "10.1.7000.1000",
            Self::V10_2_7 => "10.2.7840.1139",
            Self::V12_0 => "12.0.342.0",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum MissingState {
    Active,
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum PutUnknown {
    #[serde(rename = "404")]
    NotFound,
    #[serde(rename = "500")]
    Fails,
    Create,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Events {
    Keep,
    Trim,
    Reverse,
    Lower,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum EmptyMaps {
    Keep,
    Null,
    Object,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SecretEcho {
    Clear,
    Null,
    Mask,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Dates {
    Bare,
    Offset,
    Z,
}

/// Errors that make a token untrustworthy (§3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum JwtFault {
    None,
    /// Signed with a key that is not published.
    Signature,
    Issuer,
    Audience,
    /// It expired an hour ago.
    Expired,
    /// It is for another tenant.
    Context,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            next_id: 1,
            // The vendor's own page shows exactly the fields of this generation.
            version: Version::V10_2_7,
            missing_state: MissingState::Active,
            post_takes_id: false,
            put_unknown: PutUnknown::NotFound,
            put_resets_omitted: true,
            delete_unknown_status: 404,
            patch: true,
            refused_target_status: 400,
            require_https: true,
            check_targets: true,
            events: Events::Keep,
            lowercase_type: false,
            lowercase_host: false,
            answers_as_sent: false,
            // As in the sample of a saved hook in the vendor's own client.
            empty_maps: EmptyMaps::Object,
            secret_echo: SecretEcho::Clear,
            dates: Dates::Bare,
            refuse_all: false,
            state: "Running".to_owned(),
            state_valid_seconds: 60,
            endpoint_host: None,
            foreign_status: 404,
            timestamp_tolerance_minutes: 5,
            ticket_life_seconds: 6 * 3600,
            token_life_seconds: 3600,
            jwt_fault: JwtFault::None,
            empty_list_status: 200,
            max_calls_per_second: None,
            throttle_dialect: ThrottleDialect::Seconds,
            visibility_delay_millis: 0,
        }
    }
}
