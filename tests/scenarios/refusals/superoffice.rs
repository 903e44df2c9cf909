//! Cases for SuperOffice.

use super::{ACCOUNT, Case, WEBHOOK, bad, changed, fine, subscription, vendor};

const ONLINE: &str = "online: {customerId: Cust12345}";
const ONSITE: &str = "onsite: {url: 'https://crm.example.com/superoffice'}";
const SYSTEM_USER: &str = "systemUser: {clientSecretSecretRef: {name: s, key: a}, \
    systemUserTokenSecretRef: {name: s, key: b}, privateKeySecretRef: {name: s, key: c}}";
const REFRESH: &str = "refreshToken: {clientId: abc, clientSecretSecretRef: {name: s, key: a}, \
    refreshTokenSecretRef: {name: s, key: b}}";
const BASIC: &str = "basic: {usernameSecretRef: {name: s, key: a}, passwordSecretRef: {name: s, key: b}}";
const BEARER: &str = "bearer: {tokenSecretRef: {name: s, key: a}}";

fn account(place: &str, login: &str) -> String {
    vendor(&format!("{{superoffice: {{{place}, credentials: {{{login}}}}}}}"))
}

fn webhook(members: &str) -> String {
    subscription(&format!("{{superoffice: {{{members}}}}}"))
}

/// A subscription with further members.
fn with(members: &str) -> String {
    webhook(&format!("name: a, events: [contact.created], targetUrl: 'https://a.example/', {members}"))
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = accounts();
    cases.extend(logins());
    cases.extend(subscriptions());
    cases.extend(targets());
    cases.extend(secrets());
    cases.extend(headers());
    cases.extend(notifications());
    cases
}

fn accounts() -> Vec<Case> {
    let tenant = |members: &str| account(&format!("online: {{{members}}}"), SYSTEM_USER);
    let mut cases = vec![
        fine("online", ACCOUNT, account(ONLINE, SYSTEM_USER)),
        fine("on-site", ACCOUNT, account(ONSITE, BASIC)),
        fine(
            "online with everything",
            ACCOUNT,
            tenant("environment: sod, customerId: Cust12345, url: 'https://sod.superoffice.com'"),
        ),
        bad(
            "nowhere",
            ACCOUNT,
            account("online: null", BEARER),
            "set exactly one of online (a tenant in SuperOffice's cloud) and onsite",
        ),
        bad(
            "two places",
            ACCOUNT,
            account(&format!("{ONLINE}, {ONSITE}"), BEARER),
            "set exactly one of online (a tenant in SuperOffice's cloud) and onsite",
        ),
        changed(
            bad(
                "another place has other subscriptions",
                ACCOUNT,
                account(ONSITE, BEARER),
                "online and onsite cannot be exchanged",
            ),
            account(ONLINE, BEARER),
        ),
        bad("whose tenant?", ACCOUNT, tenant("environment: sod"), "online.customerId: Required value"),
        bad(
            "an address is no tenant's id",
            ACCOUNT,
            tenant("customerId: online.superoffice.com/Cust12345"),
            "customerId must be the tenant's id, such as Cust12345: only letters and digits",
        ),
        changed(
            bad(
                "another tenant has other subscriptions",
                ACCOUNT,
                tenant("customerId: Cust2"),
                "customerId cannot be changed",
            ),
            tenant("customerId: Cust1"),
        ),
        changed(
            bad(
                "a tenant of the same id elsewhere is another",
                ACCOUNT,
                tenant("customerId: Cust1, environment: sod"),
                "environment cannot be changed: a tenant belongs to one environment",
            ),
            tenant("customerId: Cust1"),
        ),
        bad(
            "no such environment",
            ACCOUNT,
            tenant("customerId: Cust1, environment: production"),
            "environment: Unsupported value: \"production\": supported values: \"sod\", \"qaonline\", \"online\"",
        ),
        bad(
            "no base address",
            ACCOUNT,
            tenant("customerId: Cust1, url: 'https://online.superoffice.com/Cust1'"),
            "url must be a base URL such as https://online.superoffice.com, without path or query",
        ),
        bad("no address", ACCOUNT, account("onsite: {}", BASIC), "onsite.url: Required value"),
    ];
    cases.extend(["crm.example.com", "https://crm.example.com/?a=b", "https://u:p@crm.example.com/"].map(|url| {
        bad(
            "not the root",
            ACCOUNT,
            account(&format!("onsite: {{url: '{url}'}}"), BASIC),
            "url must be the root of the installation such as https://crm.example.com/superoffice, without user name or query",
        )
    }));
    cases
}

