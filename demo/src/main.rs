//! `hooktender-demo`: shows hooktender at work on this machine, with the real operator.
//!
//! Everything is real but the vendors: a Kubernetes API server, kubectl, the operator's own binary, and a sandbox of Brightpearl,
//! Contensis and SuperOffice. Each chapter verifies its claims at the vendor, and the exit status is 0 only if all of them are
//! true.
//!
//! | module | what |
//! | --- | --- |
//! | `stage` | what runs: cluster, vendors, operator; waiting with a deadline; the end of it all |
//! | `operator` | the operator as a child process that does not outlive the demo |
//! | `control` | behind the vendors' counters |
//! | `kubectl` | commands as a person types them |
//! | `vendor` | what differs from vendor to vendor |
//! | `subscription` | what a vendor stores, as it is shown: differences, and no secrets |
//! | `examples` | the manifests, with the fake vendors' addresses |
//! | `story` | the chapters |
//! | `offline` | the same without Kubernetes: files and three commands |
//! | `around` | how to look around |
//! | `screen`, `interrupt`, `failure` | what is printed, Ctrl-C, and what can go wrong |

mod around;
mod control;
mod examples;
mod failure;
mod interrupt;
mod kubectl;
mod offline;
mod operator;
mod screen;
mod stage;
mod story;
mod subscription;
mod vendor;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::FalseyValueParser;
use clap::{ArgAction, Parser, Subcommand};

use crate::failure::{Failure, Step};
use crate::screen::Screen;
use crate::stage::Stage;

/// As a shell reports an end by Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Shows what hooktender does, with a real API server and sandbox vendors on this machine.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Leave everything running at the end, until Ctrl-C.
    #[arg(long, env = "KEEP", action = ArgAction::SetTrue, value_parser = FalseyValueParser::new())]
    keep: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show what hooktender does with files, without Kubernetes, in seconds.
    Try,
    /// For the demo itself: become a program that ends with the demo.
    #[command(hide = true)]
    Launch {
        owner: u32,
        program: PathBuf,
        #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
        arguments: Vec<OsString>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let screen = Screen::of_this_process();
    match arguments.command {
        Some(Command::Launch { owner, program, arguments }) => {
            // It returns only on failure.
            let error = hooktender_cluster::become_server(owner, &program, &arguments);
            screen.problem(&error.to_string());
            return ExitCode::FAILURE;
        }
        Some(Command::Try) => return try_offline(screen),
        None => {}
    }
    let mut stage = match Stage::build(screen) {
        Ok(stage) => stage,
        Err(failure) => {
            screen.problem(&failure.to_string());
            return ExitCode::FAILURE;
        }
    };
    match play(&mut stage, arguments.keep) {
        Ok(()) => {
            stage.end();
            ExitCode::SUCCESS
        }
        Err(Failure::Interrupted) => {
            stage.end();
            ExitCode::from(INTERRUPTED)
        }
        Err(failure) => {
            stage.report(&failure);
            ExitCode::FAILURE
        }
    }
}

fn try_offline(screen: Screen) -> ExitCode {
    match offline::tell(screen) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Interrupted) => ExitCode::from(INTERRUPTED),
        Err(failure) => {
            let detail = failure.detail().unwrap_or_default();
            screen.problem(&format!("{failure}\n\n{detail}"));
            ExitCode::FAILURE
        }
    }
}

fn play(stage: &mut Stage, keep: bool) -> Step<()> {
    let cast = story::tell(stage)?;
    if keep {
        story::bring_back(stage, &cast)?;
        around::explain(stage, &cast)?;
        stage.wait_for_ctrl_c()
    } else {
        around::hint(stage);
        Ok(())
    }
}
