//! Where credentials are not sent, and which Secrets are not read: a listener gets no connection, and the audit log shows which
//! Secrets were read.

use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use hooktender_cluster::{AuditEvent, eventually};
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::scene::{Scene, account, condition, is, login, secret, webhook};
use crate::vendors::{self, Tenant, Vendor};

/// A listener that must not be called.
struct Ear {
    port: u16,
    heard: Arc<AtomicUsize>,
}

impl Ear {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&heard);
        thread::spawn(move || {
            for _ in listener.incoming() {
                counter.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { port, heard }
    }

    fn url(&self, scheme: &str) -> String {
        format!("{scheme}://localhost:{}", self.port)
    }

    /// Checks that nobody connected, and that a connection would be noticed.
    fn heard_nothing(&self) {
        assert_eq!(self.heard.load(Ordering::Relaxed), 0);
        TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        eventually("it hears", || match self.heard.load(Ordering::Relaxed) {
            1 => Ok(()),
            other => Err(other),
        })
        .unwrap();
    }
}

fn named(name: &str, vendor: &Value) -> Value {
    json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount", "metadata": {"name": name},
        "spec": {"resyncInterval": "1h", "vendor": vendor},
    })
}

#[test]
fn credentials_go_to_no_other_address() {
    let (ear, scene) = (Ear::new(), Scene::new("endpoints"));
    let _operator = scene.operator();
    let login_of = |name: &str, vendor| {
        let tenant = Tenant::open(vendor);
        scene.apply(&login(name, &tenant));
        tenant
    };
    // The account's own address, chosen by a user.
    let tenant = login_of("chosen", Vendor::Brightpearl);
    let mut spec = tenant.spec("chosen");
    for (name, url) in [
        ("plain", ear.url("http")),
        ("encrypted", ear.url("https")),
        ("far", "http://crm.example.com".to_owned()),
    ] {
        spec["brightpearl"]["url"] = json!(url);
        scene.apply(&named(name, &spec));
        let message = scene.account_stalled(name, "EndpointNotAllowed");
        // No flag allows plain http to another machine.
        let advice = if name == "far" { "write https" } else { "--allow-endpoint" };
        assert!(message.contains(&url) && message.contains(advice), "{name}: {message}");
    }
    let message = scene.account_stalled("encrypted", "EndpointNotAllowed");
    assert!(message.contains(&format!("start hooktender with --allow-endpoint {}", ear.url("https"))));
    // The address of the token endpoint.
    let tenant = login_of("exchange", Vendor::Brightpearl);
    scene.apply(&secret("pair", &json!({"access_token": "a", "refresh_token": "r", "client_secret": "s"})));
    let mut spec = tenant.spec("pair");
    spec["brightpearl"]["credentials"] = json!({"oauth": {
        "appRef": "app", "devRef": "dev", "tokenUrl": ear.url("https"), "tokenSecretRef": {"name": "pair"},
    }});
    scene.apply(&named("exchange", &spec));
    let message = scene.account_stalled("exchange", "EndpointNotAllowed");
    assert!(message.contains(&ear.url("https")), "{message}");
    assert_eq!(tenant.operations(), [""; 0]);
    // Redirects of the vendor: of the list, and of the login.
    for (name, vendor, operation, status) in [
        ("found", Vendor::Brightpearl, "list", 302),
        ("moved", Vendor::Superoffice, "list", 308),
        ("repeat", Vendor::Contensis, "token", 307),
    ] {
        for scheme in ["http", "https"] {
            let tenant = login_of(name, vendor);
            let name = format!("{name}-{scheme}");
            let to = json!({"location": ear.url(scheme)});
            tenant.fault(&json!({"operation": operation, "kind": "status", "status": status, "times": null, "headers": to}));
            scene.apply(&account(&name, name.split('-').next().unwrap(), &tenant));
            let object = scene.account_becomes(&name, "in trouble", |object| {
                is(object, "Reconciling", "True", "Unavailable")
            });
            let message = condition(&object, "Ready").unwrap().message;
            assert!(
                message.contains("redirected to localhost, but hooktender follows no redirects"),
                "{name}: {message}"
            );
        }
    }
    // The address that the vendor reports for a tenant.
    let tenant = login_of("tenant", Vendor::Superoffice);
    tenant.settings(&json!({"endpointHost": format!("localhost:{}", ear.port)}));
    let [_, _, central] = vendors::endpoints();
    let mut spec = tenant.spec("tenant");
    spec["superoffice"].as_object_mut().unwrap().remove("onsite");
    spec["superoffice"]["online"] = json!({"customerId": tenant.code, "url": central});
    spec["superoffice"]["credentials"] =
        json!({"ticket": {"ticketSecretRef": {"name": "tenant", "key": "secret"}}});
    scene.apply(&named("tenant", &spec));
    let object =
        scene.account_becomes("tenant", "in trouble", |object| is(object, "Ready", "False", "Rejected"));
    let message = condition(&object, "Ready").unwrap().message;
    assert!(message.contains("reports an address of the tenant that is not allowed"), "{message}");
    ear.heard_nothing();
}

