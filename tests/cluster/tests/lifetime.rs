//! The servers end when their owner ends, however it ends; and the API server can be stopped and started meanwhile.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "clippy.toml allows it in the tests, not in what they share"
)]

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, io, path::Path};

use hooktender_cluster::{Cluster, Stopwatch, eventually};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// Whether a process is gone. A zombie is gone: nothing of it runs.
fn gone(pid: u32) -> Result<(), u32> {
    if kill(raw(pid), None).is_err() {
        return Ok(());
    }
    // "pid (name) state …": Linux only; elsewhere the signal above has to suffice.
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit(") ").next().unwrap_or_default();
    if state.starts_with('Z') { Ok(()) } else { Err(pid) }
}

fn raw(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap())
}

fn assert_gone(pids: &[u32], folder: Option<&Path>) {
    let start = Instant::now();
    eventually("all processes are gone", || pids.iter().try_for_each(|pid| gone(*pid))).unwrap();
    println!("processes gone after {:.1?}", start.elapsed());
    if let Some(folder) = folder {
        eventually("the folder is gone", || if folder.exists() { Err(folder) } else { Ok(()) }).unwrap();
    }
}

/// A process that owns a cluster: this test program again, with [`an_owner`] as its only test.
struct Owner {
    process: Child,
    /// Kept open: a test harness that cannot print fails.
    _output: BufReader<ChildStdout>,
    supervisor: u32,
    servers: Vec<u32>,
    folder: String,
}

impl Owner {
    fn start(end: &str) -> Self {
        let mut process = Command::new(env::current_exe().unwrap())
            .args(["--exact", "an_owner", "--ignored", "--nocapture"])
            .env("OWNER_ENDS_BY", end)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let line = output
            .by_ref()
            .lines()
            .map_while(Result::ok)
            .find_map(|line| line.split("CLUSTER ").nth(1).map(str::to_owned))
            .expect("the owner prints its cluster");
        let (supervisor, servers, folder): (u32, Vec<u32>, String) = serde_json::from_str(&line).unwrap();
        assert_eq!(servers.len(), 3);
        Self { process, _output: output, supervisor, servers, folder }
    }

    fn all(&self) -> Vec<u32> {
        [&self.servers[..], &[self.supervisor]].concat()
    }
}

/// Not a test: [`Owner`] runs this.
#[test]
#[ignore = "only runs as the child of other tests"]
fn an_owner() {
    let Ok(end) = env::var("OWNER_ENDS_BY") else {
        return;
    };
    let cluster = Box::leak(Box::new(Cluster::start().unwrap()));
    let servers: Vec<u32> = cluster.pids().into_values().collect();
    let facts = (cluster.supervisor_pid(), servers, cluster.folder());
    println!("CLUSTER {}", serde_json::to_string(&facts).unwrap());
    match end.as_str() {
        "panic" => panic!("as asked"),
        "exit" => {}
        _ => drop(io::stdin().lines().last()),
    }
}

#[test]
fn an_owner_that_is_killed_takes_the_servers_with_it() {
    let mut owner = Owner::start("kill");
    for pid in owner.all() {
        assert_eq!(gone(pid), Err(pid));
    }
    // SIGKILL.
    owner.process.kill().unwrap();
    owner.process.wait().unwrap();
    assert_gone(&owner.all(), Some(Path::new(&owner.folder)));
}