fn logins() -> Vec<Case> {
    vec![
        fine("consent", ACCOUNT, account(ONLINE, REFRESH)),
        fine("a ticket alone", ACCOUNT, account(ONSITE, "ticket: {ticketSecretRef: {name: s, key: a}}")),
        fine(
            "a ticket with its app",
            ACCOUNT,
            account(
                ONLINE,
                "ticket: {ticketSecretRef: {name: s, key: a}, appTokenSecretRef: {name: s, key: b}}",
            ),
        ),
        fine("a token online", ACCOUNT, account(ONLINE, BEARER)),
        fine("a token on-site", ACCOUNT, account(ONSITE, BEARER)),
        bad(
            "no kind of login",
            ACCOUNT,
            account(ONLINE, ""),
            "set exactly one kind of credentials: systemUser, refreshToken, basic, ticket or bearer",
        ),
        bad(
            "two kinds of login",
            ACCOUNT,
            account(ONLINE, &format!("{REFRESH}, {BEARER}")),
            "set exactly one kind of credentials: systemUser, refreshToken, basic, ticket or bearer",
        ),
        bad(
            "online knows no passwords",
            ACCOUNT,
            account(ONLINE, BASIC),
            "credentials.basic works only with onsite: for online, set systemUser or refreshToken",
        ),
        bad(
            "on-site knows no system users",
            ACCOUNT,
            account(ONSITE, SYSTEM_USER),
            "credentials.systemUser and refreshToken work only with online: for onsite, set basic",
        ),
        bad(
            "on-site knows no consent",
            ACCOUNT,
            account(ONSITE, REFRESH),
            "credentials.systemUser and refreshToken work only with online: for onsite, set basic",
        ),
        bad(
            "no client",
            ACCOUNT,
            account(ONLINE, &REFRESH.replace("clientId: abc", "clientId: ''")),
            "clientId must not be empty: it is the app's client id from the Developer Portal",
        ),
    ]
}

fn subscriptions() -> Vec<Case> {
    let named =
        |name: &str| webhook(&format!("name: '{name}', events: [a], targetUrl: 'https://a.example/'"));
    let events =
        |events: &str| webhook(&format!("name: a, targetUrl: 'https://a.example/', events: [{events}]"));
    let mut cases = vec![
        fine(
            "everything",
            WEBHOOK,
            with(
                "secret: $(KEY), state: Stopped, type: webhook, headers: {X-Env: prod}, \
                 properties: {tenant: eu, n: [1, {deep: true}]}, errorsEmail: ops@example.com, onTooManyErrors: Leave",
            ) + "\nvariables: [{name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}]",
        ),
        fine("any name of an event: the vendor decides", WEBHOOK, events("moon.risen")),
        fine("the longest name", WEBHOOK, named(&"ä".repeat(400))),
        fine("no name", WEBHOOK, webhook("events: [a], targetUrl: 'https://a.example/'")),
        bad(
            "a name too long for the vendor",
            WEBHOOK,
            named(&"a".repeat(401)),
            "name must have 1 to 400 characters",
        ),
        bad("an empty name", WEBHOOK, named(""), "remove it for a webhook without a name"),
        bad("no events", WEBHOOK, events(""), "name at least one event, such as contact.created"),
        bad(
            "events left out",
            WEBHOOK,
            webhook("name: a, targetUrl: 'https://a.example/'"),
            "spec.subscription.superoffice.events: Required value",
        ),
        bad(
            "no such state",
            WEBHOOK,
            with("state: TooManyErrors"),
            "state: Unsupported value: \"TooManyErrors\": supported values: \"Active\", \"Stopped\"",
        ),
        bad(
            "no such answer to errors",
            WEBHOOK,
            with("onTooManyErrors: Retry"),
            "onTooManyErrors: Unsupported value: \"Retry\": supported values: \"Reactivate\", \"Leave\"",
        ),
        bad(
            "properties are named",
            WEBHOOK,
            with("properties: [eu]"),
            "properties in body must be of type object: \"array\"",
        ),
    ];
    cases.extend(["'contact.created,sale.changed'", "''"].map(|name| {
        bad(
            "no name of one event",
            WEBHOOK,
            events(name),
            "an event must be one name such as sale.changed, without commas: write one list item for each event",
        )
    }));
    cases
}

