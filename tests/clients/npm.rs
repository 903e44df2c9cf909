//! Clients from the npm registry.

use crate::{INSTALL, drive, folder, output, skip, source};
use std::path::{Path, PathBuf};
use std::{fs, io};
use tokio::process::Command;

/// What npm says when it cannot reach its registry. Anything else is a failure of the test.
const UNREACHABLE: &[&str] = &[
    "ENOTFOUND",
    "EAI_AGAIN",
    "ECONNREFUSED",
    "ECONNRESET",
    "ETIMEDOUT",
    "ENETUNREACH",
    "EHOSTUNREACH",
    "network",
];

/// Runs the driver of a client with these arguments. Without Node.js, npm or the registry it prints why and does nothing.
pub(crate) async fn run(client: &str, arguments: &[&str]) {
    match installed(client).await {
        Ok(folder) => {
            drive(client, Command::new("node").arg("driver.cjs").args(arguments).current_dir(folder)).await
        }
        Err(reason) => skip(client, &reason),
    }
}

/// Installs a client's packages exactly as its lock file names them, unless that was done before. Returns the folder, which
/// has the driver in it too, or why there is none.
async fn installed(client: &str) -> Result<PathBuf, String> {
    let (from, to) = (source(client), folder(client));
    fs::create_dir_all(&to).unwrap();
    copy(&from, &to, "driver.cjs");
    copy(&source(""), &to, "steps.cjs");
    let (lock, stamp) = (fs::read(from.join("package-lock.json")).unwrap(), to.join("installed"));
    if fs::read(&stamp).is_ok_and(|done| done == lock) {
        return Ok(to);
    }
    copy(&from, &to, "package.json");
    copy(&from, &to, "package-lock.json");
    let mut npm = Command::new("npm");
    npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--fetch-retries=0",
        "--fetch-timeout=20000",
    ]);
    let done = match output(npm.current_dir(&to), INSTALL).await {
        None => return Err(format!("npm did not end within {} s", INSTALL.as_secs())),
        Some(Err(error)) if error.kind() == io::ErrorKind::NotFound => {
            return Err("npm is not on the PATH".into());
        }
        Some(done) => done.unwrap(),
    };
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    if done.status.success() {
        fs::write(stamp, lock).unwrap();
        return Ok(to);
    }
    match said.lines().find(|line| UNREACHABLE.iter().any(|word| line.contains(word))) {
        Some(line) => Err(line.trim().to_owned()),
        None => panic!("npm ci of {client} failed:\n{said}"),
    }
}

fn copy(from: &Path, to: &Path, name: &str) {
    fs::copy(from.join(name), to.join(name)).unwrap();
}
