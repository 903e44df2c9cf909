//! An operator that cannot start working: it reports why, where a kubelet and a person look, and starts when that is repaired.

use std::net::TcpListener;
use std::path::PathBuf;

use hooktender_cluster::{Cluster, eventually};
use serde_json::json;

use crate::command::{Folder, hooktender, run};
use crate::operator::Operator;
use crate::support::{cluster, run_on};
use crate::vendors;

const KINDS: &str = "\
- {apiGroups: [hooktender.dev], resources: [webhooks, vendoraccounts, webhooksets], verbs: [get, list, watch, patch]}
";
const VALUES: &str = "- {apiGroups: [''], resources: [secrets, configmaps], verbs: [get, list, watch]}\n";

/// Waits until `/readyz` contains all of these; `/healthz` succeeds all the time.
fn says(operator: &Operator, ready: bool, words: &[&str]) {
    eventually(&format!("readyz says {words:?}"), || {
        let (healthy, _) = vendors::ask(&operator.url("healthz"));
        assert_eq!(healthy.as_u16(), 200);
        let (status, text) = vendors::ask(&operator.url("readyz"));
        assert_eq!(status.as_u16(), if status.is_success() { 200 } else { 503 });
        let said = words.iter().all(|word| text.contains(word));
        if status.is_success() == ready && said { Ok(()) } else { Err((status, text)) }
    })
    .unwrap();
}

#[test]
fn an_obstacle_is_reported_and_repaired_without_a_restart() {
    let cluster = Cluster::start().unwrap();
    let namespace = cluster.namespace("starts").unwrap();
    let kubeconfig = cluster.service_account(&namespace, "operator", "").unwrap();
    cluster.stop_api_server().unwrap();
    let operator = Operator::launch(&kubeconfig, &namespace, &[], &[]);
    operator.logs("hooktender starts");
    let refused = "cannot be reached: connection refused";
    says(&operator, false, &["caches not synced yet", "Webhook: the API server https://127.0.0.1:", refused]);
    says(&operator, false, &["Secret: the API server https://127.0.0.1:"]);
    let log = operator.log();
    let told: Vec<_> = log.lines().filter(|line| line.contains(refused)).collect();
    assert!(told.len() == 1 && told[0].contains("watch failed; retrying: the API server "), "{log}");
    cluster.start_api_server().unwrap();
    says(
        &operator,
        false,
        &[
            "Webhook: hooktender has no permission to list and watch webhooks.hooktender.dev: give its ServiceAccount these verbs",
            "VendorAccount: hooktender has no permission",
            "Secret: hooktender has no permission",
            "ConfigMap: hooktender has no permission",
        ],
    );
    // One right after another.
    cluster.service_account(&namespace, "operator", KINDS).unwrap();
    says(
        &operator,
        false,
        &[
            "Webhook: the API server does not know webhooks.hooktender.dev: install the CRDs",
            "Secret: hooktender has no permission to list and watch secrets:",
        ],
    );
    for crd in hooktender::api::crds().unwrap() {
        run_on(&cluster, &["apply", "--filename=-"], &hooktender::api::yaml(&crd).unwrap()).accepted();
    }
    cluster.service_account(&namespace, "operator", &format!("{KINDS}{VALUES}")).unwrap();
    says(&operator, true, &["ok"]);
    let log = operator.log();
    assert!(log.contains("caches synced"), "{log}");
    reports_each_change_once(&log);
    operator.terminate();
}

/// Checks that each watch reports only what has changed for it, however often it is tried.
///
/// While the API server sets up the storage of a new CRD, a list can succeed and the next one fail again: how often a watch changes is
/// the API server's to decide.
fn reports_each_change_once(log: &str) {
    assert!(!log.contains(" kube_"), "a library reports it too:\n{log}");
    for kind in ["Webhook", "VendorAccount", "WebhookSet", "Secret", "ConfigMap"] {
        let of_kind = log.lines().filter(|line| line.ends_with(&format!(" kind={kind}")));
        let reported: Vec<_> = of_kind.filter_map(|line| Some(line.split_once("watch_error: ")?.1)).collect();
        assert!(
            !reported.is_empty() && reported.windows(2).all(|two| two[0] != two[1]),
            "{kind}: {reported:#?}\n{log}"
        );
    }
}

