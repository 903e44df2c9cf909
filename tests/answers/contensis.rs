//! Contensis' answers (vendors/contensis.md 2.6).

use crate::{Ask, Case, Comes, SECRET, Table, case};
use hooktender::vendor::Class::{Credentials, Rejected, Throttled, Unavailable};
use hooktender_sandbox::Sandbox;
use serde_json::{Value, json};

const NOWHERE: &str = "00000000-0000-0000-0000-000000000000";

pub(crate) fn table() -> Table {
    Table {
        vendor: "contensis",
        account,
        subscription: json!({"contensis": {
            "name": "a", "url": "https://hooks.example.com/c", "topics": [{"resourceType": "entry", "event": ["created"]}],
        }}),
        cases: [refusals(), missing(), logins(), rights(), outages(), successes()]
            .into_iter()
            .flatten()
            .collect(),
    }
}

fn account(login: &str, sandbox: &Sandbox) -> (Value, Value) {
    let at = |key| json!({"name": "login", "key": key});
    let kind = match login {
        "classic" => json!({"classic": {"usernameSecretRef": at("id"), "passwordSecretRef": at("secret")}}),
        _ => {
            json!({"clientCredentials": {"clientIdSecretRef": at("id"), "clientSecretSecretRef": at("secret")}})
        }
    };
    let known = json!({
        "apiKeys": [{"clientId": "ops", "clientSecret": SECRET}], "users": [{"username": "ops", "password": SECRET}],
    });
    (json!({"contensis": {"url": sandbox.contensis_url(), "project": "cust1", "credentials": kind}}), known)
}

fn validation(message: &str, data: &Value) -> Value {
    json!({"logId": NOWHERE, "message": message, "data": data, "type": "Validation"})
}

fn error(message: &str) -> Value {
    json!({"logId": NOWHERE, "message": message, "data": null, "type": "Error"})
}

fn refusals() -> Vec<Case> {
    const SUMMARY: &str = "There are validation errors creating the webhook subscription";
    let lower =
        json!([{"field": "url", "message": "must be https"}, {"field": "", "message": "too many topics"}]);
    let upper = json!([{"Field": "name", "Message": "is required"}]);
    vec![
        case(
            Ask::Create,
            "create",
            422,
            validation(SUMMARY, &lower),
            Comes::To(Rejected, &[SUMMARY, "url: must be https", "too many topics"]),
        ),
        case(
            Ask::Create,
            "create",
            422,
            validation(SUMMARY, &upper),
            Comes::To(Rejected, &["name: is required"]),
        ),
        case(
            Ask::Create,
            "create",
            422,
            validation("Denied", &json!([{"message": "Access denied"}])),
            Comes::To(Rejected, &["Access denied"]),
        ),
        case(
            Ask::Create,
            "create",
            400,
            error("The body cannot be read"),
            Comes::To(Rejected, &["cannot be read"]),
        ),
    ]
}

fn missing() -> Vec<Case> {
    let project = || error("The specified project with ID 'cust1' does not exist");
    let gateway = || json!({"message": "no Route matched with those values"});
    let foreign = Comes::To(Unavailable, &["not from the vendor's API", "check the account's address"]);
    vec![
        case(
            Ask::List,
            "list",
            404,
            project(),
            Comes::To(Rejected, &["'cust1' does not exist", "check spec.vendor.contensis.project"]),
        ),
        case(
            Ask::Create,
            "create",
            404,
            project(),
            Comes::To(Rejected, &["check spec.vendor.contensis.project"]),
        ),
        case(Ask::List, "list", 404, Value::Null, Comes::To(Unavailable, &["check the account's address"])),
        // A gateway answers in JSON too, without the members of the vendor's envelope.
        case(Ask::List, "list", 404, gateway(), foreign),
        case(Ask::Create, "create", 404, gateway(), foreign),
        case(Ask::Update, "update", 404, gateway(), foreign),
        case(Ask::Delete, "delete", 404, gateway(), foreign),
        case(Ask::Delete, "delete", 404, json!("<html>Not found</html>"), foreign),
        // Only the list, which works here, tells a missing subscription from a missing project.
        case(Ask::Delete, "delete", 404, error("The subscription does not exist"), Comes::Fine),
        case(Ask::Delete, "delete", 404, Value::Null, Comes::Fine),
    ]
}

fn logins() -> Vec<Case> {
    vec![
        case(
            Ask::List,
            "list",
            401,
            json!({"message": "Authorization has been denied for this request."}),
            Comes::To(Credentials, &["Authorization has been denied"]),
        ),
        case(
            Ask::List,
            "token",
            400,
            json!({"error": "invalid_client"}),
            Comes::To(
                Credentials,
                &["the API key (invalid_client)", "the key id of Secret login", "still enabled"],
            ),
        ),
        case(
            Ask::List,
            "token",
            400,
            json!({"error": "IncorrectUsernameorPassword"}),
            Comes::To(
                Credentials,
                &["the user (IncorrectUsernameorPassword)", "the key secret of Secret login"],
            ),
        )
        .login("classic"),
        case(Ask::List, "token", 401, Value::Null, Comes::To(Credentials, &["no reason given"])),
        case(Ask::List, "token", 500, error("oops"), Comes::To(Unavailable, &["token failed"])),
        case(
            Ask::List,
            "list",
            403,
            error("Access denied"),
            Comes::To(Credentials, &["Access denied", "the webhook permission \"view\" of project cust1"]),
        ),
    ]
}

