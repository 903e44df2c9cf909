//! The command line.

mod api_timeout;
mod apply;
mod check;
mod cluster_reader;
mod completion;
mod delete;
mod deletion;
mod env_hint;
mod examples;
mod execute;
mod explain;
mod fail_on;
mod flags;
mod help;
mod import;
mod init;
mod label_selector;
mod man;
mod named_objects;
mod object_ref;
mod objects;
mod output;
mod overlay;
mod peers;
mod plan;
mod plan_runner;
mod plan_targets;
mod planned_only;
mod print;
mod ready;
#[cfg(test)]
mod reference;
mod remediation;
mod run;
mod searched;
mod sets;
mod suspend;
mod sync;
mod ui;
mod validate;
mod version;

use crate::api;
use crate::telemetry::{LogFormat, LogOptions, Telemetry};
use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Declares webhook subscriptions at SaaS vendors as Kubernetes objects and keeps the vendors in step.
#[derive(Debug, Parser)]
#[command(name = "hooktender", version, about, propagate_version = true)]
struct Cli {
    #[command(flatten)]
    logging: Logging,
    #[command(subcommand)]
    command: Command,
}

/// Flags of logging, which goes to stderr.
#[derive(Debug, Args)]
#[command(next_help_heading = "Logging")]
struct Logging {
    /// The format of log lines.
    #[arg(long, global = true, value_enum, default_value = "text", env = "HOOKTENDER_LOG_FORMAT")]
    log_format: LogFormat,
    /// What is logged: a level, or a filter such as `info,hooktender=debug`. Default: `info` for run, `off` for the other
    /// commands.
    #[arg(long, global = true, env = "RUST_LOG")]
    log_level: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the controller until SIGTERM or Ctrl-C.
    Run(Box<run::Run>),
    /// Show what would change at the vendors, and why.
    ///
    /// Nothing is written. The plan is of the cluster, of files laid over it, or with --offline of files alone.
    #[command(visible_alias = "diff")]
    Plan(Box<plan::Plan>),
    /// Make the vendors match manifests once, without a cluster.
    Apply(Box<apply::Apply>),
    /// Delete at the vendors what manifests declare, without a cluster.
    Delete(Box<delete::Delete>),
    /// Print manifests for the subscriptions that exist at a vendor.
    ///
    /// Each manifest is planned before it is printed: applying it changes nothing that the vendor returns. With --as-set, one WebhookSet
    /// is printed for each subscription that all selected accounts have.
    Import(Box<import::Import>),
    /// Explain objects: their status, their last events, what happens next, and how to unblock them.
    Explain(Box<explain::Explain>),
    /// Have the operator reconcile objects now.
    ///
    /// Sets the annotation hooktender.dev/requested-at; for a WebhookSet, at the accounts of its members. With --wait, waits for the pass
    /// and prints its outcome.
    Sync(sync::Sync),
    /// Leave subscriptions, all of an account, or the Webhooks of a set, as they are until they are resumed.
    ///
    /// Sets spec.suspend: true; at a WebhookSet spec.paused: true. If a GitOps tool applies the manifest with another value, it undoes this.
    Suspend(suspend::Suspend),
    /// Resume what was suspended.
    ///
    /// Sets spec.suspend: false; at a WebhookSet spec.paused: false. This starts a pass at once.
    Resume(suspend::Suspend),
    /// Check the cluster, the rights, and the login of each account.
    ///
    /// Checks the API server, the CRDs and their version, rights, clocks, and of each account the address, the credentials, the login
    /// and, where the vendor tells, what the login may do. Each problem is printed with what to do. Nothing is written.
    Check(Box<check::Check>),
    /// Check manifests without a cluster, a network or Secrets.
    ///
    /// Checks structure and rules as the API server does, and the references between the objects of the files.
    Validate(validate::Validate),
    /// Print an account, its login and a Webhook, to fill in.
    Init(init::Init),
    /// Show accounts, sets, Webhooks and their plans as pages in a browser.
    ///
    /// Reads the cluster with your own rights. Nothing is written, and no vendor is called.
    Ui(Box<ui::Ui>),
    /// Wait until a running `hooktender run` is ready.
    Ready(ready::Ready),
    /// Print the CRDs as YAML, for `kubectl apply -f -`.
    Crds {
        /// Write one file per kind into this folder instead.
        #[arg(long, value_name = "DIR")]
        output_dir: Option<PathBuf>,
    },
    /// Print a completion script for a shell.
    ///
    /// Completes commands, flags, and the names of namespaces, contexts and objects, for which it reads the cluster of the kubeconfig.
    Completion(completion::Completion),
    /// Print a manual page, or write those of all commands.
    Man(man::Man),
    /// Print the version and how the program was built.
    Version(version::Version),
}

