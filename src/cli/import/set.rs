//! `hooktender import --as-set`: prints WebhookSets for subscriptions that the accounts of a selector have in common, each verified by
//! planning its members.

use super::proof::{difference, plan_as_applied, with_placeholders};
use super::{Import, summary, unread};
use crate::api::command::Target;
use crate::api::{ObjectKey, ObjectName, VendorAccount, Webhook, WebhookSet};
use crate::cli::cluster_reader::{ClusterReader, ClusterSets, api_message};
use crate::cli::label_selector::label_selector;
use crate::cli::objects::ObjectSet;
use crate::cli::plan_runner::{PlannedAccount, plan_all};
use crate::cli::sets::new_member;
use crate::cli::{CommandError, CommandResult, print};
use crate::engine::cluster::objects::ObjectApi;
use crate::import::set::{ImportedSet, Merged, NotMerged, Tenant, Tenants, merge};
use crate::import::{Before, Imported, LeftOut, import, yaml};
use crate::plan::report::WebhookReport;
use crate::set::expand::{Member, expand};
use crate::set::select::select;
use clap::Args;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use kube::core::{Selector, SelectorExt as _};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Flags of an import of several accounts.
#[derive(Debug, Args)]
pub(super) struct SetFlags {
    /// Print a WebhookSet with this name for each subscription that all accounts of --account-selector have. Several sets have
    /// names that begin with it.
    #[arg(
        long,
        value_name = "NAME",
        requires = "account_selector",
        conflicts_with_all = ["account", "ids", "all", "all_namespaces"]
    )]
    as_set: Option<String>,
    /// Labels of the accounts of the namespace to import from, as kubectl takes them: `plan=gold`, `ring in (canary,rest)`. They
    /// become the selector of the set.
    #[arg(long, value_name = "LABELS", requires = "as_set", value_parser = label_selector)]
    account_selector: Option<LabelSelector>,
}

impl SetFlags {
    /// Returns the requested set; none for an import of single Webhooks.
    pub(super) fn request(&self) -> Option<Request<'_>> {
        Some(Request { name: self.as_set.as_deref()?, selector: self.account_selector.as_ref()? })
    }
}

/// Which set to import.
pub(super) struct Request<'a> {
    name: &'a str,
    selector: &'a LabelSelector,
}

/// Imports a set.
pub(super) async fn run(request: &Request<'_>, import: &Import) -> CommandResult {
    let (mut objects, namespace, reader) = read(import).await?;
    ObjectName::new(&namespace, request.name).map_err(|error| format!("--as-set: {error}"))?;
    let selected = restrict(&mut objects, request.selector, &namespace)?;
    let plan = plan_all(&objects, &import.vendors, false).await;
    let of_selector = |planned: &PlannedAccount| selected.contains(&ObjectKey::of(&*planned.objects.account));
    let mut accounts: Vec<_> = plan.accounts.into_iter().filter(of_selector).collect();
    let unread: Vec<_> = accounts
        .iter()
        .filter(|planned| planned.state.observed().is_none())
        .map(|planned| unread(&planned.report))
        .collect();
    if !unread.is_empty() {
        return Err(unread.into());
    }
    let imported: Vec<_> = accounts.iter().map(|planned| import_account(import, planned)).collect();
    let tenants = accounts.iter().zip(&imported);
    let tenants = tenants.map(|(planned, imported)| Tenant { account: &planned.objects.account, imported });
    let merged = merge(&Tenants {
        name: request.name,
        namespace: &namespace,
        selector: request.selector,
        accounts: tenants.collect(),
    });
    let merged = prove(merged, import, &objects, &mut accounts).await?;
    if let Some(reader) = &reader {
        check_names(reader, &merged.sets, &mut objects.notes).await?;
    }
    objects.notes.extend(accounts.iter().filter_map(|planned| {
        let advice = planned.report.advice.as_ref()?;
        Some(format!("account {}: {advice}", ObjectKey::of(&*planned.objects.account)))
    }));
    print::warn(&objects.notes);
    for line in summary_lines(&merged, &accounts, &imported) {
        print::note(&line);
    }
    let sets: Vec<_> = merged.sets.into_iter().map(|imported| imported.set).collect();
    print::data(&yaml(&sets).map_err(|error| format!("a manifest cannot be written: {error}"))?)?;
    Ok(0)
}

/// Reads the objects of the namespace; the reader is that of the cluster, if there is one.
async fn read(import: &Import) -> Result<(ObjectSet, String, Option<ClusterReader>), CommandError> {
    if import.offline {
        let namespace = import.scope.offline();
        let objects = ObjectSet::of_files(import.files.read(namespace)?).await?;
        return Ok((objects, namespace.to_owned(), None));
    }
    let (reader, namespace) = import.scope.reader_unless_offline().await?;
    let objects =
        ObjectSet::of_cluster(&reader, import.files.read(&namespace)?, ClusterSets::default()).await?;
    Ok((objects, namespace, Some(reader)))
}

