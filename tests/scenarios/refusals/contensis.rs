//! Cases for Contensis.

use super::{ACCOUNT, Case, WEBHOOK, bad, changed, fine, subscription, vendor};

const KEY: &str = "clientCredentials: {clientIdSecretRef: {name: c, key: id}, clientSecretSecretRef: {name: c, key: secret}}";
const CLASSIC: &str =
    "classic: {usernameSecretRef: {name: c, key: user}, passwordSecretRef: {name: c, key: password}}";
const TOPICS: &str = "topics: [{resourceType: entry, event: [published]}]";

fn account(members: &str) -> String {
    vendor(&format!("{{contensis: {{{members}}}}}"))
}

fn webhook(members: &str) -> String {
    subscription(&format!("{{contensis: {{{members}}}}}"))
}

/// A subscription with further members.
fn with(members: &str) -> String {
    webhook(&format!("name: a, url: 'https://a.example/', {TOPICS}, {members}"))
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = accounts();
    cases.extend(logins());
    cases.extend(subscriptions());
    cases.extend(topics());
    cases.extend(headers());
    cases
}

fn accounts() -> Vec<Case> {
    let at = |address: &str| account(&format!("{address}, project: movies, credentials: {{{KEY}}}"));
    let project = |name: &str| account(&format!("alias: example, project: {name}, credentials: {{{KEY}}}"));
    let language = |code: &str| at(&format!("alias: example, nameLanguage: {code}"));
    let mut cases = vec![
        fine("an alias and an API key", ACCOUNT, at("alias: example")),
        fine("an address", ACCOUNT, at("url: 'https://cms-example.cloud.contensis.com/'")),
        fine("an old server", ACCOUNT, language("en-GB")),
        bad(
            "nowhere",
            ACCOUNT,
            at("alias: null"),
            "set exactly one of alias (such as example) and url (the root of the CMS)",
        ),
        bad(
            "two places",
            ACCOUNT,
            at("alias: example, url: 'https://a.example'"),
            "set exactly one of alias (such as example) and url (the root of the CMS)",
        ),
        bad(
            "no project",
            ACCOUNT,
            account(&format!("alias: example, credentials: {{{KEY}}}")),
            "spec.vendor.contensis.project: Required value",
        ),
        bad(
            "a project's name is not its id",
            ACCOUNT,
            project("'Our movies'"),
            "project must be the project's id, which its overview shows: only letters, digits, - and _",
        ),
        changed(
            bad(
                "another project has other subscriptions",
                ACCOUNT,
                project("books"),
                "project cannot be changed",
            ),
            project("movies"),
        ),
        bad(
            "no language code",
            ACCOUNT,
            language("'English (UK)'"),
            "nameLanguage must be a language code such as en-GB",
        ),
    ];
    cases.extend(["cms-example.cloud.contensis.com", "''"].map(|alias| {
        bad(
            "an alias is a bare name",
            ACCOUNT,
            at(&format!("alias: {alias}")),
            "alias must be the cloud alias such as example, not a host name: for a URL, set url instead",
        )
    }));
    cases.extend(
        ["cms-example.cloud.contensis.com", "https://a.example/api", "https://a.example/#/", "https://u:p@a.example"].map(
            |url| {
                bad(
                    "not the root",
                    ACCOUNT,
                    at(&format!("url: '{url}'")),
                    "url must be the root URL of the CMS such as https://cms-example.cloud.contensis.com, without path or query",
                )
            },
        ),
    );
    cases
}

fn logins() -> Vec<Case> {
    let login =
        |credentials: &str| account(&format!("alias: example, project: movies, credentials: {credentials}"));
    vec![
        fine("a user's login", ACCOUNT, login(&format!("{{{CLASSIC}}}"))),
        bad(
            "no login at all",
            ACCOUNT,
            account("alias: example, project: movies"),
            "spec.vendor.contensis.credentials: Required value",
        ),
        bad(
            "no kind of login",
            ACCOUNT,
            login("{}"),
            "set exactly one kind of credentials: clientCredentials or classic",
        ),
        bad(
            "two kinds of login",
            ACCOUNT,
            login(&format!("{{{KEY}, {CLASSIC}}}")),
            "set exactly one kind of credentials: clientCredentials or classic",
        ),
        bad(
            "half a key",
            ACCOUNT,
            login("{clientCredentials: {clientIdSecretRef: {name: c, key: id}}}"),
            "spec.vendor.contensis.credentials.clientCredentials.clientSecretSecretRef: Required value",
        ),
    ]
}

