//! A whole account fails: wrong credentials, no vendor, or something else that answers in its place.

use std::net::TcpListener;
use std::time::Instant;

use serde_json::{Value, json};

use crate::operator::Operator;
use crate::scene::{Scene, account, is, login, webhook};
use crate::vendors::{Tenant, Vendor};

/// A scene with two accounts at one vendor: `account`, whose Webhook `first` is ready, and `neighbour`.
struct Street {
    scene: Scene,
    tenant: Tenant,
    neighbour: Tenant,
    #[expect(dead_code, reason = "it runs as long as the street stands")]
    operator: Operator,
}

impl Street {
    fn new(vendor: Vendor) -> Self {
        let (scene, tenant) = Scene::with_account("outage", vendor);
        let neighbour = Tenant::open(vendor);
        scene.apply(&login("neighbour", &neighbour));
        scene.apply(&account("neighbour", "neighbour", &neighbour));
        let operator = scene.operator();
        scene.apply(&webhook("first", vendor));
        scene.ready("first");
        Self { scene, tenant, neighbour, operator }
    }

    /// Checks that `account` gets no call beyond its back-off, and no event, during three passes over the neighbour.
    fn is_quiet(&self, account: &str) {
        let (start, events) = (Instant::now(), self.scene.events(account).len());
        self.tenant.clear_journal();
        let before = self.neighbour.count("list");
        for _ in 0..3 {
            self.scene.pass("neighbour");
        }
        assert_eq!(self.neighbour.count("list"), before + 3);
        // Back-off doubles from one second; a read whose connection broke is sent once more, and so is one with a new token.
        let tries = 2 + start.elapsed().as_secs().checked_ilog2().unwrap_or(0) as usize;
        let calls = self.tenant.operations();
        assert!(calls.len() <= 3 * tries, "{calls:?} in {:?}", start.elapsed());
        assert_eq!(self.scene.events(account).len(), events, "{:?}", self.scene.events(account));
    }

    fn recovers(&self, account: &str, webhooks: &[&str], mend: impl FnOnce()) {
        self.scene.promptly("recovered", mend, || {
            let mut all = vec![self.scene.account(account)];
            all.extend(webhooks.iter().map(|name| self.scene.webhook(name)));
            if all.iter().all(|object| is(object, "Ready", "True", "InSync")) {
                Ok(())
            } else {
                Err(all.iter().map(|object| object["status"].clone()).collect::<Vec<_>>())
            }
        });
    }
}

fn credentials_are_refused(vendor: Vendor) {
    let street = Street::new(vendor);
    let (scene, tenant) = (&street.scene, &street.tenant);
    tenant.revoke();
    tenant.accept("another-secret");
    scene.request("account");
    let message = scene.account_stalled("account", "Credentials");
    assert!(!message.contains(&tenant.secret()), "{message}");
    assert_eq!(scene.event("account", "Credentials"), message);
    // A Webhook in sync keeps its status, as nothing newer is known; one that waits says for what.
    assert!(is(&scene.webhook("first"), "Ready", "True", "InSync"));
    let mut second = webhook("second", vendor);
    if vendor == Vendor::Superoffice {
        second["spec"]["subscription"]["superoffice"]["targetUrl"] = json!("https://hooks.example.com/2");
    }
    scene.apply(&second);
    let message = scene.stalled("second", "Credentials");
    assert!(message.contains("account"), "{message}");
    street.is_quiet("account");
    street.recovers("account", &["first", "second"], || {
        scene.patch("secret/login", &json!({"stringData": {"secret": "another-secret"}}));
    });
    assert_eq!(tenant.ids().len(), 2);
}

#[test]
fn brightpearl_refuses_the_token_until_the_secret_is_right() {
    credentials_are_refused(Vendor::Brightpearl);
}

#[test]
fn contensis_refuses_the_client_until_the_secret_is_right() {
    credentials_are_refused(Vendor::Contensis);
}

#[test]
fn superoffice_refuses_the_password_until_the_secret_is_right() {
    credentials_are_refused(Vendor::Superoffice);
}

