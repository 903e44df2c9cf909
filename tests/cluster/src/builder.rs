//! Builds the programs that are missing, one after the other, and runs a cargo command beside that if asked.

use std::collections::BTreeSet;
use std::env;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::child::{self, Output};
use crate::progress::{self, Job, say};
use crate::tools::{Tool, folder_from};
use crate::{Error, locate};

/// The processor time of building hooktender and the demo, in seconds, measured as that of the programs in `Tool::cost`.
const CARGO_COST: f64 = 400.0;

impl Tool {
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

    /// The processor time of a first build in seconds, as measured on two slow cores. Packages that are part of a program before it, in
    /// the order of its purpose, are already compiled. Only their proportions matter once something has been built.
    fn cost(self, quality: Quality) -> f64 {
        match (self, quality) {
            (Self::Etcd, Quality::Optimised) => 165.0,
            (Self::Kubectl | Self::Helm | Self::Prometheus, Quality::Optimised) => 250.0,
            (Self::ApiServer, Quality::Optimised) => 500.0,
            (Self::ControllerManager, Quality::Optimised) => 200.0,
            (Self::Promtool, Quality::Optimised) => 110.0,
            (Self::Etcd, Quality::Quick) => 115.0,
            (Self::ApiServer, Quality::Quick) => 555.0,
            // The demo builds no others.
            (_, Quality::Quick) => 60.0,
        }
    }
}

/// How the programs are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Quality {
    /// Optimised, for thousands of tests.
    Optimised,
    /// In two thirds of the time, for the few seconds that the demo runs: without optimisation and inlining.
    Quick,
}

impl Quality {
    /// The compiler's flags. The linker leaves debug information out of the programs, so that none has to be made.
    fn flags(self) -> &'static str {
        match self {
            Self::Optimised => "all=-dwarf=false",
            Self::Quick => "all=-dwarf=false -N -l",
        }
    }
}

/// Programs that are not in the cache folder of this checkout's versions yet.
pub(crate) struct Missing {
    modules: PathBuf,
    quality: Quality,
    cache: PathBuf,
    key: String,
    tools: Vec<Tool>,
}

impl Missing {
    /// Those of `wanted` that are to be built.
    pub(crate) fn of(wanted: &[Tool], quality: Quality) -> Result<Self, Error> {
        let workspace = locate::workspace()?;
        let modules = workspace.join("tests/cluster");
        let key = cache_key(&modules, wanted, quality)?;
        let cache = folder_from("HOOKTENDER_TOOLS")?.unwrap_or_else(|| workspace.join(".cache/tools"));
        let mut missing = Self { modules, quality, cache, key, tools: wanted.to_vec() };
        missing.retain_absent();
        Ok(missing)
    }

    fn retain_absent(&mut self) {
        let folder = self.folder();
        self.tools.retain(|tool| !folder.join(tool.name()).is_file());
    }

    fn folder(&self) -> PathBuf {
        self.cache.join(&self.key)
    }

    /// Where the program is, or will be.
    pub(crate) fn path(&self, tool: Tool) -> PathBuf {
        self.folder().join(tool.name())
    }

