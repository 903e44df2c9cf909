//! SuperOffice's part of both kinds (vendors/superoffice.md 2, 3 and 6).

use super::SecretKeyRef;
use super::json::count_values;
use kube::KubeSchema;
use litemap::LiteMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// One SuperOffice tenant or on-site installation, and how to log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("has(self.online) != has(self.onsite)")
        .message("set exactly one of online (a tenant in SuperOffice's cloud) and onsite (your own installation)"),
    validation = Rule::new("has(self.online) == has(oldSelf.online)")
        .message("online and onsite cannot be exchanged: the recorded subscription ids belong to the current one; create a new VendorAccount instead"),
    validation = Rule::new("!has(self.credentials.basic) || has(self.onsite)")
        .message("credentials.basic works only with onsite: for online, set systemUser or refreshToken"),
    validation = Rule::new("!(has(self.credentials.systemUser) || has(self.credentials.refreshToken)) || has(self.online)")
        .message("credentials.systemUser and refreshToken work only with online: for onsite, set basic")
)]
#[serde(rename_all = "camelCase")]
pub struct SuperofficeAccount {
    /// A tenant in SuperOffice's cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub online: Option<Online>,
    /// An on-site installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub onsite: Option<Onsite>,
    /// How to log in: exactly one kind.
    #[x_kube(validation = Rule::new("(has(self.systemUser) ? 1 : 0) + (has(self.refreshToken) ? 1 : 0) + (has(self.basic) ? 1 : 0) + (has(self.ticket) ? 1 : 0) + (has(self.bearer) ? 1 : 0) == 1").message("set exactly one kind of credentials: systemUser, refreshToken, basic, ticket or bearer"))]
    pub credentials: SuperofficeCredentials,
}

/// A tenant in SuperOffice's cloud.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Online {
    /// Which of the vendor's environments. Default online.
    #[serde(default)]
    #[x_kube(validation = Rule::new("self == oldSelf").message("environment cannot be changed: a tenant belongs to one environment; create a new VendorAccount instead"))]
    pub environment: Environment,
    /// The tenant's id, such as `Cust12345`.
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9]+$')").message("customerId must be the tenant's id, such as Cust12345: only letters and digits"))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("customerId cannot be changed: the recorded subscription ids belong to it; create a new VendorAccount instead"))]
    #[schemars(length(max = 63))]
    pub customer_id: String,
    /// Replaces the vendor's central host, which reports the server of the tenant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^https?://[^/?#@ ]+/?$')").message("url must be a base URL such as https://online.superoffice.com, without path or query"))]
    #[schemars(length(max = 2048))]
    pub url: Option<String>,
}

/// SuperOffice's environments, by the name of their host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Environment {
    /// Development.
    Sod,
    /// Stage.
    Qaonline,
    /// Production.
    #[default]
    Online,
}

/// An on-site installation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Onsite {
    /// Root of the web client or `NetServer`, such as `https://crm.example.com/superoffice`; `/api/v1` is added to it.
    #[x_kube(validation = Rule::new("self.matches('^https?://[^/?#@ ]+(/[^?# ]*)?$')").message("url must be the root of the installation such as https://crm.example.com/superoffice, without user name or query"))]
    #[schemars(length(max = 2048))]
    pub url: String,
}

/// How to log in at SuperOffice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SuperofficeCredentials {
    /// Online: an app's system user, with a signature by the app's private key.
    SystemUser(SystemUser),
    /// Online: a refresh token from a person's consent.
    RefreshToken(RefreshToken),
    /// On-site: a user's name and password.
    Basic(Basic),
    /// A fixed ticket, never refreshed.
    Ticket(Ticket),
    /// A fixed token, never refreshed.
    Bearer(Bearer),
}

/// An app's system user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemUser {
    /// The app's client secret (application token).
    pub client_secret_secret_ref: SecretKeyRef,
    /// The system user token that the tenant's administrator granted.
    pub system_user_token_secret_ref: SecretKeyRef,
    /// The app's private key: PEM (PKCS#1 or PKCS#8) or RSA XML.
    pub private_key_secret_ref: SecretKeyRef,
}

/// A refresh token from the authorization-code flow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct RefreshToken {
    /// The app's client id.
    #[x_kube(validation = Rule::new("size(self) > 0").message("clientId must not be empty: it is the app's client id from the Developer Portal"))]
    #[schemars(length(max = 200))]
    pub client_id: String,
    /// The app's client secret.
    pub client_secret_secret_ref: SecretKeyRef,
    /// The refresh token.
    pub refresh_token_secret_ref: SecretKeyRef,
}

/// A user's name and password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Basic {
    /// The user's name.
    pub username_secret_ref: SecretKeyRef,
    /// The user's password.
    pub password_secret_ref: SecretKeyRef,
}

/// A static ticket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Ticket {
    /// The ticket, `7T:…`.
    pub ticket_secret_ref: SecretKeyRef,
    /// The app token that is sent with the ticket, for a tenant online.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_token_secret_ref: Option<SecretKeyRef>,
}

/// A static bearer token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Bearer {
    /// The token, `8A:…`.
    pub token_secret_ref: SecretKeyRef,
}

/// Whether SuperOffice delivers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum State {
    /// It delivers.
    #[default]
    Active,
    /// It does not deliver.
    Stopped,
}

/// What to do after SuperOffice disabled the webhook because of too many errors.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum OnTooManyErrors {
    /// Set it to `Active` again: at once, then after waits that grow from 5 minutes to 6 hours.
    #[default]
    Reactivate,
    /// Report it and leave it disabled.
    Leave,
}

/// A channel of notifications of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NotifyVia {
    /// To the addresses of `errorEmails`.
    Email,
    /// Within SuperOffice, to CRM users.
    InApp,
}

