//! `hooktender import`: prints manifests for subscriptions that exist at a vendor, each verified by planning it.

use super::cluster_reader::api_message;
use super::flags::VendorFlags;
use super::objects::{ObjectSet, OverlaySource};
use super::peers::peers;
use super::plan::{Files, Scope};
use super::plan_runner::{account_objects, context, with_spinner};
use super::{CommandError, CommandResult, print};
use crate::api::account::NamespacesFrom;
use crate::api::status::Action;
use crate::api::{NamespaceName, ObjectKey, VendorAccount, Webhook};
use crate::engine::cluster::objects::in_namespace;
use crate::engine::preview::preview;
use crate::engine::state::account::AccountState;
use crate::import::{Before, Imported, LeftOut, import, yaml};
use crate::plan::report::{AccountReport, WebhookReport};
use crate::plan::{ExternalId, Observed, Unreadable};
use clap::Args;
use kube::ResourceExt;
use kube::api::ListParams;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Flags of `hooktender import`.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The account, as `NAME` or `NAMESPACE/NAME`. Default: the only account in the files.
    #[arg(long, value_name = "[NAMESPACE/]NAME", required_unless_present = "files")]
    account: Option<String>,
    #[command(flatten)]
    files: Files,
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

/// An account with its Webhooks.
type Chosen = (Arc<VendorAccount>, Vec<Arc<Webhook>>);

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
        let (mut objects, asked) = self.objects().await?;
        let (account, webhooks) = choose_account(&objects, asked.as_ref())?;
        let key = ObjectKey::of(&*account);
        let namespace = self.scope.namespace.clone().unwrap_or_else(|| key.namespace.clone());
        if namespace != key.namespace && account.spec.allowed_namespaces.from == NamespacesFrom::Same {
            return Err(format!(
                "account {key} does not allow Webhooks of namespace {namespace}: widen its spec.allowedNamespaces first"
            )
            .into());
        }
        if namespace != key.namespace && !account.spec.allow_guest_adoption {
            return Err(format!(
                "account {key} does not let Webhooks of namespace {namespace} adopt: set its spec.allowGuestAdoption to true first"
            )
            .into());
        }
        let calls = Arc::new(AtomicUsize::new(0));
        let context = context(&objects.source, &self.vendors, &calls, false);
        let mut state = AccountState::new(self.vendors.grace_period()).with_peers(peers(
            &objects,
            &account,
            &Arc::default(),
        ));
        let asked = account_objects(&account, &webhooks);
        let seen = preview(&context, &mut state, &asked);
        let seen = with_spinner(|| "reading the vendor's list".into(), seen).await;
        let Some(observed) = state.observed() else {
            return Err(unread(&seen.report).into());
        };
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
        self.verify(&objects.source, &mut state, &account, &webhooks, &mut imported).await;
        objects.notes.extend(seen.report.advice.map(|advice| format!("account {key}: {advice}")));
        print::warn(&objects.notes);
        print_summary(&imported);
        print::data(
            &yaml(&imported.webhooks).map_err(|error| format!("a manifest cannot be written: {error}"))?,
        )?;
        Ok(0)
    }

    /// Reads the objects, and returns the key of the account if one is named.
    async fn objects(&self) -> Result<(ObjectSet, Option<ObjectKey>), CommandError> {
        let Some(named) = &self.account else {
            return Ok((ObjectSet::of_files(self.files.read(self.scope.offline())?).await?, None));
        };
        let (mut reader, namespace) = self.scope.reader().await?;
        let key = named.split_once('/').map_or_else(
            || ObjectKey::new(&namespace, named),
            |(namespace, name)| ObjectKey::new(namespace, name),
        );
        // Reads the namespace of the account.
        reader.namespace = Some(NamespaceName::new(&key.namespace).map_err(|error| error.to_string())?);
        Ok((ObjectSet::of_cluster(&reader, self.files.read(&namespace)?).await?, Some(key)))
    }

    /// Returns the names of all Webhooks in the namespace.
    async fn taken(
        &self,
        objects: &mut ObjectSet,
        namespace: &str,
    ) -> Result<BTreeSet<String>, CommandError> {
        let here = objects.orphans.iter().filter(|orphan| orphan.namespace == namespace);
        let mut taken: BTreeSet<_> = here.map(|orphan| orphan.name.clone()).collect();
        if self.account.is_none() {
            return Ok(taken);
        }
        let (reader, _) = self.scope.reader().await?;
        let name = NamespaceName::new(namespace).map_err(|error| error.to_string())?;
        match in_namespace::<Webhook>(&reader.client, &name).list_metadata(&ListParams::default()).await {
            Ok(all) => taken.extend(all.items.iter().map(ResourceExt::name_any)),
            Err(error) => objects.notes.push(format!(
                "the Webhooks of namespace {namespace} may not be listed ({}): one of them may have a name that is printed",
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
        account: &Arc<VendorAccount>,
        webhooks: &[Arc<Webhook>],
        imported: &mut Imported,
    ) {
        let mut secrets: BTreeMap<ObjectKey, BTreeSet<String>> = BTreeMap::new();
        for fill in &imported.to_fill {
            let key = ObjectKey::new(&fill.webhook.namespace, &fill.secret.name);
            secrets.entry(key).or_default().insert(fill.secret.key.clone());
        }
        let source = source.with_placeholders(secrets);
        // Write-only values cannot be compared: they are sent when the manifest is applied.
        let context = context(&source, &self.vendors, &Arc::default(), true);
        let names: BTreeSet<_> = imported.webhooks.iter().map(ObjectKey::of).collect();
        let others = webhooks.iter().filter(|webhook| !names.contains(&ObjectKey::of(&***webhook))).cloned();
        let made = imported.webhooks.iter().map(|webhook| Arc::new(as_applied(webhook)));
        let all: Vec<_> = others.chain(made).collect();
        let proof = preview(&context, state, &account_objects(account, &all)).await.report;
        let report: BTreeMap<_, _> =
            proof.webhooks.iter().map(|one| (ObjectKey::new(&one.namespace, &one.name), one)).collect();
        let Imported { webhooks, left_out, to_fill, clear_secrets } = imported;
        webhooks.retain(|webhook| {
            let key = ObjectKey::of(webhook);
            let Some(why) =
                report.get(&key).map_or(Some("it is not planned at all".into()), |one| difference(one))
            else {
                return true;
            };
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

/// Returns the named account, or the only one.
fn choose_account(objects: &ObjectSet, asked: Option<&ObjectKey>) -> Result<Chosen, CommandError> {
    if let Some(key) = asked {
        let found = objects.accounts.iter().find(|(account, _)| ObjectKey::of(&**account) == *key);
        return found.cloned().ok_or_else(|| format!("there is no VendorAccount {key}").into());
    }
    match &objects.accounts[..] {
        [one] => Ok(one.clone()),
        [] => Err("there is no VendorAccount in the files".to_owned().into()),
        all => {
            let names: Vec<_> =
                all.iter().map(|(account, _)| ObjectKey::of(&**account).to_string()).collect();
            let names = names.join(", ");
            Err(format!("the files hold several VendorAccounts: {names}; give one a file of its own").into())
        }
    }
}

fn unread(report: &AccountReport) -> String {
    let why = report.held.as_ref().map(|held| format!("{}: {}", held.reason, held.message));
    format!("account {}/{}: {}", report.namespace, report.name, why.unwrap_or_default())
}

/// Returns what applying an imported Webhook would change, if anything.
fn difference(report: &WebhookReport) -> Option<String> {
    match (&report.held, report.action) {
        (None, Action::None | Action::Adopt) => None,
        (Some(held), _) => Some(format!("{}: {}", held.reason, held.message)),
        (None, action) => {
            let fields: Vec<_> = report.changes.iter().map(|change| change.field.as_str()).collect();
            Some(format!(
                "a manifest of it would {} it: {}",
                action.as_str().to_lowercase(),
                fields.join(", ")
            ))
        }
    }
}

/// Returns the Webhook as the API server would return it.
fn as_applied(webhook: &Webhook) -> Webhook {
    let mut webhook = webhook.clone();
    webhook.metadata.uid = Some(format!("import:{}", ObjectKey::of(&webhook)));
    webhook.metadata.generation = Some(1);
    webhook
}

/// Prints what was left out, and what has to be done before the manifests are applied.
fn print_summary(imported: &Imported) {
    let mut lines = Vec::new();
    for fill in &imported.to_fill {
        let maybe = if fill.certain {
            ""
        } else {
            "; if the subscription has none, remove the field and its variable"
        };
        lines.push(format!(
            "fill in: {} of {} is not given back: put it into key {} of Secret {}/{}{maybe}",
            fill.field, fill.webhook, fill.secret.key, fill.webhook.namespace, fill.secret.name
        ));
    }
    for clear in &imported.clear_secrets {
        lines.push(format!(
            "looks like a secret: {} of {} holds {} and is printed in clear: put the value into a Secret and $(NAME) in its place",
            clear.field, clear.webhook, clear.mark
        ));
    }
    for left in &imported.left_out {
        let id = if left.id.is_empty() { "an item without a usable id" } else { left.id.as_str() };
        lines.push(format!("left out: {id} ({}): {}", left.summary, left.reasons.join("; ")));
    }
    lines.push(format!("{} imported, {} left out", imported.webhooks.len(), imported.left_out.len()));
    for line in &lines {
        print::note(line);
    }
}
