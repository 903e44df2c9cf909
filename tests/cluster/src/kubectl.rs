//! kubectl and helm against the cluster, and objects for tests: namespaces and service accounts.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use crate::credentials::{self, random_hex};
use crate::tools::Tool;
use crate::{Cluster, Error, KubectlError, eventually};

/// How far a service account's rules reach.
#[derive(Clone, Copy)]
enum Scope {
    Namespace,
    Cluster,
}

impl Cluster {
    /// kubectl as the administrator, with a home folder of its own. For another user, set `KUBECONFIG` again.
    pub fn kubectl(&self) -> Command {
        self.tool(Tool::Kubectl)
    }

    /// helm as the administrator, with a home folder of its own.
    pub fn helm(&self) -> Command {
        self.tool(Tool::Helm)
    }

    fn tool(&self, tool: Tool) -> Command {
        let home = self.folder().join("home");
        let mut command = Command::new(self.tools.path(tool));
        command.env("KUBECONFIG", self.kubeconfig()).env("HOME", &home);
        for variable in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "KUBECACHEDIR", "KUBERC"] {
            command.env_remove(variable);
        }
        for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_NAMESPACE"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs kubectl as the administrator and returns its standard output.
    pub fn kubectl_run(&self, arguments: &[&str]) -> Result<String, KubectlError> {
        run(self.kubectl().args(arguments), &arguments.join(" "), None)
    }

    /// Runs kubectl as the user of a kubeconfig and returns its standard output.
    pub fn kubectl_run_as(&self, kubeconfig: &Path, arguments: &[&str]) -> Result<String, KubectlError> {
        let mut command = self.kubectl();
        run(command.env("KUBECONFIG", kubeconfig).args(arguments), &arguments.join(" "), None)
    }

    /// `kubectl apply` of one or more documents; returns what kubectl says about each.
    pub fn kubectl_apply(&self, yaml: &str) -> Result<String, KubectlError> {
        let arguments = ["apply", "--filename=-"];
        run(self.kubectl().args(arguments), &arguments.join(" "), Some(yaml))
    }

    /// As [`Self::kubectl_apply`], for objects without a namespace of their own.
    pub fn kubectl_apply_in(&self, namespace: &str, yaml: &str) -> Result<String, KubectlError> {
        let arguments = ["apply", "--namespace", namespace, "--filename=-"];
        run(self.kubectl().args(arguments), &arguments.join(" "), Some(yaml))
    }

    /// Posts an object to a path of the API server as the user of a kubeconfig, and returns the answer. It costs a third of what
    /// other commands of kubectl take, as it asks for no API discovery.
    fn post(&self, kubeconfig: &Path, path: &str, object: &Value) -> Result<Value, Error> {
        let arguments = ["create", "--raw", path, "--filename=-"];
        let mut command = self.kubectl();
        command.env("KUBECONFIG", kubeconfig).args(arguments);
        let answer = run(&mut command, &arguments.join(" "), Some(&object.to_string()))?;
        serde_json::from_str(&answer).map_err(Error::json(format!("the answer of {path}")))
    }

    /// Runs kubectl with `--output=json` and returns what it prints.
    pub fn kubectl_json(&self, arguments: &[&str]) -> Result<Value, Error> {
        let output = self.kubectl_run(&[arguments, &["--output=json"]].concat())?;
        serde_json::from_str(&output).map_err(Error::json(format!("`kubectl {}`", arguments.join(" "))))
    }

    /// Makes a namespace whose name begins with `prefix` and is new, and returns the name.
    pub fn namespace(&self, prefix: &str) -> Result<String, Error> {
        let name = format!("{prefix}-{}", random_hex::<4>());
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.post(self.kubeconfig(), "/api/v1/namespaces", &object)?;
        Ok(name)
    }

    /// Makes a service account with a Role of these rules (a YAML list; empty for none) in its namespace, and returns the
    /// path of a kubeconfig whose user it is.
    pub fn service_account(&self, namespace: &str, name: &str, rules_yaml: &str) -> Result<PathBuf, Error> {
        self.make_service_account(namespace, name, rules_yaml, Scope::Namespace)
    }

    /// As [`Self::service_account`], with a `ClusterRole`: the rules hold in all namespaces and for cluster-wide kinds.
    pub fn cluster_service_account(
        &self,
        namespace: &str,
        name: &str,
        rules_yaml: &str,
    ) -> Result<PathBuf, Error> {
        self.make_service_account(namespace, name, rules_yaml, Scope::Cluster)
    }

