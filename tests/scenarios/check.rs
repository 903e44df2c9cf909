//! `hooktender check`: each line says what is well, or what is wrong and how to put it right.

use crate::admission::REFUSED;
use crate::command::{self, Folder, Ran, hooktender, only_reads};
use crate::helm;
use crate::plan_offline::everything;
use crate::program::{reader, run, wrote};
use crate::scene::{Scene, account, login};
use crate::vendors::{Tenant, Vendor};
use serde_json::{Value, json};

/// Returns the lines of a check, each with the lines that continue it, with single spaces.
#[track_caller]
fn lines(ran: &Ran) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for line in ran.stdout.lines() {
        let words = line.split_whitespace().collect::<Vec<_>>().join(" ");
        match all.last_mut() {
            Some(last) if line.starts_with(' ') => *last = format!("{last} {words}"),
            _ => all.push(words),
        }
    }
    all
}

#[track_caller]
fn has(ran: &Ran, start: &str, part: &str) {
    let all = lines(ran);
    assert!(
        all.iter().any(|line| line.starts_with(start) && line.contains(part)),
        "{start:?} {part:?} in {all:#?}\n{}",
        ran.stderr
    );
}

fn offline(objects: &[Value]) -> Ran {
    let folder = Folder::of(objects);
    command::run(&mut hooktender(&["check", "--offline", "-f", folder.text()]))
}

#[test]
fn a_cluster_and_an_account_that_are_well() {
    let (scene, tenant) = Scene::with_account("check-well", Vendor::Brightpearl);
    let namespace = &scene.namespace;
    // As the administrator, who may see the CRDs.
    let ran = run(Some(scene.cluster.kubeconfig()), &["check", "-n", namespace]).exits(0);
    has(&ran, "ok API server", &format!("{}/ answers, Kubernetes v1.", scene.cluster.api_url()));
    has(&ran, "ok clock", "the clock agrees with the API server");
    has(
        &ran,
        "ok CRDs",
        "vendoraccounts.hooktender.dev, webhooks.hooktender.dev and webhooksets.hooktender.dev are those of hooktender 0.",
    );
    has(&ran, "ok rights", &format!("admin may do what hooktender plan needs in namespace {namespace}"));
    let title = format!("ok va {namespace}/account");
    has(&ran, &title, "the address is allowed, the credentials are there");
    has(&ran, &title, "the login works: the list has 0 subscriptions");
    has(&ran, &title, "the clock agrees with the vendor");
    has(&ran, "note va", "brightpearl does not tell whether a login may write");
    assert!(ran.stdout.ends_with("\nNo problems.\n") && ran.stderr.is_empty(), "{ran:#?}");
    only_reads(&tenant);
    // A user who may only read: the CRDs' version is not known, and that is no problem.
    let ran = run(Some(&reader(&scene)), &["check"]).exits(0);
    has(&ran, "note CRDs", "the kinds of hooktender.dev/v1alpha1 are served");
    has(&ran, "ok rights", &format!("system:serviceaccount:{namespace}:reader may do what"));
    let reviews = wrote(&scene);
    assert!(reviews.iter().all(|event| event.api_group.starts_with("auth")), "{reviews:?}");
}

#[test]
fn missing_rights_are_named_with_the_rule_that_gives_them() {
    let (scene, _tenant) = Scene::with_account("check-rights", Vendor::Brightpearl);
    let rules = "[{apiGroups: [hooktender.dev], resources: [webhooks, vendoraccounts], verbs: [get, list]}]";
    let poor = scene.cluster.service_account(&scene.namespace, "poor", rules).unwrap();
    let ran = run(Some(&poor), &["check"]).exits(1);
    let user = format!("system:serviceaccount:{}:poor", scene.namespace);
    let rule = "To fix: bind a Role (with -A a ClusterRole) that has {apiGroups: [\"\"], resources: [secrets], verbs: [get]}";
    has(&ran, "problem rights", &format!("{user} may not get secrets in namespace {}", scene.namespace));
    has(&ran, "problem rights", rule);
    has(&ran, "note rights", "may not list events");
    has(&ran, "problem va", &format!("no permission to read Secret {}/login", scene.namespace));
    assert!(!ran.stdout.contains("ok       rights"), "{}", ran.stdout);
}

