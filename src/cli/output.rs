//! Flags for the output of plans and explanations.

use super::{CommandError, print};
use crate::plan::report::{Report, Style, markdown, text};
use clap::{Args, ValueEnum};
use std::io::IsTerminal;

/// Width of text output without a terminal, in columns.
const WIDTH: usize = 100;

/// How a plan is printed.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputFlags {
    /// The format of the plan.
    #[arg(short = 'o', long, value_enum, default_value = "text")]
    output: Format,
    #[command(flatten)]
    color: ColorFlag,
    /// List unchanged Webhooks too, and each Webhook of those that have the same change.
    #[arg(long)]
    all: bool,
}

/// Whether text is coloured.
#[derive(Debug, Args)]
pub(super) struct ColorFlag {
    /// When to colour text. `auto`: on a terminal, unless `NO_COLOR` is set.
    #[arg(long, value_enum, value_name = "WHEN", default_value = "auto")]
    color: Color,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs; the schema is docs/plan.schema.json.
    Json,
    /// For a comment on a pull request.
    Markdown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

impl OutputFlags {
    pub(super) fn print(&self, report: &Report) -> Result<(), CommandError> {
        match self.output {
            Format::Json => print::json(&report.json()),
            Format::Markdown => print::text(&markdown(report)),
            Format::Text => print::text(&text(report, &self.color.style(self.all))),
        }
    }

    /// Returns whether the format is text.
    pub(super) fn is_text(&self) -> bool {
        self.output == Format::Text
    }
}

impl ColorFlag {
    /// Returns how text is drawn; `all` is about plans only.
    pub(super) fn style(&self, all: bool) -> Style {
        let terminal = std::io::stdout().is_terminal();
        let colour = match self.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        };
        let width = console::Term::stdout().size_checked().map_or(WIDTH, |(_, width)| usize::from(width));
        Style { colour, width: if terminal { width } else { WIDTH }, all }
    }
}
