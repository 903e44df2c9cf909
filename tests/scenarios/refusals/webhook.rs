//! Cases for Webhooks of every vendor.

use super::{Case, WEBHOOK, bad, changed, fine, subscription};

const CONTENSIS: &str =
    "{contensis: {name: a, url: 'https://a.example/', topics: [{resourceType: entry, event: [published]}]}}";
const BRIGHTPEARL: &str =
    "{brightpearl: {subscribeTo: product, httpMethod: GET, uriTemplate: 'https://a.example/'}}";

/// A Webhook with further members of the spec.
fn with(members: &str) -> String {
    format!("{}\n{members}", subscription(CONTENSIS))
}

fn account_ref(reference: &str) -> String {
    format!("accountRef: {reference}\nsubscription: {CONTENSIS}")
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = the_object();
    cases.extend(the_subscription());
    cases.extend(variables());
    cases
}

fn the_object() -> Vec<Case> {
    vec![
        fine(
            "everything beside the subscription",
            WEBHOOK,
            format!(
                "accountRef: {{name: a, namespace: integrations}}\nsubscription: {CONTENSIS}\nmode: Plan\n\
                 driftPolicy: Report\ndeletionPolicy: Retain\nexternalId: '7'\n\
                 adoption: {{writeOnlyValues: Trust}}\nsuspend: true"
            ),
        ),
        fine(
            "null is absent, wherever something may be absent",
            WEBHOOK,
            "accountRef: {name: a, namespace: null}\n\
                 subscription: {contensis: {name: a, description: null, url: 'https://a.example/', method: null, \
                 enabled: null, topics: [{resourceType: entry, event: [published], language: null, owner: null}], \
                 headers: null, templates: null}, brightpearl: null, superoffice: null}\n\
                 variables: null\nmode: null\ndriftPolicy: null\ndeletionPolicy: null\nexternalId: null\nadoption: null\nsuspend: null"
                .into(),
        ),
        fine("an adoption that says nothing", WEBHOOK, with("adoption: {}")),
        bad(
            "another word for what to do with write-only values",
            WEBHOOK,
            with("adoption: {writeOnlyValues: Ignore}"),
            "spec.adoption.writeOnlyValues: Unsupported value: \"Ignore\": supported values: \"Send\", \"Trust\"",
        ),
        bad(
            "no account",
            WEBHOOK,
            format!("subscription: {CONTENSIS}"),
            "spec.accountRef: Required value",
        ),
        bad(
            "an account without a name",
            WEBHOOK,
            account_ref("{namespace: a}"),
            "spec.accountRef.name: Required value",
        ),
        bad(
            "an empty account",
            WEBHOOK,
            account_ref("{name: ''}"),
            "name must not be empty: give the name of the VendorAccount",
        ),
        bad(
            "an empty namespace",
            WEBHOOK,
            account_ref("{name: a, namespace: ''}"),
            "give the VendorAccount's namespace, or remove it",
        ),
        bad(
            "an account whose name would be another request",
            WEBHOOK,
            account_ref("{name: '?watch=true'}"),
            "not a valid name of a VendorAccount: use at most 253 lower case letters, digits, - and .",
        ),
        bad(
            "a namespace that would be another path",
            WEBHOOK,
            account_ref("{name: a, namespace: ../b}"),
            "not a valid name of a namespace: use at most 63 lower case letters, digits and -",
        ),
        changed(
            bad(
                "the recorded id belongs to the account",
                WEBHOOK,
                account_ref("{name: b}"),
                "accountRef cannot be changed: delete this Webhook and create a new one for the other account",
            ),
            subscription(CONTENSIS),
        ),
        changed(
            fine(
                "all else may be changed",
                WEBHOOK,
                with("mode: Plan\ndriftPolicy: Report"),
            ),
            subscription(CONTENSIS),
        ),
    ]
}

fn the_subscription() -> Vec<Case> {
    vec![
        bad("no subscription", WEBHOOK, "accountRef: {name: a}".into(), "spec.subscription: Required value"),
        bad(
            "a subscription at no vendor",
            WEBHOOK,
            subscription("{}"),
            "spec.subscription: Invalid value: set exactly one vendor, the account's: brightpearl, contensis or superoffice",
        ),
        bad(
            "a subscription at two vendors",
            WEBHOOK,
            subscription(&format!("{}, {}", &CONTENSIS[..CONTENSIS.len() - 1], &BRIGHTPEARL[1..])),
            "set exactly one vendor, the account's: brightpearl, contensis or superoffice",
        ),
        changed(
            bad(
                "the recorded id belongs to the vendor",
                WEBHOOK,
                subscription(BRIGHTPEARL),
                "the vendor cannot be changed: delete this Webhook and create a new one",
            ),
            subscription(CONTENSIS),
        ),
        bad(
            "no such mode",
            WEBHOOK,
            with("mode: DryRun"),
            "spec.mode: Unsupported value: \"DryRun\": supported values: \"Enforce\", \"Plan\"",
        ),
        bad(
            "no such drift policy",
            WEBHOOK,
            with("driftPolicy: Ignore"),
            "spec.driftPolicy: Unsupported value: \"Ignore\": supported values: \"Correct\", \"Report\"",
        ),
        bad(
            "no such deletion policy",
            WEBHOOK,
            with("deletionPolicy: Orphan"),
            "spec.deletionPolicy: Unsupported value: \"Orphan\": supported values: \"Delete\", \"Retain\"",
        ),
        bad(
            "an empty id",
            WEBHOOK,
            with("externalId: ''"),
            "externalId must consist of letters, digits and - _ . : ~ = + @, and not only of dots: give the vendor's id of an existing subscription, or remove it",
        ),
        bad(
            "an id that would lead to another path",
            WEBHOOK,
            with("externalId: '../7'"),
            "externalId must consist of letters, digits and - _ . : ~ = + @, and not only of dots: give the vendor's id of an existing subscription, or remove it",
        ),
        bad(
            "an id without quotes is a number",
            WEBHOOK,
            with("externalId: 7"),
            "spec.externalId: Invalid value: \"integer\": spec.externalId in body must be of type string",
        ),
    ]
}

