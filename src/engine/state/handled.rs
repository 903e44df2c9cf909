//! Fingerprints of the inputs that the last pass over an account has handled.

/// The inputs of a pass beside the vendor. Each Webhook has its own fingerprints.
#[derive(Default)]
pub(crate) struct HandledInputs {
    pub(crate) account: Option<u64>,
    /// The annotation of the account that requests a pass.
    pub(crate) request: Option<u64>,
    pub(crate) webhooks: WebhookCounts,
    pub(crate) values: Option<ValueFingerprints>,
}

/// How many Webhooks an account has.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct WebhookCounts {
    pub(crate) own: usize,
    pub(crate) guests: usize,
}

/// Fingerprints of the values of Secrets and ConfigMaps.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct ValueFingerprints {
    /// Those that the account and the Webhooks of its namespace use.
    pub(crate) own: u64,
    /// Those that guests use.
    pub(crate) guests: u64,
}
