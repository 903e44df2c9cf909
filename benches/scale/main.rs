//! The whole system at scale: a real API server, the real program, a vendor that answers in 50 ms. It prints one table a run,
//! and with several numbers of Webhooks draws how the figures grow (`docs/performance.md` says what each means).
//!
//! Not a test: nothing here passes or fails, and times hold only for the machine that they were measured on.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "benchmarks")]

mod edits;
mod figures;
mod graph;
mod objects;
mod operator;
mod plan;
mod process;
mod quiet;
mod stage;
mod story;
mod vendor;
mod writes;

use clap::Parser;
use figures::Figures;
use std::path::PathBuf;
use std::time::Duration;

/// Options of a measurement.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// How many Webhooks; several numbers are measured one after the other.
    #[arg(long, value_delimiter = ',', default_value = "1000")]
    webhooks: Vec<usize>,
    /// Over how many accounts they are spread.
    #[arg(long, value_delimiter = ',', default_value = "1")]
    accounts: Vec<usize>,
    /// Number of WebhookSets that make the Webhooks, one at each account. With 0, the Webhooks themselves are applied.
    #[arg(long, default_value_t = 0, conflicts_with_all = ["webhooks", "dead"])]
    sets: usize,
    /// Leave out the change of the sets' templates, which takes about as long as their first members.
    #[arg(long)]
    skip_change: bool,
    /// How many further accounts there are, each with one Webhook, whose vendor accepts calls and never answers.
    #[arg(long, default_value_t = 0)]
    dead: usize,
    /// How many subscriptions each account has at the vendor that no Webhook declares.
    #[arg(long, default_value_t = 0)]
    unmanaged: usize,
    /// How many characters longer than usual each subscription is.
    #[arg(long, default_value_t = 0)]
    padding: usize,
    /// A variable in the operator's environment, as `NAME=VALUE`, for example to try another allocator.
    #[arg(long, value_name = "NAME=VALUE")]
    env: Vec<String>,
    /// Restrict the operator to one processor.
    #[arg(long)]
    one_core: bool,
    /// How long the vendor takes for each request, in milliseconds.
    #[arg(long, default_value_t = 50)]
    vendor_ms: u64,
    /// How often the vendor's list is read again.
    #[arg(long, default_value = "1m")]
    interval: String,
    /// For how many seconds nothing happens while costs are counted.
    #[arg(long, default_value_t = 120)]
    quiet: u64,
    /// How many edits are timed; with WebhookSets, of the accounts' labels.
    #[arg(long, default_value_t = 50)]
    edits: usize,
    /// How many intervals follow one another, each with some edits, to see whether memory stays the same.
    #[arg(long, default_value_t = 0)]
    soak: usize,
    /// The file for the figures as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// The file for the figures of all runs against the number of Webhooks, as SVG.
    #[arg(long)]
    graph: Option<PathBuf>,
    /// Cargo passes this to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    fn quiet(&self) -> Duration {
        Duration::from_secs(self.quiet)
    }

    /// Returns the numbers of Webhooks that are measured with so many accounts.
    fn webhooks(&self, accounts: usize) -> Vec<usize> {
        if self.sets > 0 { vec![self.sets * accounts] } else { self.webhooks.clone() }
    }
}

fn main() {
    let options = Options::parse();
    let mut all: Vec<Figures> = Vec::new();
    for &accounts in &options.accounts {
        for webhooks in options.webhooks(accounts) {
            eprintln!("{webhooks} Webhooks of {accounts} accounts");
            // A cluster of its own for each run, so that no run has objects of another.
            let stage = stage::Stage::set(&options);
            let figures = story::play(&stage, &options, webhooks, accounts);
            println!("{figures}");
            all.push(figures);
        }
    }
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(&all).unwrap() + "\n").unwrap();
    }
    if let Some(path) = &options.graph {
        graph::draw(path, &all);
    }
}
