//! The command line under test: the real program as a process, with nothing in its environment but what is given.

use crate::scene::Scene;
use crate::vendors;
use hooktender_cluster::AuditEvent;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What a person has who may look and nothing else.
const READ_ONLY: &str = "\
- {apiGroups: [hooktender.dev], resources: [webhooks, vendoraccounts], verbs: [get, list]}
- {apiGroups: [''], resources: [secrets, configmaps], verbs: [get]}
- {apiGroups: [''], resources: [events], verbs: [list]}
";

/// What a run came to.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// What it printed, if all went well.
    #[track_caller]
    pub(crate) fn well(&self) -> &str {
        assert_eq!(self.code, 0, "{self:#?}");
        &self.stdout
    }

    /// The one line it failed with, having printed nothing.
    #[track_caller]
    pub(crate) fn failed(&self) -> &str {
        assert_eq!((self.code, self.stdout.as_str()), (1, ""), "{self:#?}");
        let line = self.stderr.strip_prefix("error: ").and_then(|line| line.strip_suffix('\n'));
        line.filter(|line| !line.contains('\n')).unwrap_or_else(|| panic!("not one line: {self:#?}"))
    }
}

/// Runs the program; one that calls vendors may call the sandbox.
pub(crate) fn run(kubeconfig: Option<&Path>, arguments: &[&str]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hooktender"));
    command.env_clear().args(arguments);
    command.envs(kubeconfig.map(|path| ("KUBECONFIG", path)));
    if arguments[0] != "explain" {
        for endpoint in vendors::endpoints() {
            command.args(["--allow-endpoint", &endpoint]);
        }
    }
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// A user of the scene's namespace who may look and nothing else.
pub(crate) fn reader(scene: &Scene) -> PathBuf {
    scene.cluster.service_account(&scene.namespace, "reader", READ_ONLY).unwrap()
}

/// What the program has tried to change as the user of [`reader`].
pub(crate) fn wrote(scene: &Scene) -> Vec<AuditEvent> {
    let user = format!("system:serviceaccount:{}:reader", scene.namespace);
    let of_program = |event: &AuditEvent| event.user == user && !event.user_agent.starts_with("kubectl");
    let all = scene.cluster.audit().unwrap();
    let own: Vec<_> = all.into_iter().filter(of_program).collect();
    assert!(!own.is_empty(), "the reader has read nothing");
    own.into_iter().filter(AuditEvent::is_write).collect()
}

/// Files that manifests are kept in.
#[derive(Debug)]
pub(crate) struct Files(tempfile::TempDir);

impl Files {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes a file; gives its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// An object in the scene's namespace, as a file has it that names its namespace.
pub(crate) fn placed(scene: &Scene, mut object: Value) -> String {
    object["metadata"]["namespace"] = json!(scene.namespace);
    object.to_string()
}
