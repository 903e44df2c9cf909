//! Brightpearl's answers (vendors/brightpearl.md 8).

use crate::{Ask, Case, Comes, SECRET, Table, case};
use hooktender::vendor::Class::{Credentials, Rejected, Throttled, Unavailable};
use hooktender_sandbox::Sandbox;
use serde_json::{Value, json};

pub(crate) fn table() -> Table {
    Table {
        vendor: "brightpearl",
        account,
        subscription: json!({"brightpearl": {
            "subscribeTo": "product", "httpMethod": "GET", "uriTemplate": "https://hooks.example.com/bp",
        }}),
        cases: [refusals(), missing(), logins(), rights(), paces(), outages(), successes()]
            .into_iter()
            .flatten()
            .collect(),
    }
}

fn account(login: &str, sandbox: &Sandbox) -> (Value, Value) {
    let at = json!({"name": "login", "key": "secret"});
    let (kind, known) = match login {
        "oauth" => (
            json!({"oauth": {"appRef": "ops", "devRef": "dev", "tokenSecretRef": {"name": "login"}}}),
            json!({"oauth": [{"appRef": "ops", "devRef": "dev", "accessToken": SECRET}]}),
        ),
        _ => (
            json!({"staffToken": {"appRef": "ops", "tokenSecretRef": at}}),
            json!({"staffTokens": {"ops": SECRET}}),
        ),
    };
    let spec =
        json!({"brightpearl": {"url": sandbox.brightpearl_url(), "account": "cust1", "credentials": kind}});
    (spec, known)
}

fn errors(all: &[(&str, &str)]) -> Value {
    let all: Vec<_> = all.iter().map(|(code, message)| json!({"code": code, "message": message})).collect();
    json!({"errors": all})
}

fn refusals() -> Vec<Case> {
    use Ask::Create;
    let variables = [
        ("INTC-057", "The URI template, or body template for POST and PUT, must contain ${lifecycle-event}"),
        ("INTC-057", "The URI template, or body template for POST and PUT, must contain ${account-code}"),
    ];
    vec![
        case(
            Create,
            "create",
            400,
            errors(&variables),
            Comes::To(Rejected, &["INTC-057", "${lifecycle-event}", "${account-code}", "create failed"]),
        ),
        case(
            Create,
            "create",
            400,
            errors(&[("INTC-062", "destroyed is not a valid lifecycle event")]),
            Comes::To(Rejected, &["INTC-062", "destroyed"]),
        ),
        case(
            Create,
            "create",
            400,
            errors(&[("INTC-064", "order.nothing cannot be subscribed to")]),
            Comes::To(Rejected, &["INTC-064: order.nothing"]),
        ),
        case(
            Create,
            "create",
            400,
            errors(&[("CMNC-010", "The request body is missing")]),
            Comes::To(Rejected, &["CMNC-010"]),
        ),
        case(
            Create,
            "create",
            500,
            errors(&[("CMNU-003", "Internal server error")]),
            Comes::To(Unavailable, &["CMNU-003"]),
        )
        .unknown(),
        case(
            Ask::List,
            "list",
            500,
            errors(&[("CMNC-018", "The search filter cannot be read")]),
            Comes::To(Unavailable, &["CMNC-018"]),
        ),
    ]
}

