//! Whatever answers in a vendor's place, it costs bounded memory and time, and the other accounts nothing.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use flate2::{Compress, Compression, FlushCompress};
use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::scene::{SOON, Scene, condition, secret, webhook};
use crate::vendors::Vendor;

const MIB: usize = 1 << 20;
/// What it would send if it were let.
const FLOOD: usize = 1 << 30;
/// How much of a list comes before it drips.
const LONG: usize = 40 * MIB;
/// What an account in trouble may add to what the operator takes, at most: a whole list, once more while it grows.
const MOST: usize = 150 * MIB;

/// The memory that answers may take where several long lists come at once.
const ANSWERS: usize = 200 * MIB;

/// A server on loopback that answers what nobody should, always in the same way.
struct Flood {
    address: String,
    sent: Arc<AtomicUsize>,
}

impl Flood {
    fn of(what: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let sent = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&sent);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut line = Counted { stream: stream.unwrap(), sent: Arc::clone(&counter) };
                // An error is a caller who has heard enough.
                thread::spawn(move || answer(what, &mut line));
            }
        });
        Self { address, sent }
    }
}

/// A connection that tells how much went through it.
struct Counted {
    stream: TcpStream,
    sent: Arc<AtomicUsize>,
}

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.stream.write(bytes)?;
        self.sent.fetch_add(count, Ordering::Relaxed);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}

/// Answers one request, and closes the connection.
fn answer(what: &str, line: &mut Counted) -> std::io::Result<()> {
    let mut reader = BufReader::new(line.stream.try_clone()?);
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    if what == "pages" && head.contains("/token") {
        return respond(line, "", br#"{"access_token": "canary"}"#);
    }
    match what {
        "endless" | "token" => {
            begin(line, "")?;
            line.write_all(b"[")?;
            let item = format!("\"{}\",", "x".repeat(MIB - 3));
            for _ in 0..FLOOD / MIB {
                line.write_all(item.as_bytes())?;
            }
            line.write_all(b"0]")
        }
        "values" => respond(line, "", format!("[{}1]", "1,".repeat(20 * MIB)).as_bytes()),
        "deep" => respond(line, "", ("[".repeat(MIB / 4) + &"]".repeat(MIB / 4)).as_bytes()),
        "header" => respond(line, &format!("X-Long: {}\r\n", "x".repeat(MIB)), b"[]"),
        "packed" => {
            begin(line, "Content-Encoding: gzip\r\n")?;
            line.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])?;
            let block = packed(&vec![b' '; MIB]);
            for _ in 0..FLOOD / MIB {
                line.write_all(&block)?;
            }
            Ok(())
        }
        "silent" => {
            line.sent.fetch_add(1, Ordering::Relaxed);
            // Until the caller gives up.
            line.stream.read_to_end(&mut Vec::new()).map(|_| ())
        }
        "drip" | "long" => {
            begin(line, "")?;
            if what == "long" {
                // A write comes back when all of it has been taken.
                for _ in 0..LONG / 1024 {
                    line.write_all(&[b' '; 1024])?;
                }
            }
            loop {
                line.write_all(b" ")?;
                thread::sleep(Duration::from_millis(200));
            }
        }
        "pages" => {
            static NEXT: AtomicUsize = AtomicUsize::new(0);
            let pad = "x".repeat(20_000);
            let items: Vec<Value> = (0..100)
                .map(|_| json!({"id": NEXT.fetch_add(1, Ordering::Relaxed).to_string(), "pad": pad}))
                .collect();
            let page = json!({"pageIndex": 0, "pageSize": 100, "totalCount": u32::MAX, "pageCount": u32::MAX, "items": items});
            respond(line, "", page.to_string().as_bytes())
        }
        other => panic!("{other}"),
    }
}

fn begin(line: &mut Counted, headers: &str) -> std::io::Result<()> {
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n{headers}\r\n");
    line.write_all(head.as_bytes())
}

