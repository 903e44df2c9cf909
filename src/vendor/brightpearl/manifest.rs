//! A manifest's half of a Brightpearl webhook, to the fields of the document and back (vendors/brightpearl.md 4).

use crate::api::brightpearl::{BrightpearlWebhook, HttpMethod};
use crate::api::webhook::Subscription;
use crate::plan::Value;
use crate::vendor::declared::{Declared, optional, spelled};
use crate::vendor::manifest_builder::{ManifestBuilder, quoted};
use crate::vendor::receiver;

/// Maps a manifest's members to the fields of `RULES`. A new member is mapped here and gets a row there.
pub(in crate::vendor) fn declared(webhook: &BrightpearlWebhook) -> Declared {
    let BrightpearlWebhook {
        subscribe_to,
        http_method,
        uri_template,
        body_template,
        content_type,
        id_set_accepted,
        quality_of_service,
    } = webhook;
    Declared::from([
        ("subscribeTo", Value::text(subscribe_to)),
        ("httpMethod", spelled(http_method)),
        ("uriTemplate", Value::text(uri_template)),
        ("bodyTemplate", optional(body_template.as_ref())),
        ("contentType", optional(content_type.as_ref())),
        ("idSetAccepted", Value::Bool(*id_set_accepted)),
        ("qualityOfService", Value::int(i64::from(*quality_of_service))),
    ])
}

/// Returns the vendor's half of the Webhook, and a title to make the object's name from.
pub(in crate::vendor) fn describe(builder: &mut ManifestBuilder<'_>) -> Option<(Subscription, String)> {
    let subscribe_to = builder.text("subscribeTo");
    let http_method = method(builder);
    let uri_template = uri_template(builder);
    let body = builder.get("bodyTemplate");
    let mut body_template = builder.optional_text("bodyTemplate", &body);
    let content_type = builder.get("contentType");
    let content_type = builder.optional_text("contentType", &content_type);
    let id_set_accepted = builder.get("idSetAccepted");
    let id_set_accepted = builder.flag("idSetAccepted", &id_set_accepted);
    let quality_of_service = quality_of_service(builder);
    let (subscribe_to, http_method, uri_template) = (subscribe_to?, http_method?, uri_template?);
    if matches!(http_method, HttpMethod::Post | HttpMethod::Put) {
        // The CRD requires a body, even an empty one.
        body_template.get_or_insert_default();
        if content_type.is_none() {
            return builder.reject("contentType is empty, which a Webhook with a body does not allow");
        }
    }
    let host = receiver(&uri_template);
    let host = host.split_once("://").map_or("", |(_, host)| host).trim_end_matches("/...");
    let title = format!("{subscribe_to} {host}");
    let described = BrightpearlWebhook {
        subscribe_to,
        http_method,
        uri_template,
        body_template,
        content_type,
        id_set_accepted: id_set_accepted?,
        quality_of_service: quality_of_service?,
    };
    Some((Subscription::Brightpearl(described), title))
}

fn method(builder: &mut ManifestBuilder<'_>) -> Option<HttpMethod> {
    let method = builder.text("httpMethod")?;
    match method.as_str() {
        "GET" => Some(HttpMethod::Get),
        "POST" => Some(HttpMethod::Post),
        "PUT" => Some(HttpMethod::Put),
        "DELETE" => Some(HttpMethod::Delete),
        other => builder.reject(format!("httpMethod is {}, not GET, POST, PUT or DELETE", quoted(other))),
    }
}

fn uri_template(builder: &mut ManifestBuilder<'_>) -> Option<String> {
    let uri = builder.text("uriTemplate")?;
    let lower = uri.to_ascii_lowercase();
    let rest = lower.strip_prefix("https://").or_else(|| lower.strip_prefix("http://"));
    if uri.starts_with("$(") || rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('\n')) {
        Some(uri)
    } else {
        builder.reject("uriTemplate is not absolute: it does not start with https:// or http://")
    }
}

fn quality_of_service(builder: &mut ManifestBuilder<'_>) -> Option<i32> {
    let value = builder.get("qualityOfService");
    let number = if let Value::Number(number) = value { number.as_i64() } else { None };
    match number {
        Some(0) => Some(0),
        Some(1) => Some(1),
        _ => builder.reject("qualityOfService is neither 0 nor 1"),
    }
}
