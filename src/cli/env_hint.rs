//! Names the environment variable behind an invalid value: clap's error names the flag only.

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, Error};

/// Returns a hint if the invalid value of an error comes from an environment variable.
pub(super) fn env_hint(error: &Error, command: Command) -> Option<String> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else {
        return None;
    };
    let mut command = command;
    // Building the command propagates global flags to subcommands.
    command.build();
    let variable =
        command.get_subcommands().flat_map(Command::get_arguments).find_map(|arg| named(arg, flag))?;
    Some(format!("The value comes from the environment variable {variable}."))
}

/// Returns the environment variable that the flag of this name was read from, if any.
fn named(arg: &Arg, flag: &str) -> Option<String> {
    let variable = arg.get_env().filter(|_| arg.to_string() == flag)?;
    let long = format!("--{}", arg.get_long()?);
    let is_given = std::env::args().any(|given| given.split('=').next() == Some(long.as_str()));
    (std::env::var_os(variable).is_some() && !is_given).then(|| variable.to_string_lossy().into_owned())
}
