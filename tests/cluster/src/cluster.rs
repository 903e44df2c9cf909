//! Interface for tests: one cluster, which lives as long as this value or, in a static, as long as the process.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use crate::audit::{AuditLog, AuditReader};
use crate::protocol::{self, Addresses, Answer, STAMP};
use crate::requests::SendRequest;
use crate::{AuditEvent, Error, Purpose, Tools, locate};

/// A running control plane on loopback. It ends when this is dropped, and also when this process ends in any way, `kill -9`
/// included.
#[derive(Debug)]
pub struct Cluster {
    pub(crate) tools: Tools,
    pub(crate) addresses: Addresses,
    audit: Mutex<AuditLog>,
    link: Mutex<Link>,
    /// What [`Self::send_with`] has set.
    pub(crate) send: OnceLock<SendRequest>,
}

/// The one cluster of this process, started by the first caller. A failed start is not repeated: it would cost every test of the
/// process the whole limit.
pub fn shared() -> Result<&'static Cluster, Error> {
    static SHARED: OnceLock<Result<Cluster, String>> = OnceLock::new();
    let started = SHARED.get_or_init(|| Cluster::start().map_err(|error| error.to_string()));
    started.as_ref().map_err(|error| Error::Shared(error.clone()))
}

impl Cluster {
    /// Starts a cluster, after building missing tools: minutes the first time, seconds later.
    pub fn start() -> Result<Self, Error> {
        Self::start_with(Tools::ensure(Purpose::Tests)?)
    }

    /// Starts a cluster with these programs.
    pub fn start_with(tools: Tools) -> Result<Self, Error> {
        let binary = match locate::supervisor()? {
            Some(binary) => binary,
            None => locate::build_supervisor()?,
        };
        let (link, addresses) = match Link::open(&binary, &tools)? {
            Some(opened) => opened,
            None => Link::open(&locate::build_supervisor()?, &tools)?.ok_or_else(|| {
                Error::Supervisor("still built from other sources after building it".to_owned())
            })?,
        };
        let audit = Mutex::new(AuditLog::new(&addresses.audit_log));
        Ok(Self { tools, addresses, audit, link: Mutex::new(link), send: OnceLock::new() })
    }

    /// The administrator's kubeconfig.
    pub fn kubeconfig(&self) -> &Path {
        &self.addresses.kubeconfig
    }

    /// `https://127.0.0.1:port`.
    pub fn api_url(&self) -> &str {
        &self.addresses.api_url
    }

    /// The administrator's bearer token; its user `admin` is in the group `system:masters`.
    pub fn admin_token(&self) -> &str {
        &self.addresses.admin_token
    }

    /// The certificate of the authority that signed the API server's, in PEM.
    pub fn ca(&self) -> &str {
        &self.addresses.ca
    }

    /// The temporary folder with the servers' logs; it is removed when the cluster ends.
    pub fn folder(&self) -> &Path {
        &self.addresses.folder
    }

    /// The programs that the cluster runs with.
    pub fn tools(&self) -> &Tools {
        &self.tools
    }

    /// The process ids of the running servers, by program name.
    pub fn pids(&self) -> BTreeMap<String, u32> {
        self.link().pids.clone()
    }

    /// The process id of the supervisor.
    pub fn supervisor_pid(&self) -> u32 {
        self.link().child.id()
    }

    /// Returns the requests that the API server has answered since the start and that `wanted` chooses, oldest first. An event is
    /// here before its answer reaches the client.
    pub fn audit(&self, wanted: impl Fn(&AuditEvent) -> bool) -> Result<Vec<AuditEvent>, Error> {
        let mut log = self.audit.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(log.events()?.iter().filter(|event| wanted(event)).cloned().collect())
    }

    /// Returns a reader of the same requests that keeps none of them.
    pub fn audit_reader(&self) -> AuditReader {
        AuditReader::new(&self.addresses.audit_log)
    }

    /// Kills the API server like a power cut: connections break, data stays. Does nothing if it is down already.
    pub fn stop_api_server(&self) -> Result<(), Error> {
        self.link().command(protocol::Command::StopApiServer)
    }

    /// Starts the API server again on the same data, certificate and port, and waits until it is ready. Does nothing if it runs.
    pub fn start_api_server(&self) -> Result<(), Error> {
        self.link().command(protocol::Command::StartApiServer)
    }

    /// Restarts the controller manager. The garbage collector looks for new kinds only every 30 s: after this, it knows the kinds
    /// of CRDs that have just been applied.
    pub fn restart_controllers(&self) -> Result<(), Error> {
        self.link().command(protocol::Command::RestartControllers)
    }

    fn link(&self) -> MutexGuard<'_, Link> {
        // After a panic elsewhere an answer may be unread, which the next command reports.
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The supervisor process and the pipes to it.
#[derive(Debug)]
struct Link {
    child: Child,
    /// The kernel closes it when this process ends, and that ends the supervisor.
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
    pids: BTreeMap<String, u32>,
}

impl Link {
    /// Starts the supervisor and waits for its cluster. `None` if the binary was built from other sources.
    fn open(binary: &PathBuf, tools: &Tools) -> Result<Option<(Self, Addresses)>, Error> {
        let tools = serde_json::to_string(tools).map_err(Error::json("the tools"))?;
        let mut child = Command::new(binary)
            .args(["supervise", "--stamp", STAMP, "--tools", &tools])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // At Ctrl-C on a terminal, it ends with its owner, by the end of its input.
            .process_group(0)
            .spawn()
            .map_err(Error::io(format!("starting {}", binary.display())))?;
        let stdin = child.stdin.take();
        let Some(stdout) = child.stdout.take() else {
            return Err(Error::Supervisor("it has no standard output".to_owned()));
        };
        let mut link = Self { child, stdin, stdout: BufReader::new(stdout), pids: BTreeMap::new() };
        Ok(match link.answer()? {
            // A very old binary may not even know the command.
            None | Some(Answer::OtherSources) => None,
            Some(Answer::Failed(error)) => return Err(Error::Supervisor(error)),
            Some(Answer::Done(addresses)) => {
                link.pids.clone_from(&addresses.pids);
                Some((link, addresses))
            }
        })
    }

    fn command(&mut self, command: protocol::Command) -> Result<(), Error> {
        let mut line = serde_json::to_string(&command).map_err(Error::json("a command"))?;
        line.push('\n');
        if let Some(stdin) = &mut self.stdin {
            stdin.write_all(line.as_bytes()).map_err(Error::io("writing to the supervisor"))?;
        }
        match self.answer()? {
            Some(Answer::Done(addresses)) => {
                self.pids = addresses.pids;
                Ok(())
            }
            Some(Answer::Failed(error)) => Err(Error::Supervisor(error)),
            None | Some(Answer::OtherSources) => Err(Error::Supervisor("it has ended".to_owned())),
        }
    }

    /// The next answer; `None` if the supervisor has ended.
    fn answer(&mut self) -> Result<Option<Answer>, Error> {
        let mut line = String::new();
        let read = self.stdout.read_line(&mut line).map_err(Error::io("reading from the supervisor"))?;
        if read == 0 {
            return Ok(None);
        }
        serde_json::from_str(&line).map(Some).map_err(Error::json("the supervisor's answer"))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        drop(self.stdin.take());
        // It ends within its grace period; waiting for it prevents a zombie.
        let _ = self.child.wait();
    }
}
