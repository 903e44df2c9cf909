//! `hooktender check`: finds out, step by step, what would keep hooktender from working: the API server, the CRDs, the rights, the
//! address and the login of each account, and the clocks.
//!
//! Nothing is written: rights are asked for by access reviews, vendors are called as by `plan`. A check that depends on one that failed
//! is left out. What cannot be told, such as what a login may do where the vendor has no way to ask, is a note and no problem.

mod account;
mod clock;
mod cluster;
mod crds;
mod line;
mod named;
mod review;
mod rights;

use super::cluster_reader::{ClusterReader, ClusterSets};
use super::flags::VendorFlags;
use super::init::unfilled;
use super::objects::{ObjectSet, OverlaySource};
use super::plan::Scope;
use super::plan_runner::with_spinner;
use super::searched::without_accounts;
use super::{CommandError, CommandResult, print};
use crate::api::VendorAccount;
use crate::engine::cluster::secrets::account_keys;
use crate::engine::dependency::Dependency;
use crate::engine::inputs::variables;
use crate::manifest::{self, Manifests};
use clap::Args;
use kube::ResourceExt as _;
use line::{Line, State, Style};
use rights::Purpose;
use std::path::PathBuf;
use std::sync::Arc;

/// The subject of lines about accounts as a whole.
const ACCOUNTS: &str = "accounts";

/// Flags of `hooktender check`.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Check the accounts in these files instead of those in the cluster: a file, a folder, or `-` for standard input; may be repeated.
    /// A Secret that is in none of the files is read from the cluster.
    #[arg(short = 'f', long = "filename", id = "files", value_name = "FILE|DIR|-")]
    sources: Vec<PathBuf>,
    /// Read folders recursively.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Check the accounts in the files only, without a cluster.
    #[arg(long, requires = "files")]
    offline: bool,
    /// Check the rights that this command needs: those of `plan` are needed to plan from the cluster, those of `run` by the operator.
    #[arg(
        long = "for",
        value_enum,
        value_name = "COMMAND",
        default_value = "plan",
        conflicts_with = "offline"
    )]
    purpose: Purpose,
    /// Check the rights of this user instead of your own, such as `system:serviceaccount:hooktender:hooktender`.
    #[arg(long = "as", value_name = "USER", conflicts_with = "offline")]
    user: Option<String>,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    vendors: VendorFlags,
}

impl Check {
    pub(super) async fn run(self) -> CommandResult {
        let mut lines = Vec::new();
        let reader = if self.offline { None } else { cluster::connect(&self.scope, &mut lines).await };
        let namespace =
            reader.as_ref().map_or(self.scope.offline(), |(_, namespace)| namespace.as_str()).to_owned();
        let files = self.files(&namespace)?;
        // What the accounts use says which rights are needed.
        let mut of_accounts = Vec::new();
        // On the heap, as it is most of the size of the command.
        let read = Box::pin(accounts(files, reader.as_ref().map(|(reader, _)| reader), &mut of_accounts));
        let found = with_spinner(|| "reading the accounts".into(), read).await;
        if let Some((reader, namespace)) = &reader {
            let used = found.as_ref().map_or(&[][..], |found| &found.used);
            let checks = cluster::check(reader, namespace, (self.purpose, self.user.as_deref()), used);
            lines.extend(with_spinner(|| "checking the cluster".into(), checks).await);
        }
        lines.append(&mut of_accounts);
        if let Some(Found { accounts, source, .. }) = found {
            let checks = account::check_all(&accounts, &source, &self.vendors);
            lines.extend(with_spinner(|| "checking the accounts".into(), checks).await);
        }
        let style = Style::of_terminal();
        print::text(&lines.iter().map(|line| line.text(&style)).collect::<String>())?;
        let problems = lines.iter().filter(|line| line.state == State::Problem).count();
        print::text(&match problems {
            0 => "\nNo problems.".to_owned(),
            1 => "\n1 problem.".to_owned(),
            many => format!("\n{many} problems."),
        })?;
        Ok(u8::from(problems > 0))
    }

    /// Reads the files, if there are any.
    fn files(&self, namespace: &str) -> Result<Option<Manifests>, CommandError> {
        if self.sources.is_empty() {
            return Ok(None);
        }
        let files = manifest::read(&self.sources, self.recursive, namespace)
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<CommandError>())?;
        if files.accounts.is_empty() {
            return Err("there is no VendorAccount in the files".to_owned().into());
        }
        Ok(Some(files))
    }
}

/// The accounts to check.
struct Found {
    accounts: Vec<Arc<VendorAccount>>,
    /// Where their Secrets are.
    source: OverlaySource,
    /// The Secrets and ConfigMaps that they and their Webhooks use; one that appears several times is used by several.
    used: Vec<Dependency>,
}

/// Returns the accounts to check.
async fn accounts(
    files: Option<Manifests>,
    reader: Option<&ClusterReader>,
    lines: &mut Vec<Line>,
) -> Option<Found> {
    let from_files = files.is_some();
    if let Some(files) = &files {
        lines.extend(unfilled(files).map(|problem| Line::problem("files", problem.to_string())));
    }
    let objects = match (files, reader) {
        // The Webhooks of the files are not of interest, and may refer to accounts of the cluster.
        (Some(files), _) => {
            ObjectSet::of_files(Manifests { webhooks: Vec::new(), sets: Vec::new(), ..files }).await
        }
        (None, Some(reader)) => {
            ObjectSet::of_cluster(reader, Manifests::default(), ClusterSets::default()).await
        }
        (None, None) => return None,
    };
    let objects = match objects {
        Ok(objects) => objects,
        Err(problems) => {
            lines.extend(problems.into_iter().map(|why| Line::problem(ACCOUNTS, why)));
            return None;
        }
    };
    let in_scope = |account: &VendorAccount| {
        let scope = reader.and_then(|reader| reader.namespace.as_ref());
        scope.is_none_or(|scope| account.metadata.namespace.as_deref() == Some(scope.as_str()))
    };
    let in_scope = objects.accounts.into_iter().filter(|(account, _)| from_files || in_scope(account));
    let (mut accounts, mut used) = (Vec::new(), Vec::new());
    for (account, webhooks) in in_scope {
        let namespace = account.namespace().unwrap_or_default();
        used.extend(account_keys(&account.spec.vendor, &namespace).map(|(from, _)| from));
        used.extend(webhooks.iter().flat_map(|webhook| variables::keys(webhook)).map(|(from, _)| from));
        accounts.push(account);
    }
    if let (true, Some(reader)) = (accounts.is_empty(), reader) {
        lines.push(match without_accounts(reader).await {
            Ok(message) => Line::note(ACCOUNTS, message),
            Err(message) => Line::problem(ACCOUNTS, message),
        });
    }
    let source = match reader {
        Some(reader) => objects.source.with_cluster(reader.secret_reader()),
        None => objects.source,
    };
    Some(Found { accounts, source, used })
}