fn missing() -> Vec<Case> {
    let none = || errors(&[("CMNC-404", "No webhooks are available in the ID set 'all'")]);
    let other = || errors(&[("CMNC-404", "The resource could not be found")]);
    let unknown = || errors(&[("CMNC-100", "There are no webhooks here")]);
    let advice = Comes::To(Unavailable, &["check the account code and the datacentre"]);
    let from = |route: &str| json!({"message-type": route});
    vec![
        case(Ask::List, "list", 404, none(), Comes::Fine),
        case(Ask::List, "list", 200, json!({"response": []}), Comes::Fine),
        case(Ask::Delete, "delete", 404, errors(&[("CMNC-404", "Cannot find webhook 7")]), Comes::Fine),
        case(Ask::Delete, "delete", 200, json!({}), Comes::Fine),
        case(Ask::Delete, "delete", 200, Value::Null, Comes::Fine),
        // The error code decides, whatever the message; and so does the service's own route, whatever the code.
        case(Ask::List, "list", 404, other(), Comes::Fine),
        case(Ask::Delete, "delete", 404, other(), Comes::Fine),
        case(Ask::List, "list", 404, unknown(), Comes::Fine).headers(from("get-webhook")),
        case(Ask::Delete, "delete", 404, unknown(), Comes::Fine).headers(from("delete-webhook")),
        case(Ask::List, "list", 404, unknown(), advice),
        case(Ask::Delete, "delete", 404, unknown(), advice),
        // A refusal by the gateway says nothing about webhooks.
        case(Ask::List, "list", 404, none(), advice).headers(from("api-proxy")),
        case(Ask::Delete, "delete", 404, none(), advice).headers(from("api-proxy")),
        case(Ask::List, "list", 404, json!({"response": "No such webhook route"}), advice),
        case(Ask::Delete, "delete", 404, json!({"response": "No such webhook route"}), advice),
        case(
            Ask::List,
            "list",
            404,
            json!({"message": "no Route matched"}),
            Comes::To(Unavailable, &["not from the vendor's API"]),
        ),
        case(
            Ask::List,
            "list",
            404,
            json!("<html>Not Found</html>"),
            Comes::To(
                Unavailable,
                &["not from the vendor's API", "text/html", "check the account's address"],
            ),
        ),
        case(
            Ask::Delete,
            "delete",
            404,
            json!("<html>Not Found</html>"),
            Comes::To(Unavailable, &["not from the vendor's API"]),
        ),
    ]
}

fn logins() -> Vec<Case> {
    let gateway = |text: &str| json!({"response": text});
    let check = Comes::To(Credentials, &["check appRef and the key secret of Secret login"]);
    vec![
        case(Ask::List, "list", 401, gateway("Authorization token expired"), check),
        case(Ask::List, "list", 401, gateway(&format!("Invalid instance token: {SECRET}")), check),
        case(Ask::Create, "create", 401, gateway("Invalid staff token: canary-of-somebody-else"), check),
        case(
            Ask::List,
            "list",
            401,
            gateway("Authorization token expired"),
            Comes::To(Credentials, &["the key access_token of Secret login", "add the key refresh_token"]),
        )
        .login("oauth"),
        case(
            Ask::List,
            "list",
            403,
            errors(&[("CMNC-403", "Forbidden")]),
            Comes::To(
                Credentials,
                &["CMNC-403: Forbidden", "has no right to list webhooks", "give that right to the app"],
            ),
        ),
    ]
}

fn rights() -> Vec<Case> {
    let forbidden = || errors(&[("CMNC-403", "Forbidden")]);
    vec![
        case(
            Ask::Create,
            "create",
            403,
            forbidden(),
            Comes::To(
                Rejected,
                &["CMNC-403: Forbidden", "has no right to create webhooks", "give that right to the app"],
            ),
        ),
        case(
            Ask::Delete,
            "delete",
            403,
            forbidden(),
            Comes::To(
                Rejected,
                &["CMNC-403: Forbidden", "has no right to delete webhooks", "give that right to the app"],
            ),
        ),
        case(Ask::Delete, "delete", 403, Value::Null, Comes::To(Rejected, &["permission denied", "delete"])),
        // A filter on the way to the vendor says nothing about rights.
        case(
            Ask::Create,
            "create",
            403,
            json!("<html>Attention required</html>"),
            Comes::To(Unavailable, &["not from the vendor's API"]),
        ),
    ]
}

