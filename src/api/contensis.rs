//! Contensis' part of both kinds (vendors/contensis.md 1, 3 and 5).

use super::json::count_values;
use super::{SecretKeyRef, default_true};
use kube::KubeSchema;
use litemap::LiteMap;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One Contensis project, and how to log in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[x_kube(
    validation = Rule::new("has(self.alias) != has(self.url)")
        .message("set exactly one of alias (such as example) and url (the root of the CMS)")
)]
#[serde(rename_all = "camelCase")]
pub struct ContensisAccount {
    /// Root of the CMS, such as `https://cms-example.cloud.contensis.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^https?://[^/?#@ ]+/?$')").message("url must be the root URL of the CMS such as https://cms-example.cloud.contensis.com, without path or query"))]
    #[schemars(length(max = 2048))]
    pub url: Option<String>,
    /// Cloud alias: `example` means `https://cms-example.cloud.contensis.com`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9-]+$')").message("alias must be the cloud alias such as example, not a host name: for a URL, set url instead"))]
    #[schemars(length(max = 63))]
    pub alias: Option<String>,
    /// Id of the project, from the project overview; a subscription belongs to exactly one project.
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z0-9_-]+$')").message("project must be the project's id, which its overview shows: only letters, digits, - and _"))]
    #[x_kube(validation = Rule::new("self == oldSelf").message("project cannot be changed: the recorded subscription ids belong to it; create a new VendorAccount instead"))]
    #[schemars(length(max = 100))]
    pub project: String,
    /// Language of names and descriptions, only for old servers that store them as a map by language. Texts in other languages
    /// are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = Rule::new("self.matches('^[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*$')").message("nameLanguage must be a language code such as en-GB"))]
    #[schemars(length(max = 35))]
    pub name_language: Option<String>,
    /// How to log in: exactly one kind.
    #[x_kube(validation = Rule::new("has(self.clientCredentials) != has(self.classic)").message("set exactly one kind of credentials: clientCredentials or classic"))]
    pub credentials: ContensisCredentials,
}

impl ContensisAccount {
    /// Returns the root of the CMS. None if neither `url` nor `alias` is set, which only an unchecked manifest allows.
    pub fn root(&self) -> Option<String> {
        let of_alias = |alias: &String| format!("https://cms-{alias}.cloud.contensis.com");
        self.url.clone().or_else(|| self.alias.as_ref().map(of_alias))
    }
}

/// How to log in at Contensis.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ContensisCredentials {
    /// An API key. It needs a role with the webhook permissions of the project.
    ClientCredentials(ClientCredentials),
    /// A user's login.
    Classic(Classic),
}

/// An API key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClientCredentials {
    /// The key's id.
    pub client_id_secret_ref: SecretKeyRef,
    /// The key's shared secret.
    pub client_secret_secret_ref: SecretKeyRef,
}

/// A user's name and password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Classic {
    /// The user's name.
    pub username_secret_ref: SecretKeyRef,
    /// The user's password.
    pub password_secret_ref: SecretKeyRef,
}

/// The method Contensis calls the receiver with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// `GET`.
    Get,
    /// `POST`, the vendor's default.
    #[default]
    Post,
    /// `PUT`.
    Put,
    /// `PATCH`.
    Patch,
    /// `DELETE`.
    Delete,
}