#[test]
fn an_owner_that_panics_or_exits_with_its_cluster_in_a_static_does_too() {
    for end in ["panic", "exit"] {
        let mut owner = Owner::start(end);
        let status = owner.process.wait().unwrap();
        assert_eq!(status.success(), end == "exit");
        assert_gone(&owner.all(), Some(Path::new(&owner.folder)));
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_supervisor_that_is_killed_takes_the_servers_with_it() {
    let mut owner = Owner::start("kill");
    kill(raw(owner.supervisor), Signal::SIGKILL).unwrap();
    assert_gone(&owner.servers, None);
    owner.process.kill().unwrap();
    owner.process.wait().unwrap();
    // No process was left to do it.
    fs::remove_dir_all(&owner.folder).unwrap();
}

#[test]
fn dropping_a_cluster_ends_it_and_the_api_server_can_be_away_meanwhile() {
    let start = Instant::now();
    let cluster = Cluster::start().unwrap();
    println!("started in {:.1?}", start.elapsed());
    cluster.kubectl_run(&["create", "configmap", "kept"]).unwrap();

    cluster.stop_api_server().unwrap();
    assert_eq!(cluster.pids().len(), 2);
    let refused = cluster.kubectl_run(&["get", "configmap", "kept"]).unwrap_err();
    assert!(refused.stderr.contains("refused"), "{refused}");
    cluster.stop_api_server().unwrap();

    let start = Instant::now();
    cluster.start_api_server().unwrap();
    println!("API server again in {:.1?}", start.elapsed());
    cluster.kubectl_run(&["get", "configmap", "kept"]).unwrap();
    let creates = cluster.audit(|event| event.name == "kept" && event.is_write()).unwrap();
    assert_eq!(creates.len(), 1, "the audit log goes on");

    let mut pids: Vec<u32> = cluster.pids().into_values().collect();
    assert_eq!(pids.len(), 3);
    pids.push(cluster.supervisor_pid());
    let folder = cluster.folder().to_owned();
    let start = Instant::now();
    drop(cluster);
    println!("dropped in {:.1?}", start.elapsed());
    assert!(!folder.exists());
    assert_gone(&pids, None);
}

/// Deletes a custom resource of a new kind that owns a `ConfigMap`; returns how long until that is deleted, too.
fn cascade_of_a_new_kind(cluster: &Cluster, plural: &str) -> Duration {
    let kind = plural.to_uppercase();
    let group = "cascade.example";
    cluster
        .kubectl_apply(&format!(
            "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: {plural}.{group}}}\n\
             spec:\n  group: {group}\n  scope: Namespaced\n  names: {{kind: {kind}, plural: {plural}}}\n  versions:\n\
             \x20 - {{name: v1, served: true, storage: true, schema: {{openAPIV3Schema: {{type: object}}}}}}\n"
        ))
        .unwrap();
    eventually("the kind is served", || {
        cluster.kubectl_apply(&format!("{{apiVersion: {group}/v1, kind: {kind}, metadata: {{name: owner}}}}"))
    })
    .unwrap();
    cluster.restart_controllers().unwrap();
    let owner = cluster.kubectl_json(&["get", plural, "owner"]).unwrap();
    let uid = owner["metadata"]["uid"].as_str().unwrap();
    cluster
        .kubectl_apply(&format!(
            "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: owned-{plural}\n  ownerReferences:\n\
             \x20 - {{apiVersion: {group}/v1, kind: {kind}, name: owner, uid: {uid}}}\n"
        ))
        .unwrap();
    let watch = Stopwatch::start(cluster);
    cluster.kubectl_run(&["delete", plural, "owner"]).unwrap();
    eventually("the owned ConfigMap is gone", || {
        match cluster.kubectl_run(&["get", "configmap", &format!("owned-{plural}"), "--ignore-not-found"]) {
            Ok(output) if output.is_empty() => Ok(()),
            other => Err(other),
        }
    })
    .unwrap();
    // The garbage collector's own interval is 30 s.
    watch.assert_within(Duration::from_secs(20))
}

#[test]
fn restarted_controllers_know_new_kinds_at_once() {
    let cluster = Cluster::start().unwrap();
    let before = cluster.pids();
    let took = cascade_of_a_new_kind(&cluster, "things");
    println!("cascade of a new kind: {took:.1?}");
    assert_ne!(cluster.pids()["kube-controller-manager"], before["kube-controller-manager"]);
    assert_eq!(cluster.pids()["kube-apiserver"], before["kube-apiserver"]);
}
