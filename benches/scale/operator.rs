//! The operator: the real program, as a process with the rights of a service account.

use crate::Options;
use crate::process::Process;
use crate::stage::{LONG, Stage};
use hooktender_cluster::eventually_within;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// A running operator. It is killed when it is dropped.
pub(crate) struct Operator {
    child: Child,
    log: PathBuf,
}

impl Operator {
    /// Starts it for one namespace, and waits until its caches are synced.
    pub(crate) fn start(stage: &Stage, kubeconfig: &Path, namespace: &str, options: &Options) -> Self {
        let log = stage.cluster.folder().join(format!("operator-{namespace}.log"));
        let program = env!("CARGO_BIN_EXE_hooktender");
        let mut command = Command::new(if options.one_core { "taskset" } else { program });
        if options.one_core {
            command.args(["--cpu-list", "0", program]);
        }
        let child = command
            .env_clear()
            .env("KUBECONFIG", kubeconfig)
            .env("NO_COLOR", "1")
            .envs(options.env.iter().filter_map(|variable| variable.split_once('=')))
            .args(["run", "--listen=127.0.0.1:0", "--log-level=warn,hooktender::controller=info"])
            .args(["--namespace", namespace, "--allow-endpoint", stage.vendor.url()])
            .args(["--allow-endpoint", stage.vendor.dead_url()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let operator = Self { child, log };
        eventually_within(LONG, "caches synced", || {
            let log = fs::read_to_string(&operator.log).unwrap();
            if log.contains("caches synced") { Ok(()) } else { Err(log) }
        })
        .unwrap();
        operator
    }

    pub(crate) fn process(&self) -> Process {
        Process(self.child.id())
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
