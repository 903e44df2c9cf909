//! The seven programs: ready-made ones where `KUBEBUILDER_ASSETS` points, else built once from the Go modules beside this crate,
//! which pin every version, and kept in the ignored cache of the checkout (or in the folder that `HOOKTENDER_TOOLS` names, which
//! several checkouts may share).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, path};

use serde::{Deserialize, Serialize};

use crate::Error;
use crate::builder::{self, Missing, Quality};

/// The oldest kubectl that the demo uses: that of the oldest Kubernetes for which hooktender is made.
const OLDEST_KUBECTL: u32 = 29;

/// One of the programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
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
    /// All of them.
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

    /// Whether a folder of ready-made tools must have it: the usual ones hold these three, the others are built then.
    fn is_required_asset(self) -> bool {
        matches!(self, Self::Etcd | Self::ApiServer | Self::Kubectl)
    }
}

/// What the programs are needed for, which decides how many of them are built.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// All programs, each at its pinned version.
    Tests,
    /// An API server and its store, and any kubectl that is new enough. Nothing in the demo needs a controller.
    Demo,
}

impl Purpose {
    fn tools(self) -> &'static [Tool] {
        match self {
            Self::Tests => &Tool::ALL,
            Self::Demo => &[Tool::Etcd, Tool::ApiServer, Tool::Kubectl],
        }
    }
}

/// The paths of the programs; each exists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tools {
    paths: BTreeMap<Tool, PathBuf>,
}

impl Tools {
    /// Finds the programs, and builds those that are missing: some minutes the first time, milliseconds later.
    pub fn ensure(purpose: Purpose) -> Result<Self, Error> {
        let (found, missing) = Self::find(purpose)?;
        match missing {
            Some(missing) => found.with_built(missing, None),
            None => Ok(found),
        }
    }

    /// As [`Self::ensure`], while a cargo command runs beside it: on most machines, the first build is limited by the number of cores,
    /// and each of the two has phases in which it uses only one.
    pub fn ensure_beside(purpose: Purpose, cargo: &[String]) -> Result<Self, Error> {
        let (found, missing) = Self::find(purpose)?;
        if let Some(missing) = missing {
            return found.with_built(missing, Some(cargo));
        }
        builder::cargo(cargo)?;
        Ok(found)
    }

    /// Those that exist, and those to be built.
    fn find(purpose: Purpose) -> Result<(Self, Option<Missing>), Error> {
        let assets = folder_from("KUBEBUILDER_ASSETS")?;
        let mut paths = BTreeMap::new();
        let mut wanted = Vec::new();
        for tool in purpose.tools().iter().copied() {
            match &assets {
                Some(folder) if folder.join(tool.name()).is_file() => {
                    paths.insert(tool, folder.join(tool.name()));
                }
                Some(folder) if tool.is_required_asset() => {
                    return Err(Error::IncompleteAssets { folder: folder.clone(), tool: tool.name() });
                }
                Some(_) | None => wanted.push(tool),
            }
        }
        let mut found = Self { paths };
        if wanted.is_empty() {
            return Ok((found, None));
        }
        let mut missing = found.add_built(&wanted, Quality::Optimised)?;
        if purpose == Purpose::Demo && !missing.is_empty() {
            let wanted: Vec<_> = missing.tools().collect();
            missing = found.add_built(&wanted, Quality::Quick)?;
            if let Some(kubectl) = kubectl_on_path()
                && missing.remove(Tool::Kubectl)
            {
                found.paths.insert(Tool::Kubectl, kubectl);
            }
        }
        Ok((found, Some(missing).filter(|missing| !missing.is_empty())))
    }

    /// Adds those of `wanted` that have been built in this quality; returns the others.
    fn add_built(&mut self, wanted: &[Tool], quality: Quality) -> Result<Missing, Error> {
        let missing = Missing::of(wanted, quality)?;
        let built = wanted.iter().filter(|tool| !missing.contains(**tool));
        self.paths.extend(built.map(|tool| (*tool, missing.path(*tool))));
        Ok(missing)
    }

    fn with_built(mut self, missing: Missing, beside: Option<&[String]>) -> Result<Self, Error> {
        let built: Vec<_> = missing.tools().map(|tool| (tool, missing.path(tool))).collect();
        missing.build(beside)?;
        self.paths.extend(built);
        Ok(self)
    }

    /// The path of one of them; for one that the purpose does not need, its name.
    pub fn path(&self, tool: Tool) -> &Path {
        self.paths.get(&tool).map_or(Path::new(tool.name()), PathBuf::as_path)
    }

    /// Whether the purpose needs it.
    pub fn has(&self, tool: Tool) -> bool {
        self.paths.contains_key(&tool)
    }

    /// The folder that holds the API server and, unless `KUBEBUILDER_ASSETS` lacks some, the others too.
    pub fn folder(&self) -> &Path {
        let server = self.path(Tool::ApiServer);
        server.parent().unwrap_or(server)
    }
}

/// The folder that an environment variable names, if it is set. Absolute, because servers have their own current folder.
pub(crate) fn folder_from(variable: &str) -> Result<Option<PathBuf>, Error> {
    env::var_os(variable)
        .filter(|folder| !folder.is_empty())
        .map(|folder| path::absolute(folder).map_err(Error::io(format!("reading {variable}"))))
        .transpose()
}

/// The kubectl that a shell would find, if it is new enough.
fn kubectl_on_path() -> Option<PathBuf> {
    let folders = env::var_os("PATH")?;
    let path = env::split_paths(&folders).map(|folder| folder.join("kubectl")).find(|path| path.is_file())?;
    let output = Command::new(&path).args(["version", "--client", "--output=json"]).output().ok()?;
    is_new_enough(&output.stdout).then_some(path)
}

/// Judges the output of `kubectl version --client --output=json`. A minor version may end with a plus sign.
fn is_new_enough(version: &[u8]) -> bool {
    let version: serde_json::Value = serde_json::from_slice(version).unwrap_or_default();
    let number = |name: &str| {
        let text = version["clientVersion"][name].as_str()?;
        text.trim_end_matches('+').parse::<u32>().ok()
    };
    matches!((number("major"), number("minor")), (Some(1), Some(minor)) if minor >= OLDEST_KUBECTL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kubectl_is_used_from_1_29_on() {
        let version = |major: &str, minor: &str| {
            format!(r#"{{"clientVersion": {{"major": "{major}", "minor": "{minor}"}}}}"#)
        };
        for (major, minor, so) in
            [("1", "29", true), ("1", "32+", true), ("1", "28", false), ("0", "40", false), ("1", "", false)]
        {
            assert_eq!(is_new_enough(version(major, minor).as_bytes()), so, "{major}.{minor}");
        }
        assert!(!is_new_enough(b"error: unknown flag: --output"));
    }

    #[test]
    fn the_demo_needs_no_helm_and_no_controllers() {
        let tools = Purpose::Demo.tools();
        for tool in [Tool::ControllerManager, Tool::Helm, Tool::Prometheus, Tool::Promtool] {
            assert!(!tools.contains(&tool), "{tool:?}");
        }
    }
}
