//! A proxy to the API server that can be cut: every connection once, or for a while.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use crate::scene::SharedCluster;

/// Forwards bytes between operators and the API server.
pub(crate) struct Proxy {
    /// Leads to this proxy, with the operators' rights.
    pub(crate) kubeconfig: PathBuf,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    down: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Proxy {
    pub(crate) fn new(shared: &SharedCluster) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let here = listener.local_addr().unwrap();
        let server: SocketAddr = shared.cluster.api_url().strip_prefix("https://").unwrap().parse().unwrap();
        let text = fs::read_to_string(shared.kubeconfig()).unwrap();
        let kubeconfig = shared.cluster.folder().join(format!("by-way-of-{}", here.port()));
        fs::write(&kubeconfig, text.replace(&server.to_string(), &here.to_string())).unwrap();
        let state = Arc::new(State::default());
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                // A connection that cannot be served is closed.
                let _ = shared.serve(client, server);
            }
        });
        Self { kubeconfig, state }
    }

    /// Cuts every connection: watches break, and requests get no answer. New connections work.
    pub(crate) fn cut(&self) {
        for stream in self.state.open.lock().unwrap().drain(..) {
            // It may have ended by itself.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Sets whether new connections are refused.
    pub(crate) fn down(&self, down: bool) {
        self.state.down.store(down, Ordering::SeqCst);
        if down {
            self.cut();
        }
    }
}

impl State {
    fn serve(&self, client: TcpStream, server: SocketAddr) -> io::Result<()> {
        if self.down.load(Ordering::SeqCst) {
            return client.shutdown(Shutdown::Both);
        }
        let upstream = TcpStream::connect(server)?;
        self.open.lock().unwrap().extend([client.try_clone()?, upstream.try_clone()?]);
        for (from, to) in [(client.try_clone()?, upstream.try_clone()?), (upstream, client)] {
            thread::spawn(move || {
                let _ = io::copy(&mut &from, &mut &to);
                let _ = to.shutdown(Shutdown::Both);
                let _ = from.shutdown(Shutdown::Both);
            });
        }
        Ok(())
    }
}
