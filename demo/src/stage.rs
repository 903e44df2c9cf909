//! What runs: the cluster, the vendors and the operator; and waiting for conditions.

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use hooktender_cluster::{Cluster, Purpose, Tool, Tools};
use hooktender_sandbox::{Addresses, Options, Sandbox};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::control::Control;
use crate::failure::{Failure, Step};
use crate::interrupt::Interrupt;
use crate::kubectl;
use crate::operator::Operator;
use crate::screen::Screen;
use crate::vendor::Vendor;

/// The namespace of everything that the demo applies.
pub(crate) const NAMESPACE: &str = "hooktender-demo";
/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(25);

/// Everything that runs. Dropping it ends it, the operator first.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) screen: Screen,
    pub(crate) control: Control,
    operator: RefCell<Option<Operator>>,
    sandbox: Sandbox,
    cluster: Cluster,
    interrupt: Interrupt,
    folder: TempDir,
    _runtime: Runtime,
}

impl Stage {
    /// Starts the cluster and the vendors, and reports it; the operator comes later.
    pub(crate) fn build(screen: Screen) -> Step<Self> {
        crate::operator::binary()?;
        screen.say(
            "hooktender keeps webhook subscriptions at SaaS vendors as Kubernetes objects declare them.",
        );
        screen
            .say("This demo runs on your machine. The operator and the API server are real. The vendors are");
        screen.say("fakes on loopback that answer as the real ones do. Nothing leaves this machine.");
        screen.chapter(1, "Start");
        // Minutes the first time; it reports its progress.
        let tools = Tools::ensure(Purpose::Demo)?;
        let start = Instant::now();
        let cluster = Cluster::start_with(tools)?;
        screen.done("a Kubernetes API server and etcd are running", start.elapsed());
        let runtime = Runtime::new().map_err(Failure::io("starting threads"))?;
        // Until here, a signal ends the process and with it the cluster.
        let interrupt = Interrupt::listen(&runtime).map_err(Failure::io("listening to signals"))?;
        let folder = tempfile::Builder::new()
            .prefix("hooktender-demo-")
            .tempdir()
            .map_err(Failure::io("making a temporary folder"))?;
        let start = Instant::now();
        let sandbox = runtime.block_on(Sandbox::start(Options::default()))?;
        screen.done("three vendors listen:", start.elapsed());
        let addresses = sandbox.addresses();
        screen.output(&format!(
            "  Brightpearl  {}\n  Contensis    {}\n  SuperOffice  {}",
            addresses.brightpearl, addresses.contensis, addresses.superoffice
        ));
        let stage = Self {
            screen,
            control: Control::new(sandbox.control_url(), runtime.handle())?,
            operator: RefCell::new(None),
            sandbox,
            cluster,
            interrupt,
            folder,
            _runtime: runtime,
        };
        stage.make_namespace()?;
        Ok(stage)
    }

    /// A new namespace, and a kubeconfig with it as the default.
    fn make_namespace(&self) -> Step<()> {
        let own = self.kubeconfig();
        let what = || format!("writing {}", own.display());
        // The copy has the same permissions as the original.
        fs::copy(self.cluster.kubeconfig(), &own).map_err(Failure::io(what()))?;
        self.kubectl(&["create", "namespace", NAMESPACE], None)?;
        let namespace = format!("--namespace={NAMESPACE}");
        self.kubectl(&["config", "set-context", "--current", &namespace], None)?;
        Ok(())
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.folder.path().join("kubeconfig")
    }

    /// The addresses of the vendors.
    pub(crate) fn vendors(&self) -> &Addresses {
        self.sandbox.addresses()
    }

    /// The address of one vendor, as an account has it: the on-site SuperOffice has a path.
    pub(crate) fn url(&self, vendor: Vendor) -> String {
        match vendor {
            Vendor::Brightpearl => self.vendors().brightpearl.clone(),
            Vendor::Contensis => self.vendors().contensis.clone(),
            Vendor::SuperOffice => self.sandbox.superoffice_url(),
        }
    }

    /// The folder with kubectl in it.
    pub(crate) fn tools(&self) -> &Path {
        let kubectl = self.cluster.tools().path(Tool::Kubectl);
        kubectl.parent().unwrap_or(kubectl)
    }

    /// Starts the operator, and waits until it is ready.
    pub(crate) fn start_operator(&self, arguments: &[String], within: Duration) -> Step<Duration> {
        let log = self.folder.path().join("operator.log");
        *self.operator.borrow_mut() = Some(Operator::start(arguments, &self.kubeconfig(), log)?);
        let ((), took) = self.until(within, "the operator is ready", || {
            let ready = self
                .operator_address()
                .is_some_and(|address| self.control.is_ready(&format!("http://{address}/readyz")));
            Ok(if ready { Ok(()) } else { Err("/readyz does not answer with 200 yet".to_owned()) })
        })?;
        Ok(took)
    }

