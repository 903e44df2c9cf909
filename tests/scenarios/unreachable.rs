//! An API server that cannot be reached: every command names it in one line.

use std::net::TcpListener;

use serde_json::json;

use crate::command::{Folder, hooktender, run};
use crate::operator::Operator;

/// A kubeconfig whose context `far-away` has this server.
fn kubeconfig(server: &str) -> serde_json::Value {
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": "far-away",
        "clusters": [{"name": "there", "cluster": {"server": server}}],
        "users": [{"name": "me", "user": {"token": "token"}}],
        "contexts": [
            {"name": "far-away", "context": {"cluster": "there", "user": "me"}},
            {"name": "other", "context": {"cluster": "there", "user": "me"}},
        ],
    })
}

#[test]
fn an_unreachable_api_server_is_named_once_with_its_context() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = format!("https://{unused}");
    let folder = Folder::new();
    let file = folder.write("kubeconfig", &kubeconfig(&server).to_string());
    for arguments in [
        &["plan"][..],
        &["plan", "--all-namespaces"],
        &["import", "--account", "account"],
        &["explain", "wh/hook"],
        &["explain", "va", "one", "two"],
        &["explain", "wh"],
    ] {
        let says = |context: &str| {
            format!(
                "error: the API server {server} of context {context} cannot be reached: connection refused\n"
            )
        };
        let ran = run(hooktender(arguments).env("KUBECONFIG", &file)).exits(1);
        assert_eq!((ran.stdout.as_str(), ran.stderr), ("", says("far-away")), "{arguments:?}");
        let ran = run(hooktender(arguments).args(["--kubeconfig", &file])).exits(1);
        assert_eq!(ran.stderr, says("far-away"), "{arguments:?}");
        let ran = run(hooktender(arguments).env("KUBECONFIG", &file).args(["--context", "other"])).exits(1);
        assert_eq!(ran.stderr, says("other"), "{arguments:?}");
    }
}

#[test]
fn an_operator_logs_once_that_it_cannot_reach_the_api_server() {
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let folder = Folder::new();
    let file = folder.write("kubeconfig", &kubeconfig(&format!("https://{unused}")).to_string());
    for flags in [&[][..], &["--leader-elect"]] {
        let operator = Operator::launch(file.as_ref(), "default", flags, &[]);
        let says = format!(
            "the API server https://{unused} of context far-away cannot be reached: connection refused"
        );
        operator.logs(&says);
        // All watches have failed by now, some of them more than once.
        hooktender_cluster::eventually("every watch has failed", || {
            let (_, text) = crate::vendors::ask(&operator.url("readyz"));
            let failed = ["ConfigMap: ", "Secret: ", "VendorAccount: ", "Webhook: "]
                .iter()
                .all(|kind| text.contains(kind));
            if failed { Ok(()) } else { Err(text) }
        })
        .unwrap();
        let log = operator.log();
        let told = log.lines().filter(|line| line.contains("cannot be reached")).count();
        assert!(told <= 1 + flags.len(), "{log}");
        operator.terminate();
    }
}

#[test]
fn a_name_that_does_not_resolve_is_named_too() {
    let folder = Folder::new();
    let file = folder.write("kubeconfig", &kubeconfig("https://nowhere.invalid:6443").to_string());
    let ran = run(hooktender(&["plan"]).env("KUBECONFIG", &file)).exits(1);
    let start = "error: the API server https://nowhere.invalid:6443 of context far-away cannot be reached: ";
    assert!(ran.stderr.starts_with(start) && ran.stderr.lines().count() == 1, "{ran:#?}");
}
