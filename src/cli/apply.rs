//! `hooktender apply --offline`: applies manifests once, without a cluster, with the engine of the controller.

use super::CommandResult;
use super::deletion::{Prune, plan_prunes};
use super::execute::{ExecuteFlags, Execution, confirm};
use super::objects::ObjectSet;
use super::plan::{Files, Scope};
use super::plan_runner::plan_all;
use super::planned_only::planned_only;
use super::print;
use crate::plan::report::Outlook;
use clap::Args;

const NO_CLUSTER: &str = "nothing was applied: without a cluster, add --offline; with a cluster, use kubectl apply, and hooktender run makes the vendors match";

/// Flags of `hooktender apply`.
#[derive(Debug, Args)]
pub(super) struct Apply {
    #[command(flatten)]
    files: Files,
    /// Required: apply works without a cluster only. With a cluster, use `kubectl apply`, and hooktender run makes the vendors match.
    #[arg(long, requires = "files")]
    offline: bool,
    /// Delete this unmanaged subscription too, after everything else is applied, such as the one that was left behind by a changed
    /// address. May be repeated.
    #[arg(long, value_name = "ID|NAMESPACE/ACCOUNT/ID", value_parser = Prune::parse)]
    prune: Vec<Prune>,
    #[command(flatten)]
    execute: ExecuteFlags,
    #[command(flatten)]
    scope: Scope,
}

impl Apply {
    pub(super) async fn run(self) -> CommandResult {
        if !self.offline {
            return Err(NO_CLUSTER.to_owned().into());
        }
        let objects = ObjectSet::of_files(self.files.read_whole(self.scope.offline())?).await?;
        let planned = plan_all(&objects, &self.execute.vendors, true).await;
        let prunes = plan_prunes(&self.prune, &planned, &objects, &self.execute.vendors).await?;
        let report = prunes.merge_into(planned.report);
        print::warn(&objects.notes);
        self.execute.output.print(&report)?;
        if !report.changes_something() {
            if let Some(line) = planned_only(&report, &objects) {
                self.execute.print_last(&line)?;
            }
            return Ok(u8::from(report.result == Outlook::Blocked));
        }
        if !confirm("Apply this plan", &report, &self.execute)? {
            return Ok(1);
        }
        let execution = Execution::begin(&self.execute, &objects);
        let mut executed = execution.run(planned.accounts).await;
        // What takes the place of a pruned subscription has to exist first: deliveries overlap rather than stop.
        if executed.is_whole() {
            executed.add(execution.run(prunes.accounts).await);
        } else {
            prunes.descriptions().for_each(|what| executed.leave(what));
        }
        executed.print(&self.execute, &report)
    }
}