    /// A kubeconfig whose user is an existing service account, for example one of a chart. Its token is valid for a day.
    pub fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<PathBuf, Error> {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86_400},
        });
        let answer = self.post(self.kubeconfig(), &path, &request)?;
        let token = answer["status"]["token"].as_str().unwrap_or_default();
        let text = credentials::kubeconfig(self.api_url(), self.ca(), name, token, namespace);
        let path =
            self.folder().join("kubeconfigs").join(format!("{namespace}-{name}-{}", random_hex::<4>()));
        credentials::write_private(&path, &text)?;
        Ok(path)
    }

    /// A kubeconfig whose user is the service account of that name: these documents, such as a chart's, create it and its rights,
    /// and all of them are in force.
    pub fn granted(&self, namespace: &str, name: &str, documents: &str) -> Result<PathBuf, Error> {
        let mut all = documents.to_owned();
        // Roles of either kind have a watch of their own.
        let everywhere = documents.contains("ClusterRole").then_some(Scope::Cluster);
        let mut verbs = Vec::new();
        for scope in [Scope::Namespace].into_iter().chain(everywhere) {
            // The API server learns of roles by its own watches, moments after it has stored them, but in order: when the last
            // one is in force, all are.
            let verb = format!("be-in-force-{}", random_hex::<4>());
            let rule = format!("- {{apiGroups: [''], resources: [serviceaccounts], verbs: [{verb}]}}");
            all += &Grant { namespace, name, scope }.role(&format!("{name}-in-force"), &rule);
            verbs.push(verb);
        }
        self.kubectl_apply(&all)?;
        let kubeconfig = self.service_account_kubeconfig(namespace, name)?;
        for verb in verbs {
            eventually(&format!("the rules of {namespace}/{name} are in force"), || {
                let asked = json!({"namespace": namespace, "resource": "serviceaccounts", "verb": verb});
                let review = json!({
                    "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
                    "spec": {"resourceAttributes": asked},
                });
                match self.post(
                    &kubeconfig,
                    "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
                    &review,
                ) {
                    Ok(answer) if answer["status"]["allowed"] == true => Ok(()),
                    Ok(answer) => Err(answer.to_string()),
                    Err(error) => Err(error.to_string()),
                }
            })?;
        }
        Ok(kubeconfig)
    }

    fn make_service_account(
        &self,
        namespace: &str,
        name: &str,
        rules: &str,
        scope: Scope,
    ) -> Result<PathBuf, Error> {
        let account = format!(
            "apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
        );
        if rules.trim().is_empty() {
            self.kubectl_apply(&account)?;
            return self.service_account_kubeconfig(namespace, name);
        }
        self.granted(namespace, name, &(account + &Grant { namespace, name, scope }.role(name, rules)))
    }
}

/// A service account and the scope of its rights.
struct Grant<'a> {
    namespace: &'a str,
    name: &'a str,
    scope: Scope,
}

impl Grant<'_> {
    /// The documents of a role with these rules and of its binding to the account, to be appended to others.
    fn role(&self, role: &str, rules: &str) -> String {
        let Self { namespace, name, scope } = self;
        let (kind, role, metadata) = match scope {
            Scope::Namespace => {
                ("Role", role.to_owned(), format!("{{name: {role}, namespace: {namespace}}}"))
            }
            Scope::Cluster => {
                let role = format!("{namespace}-{role}");
                let metadata = format!("{{name: {role}}}");
                ("ClusterRole", role, metadata)
            }
        };
        // Indented, so that a list in either style of YAML fits.
        let rules = rules.lines().fold(String::new(), |rules, line| rules + "  " + line + "\n");
        let group = "rbac.authorization.k8s.io";
        format!(
            "---\napiVersion: {group}/v1\nkind: {kind}\nmetadata: {metadata}\nrules:\n{rules}\
             ---\napiVersion: {group}/v1\nkind: {kind}Binding\nmetadata: {metadata}\n\
             roleRef: {{apiGroup: {group}, kind: {kind}, name: {role}}}\n\
             subjects: [{{kind: ServiceAccount, name: {name}, namespace: {namespace}}}]\n"
        )
    }
}

/// Runs a command with this input.
fn run(command: &mut Command, arguments: &str, input: Option<&str>) -> Result<String, KubectlError> {
    let failure = |stdout: &[u8], stderr: &[u8]| KubectlError {
        command: arguments.to_owned(),
        stdout: String::from_utf8_lossy(stdout).into_owned(),
        stderr: String::from_utf8_lossy(stderr).into_owned(),
    };
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.spawn().and_then(|mut child| {
        let stdin = child.stdin.take();
        // Beside reading the output, or both ends could wait for each other for ever.
        thread::scope(|scope| {
            scope.spawn(move || {
                if let (Some(mut stdin), Some(input)) = (stdin, input) {
                    // If kubectl ends without reading everything, its own message says why.
                    let _ = stdin.write_all(input.as_bytes());
                }
            });
            child.wait_with_output()
        })
    });
    match output {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => Err(failure(&output.stdout, &output.stderr)),
        Err(error) => Err(failure(&[], error.to_string().as_bytes())),
    }
}
