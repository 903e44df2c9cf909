//! `hooktender plan`: shows what would change, and why.

use super::cluster_reader::ClusterReader;
use super::flags::{ClusterFlags, VendorFlags};
use super::objects::ObjectSet;
use super::output::OutputFlags;
use super::plan_runner::plan_all;
use super::{CommandError, CommandResult, print};
use crate::api::NamespaceName;
use crate::manifest::{self, Manifests};
use crate::plan::report::Outlook;
use clap::Args;
use std::path::PathBuf;

/// Flags of `hooktender plan`.
#[derive(Debug, Args)]
pub(super) struct Plan {
    #[command(flatten)]
    files: Files,
    /// Read files only, without a cluster: they hold the accounts, Secrets and Webhooks.
    #[arg(long, requires = "files")]
    offline: bool,
    /// Exit with 0 even if something would be written at a vendor.
    #[arg(long)]
    exit_zero: bool,
    #[command(flatten)]
    output: OutputFlags,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    vendors: VendorFlags,
}

/// Which manifests to read.
#[derive(Debug, Args)]
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
pub(super) struct Scope {
    /// The namespace. Default: that of the context; without a cluster, `default`.
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
        if self.accounts_from.is_empty() {
            return Ok(files);
        }
        Ok(files.with_accounts(read(&self.accounts_from)?.accounts))
    }
}

impl Scope {
    /// Returns a reader of the cluster, and the namespace for manifests without one.
    pub(super) async fn reader(&self) -> Result<(ClusterReader, String), CommandError> {
        let connected = self.cluster.connect().await;
        let (client, context) =
            connected.map_err(|error| format!("{error}; with --offline, files are enough"))?;
        let namespace = self.namespace.clone().unwrap_or(context);
        let scope = (!self.all_namespaces).then(|| NamespaceName::new(&namespace)).transpose();
        let scope = scope.map_err(|error| error.to_string())?;
        Ok((ClusterReader { client, namespace: scope }, namespace))
    }

    /// Returns the namespace for manifests without one, when there is no cluster.
    pub(super) fn offline(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }
}

impl Plan {
    pub(super) async fn run(self) -> CommandResult {
        let objects = if self.offline {
            ObjectSet::of_files(self.files.read(self.scope.offline())?).await?
        } else {
            let (reader, namespace) = self.scope.reader().await?;
            ObjectSet::of_cluster(&reader, self.files.read(&namespace)?).await?
        };
        let plan = plan_all(&objects, &self.vendors, self.offline).await;
        print::warn(&objects.notes);
        self.output.print(&plan.report)?;
        Ok(match plan.report.result {
            Outlook::Changes if self.exit_zero => 0,
            result => result.exit_code(),
        })
    }
}
