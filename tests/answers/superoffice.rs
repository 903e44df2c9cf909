//! SuperOffice's answers (vendors/superoffice.md 3.1 and 10).

use crate::{Ask, Case, Comes, SECRET, Table, case};
use hooktender::vendor::Class::{Credentials, Outdated, Rejected, Throttled, Unavailable};
use hooktender_sandbox::Sandbox;
use serde_json::{Value, json};

pub(crate) fn table() -> Table {
    Table {
        vendor: "superoffice",
        account,
        subscription: json!({"superoffice": {
            "name": "a", "events": ["contact.created"], "targetUrl": "https://hooks.example.com/so",
        }}),
        cases: [tenant(), logins(), rights(), system_users(), states(), outages(), successes()]
            .into_iter()
            .flatten()
            .collect(),
    }
}

fn account(login: &str, sandbox: &Sandbox) -> (Value, Value) {
    let at = |key| json!({"name": "login", "key": key});
    let root = &sandbox.addresses().superoffice;
    let onsite = json!({"url": format!("{root}/cust1")});
    let online = json!({"customerId": "cust1", "url": root});
    let spec = match login {
        "systemUser" => json!({"online": online, "credentials": {"systemUser": {
            "clientSecretSecretRef": at("secret"), "systemUserTokenSecretRef": at("id"), "privateKeySecretRef": at("key")}}}),
        "refreshToken" => json!({"online": online, "credentials": {"refreshToken": {
            "clientId": "app", "clientSecretSecretRef": at("secret"), "refreshTokenSecretRef": at("id")}}}),
        _ => json!({"onsite": onsite, "credentials": {"basic": {
            "usernameSecretRef": at("id"), "passwordSecretRef": at("secret")}}}),
    };
    let app = json!({
        "clientId": "app", "clientSecret": SECRET, "systemUserToken": "ops", "refreshTokens": ["ops"],
    });
    (json!({"superoffice": spec}), json!({"users": {"ops": SECRET}, "apps": [app]}))
}

fn envelope(kind: &str, message: &str) -> Value {
    json!({"Error": true, "ErrorType": kind, "ErrorMessage": message, "ErrorSource": "SoDataBase"})
}

fn tenant() -> Vec<Case> {
    let gone = || envelope("SoNotFoundException", "Webhook 7 not found");
    vec![
        case(Ask::Delete, "delete", 404, gone(), Comes::Fine),
        case(Ask::Delete, "delete", 204, Value::Null, Comes::Fine),
        case(Ask::List, "list", 404, gone(), Comes::Fine),
        case(
            Ask::List,
            "list",
            404,
            json!({"Message": "No HTTP resource was found", "MessageDetail": "No type matches"}),
            Comes::To(Unavailable, &["No HTTP resource was found"]),
        ),
        // A proxy may have answered this: the list, which works here, shows that the subscription is gone.
        case(Ask::Delete, "delete", 404, json!("<html></html>"), Comes::Fine),
        case(Ask::Delete, "delete", 404, json!({"Message": "No HTTP resource was found"}), Comes::Fine),
        case(
            Ask::Delete,
            "*",
            404,
            json!({"Message": "No HTTP resource was found"}),
            Comes::To(Unavailable, &["list failed: No HTTP resource was found"]),
        ),
        case(
            Ask::Create,
            "create",
            400,
            json!({"Message": "The request is invalid.", "MessageDetail": "no entity"}),
            Comes::To(Rejected, &["The request is invalid."]),
        ),
        case(
            Ask::Create,
            "create",
            400,
            json!({"Error": true, "ErrorType": "ArgumentException", "Message": "TargetUrl must be secure", "ErrorSource": "S"}),
            Comes::To(Rejected, &["ArgumentException: TargetUrl must be secure"]),
        ),
        case(
            Ask::Create,
            "create",
            409,
            envelope("SoConflictException", "test failed"),
            Comes::To(Outdated, &["test failed"]),
        ),
        case(
            Ask::Create,
            "create",
            412,
            envelope("SoPreconditionException", "Changed"),
            Comes::To(Outdated, &["Changed"]),
        ),
        // The receiver works, so that the fault is the vendor's.
        case(
            Ask::Create,
            "create",
            500,
            envelope("SoException", "oops"),
            Comes::To(Unavailable, &["SoException: oops"]),
        )
        .unknown(),
        case(
            Ask::List,
            "list",
            500,
            envelope("SoException", "oops"),
            Comes::To(Unavailable, &["SoException: oops"]),
        ),
    ]
}

fn logins() -> Vec<Case> {
    let check =
        Comes::To(Credentials, &["check the key id of Secret login and the key secret of Secret login"]);
    vec![
        case(Ask::List, "list", 401, envelope("SoSessionException", "Not logged in"), check),
        case(Ask::List, "list", 401, Value::Null, check),
        case(
            Ask::List,
            "list",
            403,
            envelope("SoSecurityException", "Access denied"),
            Comes::To(
                Credentials,
                &["Access denied", "that the app has the Webhook agent", "locks its users out"],
            ),
        )
        .login("systemUser"),
        case(
            Ask::List,
            "token",
            400,
            json!({"error": "invalid_grant", "error_description": "canary-revoked"}),
            Comes::To(
                Credentials,
                &["(invalid_grant)", "check clientId", "the key id of Secret login", "consent"],
            ),
        )
        .login("refreshToken"),
    ]
}

