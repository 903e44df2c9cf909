//! The seven programs: ready-made ones where `KUBEBUILDER_ASSETS` points, else built once from the Go modules beside this crate,
//! which pin every version, and kept in the ignored cache of the checkout (or in the folder that `HOOKTENDER_TOOLS` names, which
//! several checkouts may share).

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};
use std::{env, path, thread};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, locate};

/// One of the programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    /// The API server's store.
    Etcd,
    /// The API server.
    ApiServer,
    /// Does cascades and namespace deletion.
    ControllerManager,
    /// The command line.
    Kubectl,
    /// The chart installer.
    Helm,
    /// Scrapes metrics and answers queries about them.
    Prometheus,
    /// Checks alert rules, and tests them.
    Promtool,
}

impl Tool {
    /// All of them, quickest build first.
    pub const ALL: [Self; 7] = [
        Self::Etcd,
        Self::Kubectl,
        Self::ApiServer,
        Self::ControllerManager,
        Self::Helm,
        Self::Prometheus,
        Self::Promtool,
    ];

    /// The program's file name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Kubectl => "kubectl",
            Self::Helm => "helm",
            Self::Prometheus => "prometheus",
            Self::Promtool => "promtool",
        }
    }

    /// The Go package, the module's folder under `tests/cluster`, and the linker flags: without them Kubernetes programs report
    /// v0.0.0. The versions are those of the `go.mod` files, which a test compares.
    fn source(self) -> (&'static str, &'static str, &'static str) {
        const KUBERNETES: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.36.3 \
            -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=36";
        const HELM: &str = "-s -w -X helm.sh/helm/v3/internal/version.version=v3.22.0";
        match self {
            Self::Etcd => ("go.etcd.io/etcd/server/v3", "kubernetes", "-s -w"),
            Self::ApiServer => ("k8s.io/kubernetes/cmd/kube-apiserver", "kubernetes", KUBERNETES),
            Self::ControllerManager => {
                ("k8s.io/kubernetes/cmd/kube-controller-manager", "kubernetes", KUBERNETES)
            }
            Self::Kubectl => ("k8s.io/kubernetes/cmd/kubectl", "kubernetes", KUBERNETES),
            Self::Helm => ("helm.sh/helm/v3/cmd/helm", "helm", HELM),
            Self::Prometheus => ("github.com/prometheus/prometheus/cmd/prometheus", "prometheus", "-s -w"),
            Self::Promtool => ("github.com/prometheus/prometheus/cmd/promtool", "prometheus", "-s -w"),
        }
    }

    /// Build tags: without service discovery of clouds, which is not needed, Prometheus builds in half the time. Its `go.mod` is
    /// made with the same tag, and lacks the modules that only that needs.
    fn tags(self) -> &'static str {
        match self {
            Self::Prometheus | Self::Promtool => "remove_all_sd",
            Self::Etcd | Self::ApiServer | Self::ControllerManager | Self::Kubectl | Self::Helm => "",
        }
    }

    /// Whether a folder of ready-made tools must have it: the usual ones hold these three, the others are built then.
    fn is_required_asset(self) -> bool {
        matches!(self, Self::Etcd | Self::ApiServer | Self::Kubectl)
    }

    /// How many minutes a first build takes on two cores.
    fn minutes(self) -> &'static str {
        match self {
            Self::Etcd | Self::Helm | Self::Promtool => "1 minute",
            Self::ApiServer | Self::ControllerManager | Self::Kubectl | Self::Prometheus => "2 to 3 minutes",
        }
    }
}

/// The paths of the programs; each exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tools {
    paths: [PathBuf; 7],
}

