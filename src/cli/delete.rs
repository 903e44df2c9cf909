//! `hooktender delete --offline`: deletes what manifests declare at their vendors, without a cluster.

use super::CommandResult;
use super::deletion::plan_delete;
use super::execute::{ExecuteFlags, Execution, confirm};
use super::objects::ObjectSet;
use super::plan::{Files, Scope};
use super::plan_runner::plan_all;
use super::planned_only::planned_only;
use super::print;
use crate::plan::report::{Outlook, Report, WebhookReport};
use clap::Args;

const NO_CLUSTER: &str = "nothing was deleted: without a cluster, add --offline; with a cluster, use kubectl delete, and hooktender run deletes the subscriptions";

/// Flags of `hooktender delete`.
#[derive(Debug, Args)]
pub(super) struct Delete {
    #[command(flatten)]
    files: Files,
    /// Required: delete works without a cluster only. With a cluster, use `kubectl delete`, and hooktender run deletes the subscriptions.
    #[arg(long, requires = "files")]
    offline: bool,
    #[command(flatten)]
    execute: ExecuteFlags,
    #[command(flatten)]
    scope: Scope,
}

impl Delete {
    pub(super) async fn run(self) -> CommandResult {
        if !self.offline {
            return Err(NO_CLUSTER.to_owned().into());
        }
        let mut objects = ObjectSet::of_files(self.files.read_whole(self.scope.offline())?).await?;
        // A paused set holds back the deletions, not the search for what is to be deleted.
        let held = std::mem::take(&mut objects.held);
        let planned = plan_all(&objects, &self.execute.vendors, true).await;
        objects.held = held;
        let deletions = plan_delete(&planned, &objects, &self.execute.vendors).await;
        print::warn(&objects.notes);
        missing(&planned.report).for_each(|line| print::note(&line));
        let report = deletions.replace_in(planned.report);
        self.execute.output.print(&report)?;
        if !report.changes_something() {
            if let Some(line) = planned_only(&report, &objects) {
                self.execute.print_last(&line)?;
            }
            return Ok(u8::from(report.result == Outlook::Blocked));
        }
        if !confirm("Delete these subscriptions", &report, &self.execute)? {
            return Ok(1);
        }
        let execution = Execution::begin(&self.execute, &objects);
        let executed = execution.run(deletions.accounts).await;
        executed.print(&self.execute, &report)
    }
}

/// Describes the Webhooks that have no subscription to delete.
fn missing(report: &Report) -> impl Iterator<Item = String> {
    let missing = |webhook: &&WebhookReport| webhook.id.is_none() && !webhook.is_undecided();
    let name =
        |webhook: &WebhookReport| format!("{}: not at the vendor; there is nothing to delete", webhook.key());
    report.webhooks().filter(missing).map(name)
}
