//! Scrapers that send half a request, or do not read the answer.

use crate::scene::{Scene, webhook};
use crate::vendors::{self, Vendor};
use hooktender_cluster::{WAIT_LIMIT, eventually};
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;

/// More than the limit of connections.
const MANY: usize = 150;
const SAID: &str = "does not ask or read to its end";

#[test]
fn a_scraper_that_never_reads_blocks_nothing_and_is_reported_once() {
    let (scene, _tenant) = Scene::with_account("unread", Vendor::Contensis);
    let operator = scene.operator();
    let address = operator.address();
    let connect = |asked: &str| {
        let mut stream = TcpStream::connect(&address).unwrap();
        stream.write_all(asked.as_bytes()).unwrap();
        stream
    };
    let half: Vec<_> = (0..MANY).map(|_| connect("GET /metrics HTTP/1.1\r\nHost: half")).collect();
    let unread: Vec<_> = (0..MANY)
        .map(|_| connect("GET /metrics HTTP/1.1\r\nHost: whole\r\n\r\nGET /metrics HTTP/1.1\r\n"))
        .collect();
    assert_eq!(vendors::get(&format!("http://{address}/healthz")), "ok\n");
    assert!(operator.metrics().contains("hooktender_leader 1\n"));
    scene.apply(&webhook("hook", Vendor::Contensis));
    scene.ready("hook");
    operator.logs(SAID);
    for mut stream in half {
        // Each is closed: at once to make room, or after its timeout.
        stream.set_read_timeout(Some(WAIT_LIMIT)).unwrap();
        match stream.read_to_end(&mut Vec::new()) {
            Ok(_) => {}
            Err(error) => assert_ne!(error.kind(), ErrorKind::WouldBlock, "it is still open"),
        }
    }
    drop(unread);
    eventually("the health server answers", || {
        vendors::try_get(&format!("http://{address}/readyz")).ok_or(())
    })
    .unwrap();
    assert_eq!(operator.log().matches(SAID).count(), 1);
}
