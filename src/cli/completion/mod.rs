//! Shell completion: `hooktender completion SHELL` prints a short script, which asks the program itself for candidates, so that names of
//! the cluster are offered too.
//!
//! The engine is that of `clap_complete`, which reads the same definition of the command line as the parser and has the scripts of five
//! shells. Its feature is called `unstable-dynamic`, as its interface may still change; `Cargo.lock` pins it, and only this folder uses
//! it. Its entry point `CompleteEnv` is not used: it changes the environment while other threads run, and reacts to a variable with as
//! common a name as `COMPLETE`. What completes a value is attached here, by the name of the argument, so that the commands know nothing
//! of completion.

mod candidates;
mod kubectl;

use super::{CommandError, print};
use clap::{Arg, ArgAction, Args, Command, ValueEnum};
use clap_complete::engine::ArgValueCompleter;
use clap_complete::env::{Bash, Elvish, EnvCompleter, Fish, Powershell, Zsh};
use kubectl::Kubectl;
use std::ffi::OsString;

/// The variable by which the scripts ask for candidates; its value is the shell.
const VARIABLE: &str = "HOOKTENDER_COMPLETE";
/// The program that the scripts call.
const PROGRAM: &str = "hooktender";

/// Flags of `hooktender completion`.
#[derive(Debug, Args)]
pub(super) struct Completion {
    /// The shell, or `kubectl` for a script that completes `kubectl hooktender`.
    shell: Shell,
}

/// What a script is printed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Shell {
    Bash,
    Elvish,
    Fish,
    Powershell,
    Zsh,
    /// The kubectl plug-in: put the script into the PATH as `kubectl_complete-hooktender`.
    Kubectl,
}

impl Shell {
    fn completer(self) -> &'static dyn EnvCompleter {
        match self {
            Self::Bash => &Bash,
            Self::Elvish => &Elvish,
            Self::Fish => &Fish,
            Self::Powershell => &Powershell,
            Self::Zsh => &Zsh,
            Self::Kubectl => &Kubectl,
        }
    }
}

impl Completion {
    pub(super) fn run(self) -> Result<(), CommandError> {
        let mut script = Vec::new();
        let completer = self.shell.completer();
        let written = completer.write_registration(VARIABLE, PROGRAM, PROGRAM, PROGRAM, &mut script);
        written.map_err(|error| format!("the script cannot be written: {error}"))?;
        print::data(&String::from_utf8_lossy(&script))
    }
}

/// Prints the candidates if a script asks for them; returns whether one did. A failure prints nothing: a shell would show it in the
/// middle of the line that is being typed.
pub(super) async fn answer(command: fn() -> Command) -> bool {
    let Some(asked) = std::env::var_os(VARIABLE).filter(|asked| !asked.is_empty()) else { return false };
    let is_asked = |shell: &&Shell| asked.to_str().is_some_and(|asked| shell.completer().is(asked));
    let Some(shell) = Shell::value_variants().iter().find(is_asked).copied() else { return true };
    // Candidates wait for the cluster, and the engine is synchronous.
    let candidates = tokio::task::spawn_blocking(move || {
        let folder = std::env::current_dir().ok();
        let (mut command, mut printed) = (with_candidates(command()), Vec::new());
        let written =
            shell.completer().write_complete(&mut command, words(), folder.as_deref(), &mut printed);
        written.ok().map(|()| printed)
    });
    if let Ok(Some(printed)) = candidates.await {
        let _ = print::data(&String::from_utf8_lossy(&printed));
    }
    true
}

/// Returns the words of the command line that is being typed, the program first.
fn words() -> Vec<OsString> {
    std::env::args_os().skip_while(|word| word != "--").skip(1).collect()
}

/// Completes an argument's value.
type Candidates = fn(&std::ffi::OsStr) -> Vec<clap_complete::CompletionCandidate>;

/// What completes the values of arguments, by their name in the code.
const CANDIDATES: &[(&str, Candidates)] = &[
    ("namespace", candidates::namespaces),
    ("namespaces", candidates::namespaces),
    ("leader_elect_namespace", candidates::namespaces),
    ("context", candidates::contexts),
    ("account", candidates::accounts),
    ("objects", candidates::objects),
];

fn with_candidates(command: Command) -> Command {
    let attached = |arg: Arg| {
        let found = CANDIDATES.iter().find(|(name, _)| arg.get_id() == name);
        let is_option = !arg.is_positional();
        let arg = match found {
            Some((_, candidates)) => arg.add(ArgValueCompleter::new(*candidates)),
            None => arg,
        };
        // Hidden candidates are offered only if there are no others, as for a word that begins with a dash.
        if is_option { arg.hide(true) } else { arg }
    };
    // clap's own --help and --version cannot be hidden.
    let help = || Arg::new("help").short('h').long("help").action(ArgAction::Help).hide(true);
    let subcommand = |command: Command| {
        command.disable_help_flag(true).disable_version_flag(true).arg(help()).mut_args(attached)
    };
    command.mut_args(attached).mut_subcommands(subcommand)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn arguments_with_candidates_exist() {
        let command = super::super::command();
        let arguments = command.get_subcommands().flat_map(Command::get_arguments);
        let names: BTreeSet<_> = arguments.map(|arg| arg.get_id().as_str().to_owned()).collect();
        for (name, _) in CANDIDATES {
            assert!(names.contains(*name), "no command has the argument {name}");
        }
    }

    fn offered(words: &[&str]) -> Vec<String> {
        let words: Vec<OsString> = words.iter().map(OsString::from).collect();
        let last = words.len() - 1;
        let mut command = with_candidates(super::super::command());
        let all = clap_complete::engine::complete(&mut command, words, last, None).unwrap();
        all.iter().map(|one| one.get_value().to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn options_are_offered_after_a_dash_only() {
        assert!(offered(&["hooktender", "init", ""]).iter().all(|word| !word.starts_with('-')));
        assert!(offered(&["hooktender", "init", ""]).contains(&"contensis".to_owned()));
        assert!(offered(&["hooktender", "sync", "--"]).contains(&"--wait".to_owned()));
        assert_eq!(offered(&["hooktender", "resu"]), ["resume"]);
    }
}
