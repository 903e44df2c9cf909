//! The operator under test: the real program, as a process with the rights of a service account.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hooktender_cluster::eventually;

use crate::vendors;

/// How many lines of its log are shown when a test fails.
const TAIL: usize = 60;

/// A running operator. It is killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Operator {
    child: Child,
    log: PathBuf,
}

impl Operator {
    /// Starts it for one namespace, and waits until its caches are synced.
    pub(crate) fn start(kubeconfig: &Path, namespace: &str, flags: &[&str]) -> Self {
        Self::started(kubeconfig, namespace, &[&["--namespace", namespace], flags].concat())
    }

    /// Starts it for all namespaces, with an administrator's rights: `flags` select the accounts.
    #[allow(dead_code, reason = "not for fault injection")]
    pub(crate) fn start_everywhere(kubeconfig: &Path, flags: &[&str]) -> Self {
        Self::started(kubeconfig, "everywhere", flags)
    }

    fn started(kubeconfig: &Path, name: &str, flags: &[&str]) -> Self {
        let operator = Self::spawn(kubeconfig, name, flags, &[]);
        operator.logs("caches synced");
        operator
    }

    /// As [`Self::start`], with more environment variables, and without waiting.
    pub(crate) fn launch(
        kubeconfig: &Path,
        namespace: &str,
        flags: &[&str],
        environment: &[(&str, &str)],
    ) -> Self {
        Self::spawn(kubeconfig, namespace, &[&["--namespace", namespace], flags].concat(), environment)
    }

    /// As [`Self::launch`], for all namespaces.
    #[allow(dead_code, reason = "for what needs fail points")]
    pub(crate) fn launch_everywhere(kubeconfig: &Path, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::spawn(kubeconfig, "everywhere", flags, environment)
    }

    /// As [`Self::launch`], with another destination of its log.
    #[allow(dead_code, reason = "not for fault injection")]
    pub(crate) fn launch_logging_to(log: Stdio, kubeconfig: &Path, namespace: &str, flags: &[&str]) -> Self {
        let flags = [&["--namespace", namespace], flags].concat();
        let mut command = Self::command(kubeconfig, &Self::arguments(&flags), &[]);
        let child = command.stderr(log).spawn().unwrap();
        Self { child, log: PathBuf::from("/dev/null") }
    }

    fn spawn(kubeconfig: &Path, namespace: &str, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        Self::told(kubeconfig, namespace, &Self::arguments(flags), environment)
    }

    /// Runs the program with exactly these arguments, and with only this environment beside the kubeconfig.
    pub(crate) fn told(
        kubeconfig: &Path,
        name: &str,
        arguments: &[impl AsRef<std::ffi::OsStr>],
        environment: &[(&str, &str)],
    ) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = hooktender_cluster::shared().unwrap().folder();
        let log = folder.join(format!("operator-{name}-{number}.log"));
        let mut command = Self::command(kubeconfig, arguments, environment);
        let child = command.stderr(File::create(&log).unwrap()).spawn().unwrap();
        Self { child, log }
    }

    /// Returns the arguments that all tests have in common, unless `flags` have them, and `flags`.
    fn arguments(flags: &[&str]) -> Vec<String> {
        let mut arguments = vec!["run".to_owned()];
        for (flag, value) in [("--listen", "127.0.0.1:0"), ("--settle", "2s")] {
            if !flags.contains(&flag) {
                arguments.extend([flag.to_owned(), value.to_owned()]);
            }
        }
        for endpoint in vendors::endpoints() {
            arguments.extend(["--allow-endpoint".to_owned(), endpoint]);
        }
        arguments.extend(flags.iter().map(|flag| (*flag).to_owned()));
        arguments
    }

    fn command(
        kubeconfig: &Path,
        arguments: &[impl AsRef<std::ffi::OsStr>],
        environment: &[(&str, &str)],
    ) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_hooktender"));
        command.env_clear().env("KUBECONFIG", kubeconfig).env("NO_COLOR", "1");
        command.envs(environment.iter().copied()).args(arguments).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Whether it has ended, by itself or at a fail point.
    #[allow(dead_code, reason = "for fault injection")]
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    #[allow(dead_code, reason = "not for fault injection")]
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns everything logged so far.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap()
    }

    /// Waits until a text is in the log. Each look reads what was added since the last one, as a log at level `trace` is long.
    pub(crate) fn logs(&self, text: &str) {
        let mut log = File::open(&self.log).unwrap();
        let mut unseen = Vec::new();
        eventually(&format!("{text:?} in the log"), || {
            log.read_to_end(&mut unseen).unwrap();
            if String::from_utf8_lossy(&unseen).contains(text) {
                return Ok(());
            }
            // The text may have been written in part.
            unseen.drain(..unseen.len().saturating_sub(text.len()));
            Err(())
        })
        .unwrap();
    }

    /// Returns the address that it listens on.
    pub(crate) fn address(&self) -> String {
        let log = self.log();
        let address = log.split("listen=").nth(1).unwrap();
        address.split_whitespace().next().unwrap().to_owned()
    }

    /// Returns `/metrics`, as a scraper gets it.
    pub(crate) fn metrics(&self) -> String {
        vendors::get(&self.url("metrics"))
    }

    /// Waits until `/metrics` contains `text`. A pass is counted at its end, after its events and its status have been written.
    #[allow(dead_code, reason = "not for fault injection")]
    pub(crate) fn measures(&self, text: &str) {
        eventually(&format!("/metrics contains {text}"), || match self.metrics() {
            metrics if metrics.contains(text) => Ok(()),
            metrics => Err(metrics),
        })
        .unwrap();
    }

    /// Returns the address of an endpoint, such as `readyz`.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address())
    }

    /// Sends it a signal, such as `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let sent = Command::new("sh").args(["-c", &format!("kill -{name} \"$0\""), &pid]).status();
        assert!(sent.unwrap().success());
    }

    /// Waits until it has ended by itself; returns its exit code.
    pub(crate) fn ends(mut self) -> Option<i32> {
        let status = eventually("the operator ends", || self.child.try_wait().unwrap().ok_or(()));
        status.unwrap().code()
    }

    /// Ends it as a kubelet does. It must end by itself, with success.
    pub(crate) fn terminate(mut self) -> Duration {
        self.end()
    }

    /// As [`Self::terminate`]; returns its whole log.
    #[allow(dead_code, reason = "for fault injection")]
    pub(crate) fn ended(mut self) -> String {
        self.end();
        self.log()
    }

    fn end(&mut self) -> Duration {
        let start = Instant::now();
        self.signal("TERM");
        let status = eventually("the operator ends", || self.child.try_wait().unwrap().ok_or(())).unwrap();
        assert_eq!(status.code(), Some(0), "{status}");
        start.elapsed()
    }

    /// Kills it as the out-of-memory killer does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<_> = log.lines().collect();
            let tail = &lines[lines.len().saturating_sub(TAIL)..];
            eprintln!("--- the operator's log ends so:\n{}\n---", tail.join("\n"));
        }
    }
}