/// A missing write permission concerns one Webhook; a token that has expired, which may give the same answer, was renewed before.
fn rights() -> Vec<Case> {
    let denied = || envelope("SoSecurityException", "Access denied");
    let all = [
        (Ask::Create, "create", Comes::To(Rejected, &["Access denied", "has no right to create webhooks"])),
        (Ask::Update, "update", Comes::To(Rejected, &["Access denied", "has no right to update webhooks"])),
        (Ask::Delete, "delete", Comes::To(Rejected, &["Access denied", "has no right to delete webhooks"])),
    ];
    let mut cases: Vec<_> = all.map(|(ask, to, comes)| case(ask, to, 403, denied(), comes)).into();
    let denied = |ask, to, comes| case(ask, to, 403, denied(), comes).login("refreshToken");
    cases.extend(all.map(|(ask, to, comes)| denied(ask, to, comes)));
    cases.push(case(
        Ask::Delete,
        "delete",
        403,
        json!("<html>Blocked</html>"),
        Comes::To(Unavailable, &["not from the vendor's API"]),
    ));
    cases.push(case(
        Ask::Delete,
        "delete",
        401,
        envelope("SoSessionException", "Not logged in"),
        Comes::To(Credentials, &["Not logged in"]),
    ));
    cases
}

/// Failures with status 200.
fn successes() -> Vec<Case> {
    let page = || json!("<html>Sign in to the network</html>");
    let told = Comes::To(Unavailable, &["SoException: oops"]);
    let failed = || envelope("SoException", "oops");
    let documented = Comes::To(Unavailable, &["not what the vendor documents"]);
    vec![
        case(Ask::Delete, "delete", 200, Value::Null, Comes::Fine),
        case(Ask::Delete, "delete", 200, json!({}), Comes::Fine),
        case(Ask::Delete, "delete", 200, json!({"WebhookId": 7, "Name": "a"}), Comes::Fine),
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
        case(Ask::Create, "create", 200, page(), documented).unknown(),
        case(Ask::Create, "create", 200, failed(), told).unknown(),
        case(Ask::Create, "create", 200, json!({"WebhookId": 0}), documented).unknown(),
        case(Ask::Update, "update", 200, page(), documented).unknown(),
        case(Ask::Update, "update", 200, failed(), told).unknown(),
        case(Ask::List, "list", 200, failed(), told),
    ]
}

fn system_users() -> Vec<Case> {
    let refused = |said: &str, words: &'static [&'static str]| {
        let body = json!({"IsSuccessful": false, "ErrorMessage": said});
        case(Ask::List, "token", 200, body, Comes::To(Credentials, words)).login("systemUser")
    };
    vec![
        refused("Revoked", &["(Revoked)", "approve the app again"]),
        refused("InvalidRedirectUrl", &["(InvalidRedirectUrl)", "check the key secret of Secret login"]),
        refused("Expired", &["(Expired)", "approve the app again"]),
        refused("Denied", &["(Denied)", "customerId"]),
        refused("NeedsReapproval", &["(NeedsReapproval)", "approve the app again"]),
        refused("InvalidTimestamp", &["(InvalidTimestamp)", "correct the clock"]),
        refused("InvalidSignature", &["(InvalidSignature)", "check the key key of Secret login"]),
        refused("", &["no reason given"]),
        refused("canary-login is not known", &["is not known"]),
        case(
            Ask::List,
            "token",
            200,
            json!({"IsSuccessful": true, "Token": "canary.not.signed"}),
            Comes::To(Unavailable, &["cannot be verified"]),
        )
        .login("systemUser"),
        case(Ask::List, "token", 500, json!("<html></html>"), Comes::To(Unavailable, &["(HTTP 500)"]))
            .login("systemUser"),
    ]
}

fn states() -> Vec<Case> {
    let state = |state: &str, running: bool, comes| {
        let body = json!({
            "ContextIdentifier": "cust1", "Endpoint": "https://online2.evil.example/cust1", "State": state, "IsRunning": running,
        });
        case(Ask::List, "other", 200, body, comes).login("systemUser")
    };
    vec![
        state(
            "OfflineMaintenance",
            false,
            Comes::To(Unavailable, &["in state OfflineMaintenance", "hooktender waits until it is running"]),
        )
        .wait(30_000),
        state("MigrationPending", false, Comes::To(Unavailable, &["MigrationPending"])).wait(30_000),
        state("Suspended", false, Comes::To(Rejected, &["in state Suspended", "administrator"])),
        state("Deleted", false, Comes::To(Rejected, &["in state Deleted"])),
        state(
            "Unknown",
            false,
            Comes::To(Rejected, &["has no tenant cust1", "check customerId and environment"]),
        ),
        state("Running", true, Comes::To(Rejected, &["https://online2.evil.example", "--allow-endpoint"])),
        case(Ask::List, "other", 404, Value::Null, Comes::To(Rejected, &["has no tenant cust1"]))
            .login("systemUser"),
        case(Ask::List, "other", 502, json!("<html></html>"), Comes::To(Unavailable, &["locate failed"]))
            .login("systemUser"),
    ]
}

fn outages() -> Vec<Case> {
    vec![
        case(
            Ask::List,
            "list",
            421,
            json!("This is the wrong subdomain"),
            Comes::To(Unavailable, &["moved again"]),
        ),
        case(
            Ask::Create,
            "create",
            421,
            json!("This is the wrong subdomain"),
            Comes::To(Unavailable, &["moved again"]),
        )
        .login("systemUser"),
        case(
            Ask::List,
            "list",
            503,
            json!("<html>Maintenance</html>"),
            Comes::To(Unavailable, &["(HTTP 503)"]),
        ),
        case(
            Ask::Create,
            "create",
            502,
            json!("<html>Bad gateway</html>"),
            Comes::To(Unavailable, &["(HTTP 502)"]),
        )
        .unknown(),
        case(Ask::List, "list", 429, json!("<html>Slow down</html>"), Comes::To(Throttled, &["(HTTP 429)"])),
    ]
}