    /// Returns the output of `hooktender plan` for the namespace, with a difference.
    pub(crate) fn plan(&self) -> Step<String> {
        let addresses = self.vendors();
        let vendors = [&*addresses.brightpearl, &*addresses.contensis, &*addresses.superoffice];
        let mut command = Command::new(crate::operator::binary()?);
        command.arg("plan").env("KUBECONFIG", self.kubeconfig());
        command.env("HOOKTENDER_ALLOW_ENDPOINTS", vendors.join(","));
        let output = command.output().map_err(Failure::io("running hooktender plan"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.code() == Some(2) {
            return Ok(said);
        }
        let errors = String::from_utf8_lossy(&output.stderr);
        Err(Failure::Unexpected(format!("hooktender plan ended with {}:\n{said}{errors}", output.status)))
    }

    /// The address of the operator's health and metrics.
    pub(crate) fn operator_address(&self) -> Option<String> {
        self.operator.borrow().as_ref()?.address()
    }

    /// The address of the operator's pages.
    pub(crate) fn pages_address(&self) -> Option<String> {
        self.operator.borrow().as_ref()?.pages()
    }

    /// The operator's log file.
    pub(crate) fn operator_log(&self) -> PathBuf {
        let operator = self.operator.borrow();
        operator.as_ref().map_or_else(PathBuf::new, |operator| operator.log().to_owned())
    }

    /// Runs kubectl and returns its output; nothing is shown.
    pub(crate) fn kubectl(&self, arguments: &[&str], input: Option<&str>) -> Step<String> {
        self.interrupt.check()?;
        let mut command: Command = self.cluster.kubectl();
        command.env("KUBECONFIG", self.kubeconfig()).args(arguments);
        let shown = kubectl::line(&[&["kubectl"], arguments].concat());
        let result = kubectl::run(&mut command, &shown, input);
        // Ctrl-C at a terminal reaches kubectl too, and without an operator it may wait for ever.
        if result.is_err() {
            self.check(&shown)?;
        }
        result
    }

    /// Shows a kubectl command, runs it, and shows its output.
    pub(crate) fn show_kubectl(&self, arguments: &[&str]) -> Step<String> {
        self.screen.command(&kubectl::line(&[&["kubectl"], arguments].concat()));
        let printed = self.kubectl(arguments, None)?;
        self.screen.output(&printed);
        Ok(printed)
    }

    /// Returns kubectl's output with `--output=json`.
    pub(crate) fn objects(&self, arguments: &[&str]) -> Step<Value> {
        let printed = self.kubectl(&[arguments, &["--output=json"]].concat(), None)?;
        serde_json::from_str(&printed)
            .map_err(|error| Failure::Unexpected(format!("kubectl {}: {error}", arguments.join(" "))))
    }

    /// Waits until `look` succeeds; reports it, and how long it took. What is seen instead becomes part of the failure, which
    /// also comes when the operator ends or the end is requested.
    pub(crate) fn until<T>(
        &self,
        within: Duration,
        what: &str,
        look: impl Fn() -> Step<Result<T, String>>,
    ) -> Step<(T, Duration)> {
        let start = Instant::now();
        loop {
            self.check(what)?;
            match look()? {
                Ok(value) => return Ok((value, start.elapsed())),
                Err(seen) if start.elapsed() >= within => {
                    return Err(Failure::TooLate { what: what.to_owned(), within, seen });
                }
                Err(_) => thread::sleep(LOOK_EVERY),
            }
        }
    }

    /// Returns when the end is requested; fails if the operator ends before.
    pub(crate) fn wait_for_ctrl_c(&self) -> Step<()> {
        while !self.interrupt.asked() {
            if let Some(operator) = self.operator.borrow_mut().as_mut() {
                operator.check("Ctrl-C")?;
            }
            thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn check(&self, awaited: &str) -> Step<()> {
        self.interrupt.check()?;
        match self.operator.borrow_mut().as_mut() {
            Some(operator) => operator.check(awaited),
            None => Ok(()),
        }
    }

    /// Ends everything.
    pub(crate) fn end(self) {
        let screen = self.screen;
        let start = Instant::now();
        screen.gap();
        drop(self);
        screen.done("all processes have ended, and the temporary files are removed", start.elapsed());
    }

    /// Reports a failure, keeps the logs, and ends everything.
    pub(crate) fn report(self, failure: &Failure) {
        let screen = self.screen;
        let mut text = failure.to_string();
        if let Some(detail) = failure.detail() {
            text = format!("{text}\n\nLast seen:\n{}", indented(detail).trim_end());
        }
        if let Some(operator) = self.operator.borrow().as_ref() {
            text = format!(
                "{text}\n\nThe end of the operator's log:\n{}",
                indented(&operator.log_tail()).trim_end()
            );
        }
        let Self { operator, sandbox, cluster, folder, .. } = self;
        // The operator's last lines belong to the log.
        drop(operator);
        drop(sandbox);
        save_logs(cluster.folder(), folder.path());
        drop(cluster);
        let kept = folder.keep();
        // Its cluster has ended.
        let _ = fs::remove_file(kept.join("kubeconfig"));
        screen.problem(&format!("{text}\n\nAll logs are in {}.", kept.display()));
    }
}

fn indented(text: &str) -> String {
    text.lines().fold(String::new(), |all, line| all + "  " + line + "\n")
}

/// Copies the cluster's logs, whose folder is removed with it. Errors are ignored: the first failure is reported.
fn save_logs(from: &Path, to: &Path) {
    let entries = fs::read_dir(from).into_iter().flatten().flatten();
    for path in entries.map(|entry| entry.path()) {
        if let Some(name) = path.file_name()
            && path.extension().is_some_and(|extension| extension == "log")
        {
            let _ = fs::copy(&path, to.join(name));
        }
    }
}
