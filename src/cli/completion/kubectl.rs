//! Completion of `kubectl hooktender`: kubectl runs `kubectl_complete-hooktender` with the words after the plug-in's name, and reads
//! candidates as cobra prints them.

use clap::Command;
use clap_complete::env::EnvCompleter;
use std::ffi::OsString;
use std::io::{Error, Write};
use std::path::Path;

/// Cobra's directive "no file names": they are among the candidates where they fit.
const NO_FILES: &str = ":4";

/// Completes the kubectl plug-in.
pub(super) struct Kubectl;

impl EnvCompleter for Kubectl {
    fn name(&self) -> &'static str {
        "kubectl"
    }

    fn is(&self, name: &str) -> bool {
        name == self.name()
    }

    fn write_registration(
        &self,
        variable: &str,
        name: &str,
        _: &str,
        _: &str,
        script: &mut dyn Write,
    ) -> Result<(), Error> {
        writeln!(
            script,
            "#!/bin/sh\n# Put this into a folder of the PATH as kubectl_complete-{name}, and make it executable.\n\
             {variable}={} exec kubectl-{name} -- {name} \"$@\"",
            self.name()
        )
    }

    fn write_complete(
        &self,
        command: &mut Command,
        words: Vec<OsString>,
        folder: Option<&Path>,
        printed: &mut dyn Write,
    ) -> Result<(), Error> {
        let last = words.len().saturating_sub(1);
        for candidate in clap_complete::engine::complete(command, words, last, folder)? {
            let help = candidate.get_help().map(ToString::to_string).unwrap_or_default();
            let help = help.lines().next().unwrap_or_default();
            writeln!(printed, "{}\t{help}", candidate.get_value().to_string_lossy())?;
        }
        writeln!(printed, "{NO_FILES}")
    }
}
