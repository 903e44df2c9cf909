//! One server process: it cannot outlive its supervisor, is watched, and is ended by its own process id.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, io, process, thread};

use nix::sys::signal::{SigSet, Signal, kill};
use nix::unistd::{Pid, getppid};

use crate::Error;

/// How much of a log is part of an error.
const TAIL_LINES: usize = 25;

/// A running server.
pub(crate) struct Server {
    name: &'static str,
    child: Child,
    log: PathBuf,
}

impl Server {
    /// Starts a server whose output goes to `<folder>/<name>.log`.
    ///
    /// The process is this binary itself, which becomes the server in [`become_server`]. It has its own process group, so that
    /// Ctrl-C reaches the supervisor only, which then ends the servers.
    pub(crate) fn spawn(
        name: &'static str,
        program: &Path,
        arguments: Vec<String>,
        folder: &Path,
    ) -> Result<Self, Error> {
        let log = folder.join(format!("{name}.log"));
        let what = || format!("starting {name}");
        let output = OpenOptions::new().create(true).append(true).open(&log).map_err(Error::io(what()))?;
        let errors = output.try_clone().map_err(Error::io(what()))?;
        let mut command = Command::new(this_program().map_err(Error::io(what()))?);
        if env::var_os("GOGC").is_none() {
            // With Go's default of 100, kube-apiserver spends a quarter of its time on garbage collection. A higher value trades
            // memory for time.
            command.env("GOGC", "200");
        }
        let child = command
            .arg("launch")
            .arg(process::id().to_string())
            .arg(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .process_group(0)
            .spawn()
            .map_err(Error::io(what()))?;
        Ok(Self { name, child, log })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Fails when the server has ended by itself.
    pub(crate) fn check(&mut self) -> Result<(), Error> {
        let status = self.child.try_wait().map_err(Error::io(format!("watching {}", self.name)))?;
        status.map_or(Ok(()), |status| {
            Err(Error::ServerEnded {
                server: self.name.to_owned(),
                status: status.to_string(),
                log: self.log_tail(),
            })
        })
    }

    /// The last lines of its log.
    pub(crate) fn log_tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let mut tail = VecDeque::with_capacity(TAIL_LINES + 1);
        for line in text.lines() {
            tail.push_back(line);
            if tail.len() > TAIL_LINES {
                tail.pop_front();
            }
        }
        Vec::from(tail).join("\n")
    }

    /// Kills it and waits for it.
    pub(crate) fn kill(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks it to end.
    fn terminate(&self) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            // The child has not been waited for, so that its id cannot belong to another process.
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Asks all to end, and kills after `grace` those that have not.
pub(crate) fn stop(mut servers: Vec<Server>, grace: Duration) {
    let start = Instant::now();
    servers.retain_mut(|server| !server.has_ended());
    for server in &servers {
        server.terminate();
    }
    while !servers.is_empty() && start.elapsed() < grace {
        thread::sleep(Duration::from_millis(10));
        servers.retain_mut(|server| !server.has_ended());
    }
    // Dropping the rest kills them.
}

/// The path to run this binary again, even if it has been rebuilt meanwhile.
fn this_program() -> io::Result<PathBuf> {
    if cfg!(target_os = "linux") { Ok("/proc/self/exe".into()) } else { env::current_exe() }
}

/// Makes the calling process a server of the supervisor `owner`: asks the kernel (Linux) to kill it when the supervisor dies,
/// even by `kill -9`, and becomes `program`. Returns only on failure.
pub fn become_server(owner: u32, program: &Path, arguments: &[OsString]) -> Error {
    let what = || format!("becoming {}", program.display());
    // The supervisor blocks signals to wait for them, and a child inherits that.
    if let Err(errno) = SigSet::all().thread_unblock() {
        return Error::Io { what: what(), source: errno.into() };
    }
    #[cfg(target_os = "linux")]
    if let Err(errno) = nix::sys::prctl::set_pdeathsig(Signal::SIGKILL) {
        return Error::Io { what: what(), source: errno.into() };
    }
    // It may have died before the line above.
    if u32::try_from(getppid().as_raw()) != Ok(owner) {
        return Error::Supervisor("it has ended".to_owned());
    }
    Error::Io { what: what(), source: Command::new(program).args(arguments).exec() }
}
