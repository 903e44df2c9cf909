//! `import` and `explain` as a user who may only read.

use crate::command::{self, Ran, hooktender};
use crate::scene::Scene;
use hooktender_cluster::AuditEvent;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// The rights of a user who may only read.
const READ_ONLY: &str = "\
- {apiGroups: [hooktender.dev], resources: [webhooks, vendoraccounts, webhooksets], verbs: [get, list]}
- {apiGroups: [''], resources: [secrets, configmaps], verbs: [get]}
- {apiGroups: [''], resources: [events], verbs: [list]}
";

/// Runs the program until it ends.
pub(crate) fn run(kubeconfig: Option<&Path>, arguments: &[&str]) -> Ran {
    let mut command = hooktender(arguments);
    command.envs(kubeconfig.map(|path| ("KUBECONFIG", path)));
    command::run(&mut command)
}

/// A user of the scene's namespace who may only read.
pub(crate) fn reader(scene: &Scene) -> PathBuf {
    scene.cluster.service_account(&scene.namespace, "reader", READ_ONLY).unwrap()
}

/// What the program has tried to change as the user of [`reader`].
pub(crate) fn wrote(scene: &Scene) -> Vec<AuditEvent> {
    let user = format!("system:serviceaccount:{}:reader", scene.namespace);
    let of_program = |event: &AuditEvent| event.user == user && !event.user_agent.starts_with("kubectl");
    let own = scene.cluster.audit(of_program).unwrap();
    assert!(!own.is_empty(), "the reader has read nothing");
    own.into_iter().filter(AuditEvent::is_write).collect()
}

/// An object in the scene's namespace, in a file that names the namespace.
pub(crate) fn placed(scene: &Scene, mut object: Value) -> String {
    object["metadata"]["namespace"] = json!(scene.namespace);
    object.to_string()
}
