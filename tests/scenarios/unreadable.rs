//! Objects that hooktender cannot read: stored by another version, say.

use crate::scene::{Scene, account, login, webhook};
use crate::vendors::{Tenant, Vendor};
use hooktender_cluster::Cluster;
use serde_json::{Value, json};

/// A cluster of this test's own, whose CRDs let any `httpMethod` through.
fn lenient_cluster() -> &'static Cluster {
    let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start().unwrap()));
    for crd in hooktender::api::crds().unwrap() {
        let mut crd = serde_json::to_value(crd).unwrap();
        loosen(&mut crd);
        cluster.kubectl_apply(&crd.to_string()).unwrap();
    }
    let wait = ["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"];
    cluster.kubectl_run(&wait).unwrap();
    cluster
}

fn loosen(schema: &mut Value) {
    match schema {
        Value::Object(map) => {
            if let Some(method) = map.get_mut("httpMethod") {
                method.as_object_mut().unwrap().remove("enum").unwrap();
            }
            map.values_mut().for_each(loosen);
        }
        Value::Array(all) => all.iter_mut().for_each(loosen),
        _ => {}
    }
}

#[test]
fn a_webhook_that_cannot_be_read_never_stops_the_rest() {
    let scene = Scene::at(lenient_cluster(), "unreadable");
    let tenant = Tenant::open(Vendor::Brightpearl);
    let unreadable = |name: &str| {
        let mut webhook = webhook(name, Vendor::Brightpearl);
        webhook["spec"]["subscription"]["brightpearl"]["httpMethod"] = json!("PATCH");
        webhook
    };
    scene.apply(&login("login", &tenant));
    scene.apply(&account("account", "login", &tenant));
    // One is there when the operator starts, one comes later.
    scene.apply(&unreadable("early"));
    scene.apply(&webhook("first", Vendor::Brightpearl));
    let operator = scene.operator();
    scene.ready("first");
    scene.apply(&unreadable("late"));
    scene.apply(&webhook("second", Vendor::Brightpearl));
    scene.ready("second");
    assert_eq!(tenant.stored().len(), 2, "one for each Webhook that can be read");
    for name in ["early", "late"] {
        operator.logs(&format!("webhook={}/{name}", scene.namespace));
        assert_eq!(scene.webhook(name)["status"], json!({"observedGeneration": -1}), "{name} is left alone");
    }
}