impl Tools {
    /// Finds the programs, and builds those that are missing: some minutes the first time, milliseconds later.
    pub fn ensure() -> Result<Self, Error> {
        let assets = folder_from("KUBEBUILDER_ASSETS")?;
        let mut paths = Tool::ALL.map(|_| PathBuf::new());
        let mut missing = Vec::new();
        for (path, tool) in paths.iter_mut().zip(Tool::ALL) {
            match &assets {
                Some(folder) if folder.join(tool.name()).is_file() => *path = folder.join(tool.name()),
                Some(folder) if tool.is_required_asset() => {
                    return Err(Error::IncompleteAssets { folder: folder.clone(), tool: tool.name() });
                }
                Some(_) | None => missing.push(tool),
            }
        }
        if !missing.is_empty() {
            let folder = ensure_built(&missing)?;
            for tool in missing {
                paths[index(tool)] = folder.join(tool.name());
            }
        }
        Ok(Self { paths })
    }

    /// The path of one of them.
    pub fn path(&self, tool: Tool) -> &Path {
        &self.paths[index(tool)]
    }

    /// The folder that holds the API server and, unless `KUBEBUILDER_ASSETS` lacks some, the others too.
    pub fn folder(&self) -> &Path {
        let server = self.path(Tool::ApiServer);
        server.parent().unwrap_or(server)
    }
}

/// Its place in [`Tool::ALL`].
fn index(tool: Tool) -> usize {
    match tool {
        Tool::Etcd => 0,
        Tool::Kubectl => 1,
        Tool::ApiServer => 2,
        Tool::ControllerManager => 3,
        Tool::Helm => 4,
        Tool::Prometheus => 5,
        Tool::Promtool => 6,
    }
}

/// The cache folder of this checkout's versions, with `tools` in it.
fn ensure_built(tools: &[Tool]) -> Result<PathBuf, Error> {
    let workspace = locate::workspace()?;
    let modules = workspace.join("tests/cluster");
    let key = cache_key(&modules, tools)?;
    let cache = folder_from("HOOKTENDER_TOOLS")?.unwrap_or_else(|| workspace.join(".cache/tools"));
    let folder = cache.join(&key);
    if absent(&folder, tools).next().is_none() {
        return Ok(folder);
    }
    fs::create_dir_all(&folder).map_err(Error::io(format!("making {}", folder.display())))?;
    let _lock = lock(&cache.join(format!("{key}.lock")))?;
    let partial = tempfile::Builder::new()
        .prefix(".building-")
        .tempdir_in(&cache)
        .map_err(Error::io(format!("making a folder in {}", cache.display())))?;
    // The previous holder of the lock may have built them.
    let todo: Vec<_> = absent(&folder, tools).collect();
    for (number, tool) in todo.iter().enumerate() {
        let place = format!("{}/{}", number + 1, todo.len());
        build(*tool, &modules, partial.path(), &place)?;
        // Only complete programs appear under their names.
        fs::rename(partial.path().join(tool.name()), folder.join(tool.name()))
            .map_err(Error::io(format!("moving {} into {}", tool.name(), folder.display())))?;
    }
    Ok(folder)
}

/// The folder that an environment variable names, if it is set. Absolute, because servers have their own current folder.
fn folder_from(variable: &str) -> Result<Option<PathBuf>, Error> {
    env::var_os(variable)
        .filter(|folder| !folder.is_empty())
        .map(|folder| path::absolute(folder).map_err(Error::io(format!("reading {variable}"))))
        .transpose()
}

fn absent(folder: &Path, tools: &[Tool]) -> impl Iterator<Item = Tool> {
    tools.iter().copied().filter(|tool| !folder.join(tool.name()).is_file())
}

/// One key for everything that decides what is built: versions and sums, flags, compiler and platform.
fn cache_key(modules: &Path, tools: &[Tool]) -> Result<String, Error> {
    let mut hash = Sha256::new();
    for module in ["kubernetes", "helm", "prometheus"] {
        for file in ["go.mod", "go.sum"] {
            let path = modules.join(module).join(file);
            hash.update(fs::read(&path).map_err(Error::io(format!("reading {}", path.display())))?);
        }
    }
    for tool in Tool::ALL {
        hash.update(tool.source().2);
        hash.update(tool.tags());
    }
    // In the module's folder, because its go.mod may select the toolchain.
    let version = Command::new("go").arg("version").current_dir(modules.join("kubernetes")).output();
    match version {
        Ok(output) if output.status.success() => hash.update(output.stdout),
        Ok(output) => {
            let output = String::from_utf8_lossy(&output.stderr).into_owned();
            return Err(Error::Build { what: "the tools (`go version`)".to_owned(), output });
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let tools = tools.iter().map(|tool| tool.name()).collect::<Vec<_>>().join(", ");
            return Err(Error::NoGo { tools });
        }
        Err(source) => {
            return Err(Error::Io { what: "running `go version`".to_owned(), source });
        }
    }
    Ok(hash.finalize().iter().take(8).fold(String::new(), |key, byte| key + &format!("{byte:02x}")))
}

