//! Brightpearl's part of both kinds (vendors/brightpearl.md 1, 4 and 6).

use super::SecretKeyRef;
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One Brightpearl account, and how to log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("has(self.datacenter) != has(self.url)")
        .message("set exactly one of datacenter (such as euw1) and url (any base URL)")
)]
#[serde(rename_all = "camelCase")]
pub struct BrightpearlAccount {
    /// Datacentre code, the first label of the browser's address after login: `euw1` means
    /// `https://euw1.brightpearlconnect.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^[a-z0-9-]+$')").message("datacenter must be a code such as euw1 or use1, not a host name: for a base URL, set url instead"))]
    #[schemars(length(max = 63))]
    pub datacenter: Option<String>,
    /// Base URL instead of a datacentre, such as `https://ws-eu1.brightpearl.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^https?://[^/?#@ ]+(/[^?# ]*)?$')").message("url must be a base URL such as https://euw1.brightpearlconnect.com, without user name or query"))]
    #[schemars(length(max = 2048))]
    pub url: Option<String>,
    /// Account code: the short name used to log in.
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_-]+$')").message("account must be the short account code used to log in: only letters, digits, - and _"))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("account cannot be changed: the recorded subscription ids belong to it; create a new VendorAccount instead"))]
    #[schemars(length(max = 100))]
    pub account: String,
    /// How to log in: exactly one kind.
    #[x_kube(validation = Rule::new("(has(self.staffToken) ? 1 : 0) + (has(self.accountToken) ? 1 : 0) + (has(self.oauth) ? 1 : 0) == 1").message("set exactly one kind of credentials: staffToken, accountToken or oauth"))]
    pub credentials: BrightpearlCredentials,
}

/// How to log in at Brightpearl.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum BrightpearlCredentials {
    /// A private app that acts as a member of staff.
    StaffToken(AppToken),
    /// The account token of a private system app (legacy, still in wide use).
    AccountToken(AppToken),
    /// An OAuth instance app; its tokens are refreshed and written back to the Secret.
    Oauth(BrightpearlOauth),
}

/// A private app's reference and token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AppToken {
    /// Reference of the private app, `{account}_{suffix}`.
    #[x_kube(validation = Rule::new("size(self) > 0").message("appRef must not be empty: it is the private app's reference, such as acme_ops"))]
    #[schemars(length(max = 200))]
    pub app_ref: String,
    /// The token, in a Secret of the account's namespace.
    pub token_secret_ref: SecretKeyRef,
}

/// An OAuth instance app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct BrightpearlOauth {
    /// Reference of the app.
    #[x_kube(validation = Rule::new("size(self) > 0").message("appRef must not be empty: it is the app's reference, its client id"))]
    #[schemars(length(max = 200))]
    pub app_ref: String,
    /// Reference of the developer.
    #[x_kube(validation = Rule::new("size(self) > 0").message("devRef must not be empty: it is the reference of the app's developer"))]
    #[schemars(length(max = 200))]
    pub dev_ref: String,
    /// Token endpoint. Default: `{url}/token/{account}` if `url` is set, otherwise the vendor's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^https?://[^/?#@ ]+(/[^?# ]*)?$')").message("tokenUrl must be an absolute URL such as https://oauth.brightpearlapp.com/token/acme, without user name or query"))]
    #[schemars(length(max = 2048))]
    pub token_url: Option<String>,
    /// Secret with the keys `access_token` and, to refresh, `refresh_token`, and optionally
    /// `client_secret` and `expires_at` (RFC 3339).
    pub token_secret_ref: SecretName,
}

/// A whole Secret in the account's namespace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
pub struct SecretName {
    /// Name of the Secret.
    #[x_kube(validation = Rule::new("size(self) > 0").message("name must not be empty: give the name of the Secret"))]
    #[x_kube(validation = super::name::subdomain("Secret"))]
    #[schemars(length(max = 253))]
    pub name: String,
}

/// The method Brightpearl calls the receiver with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum HttpMethod {
    /// `GET`, without a body.
    Get,
    /// `POST`, with `bodyTemplate`.
    Post,
    /// `PUT`, with `bodyTemplate`.
    Put,
    /// `DELETE`, without a body.
    Delete,
}

/// One webhook of Brightpearl's integration service.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("!(self.httpMethod in ['POST', 'PUT']) || (has(self.bodyTemplate) && has(self.contentType))")
        .message("httpMethod POST and PUT need a body: set both bodyTemplate and contentType"),
    validation = Rule::new("!(self.httpMethod in ['GET', 'DELETE']) || (!has(self.bodyTemplate) && !has(self.contentType))")
        .message("httpMethod GET and DELETE have no body: remove bodyTemplate and contentType, and put the variables into uriTemplate")
)]
#[serde(rename_all = "camelCase")]
pub struct BrightpearlWebhook {
    /// Event specifier: a resource (`product`), or resource and event (`product.modified`,
    /// `product.modified.on-hand-modified`). The vendor checks the value.
    #[x_kube(validation = Rule::new("size(self) > 0").message("subscribeTo must not be empty: name a resource or an event, such as product or order.modified"))]
    #[schemars(length(max = 1024))]
    pub subscribe_to: String,
    /// Method of the call to the receiver.
    pub http_method: HttpMethod,
    /// Absolute address of the receiver. Brightpearl replaces its own variables such as `${resource-id}`, hooktender replaces
    /// `$(NAME)`.
    #[x_kube(validation = Rule::new("self.matches('^([Hh][Tt][Tt][Pp][Ss]?://.|[$][(])')").message("uriTemplate must be absolute: start it with https:// (or http://), or with a $(NAME) variable that does"))]
    #[schemars(length(max = 8192))]
    pub uri_template: String,
    /// Body of the call, for POST and PUT only; a template like `uriTemplate`. Each of `${account-code}`, `${resource-type}`,
    /// `${resource-id}` and `${lifecycle-event}` must be in one of the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65536))]
    pub body_template: Option<String>,
    /// `Content-Type` of the call, for POST and PUT only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("size(self) > 0").message("contentType must not be empty: give a media type such as application/json"))]
    #[schemars(length(max = 1024))]
    pub content_type: Option<String>,
    /// Whether one call may have several ids, instead of one call per id. Default false; the vendor recommends true.
    #[serde(default)]
    pub id_set_accepted: bool,
    /// 0: at most once, retried only after a 503. 1: at least once, retried unless the receiver answers with a 4xx.
    /// Default 0; the vendor recommends 1.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self in [0, 1]").message("qualityOfService must be 0 (at most once) or 1 (at least once)"))]
    pub quality_of_service: i32,
}