/// The exit code of a command, or why it failed.
type CommandResult = Result<u8, CommandError>;

/// Why a command failed, one line per problem.
struct CommandError(Vec<String>);

impl From<String> for CommandError {
    fn from(problem: String) -> Self {
        Self(vec![problem])
    }
}

impl From<Vec<String>> for CommandError {
    fn from(problems: Vec<String>) -> Self {
        problems.into_iter().collect()
    }
}

/// Keeps a bounded number of problems, and counts the rest.
impl FromIterator<String> for CommandError {
    fn from_iter<I: IntoIterator<Item = String>>(problems: I) -> Self {
        Self(print::bounded(problems, "problems"))
    }
}

/// Returns the definition of the command line, with examples in its help.
fn command() -> clap::Command {
    help::with_examples(Cli::command())
}

fn parse() -> Result<Cli, clap::Error> {
    let mut command = command();
    let mut matches = command.try_get_matches_from_mut(std::env::args_os())?;
    Cli::from_arg_matches_mut(&mut matches).map_err(|error| error.format(&mut command))
}

/// Runs the command that the arguments name. Exit codes: 0, done; 1, an error, printed to stderr; 2, `plan` shows changes.
pub async fn main() -> ExitCode {
    if completion::answer(command).await {
        return ExitCode::SUCCESS;
    }
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) => {
            let failed = error.use_stderr();
            if failed {
                print::usage(&error);
            } else {
                // A closed stdout is not an error.
                let _ = error.print();
            }
            if let Some(hint) = env_hint::env_hint(&error, Cli::command()) {
                print::note("");
                print::note(&hint);
            }
            return ExitCode::from(u8::from(failed));
        }
    };
    let (buffered, traces) = match &cli.command {
        Command::Run(run) => (true, run.otlp_endpoint.as_deref()),
        _ => (false, None),
    };
    let level = cli.logging.log_level.as_deref().unwrap_or(if buffered { "info" } else { "off" });
    let options = LogOptions { format: cli.logging.log_format, level, buffered, traces };
    let telemetry = match Telemetry::start(options) {
        Ok(telemetry) => telemetry,
        Err(problem) => {
            print::note(&format!("error: {problem}"));
            return ExitCode::FAILURE;
        }
    };
    // Boxed: it is as large as the largest command.
    match Box::pin(cli.command.run(&telemetry)).await {
        Ok(code) => ExitCode::from(code),
        Err(CommandError(problems)) => {
            for problem in problems {
                telemetry.print_line(&print::noted(&format!("error: {problem}")));
            }
            ExitCode::FAILURE
        }
    }
}

impl Command {
    async fn run(self, telemetry: &Telemetry) -> CommandResult {
        match self {
            Self::Run(run) => run.run(telemetry).await?,
            Self::Plan(plan) => return plan.run().await,
            Self::Apply(apply) => return apply.run().await,
            Self::Delete(delete) => return delete.run().await,
            Self::Import(import) => return import.run().await,
            Self::Explain(explain) => return explain.run().await,
            Self::Sync(sync) => return sync.run().await,
            Self::Suspend(suspend) => return suspend.run(true).await,
            Self::Resume(resume) => return resume.run(false).await,
            Self::Check(check) => return check.run().await,
            Self::Validate(validate) => return validate.run(),
            Self::Init(init) => return init.run(),
            Self::Ui(ui) => return ui.run().await,
            Self::Ready(ready) => ready.run().await?,
            Self::Crds { output_dir } => crds(output_dir.as_deref())?,
            Self::Completion(completion) => completion.run()?,
            Self::Man(man) => man.run(Cli::command())?,
            Self::Version(version) => return version.run(),
        }
        Ok(0)
    }
}

fn crds(folder: Option<&Path>) -> Result<(), CommandError> {
    let mut text = String::new();
    for crd in api::crds().map_err(|error| error.to_string())? {
        let yaml = api::yaml(&crd).map_err(|error| error.to_string())?;
        if let Some(folder) = folder {
            let path = folder.join(format!("{}.yaml", crd.spec.names.plural));
            std::fs::write(&path, yaml).map_err(|error| format!("writing {}: {error}", path.display()))?;
        } else {
            text.push_str("---\n");
            text.push_str(&yaml);
        }
    }
    print::data(&text)
}