fn subscriptions() -> Vec<Case> {
    vec![
        fine(
            "the least that a subscription can be",
            WEBHOOK,
            webhook(&format!("name: a, url: 'https://a.example/', {TOPICS}")),
        ),
        fine(
            "everything",
            WEBHOOK,
            webhook(
                "name: a, description: b, url: '{{anything}}', method: PATCH, enabled: false, \
                 topics: [{resourceType: entry, event: [published, deleted], contentTypeId: [article], language: [en-GB], \
                 owner: t.durden, workflowEvent: [a.b.c], workflowState: [a.b], id: x, dataFormat: entry}, \
                 {resourceType: moon, event: [risen]}], \
                 headers: {X-Origin: {value: cms}, X-Key: {value: $(KEY), secret: true}}, \
                 templates: {entry: '{}', entry.article: {id: '{{resource.sys.id}}', more: {n: [1, true]}}}",
            ),
        ),
        bad(
            "no name",
            WEBHOOK,
            webhook(&format!("url: 'https://a.example/', {TOPICS}")),
            "spec.subscription.contensis.name: Required value",
        ),
        bad(
            "an empty name",
            WEBHOOK,
            webhook(&format!("name: '', url: 'https://a.example/', {TOPICS}")),
            "name must not be empty: the CMS shows it to its users",
        ),
        bad(
            "no receiver",
            WEBHOOK,
            webhook(&format!("name: a, {TOPICS}")),
            "spec.subscription.contensis.url: Required value",
        ),
        bad(
            "an empty receiver",
            WEBHOOK,
            webhook(&format!("name: a, url: '', {TOPICS}")),
            "url must not be empty: it is the receiver's address, such as https://hooks.example.net/c7s",
        ),
        bad(
            "no such method",
            WEBHOOK,
            with("method: HEAD"),
            "method: Unsupported value: \"HEAD\": supported values: \"GET\", \"POST\", \"PUT\", \"PATCH\", \"DELETE\"",
        ),
    ]
}

fn topics() -> Vec<Case> {
    let of = |topics: &str| webhook(&format!("name: a, url: 'https://a.example/', topics: [{topics}]"));
    let many = |count: usize| of(&["{resourceType: entry, event: [published]}"].repeat(count).join(", "));
    vec![
        fine("as many as there may be", WEBHOOK, many(64)),
        bad(
            "too many for the rules' budget",
            WEBHOOK,
            many(65),
            "topics: Too many: 65: must have at most 64 items",
        ),
        bad(
            "topics left out",
            WEBHOOK,
            webhook("name: a, url: 'https://a.example/'"),
            "spec.subscription.contensis.topics: Required value",
        ),
        bad(
            "no topics",
            WEBHOOK,
            of(""),
            "declare at least one topic, such as {resourceType: entry, event: [published]}",
        ),
        bad(
            "no kind of resource",
            WEBHOOK,
            of("{event: [published]}"),
            "topics[0].resourceType: Required value",
        ),
        bad(
            "an empty kind of resource",
            WEBHOOK,
            of("{resourceType: '', event: [published]}"),
            "resourceType must not be empty: name a kind such as entry, asset or contentType",
        ),
        bad("events left out", WEBHOOK, of("{resourceType: entry}"), "topics[0].event: Required value"),
        bad(
            "no events",
            WEBHOOK,
            of("{resourceType: entry, event: []}"),
            "name at least one event of the topic, such as published",
        ),
        bad(
            "an empty event",
            WEBHOOK,
            of("{resourceType: entry, event: [published, '']}"),
            "topics[0].event[1]: Invalid value: \"\": spec.subscription.contensis.topics[0].event[1] in body should be at least 1 chars long",
        ),
    ]
}

fn headers() -> Vec<Case> {
    let many = |count: usize| {
        let all: Vec<_> = (0..count).map(|n| format!("X-{n}: {{value: a}}")).collect();
        with(&format!("headers: {{{}}}", all.join(", ")))
    };
    vec![
        fine("as many as there may be", WEBHOOK, many(64)),
        bad(
            "too many for the rules' budget",
            WEBHOOK,
            many(65),
            "headers: Too many: 65: must have at most 64 items",
        ),
        bad("no value", WEBHOOK, with("headers: {X-A: {secret: true}}"), "headers.X-A.value: Required value"),
        bad(
            "the vendor drops it",
            WEBHOOK,
            with("headers: {X-A: {value: ''}}"),
            "a header value must not be empty, because Contensis drops such a header: remove the header or give it a value",
        ),
        bad(
            "one header twice",
            WEBHOOK,
            with("headers: {X-A: {value: a}, x-a: {value: b}}"),
            "two header names differ only in case, which HTTP ignores: keep one of them",
        ),
    ]
}
