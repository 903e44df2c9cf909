//! `hooktender man`: manual pages. `clap_mangen` renders what it knows of a command; examples, exit codes, environment and references are
//! added here.

use super::examples::{CommandHelp, EXIT_STATUS, of};
use super::{CommandError, print};
use clap::{Args, Command};
use clap_mangen::roff::{Roff, bold, italic, roman};
use std::collections::BTreeMap;
use std::io::{Error, Write};
use std::path::{Path, PathBuf};

/// Variables that no flag names, for commands that read a cluster or call a vendor.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("HTTPS_PROXY", "The proxy for calls to vendors and to the API server."),
    ("KUBECONFIG", "The kubeconfig files, as for kubectl(1)."),
    ("NO_COLOR", "If it is set and not empty, no colours are printed."),
    ("NO_PROXY", "Hosts that are called without the proxy."),
    (
        "SSL_CERT_FILE",
        "The authorities that are trusted in calls to vendors, instead of those of the system.",
    ),
];

/// Flags of `hooktender man`.
#[derive(Debug, Args)]
pub(super) struct Man {
    /// The command whose page is printed. Default: the page that lists all commands.
    command: Option<String>,
    /// Write the pages of all commands into this folder instead. It is made if it does not exist.
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    output_dir: Option<PathBuf>,
}

impl Man {
    pub(super) fn run(&self, root: Command) -> Result<(), CommandError> {
        let mut root = root.disable_help_subcommand(true);
        root.build();
        if let Some(folder) = &self.output_dir {
            let failed = |error: Error| format!("writing to {}: {error}", folder.display());
            return Ok(write_all(&root, folder).map_err(failed)?);
        }
        let command = match &self.command {
            None => &root,
            Some(name) => root.find_subcommand(name).ok_or_else(|| {
                let names: Vec<_> = root.get_subcommands().map(Command::get_name).collect();
                format!("there is no command {name}: choose one of {}", names.join(", "))
            })?,
        };
        let page = page(command, &root).map_err(|error| format!("the page cannot be made: {error}"))?;
        print::data(&String::from_utf8_lossy(&page))
    }
}

fn write_all(root: &Command, folder: &Path) -> Result<(), Error> {
    std::fs::create_dir_all(folder)?;
    for command in std::iter::once(root).chain(root.get_subcommands()) {
        std::fs::write(folder.join(format!("{}.1", title(command))), page(command, root)?)?;
    }
    Ok(())
}

/// Returns the name of a page, such as `hooktender-plan`.
fn title(command: &Command) -> String {
    command.get_display_name().unwrap_or_else(|| command.get_name()).to_owned()
}

fn page(command: &Command, root: &Command) -> Result<Vec<u8>, Error> {
    let man = clap_mangen::Man::new(command.clone())
        .manual("hooktender")
        .source(concat!("hooktender ", env!("CARGO_PKG_VERSION")));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    let is_root = command.get_name() == root.get_name();
    if is_root {
        man.render_subcommands_section(&mut page)?;
    }
    man.render_options_section(&mut page)?;
    sections(command, root, is_root).to_writer(&mut page)?;
    page.flush()?;
    Ok(page)
}

/// Returns the sections that `clap_mangen` does not have.
fn sections(command: &Command, root: &Command, is_root: bool) -> Roff {
    let mut roff = Roff::new();
    let help = of(command.get_name()).filter(|_| !is_root);
    if let Some(CommandHelp { examples, .. }) = help {
        roff.control("SH", ["EXAMPLES"]);
        for example in *examples {
            roff.control("PP", []).text([roman(example.what)]);
            roff.control("PP", []).control("RS", ["4"]).control("nf", []);
            roff.text([bold(example.line)]).control("fi", []).control("RE", []);
        }
    }
    roff.control("SH", ["EXIT STATUS"]);
    for (code, when) in help.map_or(EXIT_STATUS, |help| help.exit_status) {
        roff.control("TP", []).text([bold(code.to_string())]).text([roman(sentence(when))]);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, meaning) in environment(command) {
        roff.control("TP", []).text([bold(name)]).text(meaning);
    }
    roff.control("SH", ["SEE ALSO"]);
    let others: Vec<_> =
        if is_root { root.get_subcommands().map(title).collect() } else { vec![title(root)] };
    let mut line = Vec::new();
    for other in others.into_iter().chain(["kubectl".to_owned()]) {
        line.extend([bold(other), roman("(1), ")]);
    }
    line.pop();
    line.push(roman("(1)"));
    roff.text(line);
    roff
}

/// Returns a phrase as a sentence.
fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first = letters.next().map(|first| first.to_uppercase().to_string()).unwrap_or_default();
    format!("{first}{}.", letters.as_str())
}

/// Returns the environment variables of a command, by their names: those of its flags, and those of the libraries.
fn environment(command: &Command) -> BTreeMap<String, Vec<clap_mangen::roff::Inline>> {
    let general = ENVIRONMENT.iter().map(|(name, meaning)| ((*name).to_owned(), vec![roman(*meaning)]));
    let flags = command.get_arguments().filter_map(|arg| {
        let name = arg.get_env()?.to_string_lossy().into_owned();
        let flag = arg.get_long().map(|long| format!("--{long}"))?;
        Some((name, vec![roman("The value of "), italic(flag), roman(", if it is not given.")]))
    });
    general.chain(flags).collect()
}