fn respond(line: &mut Counted, headers: &str, body: &[u8]) -> std::io::Result<()> {
    begin(line, &format!("Content-Length: {}\r\n{headers}", body.len()))?;
    line.write_all(body)
}

/// A piece of a deflate stream that knows nothing of the pieces before it, so that it can be sent again and again.
fn packed(text: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(text.len());
    Compress::new(Compression::best(), false).compress_vec(text, &mut block, FlushCompress::Full).unwrap();
    assert!(block.len() * 100 < text.len());
    block
}

/// An account whose vendor is that server: one that asks for a token first, or one that does not.
fn account(name: &str, address: &str) -> Value {
    let key = |key| json!({"name": "anything", "key": key});
    let vendor = if matches!(name, "token" | "pages") {
        json!({"contensis": {"url": address, "project": "p", "credentials":
            {"clientCredentials": {"clientIdSecretRef": key("a"), "clientSecretSecretRef": key("b")}}}})
    } else {
        json!({"superoffice": {"onsite": {"url": address}, "credentials":
            {"basic": {"usernameSecretRef": key("a"), "passwordSecretRef": key("b")}}}})
    };
    json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount", "metadata": {"name": name},
        "spec": {"resyncInterval": "1h", "vendor": vendor},
    })
}

#[test]
fn what_a_vendor_sends_without_end_costs_little_and_the_others_nothing() {
    let cases = [
        // Which, what its account says, and how much is sent of it at most.
        ("endless", "the answer is longer than 64 MiB", 80 * MIB),
        ("token", "the answer is longer than 4 MiB", 20 * MIB),
        ("packed", "the answer is longer than 64 MiB", MIB),
        ("values", "the answer holds more than 500000 values", 41 * MIB),
        ("deep", "is not what the vendor documents", 2 * MIB),
        ("header", "incomplete answer", 3 * MIB),
        ("pages", "the list has no end", 80 * MIB),
        ("drip", "no answer in time", 1024),
    ];
    let floods = cases.map(|(name, ..)| Flood::of(name));
    let mut flags = vec!["--request-timeout", "10s"];
    flags.extend(floods.iter().flat_map(|flood| ["--allow-endpoint", flood.address.as_str()]));
    let (scene, tenant) = Scene::with_account("bounds", Vendor::Superoffice);
    let operator = scene.operator_with(&flags);
    scene.apply(&secret("anything", &json!({"a": "canary-name", "b": "canary-pass"})));
    scene.apply(&webhook("first", Vendor::Superoffice));
    scene.ready("first");
    let before = peak(&operator);
    for ((name, says, most), flood) in cases.into_iter().zip(&floods) {
        let start = Instant::now();
        scene.apply(&account(name, &flood.address));
        let message = eventually(SOON * 2, &format!("{name} is in trouble"), || {
            let ready = condition(&scene.account(name), "Ready");
            ready.filter(|ready| ready.reason == "Unavailable").map(|ready| ready.message).ok_or(())
        })
        .unwrap();
        let (took, sent) = (start.elapsed(), flood.sent.load(Ordering::Relaxed));
        // One at a time.
        scene.patch(&format!("vendoraccount/{name}"), &json!({"spec": {"suspend": true}}));
        scene.account_becomes(name, "suspended", |account| {
            condition(account, "Ready").is_some_and(|ready| ready.reason == "Suspended")
        });
        eprintln!(
            "{name}: {took:.1?}, {} KiB sent, peak +{} MiB: {message}",
            sent >> 10,
            (peak(&operator) - before) / MIB
        );
        assert!(message.contains(says), "{name}: {message}");
        assert!(sent > 0 && sent < 2 * most, "{name}: {sent} bytes were sent");
    }
    let more = peak(&operator) - before;
    assert!(more < MOST, "{} MiB more than at rest", more / MIB);
    // Nobody else has noticed.
    scene.pass("account");
    scene.ready("first");
    assert_eq!(tenant.writes(), 1);
}

