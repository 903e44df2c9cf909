//! Headless Chromium, driven over the DevTools protocol through a pipe: no port, and no client library.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;
use tempfile::TempDir;

/// How long Chromium may take to answer on a busy machine. An answer ends the wait at once.
const LIMIT: Duration = Duration::from_secs(300);
/// The version of Debian's package that is installed if there is none. Debian keeps the newest only; then that one is taken.
const VERSION: &str = "156.*";

/// A browser with one tab. It ends when it is dropped.
pub(crate) struct Browser {
    child: Child,
    send: ChildStdin,
    receive: Receiver<Value>,
    session: Option<String>,
    next: u64,
    /// Addresses of all requests, and errors of the console, since the last navigation.
    pub(crate) requests: Vec<String>,
    pub(crate) errors: Vec<String>,
    _profile: TempDir,
}

/// A screen, and what the user prefers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) dark: bool,
}

/// Starts Chromium. Prints why, and returns none, if it is not there and cannot be installed.
pub(crate) fn start() -> Option<Browser> {
    match installed() {
        Ok(program) => Some(Browser::start(&program)),
        Err(reason) => {
            drop(writeln!(std::io::stderr(), "skipped: Chromium cannot be installed here: {reason}"));
            None
        }
    }
}

/// Finds Chromium, or installs Debian's package.
fn installed() -> Result<String, String> {
    static INSTALLED: std::sync::OnceLock<Result<String, String>> = std::sync::OnceLock::new();
    INSTALLED.get_or_init(find_or_install).clone()
}

fn find_or_install() -> Result<String, String> {
    let set = std::env::var("CHROMIUM").ok();
    let runs = |program: &String| {
        Command::new(program).arg("--version").output().is_ok_and(|done| done.status.success())
    };
    let find = || set.clone().into_iter().chain(["chromium".to_owned()]).find(runs);
    if let Some(found) = find() {
        return Ok(found);
    }
    let packages = [format!("chromium={VERSION}"), "chromium".to_owned()];
    let mut last = "there is no apt-get".to_owned();
    let run = |arguments: &[&str]| {
        Command::new("apt-get").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").output()
    };
    let _ = run(&["update"]);
    for package in &packages {
        last = match run(&[
            "install",
            "--yes",
            "--no-install-recommends",
            "--option=DPkg::Lock::Timeout=300",
            package,
        ]) {
            Ok(done) if done.status.success() => {
                return find().ok_or_else(|| "it was installed, and does not run".into());
            }
            Ok(done) => String::from_utf8_lossy(&done.stderr).lines().last().unwrap_or_default().to_owned(),
            Err(error) => format!("apt-get: {error}"),
        };
    }
    Err(last)
}

/// Prefers Inter where it is installed, for the pictures: the default of most machines without a desktop is hard to read.
fn fonts(config: &Path) {
    let alias = |family: &str, font: &str| {
        format!(
            "<alias binding=\"strong\"><family>{family}</family><prefer><family>{font}</family></prefer></alias>"
        )
    };
    let all =
        [("system-ui", "Inter"), ("sans-serif", "Inter"), ("sans", "Inter"), ("monospace", "JetBrains Mono")];
    let all: String = all.iter().map(|(family, font)| alias(family, font)).collect();
    let folder = config.join("fontconfig");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("fonts.conf"), format!("<fontconfig>{all}</fontconfig>")).unwrap();
}