#[test]
fn rights_on_the_secrets_that_are_used_are_enough() {
    let (scene, _tenant) = Scene::with_account("check-names", Vendor::Brightpearl);
    let rights = |names: &str| {
        format!(
            "[{{apiGroups: [hooktender.dev], resources: [webhooks, vendoraccounts, webhooksets], verbs: [get, list]}}, \
             {{apiGroups: [''], resources: [configmaps], verbs: [get]}}, \
             {{apiGroups: [''], resources: [secrets], resourceNames: [{names}], verbs: [get]}}]"
        )
    };
    let some = scene.cluster.service_account(&scene.namespace, "some", &rights("login")).unwrap();
    let ran = run(Some(&some), &["check"]).exits(0);
    has(&ran, "ok rights", "may do what hooktender plan needs");
    has(
        &ran,
        "note rights",
        "may get secrets by their names only: the 1 that accounts and Webhooks name are allowed",
    );
    // A second account, with a login that may not be read.
    let tenant = Tenant::open(Vendor::Brightpearl);
    scene.apply(&login("other", &tenant));
    scene.apply(&account("second", "other", &tenant));
    let ran = run(Some(&some), &["check"]).exits(1);
    let denied = format!("may not get secrets in namespace {} that are named: other", scene.namespace);
    has(&ran, "problem rights", &denied);
    has(&ran, "problem rights", "resourceNames: [other], verbs: [get]");
}

#[test]
fn a_namespace_without_accounts_names_those_that_have_some() {
    let (full, _tenant) = Scene::with_account("check-full", Vendor::Brightpearl);
    let empty = Scene::new("check-empty");
    let check = |namespace: &str| run(Some(full.cluster.kubeconfig()), &["check", "-n", namespace]);
    let ran = check(&empty.namespace).exits(0);
    has(&ran, "note accounts", &format!("there is no VendorAccount in namespace {} yet", empty.namespace));
    has(&ran, "note accounts", "There are VendorAccounts in ");
    let ran = check("no-such-namespace").exits(1);
    has(&ran, "problem accounts", "namespace no-such-namespace does not exist");
}

#[test]
fn the_operators_rights_are_those_of_the_chart() {
    // The command also asks for what the operator itself does not need: the CRDs.
    let scene = Scene::new(&format!("{REFUSED}-check"));
    let operator = format!("system:serviceaccount:{}:{}", scene.namespace, helm::OPERATOR);
    let arguments = ["check", "-n", &scene.namespace, "--for", "run", "--as", &operator];
    let check = || run(Some(scene.cluster.kubeconfig()), &arguments);
    let ran = check().exits(0);
    has(&ran, "ok rights", &format!("{operator} may do what hooktender run needs"));
    assert!(!ran.stdout.contains("may not"), "{}", ran.stdout);
    has(&ran, "note accounts", "hooktender init VENDOR");
    // The same as the operator itself, who may not review the rights of others.
    let ran = run(Some(&scene.kubeconfig), &["check", "--for", "run"]).exits(0);
    has(&ran, "ok rights", "may do what hooktender run needs");
    let ran = run(Some(&scene.kubeconfig), &arguments).exits(1);
    has(&ran, "problem rights", "they cannot be asked for: ");
    // The chart gives nothing that is not asked for.
    scene.grant(&json!({"secrets": {"names": ["login"], "watch": false}}));
    let ran = check().exits(0);
    has(&ran, "note rights", "may not get secrets");
    has(&ran, "note rights", "may not list, watch secrets");
}

#[test]
fn an_account_that_cannot_log_in() {
    let (scene, tenant) = Scene::with_account("check-login", Vendor::Brightpearl);
    let reader = reader(&scene);
    let check = |arguments: &[&str]| run(Some(&reader), &[&["check"], arguments].concat());
    tenant.accept("another-secret");
    let ran = check(&[]).exits(1);
    let title = format!("problem va {}/account", scene.namespace);
    has(&ran, &title, "list failed: the token was not accepted");
    has(&ran, &title, "(HTTP 401) To fix: put working credentials into the Secret that the account names");
    assert!(!ran.stdout.contains(&tenant.secret()), "{}", ran.stdout);
    // A Secret that does not exist.
    scene.kubectl(&["delete", "secret", "login"]);
    let ran = check(&[]).exits(1);
    has(
        &ran,
        &title,
        &format!("Secret {}/login does not exist: create it with the key secret", scene.namespace),
    );
    // From a file, before it is applied; the Secret is in the cluster.
    tenant.accept("a-new-secret");
    scene.apply(&crate::scene::secret("later", &json!({"id": "ops", "secret": "a-new-secret"})));
    let folder = Folder::of(&[account("planned", "later", &tenant)]);
    let ran = check(&["-f", folder.text()]).exits(0);
    has(&ran, &format!("ok va {}/planned", scene.namespace), "the login works");
    assert!(!ran.stdout.contains("/account"), "only those of the file: {}", ran.stdout);
    // A suspended account is not called.
    scene.patch("vendoraccount/account", &json!({"spec": {"suspend": true}}));
    tenant.clear_journal();
    has(&check(&[]).exits(0), &format!("note va {}/account", scene.namespace), "suspended");
    assert_eq!(tenant.operations(), [""; 0]);
}

