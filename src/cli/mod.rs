//! The command line.

mod api_timeout;
mod apply;
mod cluster_reader;
mod env_hint;
mod explain;
mod explain_set;
mod flags;
mod import;
mod objects;
mod output;
mod overlay;
mod peers;
mod plan;
mod plan_runner;
mod print;
mod ready;
#[cfg(test)]
mod reference;
mod remediation;
mod run;
mod sets;
mod version;

use crate::api;
use crate::telemetry::{LogFormat, LogOptions, Telemetry};
use clap::{Args, CommandFactory, Parser, Subcommand};
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
    /// Show what would change at the vendors, and why; nothing is written. Exit code 0: no changes; 2: changes; 1: an error, or
    /// something that cannot be applied as it is declared.
    Plan(Box<plan::Plan>),
    /// Make the vendors match manifests once, without a cluster.
    Apply(Box<apply::Apply>),
    /// Print manifests for the subscriptions that exist at a vendor. Each is verified by planning it: applying it changes nothing
    /// that the vendor returns.
    Import(Box<import::Import>),
    /// Explain one object: its status, its last events, what happens next, and how to unblock it.
    Explain(Box<explain::Explain>),
    /// Wait until a running `hooktender run` is ready.
    Ready(ready::Ready),
    /// Print the CRDs as YAML, for `kubectl apply -f -`.
    Crds {
        /// Write one file per kind into this folder instead.
        #[arg(long, value_name = "DIR")]
        output_dir: Option<PathBuf>,
    },
    /// Print a completion script for a shell.
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Write a manual page for each command.
    Man {
        /// The folder to write into.
        #[arg(long, value_name = "DIR")]
        output_dir: PathBuf,
    },
    /// Print the version and the facts of the build.
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

/// Runs the command that the arguments name. Exit codes: 0, done; 1, an error, printed to stderr; 2, `plan` shows changes.
pub async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
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
    match cli.command.run(&telemetry).await {
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
            Self::Import(import) => return import.run().await,
            Self::Explain(explain) => return explain.run().await,
            Self::Ready(ready) => ready.run().await?,
            Self::Crds { output_dir } => crds(output_dir.as_deref())?,
            Self::Completion { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Cli::command(), "hooktender", &mut script);
                print::data(&String::from_utf8_lossy(&script))?;
            }
            Self::Man { output_dir } => {
                let written = clap_mangen::generate_to(Cli::command(), &output_dir);
                written.map_err(|error| format!("writing to {}: {error}", output_dir.display()))?;
            }
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
