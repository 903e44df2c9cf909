//! The process that owns the servers. It ends them and removes their folder on a signal, or when its standard input ends, which
//! happens however its owner ends. If it is killed itself, the kernel kills the servers (Linux; see `server.rs`), and only the
//! temporary folder stays.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{SigSet, Signal};

use crate::control_plane::ControlPlane;
use crate::credentials;
use crate::protocol::{Answer, Command, STAMP};
use crate::{Error, Purpose, Tools};

/// Events for the supervisor.
enum Event {
    /// A line on standard input.
    Line(String),
    /// The end of standard input, or a signal.
    End,
}

/// Starts threads that listen to standard input and to signals.
struct Events {
    receiver: Receiver<Event>,
    ended: Arc<AtomicBool>,
}

impl Events {
    /// To be called before there are other threads, which would not have the signals blocked.
    fn listen() -> Result<Self, Error> {
        let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().collect();
        signals.thread_block().map_err(|errno| Error::io("blocking signals")(errno.into()))?;
        let (sender, receiver) = mpsc::channel();
        let ended = Arc::new(AtomicBool::new(false));
        let end = |sender: Sender<Event>, ended: Arc<AtomicBool>| {
            move || {
                ended.store(true, Ordering::Relaxed);
                // No receiver is left after the end.
                let _ = sender.send(Event::End);
            }
        };
        let on_signal = end(sender.clone(), Arc::clone(&ended));
        thread::spawn(move || {
            let _ = signals.wait();
            on_signal();
        });
        let on_eof = end(sender.clone(), Arc::clone(&ended));
        thread::spawn(move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                let _ = sender.send(Event::Line(line));
            }
            on_eof();
        });
        Ok(Self { receiver, ended })
    }
}

/// Runs a cluster for the library at the other end of standard input and output, which has built `tools` (JSON) and is
/// built from the sources `stamp`.
pub fn supervise(stamp: &str, tools: &str) -> Result<(), Error> {
    if stamp != STAMP {
        return answer(&Answer::OtherSources);
    }
    let tools: Tools = serde_json::from_str(tools).map_err(Error::json("--tools"))?;
    let events = Events::listen()?;
    let mut control_plane = match ControlPlane::start(&tools, &events.ended) {
        Ok(control_plane) => control_plane,
        Err(error) => return answer(&Answer::Failed(error.to_string())),
    };
    let first = answer(&Answer::Done(control_plane.addresses()));
    let result = first.and_then(|()| {
        watch(&mut control_plane, &events, |control_plane, line| {
            let done = obey(control_plane, line, &events.ended);
            answer(&match done {
                Ok(()) => Answer::Done(control_plane.addresses()),
                Err(error) => Answer::Failed(error.to_string()),
            })
        })
    });
    control_plane.stop();
    result
}

fn obey(control_plane: &mut ControlPlane, line: &str, ended: &AtomicBool) -> Result<(), Error> {
    match serde_json::from_str(line).map_err(Error::json("a command"))? {
        Command::StopApiServer => {
            control_plane.stop_api_server();
            Ok(())
        }
        Command::StartApiServer => control_plane.start_api_server(ended),
        Command::RestartControllers => control_plane.restart_controllers(),
    }
}

fn answer(answer: &Answer) -> Result<(), Error> {
    let mut line = serde_json::to_string(answer).map_err(Error::json("an answer"))?;
    line.push('\n');
    let mut stdout = io::stdout().lock();
    stdout.write_all(line.as_bytes()).and_then(|()| stdout.flush()).map_err(Error::io("answering"))
}

/// Runs a cluster for a person until Ctrl-C or the end of standard input. The administrator's kubeconfig is also written to
/// `kubeconfig`, and removed from there in the end.
pub fn serve(kubeconfig: Option<&Path>) -> Result<(), Error> {
    if let Some(path) = kubeconfig
        && fs::read_to_string(path).is_ok_and(|text| !credentials::is_ours(&text))
    {
        return Err(Error::ForeignKubeconfig(path.to_owned()));
    }
    // While signals still have their default action: this may take minutes.
    let tools = Tools::ensure(Purpose::Tests)?;
    let events = Events::listen()?;
    let start = Instant::now();
    let mut control_plane = ControlPlane::start(&tools, &events.ended)?;
    let written = introduce(&control_plane, &tools, kubeconfig, start.elapsed());
    let result = written.and_then(|()| watch(&mut control_plane, &events, |_, _| Ok(())));
    if let Some(path) = kubeconfig {
        // The cluster has ended; if the file was never written there is nothing to remove.
        let _ = fs::remove_file(path);
    }
    control_plane.stop();
    result
}

fn introduce(
    control_plane: &ControlPlane,
    tools: &Tools,
    kubeconfig: Option<&Path>,
    took: Duration,
) -> Result<(), Error> {
    let addresses = control_plane.addresses();
    if let Some(path) = kubeconfig {
        let what = format!("reading {}", addresses.kubeconfig.display());
        let text = fs::read_to_string(&addresses.kubeconfig).map_err(Error::io(what))?;
        credentials::write_private(path, &text)?;
    }
    let path = kubeconfig.unwrap_or(&addresses.kubeconfig);
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let text = format!(
        "A Kubernetes API server runs at {url} (ready in {took:.1?}). In another terminal:\n\n  \
         export KUBECONFIG={kubeconfig}\n  export PATH={tools}:$PATH\n  kubectl get namespaces\n\n\
         Logs: {folder}. Ctrl-C ends it and removes all of this.\n",
        url = addresses.api_url,
        kubeconfig = path.display(),
        tools = tools.folder().display(),
        folder = addresses.folder.display(),
    );
    io::stdout().write_all(text.as_bytes()).map_err(Error::io("writing to standard output"))
}

/// Waits for the end; handles commands, and reports on stderr when a server has ended by itself.
fn watch(
    control_plane: &mut ControlPlane,
    events: &Events,
    mut on_line: impl FnMut(&mut ControlPlane, &str) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut reported = BTreeSet::new();
    loop {
        match events.receiver.recv_timeout(Duration::from_millis(500)) {
            Ok(Event::Line(line)) => on_line(control_plane, &line)?,
            Ok(Event::End) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
            Err(RecvTimeoutError::Timeout) => {
                for (name, error) in control_plane.check() {
                    if reported.insert(name) {
                        let _ = writeln!(io::stderr(), "hooktender-cluster: {error}");
                    }
                }
            }
        }
    }
}
