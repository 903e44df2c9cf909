//! `hooktender import`: prints manifests for subscriptions that exist at a vendor, each verified by planning it.

mod proof;
mod set;
mod summary;

use self::proof::{difference, plan_as_applied, with_placeholders};
use self::set::SetFlags;
use super::cluster_reader::{ClusterSets, api_message};
use super::flags::VendorFlags;
use super::objects::{ObjectSet, OverlaySource};
use super::peers::peers;
use super::plan::{Files, Scope};
use super::plan_runner::{account_objects, context, named, with_spinner};
use super::{CommandError, CommandResult, print};
use crate::api::account::NamespacesFrom;
use crate::api::{NamespaceName, ObjectKey, VendorAccount, Webhook};
use crate::engine::cluster::objects::in_namespace;
use crate::engine::preview::{AccountObjects, preview};
use crate::engine::state::account::AccountState;
use crate::import::{Before, Imported, LeftOut, import, yaml};
use crate::manifest::did_you_mean;
use crate::plan::report::AccountReport;
use crate::plan::{ExternalId, Observed, Unreadable};
use clap::Args;
use kube::ResourceExt;
use kube::api::ListParams;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Flags of `hooktender import`.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The account, as `NAME` or `NAMESPACE/NAME`. Default: the only account in the files, read without a cluster.
    #[arg(long, value_name = "[NAMESPACE/]NAME", required_unless_present_any = ["files", "as_set"])]
    account: Option<String>,
    #[command(flatten)]
    set: SetFlags,
    #[command(flatten)]
    files: Files,
    /// Read files only, without a cluster: they hold the accounts and their Secrets. Implied without --account and --as-set.
    #[arg(long, requires = "files")]
    offline: bool,
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    vendors: VendorFlags,
}

/// Which subscriptions to import.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Selection {
    /// Subscriptions that no Webhook declares. This is the default.
    #[arg(long)]
    unmanaged: bool,
    /// All subscriptions, including those that a Webhook declares.
    #[arg(long)]
    all: bool,
    /// Only the subscription with this id; may be repeated.
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<ExternalId>,
}

impl Selection {
    /// Returns the subscriptions to compare with, and the ids of those that need no manifest.
    fn select(
        &self,
        observed: &[Observed],
        unreadable: &[Unreadable],
        mut managed: BTreeSet<ExternalId>,
    ) -> Result<(Vec<Observed>, BTreeSet<ExternalId>), CommandError> {
        if self.all {
            return Ok((observed.to_vec(), BTreeSet::new()));
        }
        if self.ids.is_empty() {
            return Ok((observed.to_vec(), managed));
        }
        let unreadable = unreadable.iter().filter_map(|item| item.id.as_ref());
        let all: BTreeSet<_> = observed.iter().map(|one| &one.id).chain(unreadable).collect();
        let wanted: BTreeSet<ExternalId> = self.ids.iter().cloned().collect();
        let unknown: Vec<_> = wanted.iter().filter(|id| !all.contains(id)).collect();
        if !unknown.is_empty() {
            return Err(unknown.iter().map(|id| format!("the vendor has no subscription {id}")).collect());
        }
        managed.retain(|id| !wanted.contains(id));
        let here = |one: &&Observed| wanted.contains(&one.id) || managed.contains(&one.id);
        Ok((observed.iter().filter(here).cloned().collect(), managed))
    }
}

impl Selection {
    /// Returns the selected items that cannot be read.
    fn unreadable(&self, all: &[Unreadable], managed: &BTreeSet<ExternalId>) -> Vec<Unreadable> {
        let is_asked_for = |item: &&Unreadable| match &item.id {
            _ if self.all => true,
            Some(id) if !self.ids.is_empty() => self.ids.contains(id),
            Some(id) => !managed.contains(id),
            None => self.ids.is_empty(),
        };
        all.iter().filter(is_asked_for).cloned().collect()
    }
}

