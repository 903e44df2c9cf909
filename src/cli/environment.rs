//! Where a value came from that makes no sense: clap names the flag alone, and who set a variable knows of no flag.

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, Error};

/// What to say beside an error about a value that comes from the environment.
pub(super) fn origin(error: &Error, command: Command) -> Option<String> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let mut command = command;
    // Global flags are handed down, and each gets its words, when it is built.
    command.build();
    let variable =
        command.get_subcommands().flat_map(Command::get_arguments).find_map(|arg| named(arg, flag))?;
    Some(format!("The value comes from the environment variable {variable}."))
}

/// The variable that the flag of this name was read from, if it was.
fn named(arg: &Arg, flag: &str) -> Option<String> {
    let variable = arg.get_env().filter(|_| arg.to_string() == flag)?;
    let long = format!("--{}", arg.get_long()?);
    let is_given = std::env::args().any(|given| given.split('=').next() == Some(long.as_str()));
    (std::env::var_os(variable).is_some() && !is_given).then(|| variable.to_string_lossy().into_owned())
}