#[test]
fn a_finalizer_can_be_removed_whatever_the_vendor_answers() {
    for vendor in Vendor::ALL {
        let street = Street::new(vendor);
        let (scene, tenant) = (&street.scene, &street.tenant);
        tenant.revoke();
        tenant.accept("another-secret");
        scene.request("account");
        scene.account_stalled("account", "Credentials");
        scene.kubectl(&["delete", "webhook", "first", "--wait=false"]);
        let waiting = scene.webhook_becomes("first", "waiting to go", |webhook| {
            is(webhook, "Stalled", "True", "Credentials")
        });
        let message = crate::scene::condition(&waiting, "Ready").unwrap().message;
        let way = "to delete this Webhook and keep its subscription, set deletionPolicy: Retain or the annotation hooktender.dev/release: \"true\"";
        assert!(message.contains(way), "{message}");
        let release = || match vendor {
            Vendor::Brightpearl => {
                scene.patch("webhook/first", &json!({"spec": {"deletionPolicy": "Retain"}}));
            }
            Vendor::Contensis | Vendor::Superoffice => {
                scene.kubectl(&["annotate", "webhook", "first", "hooktender.dev/release=true"]);
            }
        };
        scene.promptly("the finalizer is removed", release, || match scene.webhook("first") {
            Value::Null => Ok(()),
            webhook => Err(webhook["status"]["conditions"].clone()),
        });
        assert!(scene.event("first", "Retained").contains("kept at"));
        assert_eq!((tenant.ids().len(), tenant.count("delete")), (1, 0));
    }
}

#[test]
fn the_secret_of_an_account_or_its_key_is_missing() {
    let street = Street::new(Vendor::Contensis);
    let (scene, tenant) = (&street.scene, &street.tenant);
    scene.kubectl(&["delete", "secret", "login"]);
    let message = scene.account_stalled("account", "Credentials");
    assert!(message.contains("login") && message.contains("does not exist"), "{message}");
    assert_eq!(scene.event("account", "Credentials"), message);
    street.is_quiet("account");
    scene.apply(&crate::scene::secret("login", &json!({"id": tenant.client()})));
    scene.account_becomes("account", "without a key", |account| {
        let stalled = crate::scene::condition(account, "Stalled").unwrap();
        stalled.reason == "Credentials" && stalled.message.contains("no key secret")
    });
    street.recovers("account", &["first"], || scene.apply(&login("login", tenant)));
    assert_eq!(tenant.count("create") + tenant.count("delete"), 0);
}

/// Returns an address without a listener.
fn dead_end() -> String {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}")
}

#[test]
fn an_address_without_a_listener_or_without_permission_is_reported() {
    let (forbidden, dead) = (dead_end(), dead_end());
    let (scene, tenant) = Scene::with_account("address", Vendor::Brightpearl);
    let good = scene.account("account")["spec"]["vendor"]["brightpearl"]["url"].clone();
    let move_to = |url: &Value| {
        scene.patch("vendoraccount/account", &json!({"spec": {"vendor": {"brightpearl": {"url": url}}}}));
    };
    let operator = scene.operator_with(&["--allow-endpoint", &dead]);
    scene.apply(&webhook("first", Vendor::Brightpearl));
    scene.ready("first");
    tenant.clear_journal();
    move_to(&json!(forbidden));
    let message = scene.account_stalled("account", "EndpointNotAllowed");
    assert!(message.contains("--allow-endpoint") && message.contains(&forbidden), "{message}");
    move_to(&json!(dead));
    let unavailable = scene.account_becomes("account", "unavailable", |account| {
        is(account, "Reconciling", "True", "Unavailable")
    });
    assert!(is(&unavailable, "Ready", "False", "Unavailable"));
    let message = scene.event("account", "Unavailable");
    assert!(message.contains("connect"), "{message}");
    // It is tried again, ever less often, and reported once.
    let neighbour = Tenant::open(Vendor::Brightpearl);
    let street = Street { scene, tenant, neighbour, operator };
    street.scene.apply(&login("neighbour", &street.neighbour));
    street.scene.apply(&account("neighbour", "neighbour", &street.neighbour));
    street.scene.pass("neighbour");
    street.is_quiet("account");
    assert_eq!(street.tenant.operations(), [""; 0]);
    street.recovers("account", &["first"], || {
        let edit = json!({"spec": {"vendor": {"brightpearl": {"url": good}}}});
        street.scene.patch("vendoraccount/account", &edit);
    });
    assert_eq!(street.tenant.writes(), 0);
}

