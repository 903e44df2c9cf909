//! A vendor that gives the answers that an attack needs.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use serde_json::{Value, json};

/// A request to a hostile vendor.
#[derive(Debug)]
pub(crate) struct Request {
    /// `GET /path HTTP/1.1`
    pub(crate) line: String,
}

/// A server on loopback, until the process ends.
#[derive(Debug)]
pub(crate) struct Hostile {
    /// `http://127.0.0.1:PORT`
    pub(crate) address: String,
}

impl Hostile {
    /// Answers each request with `answer`, and closes the connection afterwards.
    pub(crate) fn answering(
        answer: impl Fn(&Request, &mut TcpStream) -> std::io::Result<()> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let answer = Arc::new(answer);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let answer = Arc::clone(&answer);
                thread::spawn(move || {
                    let mut stream = stream;
                    // An error is a caller that has closed the connection.
                    if let Ok(request) = read(&stream) {
                        let _ = answer(&request, &mut stream);
                    }
                });
            }
        });
        Self { address }
    }
}

fn read(stream: &TcpStream) -> std::io::Result<Request> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    let mut body = vec![0; length.unwrap_or(0)];
    reader.read_exact(&mut body)?;
    let line = head.lines().next().unwrap_or_default().to_owned();
    Ok(Request { line })
}

/// Begins an answer with that status and these headers, each ended by CRLF.
pub(crate) fn begin(stream: &mut impl Write, status: &str, headers: &str) -> std::io::Result<()> {
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(head.as_bytes())
}

/// A whole answer in JSON.
pub(crate) fn respond(stream: &mut impl Write, status: &str, body: &str) -> std::io::Result<()> {
    begin(stream, status, &format!("Content-Length: {}\r\n", body.len()))?;
    stream.write_all(body.as_bytes())
}

/// A SuperOffice account on site at an address; its login is the Secret `anything`.
pub(crate) fn account(name: &str, address: &str) -> Value {
    let key = |key| json!({"name": "anything", "key": key});
    json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount", "metadata": {"name": name},
        "spec": {"resyncInterval": "1h", "vendor": {"superoffice": {"onsite": {"url": address}, "credentials":
            {"basic": {"usernameSecretRef": key("a"), "passwordSecretRef": key("b")}}}}},
    })
}

/// The Secret of [`account`].
pub(crate) fn login() -> Value {
    crate::scene::secret("anything", &json!({"a": "canary-name", "b": "canary-pass"}))
}