/// Removes the accounts that are not needed, and returns those that the selector matches. Others that point to the same account at the
/// vendor stay: their Webhooks may hold its subscriptions.
fn restrict(
    objects: &mut ObjectSet,
    selector: &LabelSelector,
    namespace: &str,
) -> Result<BTreeSet<ObjectKey>, CommandError> {
    let selector = Selector::try_from(selector.clone()).map_err(|error| error.to_string())?;
    let matching: Vec<_> = objects
        .accounts
        .iter()
        .map(|(account, _)| account)
        .filter(|account| account.namespace().as_deref() == Some(namespace))
        .filter(|account| account.metadata.deletion_timestamp.is_none() && selector.matches(account.labels()))
        .cloned()
        .collect();
    if matching.is_empty() {
        return Err(format!(
            "no VendorAccount of namespace {namespace} has the labels {selector}: change --account-selector"
        )
        .into());
    }
    let mut vendors: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for account in &matching {
        vendors.entry(account.spec.vendor.name().as_str()).or_default().push(account.name_any());
    }
    if vendors.len() > 1 {
        let vendors = vendors.iter().map(|(vendor, names)| format!("{vendor}: {}", names.join(", ")));
        let vendors: Vec<_> = vendors.collect();
        return Err(format!(
            "a set is for accounts of one vendor, and the labels {selector} select several ({}): narrow --account-selector",
            vendors.join("; ")
        )
        .into());
    }
    let remote: BTreeSet<_> = matching.iter().map(|account| account.spec.vendor.remote_account()).collect();
    objects.accounts.retain(|(account, _)| remote.contains(&account.spec.vendor.remote_account()));
    Ok(matching.iter().map(|account| ObjectKey::of(&**account)).collect())
}

/// Imports the subscriptions of an account that no Webhook declares.
fn import_account(flags: &Import, planned: &PlannedAccount) -> Imported {
    let key = ObjectKey::of(&*planned.objects.account);
    let existing: Vec<Webhook> =
        planned.objects.webhooks.iter().map(|webhook| Webhook::clone(webhook)).collect();
    let mut imported = import(&Before {
        vendor: planned.report.vendor,
        account: &key,
        namespace: &key.namespace,
        observed: planned.state.observed().unwrap_or_default(),
        managed: &planned.managed,
        existing: &existing,
        taken: &BTreeSet::new(),
    });
    let unreadable = flags.selection.unreadable(planned.state.unreadable(), &planned.managed);
    imported.left_out.extend(unreadable.iter().map(LeftOut::unreadable));
    imported
}

/// Leaves out the sets with a member that would change something, planned as if everything had been done that has to be done before.
async fn prove(
    merged: Merged,
    flags: &Import,
    objects: &ObjectSet,
    accounts: &mut [PlannedAccount],
) -> Result<Merged, String> {
    let Merged { sets, mut left_out } = merged;
    let source = with_placeholders(&objects.source, sets.iter().flat_map(|imported| &imported.to_fill));
    let annotated: Vec<_> =
        accounts.iter().map(|planned| Arc::new(annotated(&planned.objects.account, &sets))).collect();
    let mut members = Vec::with_capacity(sets.len());
    for ImportedSet { set, .. } in &sets {
        let members_of_set = expand(set, &select(set, annotated.iter().cloned(), &|_| None)?);
        let by_account = members_of_set.into_iter().map(|member| (ObjectKey::of(&*member.account), member));
        members.push(by_account.collect::<BTreeMap<_, _>>());
    }
    let mut problems: Vec<Vec<String>> = vec![Vec::new(); sets.len()];
    for planned in accounts {
        let key = ObjectKey::of(&*planned.objects.account);
        let of_sets = || sets.iter().zip(&members).map(|(imported, members)| (imported, members.get(&key)));
        let made = of_sets().filter_map(|(imported, member)| new_member(&imported.set, member?));
        let made: Vec<_> = made.collect();
        let PlannedAccount { state, objects: own, .. } = planned;
        let plans = plan_as_applied(&source, &flags.vendors, state, own, &made).await;
        for ((imported, member), problems) in of_sets().zip(&mut problems) {
            let problem = problem(imported, &key, member, &plans, objects);
            problems.extend(problem.map(|problem| format!("at {}: {problem}", key.name)));
        }
    }
    let mut proved = Vec::new();
    for (imported, problems) in sets.into_iter().zip(problems) {
        if problems.is_empty() {
            proved.push(imported);
        } else {
            let number = imported.subscriptions.len();
            left_out.push(NotMerged { title: imported.title, number, reason: problems.join("; ") });
        }
    }
    Ok(Merged { sets: proved, left_out })
}

