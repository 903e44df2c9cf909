//! `hooktender-sandbox`: the three vendors on this machine, until it is stopped.
#![allow(clippy::doc_markdown, reason = "the help text is read by people")]

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use hooktender_sandbox::{Options, Sandbox};
use tokio::io::AsyncReadExt;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a sandbox of Brightpearl, Contensis and SuperOffice and prints its addresses as one line of JSON.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Port of Brightpearl; 0 takes any free one
    #[arg(long, default_value_t = 0)]
    port_brightpearl: u16,
    /// Port of Contensis
    #[arg(long, default_value_t = 0)]
    port_contensis: u16,
    /// Port of SuperOffice
    #[arg(long, default_value_t = 0)]
    port_superoffice: u16,
    /// Port of the control API
    #[arg(long, default_value_t = 0)]
    port_control: u16,
    /// Also stop when standard input ends, so that no sandbox outlives the process that started it
    #[arg(long)]
    until_stdin_closes: bool,
    /// Write a line for each request to standard error
    #[arg(long)]
    log: bool,
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut text = error.to_string();
            let mut cause = error.source();
            while let Some(next) = cause {
                text = format!("{text}: {next}");
                cause = next.source();
            }
            eprintln!("hooktender-sandbox: {text}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let sandbox = Sandbox::start(Options {
        brightpearl_port: arguments.port_brightpearl,
        contensis_port: arguments.port_contensis,
        superoffice_port: arguments.port_superoffice,
        control_port: arguments.port_control,
        log: arguments.log,
        ..Options::default()
    })
    .await?;
    let line = serde_json::to_string(sandbox.addresses())?;
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    out.flush()?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = end_of_input(), if arguments.until_stdin_closes => {}
    }
    sandbox.stop().await;
    // A read of standard input cannot be cancelled, and the runtime would wait for it.
    std::process::exit(0)
}

async fn end_of_input() {
    let mut input = tokio::io::stdin();
    let mut scrap = [0_u8; 256];
    while let Ok(1..) = input.read(&mut scrap).await {}
}
