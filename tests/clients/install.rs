//! Installs the packages of a client below the target folder, once for each lock file.

use crate::{INSTALL, output};
use std::path::{Path, PathBuf};
use std::{fs, io};
use tokio::process::Command;

/// Messages of npm and pip if they cannot reach their registry, or are incomplete. Anything else is a failure of the test.
const UNREACHABLE: &[&str] = &[
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "network",
    "NewConnectionError",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    // Python without its module for virtual environments.
    "ensurepip",
];

/// A client's folder in the repository.
pub(crate) struct Client<'a> {
    pub(crate) name: &'a str,
    /// The file that pins every package. It decides whether an earlier installation is still valid.
    pub(crate) lock: &'a str,
    /// Further files that are needed to install and to run, from the client's folder or the one above.
    pub(crate) files: &'a [&'a str],
}

impl Client<'_> {
    /// The folder that the packages are installed into. Not checked in.
    pub(crate) fn folder(&self) -> PathBuf {
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("clients").join(self.name)
    }

    /// Installs the packages with these commands, unless that was done before. Returns the folder, with the driver in it, or the
    /// reason why there is none.
    pub(crate) async fn installed(&self, commands: Vec<Command>) -> Result<PathBuf, String> {
        let folder = self.folder();
        fs::create_dir_all(&folder).unwrap();
        for name in [&[self.lock][..], self.files].concat() {
            fs::copy(self.source(name), folder.join(name)).unwrap();
        }
        let (lock, stamp) = (fs::read(self.source(self.lock)).unwrap(), folder.join("installed"));
        if fs::read(&stamp).is_ok_and(|done| done == lock) {
            return Ok(folder);
        }
        for mut command in commands {
            self.step(command.current_dir(&folder)).await?;
        }
        fs::write(stamp, lock).unwrap();
        Ok(folder)
    }

    async fn step(&self, command: &mut Command) -> Result<(), String> {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let done = match output(command, INSTALL).await {
            None => return Err(format!("{program} did not end within {} s", INSTALL.as_secs())),
            Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
                return Err(format!("{program} is not on the PATH"));
            }
            Some(done) => done.unwrap(),
        };
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        let unreachable = said.lines().find(|line| UNREACHABLE.iter().any(|word| line.contains(word)));
        match unreachable {
            _ if done.status.success() => Ok(()),
            Some(line) => Err(line.trim().to_owned()),
            None => panic!("{program} failed to install {}:\n{said}", self.name),
        }
    }

    fn source(&self, name: &str) -> PathBuf {
        let clients = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients");
        let own = clients.join(self.name).join(name);
        if own.exists() { own } else { clients.join(name) }
    }
}
