//! Log lines: their fields, and a pipe without a reader.

use super::prometheus::free_address;
use super::something_of_everything;
use crate::operator::Operator;
use crate::scene::Scene;
use crate::vendors::{self, Vendor};
use hooktender_cluster::{WAIT_LIMIT, eventually};
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _, pipe};
use std::net::TcpStream;
use std::time::Duration;

fn lost(address: &str) -> u64 {
    let text = vendors::get(&format!("http://{address}/metrics"));
    let sample = text.lines().find_map(|line| line.strip_prefix("hooktender_log_lines_lost_total "));
    sample.unwrap().parse().unwrap()
}

#[test]
fn a_log_without_a_reader_blocks_nothing_and_lost_lines_are_counted_once() {
    let (scene, tenant) = Scene::with_account("unheard", Vendor::Contensis);
    let address = free_address();
    let (reader, writer) = pipe().unwrap();
    let flags = ["--listen", &address, "--log-level", "trace", "--log-format", "json"];
    let operator = scene.launch_logging_to(writer.into(), &flags);
    eventually("it is ready", || vendors::try_get(&format!("http://{address}/readyz")).ok_or(())).unwrap();
    // Each is a line at this level.
    let nonsense = || {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.set_read_timeout(Some(WAIT_LIMIT)).unwrap();
        stream.write_all(b"nonsense\r\n\r\n").unwrap();
        if let Err(error) = stream.read_to_end(&mut Vec::new()) {
            assert_ne!(error.kind(), ErrorKind::WouldBlock, "the health server does not answer");
        }
    };
    eventually("lines are lost", || {
        (0..1_000).for_each(|_| nonsense());
        if lost(&address) > 0 { Ok(()) } else { Err(()) }
    })
    .unwrap();
    // Everything continues long after the pipe is full.
    something_of_everything(&scene, &tenant);
    let mut lines = BufReader::new(reader).lines().map_while(Result::ok);
    // Only whole lines, before and after the gap.
    let parsed =
        |line: String| serde_json::from_str::<Value>(&line).unwrap_or_else(|error| panic!("{error}: {line}"));
    let told =
        lines.by_ref().map(parsed).find(|line| line["message"] == "log lines were lost, as nobody read them");
    let told = told.unwrap();
    assert_eq!((&told["level"], told["lost"].as_u64() > Some(0)), (&Value::from("WARN"), true), "{told}");
    let rest = std::thread::spawn(move || lines.map(parsed).any(|line| line["message"] == "hooktender ends"));
    operator.terminate();
    assert!(rest.join().unwrap(), "what is read is not lost, to the last line");
}

#[test]
fn the_end_does_not_wait_for_a_log_without_a_reader() {
    let (scene, _tenant) = Scene::with_account("unheard", Vendor::Contensis);
    let address = free_address();
    let (reader, writer) = pipe().unwrap();
    let operator = scene.launch_logging_to(writer.into(), &["--listen", &address, "--log-level", "trace"]);
    eventually("it is ready", || vendors::try_get(&format!("http://{address}/readyz")).ok_or(())).unwrap();
    scene.pass("account");
    let watch = scene.stopwatch();
    operator.terminate();
    watch.assert_within(Duration::from_secs(15));
    drop(reader);
}

/// All lines of an operator that has done something of each kind, at the default level.
fn lines(operator: &Operator) -> Vec<Value> {
    operator.log().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn log_lines_name_the_same_things_in_the_same_fields() {
    let (scene, tenant) = Scene::with_account("fields", Vendor::Brightpearl);
    let operator = scene.launch(&["--log-format", "json"], &[]);
    operator.logs("caches are filled");
    something_of_everything(&scene, &tenant);
    scene.patch("vendoraccount/account", &json!({"spec": {"suspend": true}}));
    scene.pass("account");
    let account = format!("{}/account", scene.namespace);
    let lines = lines(&operator);
    let of_webhook: Vec<_> = lines.iter().filter(|line| !line["webhook"].is_null()).collect();
    assert!(of_webhook.len() >= 2, "{lines:#?}");
    for line in &of_webhook {
        assert_eq!(line["webhook"], format!("{}/hook", scene.namespace), "{line}");
        assert!(line["reason"].is_string() && line["external_id"].is_string(), "{line}");
    }
    for line in lines.iter().filter(|line| !line["account"].is_null() || !line["webhook"].is_null()) {
        assert_eq!(line["account"], account.as_str(), "{line}");
        assert_eq!(line["vendor"], "brightpearl", "{line}");
    }
}
