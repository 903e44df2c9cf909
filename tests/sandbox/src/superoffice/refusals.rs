//! The refusals of a tenant (vendors/superoffice.md §10).

use axum::http::StatusCode;
use serde_json::json;

use crate::exchange::{Call, Reply};

/// The envelope of a tenant's own errors (§10).
pub(crate) fn error(status: StatusCode, kind: &str, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({"Error": true, "ErrorType": kind, "ErrorMessage": message, "ErrorSource": "SuperOffice.WebApi"}),
    )
}

/// The envelope of the framework below it (§10).
pub(crate) fn framework(status: StatusCode, message: &str, detail: &str) -> Reply {
    Reply::json(status, &json!({"Message": message, "MessageDetail": detail}))
}

/// A refused save, as the vendor's own client tests it: the text is in `Message` (§10).
pub(crate) fn refused(status: StatusCode, message: &str) -> Reply {
    Reply::json(
        status,
        &json!({
            "Error": true,
            "ErrorType": "ArgumentException",
            "Message": message,
            "ErrorSource": "SuperOffice.Services.Implementation",
        }),
    )
}

pub(crate) fn gone(id: impl std::fmt::Display) -> Reply {
    error(StatusCode::NOT_FOUND, "SoNotFoundException", &format!("Webhook {id} not found"))
}

pub(crate) fn unreadable(detail: &str) -> Reply {
    framework(StatusCode::BAD_REQUEST, "The request is invalid.", detail)
}

pub(crate) fn wrong_type(name: &str) -> Reply {
    unreadable(&format!("the value of {name} has the wrong type"))
}

pub(crate) fn no_route(call: &Call) -> Reply {
    framework(StatusCode::NOT_FOUND, "No HTTP resource was found that matches the request URI.", &call.path)
}