#[test]
fn addresses_without_a_cluster() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let mut objects = vec![login("login", &tenant), account("account", "login", &tenant)];
    has(&offline(&objects).exits(0), "ok va default/account", "the login works");
    objects[1]["spec"]["vendor"]["brightpearl"]["url"] = json!("https://bp.example.com");
    let ran = offline(&objects).exits(1);
    has(&ran, "problem va default/account", "https://bp.example.com");
    has(&ran, "problem va default/account", "--allow-endpoint");
    // Allowed, and without a server: the port is taken and freed again.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let nobody = format!("http://127.0.0.1:{port}");
    objects[1]["spec"]["vendor"]["brightpearl"]["url"] = json!(nobody);
    let folder = Folder::of(&objects);
    let ran = command::run(&mut hooktender(&[
        "check",
        "--offline",
        "-f",
        folder.text(),
        "--allow-endpoint",
        &nobody,
    ]))
    .exits(1);
    has(&ran, "problem va default/account", "list failed: ");
    assert!(ran.stdout.ends_with("\n1 problem.\n"), "{}", ran.stdout);
}

#[test]
fn contensis_tells_what_a_login_may_do() {
    let tenant = Tenant::open(Vendor::Contensis);
    let objects = everything(&tenant, &[]);
    has(
        &offline(&objects).exits(0),
        "ok va default/account",
        "the login may create, change and delete subscriptions",
    );
    let key =
        json!({"clientId": tenant.client(), "clientSecret": tenant.secret(), "actions": ["view", "create"]});
    tenant.put(&json!({"apiKeys": [key]}));
    let ran = offline(&objects).exits(1);
    has(
        &ran,
        "problem va default/account",
        "lacks the webhook permission \"update\", \"delete\" and \"use custom templates\"",
    );
    tenant.settings(&json!({"permissionEndpoints": false}));
    has(
        &offline(&objects).exits(0),
        "note va default/account",
        "contensis does not tell whether a login may write",
    );
}

#[test]
fn a_vendor_whose_clock_differs() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let objects = everything(&tenant, &[]);
    let date = "Thu, 01 Jan 2026 00:00:00 GMT";
    tenant.fault(&json!({"operation": "list", "kind": "status", "status": 200, "headers": {"Date": date}, "body": {"response": []}}));
    let ran = offline(&objects).exits(1);
    has(&ran, "problem va default/account", &format!("s ahead of the vendor, which says {date}"));
    has(&ran, "problem va default/account", "To fix: have the clock set by NTP");
}

#[test]
fn an_api_server_that_does_not_answer() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let folder = Folder::of(&everything(&tenant, &[]));
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}");
    let kubeconfig = folder.path().join("kubeconfig");
    let text = json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": url}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "users": [{"name": "me", "user": {}}],
    });
    std::fs::write(&kubeconfig, text.to_string()).unwrap();
    let ran = run(Some(&kubeconfig), &["check"]).exits(1);
    has(&ran, "problem API server", &url);
    has(&ran, "problem API server", "To fix: check the address in the kubeconfig");
    // What needs no cluster is checked all the same.
    let ran = run(Some(&kubeconfig), &["check", "-f", &format!("{}/all.yaml", folder.text())]).exits(1);
    has(&ran, "problem API server", &url);
    has(&ran, "ok va default/account", "the login works");
    let ran = run(None, &["check"]).exits(1);
    has(&ran, "problem API server", "hooktender check --offline -f FILE");
}

#[test]
fn files_without_an_account_are_an_error() {
    let folder = Folder::of(&[crate::scene::webhook("hook", Vendor::Brightpearl)]);
    let error = run(None, &["check", "--offline", "-f", folder.text()]).failed();
    assert_eq!(error, "there is no VendorAccount in the files");
}