/// Returns the account with the annotations that a person is to set.
fn annotated(account: &VendorAccount, sets: &[ImportedSet]) -> VendorAccount {
    let mut account = account.clone();
    let key = ObjectKey::of(&account);
    for annotation in sets.iter().flat_map(|imported| &imported.annotations) {
        let own = annotation.values.iter().filter(|(account, _)| *account == key);
        let own = own.map(|(_, value)| (annotation.name.clone(), value.clone()));
        account.annotations_mut().extend(own);
    }
    account
}

/// Returns why a member does not adopt its subscription as it is.
fn problem(
    imported: &ImportedSet,
    account: &ObjectKey,
    member: Option<&Member>,
    plans: &BTreeMap<ObjectKey, WebhookReport>,
    objects: &ObjectSet,
) -> Option<String> {
    let Some(member) = member else { return Some("the selector of the set does not match it".into()) };
    if let Err(error) = &member.declared {
        return Some(format!("{}: {}", error.reason, error.message));
    }
    let key = ObjectKey::new(&account.namespace, &member.name);
    let exists = objects.webhooks().any(|webhook| ObjectKey::of(&**webhook) == key)
        || objects.orphans.iter().any(|orphan| orphan.key() == key);
    if exists {
        return Some(format!("Webhook {key} exists already: choose another name with --as-set"));
    }
    let plan = plans.get(&key);
    let id = imported.subscriptions.get(account);
    difference(plan).or_else(|| match plan {
        Some(plan) if !plan.duplicates.is_empty() => Some(format!(
            "the vendor has it more than once: {}, {}: delete all but one at the vendor",
            plan.id.as_deref().unwrap_or_default(),
            plan.duplicates.join(", ")
        )),
        Some(plan) if plan.id.as_ref() != id => Some(format!(
            "it would adopt {} instead of {}",
            plan.id.as_deref().unwrap_or("nothing"),
            id.map_or("nothing", String::as_str)
        )),
        _ => None,
    })
}

/// Fails if a set with one of the names exists: it would be overwritten.
async fn check_names(
    reader: &ClusterReader,
    sets: &[ImportedSet],
    notes: &mut Vec<String>,
) -> Result<(), CommandError> {
    for imported in sets {
        let key = ObjectKey::of(&imported.set);
        let at = ObjectName::try_from(&key).map_err(|error| error.to_string())?;
        match ObjectApi::<WebhookSet>::new(&reader.client, &at).read().await {
            Ok(None) => {}
            Ok(Some(_)) => {
                let error = format!("WebhookSet {key} exists already: choose another name with --as-set");
                return Err(error.into());
            }
            Err(error) => notes.push(format!(
                "WebhookSet {key} cannot be read ({}): the name may be taken",
                api_message(&error)
            )),
        }
    }
    Ok(())
}

/// Says what has to be done before the sets are applied, what was left out, and how many sets there are.
fn summary_lines(merged: &Merged, accounts: &[PlannedAccount], imported: &[Imported]) -> Vec<String> {
    let Merged { sets, left_out } = merged;
    let mut lines = Vec::new();
    for imported in sets {
        lines.extend(annotate(imported));
        lines.extend(imported.to_fill.iter().map(summary::fill_in));
        lines.extend(imported.clear_secrets.iter().map(summary::in_clear));
    }
    lines.extend(left_out.iter().map(|left| format!("left out: {}: {}", left.title, left.reason)));
    for (planned, imported) in accounts.iter().zip(imported) {
        let place = format!(" at {}", planned.objects.account.name_any());
        lines.extend(imported.left_out.iter().map(|left| summary::left_out(&place, left)));
    }
    let merged: usize = sets.iter().map(|imported| imported.subscriptions.len()).sum();
    let left = left_out.iter().map(|left| left.number).sum::<usize>()
        + imported.iter().map(|imported| imported.left_out.len()).sum::<usize>();
    let managed: usize = accounts.iter().map(|planned| planned.managed.len()).sum();
    let why = match (merged, left, managed) {
        (0, 0, 0) => "; the accounts have no subscriptions".to_owned(),
        (0, 0, _) => format!("; the Webhooks declare all subscriptions at the vendor ({managed})"),
        _ => String::new(),
    };
    lines.push(format!(
        "{} of {} became {}, {left} left out{why}",
        counted(merged, "subscription"),
        counted(accounts.len(), "account"),
        counted(sets.len(), "set")
    ));
    lines
}

/// Returns the commands that set the annotations of a set's accounts.
fn annotate(imported: &ImportedSet) -> Vec<String> {
    let key = ObjectKey::of(&imported.set);
    let mut lines = Vec::new();
    for annotation in &imported.annotations {
        lines.push(format!(
            "annotate: {} of {key} differs by account, and neither a name nor a label or annotation of the accounts explains it: before you apply, run",
            annotation.field
        ));
        lines.extend(annotation.values.iter().map(|(account, value)| {
            format!("  {}", Target::account(account).annotate(&format!("{}={value}", annotation.name)))
        }));
    }
    lines
}

/// Returns a number with its noun.
fn counted(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}
