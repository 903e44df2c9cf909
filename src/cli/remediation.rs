//! What to do about each reason that a condition can have.

/// Returns what to do about a condition's reason; `None` for a healthy condition whose reason is not in the table.
pub(super) fn remediation(reason: &str, healthy: bool) -> Option<&'static str> {
    let known = REMEDIATIONS.iter().find(|(known, _)| *known == reason).map(|(_, way)| *way);
    let otherwise = "see the message; hooktender plan shows the current state at the vendor";
    known.or((!healthy).then_some(otherwise))
}

const REMEDIATIONS: &[(&str, &str)] = &[
    (
        "AccountChanged",
        "point the account to its previous target again, or create a new Webhook under another name",
    ),
    (
        "AccountNotAllowed",
        "allow the Webhook's namespace in the account's spec.allowedNamespaces, or move the Webhook to the account's namespace; to delete the Webhook and keep its subscription, set the annotation hooktender.dev/release",
    ),
    (
        "AccountNotFound",
        "create the VendorAccount, or create a new Webhook with the right spec.accountRef (it is immutable)",
    ),
    (
        "ClusterUnavailable",
        "nothing, if the API server is being restarted; otherwise check its log, and whether it can decrypt the Secret that the message names",
    ),
    (
        "AdoptionNotAllowed",
        "remove spec.externalId to have a subscription created, or ask the account's owners to set spec.allowGuestAdoption: true",
    ),
    (
        "Conflict",
        "delete one of the two Webhooks, or change one; the one that has the subscription keeps it, otherwise the older one",
    ),
    (
        "CorrectionDoesNotHold",
        "find and stop the other writer, declare what the vendor has, or set driftPolicy: Report",
    ),
    (
        "Credentials",
        "put working credentials into the Secret that the account names; hooktender then tries again at once",
    ),
    (
        "DeletionGuard",
        "check what would be deleted, then allow exactly these deletions with the command; or keep a subscription with the annotation hooktender.dev/release",
    ),
    (
        "Deleting",
        "delete the Webhooks that still refer to the account, also those in namespaces that it no longer allows; the account is deleted with the last of them",
    ),
    ("DriftReported", "set driftPolicy: Correct, or change the manifest to what the vendor has"),
    (
        "EndpointNotAllowed",
        "start hooktender with the --allow-endpoint that the message names, or correct the account's address",
    ),
    (
        "ExternalIdInvalid",
        "correct spec.externalId, or the id in the status; or keep the subscription and delete the Webhook with deletionPolicy: Retain",
    ),
    ("ExternalIdNotFound", "correct spec.externalId, or remove it to have a subscription created"),
    ("Forbidden", "give hooktender's ServiceAccount the right that the message names, as the chart does"),
    (
        "InvalidSelector",
        "correct the selector that the message names; kubectl explain whs.spec.accountSelector shows its form",
    ),
    (
        "ListDoubted",
        "nothing, if the next list confirms or corrects this one; otherwise check that the account points to the right tenant",
    ),
    (
        "MembersBlocked",
        "correct what the members in status.worst name; hooktender explain wh/NAME says more about one of them",
    ),
    ("MembersNotReady", "nothing, if the members become ready; otherwise see those in status.worst"),
    ("NameTaken", "rename one of the two accounts, as their members would have the same name"),
    (
        "NoAccounts",
        "nothing, if the accounts are still to be created; otherwise label them as spec.accountSelector asks, or correct it; an account of another namespace also needs spec.accountNamespaces here and spec.allowedNamespaces there",
    ),
    ("NotFound", "nothing: the next pass creates it again"),
    (
        "NotOwned",
        "delete the Webhook to have the set make its own, or exclude its account from the set's selector to keep it",
    ),
    ("Outdated", "nothing: another client wrote at the same time, and the next pass reads it again"),
    ("Paused", "set the set's spec.paused: false"),
    (
        "Planned",
        "set mode: Enforce at the Webhook and its VendorAccount, and run hooktender without --plan-only",
    ),
    (
        "Rejected",
        "change the manifest as the vendor's message asks, or give the login the right that it names; the same request is retried after an hour",
    ),
    (
        "RollingUpdate",
        "nothing, if it goes on; if it waits, repair the member that the message names, or change the template",
    ),
    ("SetGuard", "check what would change, then correct the set, or annotate it as the message says"),
    ("Settling", "nothing: the vendor's list decides after the grace period"),
    (
        "SimilarExists",
        "set spec.externalId to adopt the subscription, or delete it at the vendor to have a new one created",
    ),
    ("Replacing", "nothing: the old subscription is deleted as soon as the new one is recorded"),
    ("StoredDifferently", "nothing is wrong; to clear the message, declare the value that the vendor stores"),
    ("Suspended", "set spec.suspend: false"),
    ("Stopped", "set state: Active to have events delivered, if deliveries were not stopped on purpose"),
    (
        "Throttled",
        "nothing: hooktender waits as long as the vendor asks; lower spec.rateLimit if other clients of the account need the calls",
    ),
    (
        "TooManyErrors",
        "fix the receiver; hooktender then re-enables the subscription, or with onTooManyErrors: Leave, re-enable it at the vendor",
    ),
    (
        "SubscriptionTooLarge",
        "shorten the values of the Webhook's variables, or use them less often; the message names the limit",
    ),
    (
        "SubscriptionUnreadable",
        "correct the subscription that the message names at the vendor, or delete it there to have it created again",
    ),
    (
        "Unavailable",
        "nothing, if the vendor is down; otherwise check the account's address, the proxy and the network policy",
    ),
    (
        "WebhooksNotWritten",
        "change the policy that refuses the Webhooks that the message names; each has an event with the API server's message",
    ),
    (
        "WriteRefused",
        "change the admission policy that refuses the write, or the object; an edit is retried at once",
    ),
    ("Unreadable", "upgrade hooktender to the version that stored the Webhook, or change the spec"),
    (
        "VariableMissing",
        "create the Secret, the ConfigMap or the key that the message names, with a valid value; or correct the name",
    ),
    (
        "VariableNotAllowed",
        "name the Secret without values of the account, or use accounts of the set's own namespace",
    ),
    ("Unobserved", "nothing: the next pass over its account reconciles it"),
    ("Updating", "nothing: members are being written"),
    ("DeletingMembers", "nothing: the set is deleted with its last member; a member that stays says why"),
    (
        "WaitingForDelete",
        "delete the Webhooks of the members that are to be updated, or set updateStrategy.type: RollingUpdate",
    ),
    ("VendorMismatch", "create a new Webhook whose spec.accountRef names an account of its vendor"),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    /// Reasons that need no action, or that another condition covers.
    const HEALTHY: &[&str] = &["Active", "Drifted", "InSync", "NoDrift"];
    /// Capitalized words of the engine that are not reasons of conditions.
    const NOT_CONDITIONS: &[(&str, &[&str])] = &[
        ("what apply reports as not begun", &["Waiting"]),
        (
            "events of what was done",
            &[
                "Adopted",
                "Created",
                "Deleted",
                "DriftCorrected",
                "Forgotten",
                "LikelyRefused",
                "MembersCreated",
                "MembersRemoved",
                "MembersRestored",
                "MembersUpdated",
                "Reactivated",
                "Replaced",
                "Retained",
                "SimilarDeclared",
                "Updated",
            ],
        ),
        (
            "what the API server and its kinds are called with",
            &[
                "Expired",
                "InternalError",
                "Member",
                "ConfigMap",
                "Normal",
                "Reconcile",
                "Secret",
                "TooManyRequests",
                "Warning",
            ],
        ),
        ("statuses of conditions", &["False", "True"]),
        ("a plan that the cluster keeps from being made, which has no condition", &["Cluster"]),
    ];

    /// Takes every capitalized word in a string literal for a reason.
    #[test]
    fn every_reason_of_the_engine_has_a_remediation() {
        let used = used();
        let known: BTreeSet<_> = REMEDIATIONS.iter().map(|(reason, _)| (*reason).to_owned()).collect();
        assert_eq!(known.len(), REMEDIATIONS.len(), "a reason is listed twice");
        let others = NOT_CONDITIONS.iter().flat_map(|(_, words)| *words).chain(HEALTHY);
        let others: BTreeSet<_> = others.map(|word| (*word).to_owned()).collect();
        let all: BTreeSet<_> = known.union(&others).cloned().collect();
        let missing: Vec<_> = used.difference(&all).collect();
        assert!(
            missing.is_empty(),
            "neither in REMEDIATIONS nor in HEALTHY nor in NOT_CONDITIONS: {missing:?}"
        );
        let gone: Vec<_> = all.difference(&used).collect();
        assert!(gone.is_empty(), "not used any more: {gone:?}");
    }

    /// With the test above: the docs have a paragraph for every reason of the code, and for no other.
    #[test]
    fn every_reason_has_its_paragraph_in_the_docs() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/troubleshooting.md");
        let book = std::fs::read_to_string(path).unwrap();
        let mut paragraphs = BTreeSet::new();
        for section in book.split("\n### ").skip(1) {
            let (reason, rest) = section.split_once('\n').unwrap();
            let reason = reason.trim_matches('`');
            assert!(paragraphs.insert(reason), "{reason} has two");
            let text = rest.split("\n## ").next().unwrap();
            assert!(text.trim().ends_with('.'), "{reason} has a heading without a paragraph");
        }
        let reasons: BTreeSet<_> =
            REMEDIATIONS.iter().map(|(reason, _)| *reason).chain(HEALTHY.iter().copied()).collect();
        let missing: Vec<_> = reasons.difference(&paragraphs).collect();
        assert!(missing.is_empty(), "docs/troubleshooting.md does not say what these are: {missing:?}");
        let gone: Vec<_> = paragraphs.difference(&reasons).collect();
        assert!(gone.is_empty(), "no condition has these reasons, but docs/troubleshooting.md: {gone:?}");
    }

    #[test]
    fn only_healthy_conditions_need_no_remediation() {
        assert_eq!(remediation("InSync", true), None);
        assert!(remediation("Planned", true).is_some_and(|way| way.contains("mode: Enforce")));
        assert!(remediation("NobodyKnows", false).is_some_and(|way| way.contains("hooktender plan")));
    }

    fn used() -> BTreeSet<String> {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut words = BTreeSet::new();
        let mut left: Vec<PathBuf> =
            ["engine", "controller", "set", "vendor/error.rs"].map(|at| source.join(at)).into();
        while let Some(path) = left.pop() {
            if ["simulation", "tests.rs", "testing.rs"].iter().any(|tests| path.ends_with(tests)) {
                // Tests.
            } else if path.is_dir() {
                left.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            } else {
                words.extend(words_of(&std::fs::read_to_string(path).unwrap()));
            }
        }
        words
    }

    fn words_of(text: &str) -> Vec<String> {
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        let quoted = lines.flat_map(|line| line.split('"').skip(1).step_by(2));
        let is_word = |text: &&str| {
            let small = text.chars().any(char::is_lowercase);
            small && text.starts_with(char::is_uppercase) && text.chars().all(char::is_alphabetic)
        };
        quoted.filter(is_word).map(str::to_owned).collect()
    }
}