fn variables() -> Vec<Case> {
    let list = |items: &str| with(&format!("variables: [{items}]"));
    let mut cases = vec![
        fine(
            "a value, a Secret and a ConfigMap; an empty value is one",
            WEBHOOK,
            list(
                "{name: A, value: ''}, {name: _b.c-d, valueFrom: {secretKeyRef: {name: s, key: k}}}, \
                 {name: c, valueFrom: {configMapKeyRef: {name: m, key: k}}}",
            ),
        ),
        fine("names differ by case", WEBHOOK, list("{name: TOKEN, value: a}, {name: token, value: a}")),
        bad(
            "which of the two is meant?",
            WEBHOOK,
            list("{name: A, value: a}, {name: B, value: b}, {name: A, value: c}"),
            "spec.variables: Invalid value: two variables have the same name: keep one of them",
        ),
        bad("no value", WEBHOOK, list("{name: A}"), "set exactly one of value and valueFrom"),
        bad(
            "two values",
            WEBHOOK,
            list("{name: A, value: a, valueFrom: {secretKeyRef: {name: s, key: k}}}"),
            "set exactly one of value and valueFrom",
        ),
        bad(
            "a value from nowhere",
            WEBHOOK,
            list("{name: A, valueFrom: {}}"),
            "set exactly one of secretKeyRef and configMapKeyRef in valueFrom",
        ),
        bad(
            "a value from two places",
            WEBHOOK,
            list(
                "{name: A, valueFrom: {secretKeyRef: {name: s, key: k}, configMapKeyRef: {name: m, key: k}}}",
            ),
            "set exactly one of secretKeyRef and configMapKeyRef in valueFrom",
        ),
        bad("no name", WEBHOOK, list("{value: a}"), "spec.variables[0].name: Required value"),
        bad(
            "a Secret without a name",
            WEBHOOK,
            list("{name: A, valueFrom: {secretKeyRef: {name: '', key: k}}}"),
            "name must not be empty: give the name of the Secret",
        ),
        bad(
            "a Secret without a key",
            WEBHOOK,
            list("{name: A, valueFrom: {secretKeyRef: {name: s, key: ''}}}"),
            "key must not be empty: give the key in the Secret",
        ),
        bad(
            "a ConfigMap without a name",
            WEBHOOK,
            list("{name: A, valueFrom: {configMapKeyRef: {name: '', key: k}}}"),
            "name must not be empty: give the name of the ConfigMap",
        ),
        bad(
            "a ConfigMap without a key",
            WEBHOOK,
            list("{name: A, valueFrom: {configMapKeyRef: {name: m, key: ''}}}"),
            "key must not be empty: give the key in the ConfigMap",
        ),
    ];
    cases.extend(names_in_paths());
    cases.extend(["''", "1A", "-A", "'A B'", "'$(A)'", "'A)'", "ä"].map(|name| {
        bad(
            "$(NAME) would not find it",
            WEBHOOK,
            list(&format!("{{name: {name}, value: a}}")),
            "a variable name must start with a letter or _ and go on with letters, digits, _, - and .",
        )
    }));
    let many = |count: usize| {
        let items: Vec<_> = (0..count).map(|n| format!("{{name: A{n}, value: a}}")).collect();
        list(&items.join(", "))
    };
    cases.push(fine("as many as there may be", WEBHOOK, many(64)));
    cases.push(bad(
        "too many for the rules' budget",
        WEBHOOK,
        many(65),
        "spec.variables: Too many: 65: must have at most 64 items",
    ));
    cases
}

/// Names of Secrets and ConfigMaps are part of a path of the API server.
fn names_in_paths() -> Vec<Case> {
    let list = |items: &str| with(&format!("variables: [{items}]"));
    let mut cases = Vec::new();
    cases.extend(
        ["'?watch=true'", "../../b/secrets/x", "'a b'", "'a/b'", "a%2fb", "A", ".a", "a.", "'-a'", "ä"].map(
            |name| {
                bad(
                    "it is part of a path of the API server",
                    WEBHOOK,
                    list(&format!("{{name: A, valueFrom: {{secretKeyRef: {{name: {name}, key: k}}}}}}")),
                    "not a valid name of a Secret: use at most 253 lower case letters, digits, - and .",
                )
            },
        ),
    );
    cases.push(bad(
        "it is part of a path of the API server",
        WEBHOOK,
        list("{name: A, valueFrom: {configMapKeyRef: {name: '?watch=true', key: k}}}"),
        "not a valid name of a ConfigMap: use at most 253 lower case letters, digits, - and .",
    ));
    cases
}