    pub(crate) fn contains(&self, tool: Tool) -> bool {
        self.tools.contains(&tool)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    pub(crate) fn tools(&self) -> impl Iterator<Item = Tool> {
        self.tools.iter().copied()
    }

    /// Builds this one no more; returns whether it was to be built.
    pub(crate) fn remove(&mut self, tool: Tool) -> bool {
        let before = self.tools.len();
        self.tools.retain(|other| *other != tool);
        self.tools.len() < before
    }

    /// Builds them, while the cargo command runs, if there is one.
    pub(crate) fn build(mut self, beside: Option<&[String]>) -> Result<(), Error> {
        let folder = self.folder();
        fs::create_dir_all(&folder).map_err(Error::io(format!("making {}", folder.display())))?;
        let _lock = lock(&self.cache.join(format!("{}.lock", self.key)))?;
        // The previous holder of the lock may have built them.
        self.retain_absent();
        let mut jobs = Vec::new();
        if !self.is_empty() {
            let cost = self.tools().map(|tool| tool.cost(self.quality)).sum();
            jobs.push(Job::new("the tools", cost, |job| self.go(job)));
        }
        if let Some(command) = beside {
            jobs.push(Job::new("hooktender", CARGO_COST, |job| cargo_counted(command, job)));
        }
        let names: Vec<_> = self.tools().map(Tool::name).collect();
        if jobs.is_empty() { Ok(()) } else { progress::run(&jobs, &names.join(", ")) }
    }

    /// Builds one program after the other.
    fn go(&self, job: &Job<'_>) -> Result<(), Error> {
        let partial = tempfile::Builder::new()
            .prefix(".building-")
            .tempdir_in(&self.cache)
            .map_err(Error::io(format!("making a folder in {}", self.cache.display())))?;
        job.expect(self.count_packages(job)?);
        for tool in self.tools() {
            let name = tool.name();
            job.rename(name);
            let (package, module, flags) = tool.source();
            let mut go = self.go_command(module);
            go.args(["build", "-trimpath", "-ldflags", flags, "-o"]).arg(partial.path().join(name));
            // With -v, it names each package that it compiles.
            go.args(["-tags", tool.tags(), "-gcflags", self.quality.flags(), "-v", package]);
            let lines = |line: &str| {
                if !line.starts_with("go: ") {
                    job.advance();
                }
            };
            child::run(&mut go, name, Output::Errors, lines, job.cancelled())?;
            // Only complete programs appear under their names.
            fs::rename(partial.path().join(name), self.path(tool))
                .map_err(Error::io(format!("moving {name} into {}", self.folder().display())))?;
        }
        Ok(())
    }

    /// How many packages the programs consist of. Downloads what is not there yet.
    fn count_packages(&self, job: &Job<'_>) -> Result<usize, Error> {
        let mut packages = BTreeSet::new();
        for tool in self.tools() {
            let (package, module, _) = tool.source();
            let mut go = self.go_command(module);
            go.args(["list", "-deps", "-tags", tool.tags(), package]);
            let listed = child::run(&mut go, tool.name(), Output::Standard, |_| {}, job.cancelled())?;
            packages.extend(listed.lines().map(str::to_owned));
        }
        Ok(packages.len())
    }

    fn go_command(&self, module: &str) -> Command {
        let mut go = Command::new("go");
        go.current_dir(self.modules.join(module)).env("GOWORK", "off");
        if self.quality == Quality::Quick {
            // Nothing in these programs needs C.
            go.env("CGO_ENABLED", "0");
        }
        if env::var_os("GOGC").is_none() {
            // The compiler collects less garbage, which saves a twentieth of its time for some megabytes.
            go.env("GOGC", "400");
        }
        go
    }
}

/// Runs a cargo command as it is.
pub(crate) fn cargo(command: &[String]) -> Result<(), Error> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    let status =
        Command::new(program).args(arguments).status().map_err(Error::io(format!("running {program}")))?;
    if status.success() {
        return Ok(());
    }
    Err(Error::Build { what: "hooktender".to_owned(), output: format!("see the output above ({status})") })
}

/// Runs a cargo command and counts the packages that it has built.
fn cargo_counted(command: &[String], job: &Job<'_>) -> Result<(), Error> {
    let Some((program, arguments)) = command.split_first() else { return Ok(()) };
    let mut tree = Command::new(program);
    tree.args(["tree", "--workspace", "--edges=normal,build", "--prefix=none"]);
    let listed = child::run(&mut tree, "hooktender", Output::Standard, |_| {}, job.cancelled())?;
    let package = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let packages: BTreeSet<_> = listed.lines().filter(|line| !line.is_empty()).map(package).collect();
    job.expect(packages.len());
    let mut built = BTreeSet::new();
    let line = |line: &str| {
        if let Some(package) = built_package(line)
            && built.insert(package)
        {
            job.advance();
        }
    };
    let mut cargo = Command::new(program);
    cargo.args(arguments).arg("--message-format=json-render-diagnostics");
    child::run(&mut cargo, "hooktender", Output::Standard, line, job.cancelled())?;
    Ok(())
}

/// The package of a message of cargo about a library or a program that it has built; its build script does not count.
fn built_package(message: &str) -> Option<String> {
    let message: Value = serde_json::from_str(message).ok()?;
    let kinds = message["target"]["kind"].as_array()?;
    let is_built =
        message["reason"] == "compiler-artifact" && kinds.iter().all(|kind| kind != "custom-build");
    is_built.then(|| message["package_id"].as_str().map(str::to_owned))?
}

/// One key for everything that decides what is built: versions and sums, flags, compiler and platform.
fn cache_key(modules: &Path, tools: &[Tool], quality: Quality) -> Result<String, Error> {
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
    // The flags of optimised programs leave out only what the linker would remove.
    if quality == Quality::Quick {
        hash.update(quality.flags());
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
    fn a_package_counts_when_its_library_is_built() {
        let message = |reason: &str, kind: &str| {
            format!(r#"{{"reason": "{reason}", "package_id": "a#1", "target": {{"kind": ["{kind}"]}}}}"#)
        };
        assert_eq!(built_package(&message("compiler-artifact", "lib")).as_deref(), Some("a#1"));
        assert_eq!(built_package(&message("compiler-artifact", "proc-macro")).as_deref(), Some("a#1"));
        for (reason, kind) in [("compiler-artifact", "custom-build"), ("compiler-message", "lib")] {
            assert_eq!(built_package(&message(reason, kind)), None);
        }
        assert_eq!(built_package(r#"{"reason": "build-finished", "success": true}"#), None);
    }
}
