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
mod rights;

use super::flags::VendorFlags;
use super::objects::{ObjectSet, OverlaySource};
use super::plan::Scope;
use super::plan_runner::with_spinner;
use super::{CommandError, CommandResult, print};
use crate::api::VendorAccount;
use crate::manifest::{self, Manifests};
use clap::Args;
use line::{Line, State, Style};
use rights::Purpose;
use std::path::PathBuf;
use std::sync::Arc;

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
        if let Some((reader, namespace)) = &reader {
            let checks = cluster::check(reader, namespace, (self.purpose, self.user.as_deref()));
            lines.extend(with_spinner(|| "checking the cluster".into(), checks).await);
        }
        let reader = reader.map(|(reader, _)| reader);
        if let Some((accounts, source)) = accounts(files, reader.as_ref(), &mut lines).await {
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

type Accounts = (Vec<Arc<VendorAccount>>, OverlaySource);

/// Returns the accounts to check, and where their Secrets are.
async fn accounts(
    files: Option<Manifests>,
    reader: Option<&super::cluster_reader::ClusterReader>,
    lines: &mut Vec<Line>,
) -> Option<Accounts> {
    let from_files = files.is_some();
    let objects = match (files, reader) {
        // The Webhooks of the files are not of interest, and may refer to accounts of the cluster.
        (Some(files), _) => {
            ObjectSet::of_files(Manifests { webhooks: Vec::new(), sets: Vec::new(), ..files }).await
        }
        (None, Some(reader)) => ObjectSet::of_cluster(reader, Manifests::default()).await,
        (None, None) => return None,
    };
    let objects = match objects {
        Ok(objects) => objects,
        Err(problems) => {
            lines.extend(problems.into_iter().map(|why| Line::problem("accounts", why)));
            return None;
        }
    };
    let in_scope = |account: &VendorAccount| {
        let scope = reader.and_then(|reader| reader.namespace.as_ref());
        scope.is_none_or(|scope| account.metadata.namespace.as_deref() == Some(scope.as_str()))
    };
    let accounts = objects.accounts.into_iter().map(|(account, _)| account);
    let accounts: Vec<_> = accounts.filter(|account| from_files || in_scope(account)).collect();
    if accounts.is_empty() {
        lines.push(Line::note(
            "accounts",
            "there is no VendorAccount yet: hooktender init VENDOR prints one to fill in",
        ));
    }
    let source = match reader {
        Some(reader) => objects.source.with_cluster(reader.secret_reader()),
        None => objects.source,
    };
    Some((accounts, source))
}
