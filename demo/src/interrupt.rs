//! Ctrl-C and the other signals to end.

use std::io;
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::INTERRUPTED;
use crate::failure::{Failure, Step};

/// Whether the end was requested. The first signal starts the cleanup; the second one ends the process at once, and with it
/// everything else.
#[derive(Debug, Clone)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Starts to listen.
    pub(crate) fn listen(runtime: &Runtime) -> io::Result<Self> {
        let asked = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&asked);
        let _context = runtime.enter();
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        runtime.spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    _ = hang_up.recv() => {}
                }
                if flag.swap(true, Ordering::Relaxed) {
                    process::exit(INTERRUPTED.into());
                }
            }
        });
        Ok(Self(asked))
    }

    /// Fails if the end was requested.
    pub(crate) fn check(&self) -> Step<()> {
        if self.asked() { Err(Failure::Interrupted) } else { Ok(()) }
    }

    /// Whether the end was requested.
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}
