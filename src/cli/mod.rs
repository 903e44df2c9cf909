//! The command line: one binary, its commands.

mod run;

use crate::api;
use crate::telemetry::LogFormat;
use clap::{Args, CommandFactory, Parser, Subcommand};
use std::io::Write;
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

/// Where log lines go and what they look like: always to stderr.
#[derive(Debug, Args)]
struct Logging {
    /// What log lines look like.
    #[arg(long, global = true, value_enum, default_value = "text", env = "HOOKTENDER_LOG_FORMAT")]
    log_format: LogFormat,
    /// What is logged: a level, or a filter such as `info,hooktender=debug`.
    #[arg(long, global = true, default_value = "info", env = "RUST_LOG")]
    log_level: String,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the controller until it is told to stop (SIGTERM or Ctrl-C).
    Run(run::Run),
    /// Print the CRDs as YAML, to be piped into `kubectl apply -f -`.
    Crds {
        /// Write one file a kind into this folder instead.
        #[arg(long, value_name = "DIR")]
        output_dir: Option<PathBuf>,
    },
    /// Print a completion script for a shell.
    Completion {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the version.
    Version,
}

/// Runs the command that the arguments name. 0: done. 1: an error, told on stderr.
pub async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let failed = error.use_stderr();
            // Help that nobody reads to its end is no error.
            let _ = error.print();
            return ExitCode::from(u8::from(failed));
        }
    };
    if let Err(problem) = crate::telemetry::init_logging(cli.logging.log_format, &cli.logging.log_level) {
        eprintln!("error: {problem}");
        return ExitCode::FAILURE;
    }
    let result = match cli.command {
        Command::Run(run) => run.run().await,
        Command::Crds { output_dir } => crds(output_dir.as_deref()),
        Command::Completion { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Cli::command(), "hooktender", &mut script);
            print(&String::from_utf8_lossy(&script))
        }
        Command::Version => print(&format!("hooktender {}\n", env!("CARGO_PKG_VERSION"))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn crds(folder: Option<&Path>) -> Result<(), String> {
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
    print(&text)
}

/// Prints a result. A reader that closed the pipe has seen enough.
fn print(text: &str) -> Result<(), String> {
    match std::io::stdout().lock().write_all(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(format!("writing the result: {error}"))
        }
        _ => Ok(()),
    }
}
