//! `hooktender plan`: what would change, and why.

use super::flags::{ClusterFlags, VendorFlags};
use super::looking::look;
use super::output::Drawing;
use super::reading::Reader;
use super::world::World;
use super::{Done, Failed, print};
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
    /// Go by the files alone: accounts, Secrets and Webhooks all in them, and no cluster.
    #[arg(long, requires = "files")]
    offline: bool,
    /// End with 0 also when something would be written at a vendor.
    #[arg(long)]
    exit_zero: bool,
    #[command(flatten)]
    drawing: Drawing,
    #[command(flatten)]
    scope: Scope,
    #[command(flatten)]
    vendors: VendorFlags,
}

/// Manifests to go by.
#[derive(Debug, Args)]
pub(super) struct Files {
    /// Manifests to lay over the cluster: a file, a folder, or `-` for standard input; may be repeated.
    #[arg(short = 'f', long = "filename", id = "files", value_name = "FILE|DIR|-")]
    sources: Vec<PathBuf>,
    /// Read folders with everything below them.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Take accounts from here only, and leave out those of --filename: they say where credentials go, so a pipeline takes them
    /// from the base branch, and not from a pull request. May be repeated.
    #[arg(long, value_name = "FILE|DIR", requires = "files")]
    accounts_from: Vec<PathBuf>,
}

/// Which part of which cluster.
#[derive(Debug, Args)]
pub(super) struct Scope {
    /// The namespace. Default: the context's; for files that name none, `default` without a cluster.
    #[arg(short = 'n', long, value_name = "NAMESPACE")]
    pub(super) namespace: Option<String>,
    /// All namespaces.
    #[arg(short = 'A', long, conflicts_with = "namespace")]
    pub(super) all_namespaces: bool,
    #[command(flatten)]
    pub(super) cluster: ClusterFlags,
}

impl Files {
    /// All manifests; an error names everything that is wrong in any of them.
    pub(super) fn read(&self, namespace: &str) -> Result<Manifests, Failed> {
        let read = |sources: &[PathBuf]| {
            manifest::read(sources, self.recursive, namespace)
                .map_err(|problems| problems.iter().map(ToString::to_string).collect::<Failed>())
        };
        let files = read(&self.sources)?;
        if self.accounts_from.is_empty() {
            return Ok(files);
        }
        Ok(files.with_accounts(read(&self.accounts_from)?.accounts))
    }
}

impl Scope {
    /// The cluster's part to read, and the namespace of files that name none.
    pub(super) async fn reader(&self) -> Result<(Reader, String), Failed> {
        let connected = self.cluster.connect().await;
        let (client, context) =
            connected.map_err(|error| format!("{error}; with --offline, files are enough"))?;
        let namespace = self.namespace.clone().unwrap_or(context);
        let scope = (!self.all_namespaces).then(|| NamespaceName::new(&namespace)).transpose();
        let scope = scope.map_err(|error| error.to_string())?;
        Ok((Reader { client, namespace: scope }, namespace))
    }

    /// The namespace of files that name none, where there is no cluster.
    pub(super) fn offline(&self) -> &str {
        self.namespace.as_deref().unwrap_or("default")
    }
}

impl Plan {
    pub(super) async fn run(self) -> Done {
        let world = if self.offline {
            World::of_files(self.files.read(self.scope.offline())?)?
        } else {
            let (reader, namespace) = self.scope.reader().await?;
            World::of_cluster(&reader, self.files.read(&namespace)?).await?
        };
        let view = look(&world, &self.vendors, self.offline).await;
        print::warn(&world.notes);
        self.drawing.print(&view.report)?;
        Ok(match view.report.result {
            Outlook::Changes if self.exit_zero => 0,
            result => result.exit_code(),
        })
    }
}
