//! `hooktender plan`: shows what would change, and why.

use super::cluster_reader::ClusterReader;
use super::fail_on::{FailOn, exit_code};
use super::flags::{ClusterFlags, VendorFlags};
use super::objects::ObjectSet;
use super::output::OutputFlags;
use super::plan_runner::plan_all;
use super::plan_targets::Targets;
use super::searched::searched;
use super::{CommandError, CommandResult, print};
use crate::api::NamespaceName;
use crate::manifest::{self, Manifests};
use crate::plan::report::{Outlook, Report};
use clap::Args;
use std::path::PathBuf;

const DRIFT_OFFLINE: &str = "--fail-on drift needs a cluster: only its Webhooks record what was applied, so that without one every difference is a change (--fail-on changes)";

/// Flags of `hooktender plan`.
#[derive(Debug, Args)]
pub(super) struct Plan {
    /// Plan only these objects, as kubectl takes them: `wh/NAME`, `va/NAME`, `whs/NAME` for the Webhooks of a set, or a kind and then its
    /// names. Default: all.
    #[arg(value_name = "KIND/NAME")]
    objects: Vec<String>,
    #[command(flatten)]
    files: Files,
    /// Read files only, without a cluster: they hold the accounts, Secrets and Webhooks.
    #[arg(long, requires = "files")]
    offline: bool,
    /// Exit with 0 even if something would be written at a vendor.
    #[arg(long)]
    exit_zero: bool,
    /// What to fail on, instead of `blocked` and `changes`; may be repeated. An account of which no plan can be made is a failure in
    /// any case.
    #[arg(long, value_enum, value_name = "WHAT", conflicts_with = "exit_zero")]
    fail_on: Vec<FailOn>,
    #[command(flatten)]
    output: OutputFlags,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    vendors: VendorFlags,
}

/// Which manifests to read.
#[derive(Debug, Args)]
#[command(next_help_heading = "Files")]
pub(super) struct Files {
    /// Manifests that are overlaid on the objects of the cluster: a file, a folder, or `-` for standard input; may be repeated.
    #[arg(short = 'f', long = "filename", id = "files", value_name = "FILE|DIR|-")]
    sources: Vec<PathBuf>,
    /// Read folders recursively.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Read accounts from here only, and ignore those of --filename: accounts decide where credentials are sent, so a pipeline
    /// reads them from the base branch, not from a pull request. May be repeated.
    #[arg(long, value_name = "FILE|DIR", requires = "files")]
    accounts_from: Vec<PathBuf>,
}

/// Which namespaces of which cluster.
#[derive(Debug, Args)]
#[command(next_help_heading = "Cluster")]
pub(super) struct Scope {
    /// The namespace. Default: the one of the context, or `default` without a cluster.
    #[arg(short = 'n', long, value_name = "NAMESPACE")]
    pub(super) namespace: Option<String>,
    /// All namespaces.
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub(super) all_namespaces: bool,
    #[command(flatten)]
    pub(super) cluster: ClusterFlags,
}

impl Files {
    /// Reads all manifests; an error lists all problems.
    pub(super) fn read(&self, namespace: &str) -> Result<Manifests, CommandError> {
        let read = |sources: &[PathBuf]| {
            manifest::read(sources, self.recursive, namespace)
                .map_err(|problems| problems.iter().map(ToString::to_string).collect::<CommandError>())
        };
        let files = read(&self.sources)?;
        if !self.sources.is_empty() && files.is_empty() {
            return Err(self.without("VendorAccount, Webhook, WebhookSet, Secret or ConfigMap").into());
        }
        if self.accounts_from.is_empty() {
            return Ok(files);
        }
        Ok(files.with_accounts(read(&self.accounts_from)?.accounts))
    }

    /// Reads all manifests where there is no cluster: without an account, a Webhook and a WebhookSet there is nothing to work with.
    pub(super) fn read_whole(&self, namespace: &str) -> Result<Manifests, CommandError> {
        let files = self.read(namespace)?;
        if files.declares_nothing() {
            return Err(self.without("VendorAccount, Webhook or WebhookSet").into());
        }
        Ok(files)
    }

    fn without(&self, what: &str) -> String {
        let sources: Vec<_> = self.sources.iter().map(|source| source.display().to_string()).collect();
        format!("{}: there is no {what} in it", sources.join(", "))
    }
}

impl Scope {
    /// Returns a reader of the cluster, and the namespace for manifests without one.
    pub(super) async fn reader(&self) -> Result<(ClusterReader, String), CommandError> {
        let (client, context) = self.cluster.connect().await?;
        let namespace = self.namespace.clone().unwrap_or(context);
        let scope = (!self.all_namespaces).then(|| NamespaceName::new(&namespace)).transpose();
        let scope = scope.map_err(|error| error.to_string())?;
        Ok((ClusterReader { client, namespace: scope }, namespace))
    }

    /// Returns the same for a command that has `--offline`, which an error mentions.
    pub(super) async fn reader_unless_offline(&self) -> Result<(ClusterReader, String), CommandError> {
        let reader = self.reader().await;
        reader.map_err(|CommandError(problems)| {
            problems.iter().map(|problem| format!("{problem}; without a cluster, add --offline")).collect()
        })
    }

    /// Returns the namespace for manifests without one, when there is no cluster.
    pub(super) fn offline(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }
}

impl Plan {
    pub(super) async fn run(self) -> CommandResult {
        if self.offline && self.fail_on.contains(&FailOn::Drift) {
            return Err(DRIFT_OFFLINE.to_owned().into());
        }
        let targets = Targets::parse(&self.objects)?;
        let (mut objects, namespace, searched) = if self.offline {
            let namespace = self.scope.offline();
            let objects = ObjectSet::of_files(self.files.read_whole(namespace)?).await?;
            (objects, namespace.to_owned(), None)
        } else {
            let (reader, namespace) = self.scope.reader_unless_offline().await?;
            let files = self.files.read(&namespace)?;
            let sets = reader.sets().await?;
            if let Some(error) = sets.forbidden.as_ref().filter(|_| targets.name_sets()) {
                return Err(error.clone().into());
            }
            let objects = ObjectSet::of_cluster(&reader, files, sets).await?;
            let searched = searched(&reader, !objects.is_empty()).await?;
            (objects, namespace, Some(searched))
        };
        let namespace = (!self.scope.all_namespaces).then_some(namespace);
        let mut targets = targets.within(namespace);
        targets.restrict_objects(&mut objects)?;
        let plan = plan_all(&objects, &self.vendors, self.offline).await;
        print::warn(&objects.notes);
        let report = targets.restrict_report(Report { searched, ..plan.report });
        self.output.print(&report)?;
        Ok(match report.result {
            Outlook::Changes if self.exit_zero => 0,
            _ => exit_code(&report, &self.fail_on),
        })
    }
}
