//! Cases for Brightpearl.

use super::{ACCOUNT, Case, WEBHOOK, bad, changed, fine, subscription, vendor};

const STAFF: &str = "staffToken: {appRef: acme_ops, tokenSecretRef: {name: b, key: token}}";

fn account(members: &str) -> String {
    vendor(&format!("{{brightpearl: {{{members}}}}}"))
}

/// An account with these credentials, in flow style.
fn login(credentials: &str) -> String {
    account(&format!("datacenter: euw1, account: acme, credentials: {credentials}"))
}

fn webhook(members: &str) -> String {
    subscription(&format!("{{brightpearl: {{{members}}}}}"))
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = accounts();
    cases.extend(logins());
    cases.extend(subscriptions());
    cases.extend(bodies());
    cases
}

fn accounts() -> Vec<Case> {
    let at = |address: &str| account(&format!("{address}, account: acme, credentials: {{{STAFF}}}"));
    let named = |name: &str| account(&format!("datacenter: euw1, account: {name}, credentials: {{{STAFF}}}"));
    let mut cases = vec![
        fine("a datacentre", ACCOUNT, at("datacenter: euw1")),
        fine("an address", ACCOUNT, at("url: 'https://ws-eu1.brightpearl.com'")),
        fine("any base address", ACCOUNT, at("url: 'http://127.0.0.1:8080/brightpearl/'")),
        changed(
            fine("the vendor moves accounts", ACCOUNT, at("url: 'https://ws-eu1.brightpearl.com'")),
            at("datacenter: euw1"),
        ),
        bad(
            "nowhere",
            ACCOUNT,
            at("url: null"),
            "set exactly one of datacenter (such as euw1) and url (any base URL)",
        ),
        bad(
            "two places",
            ACCOUNT,
            at("datacenter: euw1, url: 'https://ws-eu1.brightpearl.com'"),
            "set exactly one of datacenter (such as euw1) and url (any base URL)",
        ),
        bad(
            "no account",
            ACCOUNT,
            account(&format!("datacenter: euw1, credentials: {{{STAFF}}}")),
            "spec.vendor.brightpearl.account: Required value",
        ),
        bad(
            "an address is no account code",
            ACCOUNT,
            named("'acme/x'"),
            "account must be the short account code used to log in: only letters, digits, - and _",
        ),
        bad(
            "an empty account code",
            ACCOUNT,
            named("''"),
            "account must be the short account code used to log in: only letters, digits, - and _",
        ),
        changed(
            bad(
                "another account has other subscriptions",
                ACCOUNT,
                named("other"),
                "account cannot be changed",
            ),
            named("acme"),
        ),
    ];
    cases.extend(["euw1.brightpearlconnect.com", "EUW1", "''"].map(|code| {
        bad(
            "a datacentre is a code",
            ACCOUNT,
            at(&format!("datacenter: {code}")),
            "datacenter must be a code such as euw1 or use1, not a host name: for a base URL, set url instead",
        )
    }));
    cases.extend(
        [
            "euw1.brightpearlconnect.com",
            "https://",
            "https://a.example/?b=c",
            "https://ops:pass@a.example",
            "ftp://a.example",
            "https://a b.example",
            "$(URL)",
        ]
        .map(|url| {
            bad(
                "no base address",
                ACCOUNT,
                at(&format!("url: '{url}'")),
                "url must be a base URL such as https://euw1.brightpearlconnect.com, without user name or query",
            )
        }),
    );
    cases
}

fn logins() -> Vec<Case> {
    let oauth = |members: &str| login(&format!("{{oauth: {{{members}}}}}"));
    vec![
        fine("a staff token", ACCOUNT, login(&format!("{{{STAFF}}}"))),
        fine(
            "an account token",
            ACCOUNT,
            login("{accountToken: {appRef: acme_ops, tokenSecretRef: {name: b, key: token}}}"),
        ),
        fine("an OAuth app", ACCOUNT, oauth("appRef: my-app, devRef: acmedev, tokenSecretRef: {name: b}")),
        fine(
            "an OAuth app with its own token endpoint",
            ACCOUNT,
            oauth(
                "appRef: my-app, devRef: acmedev, tokenSecretRef: {name: b}, \
                 tokenUrl: 'https://oauth.brightpearlapp.com/token/acme'",
            ),
        ),
        bad(
            "no login at all",
            ACCOUNT,
            account("datacenter: euw1, account: acme"),
            "spec.vendor.brightpearl.credentials: Required value",
        ),
        bad(
            "no kind of login",
            ACCOUNT,
            login("{}"),
            "set exactly one kind of credentials: staffToken, accountToken or oauth",
        ),
        bad(
            "two kinds of login",
            ACCOUNT,
            login(&format!("{{{STAFF}, oauth: {{appRef: a, devRef: b, tokenSecretRef: {{name: b}}}}}}")),
            "set exactly one kind of credentials: staffToken, accountToken or oauth",
        ),
        bad(
            "a private app without a reference",
            ACCOUNT,
            login("{staffToken: {appRef: '', tokenSecretRef: {name: b, key: token}}}"),
            "appRef must not be empty: it is the private app's reference, such as acme_ops",
        ),
        bad(
            "an app without a reference",
            ACCOUNT,
            oauth("appRef: '', devRef: acmedev, tokenSecretRef: {name: b}"),
            "appRef must not be empty: it is the app's reference, its client id",
        ),
        bad(
            "an app of nobody",
            ACCOUNT,
            oauth("appRef: my-app, devRef: '', tokenSecretRef: {name: b}"),
            "devRef must not be empty",
        ),
        bad(
            "a Secret without a name",
            ACCOUNT,
            oauth("appRef: my-app, devRef: acmedev, tokenSecretRef: {name: ''}"),
            "name must not be empty: give the name of the Secret",
        ),
        bad(
            "a Secret whose name would be another request",
            ACCOUNT,
            oauth("appRef: my-app, devRef: acmedev, tokenSecretRef: {name: '?watch=true'}"),
            "not a valid name of a Secret: use at most 253 lower case letters, digits, - and .",
        ),
        bad(
            "no token endpoint",
            ACCOUNT,
            oauth("appRef: my-app, devRef: acmedev, tokenSecretRef: {name: b}, tokenUrl: /token"),
            "tokenUrl must be an absolute URL such as https://oauth.brightpearlapp.com/token/acme",
        ),
    ]
}

