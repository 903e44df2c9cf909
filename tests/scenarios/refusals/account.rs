//! Cases for accounts of every vendor.

use super::{ACCOUNT, Case, bad, changed, fine, vendor};

const VENDOR: &str = "{contensis: {alias: example, project: movies, credentials: {classic: \
    {usernameSecretRef: {name: c, key: u}, passwordSecretRef: {name: c, key: p}}}}}";
const OTHER_VENDOR: &str = "{superoffice: {onsite: {url: 'https://crm.example.com/superoffice'}, credentials: {basic: \
    {usernameSecretRef: {name: s, key: u}, passwordSecretRef: {name: s, key: p}}}}}";

/// Two maps in one, in flow style.
fn both(one: &str, other: &str) -> String {
    format!("{}, {}", &one[..one.len() - 1], &other[1..])
}

/// An account with further members of the spec.
fn with(members: &str) -> String {
    format!("{}\n{members}", vendor(VENDOR))
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = manifests();
    cases.extend(policies());
    cases.extend(numbers());
    cases.extend(intervals());
    cases
}

fn manifests() -> Vec<Case> {
    vec![
        fine("the least that an account can be", ACCOUNT, vendor(VENDOR)),
        fine(
            "everything that an account can have",
            ACCOUNT,
            with(
                "mode: Plan\nsuspend: true\nresyncInterval: 1h30m\nunmanaged: Ignore\n\
                 allowedNamespaces: {from: Selector, selector: {matchLabels: {team: shop}}}\n\
                 deletionGuard: {maxPercent: 0, minCount: 1}\nrateLimit: {requestsPerMinute: 60, reserve: 59}",
            ),
        ),
        fine(
            "the ends of each range belong to it",
            ACCOUNT,
            with(
                "resyncInterval: 30s\ndeletionGuard: {maxPercent: 100, minCount: 100000}\n\
                 rateLimit: {requestsPerMinute: 1}",
            ),
        ),
        fine("a day is the other end", ACCOUNT, with("resyncInterval: 24h")),
        fine("all namespaces", ACCOUNT, with("allowedNamespaces: {from: All}")),
        fine(
            "null is absent, wherever something may be absent",
            ACCOUNT,
            with(
                "mode: null\nsuspend: null\nresyncInterval: null\nunmanaged: null\nallowedNamespaces: null\n\
                 deletionGuard: {maxPercent: null}\nrateLimit: null",
            ),
        ),
        bad(
            "no vendor",
            ACCOUNT,
            vendor("{}"),
            "spec.vendor: Invalid value: set exactly one vendor: brightpearl, contensis or superoffice",
        ),
        bad("no vendor at all", ACCOUNT, "{}".into(), "spec.vendor: Required value"),
        bad(
            "two vendors",
            ACCOUNT,
            vendor(&both(VENDOR, OTHER_VENDOR)),
            "set exactly one vendor: brightpearl, contensis or superoffice",
        ),
        changed(
            bad(
                "another vendor has other subscriptions",
                ACCOUNT,
                vendor(OTHER_VENDOR),
                "the vendor cannot be changed: create a new VendorAccount instead",
            ),
            vendor(VENDOR),
        ),
    ]
}

fn policies() -> Vec<Case> {
    vec![
        bad(
            "no such mode",
            ACCOUNT,
            with("mode: DryRun"),
            "spec.mode: Unsupported value: \"DryRun\": supported values: \"Enforce\", \"Plan\"",
        ),
        bad(
            "no such policy",
            ACCOUNT,
            with("unmanaged: Delete"),
            "spec.unmanaged: Unsupported value: \"Delete\": supported values: \"Report\", \"Ignore\"",
        ),
        bad(
            "no such choice of namespaces",
            ACCOUNT,
            with("allowedNamespaces: {from: Some}"),
            "spec.allowedNamespaces.from: Unsupported value: \"Some\": supported values: \"Same\", \"All\", \"Selector\"",
        ),
        bad(
            "a selector would be ignored",
            ACCOUNT,
            with("allowedNamespaces: {selector: {matchLabels: {team: shop}}}"),
            "selector is needed with from: Selector, and allowed only with it",
        ),
        bad(
            "nothing would be selected",
            ACCOUNT,
            with("allowedNamespaces: {from: Selector}"),
            "selector is needed with from: Selector, and allowed only with it",
        ),
    ]
}

fn numbers() -> Vec<Case> {
    vec![
        bad(
            "a share above the whole",
            ACCOUNT,
            with("deletionGuard: {maxPercent: 101}"),
            "maxPercent must be between 0 and 100",
        ),
        bad(
            "a share below nothing",
            ACCOUNT,
            with("deletionGuard: {maxPercent: -1}"),
            "maxPercent must be between 0 and 100",
        ),
        bad(
            "a guard that holds back nothing at all",
            ACCOUNT,
            with("deletionGuard: {minCount: 0}"),
            "minCount must be between 1 and 100000",
        ),
        bad(
            "a guard that never holds",
            ACCOUNT,
            with("deletionGuard: {minCount: 100001}"),
            "minCount must be between 1 and 100000",
        ),
        bad(
            "no call at all is suspend, not a rate",
            ACCOUNT,
            with("rateLimit: {requestsPerMinute: 0}"),
            "requestsPerMinute must be between 1 and 100000",
        ),
        bad(
            "less than nothing left for others",
            ACCOUNT,
            with("rateLimit: {requestsPerMinute: 10, reserve: -1}"),
            "reserve must not be negative",
        ),
        bad(
            "nothing left for hooktender",
            ACCOUNT,
            with("rateLimit: {requestsPerMinute: 10, reserve: 10}"),
            "reserve must be smaller than requestsPerMinute",
        ),
        bad(
            "a reserve of nothing",
            ACCOUNT,
            with("rateLimit: {reserve: 10}"),
            "spec.rateLimit.requestsPerMinute: Required value",
        ),
    ]
}

fn intervals() -> Vec<Case> {
    [
        ("below the range", "29s"),
        ("far below the range", "500ms"),
        ("above the range", "24h1s"),
        ("days are no unit", "1d"),
        ("no unit", "'300'"),
        ("a fraction", "1.5h"),
        ("empty", "''"),
        ("no length of time", "often"),
    ]
    .map(|(reason, interval)| {
        bad(
            reason,
            ACCOUNT,
            with(&format!("resyncInterval: {interval}")),
            "resyncInterval must be between 30s and 24h, written like 90s, 5m or 1h30m",
        )
    })
    .into()
}