fn notifications() -> Vec<Case> {
    vec![
        fine(
            "addresses, channels, occasions and a description",
            WEBHOOK,
            with(
                "errorEmails: [a@example.com, $(MAIL)], notifyVia: [Email, InApp], \
                 notifyWhen: [FirstFailure, Disabling], description: why",
            ) + "\nvariables: [{name: MAIL, value: b@example.com}]",
        ),
        fine(
            "nobody is notified",
            WEBHOOK,
            with("errorsEmail: a@example.com, notifyVia: [], notifyWhen: []"),
        ),
        bad(
            "two places for addresses",
            WEBHOOK,
            with("errorsEmail: a@example.com, errorEmails: [b@example.com]"),
            "set errorsEmail or errorEmails, not both",
        ),
        bad(
            "an empty address",
            WEBHOOK,
            with("errorEmails: ['']"),
            "errorEmails must not contain an empty address: remove it",
        ),
        bad(
            "no such channel",
            WEBHOOK,
            with("notifyVia: [Phone]"),
            "notifyVia[0]: Unsupported value: \"Phone\": supported values: \"Email\", \"InApp\"",
        ),
        bad(
            "no such occasion",
            WEBHOOK,
            with("notifyWhen: [Always]"),
            "notifyWhen[0]: Unsupported value: \"Always\": supported values: \"FirstFailure\", \"Disabling\"",
        ),
    ]
}

fn targets() -> Vec<Case> {
    let to = |kind: &str, url: &str| {
        webhook(&format!("name: a, events: [contact.created], type: {kind}, targetUrl: '{url}'"))
    };
    let mut cases = vec![
        fine("upper case is the same", WEBHOOK, to("webhook", "HTTPS://a.example/")),
        fine("http: the server's settings decide", WEBHOOK, to("webhook", "http://a.example/")),
        fine("the whole address is a variable", WEBHOOK, to("webhook", "$(RECEIVER)/so")),
        fine("a script", WEBHOOK, to("crmscript", "my-script")),
        fine("a plug-in of one's own", WEBHOOK, to("queue-writer", "anything")),
        bad(
            "an empty type",
            WEBHOOK,
            to("''", "x"),
            "type must not be empty: write webhook, crmscript or the name of an on-site plug-in",
        ),
        bad("an empty script", WEBHOOK, to("crmscript", ""), "targetUrl must not be empty"),
        bad(
            "no receiver",
            WEBHOOK,
            webhook("name: a, events: [contact.created]"),
            "spec.subscription.superoffice.targetUrl: Required value",
        ),
    ];
    cases.extend(["ftp://a.example/", "a.example", "https://", "$$(ESCAPED)"].map(|url| {
        bad(
            "no address of the web",
            WEBHOOK,
            to("webhook", url),
            "targetUrl of type webhook must start with https:// or with a $(NAME) variable that does",
        )
    }));
    cases
}

fn secrets() -> Vec<Case> {
    let signed = |variable: &str| with("secret: $(KEY)") + "\nvariables: [" + variable + "]";
    let literal =
        "superoffice.secret must use a variable from a Secret: give that variable valueFrom.secretKeyRef";
    let mut cases = vec![
        fine(
            "from a Secret",
            WEBHOOK,
            signed("{name: A, value: a}, {name: KEY, valueFrom: {secretKeyRef: {name: s, key: k}}}"),
        ),
        bad("a literal secret by a detour", WEBHOOK, signed("{name: KEY, value: hunter2}"), literal),
        bad(
            "everybody reads ConfigMaps",
            WEBHOOK,
            signed("{name: KEY, valueFrom: {configMapKeyRef: {name: m, key: k}}}"),
            literal,
        ),
    ];
    cases.extend(["hunter2", "", "$(KEY)x", "x$(KEY)", "$(A)$(B)", "$$(KEY)", "$()", "${KEY}"].map(
        |secret| {
            bad(
                "a literal secret",
                WEBHOOK,
                with(&format!("secret: '{secret}'")),
                "secret must be exactly one $(NAME), where NAME is a variable from a Secret",
            )
        },
    ));
    cases
}

fn headers() -> Vec<Case> {
    let many = |count: usize| {
        let all: Vec<_> = (0..count).map(|n| format!("X-{n}: a")).collect();
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
        bad(
            "an empty value",
            WEBHOOK,
            with("headers: {X-A: ''}"),
            "a header value must not be empty: remove the header or give it a value",
        ),
        bad(
            "one header twice",
            WEBHOOK,
            with("headers: {X-A: a, x-a: b}"),
            "two header names differ only in case, which HTTP ignores: keep one of them",
        ),
    ]
}
