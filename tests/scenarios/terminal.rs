//! A terminal of a chosen width, with a user.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use hooktender_cluster::eventually;
use nix::pty::{Winsize, openpty};

/// A program that runs at a terminal.
pub(crate) struct Terminal {
    child: Child,
    keyboard: File,
    screen: Arc<Mutex<Vec<u8>>>,
    reader: JoinHandle<()>,
}

impl Terminal {
    /// Runs it at a terminal of so many columns.
    pub(crate) fn run(command: &mut Command, columns: u16) -> Self {
        let size = Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        let pair = openpty(&size, None).unwrap();
        let end = || Stdio::from(pair.slave.try_clone().unwrap());
        let child = command.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        // The command keeps its ends of the terminal until they are replaced; then only the program has it open.
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        drop(pair.slave);
        let keyboard = File::from(pair.master);
        let (mut master, screen) = (keyboard.try_clone().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let shown = Arc::clone(&screen);
        let reader = thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The end of the program closes it with an error.
            while let Ok(read @ 1..) = master.read(&mut bytes) {
                shown.lock().unwrap().extend(&bytes[..read]);
            }
        });
        Self { child, keyboard, screen, reader }
    }

    /// Everything on the screen.
    pub(crate) fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().unwrap()).replace("\r\n", "\n")
    }

    /// Waits until it shows this.
    pub(crate) fn shows(&self, text: &str) {
        eventually(&format!("{text:?} on the screen"), || {
            let screen = self.screen();
            if screen.contains(text) { Ok(()) } else { Err(screen) }
        })
        .unwrap();
    }

    /// Types a line.
    pub(crate) fn types(&mut self, line: &str) {
        self.keyboard.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Waits for its end; returns its exit code and everything that it has shown.
    pub(crate) fn ends(mut self) -> (Option<i32>, String) {
        let ended = eventually("the program ends", || self.child.try_wait().unwrap().ok_or(()));
        let code = ended.unwrap().code();
        self.reader.join().unwrap();
        let screen = String::from_utf8_lossy(&self.screen.lock().unwrap()).replace("\r\n", "\n");
        (code, screen)
    }
}