impl Import {
    pub(super) async fn run(self) -> CommandResult {
        if let Some(request) = self.set.request() {
            return set::run(&request, &self).await;
        }
        let (mut objects, asked) = self.objects().await?;
        let chosen = choose_account(&objects.accounts, asked.as_ref())?;
        let account = &chosen.account;
        let key = ObjectKey::of(&**account);
        let namespace = self.scope.namespace.clone().unwrap_or_else(|| key.namespace.clone());
        if namespace != key.namespace && account.spec.allowed_namespaces.from == NamespacesFrom::Same {
            return Err(format!(
                "account {key} does not allow Webhooks of namespace {namespace}: widen its spec.allowedNamespaces first"
            )
            .into());
        }
        if namespace != key.namespace && !account.spec.allow_guest_adoption {
            return Err(format!(
                "account {key} does not allow Webhooks of namespace {namespace} to adopt: set its spec.allowGuestAdoption to true first"
            )
            .into());
        }
        let calls = Arc::new(AtomicUsize::new(0));
        let context = context(&objects.source, &self.vendors, &calls, false);
        let mut state = AccountState::new(self.vendors.grace_period()).with_peers(peers(
            &objects,
            account,
            &Arc::default(),
        ));
        let seen = preview(&context, &mut state, &chosen);
        let waits_for = format!("reading the subscriptions of account {}", named(account));
        let seen = with_spinner(|| waits_for.clone(), seen).await;
        let Some(observed) = state.observed() else {
            return Err(unread(&seen.report).into());
        };
        let is_empty = observed.is_empty() && state.unreadable().is_empty();
        let unreadable = self.selection.unreadable(state.unreadable(), &seen.managed);
        let (observed, managed) = self.selection.select(observed, &unreadable, seen.managed)?;
        let existing: Vec<Webhook> = objects.webhooks().map(|webhook| Webhook::clone(webhook)).collect();
        let mut imported = import(&Before {
            vendor: seen.report.vendor,
            account: &key,
            namespace: &namespace,
            observed: &observed,
            managed: &managed,
            existing: &existing,
            taken: &self.taken(&mut objects, &namespace).await?,
        });
        imported.left_out.extend(unreadable.iter().map(LeftOut::unreadable));
        self.verify(&objects.source, &mut state, &chosen, &mut imported).await;
        objects.notes.extend(seen.report.advice.map(|advice| format!("account {key}: {advice}")));
        print::warn(&objects.notes);
        print_summary(&imported, managed.len(), is_empty);
        print::data(
            &yaml(&imported.webhooks).map_err(|error| format!("a manifest cannot be written: {error}"))?,
        )?;
        Ok(0)
    }

    /// Reads the objects, and returns the key of the account if one is named.
    async fn objects(&self) -> Result<(ObjectSet, Option<ObjectKey>), CommandError> {
        let key_in = |namespace: &str| {
            let named = self.account.as_deref()?;
            let (namespace, name) = named.split_once('/').unwrap_or((namespace, named));
            Some(ObjectKey::new(namespace, name))
        };
        if self.is_offline() {
            let namespace = self.scope.offline();
            return Ok((ObjectSet::of_files(self.files.read(namespace)?).await?, key_in(namespace)));
        }
        let (mut reader, namespace) = self.scope.reader_unless_offline().await?;
        let Some(key) = key_in(&namespace) else {
            return Err("name the account with --account".to_owned().into());
        };
        // Reads the namespace of the account.
        reader.namespace = Some(NamespaceName::new(&key.namespace).map_err(|error| error.to_string())?);
        let files = self.files.read(&namespace)?;
        Ok((ObjectSet::of_cluster(&reader, files, ClusterSets::default()).await?, Some(key)))
    }

    /// Whether no cluster is read. Without the name of an account or a selector, files are enough.
    fn is_offline(&self) -> bool {
        self.offline || self.account.is_none() && self.set.request().is_none()
    }

    /// Returns the names of all Webhooks in the namespace.
    async fn taken(
        &self,
        objects: &mut ObjectSet,
        namespace: &str,
    ) -> Result<BTreeSet<String>, CommandError> {
        let here = objects.orphans.iter().filter(|orphan| orphan.namespace == namespace);
        let mut taken: BTreeSet<_> = here.map(|orphan| orphan.name.clone()).collect();
        if self.is_offline() {
            return Ok(taken);
        }
        let (reader, _) = self.scope.reader_unless_offline().await?;
        let name = NamespaceName::new(namespace).map_err(|error| error.to_string())?;
        match in_namespace::<Webhook>(&reader.client, &name).list_metadata(&ListParams::default()).await {
            Ok(all) => taken.extend(all.items.iter().map(ResourceExt::name_any)),
            Err(error) => objects.notes.push(format!(
                "you may not list the Webhooks of namespace {namespace} ({}): a name that is printed may be taken",
                api_message(&error)
            )),
        }
        Ok(taken)
    }

