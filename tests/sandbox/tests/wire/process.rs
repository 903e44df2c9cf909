//! The program: prints one line with its addresses, and runs until it is stopped.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

fn start(arguments: &[&str]) -> (Child, Value) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_hooktender-sandbox"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    (child, serde_json::from_str(&line).unwrap())
}

#[tokio::test]
async fn it_serves_and_stops_when_its_input_ends() {
    let (mut child, addresses) = start(&["--until-stdin-closes", "--log"]);
    let names: Vec<&String> = addresses.as_object().unwrap().keys().collect();
    assert_eq!(names, ["brightpearl", "contensis", "control", "superoffice"]);
    let control = addresses["control"].as_str().unwrap();
    assert_eq!(
        reqwest::get(format!("{control}/contensis")).await.unwrap().text().await.unwrap(),
        "[\"movies\"]"
    );
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

#[test]
fn it_stops_on_a_signal() {
    let (mut child, _) = start(&[]);
    let told = Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_port_in_use_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let done = Command::new(env!("CARGO_BIN_EXE_hooktender-sandbox"))
        .args(["--port-control", &port])
        .output()
        .unwrap();
    assert!(!done.status.success());
    let text = String::from_utf8(done.stderr).unwrap();
    assert!(text.contains(&port), "{text}");
}
