//! What helps against each reason that a condition can have: the one table, for people at a terminal.

/// What to do about a condition's reason.
pub(super) fn unblock(reason: &str) -> &'static str {
    WAYS_OUT.iter().find(|(known, _)| *known == reason).map_or(
        "the message above says what is so; hooktender plan shows what the vendor has right now",
        |(_, way)| way,
    )
}

const WAYS_OUT: &[(&str, &str)] = &[
    ("AccountChanged", "point the account to where it was again, or make a new Webhook under another name"),
    (
        "AccountNotAllowed",
        "widen the account's spec.allowedNamespaces, or move the Webhook to the account's namespace",
    ),
    (
        "AccountNotFound",
        "create the VendorAccount, or make a new Webhook with the right spec.accountRef (it cannot be changed)",
    ),
    ("Conflict", "delete one of the two Webhooks, or make them differ; the older one keeps the subscription"),
    (
        "Credentials",
        "put working credentials into the Secret that the account names; hooktender tries again at once",
    ),
    (
        "DeletionGuard",
        "look at what would go, then set the annotation that the account's condition Stalled names",
    ),
    ("Deleting", "delete the Webhooks that still refer to it; it goes with the last of them"),
    ("DriftReported", "set driftPolicy: Correct, or change the manifest to what the vendor has"),
    (
        "EndpointNotAllowed",
        "start hooktender with the --allow-endpoint that the message names, or correct the account's address",
    ),
    ("ExternalIdNotFound", "correct spec.externalId, or remove it to have a subscription created"),
    (
        "ListDoubted",
        "nothing, if the next reading is to decide; else see that the account points to the right tenant",
    ),
    ("NotFound", "nothing: it is made again with the next pass"),
    ("Outdated", "nothing: somebody else wrote at the same moment, and it is read again"),
    ("Planned", "set mode: Enforce at the Webhook and its account, and run hooktender without --plan-only"),
    (
        "Rejected",
        "change the manifest to what the vendor's words ask for; the same is not sent again before the next change or resync",
    ),
    ("Settling", "nothing: the list decides once the vendor can no longer be at work"),
    (
        "SimilarExists",
        "set spec.externalId to the id that the message names to adopt it, or delete it at the vendor to have a new one",
    ),
    ("Suspended", "set spec.suspend: false"),
    (
        "Throttled",
        "nothing: hooktender waits as long as the vendor asks; lower spec.rateLimit if others need the calls",
    ),
    ("Unavailable", "nothing, if it is the vendor; else see the address, the proxy and the network policy"),
    ("VariableMissing", "create the Secret or ConfigMap, or the key, that the message names"),
    ("VendorMismatch", "refer to an account of the subscription's vendor: spec.accountRef of a new Webhook"),
];