    /// Removes manifests whose plan would change something.
    async fn verify(
        &self,
        source: &OverlaySource,
        state: &mut AccountState,
        chosen: &AccountObjects,
        imported: &mut Imported,
    ) {
        let source = with_placeholders(source, &imported.to_fill);
        let report = plan_as_applied(&source, &self.vendors, state, chosen, &imported.webhooks).await;
        let Imported { webhooks, left_out, to_fill, clear_secrets, .. } = imported;
        webhooks.retain(|webhook| {
            let key = ObjectKey::of(webhook);
            let Some(why) = difference(report.get(&key)) else { return true };
            let id = webhook.spec.external_id.clone().unwrap_or_default();
            let summary = state
                .observed()
                .into_iter()
                .flatten()
                .find(|one| one.id.as_str() == id)
                .map(|one| one.summary.clone());
            to_fill.retain(|fill| fill.webhook != key);
            clear_secrets.retain(|clear| clear.webhook != key);
            left_out.push(LeftOut { id, summary: summary.unwrap_or_default(), reasons: vec![why] });
            false
        });
    }
}

/// Returns the named account, or the only one. An error says which names there are.
fn choose_account(
    accounts: &[(Arc<VendorAccount>, Vec<Arc<Webhook>>)],
    asked: Option<&ObjectKey>,
) -> Result<AccountObjects, CommandError> {
    let keys: Vec<_> = accounts.iter().map(|(account, _)| ObjectKey::of(&**account)).collect();
    let names = || keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let all_of =
        |(account, webhooks): &(Arc<VendorAccount>, Vec<Arc<Webhook>>)| account_objects(account, webhooks);
    match (asked, accounts) {
        (Some(asked), _) => {
            let found = keys.iter().position(|key| key == asked).map(|at| all_of(&accounts[at]));
            found.ok_or_else(|| {
                let others = if keys.is_empty() { String::new() } else { format!("; there are {}", names()) };
                let here = keys.iter().filter(|key| key.namespace == asked.namespace);
                let similar = did_you_mean(&asked.name, here.map(|key| key.name.as_str()));
                let hint = if similar.is_empty() { others } else { similar };
                format!("there is no VendorAccount {asked}{hint}").into()
            })
        }
        (None, [one]) => Ok(all_of(one)),
        (None, []) => Err("there is no VendorAccount in the files".to_owned().into()),
        (None, _) => {
            let error = format!(
                "the files hold several VendorAccounts: choose one with --offline --account NAMESPACE/NAME: {}",
                names()
            );
            Err(error.into())
        }
    }
}

/// Says why the subscriptions of an account could not be read.
fn unread(report: &AccountReport) -> String {
    let why = report.held.as_ref().map(|held| format!("{}: {}", held.reason, held.message));
    format!("account {}/{}: {}", report.namespace, report.name, why.unwrap_or_default())
}

/// Prints what was left out, and what has to be done before the manifests are applied. `declared` is the number of subscriptions that
/// need no manifest, as a Webhook declares them; `is_empty` is whether the vendor's list is empty.
fn print_summary(imported: &Imported, declared: usize, is_empty: bool) {
    let mut lines = Vec::new();
    lines.extend(imported.to_fill.iter().map(summary::fill_in));
    lines.extend(imported.clear_secrets.iter().map(summary::in_clear));
    lines.extend(imported.left_out.iter().map(|left| summary::left_out("", left)));
    let (done, left) = (imported.webhooks.len(), imported.left_out.len());
    let why = match (done, left, declared) {
        (0, 0, _) if is_empty => "; the account has no subscriptions".to_owned(),
        (0, 0, 1..) => format!("; the Webhooks declare all subscriptions at the vendor ({declared})"),
        _ => String::new(),
    };
    lines.push(format!("{done} imported, {left} left out{why}"));
    for line in &lines {
        print::note(line);
    }
}
