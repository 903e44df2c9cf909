//! The `hooktender-cluster` binary: builds the tools, runs a cluster for a person, and is the supervisor that the library starts.

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use hooktender_cluster::{Error, Purpose, Tools, become_server, serve, supervise};

/// A real Kubernetes control plane on loopback, without containers: etcd, kube-apiserver, kube-controller-manager.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build the pinned tools where they are missing, and print their folder.
    Tools,
    /// Build what the demo needs where it is missing, and run a cargo command beside that.
    PrepareDemo {
        /// Such as `cargo build`.
        #[arg(last = true, required = true, value_name = "COMMAND")]
        cargo: Vec<String>,
    },
    /// Run a cluster until Ctrl-C or the end of standard input.
    Serve {
        /// Also write the administrator's kubeconfig here; removed in the end.
        #[arg(long, value_name = "PATH")]
        kubeconfig: Option<PathBuf>,
    },
    /// For the library: run a cluster, commands on standard input, answers on standard output.
    #[command(hide = true)]
    Supervise {
        #[arg(long)]
        stamp: String,
        #[arg(long)]
        tools: String,
    },
    /// For the supervisor: become a server that ends with its supervisor.
    #[command(hide = true)]
    Launch {
        owner: u32,
        program: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "hooktender-cluster: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(command: Command) -> Result<(), Error> {
    match command {
        Command::Tools => {
            let tools = Tools::ensure(Purpose::Tests)?;
            writeln!(io::stdout(), "{}", tools.folder().display())
                .map_err(|source| Error::Io { what: "writing to standard output".to_owned(), source })
        }
        Command::PrepareDemo { cargo } => Tools::ensure_beside(Purpose::Demo, &cargo).map(drop),
        Command::Serve { kubeconfig } => serve(kubeconfig.as_deref()),
        Command::Supervise { stamp, tools } => supervise(&stamp, &tools),
        Command::Launch { owner, program, arguments } => Err(become_server(owner, &program, &arguments)),
    }
}
