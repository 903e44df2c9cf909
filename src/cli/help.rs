//! Adds examples and exit codes to the help of each command.

use super::examples::{COMMANDS, CommandHelp, EXIT_STATUS};
use clap::Command;
use clap::builder::Styles;
use std::fmt::Write as _;

/// Adds to `--help` of each command its examples, and its exit codes where they say more than success and error.
pub(super) fn with_examples(command: Command) -> Command {
    COMMANDS.iter().fold(command, |command, help| {
        command.mut_subcommand(help.name, |command| command.after_long_help(text(help)))
    })
}

fn text(help: &CommandHelp) -> String {
    let header = Styles::styled();
    let header = header.get_header();
    let mut text = format!("{header}Examples:{header:#}");
    for (number, example) in help.examples.iter().enumerate() {
        let gap = if number == 0 { "" } else { "\n" };
        let _ = write!(text, "{gap}\n  # {}\n  {}", example.what, example.line);
    }
    if help.exit_status != EXIT_STATUS {
        let _ = write!(text, "\n\n{header}Exit codes:{header:#}");
        for (code, when) in help.exit_status {
            let _ = write!(text, "\n  {code}  {when}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::{Cli, command};
    use super::*;
    use clap::CommandFactory;
    use std::collections::BTreeSet;

    #[test]
    fn each_command_has_examples_that_parse() {
        let shown: BTreeSet<_> =
            Cli::command().get_subcommands().map(|one| one.get_name().to_owned()).collect();
        let known: BTreeSet<_> = COMMANDS.iter().map(|help| help.name.to_owned()).collect();
        assert_eq!(known, shown);
        for help in COMMANDS {
            assert!(!help.examples.is_empty(), "{}", help.name);
            for example in help.examples {
                // Of a pipe, the part that is ours.
                let part =
                    example.line.split(['|', '>', ')']).find_map(|part| part.split_once("hooktender "));
                let words = format!("hooktender {}", part.unwrap_or_else(|| panic!("{}", example.line)).1);
                let matches = command().try_get_matches_from(words.split_whitespace());
                let matches = matches.unwrap_or_else(|error| panic!("{}: {error}", example.line));
                assert_eq!(matches.subcommand_name(), Some(help.name), "{}", example.line);
            }
        }
    }

    #[test]
    fn help_fits_into_eighty_columns() {
        let mut root = command().term_width(80);
        root.build();
        for one in root.get_subcommands_mut().filter(|one| one.get_name() != "help") {
            let name = one.get_name().to_owned();
            let long = one.render_long_help().to_string();
            for example in COMMANDS.iter().find(|help| help.name == name).unwrap().examples {
                assert!(
                    long.contains(&format!("\n  {}\n", example.line)),
                    "{name}: {} in\n{long}",
                    example.line
                );
            }
            for line in long.lines().chain(one.render_help().to_string().lines()) {
                assert!(line.chars().count() <= 80, "{name}: {line}");
            }
        }
    }

    #[test]
    fn own_flags_come_before_those_that_every_command_has() {
        let mut root = command();
        root.build();
        for name in ["plan", "sync", "check", "run", "import"] {
            let help = root.find_subcommand_mut(name).unwrap().render_help().to_string();
            let at = |text: &str| help.find(text).unwrap_or_else(|| panic!("{name}: no {text} in\n{help}"));
            assert!(at("\nOptions:") < at("\nCluster:") && at("\nCluster:") < at("\nLogging:"), "{help}");
            assert!(at("\nLogging:") < at("--log-format"), "{help}");
        }
    }
}