/// The vendor's five permissions are separate: a missing write permission concerns one Webhook.
fn rights() -> Vec<Case> {
    let denied = || error("Access denied");
    let templates = || error("Access denied: the action 'useCustomTemplates' is not permitted");
    let custom = Comes::To(
        Rejected,
        &["'useCustomTemplates'", "the webhook permission \"use custom templates\" of project cust1"],
    );
    vec![
        case(
            Ask::Create,
            "create",
            403,
            denied(),
            Comes::To(Rejected, &["Access denied", "the webhook permission \"create\" of project cust1"]),
        ),
        case(
            Ask::Create,
            "create",
            403,
            Value::Null,
            Comes::To(Rejected, &["permission denied", "\"create\"", "cust1"]),
        ),
        case(Ask::Create, "create", 403, templates(), custom),
        case(Ask::Update, "update", 403, templates(), custom),
        case(
            Ask::Update,
            "update",
            403,
            denied(),
            Comes::To(Rejected, &["Access denied", "the webhook permission \"update\" of project cust1"]),
        ),
        case(
            Ask::Delete,
            "delete",
            403,
            denied(),
            Comes::To(Rejected, &["Access denied", "the webhook permission \"delete\" of project cust1"]),
        ),
        case(
            Ask::Create,
            "create",
            403,
            json!("<html>Blocked</html>"),
            Comes::To(Unavailable, &["not from the vendor's API"]),
        ),
        case(
            Ask::Delete,
            "delete",
            401,
            json!({"message": "Authorization has been denied for this request."}),
            Comes::To(Credentials, &["Authorization has been denied"]),
        ),
    ]
}

/// Failures with status 200.
fn successes() -> Vec<Case> {
    let page = || json!("<html>Sign in to the network</html>");
    let told = Comes::To(Unavailable, &["An error occurred"]);
    let failed = || error("An error occurred");
    let resource = || json!({"id": "3a7ce8e3-9c9f-4242-be20-35edb29c4a07", "name": "a"});
    vec![
        case(Ask::Delete, "delete", 204, Value::Null, Comes::Fine),
        case(Ask::Delete, "delete", 200, json!({}), Comes::Fine),
        case(Ask::Delete, "delete", 200, resource(), Comes::Fine),
        case(
            Ask::Delete,
            "delete",
            200,
            page(),
            Comes::To(Unavailable, &["not from the vendor's API", "text/html"]),
        )
        .unknown(),
        case(
            Ask::Delete,
            "delete",
            200,
            json!({"page": 1}),
            Comes::To(Unavailable, &["not from the vendor's API"]),
        )
        .unknown(),
        case(Ask::Delete, "delete", 200, failed(), told).unknown(),
        case(Ask::Create, "create", 200, page(), Comes::To(Unavailable, &["not what the vendor documents"]))
            .unknown(),
        case(Ask::Create, "create", 200, failed(), told).unknown(),
        case(Ask::Update, "update", 200, page(), Comes::To(Unavailable, &["not what the vendor documents"]))
            .unknown(),
        case(Ask::Update, "update", 200, failed(), told).unknown(),
        case(Ask::List, "list", 200, failed(), told),
    ]
}

fn outages() -> Vec<Case> {
    let server = json!({"logId": "6d0c1c9e-2f0b-4d0a-9a55-0c2f4f1d8a10", "message": "An error occurred", "data": {"id": 1}, "type": "error"});
    let seconds = json!({"retry-after": "4"});
    vec![
        case(Ask::List, "list", 500, server.clone(), Comes::To(Unavailable, &["An error occurred"])),
        case(Ask::Create, "create", 500, server, Comes::To(Unavailable, &["An error occurred"])).unknown(),
        case(Ask::List, "list", 429, Value::Null, Comes::To(Throttled, &["(HTTP 429)"])).headers(seconds.clone()).wait(4000),
        case(Ask::List, "list", 503, json!({"message": "API calls are throttled"}), Comes::To(Throttled, &["throttled"]))
            .headers(seconds.clone())
            .wait(4000),
        case(Ask::List, "list", 503, json!("<html>Down</html>"), Comes::To(Unavailable, &["(HTTP 503)"]))
            .headers(seconds)
            .wait(4000),
        case(
            Ask::List, "list", 429, Value::Null, Comes::To(Throttled, &["(HTTP 429)"]),
        )
        .headers(json!({"date": "Sun, 22 Nov 2026 21:00:00 GMT", "retry-after": "Sun, 22 Nov 2026 21:00:05 GMT"}))
        .wait(5000),
        case(Ask::List, "list", 200, json!("<html>Welcome</html>"), Comes::To(Unavailable, &["not what the vendor documents"])),
        case(Ask::List, "list", 200, json!({"items": [], "totalCount": 3}), Comes::To(Unavailable, &["have 0 subscriptions, but announce 3"])),
    ]
}