/// Sets out accounts at servers of one kind, and an operator that works on one account at a time.
fn crowd(scene: &Scene, what: &'static str, size: usize) -> (Operator, Vec<Flood>) {
    let floods: Vec<_> = (0..size).map(|_| Flood::of(what)).collect();
    let memory = ANSWERS.to_string();
    let mut flags = vec!["--concurrency", "1", "--request-timeout", "80s", "--answer-memory", &memory];
    flags.extend(floods.iter().flat_map(|flood| ["--allow-endpoint", flood.address.as_str()]));
    let operator = scene.operator_with(&flags);
    scene.apply(&secret("anything", &json!({"a": "canary-name", "b": "canary-pass"})));
    for (number, flood) in floods.iter().enumerate() {
        scene.apply(&account(&format!("{what}-{number}"), &flood.address));
    }
    (operator, floods)
}

/// How many of them have sent more than that.
fn beyond(floods: &[Flood], bytes: usize) -> usize {
    floods.iter().filter(|flood| flood.sent.load(Ordering::Relaxed) > bytes).count()
}

#[test]
fn vendors_that_never_answer_hold_up_nobody_else() {
    let (scene, _tenant) = Scene::with_account("silence", Vendor::Superoffice);
    let (_operator, floods) = crowd(&scene, "silent", 6);
    eventually(SOON, "all of them are asked, although none has answered", || {
        let asked = beyond(&floods, 0);
        if asked == floods.len() { Ok(()) } else { Err(asked) }
    })
    .unwrap();
    scene.apply(&webhook("first", Vendor::Superoffice));
    scene.ready("first");
    for number in 0..floods.len() {
        assert_eq!(condition(&scene.account(&format!("silent-{number}")), "Ready"), None, "it still waits");
    }
}

#[test]
fn an_edit_waits_for_none_of_a_hundred_accounts_that_hang() {
    let (scene, tenant) = Scene::with_account("hundred", Vendor::Superoffice);
    let flood = Flood::of("silent");
    let _operator = scene.operator_with(&["--concurrency", "2", "--allow-endpoint", &flood.address]);
    scene.apply(&webhook("first", Vendor::Superoffice));
    scene.ready("first");
    scene.apply(&secret("anything", &json!({"a": "canary-name", "b": "canary-pass"})));
    let hanging = |number| account(&format!("hangs-{number}"), &format!("{}/{number}", flood.address));
    let hanging: Vec<_> = (0..100).map(hanging).collect();
    scene.apply(&json!({"apiVersion": "v1", "kind": "List", "items": hanging}));
    let asked = || flood.sent.load(Ordering::Relaxed);
    eventually(SOON, "each of them is asked", || if asked() == 100 { Ok(()) } else { Err(asked()) }).unwrap();
    tenant.clear_journal();
    let edit = json!({"spec": {"subscription": {"superoffice": {"errorsEmail": "new@example.com"}}}});
    scene.patch("webhook/first", &edit);
    scene.ready("first");
    assert_eq!(tenant.count("update"), 1);
    assert_eq!(asked(), 100, "all of them still wait for their first answer");
}

#[test]
fn long_lists_share_the_memory_of_answers() {
    let (scene, _tenant) = Scene::with_account("turns", Vendor::Superoffice);
    let (operator, floods) = crowd(&scene, "long", 8);
    let before = peak(&operator);
    eventually(SOON, "all begin, and as many go on as there is memory for", || {
        let (begun, gone_on) = (beyond(&floods, MIB / 2), beyond(&floods, LONG - 1));
        if begun == floods.len() && gone_on >= 1 { Ok(()) } else { Err((begun, gone_on)) }
    })
    .unwrap();
    scene.apply(&webhook("first", Vendor::Superoffice));
    scene.ready("first");
    let more = peak(&operator) - before;
    assert!(more < ANSWERS + ANSWERS / 8, "{} MiB more than at rest", more / MIB);
}

/// The most memory that the operator has had so far.
fn peak(operator: &Operator) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", operator.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}