fn subscriptions() -> Vec<Case> {
    let to = |uri: &str| webhook(&format!("subscribeTo: product, httpMethod: GET, uriTemplate: '{uri}'"));
    let quality = |value: &str| {
        webhook(&format!(
            "subscribeTo: product, httpMethod: GET, uriTemplate: 'https://a.example/', qualityOfService: {value}"
        ))
    };
    let mut cases = vec![
        fine("the least that a subscription can be", WEBHOOK, to("https://a.example/")),
        fine("plain http is the receiver's business", WEBHOOK, to("HTTP://a.example/${resource-id}")),
        fine("the whole address is a variable", WEBHOOK, to("$(RECEIVER)/${resource-id}")),
        fine(
            "any name of an event: the vendor decides",
            WEBHOOK,
            webhook("subscribeTo: moon.risen, httpMethod: DELETE, uriTemplate: 'https://a.example/'"),
        ),
        fine("at least once", WEBHOOK, quality("1")),
        bad(
            "no event",
            WEBHOOK,
            webhook("httpMethod: GET, uriTemplate: 'https://a.example/'"),
            "spec.subscription.brightpearl.subscribeTo: Required value",
        ),
        bad(
            "an empty event",
            WEBHOOK,
            webhook("subscribeTo: '', httpMethod: GET, uriTemplate: 'https://a.example/'"),
            "subscribeTo must not be empty: name a resource or an event, such as product or order.modified",
        ),
        bad(
            "no method",
            WEBHOOK,
            webhook("subscribeTo: product, uriTemplate: 'https://a.example/'"),
            "spec.subscription.brightpearl.httpMethod: Required value",
        ),
        bad(
            "no receiver",
            WEBHOOK,
            webhook("subscribeTo: product, httpMethod: GET"),
            "spec.subscription.brightpearl.uriTemplate: Required value",
        ),
        bad(
            "a receiver longer than the rules' budget",
            WEBHOOK,
            to(&format!("https://a.example/{}", "a".repeat(8192))),
            "spec.subscription.brightpearl.uriTemplate: Too long: may not be more than 8192",
        ),
    ];
    cases.extend(["PATCH", "post", "''"].map(|method| {
        bad(
            "no such method",
            WEBHOOK,
            webhook(&format!(
                "subscribeTo: product, httpMethod: {method}, uriTemplate: 'https://a.example/'"
            )),
            "supported values: \"GET\", \"POST\", \"PUT\", \"DELETE\"",
        )
    }));
    cases.extend(
        ["", "/hook", "a.example/hook", "//a.example/hook", "ftp://a.example/", "https://", "$$(ESCAPED)", "${account-code}"].map(
            |uri| {
                bad(
                    "not absolute",
                    WEBHOOK,
                    to(uri),
                    "uriTemplate must be absolute: start it with https:// (or http://), or with a $(NAME) variable that does",
                )
            },
        ),
    );
    cases.extend(["2", "-1"].map(|value| {
        bad(
            "no such quality",
            WEBHOOK,
            quality(value),
            "qualityOfService must be 0 (at most once) or 1 (at least once)",
        )
    }));
    cases
}

fn bodies() -> Vec<Case> {
    let with = |method: &str, members: &str| {
        webhook(&format!(
            "subscribeTo: product, httpMethod: {method}, uriTemplate: 'https://a.example/'{members}"
        ))
    };
    let (body, kind) = (", bodyTemplate: '{\"id\":\"${resource-id}\"}'", ", contentType: application/json");
    let mut cases = vec![bad(
        "an empty content type",
        WEBHOOK,
        with("POST", &format!("{body}, contentType: ''")),
        "contentType must not be empty: give a media type such as application/json",
    )];
    for method in ["POST", "PUT"] {
        cases.push(fine(
            "everything",
            WEBHOOK,
            with(method, &format!("{body}{kind}, idSetAccepted: true, qualityOfService: 1")),
        ));
        for lacking in ["", body, kind, ", bodyTemplate: null, contentType: null"] {
            cases.push(bad(
                "a body belongs to it",
                WEBHOOK,
                with(method, lacking),
                "httpMethod POST and PUT need a body: set both bodyTemplate and contentType",
            ));
        }
    }
    for method in ["GET", "DELETE"] {
        for excess in [body.to_owned(), kind.to_owned(), format!("{body}{kind}"), ", bodyTemplate: ''".into()]
        {
            cases.push(bad(
                "no body belongs to it",
                WEBHOOK,
                with(method, &excess),
                "httpMethod GET and DELETE have no body: remove bodyTemplate and contentType, and put the variables into uriTemplate",
            ));
        }
    }
    cases
}
