//! `hooktender validate`: checks manifests without a cluster, a network or Secrets.
//!
//! Structure and rules are those of the CRDs, as for every command that reads files. On top of that come the references within the
//! files, the members of WebhookSets at the accounts of the files, and lines of `init` that are not filled in. What is in none of the files may be in the cluster: a missing VendorAccount is a warning (with `--strict` an error), and the
//! values of a missing Secret or ConfigMap are taken to be there, as Secrets do not belong into a repository.

mod findings;
mod references;
mod sets;

use super::init::unfilled;
use super::{CommandError, CommandResult, print};
use crate::api::NamespaceName;
use crate::manifest::{self, Manifests};
use clap::Args;
use findings::Findings;
use references::findings;
use std::path::PathBuf;

/// Flags of `hooktender validate`.
#[derive(Debug, Args)]
pub(super) struct Validate {
    /// Manifests to check: a file, a folder, or `-` for standard input; may be repeated.
    #[arg(short = 'f', long = "filename", value_name = "FILE|DIR|-", required = true)]
    sources: Vec<PathBuf>,
    /// Read folders recursively.
    #[arg(short = 'R', long)]
    recursive: bool,
    /// Fail because of warnings too, such as a VendorAccount that is in none of the files.
    #[arg(long)]
    strict: bool,
    /// The namespace of manifests without one.
    #[arg(short = 'n', long, value_name = "NAMESPACE", default_value = "default", value_parser = NamespaceName::new)]
    namespace: NamespaceName,
}

impl Validate {
    pub(super) fn run(&self) -> CommandResult {
        let files = manifest::read(&self.sources, self.recursive, self.namespace.as_str())
            .map_err(|problems| problems.iter().map(ToString::to_string).collect::<CommandError>())?;
        if files.declares_nothing() {
            return Err("there is no Webhook, WebhookSet or VendorAccount in the files".to_owned().into());
        }
        let Findings { mut problems, warnings } = findings(&files);
        problems.extend(unfilled(&files));
        problems.sort();
        let warnings: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        let problems: Vec<_> = problems.iter().map(ToString::to_string).collect();
        if self.strict && !(problems.is_empty() && warnings.is_empty()) {
            return Err(problems.into_iter().chain(warnings).collect::<CommandError>());
        }
        let skipped = files.skipped.iter().map(ToString::to_string);
        print::warn(&skipped.chain(warnings).collect::<Vec<_>>());
        if !problems.is_empty() {
            return Err(problems.into_iter().collect::<CommandError>());
        }
        print::text(&format!("Valid: {}.", summary(&files)))?;
        Ok(0)
    }
}

fn summary(files: &Manifests) -> String {
    let counted = |number: usize, what: &str| match number {
        0 => None,
        1 => Some(format!("1 {what}")),
        many => Some(format!("{many} {what}s")),
    };
    let all = [
        counted(files.accounts.len(), "VendorAccount"),
        counted(files.webhooks.len(), "Webhook"),
        counted(files.sets.len(), "WebhookSet"),
        counted(files.secrets.len(), "Secret"),
        counted(files.config_maps.len(), "ConfigMap"),
    ];
    all.into_iter().flatten().collect::<Vec<_>>().join(", ")
}