/// The rights of an operator of two namespaces.
const RULES: &str = "\
- {apiGroups: [hooktender.dev], resources: [webhooks, vendoraccounts, webhooksets], verbs: [get, list, watch, patch]}
- {apiGroups: [hooktender.dev], resources: [webhooks/status, vendoraccounts/status], verbs: [patch]}
- {apiGroups: [''], resources: [secrets, configmaps], verbs: [get, list, watch]}
- {apiGroups: [events.k8s.io], resources: [events], verbs: [create]}
";

#[test]
fn each_object_gets_the_secrets_of_its_own_namespace() {
    let (home, tenant) = Scene::with_account("secrets-home", Vendor::Superoffice);
    let guest = Scene::new("secrets-guest");
    home.patch("vendoraccount/account", &json!({"spec": {"allowedNamespaces": {"from": "All"}}}));
    // Each namespace has both, with the same names.
    home.apply(&secret("hook-secrets", &json!({"token": "canary-of-home"})));
    guest.apply(&secret("hook-secrets", &json!({"token": "canary-of-guest"})));
    guest.apply(&secret("login", &json!({"id": "ops", "secret": "canary-of-guest"})));
    let kubeconfig = home.cluster.cluster_service_account(&home.namespace, "reads-both", RULES).unwrap();
    let _operator = Operator::start(&kubeconfig, &home.namespace, &["--namespace", &guest.namespace]);
    let mut hook = webhook("hook", Vendor::Superoffice);
    hook["spec"]["accountRef"]["namespace"] = json!(home.namespace);
    guest.apply(&hook);
    guest.ready("hook");
    let stored = json!(tenant.stored()).to_string();
    assert!(stored.contains("canary-of-guest") && !stored.contains("canary-of-home"), "{stored}");
    let user = format!("system:serviceaccount:{}:reads-both", home.namespace);
    let secret = |event: &AuditEvent| event.resource == "secrets" && event.verb == "get";
    let read = home.cluster.audit(|event| event.user == user && secret(event)).unwrap();
    let read: BTreeSet<_> =
        read.iter().map(|event| (event.namespace.as_str(), event.name.as_str())).collect();
    let own = [(home.namespace.as_str(), "login"), (guest.namespace.as_str(), "hook-secrets")];
    assert_eq!(read, BTreeSet::from(own));
}

#[test]
fn a_proxy_gets_no_requests_for_endpoints_on_loopback() {
    let (scene, _tenant) = Scene::with_account("proxy", Vendor::Superoffice);
    let proxy = Ear::new();
    let address = proxy.url("http");
    let _operator = scene.launch(&[], &[("HTTP_PROXY", &address), ("http_proxy", &address)]);
    scene.apply(&webhook("first", Vendor::Superoffice));
    scene.ready("first");
    proxy.heard_nothing();
}