impl Browser {
    fn start(program: &str) -> Self {
        let profile = tempfile::tempdir().unwrap();
        // The protocol is spoken on the descriptors 3 and 4, which a shell makes of stdin and stdout.
        let script = "exec \"$0\" \"$@\" 3<&0 4>&1 </dev/null >/dev/null 2>&1";
        fonts(profile.path());
        let mut child = Command::new("sh")
            .env("XDG_CONFIG_HOME", profile.path())
            .args(["-c", script, program])
            .args([
                "--headless=new",
                "--remote-debugging-pipe",
                "--no-sandbox",
                "--disable-gpu",
                "--hide-scrollbars",
            ])
            .args([
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-extensions",
            ])
            .args([
                "--disable-component-update",
                "--no-proxy-server",
                "--force-color-profile=srgb",
                "--lang=en",
            ])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (send, output) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let (forward, receive) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(output).split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).unwrap();
                if forward.send(message).is_err() {
                    break;
                }
            }
        });
        let (requests, errors) = (Vec::new(), Vec::new());
        let mut browser =
            Self { child, send, receive, session: None, next: 0, requests, errors, _profile: profile };
        let tab = browser.call("Target.createTarget", &json!({"url": "about:blank"}))["targetId"].clone();
        let attached = browser.call("Target.attachToTarget", &json!({"targetId": tab, "flatten": true}));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for domain in ["Page", "Network", "Runtime", "Log"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        browser
    }

    /// Calls a method of the protocol; fails if it fails.
    pub(crate) fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.next += 1;
        let mut message = json!({"id": self.next, "method": method, "params": parameters});
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        let mut bytes = message.to_string().into_bytes();
        bytes.push(0);
        self.send.write_all(&bytes).unwrap();
        let id = self.next;
        let answer = self.receive_until(method, |message| message["id"] == id);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    fn receive_until(&mut self, what: &str, is: impl Fn(&Value) -> bool) -> Value {
        loop {
            match self.receive.recv_timeout(LIMIT) {
                Ok(message) => {
                    self.note(&message);
                    if is(&message) {
                        return message;
                    }
                }
                Err(RecvTimeoutError::Timeout) => panic!("Chromium: no answer to {what}"),
                Err(RecvTimeoutError::Disconnected) => panic!("Chromium has ended before {what}"),
            }
        }
    }

    fn note(&mut self, message: &Value) {
        let parameters = &message["params"];
        match message["method"].as_str() {
            Some("Network.requestWillBeSent") => {
                self.requests.push(parameters["request"]["url"].as_str().unwrap().to_owned());
            }
            Some("Runtime.exceptionThrown") => self.errors.push(parameters["exceptionDetails"].to_string()),
            Some("Log.entryAdded") if parameters["entry"]["level"] == "error" => {
                self.errors.push(parameters["entry"]["text"].to_string());
            }
            _ => {}
        }
    }

    /// Sets the screen, and what the user prefers.
    pub(crate) fn set(&mut self, screen: Screen) {
        let Screen { width, height, dark } = screen;
        self.call(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}),
        );
        let scheme = if dark { "dark" } else { "light" };
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        self.call("Emulation.setEmulatedMedia", &json!({"features": features}));
    }

    /// Opens a page, and waits until it and all its parts are there.
    pub(crate) fn open(&mut self, url: &str) {
        self.requests.clear();
        self.errors.clear();
        let opened = self.call("Page.navigate", &json!({"url": url}));
        assert!(opened.get("errorText").is_none(), "{url}: {opened}");
        self.loaded();
    }

    /// Waits until the page is there.
    pub(crate) fn loaded(&mut self) {
        self.receive_until("load", |message| message["method"] == "Page.loadEventFired");
    }

    /// Evaluates an expression in the page, and waits for it if it is a promise.
    pub(crate) fn evaluate(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "awaitPromise": true, "returnByValue": true});
        let result = self.call("Runtime.evaluate", &parameters);
        assert!(result.get("exceptionDetails").is_none(), "{expression}: {result}");
        result["result"]["value"].clone()
    }

    /// Presses and releases a key.
    pub(crate) fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            other => (0, other),
        };
        let down = if text.is_empty() { "rawKeyDown" } else { "keyDown" };
        for (kind, text) in [(down, text), ("keyUp", "")] {
            let mut parameters =
                json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            if !text.is_empty() {
                parameters["text"] = json!(text);
            }
            self.call("Input.dispatchKeyEvent", &parameters);
        }
    }

    /// Takes a picture of the whole page as PNG, `scale` times as large as it is.
    pub(crate) fn picture(&mut self, scale: f64, height: Option<u32>) -> Vec<u8> {
        use base64::Engine as _;
        let size = self.call("Page.getLayoutMetrics", &json!({}))["cssContentSize"].clone();
        let height = height.map_or(size["height"].clone(), |height| json!(height));
        let clip = json!({"x": 0, "y": 0, "width": size["width"], "height": height, "scale": scale});
        let picture =
            self.call("Page.captureScreenshot", &json!({"captureBeyondViewport": true, "clip": clip}));
        base64::engine::general_purpose::STANDARD.decode(picture["data"].as_str().unwrap()).unwrap()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // All fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
