//! Objects for tests: namespaces, and service accounts with their rights.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::credentials::{self, random_hex};
use crate::requests::{Request, Verb};
use crate::{Cluster, Error, eventually};

const RBAC: &str = "rbac.authorization.k8s.io/v1";

/// How far a service account's rules reach.
#[derive(Clone, Copy)]
enum Scope {
    Namespace,
    Cluster,
}

impl Cluster {
    /// Makes a namespace whose name begins with `prefix` and is new, and returns the name.
    pub fn namespace(&self, prefix: &str) -> Result<String, Error> {
        let name = format!("{prefix}-{}", random_hex::<4>());
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        self.create("/api/v1/namespaces", &object)?;
        Ok(name)
    }

    /// Makes a service account with a Role of these rules (a YAML list; empty for none) in its namespace, and returns the
    /// path of a kubeconfig whose user it is.
    pub fn service_account(&self, namespace: &str, name: &str, rules_yaml: &str) -> Result<PathBuf, Error> {
        self.make_service_account(Grant { namespace, name, scope: Scope::Namespace }, rules_yaml)
    }

    /// As [`Self::service_account`], with a `ClusterRole`: the rules hold in all namespaces and for cluster-wide kinds.
    pub fn cluster_service_account(
        &self,
        namespace: &str,
        name: &str,
        rules_yaml: &str,
    ) -> Result<PathBuf, Error> {
        self.make_service_account(Grant { namespace, name, scope: Scope::Cluster }, rules_yaml)
    }

    /// A kubeconfig whose user is an existing service account, for example one of a chart. Its token is valid for a day.
    pub fn service_account_kubeconfig(&self, namespace: &str, name: &str) -> Result<PathBuf, Error> {
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86_400},
        });
        let answer = self.create(&path, &request)?;
        let token = answer["status"]["token"].as_str().unwrap_or_default();
        let text = credentials::kubeconfig(self.api_url(), self.ca(), name, token, namespace);
        let path =
            self.folder().join("kubeconfigs").join(format!("{namespace}-{name}-{}", random_hex::<4>()));
        credentials::write_private(&path, &text)?;
        Ok(path)
    }

    /// A kubeconfig whose user is the service account of that name: these objects, such as a chart's, create it and its rights, and
    /// all of them are in force.
    pub fn granted(&self, namespace: &str, name: &str, objects: &[Value]) -> Result<PathBuf, Error> {
        for object in objects {
            self.apply(&Document::of(object)?)?;
        }
        // Roles of either kind have a watch of their own.
        let is_cluster_wide = |object: &Value| object["kind"] == "ClusterRole";
        if objects.iter().any(is_cluster_wide) {
            self.await_rights(Grant { namespace, name, scope: Scope::Cluster })?;
        }
        self.await_rights(Grant { namespace, name, scope: Scope::Namespace })?;
        self.service_account_kubeconfig(namespace, name)
    }

    fn make_service_account(&self, grant: Grant<'_>, rules: &str) -> Result<PathBuf, Error> {
        let Grant { namespace, name, .. } = grant;
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace},
        });
        self.apply(&Document::of(&account)?)?;
        if !rules.trim().is_empty() {
            self.apply_role(grant, name, rules)?;
            self.await_rights(grant)?;
        }
        self.service_account_kubeconfig(namespace, name)
    }

    /// Waits until the rights that were applied before are in force. The API server learns of roles by its own watches, moments after
    /// it has stored them, but in order: when the last one is in force, all are.
    fn await_rights(&self, grant: Grant<'_>) -> Result<(), Error> {
        let Grant { namespace, name, .. } = grant;
        let verb = format!("be-in-force-{}", random_hex::<4>());
        let rule = format!("- {{apiGroups: [''], resources: [serviceaccounts], verbs: [{verb}]}}");
        self.apply_role(grant, &format!("{name}-in-force"), &rule)?;
        let review = json!({
            "apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview",
            "spec": {
                "user": format!("system:serviceaccount:{namespace}:{name}"),
                "resourceAttributes": {"namespace": namespace, "resource": "serviceaccounts", "verb": verb},
            },
        });
        eventually(&format!("the rules of {namespace}/{name} are in force"), || {
            match self.create("/apis/authorization.k8s.io/v1/subjectaccessreviews", &review) {
                Ok(answer) if answer["status"]["allowed"] == true => Ok(()),
                Ok(answer) => Err(answer.to_string()),
                Err(error) => Err(error.to_string()),
            }
        })?;
        Ok(())
    }

    fn apply_role(&self, grant: Grant<'_>, role: &str, rules: &str) -> Result<(), Error> {
        grant.role(role, rules)?.iter().try_for_each(|document| self.apply(document))
    }

    fn create(&self, path: &str, object: &Value) -> Result<Value, Error> {
        self.send(Request { verb: Verb::Create, path, object: &object.to_string() })
    }

    fn apply(&self, document: &Document) -> Result<(), Error> {
        self.send(Request { verb: Verb::Apply, path: &document.path, object: &document.text }).map(drop)
    }
}

/// An object to apply.
struct Document {
    path: String,
    text: String,
}

impl Document {
    fn of(object: &Value) -> Result<Self, Error> {
        let (metadata, kind) = (&object["metadata"], object["kind"].as_str().unwrap_or_default());
        let name = metadata["name"].as_str().unwrap_or_default();
        let path = path(kind, metadata["namespace"].as_str().unwrap_or_default(), name)?;
        Ok(Self { path, text: object.to_string() })
    }
}

/// Where the API server has the objects of a kind; an error for kinds that give no rights.
fn path(kind: &str, namespace: &str, name: &str) -> Result<String, Error> {
    Ok(match kind {
        "ServiceAccount" => format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}"),
        "Role" => format!("/apis/{RBAC}/namespaces/{namespace}/roles/{name}"),
        "RoleBinding" => format!("/apis/{RBAC}/namespaces/{namespace}/rolebindings/{name}"),
        "ClusterRole" => format!("/apis/{RBAC}/clusterroles/{name}"),
        "ClusterRoleBinding" => format!("/apis/{RBAC}/clusterrolebindings/{name}"),
        _ => return Err(Error::UnknownKind(kind.to_owned())),
    })
}

/// A service account and the scope of its rights.
#[derive(Clone, Copy)]
struct Grant<'a> {
    namespace: &'a str,
    name: &'a str,
    scope: Scope,
}

impl Grant<'_> {
    /// A role with these rules, and its binding to the account.
    fn role(&self, role: &str, rules: &str) -> Result<[Document; 2], Error> {
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
        let group = RBAC.trim_end_matches("/v1");
        let document = |kind: &str, more: &str| -> Result<Document, Error> {
            let text = format!("apiVersion: {RBAC}\nkind: {kind}\nmetadata: {metadata}\n{more}");
            Ok(Document { path: path(kind, namespace, &role)?, text })
        };
        Ok([
            document(kind, &format!("rules:\n{rules}"))?,
            document(
                &format!("{kind}Binding"),
                &format!(
                    "roleRef: {{apiGroup: {group}, kind: {kind}, name: {role}}}\n\
                     subjects: [{{kind: ServiceAccount, name: {name}, namespace: {namespace}}}]\n"
                ),
            )?,
        ])
    }
}