/// A kubeconfig of no particular user, with another part.
fn altered(folder: &Folder, name: &str, what: &str, to: &str) -> PathBuf {
    let file = std::fs::read_to_string(cluster().kubeconfig()).unwrap();
    let mut text: serde_json::Value = serde_json::from_str(&file).unwrap_or(json!(null));
    let altered = if text.is_null() {
        let lines = file.lines().map(|line| match line.split_once(what) {
            Some((before, _)) => format!("{before}{what}: {to}"),
            None => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    } else {
        text.take().to_string()
    };
    assert_ne!(altered, file, "{what}");
    folder.write(name, &altered).into()
}

#[test]
fn an_address_without_an_api_server_is_reported_as_such() {
    let folder = Folder::new();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = Cluster::start().unwrap();
    let theirs = std::fs::read_to_string(other.kubeconfig()).unwrap();
    let ca = theirs.split_once("certificate-authority-data: ").unwrap().1.lines().next().unwrap();
    for (name, what, to, says_so) in [
        ("token", "token", "of-yesterday", "token or certificate, which is wrong or expired"),
        ("authority", "certificate-authority-data", ca, "cannot be reached: invalid peer certificate"),
        ("port", "server", &format!("https://{nobody}"), "refused"),
        ("silent", "server", &format!("https://{}", silent.local_addr().unwrap()), "caches not synced yet"),
    ] {
        let operator = Operator::launch(&altered(&folder, name, what, to), "default", &[], &[]);
        operator.logs("hooktender starts");
        says(&operator, false, &[says_so]);
        operator.terminate();
    }
}

#[test]
fn an_address_in_use_is_an_error_with_advice() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ran = run(&mut hooktender(&["run", "--listen", &address])).exits(1);
    assert!(ran.stderr.contains(&format!("--listen {address}: ")), "{}", ran.stderr);
    ran.says("; another process listens there: choose another address, such as --listen 127.0.0.1:0");
}

#[test]
fn an_invalid_flag_or_variable_is_named_with_the_allowed_values() {
    let cases = [
        // The flag, its variable, a value, and the message about it.
        ("--concurrency", "HOOKTENDER_CONCURRENCY", "0", "1..=1000"),
        ("--concurrency", "HOOKTENDER_CONCURRENCY", "many", "invalid digit"),
        ("--listen", "HOOKTENDER_LISTEN", "8080", "such as 0.0.0.0:8080"),
        ("--namespace", "HOOKTENDER_NAMESPACES", "A_b", "lower case letters, digits and -"),
        ("--namespace", "HOOKTENDER_NAMESPACES", "", "lower case letters, digits and -"),
        ("--leader-elect-namespace", "HOOKTENDER_LEADER_ELECT_NAMESPACE", "a/b", "lower case letters"),
        ("--settle", "HOOKTENDER_SETTLE", "soon", "write it like 90s"),
        ("--request-timeout", "HOOKTENDER_REQUEST_TIMEOUT", "0s", "a time-out of zero"),
        ("--allow-endpoint", "HOOKTENDER_ALLOW_ENDPOINTS", "http://10.0.0.1", "https"),
        ("--allow-endpoint", "HOOKTENDER_ALLOW_ENDPOINTS", "crm.example.com", "https://host"),
        ("--log-format", "HOOKTENDER_LOG_FORMAT", "xml", "possible values: text, json"),
        ("--log-level", "RUST_LOG", "laud", "error, warn, info"),
        ("--log-level", "RUST_LOG", "a=b=c", "error, warn, info"),
    ];
    for (flag, variable, value, allowed) in cases {
        let given = run(hooktender(&["run", flag, value]).env_remove("HOOKTENDER_ALLOW_ENDPOINTS")).exits(1);
        assert!(
            given.stderr.contains(flag) && given.stderr.contains(allowed),
            "{flag} {value}: {}",
            given.stderr
        );
        assert!(!given.stderr.contains("environment"), "{flag}: {}", given.stderr);
        let mut command = hooktender(&["run"]);
        let set = run(command.env_remove("HOOKTENDER_ALLOW_ENDPOINTS").env(variable, value)).exits(1);
        assert!(
            set.stderr.contains(variable) && set.stderr.contains(allowed),
            "{variable}={value}: {}",
            set.stderr
        );
    }
    for (variable, value) in [("HOOKTENDER_PLAN_ONLY", "maybe"), ("HOOKTENDER_LEADER_ELECT", "2")] {
        let set = run(hooktender(&["run"]).env(variable, value)).exits(1);
        assert!(set.stderr.contains(variable) && set.stderr.contains("true, false"), "{}", set.stderr);
    }
}
