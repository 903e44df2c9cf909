//! Clients from the npm registry.

use crate::install::Client;
use crate::{drive, skip};
use tokio::process::Command;

/// Runs the driver of a client with these arguments. Without Node.js, npm or the registry it prints why and does nothing.
pub(crate) async fn run(client: &str, arguments: &[&str]) {
    let packages = Client {
        name: client,
        lock: "package-lock.json",
        files: &["package.json", "driver.cjs", "steps.cjs"],
    };
    let mut npm = Command::new("npm");
    npm.args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--fetch-retries=0",
        "--fetch-timeout=20000",
    ]);
    match packages.installed(vec![npm]).await {
        Ok(folder) => {
            drive(client, Command::new("node").arg("driver.cjs").args(arguments).current_dir(folder)).await;
        }
        Err(reason) => skip(client, &reason),
    }
}
