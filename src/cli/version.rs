//! `hooktender version`: prints the version and the facts of the build.

use super::{CommandResult, print};
use clap::{Args, ValueEnum};
use serde_json::json;

/// Flags of `hooktender version`.
#[derive(Debug, Args)]
pub(super) struct Version {
    /// The output format.
    #[arg(short = 'o', long, value_enum, default_value = "text")]
    output: Format,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// For programs.
    Json,
}

impl Version {
    pub(super) fn run(self) -> CommandResult {
        let version = env!("CARGO_PKG_VERSION");
        let facts = [
            // Set in releases only (build.rs).
            ("commit", env!("HOOKTENDER_BUILD_COMMIT")),
            ("compiler", env!("HOOKTENDER_BUILD_COMPILER")),
            ("target", env!("HOOKTENDER_BUILD_TARGET")),
            ("profile", env!("HOOKTENDER_BUILD_PROFILE")),
        ];
        let text = match self.output {
            Format::Text => {
                let lines = facts.iter().map(|(name, value)| format!("{:<10}{value}\n", format!("{name}:")));
                format!("hooktender {version}\n{}", lines.collect::<String>())
            }
            Format::Json => {
                let mut all: serde_json::Map<_, _> =
                    facts.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
                all.insert("version".into(), json!(version));
                format!("{}\n", serde_json::Value::Object(all))
            }
        };
        print::data(&text)?;
        Ok(0)
    }
}
