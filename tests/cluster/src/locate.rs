//! Finds the checkout with the Go modules, and the supervisor's binary.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Error;

/// The name of this package and of its binary.
const NAME: &str = "hooktender-cluster";

/// The root of the checkout: the one that this crate was compiled in, else the one that holds the current folder.
pub(crate) fn workspace() -> Result<PathBuf, Error> {
    let compiled_in = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).map(Path::to_owned);
    let current = env::current_dir().unwrap_or_default();
    compiled_in
        .into_iter()
        .chain(current.ancestors().map(Path::to_owned))
        .find(|folder| folder.join("tests/cluster/kubernetes/go.mod").is_file())
        .ok_or(Error::NoWorkspace)
}

/// Where cargo put the running program: the target folder and the profile's folder in it.
struct Built {
    target: PathBuf,
    profile: PathBuf,
}

/// Test programs are in `target/<profile>/deps`, examples in `target/<profile>/examples`, binaries one level up.
fn built() -> Result<Built, Error> {
    let program = env::current_exe().map_err(Error::io("finding the running program"))?;
    let folder = program.parent().unwrap_or(&program);
    let inner = folder.file_name().is_some_and(|name| name == "deps" || name == "examples");
    let profile = if inner { folder.parent().unwrap_or(folder) } else { folder };
    let target = profile.parent().unwrap_or(profile);
    Ok(Built { target: target.to_owned(), profile: profile.to_owned() })
}

/// The supervisor's binary beside the running program, where there is one.
pub(crate) fn supervisor() -> Result<Option<PathBuf>, Error> {
    let path = built()?.profile.join(NAME);
    Ok(path.is_file().then_some(path))
}

/// Builds the supervisor's binary beside the running program. Needed because cargo builds a dependency's library only.
pub(crate) fn build_supervisor() -> Result<PathBuf, Error> {
    let Built { target, profile } = built()?;
    let profile_name = match profile.file_name().and_then(|name| name.to_str()) {
        None | Some("debug") => "dev",
        Some(name) => name,
    };
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&cargo)
        .args(["build", "--quiet", "--locked", "--package", NAME, "--bin", NAME, "--profile", profile_name])
        .arg("--target-dir")
        .arg(&target)
        .current_dir(workspace()?)
        .output()
        .map_err(Error::io(format!("running {} to build {NAME}", cargo.display())))?;
    let path = profile.join(NAME);
    if output.status.success() && path.is_file() {
        return Ok(path);
    }
    let output = String::from_utf8_lossy(&output.stderr).into_owned();
    Err(Error::Build { what: NAME.to_owned(), output })
}
