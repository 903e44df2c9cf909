//! `hooktender import`: manifests for what exists at a vendor, each proved by planning it.

use super::flags::VendorFlags;
use super::looking::{context, input, watched};
use super::output::{print, warn};
use super::plan::{Files, Scope};
use super::world::{Layered, World};
use super::{Done, Failed};
use crate::api::status::Action;
use crate::api::{ObjectKey, VendorAccount, Webhook};
use crate::engine::memory::Memory;
use crate::engine::preview::{Preview, preview};
use crate::import::{Before, Imported, LeftOut, import, yaml};
use crate::plan::report::{AccountReport, WebhookReport};
use crate::plan::{ExternalId, Observed};
use clap::Args;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

/// Flags of `hooktender import`.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The account, as `NAME` or `NAMESPACE/NAME`. Default: the only one of the files.
    #[arg(long, value_name = "[NAMESPACE/]NAME", required_unless_present = "files")]
    account: Option<String>,
    #[command(flatten)]
    files: Files,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    vendors: VendorFlags,
}

/// Which subscriptions.
#[derive(Debug, Args)]
#[group(multiple = false)]
struct Which {
    /// Those that no Webhook declares. This is the default.
    #[arg(long)]
    unmanaged: bool,
    /// All, also those that a Webhook declares already.
    #[arg(long)]
    all: bool,
    /// Just this one; may be repeated.
    #[arg(long = "id", value_name = "ID")]
    ids: Vec<String>,
}

impl Import {
    pub(super) async fn run(self) -> Done {
        let world = self.world().await?;
        let (account, webhooks) = self.chosen(&world)?;
        let calls = Arc::new(AtomicUsize::new(0));
        let context = context(&world.source, &self.vendors, &calls, false);
        let mut memory = Memory::new(self.vendors.patience());
        let asked = input(&account, &webhooks);
        let seen = preview(&context, &mut memory, &asked);
        let seen = watched(|| "reading the vendor's list".into(), seen).await;
        let Some(observed) = memory.observed() else {
            return Err(unread(&seen.report).into());
        };
        let managed = self.managed(observed, &seen)?;
        let existing: Vec<Webhook> = world.webhooks().map(|webhook| Webhook::clone(webhook)).collect();
        let namespace = self.scope.namespace.clone().unwrap_or_else(|| seen.report.namespace.clone());
        let mut imported = import(&Before {
            vendor: seen.report.vendor,
            account: &ObjectKey::of(&*account),
            namespace: &namespace,
            observed,
            managed: &managed,
            existing: &existing,
        });
        self.prove(&world.source, &mut memory, &account, &webhooks, &mut imported).await;
        warn(&world.notes);
        tell(&imported);
        print(&yaml(&imported.webhooks).map_err(|error| format!("a manifest cannot be written: {error}"))?)?;
        Ok(0)
    }

    async fn world(&self) -> Result<World, Failed> {
        if self.account.is_none() {
            return Ok(World::of_files(self.files.read(self.scope.offline())?)?);
        }
        let (mut reader, namespace) = self.scope.reader().await?;
        // The account decides where to look.
        reader.namespace = Some(self.key(&namespace).namespace);
        Ok(World::of_cluster(&reader, self.files.read(&namespace)?).await?)
    }

    fn key(&self, namespace: &str) -> ObjectKey {
        let named = self.account.as_deref().unwrap_or_default();
        let (namespace, name) = named.split_once('/').unwrap_or((namespace, named));
        ObjectKey::new(namespace, name)
    }

    fn chosen(&self, world: &World) -> Result<(Arc<VendorAccount>, Vec<Arc<Webhook>>), Failed> {
        let Some(named) = &self.account else {
            return match &world.accounts[..] {
                [one] => Ok(one.clone()),
                [] => Err("there is no VendorAccount in the files".to_owned().into()),
                all => {
                    let names: Vec<_> =
                        all.iter().map(|(account, _)| ObjectKey::of(&**account).to_string()).collect();
                    Err(format!(
                        "the files hold several VendorAccounts: {}; give one a file of its own",
                        names.join(", ")
                    )
                    .into())
                }
            };
        };
        let is_it = |account: &VendorAccount| {
            let key = ObjectKey::of(account);
            key.to_string() == *named || key.name == *named
        };
        let found = world.accounts.iter().find(|(account, _)| is_it(account));
        found.cloned().ok_or_else(|| format!("there is no VendorAccount {named}").into())
    }