/// An occasion for a notification of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum NotifyWhen {
    /// The first delivery fails.
    FirstFailure,
    /// SuperOffice disables the webhook after too many errors.
    Disabling,
}

/// One webhook of SuperOffice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    // Whether http is possible depends on the account, which a rule of the Webhook cannot read: see `vendor::refusal`.
    validation = Rule::new("self.type != 'webhook' || self.targetUrl.matches('^([Hh][Tt][Tt][Pp][Ss]?://.|[$][(])')")
        .message("targetUrl of type webhook must start with https:// or with a $(NAME) variable that does; http:// is possible on-site only. For a script's id or include name, set type: crmscript"),
    validation = Rule::new("!(has(self.errorsEmail) && has(self.errorEmails))")
        .message("set errorsEmail or errorEmails, not both: errorsEmail is short for errorEmails with one address"),
    // Not a rule of the field: the API server would repeat the literal secret in its answer.
    validation = Rule::new("!has(self.secret) || self.secret.matches('^[$][(][A-Za-z_][A-Za-z0-9_.-]*[)]$')")
        .message("secret must be exactly one $(NAME), where NAME is a variable from a Secret: everybody who can read this object could read a literal secret")
        .field_path(".secret")
)]
#[serde(rename_all = "camelCase")]
pub struct SuperofficeWebhook {
    /// Name that administrators see: 1 to 400 characters, of which SuperOffice's own screens allow 100. Not necessarily unique at
    /// the vendor. Default: no name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("size(self) > 0 && size(self) <= 400").message("name must have 1 to 400 characters: remove it for a webhook without a name"))]
    #[schemars(length(max = 1000))]
    pub name: Option<String>,
    /// Set of events, such as `contact.created`; at least one. The vendor checks the values.
    #[x_kube(validation = Rule::new("size(self) > 0").message("name at least one event, such as contact.created"))]
    #[x_kube(validation = Rule::new("self.all(e, size(e) > 0 && !e.contains(','))").message("an event must be one name such as sale.changed, without commas: write one list item for each event"))]
    #[schemars(length(max = 256), inner(length(max = 200)))]
    pub events: Vec<String>,
    /// The receiver: an https address for type webhook, the id or include name of a script for type crmscript. On-site an http
    /// address is possible where `RequireHttps` is off in the server's configuration.
    #[x_kube(validation = Rule::new("size(self) > 0").message("targetUrl must not be empty: give the receiver's https address, or for type crmscript the id or include name of a script"))]
    #[schemars(length(max = 4000))]
    pub target_url: String,
    /// Key of the signature on each delivery: exactly one `$(NAME)`, taken from a Secret. Absent: unsigned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 300))]
    pub secret: Option<String>,
    /// Whether SuperOffice delivers. Default Active.
    #[serde(default)]
    pub state: State,
    /// `webhook`, `crmscript`, or the name of an on-site plug-in. Default webhook. A change replaces the subscription.
    #[serde(rename = "type", default = "webhook_type")]
    #[x_kube(validation = Rule::new("size(self) > 0").message("type must not be empty: write webhook, crmscript or the name of an on-site plug-in, or remove it"))]
    #[schemars(length(max = 100))]
    pub kind: String,
    /// Headers added to each delivery, by name.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    #[x_kube(validation = Rule::new("self.all(a, self.exists_one(b, a.lowerAscii() == b.lowerAscii()))").message("two header names differ only in case, which HTTP ignores: keep one of them"))]
    #[x_kube(validation = Rule::new("self.all(a, size(self[a]) > 0)").message("a header value must not be empty: remove the header or give it a value"))]
    #[schemars(schema_with = "headers")]
    pub headers: LiteMap<String, String>,
    /// Members added to the body of each delivery: any JSON.
    #[serde(default, skip_serializing_if = "serde_json::Map::is_empty")]
    #[schemars(schema_with = "properties")]
    pub properties: serde_json::Map<String, serde_json::Value>,
    /// Description that administrators see: at most 4000 characters. Default: none. Needs SuperOffice 12.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4000))]
    pub description: Option<String>,
    /// E-mail address to notify when SuperOffice disables the webhook after too many errors: at most 239 characters. Short for
    /// `errorEmails` with one address. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 239))]
    pub errors_email: Option<String>,
    /// Set of e-mail addresses to notify of errors, each of at most 239 characters. Default: none. More than one needs
    /// SuperOffice 12.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.all(e, size(e) > 0)").message("errorEmails must not contain an empty address: remove it"))]
    #[schemars(length(max = 64), inner(length(max = 239)))]
    pub error_emails: Option<Vec<String>>,
    /// Set of channels of the notification. `InApp` notifies the CRM users that an administrator chose. `[]`: none. Default:
    /// `Email` if an address is declared, otherwise none. Anything but the default needs SuperOffice 12.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2))]
    pub notify_via: Option<Vec<NotifyVia>>,
    /// Set of occasions to notify. `[]`: never. Default: `Disabling` if an address is declared, otherwise never. Anything but the
    /// default needs SuperOffice 12.0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2))]
    pub notify_when: Option<Vec<NotifyWhen>>,
    /// What to do after SuperOffice disabled the webhook because of too many errors. Default Reactivate.
    #[serde(default)]
    pub on_too_many_errors: OnTooManyErrors,
}

impl SuperofficeWebhook {
    /// Returns about how many values it has.
    pub(super) fn values(&self) -> usize {
        let properties = self.properties.values().map(count_values).sum::<usize>();
        self.events.len() + self.headers.len() + properties
    }
}

fn webhook_type() -> String {
    "webhook".into()
}

fn headers(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": { "type": "string", "maxLength": 8192 },
    })
}

fn properties(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "object", "x-kubernetes-preserve-unknown-fields": true })
}
