//! Completion: what a shell offers after a key is pressed.

use crate::command::{Folder, hooktender, run};
use crate::program::reader;
use crate::scene::{Scene, webhook};
use crate::vendors::Vendor;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A folder for the PATH in which the program has both its names.
fn programs() -> Folder {
    let folder = Folder::new();
    for name in ["hooktender", "kubectl-hooktender"] {
        symlink(env!("CARGO_BIN_EXE_hooktender"), folder.path().join(name)).unwrap();
    }
    folder
}

/// Returns what bash offers for a line, with the script that `hooktender completion bash` prints.
fn bash(programs: &Folder, kubeconfig: &Path, line: &str) -> Vec<String> {
    let script = run(&mut hooktender(&["completion", "bash"])).exits(0).quiet();
    let words: Vec<_> = line.split(' ').collect();
    let quoted: Vec<_> = words.iter().map(|word| format!("'{word}'")).collect();
    let (last, current) = (words.len() - 1, words[words.len() - 1]);
    let commands = format!(
        "{script}\nCOMP_WORDS=({}); COMP_CWORD={last}; COMP_TYPE=9\n_clap_complete_hooktender hooktender '{current}' '{}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"\n",
        quoted.join(" "),
        words[last - 1]
    );
    let path = format!("{}:{}", programs.text(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["--norc", "-c", &commands])
        .env_clear()
        .env("PATH", path)
        .env("KUBECONFIG", kubeconfig)
        .output()
        .unwrap();
    let (stdout, stderr) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert_eq!(stderr, "", "{line}");
    stdout.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_offers_names_of_the_cluster() {
    let (scene, _tenant) = Scene::with_account("completion", Vendor::Brightpearl);
    scene.apply(&webhook("hook", Vendor::Brightpearl));
    scene.apply(&webhook("other", Vendor::Brightpearl));
    let (programs, reader) = (programs(), reader(&scene));
    let offered = |line: &str| bash(&programs, &reader, line);
    for (line, words) in [
        ("hooktender explain ", vec!["wh/hook", "wh/other", "va/account"]),
        ("hooktender sync wh/ho", vec!["wh/hook"]),
        ("hooktender sync webhook/ot", vec!["webhook/other"]),
        ("hooktender suspend wh ", vec!["hook", "other"]),
        ("hooktender plan va/", vec!["va/account"]),
        ("hooktender import --account ", vec!["account"]),
        ("hooktender init c", vec!["contensis"]),
        ("hooktender resu", vec!["resume"]),
        // A namespace without objects, or that may not be read.
        ("hooktender explain -n default wh/", vec![]),
    ] {
        assert_eq!(offered(line), words, "{line}");
    }
    assert!(offered("hooktender sync --").contains(&"--wait".to_owned()));
    // Of the kubeconfig, without the cluster.
    let contexts = offered("hooktender plan --context ");
    assert_eq!(contexts.len(), 1, "{contexts:?}");
    // A user who may not list namespaces is offered none, without an error.
    assert_eq!(offered("hooktender plan -n "), [""; 0]);
    let admin = bash(&programs, scene.cluster.kubeconfig(), "hooktender plan -n kube-s");
    assert_eq!(admin, ["kube-system"]);
}

#[test]
fn a_cluster_that_does_not_answer_offers_nothing_soon() {
    let programs = programs();
    // A server that takes connections and never answers.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let server = format!("http://{}", silent.local_addr().unwrap());
    let kubeconfig = programs.write(
        "kubeconfig",
        &serde_json::json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "silent",
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "contexts": [{"name": "silent", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {}}],
        })
        .to_string(),
    );
    let start = Instant::now();
    assert_eq!(bash(&programs, Path::new(&kubeconfig), "hooktender explain wh/"), [""; 0]);
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert_eq!(bash(&programs, Path::new(&kubeconfig), "hooktender plan --context "), ["silent"]);
    assert_eq!(bash(&programs, Path::new("/nonexistent"), "hooktender explain wh/"), [""; 0]);
}

#[test]
fn kubectl_completes_the_plugin() {
    let (scene, _tenant) = Scene::with_account("completion-kubectl", Vendor::Brightpearl);
    let programs = programs();
    let script = run(&mut hooktender(&["completion", "kubectl"])).exits(0).quiet();
    let file = programs.write("kubectl_complete-hooktender", &script);
    assert!(Command::new("chmod").args(["+x", &file]).status().unwrap().success());
    let mut kubectl = scene.cluster.kubectl();
    let path = format!("{}:{}", programs.text(), std::env::var("PATH").unwrap());
    kubectl.env("PATH", path).env("KUBECONFIG", reader(&scene));
    let output = kubectl.args(["__complete", "hooktender", "explain", "va/"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.lines().any(|line| line.trim() == "va/account") && text.contains(":4"), "{text}");
}