/// Failures with status 200.
fn successes() -> Vec<Case> {
    let page = || json!("<html>Sign in to the network</html>");
    let foreign = Comes::To(Unavailable, &["not from the vendor's API", "text/html"]);
    let told = Comes::To(Unavailable, &["INTC-050: out of order"]);
    let error = || errors(&[("INTC-050", "out of order")]);
    let gateway = || json!({"response": "Service temporarily unavailable"});
    vec![
        case(Ask::Delete, "delete", 200, json!({"response": {}}), Comes::Fine),
        case(Ask::Delete, "delete", 200, page(), foreign).unknown(),
        case(
            Ask::Delete,
            "delete",
            200,
            json!({"page": 1}),
            Comes::To(Unavailable, &["not from the vendor's API"]),
        )
        .unknown(),
        case(Ask::Delete, "delete", 200, json!([]), Comes::To(Unavailable, &["not from the vendor's API"]))
            .unknown(),
        case(Ask::Delete, "delete", 200, error(), told).unknown(),
        case(Ask::Delete, "delete", 200, gateway(), Comes::To(Unavailable, &["Service temporarily"]))
            .unknown(),
        case(Ask::Create, "create", 200, page(), Comes::To(Unavailable, &["not what the vendor documents"]))
            .unknown(),
        case(Ask::Create, "create", 200, error(), told).unknown(),
        case(Ask::Create, "create", 200, gateway(), Comes::To(Unavailable, &["Service temporarily"]))
            .unknown(),
        case(
            Ask::Create,
            "create",
            200,
            json!({"response": 0}),
            Comes::To(Unavailable, &["not what the vendor documents"]),
        )
        .unknown(),
        case(Ask::List, "list", 200, error(), told),
    ]
}

fn paces() -> Vec<Case> {
    let said =
        || json!({"response": "You have sent too many requests. Please wait before sending another request"});
    let throttled = Comes::To(Throttled, &["too many requests"]);
    let period = json!({"brightpearl-next-throttle-period": "12345", "brightpearl-requests-remaining": "0"});
    vec![
        case(Ask::List, "list", 503, said(), throttled).headers(period.clone()).wait(12_345),
        case(Ask::Create, "create", 503, said(), throttled).headers(period).wait(12_345),
        case(Ask::List, "list", 503, said(), throttled)
            .headers(json!({"brightpearl-throttle-time": "7"}))
            .wait(7000),
        // The header has the delay, whatever the message.
        case(
            Ask::List,
            "list",
            503,
            json!({"response": "Come back later"}),
            Comes::To(Throttled, &["Come back later"]),
        )
        .headers(json!({"brightpearl-throttle-time": "7"}))
        .wait(7000),
        case(Ask::Create, "create", 503, json!("<html></html>"), throttled)
            .headers(json!({"brightpearl-throttle-time": "7"}))
            .wait(7000),
        case(Ask::List, "list", 429, said(), throttled).headers(json!({"retry-after": "9"})).wait(9000),
        case(Ask::List, "list", 429, json!("<html>Rate limited</html>"), throttled)
            .headers(json!({"retry-after": "9"}))
            .wait(9000),
        case(Ask::List, "list", 429, Value::Null, throttled),
    ]
}

fn outages() -> Vec<Case> {
    vec![
        case(
            Ask::List,
            "list",
            503,
            json!({"response": "Service temporarily unavailable"}),
            Comes::To(Unavailable, &["Service temporarily unavailable"]),
        ),
        case(
            Ask::Create,
            "create",
            520,
            json!("<html>Web server error</html>"),
            Comes::To(Unavailable, &["(HTTP 520)"]),
        )
        .unknown(),
        case(
            Ask::List,
            "list",
            302,
            Value::Null,
            Comes::To(Unavailable, &["redirected to evil.example", "follows no redirects"]),
        )
        .headers(json!({"location": "https://evil.example/login"})),
        case(
            Ask::List,
            "list",
            200,
            json!("<html>Welcome</html>"),
            Comes::To(Unavailable, &["not what the vendor documents"]),
        ),
    ]
}
