//! Generates `docs/cli.md` from clap: `make reference` rewrites it.

use super::Cli;
use super::examples::{EXIT_STATUS, of};
use clap::{Arg, Command, CommandFactory};
use std::fmt::Write as _;
use std::path::Path;

fn escaped(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}

/// Returns a text on one line, with the full stop that clap removes.
fn sentence(text: &str) -> String {
    format!("{}.", text.replace('\n', " ").trim_end_matches('.'))
}

/// Returns the syntax of an argument.
fn typed(arg: &Arg) -> String {
    let value = || {
        let names = arg.get_value_names().unwrap_or_default();
        names.iter().map(|name| format!("<{name}>")).collect::<Vec<_>>().join(" ")
    };
    if arg.is_positional() {
        return format!("`{}`", escaped(&value()));
    }
    let short = arg.get_short().map(|short| format!("-{short}"));
    let long = arg.get_long().map(|long| format!("--{long}"));
    let mut names: Vec<String> = short.into_iter().chain(long).collect();
    if arg.get_action().takes_values() {
        let last = names.last_mut().unwrap();
        write!(last, " {}", value()).unwrap();
    }
    names.iter().map(|name| format!("`{}`", escaped(name))).collect::<Vec<_>>().join(", ")
}

/// Returns the help of an argument with its possible values and its default.
fn meaning(arg: &Arg) -> String {
    let mut text = arg.get_help().map(|help| sentence(&help.to_string())).unwrap_or_default();
    let code =
        |words: Vec<String>| words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ");
    if arg.get_action().takes_values() {
        let possible: Vec<_> =
            arg.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
        if !possible.is_empty() {
            write!(text, " One of {}.", code(possible)).unwrap();
        }
        let default: Vec<_> =
            arg.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
        if !default.is_empty() {
            write!(text, " Default: {}.", code(default)).unwrap();
        }
    }
    escaped(&text)
}

fn table<'a>(page: &mut String, args: impl Iterator<Item = &'a Arg>) {
    let mut head = "| argument | meaning | environment |\n| --- | --- | --- |\n";
    for arg in args.filter(|arg| !arg.is_hide_set() && !["help", "version"].contains(&arg.get_id().as_str()))
    {
        let environment =
            arg.get_env().map(|name| format!("`{}`", name.to_string_lossy())).unwrap_or_default();
        writeln!(page, "{head}| {} | {} | {environment} |", typed(arg), meaning(arg)).unwrap();
        head = "";
    }
}

fn reference(mut cli: Command) -> String {
    cli.build();
    let mut page = format!(
        "<!-- Generated from the program: make reference -->\n\n# Command line\n\n{}.\n\n\
         `--help` prints the same for each command. Exit codes: 0, success; 1, an error, printed to stderr, or something that cannot\n\
         be applied as it is declared; 2, `plan` shows changes.\n\n## Every command\n\n",
        cli.get_about().map(ToString::to_string).unwrap_or_default().trim_end_matches('.')
    );
    table(&mut page, cli.get_arguments());
    let shown = |command: &&mut Command| !command.is_hide_set() && command.get_name() != "help";
    for command in cli.get_subcommands_mut().filter(shown) {
        let about =
            command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
        let paragraphs: Vec<_> = about.split("\n\n").map(sentence).collect();
        write!(page, "\n## hooktender {}\n\n{}\n\n", command.get_name(), paragraphs.join("\n\n")).unwrap();
        let usage = command.render_usage().to_string();
        write!(page, "```text\n{}\n```\n\n", usage.trim_start_matches("Usage: ")).unwrap();
        let aliases: Vec<_> =
            command.get_visible_aliases().map(|name| format!("`hooktender {name}`")).collect();
        if !aliases.is_empty() {
            write!(page, "Another name: {}.\n\n", aliases.join(", ")).unwrap();
        }
        table(&mut page, command.get_arguments().filter(|arg| !arg.is_global_set()));
        let help = of(command.get_name());
        if let Some(help) = help.filter(|help| !help.examples.is_empty()) {
            page.push_str("\n```sh,illustration\n");
            for example in help.examples {
                write!(page, "# {}\n{}\n", example.what, example.line).unwrap();
            }
            page.push_str("```\n");
        }
        let exit = help.map_or(EXIT_STATUS, |help| help.exit_status);
        if exit != EXIT_STATUS {
            let codes: Vec<_> = exit.iter().map(|(code, when)| format!("{code}, {when}")).collect();
            write!(page, "\nExit codes: {}.\n", codes.join("; ")).unwrap();
        }
    }
    format!("{}\n", page.trim_end())
}

#[test]
fn cli_reference_is_checked_in() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    let text = reference(Cli::command());
    if std::env::var_os("HOOKTENDER_BLESS").is_some() {
        std::fs::write(&path, &text).unwrap();
    }
    let checked_in = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(checked_in == text, "docs/cli.md is outdated: run make reference");
}
