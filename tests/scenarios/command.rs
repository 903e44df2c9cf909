//! The commands: the real program, run until it ends.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::scene::Scene;
use crate::vendors::{self, Tenant};

/// The rights to hooktender's kinds that `plan` from a cluster needs.
const KINDS: &str = "- {apiGroups: [hooktender.dev], resources: [webhooks, vendoraccounts, webhooksets], verbs: [get, list]}\n";
/// And to the values that they name.
const VALUES: &str = "- {apiGroups: [''], resources: [secrets, configmaps], verbs: [get]}\n";

/// The result of a command.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// Checks the exit code; returns stdout.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Returns stdout of a success.
    #[track_caller]
    pub(crate) fn well(&self) -> &str {
        assert_eq!(self.code, Some(0), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        &self.stdout
    }

    /// Returns the single line of an error, with empty stdout.
    #[track_caller]
    pub(crate) fn failed(&self) -> String {
        let lines = self.clone().fails();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        lines.concat()
    }

    /// Checks that it failed as a whole, with these errors and nothing else.
    #[track_caller]
    pub(crate) fn fails(self) -> Vec<String> {
        let Self { stdout, stderr, .. } = self.exits(1);
        assert_eq!(stdout, "");
        let error =
            |line: &str| line.strip_prefix("error: ").unwrap_or_else(|| panic!("{stderr}")).to_owned();
        stderr.lines().map(error).collect()
    }

    /// Checks that the arguments are invalid; returns stderr.
    #[track_caller]
    pub(crate) fn fails_by_usage(self, word: &str) {
        let Self { stdout, stderr, .. } = self.exits(1);
        assert_eq!(stdout, "");
        assert!(stderr.contains(word), "no {word:?} in:\n{stderr}");
    }

    /// Returns stdout, with empty stderr.
    #[track_caller]
    pub(crate) fn quiet(self) -> String {
        assert_eq!(self.stderr, "");
        self.stdout
    }

    /// Returns stdout as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        let report: Value = serde_json::from_str(&self.stdout).unwrap();
        assert_eq!(report["format"], "hooktender.dev/plan/v1");
        report
    }

    #[track_caller]
    pub(crate) fn says(&self, text: &str) {
        let whole = format!("{}{}", self.stdout, self.stderr);
        // However it is wrapped.
        let joined = whole.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(joined.contains(text), "no {text:?} in:\n{whole}");
    }
}

/// Returns a Webhook of a report by its name.
pub(crate) fn of<'a>(report: &'a Value, name: &str) -> &'a Value {
    let accounts = report["accounts"].as_array().unwrap().iter();
    let mut all = accounts.flat_map(|account| account["webhooks"].as_array().unwrap());
    let orphans = || report["orphans"].as_array().into_iter().flatten();
    let found = all.find(|webhook| webhook["name"] == name);
    found
        .or_else(|| orphans().find(|webhook| webhook["name"] == name))
        .unwrap_or_else(|| panic!("{report:#}"))
}

/// The program, with only the sandbox's addresses in its environment.
pub(crate) fn hooktender(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hooktender"));
    command.env_clear().env("HOOKTENDER_ALLOW_ENDPOINTS", vendors::endpoints().join(","));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it until it ends.
pub(crate) fn run(command: &mut Command) -> Ran {
    ran(&command.output().unwrap())
}

/// Runs it until it ends, with standard input.
pub(crate) fn run_with(command: &mut Command, input: &str) -> Ran {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        // A program that fails early does not read everything.
        scope.spawn(move || drop(stdin.write_all(input.as_bytes())));
        child.wait_with_output().unwrap()
    });
    ran(&output)
}

fn ran(output: &std::process::Output) -> Ran {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ran { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// A user who may read a namespace, and do nothing else.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    scene: &'a Scene,
    pub(crate) kubeconfig: PathBuf,
}

impl<'a> Reader<'a> {
    pub(crate) fn of(scene: &'a Scene) -> Self {
        let kubeconfig =
            scene.cluster.service_account(&scene.namespace, "reader", &format!("{KINDS}{VALUES}")).unwrap();
        Self { scene, kubeconfig }
    }

    /// A user of the first scene who may read all namespaces and their labels, but Secrets and ConfigMaps of these scenes only: without
    /// them, no vendor is called for the accounts of other scenarios, which count their calls.
    pub(crate) fn everywhere(scenes: &[&'a Scene]) -> Self {
        let scene = scenes[0];
        let (cluster, namespace) = (scene.cluster, &scene.namespace);
        let rules = format!("{KINDS}- {{apiGroups: [''], resources: [namespaces], verbs: [list]}}\n");
        cluster.cluster_service_account(namespace, "reader", &rules).unwrap();
        let api = "rbac.authorization.k8s.io";
        let subjects = json!([{"kind": "ServiceAccount", "name": "reader", "namespace": namespace}]);
        let values = scenes.iter().flat_map(|scene| {
            let metadata = json!({"name": "reader-values", "namespace": scene.namespace});
            let role = json!({"apiGroup": api, "kind": "Role", "name": "reader-values"});
            let rules =
                json!([{"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["get"]}]);
            let api = format!("{api}/v1");
            [
                json!({"apiVersion": api, "kind": "Role", "metadata": metadata, "rules": rules}),
                json!({"apiVersion": api, "kind": "RoleBinding", "metadata": metadata,
                    "roleRef": role, "subjects": subjects}),
            ]
        });
        let kubeconfig = cluster.granted(namespace, "reader", &values.collect::<Vec<_>>()).unwrap();
        Self { scene, kubeconfig }
    }

    /// `hooktender plan` of the namespace.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = hooktender(&[&["plan"], arguments].concat());
        command.env("KUBECONFIG", &self.kubeconfig);
        command
    }

    pub(crate) fn plan(&self, arguments: &[&str]) -> Ran {
        run(&mut self.command(arguments))
    }

    /// Checks that nothing was written: not at the vendor since its journal was emptied, and not in the cluster.
    #[track_caller]
    pub(crate) fn only_read(&self, tenant: &Tenant) {
        only_reads(tenant);
        let user = format!("system:serviceaccount:{}:reader", self.scene.namespace);
        let own = self.scene.cluster.audit(|event| event.user == user).unwrap();
        assert!(own.iter().any(|event| event.resource == "webhooks"), "nothing was read");
        // kubectl's check of the rules is a create by its verb.
        let wrote = own.iter().find(|event| event.is_write() && event.api_group != "authorization.k8s.io");
        assert!(wrote.is_none(), "{wrote:?}");
    }
}

/// Checks that the vendor got only reads and logins.
#[track_caller]
pub(crate) fn only_reads(tenant: &Tenant) {
    for entry in tenant.journal() {
        assert!(entry["operation"] == "token" || entry["method"] == "GET", "{entry}");
    }
}

/// Files for `-f`.
#[derive(Debug)]
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Makes a folder with one file of these objects.
    pub(crate) fn of(objects: &[Value]) -> Self {
        let folder = Self::new();
        folder.write("all.yaml", &documents(objects));
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn text(&self) -> &str {
        self.path().to_str().unwrap()
    }

    /// Writes a file, and returns its path.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

/// Objects as one file of several documents.
pub(crate) fn documents(objects: &[Value]) -> String {
    objects.iter().fold(String::new(), |text, object| format!("{text}---\n{object:#}\n"))
}
