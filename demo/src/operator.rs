//! The operator as a child process: the real binary, which ends with the demo.

use std::env;
use std::fs::{self, File};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{self, Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::failure::{Failure, Step};

/// How long it may take to end.
const GRACE: Duration = Duration::from_secs(10);
/// How many lines of the log a failure shows.
const TAIL_LINES: usize = 20;

/// The running operator.
#[derive(Debug)]
pub(crate) struct Operator {
    child: Child,
    log: PathBuf,
}

/// The operator's binary: cargo puts it beside the demo's.
pub(crate) fn binary() -> Step<PathBuf> {
    let own = env::current_exe().map_err(Failure::io("finding the running program"))?;
    let path = own.with_file_name("hooktender");
    if path.is_file() {
        return Ok(path);
    }
    Err(Failure::Unexpected(format!("there is no {}; `make demo` builds it", path.display())))
}

impl Operator {
    /// Starts it with these arguments; its log goes to a file.
    ///
    /// The process is this program itself, which becomes the operator in `Command::Launch`, so that the kernel (Linux) ends it
    /// even when the demo is killed. That depends on the thread that calls this: the main thread. It has its own process group,
    /// so that Ctrl-C reaches the demo only.
    pub(crate) fn start(arguments: &[String], kubeconfig: &Path, log: PathBuf) -> Step<Self> {
        let what = || "starting the operator".to_owned();
        let output = File::create(&log).map_err(Failure::io(what()))?;
        let errors = output.try_clone().map_err(Failure::io(what()))?;
        let own = env::current_exe().map_err(Failure::io(what()))?;
        let mut command = Command::new(own);
        for (name, _) in env::vars_os() {
            // Flags in the environment are for another operator.
            if name.to_string_lossy().starts_with("HOOKTENDER_") {
                command.env_remove(name);
            }
        }
        let child = command
            .arg("launch")
            .arg(process::id().to_string())
            .arg(binary()?)
            .args(arguments)
            .env("KUBECONFIG", kubeconfig)
            // All its peers are on this machine.
            .envs([("NO_PROXY", "127.0.0.1"), ("no_proxy", "127.0.0.1")])
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(Failure::io(what()))?;
        Ok(Self { child, log })
    }

    /// Fails if it has ended by itself.
    pub(crate) fn check(&mut self, awaited: &str) -> Step<()> {
        let status = self.child.try_wait().map_err(Failure::io("watching the operator"))?;
        status.map_or(Ok(()), |status| {
            Err(Failure::OperatorEnded { status: status.to_string(), awaited: awaited.to_owned() })
        })
    }

    /// The address of health and metrics, once it is in the log.
    pub(crate) fn address(&self) -> Option<String> {
        self.logged(" listen=")
    }

    /// The address of the pages, once it is in the log.
    pub(crate) fn pages(&self) -> Option<String> {
        self.logged(" pages=")
    }

    fn logged(&self, field: &str) -> Option<String> {
        let text = self.text();
        let rest = text.split_once(field)?.1;
        rest.split_whitespace().next().map(str::to_owned)
    }

    /// The log file.
    pub(crate) fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines of its log.
    pub(crate) fn log_tail(&self) -> String {
        let text = self.text();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    fn text(&self) -> String {
        let bytes = fs::read(&self.log).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn stop(&mut self) {
        let ended = |child: &mut Child| !matches!(child.try_wait(), Ok(None));
        if ended(&mut self.child) {
            return;
        }
        if let Ok(pid) = i32::try_from(self.child.id()) {
            // The child has not been waited for, so that its id cannot belong to another process.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let start = Instant::now();
        while start.elapsed() < GRACE {
            if ended(&mut self.child) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.stop();
    }
}
