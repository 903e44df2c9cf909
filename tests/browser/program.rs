//! `hooktender ui` as a process.

use crate::api_server::ApiServer;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a page may take to show something.
const LIMIT: Duration = Duration::from_secs(60);

/// The running program. It ends when it is dropped.
pub(crate) struct Program {
    child: Child,
    /// Its address, without a slash at the end.
    pub(crate) origin: String,
    _folder: TempDir,
}

impl Program {
    /// Starts it for an API server, with further arguments, and waits until it has read everything that it may.
    pub(crate) fn start(api: &ApiServer, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_hooktender"));
        command
            .args(["ui", "--port", "0", "--kubeconfig"])
            .arg(api.kubeconfig(folder.path()))
            .args(arguments);
        for proxy in ["HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "KUBECONFIG"] {
            command.env_remove(proxy);
        }
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let address = lines.next().unwrap().unwrap();
        let program = Self { child, origin: address.trim_end_matches('/').to_owned(), _folder: folder };
        program.until("/accounts", |page| !page.contains("being read for the first time"));
        program
    }

    /// Reads a page.
    pub(crate) fn get(&self, path: &str) -> String {
        let url = format!("{}{path}", self.origin);
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        let get = async { client.get(url).send().await?.text().await };
        tokio::runtime::Runtime::new().unwrap().block_on(get).unwrap()
    }

    /// Reads a page until it is as it should be.
    pub(crate) fn until(&self, path: &str, is: impl Fn(&str) -> bool) -> String {
        let begin = Instant::now();
        loop {
            let page = self.get(path);
            if is(&page) {
                return page;
            }
            assert!(begin.elapsed() < LIMIT, "{path} does not become as it should be:\n{page}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Both fail only if it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
