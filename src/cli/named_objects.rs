//! Objects that a command names, in one namespace of a cluster: `hooktender sync wh/NAME -n NAMESPACE`.

use super::cluster_reader::api_error;
use super::flags::ClusterFlags;
use super::object_ref::{ObjectKind, ObjectRef};
use crate::api::status::SubscriptionCounts;
use crate::api::{NamespaceName, ObjectKey, ObjectName, VendorAccount, Webhook, WebhookSet};
use crate::engine::cluster::objects::{ObjectApi, in_namespace};
use crate::manifest::did_you_mean;
use clap::Args;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use kube::{Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// Which objects of which namespace.
#[derive(Debug, Args)]
pub(super) struct NamedObjects {
    /// Objects as kubectl takes and prints them: `wh/NAME`, `whs/NAME`, `va/NAME`, `webhook.hooktender.dev/NAME`, or a kind and then
    /// its names.
    #[arg(value_name = "KIND/NAME", required = true)]
    objects: Vec<String>,
    /// The namespace. Default: that of the context.
    #[arg(short = 'n', long, value_name = "NAMESPACE", value_parser = NamespaceName::new, help_heading = "Cluster")]
    namespace: Option<NamespaceName>,
    #[command(flatten)]
    cluster: ClusterFlags,
}

/// A named object, and whether its namespace was named too.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) object: ObjectRef,
    pub(super) at: ObjectName,
    /// What a command for the same object needs besides its reference: ` -n NAMESPACE`, or nothing.
    pub(super) flag: String,
}

impl Named {
    /// Returns kind, namespace and name for messages.
    pub(super) fn title(&self) -> String {
        format!("{} {}", self.object.kind, self.at)
    }

    /// Returns another command for the same object.
    pub(super) fn command(&self, name: &str) -> String {
        format!("hooktender {name} {}{}", self.object, self.flag)
    }
}

impl NamedObjects {
    /// Connects to the cluster; returns a client and what was named.
    pub(super) async fn connect(&self) -> Result<(Client, Vec<Named>), String> {
        let refs = ObjectRef::parse(&self.objects)?;
        let (client, context) = self.cluster.connect().await?;
        let flag = self.namespace.as_ref().map_or_else(String::new, |namespace| format!(" -n {namespace}"));
        let namespace = self.namespace.as_ref().map_or(context, ToString::to_string);
        let named = refs.into_iter().map(|object| {
            let at = ObjectName::new(&namespace, &object.name).map_err(|error| error.to_string())?;
            Ok(Named { object, at, flag: flag.clone() })
        });
        Ok((client, named.collect::<Result<_, String>>()?))
    }
}

/// What commands need of all kinds.
pub(super) trait OwnKind:
    Resource<Scope = NamespaceResourceScope, DynamicType = ()>
    + Clone
    + Debug
    + DeserializeOwned
    + Send
    + Sync
    + 'static
{
    /// The kind in references.
    const KIND: ObjectKind;
    /// The field of the spec that suspends it.
    const SUSPEND: &'static str = "suspend";

    /// Whether it is suspended.
    fn is_suspended(&self) -> bool;

    /// Suspends it.
    fn suspend(&mut self);

    /// Returns the conditions of the status.
    fn conditions(&self) -> &[Condition];

    /// Returns the request for a pass that was answered last.
    fn handled_request(&self) -> Option<&str>;

    /// Returns the account that it refers to, if it refers to one.
    fn account_key(&self) -> Option<ObjectKey>;

    /// Returns how many subscriptions the last pass found, if the status has it.
    fn subscriptions(&self) -> Option<SubscriptionCounts> {
        None
    }
}

impl OwnKind for Webhook {
    const KIND: ObjectKind = ObjectKind::Webhook;

    fn is_suspended(&self) -> bool {
        self.spec.suspend
    }

    fn suspend(&mut self) {
        self.spec.suspend = true;
    }

    fn conditions(&self) -> &[Condition] {
        self.status.as_ref().map_or(&[], |status| &status.conditions)
    }

    fn handled_request(&self) -> Option<&str> {
        self.status.as_ref()?.last_handled_request.as_deref()
    }

    fn account_key(&self) -> Option<ObjectKey> {
        Some(self.account())
    }
}

impl OwnKind for WebhookSet {
    const KIND: ObjectKind = ObjectKind::Set;
    const SUSPEND: &'static str = "paused";

    fn is_suspended(&self) -> bool {
        self.spec.paused
    }

    fn suspend(&mut self) {
        self.spec.paused = true;
    }

    fn conditions(&self) -> &[Condition] {
        self.status.as_ref().map_or(&[], |status| &status.conditions)
    }

    fn handled_request(&self) -> Option<&str> {
        None
    }

    fn account_key(&self) -> Option<ObjectKey> {
        None
    }
}

impl OwnKind for VendorAccount {
    const KIND: ObjectKind = ObjectKind::Account;

    fn is_suspended(&self) -> bool {
        self.spec.suspend
    }

    fn suspend(&mut self) {
        self.spec.suspend = true;
    }

    fn conditions(&self) -> &[Condition] {
        self.status.as_ref().map_or(&[], |status| &status.conditions)
    }

    fn handled_request(&self) -> Option<&str> {
        self.status.as_ref()?.last_handled_request.as_deref()
    }

    fn account_key(&self) -> Option<ObjectKey> {
        None
    }

    fn subscriptions(&self) -> Option<SubscriptionCounts> {
        self.status.as_ref()?.subscriptions
    }
}

/// Reads an object that has to exist.
///
/// # Errors
///
/// That it does not exist, with the most similar name of the namespace; or why it cannot be read.
pub(super) async fn read<K: OwnKind>(client: &Client, at: &ObjectName) -> Result<K, String> {
    match ObjectApi::<K>::new(client, at).read().await {
        Ok(Some(object)) => Ok(object),
        Ok(None) => Err(format!("there is no {} {at}{}", K::KIND, instead_of::<K>(client, at).await)),
        Err(error) => Err(api_error(&format!("{} {at} cannot be read", K::KIND), &error)),
    }
}

/// Returns advice about an object that does not exist, if there is any.
async fn instead_of<K: OwnKind>(client: &Client, at: &ObjectName) -> String {
    match in_namespace::<K>(client, at.namespace()).list_metadata(&ListParams::default()).await {
        Ok(all) => did_you_mean(at.name(), all.items.iter().map(ResourceExt::name_any)),
        Err(kube::Error::Api(refused)) if refused.code == 404 => {
            "; are the CRDs installed? hooktender crds | kubectl apply -f -".into()
        }
        Err(_) => String::new(),
    }
}
