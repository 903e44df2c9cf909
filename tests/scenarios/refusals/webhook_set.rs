//! Cases for the rules of a `WebhookSet` that a Webhook does not have.

use super::{Case, SET, bad, changed, fine};

const HOOK: &str = "superoffice: {name: a, events: [contact.created], targetUrl: 'https://a.example/'}";

/// A set with these members of its spec.
fn set(members: &str) -> String {
    format!(
        "accountSelector: {{matchLabels: {{tier: gold}}}}\n{members}\ntemplate: {{spec: {{subscription: {{{HOOK}}}}}}}"
    )
}

/// A set with these members of its template's spec.
fn template(members: &str) -> String {
    format!("accountSelector: {{}}\ntemplate: {{spec: {{{members}}}}}")
}

/// A set with these metadata in its template.
fn metadata(members: &str) -> String {
    format!(
        "accountSelector: {{}}\ntemplate: {{metadata: {{{members}}}, spec: {{subscription: {{{HOOK}}}}}}}"
    )
}

/// A set with one variable from there.
fn variable(from: &str) -> String {
    template(&format!("subscription: {{{HOOK}}}, variables: [{{name: A, valueFrom: {{{from}}}}}]"))
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = selectors_and_strategies();
    cases.extend(templates());
    cases.extend(variables());
    cases
}

fn selectors_and_strategies() -> Vec<Case> {
    let limit = |limit: &str| set(&format!("updateStrategy: {{rollingUpdate: {{maxUnavailable: {limit}}}}}"));
    let order = |values: &str| {
        set(&format!("updateStrategy: {{rollingUpdate: {{orderBy: {{label: ring, values: {values}}}}}}}"))
    };
    let of_limit = "maxUnavailable must be a number from 1 on, or a share from 1% to 100%";
    vec![
        fine("a selector and a template", SET, set("")),
        fine("a number of members", SET, limit("5")),
        fine("a share of the members", SET, limit("10%")),
        fine("all members", SET, limit("100%")),
        bad("no member at all", SET, limit("0"), of_limit),
        bad("more than all", SET, limit("101%"), of_limit),
        bad("no share", SET, limit("many"), of_limit),
        fine("a canary first", SET, order("[canary, early]")),
        bad(
            "no order",
            SET,
            order("[]"),
            "values must not be empty: give at least one value, such as canary",
        ),
        bad("one value twice", SET, order("[canary, canary]"), "two values are the same: keep one of them"),
        bad(
            "an order without a label",
            SET,
            set("updateStrategy: {rollingUpdate: {orderBy: {label: '', values: [canary]}}}"),
            "label must not be empty: give the name of a label",
        ),
        fine("on delete", SET, set("updateStrategy: {type: OnDelete}")),
        bad(
            "limits without a rolling update",
            SET,
            set("updateStrategy: {type: OnDelete, rollingUpdate: {maxUnavailable: 1}}"),
            "rollingUpdate is allowed only with type: RollingUpdate",
        ),
    ]
}

fn templates() -> Vec<Case> {
    vec![
        fine("labels and annotations", SET, metadata("labels: {team: crm}, annotations: {note: x}")),
        bad(
            "a label of hooktender",
            SET,
            metadata("labels: {hooktender.dev/set: other}"),
            "hooktender writes the labels of hooktender.dev: use another prefix",
        ),
        bad(
            "an annotation of hooktender",
            SET,
            metadata("annotations: {hooktender.dev/release: 'true'}"),
            "annotations of hooktender.dev are for a single Webhook: set them there",
        ),
        bad(
            "no vendor",
            SET,
            template("subscription: {}"),
            "set exactly one vendor, the accounts': brightpearl, contensis or superoffice",
        ),
        changed(
            bad(
                "another vendor",
                SET,
                set(""),
                "the vendor cannot be changed: create a new WebhookSet instead",
            ),
            template(
                "subscription: {brightpearl: {subscribeTo: product, httpMethod: GET, uriTemplate: 'https://a.example/'}}",
            ),
        ),
    ]
}

fn variables() -> Vec<Case> {
    let secret = |name: &str| variable(&format!("secretKeyRef: {{name: {name}, key: token}}"));
    let of_name = "name must consist of lower case letters, digits, -, . and variables such as $(TENANT)";
    let one = "set exactly one of label, annotation and name in accountRef";
    vec![
        fine("a label of the account", SET, variable("accountRef: {label: example.com/tenant}")),
        fine("an annotation of the account", SET, variable("accountRef: {annotation: shown}")),
        fine("the account's name", SET, variable("accountRef: {name: true}")),
        fine("a Secret for each tenant", SET, secret("hook-$(TENANT)")),
        bad("two of the account's metadata", SET, variable("accountRef: {label: a, annotation: b}"), one),
        bad("none of the account's metadata", SET, variable("accountRef: {}"), one),
        bad(
            "not the account's name",
            SET,
            variable("accountRef: {name: false}"),
            "name must be true: write name: true, or remove it",
        ),
        bad(
            "an empty label",
            SET,
            variable("accountRef: {label: ''}"),
            "label must not be empty: give the name of a label",
        ),
        bad(
            "an empty annotation",
            SET,
            variable("accountRef: {annotation: ''}"),
            "annotation must not be empty: give the name of an annotation",
        ),
        bad(
            "two sources",
            SET,
            variable("accountRef: {name: true}, secretKeyRef: {name: a, key: b}"),
            "set exactly one of secretKeyRef, configMapKeyRef and accountRef in valueFrom",
        ),
        bad(
            "an empty name",
            SET,
            secret("''"),
            "name must not be empty: give the name of the Secret or ConfigMap",
        ),
        bad("no name of a Secret", SET, secret("Hook_1"), of_name),
        bad("no variable in a name", SET, secret("'hook-$(a b)'"), of_name),
        bad(
            "an empty key",
            SET,
            variable("configMapKeyRef: {name: a, key: ''}"),
            "key must not be empty: give the key in the Secret or ConfigMap",
        ),
    ]
}
