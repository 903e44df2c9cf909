//! Clients from the Python index, each in a virtual environment of its own.

use crate::install::Client;
use crate::{drive, skip};
use tokio::process::Command;

/// Runs the driver of a client with these arguments. Without Python, pip or the registry it prints why and does nothing.
pub(crate) async fn run(client: &str, arguments: &[&str]) {
    let packages = Client { name: client, lock: "requirements.txt", files: &["driver.py"] };
    let python = packages.folder().join("venv/bin/python");
    let mut environment = Command::new("python3");
    environment.args(["-m", "venv", "--clear", "venv"]);
    let mut pip = Command::new(&python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--retries=0",
        "--timeout=20",
    ]);
    pip.args(["--require-hashes", "--only-binary=:all:", "--requirement", "requirements.txt"]);
    match packages.installed(vec![environment, pip]).await {
        Ok(folder) => {
            drive(client, Command::new(python).arg("driver.py").args(arguments).current_dir(folder)).await;
        }
        Err(reason) => skip(client, &reason),
    }
}