    /// The subscriptions that are not asked for.
    fn managed(&self, observed: &[Observed], seen: &Preview) -> Result<BTreeSet<ExternalId>, Failed> {
        if self.which.all {
            return Ok(BTreeSet::new());
        }
        if self.which.ids.is_empty() {
            return Ok(seen.managed.clone());
        }
        let all: BTreeSet<ExternalId> = observed.iter().map(|one| one.id.clone()).collect();
        let wanted: BTreeSet<ExternalId> = self.which.ids.iter().map(ExternalId::new).collect();
        let unknown: Vec<_> =
            wanted.difference(&all).map(|id| format!("the vendor has no subscription {id}")).collect();
        if unknown.is_empty() { Ok(all.difference(&wanted).cloned().collect()) } else { Err(unknown.into()) }
    }

    /// Takes out what planning it would change: what is printed changes nothing.
    async fn prove(
        &self,
        source: &Layered,
        memory: &mut Memory,
        account: &Arc<VendorAccount>,
        webhooks: &[Arc<Webhook>],
        imported: &mut Imported,
    ) {
        let mut secrets: BTreeMap<ObjectKey, BTreeSet<&str>> = BTreeMap::new();
        for fill in &imported.to_fill {
            let key = ObjectKey::new(&fill.webhook.namespace, &fill.secret.name);
            secrets.entry(key).or_default().insert(&fill.secret.key);
        }
        let source = source.with_made_up(&secrets);
        // What cannot be read back cannot be compared either: it is sent when the manifest is applied.
        let context = context(&source, &self.vendors, &Arc::default(), true);
        let names: BTreeSet<_> = imported.webhooks.iter().map(ObjectKey::of).collect();
        let others = webhooks.iter().filter(|webhook| !names.contains(&ObjectKey::of(&***webhook))).cloned();
        let made = imported.webhooks.iter().map(|webhook| Arc::new(as_applied(webhook)));
        let all: Vec<_> = others.chain(made).collect();
        let proof = preview(&context, memory, &input(account, &all)).await.report;
        let shown: BTreeMap<_, _> =
            proof.webhooks.iter().map(|one| (ObjectKey::new(&one.namespace, &one.name), one)).collect();
        let Imported { webhooks, left_out, to_fill, clear_secrets } = imported;
        webhooks.retain(|webhook| {
            let key = ObjectKey::of(webhook);
            let Some(why) =
                shown.get(&key).map_or(Some("it is not planned at all".into()), |one| not_the_same(one))
            else {
                return true;
            };
            let id = ExternalId::new(webhook.spec.external_id.clone().unwrap_or_default());
            let summary = memory
                .observed()
                .into_iter()
                .flatten()
                .find(|one| one.id == id)
                .map(|one| one.summary.clone());
            to_fill.retain(|fill| fill.webhook != key);
            clear_secrets.retain(|clear| clear.webhook != key);
            left_out.push(LeftOut { id, summary: summary.unwrap_or_default(), reasons: vec![why] });
            false
        });
    }
}

fn unread(report: &AccountReport) -> String {
    let why = report.held.as_ref().map(|held| format!("{}: {}", held.reason, held.message));
    format!("account {}/{}: {}", report.namespace, report.name, why.unwrap_or_default())
}

/// What planning an imported Webhook would do beside nothing.
fn not_the_same(shown: &WebhookReport) -> Option<String> {
    match (&shown.held, shown.action) {
        (None, Action::None | Action::Adopt) => None,
        (Some(held), _) => Some(format!("{}: {}", held.reason, held.message)),
        (None, action) => {
            let fields: Vec<_> = shown.changes.iter().map(|change| change.field.as_str()).collect();
            Some(format!(
                "a manifest of it would {} it: {}",
                action.as_str().to_lowercase(),
                fields.join(", ")
            ))
        }
    }
}

/// The Webhook as the cluster would give it back.
fn as_applied(webhook: &Webhook) -> Webhook {
    let mut webhook = webhook.clone();
    webhook.metadata.uid = Some(format!("import:{}", ObjectKey::of(&webhook)));
    webhook.metadata.generation = Some(1);
    webhook
}

/// What a person has to know, and to do, beside the manifests.
fn tell(imported: &Imported) {
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
        lines.push(format!("left out: {} ({}): {}", left.id, left.summary, left.reasons.join("; ")));
    }
    for line in lines {
        eprintln!("{line}");
    }
    eprintln!("{} imported, {} left out", imported.webhooks.len(), imported.left_out.len());
}