/// One builder at a time, over all processes; the lock ends with the process that holds it.
fn lock(path: &Path) -> Result<File, Error> {
    let what = || format!("locking {}", path.display());
    let file = File::create(path).map_err(Error::io(what()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            say("another process is building the cluster's tools; waiting for it");
            file.lock().map_err(Error::io(what()))?;
        }
        Err(TryLockError::Error(source)) => return Err(Error::Io { what: what(), source }),
    }
    Ok(file)
}

/// Builds one program into a folder, and reports on stderr how long it takes.
fn build(tool: Tool, modules: &Path, into: &Path, place: &str) -> Result<(), Error> {
    let (package, module, flags) = tool.source();
    let name = tool.name();
    say(&format!("building {name} ({place}); the first time only, takes about {}", tool.minutes()));
    let start = Instant::now();
    let mut go = Command::new("go");
    go.args(["build", "-trimpath", "-ldflags", flags, "-o"]).arg(into.join(name));
    go.args(["-tags", tool.tags()]).arg(package);
    go.current_dir(modules.join(module)).env("GOWORK", "off");
    let (success, output) = run_with_progress(&mut go, || {
        say(&format!("building {name} ({place}): {} s", start.elapsed().as_secs()));
    })?;
    if !success {
        return Err(Error::Build { what: name.to_owned(), output });
    }
    say(&format!("built {name} ({place}) in {} s", start.elapsed().as_secs()));
    Ok(())
}

/// Runs a command and calls `progress` every ten seconds meanwhile.
fn run_with_progress(command: &mut Command, progress: impl Fn()) -> Result<(bool, String), Error> {
    let what = format!("running {}", command.get_program().display());
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::io(&what))?;
    let mut stderr = child.stderr.take();
    let (sender, receiver) = mpsc::channel();
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        // The part that could be read is shown.
        let _ = stderr.as_mut().map(|stderr| stderr.read_to_end(&mut bytes));
        let _ = sender.send(());
        bytes
    });
    while receiver.recv_timeout(Duration::from_secs(10)) == Err(RecvTimeoutError::Timeout) {
        progress();
    }
    let status = child.wait().map_err(Error::io(&what))?;
    let output = reader.join().unwrap_or_default();
    Ok((status.success(), String::from_utf8_lossy(&output).into_owned()))
}

/// Directly to stderr: the test harness would capture `eprintln!` and show it at the end.
fn say(line: &str) {
    let _ = writeln!(io::stderr(), "hooktender-cluster: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_versions_in_the_linker_flags_are_those_of_the_modules() {
        let modules = locate::workspace().unwrap().join("tests/cluster");
        for (tool, module, flag) in [
            (Tool::ApiServer, "k8s.io/kubernetes", "gitVersion="),
            (Tool::Helm, "helm.sh/helm/v3", "version.version="),
        ] {
            let (_, folder, flags) = tool.source();
            let version = flags.split(flag).nth(1).and_then(|rest| rest.split(' ').next()).unwrap();
            let pins = fs::read_to_string(modules.join(folder).join("go.mod")).unwrap();
            assert!(
                pins.lines().any(|line| line.contains(&format!("{module} {version}"))),
                "{module} {version}"
            );
        }
    }

    #[test]
    fn a_tool_is_found_at_its_place() {
        for (place, tool) in Tool::ALL.into_iter().enumerate() {
            assert_eq!(index(tool), place);
        }
    }
}