/// One webhook subscription of a Contensis project.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ContensisWebhook {
    /// Name, as shown in the CMS. Not necessarily unique at the vendor.
    #[x_kube(validation = Rule::new("size(self) > 0").message("name must not be empty: the CMS shows it to its users"))]
    #[schemars(length(max = 255))]
    pub name: String,
    /// Free text shown with the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub description: Option<String>,
    /// Address of the receiver. May contain Contensis' own placeholders, which are sent unchanged.
    #[x_kube(validation = Rule::new("size(self) > 0").message("url must not be empty: it is the receiver's address, such as https://hooks.example.net/c7s"))]
    #[schemars(length(max = 8192))]
    pub url: String,
    /// Method of the call to the receiver. Default POST.
    #[serde(default)]
    pub method: Method,
    /// Whether the vendor delivers. Default true.
    #[serde(default = "default_true")]
    pub enabled: bool,
    /// What to deliver: a change that matches any of the topics. Their order does not matter.
    #[x_kube(validation = Rule::new("size(self) > 0").message("declare at least one topic, such as {resourceType: entry, event: [published]}"))]
    #[schemars(length(max = 64))]
    pub topics: Vec<Topic>,
    /// Headers of the call, by name.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    #[x_kube(validation = Rule::new("self.all(a, self.exists_one(b, a.lowerAscii() == b.lowerAscii()))").message("two header names differ only in case, which HTTP ignores: keep one of them"))]
    #[schemars(with = "BTreeMap<String, Header>", extend("maxProperties" = 64))]
    pub headers: LiteMap<String, Header>,
    /// Payload templates, by resource type (`entry`) or by resource type and content type (`entry.article`). A value is a string
    /// or an object.
    #[serde(default, skip_serializing_if = "LiteMap::is_empty")]
    #[schemars(schema_with = "templates")]
    pub templates: LiteMap<String, serde_json::Value>,
}

/// One topic: all of its filters have to match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Topic {
    /// Kind of resource, such as `entry`, `asset` or `node`. The vendor checks the value.
    #[x_kube(validation = Rule::new("size(self) > 0").message("resourceType must not be empty: name a kind such as entry, asset or contentType"))]
    #[schemars(length(max = 100))]
    pub resource_type: String,
    /// Events, such as `published`; at least one. The vendor checks the values.
    #[x_kube(validation = Rule::new("size(self) > 0").message("name at least one event of the topic, such as published"))]
    #[schemars(length(max = 64), inner(length(min = 1, max = 100)))]
    pub event: Vec<String>,
    /// Content types, asset types or forms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 200)))]
    pub content_type_id: Vec<String>,
    /// Language codes such as `en-GB`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 35)))]
    pub language: Vec<String>,
    /// A user's name: the owner of an entry, the assignee of a form response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub owner: Option<String>,
    /// Workflow events, `{workflowId}.{stateId}.{eventId}`, for the event `workflowEventRaised`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 200)))]
    pub workflow_event: Vec<String>,
    /// Workflow states, `{workflowId}.{stateId}`, for the event `workflowStateChanged`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 200)))]
    pub workflow_state: Vec<String>,
    /// One resource's id, a GUID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub id: Option<String>,
    /// Format of the data, such as `entry` or `component`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 100))]
    pub data_format: Option<String>,
}

/// One header of the call to the receiver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// The header's value. Contensis replaces its own `{{…}}` placeholders.
    #[x_kube(validation = Rule::new("size(self) > 0").message("a header value must not be empty, because Contensis drops such a header: remove the header or give it a value"))]
    #[schemars(length(max = 8192))]
    pub value: String,
    /// Whether the vendor hides the value, also from hooktender. Default false.
    #[serde(default)]
    pub secret: bool,
}

impl ContensisWebhook {
    /// Returns about how many values it has.
    pub(super) fn values(&self) -> usize {
        let of_topic = |topic: &Topic| {
            let Topic { event, content_type_id, language, workflow_event, workflow_state, .. } = topic;
            let lists = [event, content_type_id, language, workflow_event, workflow_state];
            1 + lists.iter().map(|list| list.len()).sum::<usize>()
        };
        let templates = self.templates.values().map(count_values).sum::<usize>();
        self.topics.iter().map(of_topic).sum::<usize>() + self.headers.len() + templates
    }

    /// Releases the spare capacity of its lists.
    pub(super) fn shrink_to_fit(&mut self) {
        self.topics.shrink_to_fit();
        for topic in &mut self.topics {
            let Topic { event, content_type_id, language, workflow_event, workflow_state, .. } = topic;
            for list in [event, content_type_id, language, workflow_event, workflow_state] {
                list.shrink_to_fit();
            }
        }
    }
}

/// The schema of templates: strings or objects, for which OpenAPI only has "anything", and which CEL cannot read.
fn templates(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "maxProperties": 64,
        "additionalProperties": { "x-kubernetes-preserve-unknown-fields": true },
    })
}