#[test]
fn the_vendor_does_not_know_the_account() {
    for vendor in Vendor::ALL {
        let street = Street::new(vendor);
        let nobody = Tenant { vendor, code: format!("nobody{}", street.tenant.code) };
        let scene = &street.scene;
        scene.apply(&account("unknown", "login", &nobody));
        let mut orphan = webhook("orphan", vendor);
        orphan["spec"]["accountRef"]["name"] = json!("unknown");
        scene.apply(&orphan);
        let account = scene.account_becomes("unknown", "in trouble", |account| {
            crate::scene::condition(account, "Ready").is_some_and(|ready| ready.status == "False")
        });
        scene.webhook_becomes("orphan", "told", |webhook| {
            crate::scene::condition(webhook, "Ready").is_some_and(|ready| ready.status == "False")
        });
        let ready = crate::scene::condition(&account, "Ready").unwrap();
        eprintln!("{}: {} {}", vendor.as_str(), ready.reason, ready.message);
        assert!(ready.message.contains("404") || ready.message.contains(&nobody.code), "{}", ready.message);
        scene.pass("neighbour");
        assert_eq!(street.tenant.writes(), 1);
    }
}

/// Whatever answers in the vendor's place: no answer means that there are no subscriptions.
fn is_never_taken_for_an_empty_list(vendor: Vendor, fault: &Value) {
    let street = Street::new(vendor);
    let (scene, tenant) = (&street.scene, &street.tenant);
    let before = tenant.stored();
    tenant.clear_journal();
    let mut fault = fault.clone();
    fault["operation"] = json!("list");
    fault["times"] = Value::Null;
    tenant.fault(&fault);
    scene.request("account");
    let account = scene.account_becomes("account", "in trouble", |account| {
        crate::scene::condition(account, "Ready").is_some_and(|ready| ready.status == "False")
    });
    let ready = crate::scene::condition(&account, "Ready").unwrap();
    eprintln!("{} {fault}: {} {}", vendor.as_str(), ready.reason, ready.message);
    assert_eq!(ready.reason, "Unavailable", "{}", ready.message);
    let mut second = webhook("second", vendor);
    if vendor == Vendor::Superoffice {
        second["spec"]["subscription"]["superoffice"]["targetUrl"] = json!("https://hooks.example.com/2");
    }
    scene.apply(&second);
    scene.webhook_becomes("second", "waiting", |webhook| is(webhook, "Ready", "False", "Unavailable"));
    assert_eq!(tenant.writes(), 0);
    assert_eq!(tenant.stored(), before);
    assert!(is(&scene.webhook("first"), "Ready", "True", "InSync"));
    street.is_quiet("account");
    street.recovers("account", &["first", "second"], || {
        tenant.clear_faults();
        scene.request("account");
    });
    assert_eq!(tenant.ids().len(), 2);
}

#[test]
fn a_page_for_people_is_not_an_empty_list() {
    let page = json!({"kind": "status", "status": 200, "contentType": "text/html", "body": "<html><body>We'll be back</body></html>"});
    for vendor in Vendor::ALL {
        is_never_taken_for_an_empty_list(vendor, &page);
    }
}

#[test]
fn broken_json_is_not_an_empty_list() {
    for vendor in Vendor::ALL {
        is_never_taken_for_an_empty_list(vendor, &json!({"kind": "garbage"}));
        is_never_taken_for_an_empty_list(vendor, &json!({"kind": "truncate"}));
    }
}

#[test]
fn json_of_another_shape_is_not_an_empty_list() {
    let other = json!({"kind": "status", "status": 200, "body": {"items": "none", "message": "hello"}});
    for vendor in Vendor::ALL {
        is_never_taken_for_an_empty_list(vendor, &other);
    }
}

#[test]
fn a_404_of_a_proxy_is_not_an_empty_list() {
    let page = json!({"kind": "status", "status": 404, "contentType": "text/html", "body": "<html><body>404 - Not found</body></html>"});
    for vendor in Vendor::ALL {
        is_never_taken_for_an_empty_list(vendor, &page);
    }
}

#[test]
fn a_404_in_a_foreign_envelope_is_not_an_empty_list() {
    let envelope = json!({"kind": "status", "status": 404, "body": {"error": "no such route", "code": "ROUTE_NOT_FOUND"}});
    for vendor in Vendor::ALL {
        is_never_taken_for_an_empty_list(vendor, &envelope);
    }
}
