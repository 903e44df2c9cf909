//! Users who may view or edit a namespace may view or edit hooktender's objects in it.

use hooktender_cluster::eventually;
use serde_json::json;

use crate::helm::{rendered, stream};
use crate::support::cluster;

#[test]
fn viewers_and_editors_of_a_namespace_have_the_same_rights_on_both_kinds() {
    let cluster = cluster();
    let namespace = cluster.namespace("users").unwrap();
    let values = json!({"fullnameOverride": namespace});
    let roles = rendered("users", &namespace, &values, &["--show-only=templates/user-roles.yaml"]);
    cluster.kubectl_apply(&stream(&roles)).unwrap();
    for role in ["view", "edit", "admin"] {
        let (to, user) = (format!("--clusterrole={role}"), format!("--user={role}"));
        cluster.kubectl_run(&["create", "rolebinding", role, &to, &user, "-n", &namespace]).unwrap();
    }
    let may = |user: &str, verb: &str, what: &str| {
        let what = format!("{what}.hooktender.dev");
        cluster.kubectl_run(&["auth", "can-i", verb, &what, "--as", user, "-n", &namespace]).is_ok()
    };
    // Kubernetes aggregates roles a moment later.
    for (user, verb) in [("view", "watch"), ("edit", "deletecollection"), ("admin", "deletecollection")] {
        eventually(
            &format!("{user} may {verb}"),
            || {
                if may(user, verb, "webhooks") { Ok(()) } else { Err(()) }
            },
        )
        .unwrap();
    }
    for what in ["webhooks", "vendoraccounts"] {
        for verb in ["get", "list", "watch"] {
            assert!(["view", "edit", "admin"].iter().all(|user| may(user, verb, what)), "{verb} {what}");
        }
        for verb in ["create", "update", "patch", "delete", "deletecollection"] {
            assert!(
                !may("view", verb, what) && may("edit", verb, what) && may("admin", verb, what),
                "{verb} {what}"
            );
        }
        let what = format!("{what}.hooktender.dev");
        let asked = ["auth", "can-i", "patch", &what, "--subresource=status", "--as=admin", "-n", &namespace];
        assert!(cluster.kubectl_run(&asked).is_err(), "what is so is for the operator to say");
    }
}
