//! Whatever a server in a vendor's place answers, it costs bounded memory and time, and other accounts nothing.

use std::io::{BufRead as _, BufReader, Read as _, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use flate2::{Compress, Compression, FlushCompress};
use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::scene::{Scene, condition, secret, webhook};
use crate::vendors::Vendor;

const MIB: usize = 1 << 20;
/// How much it would send without a limit.
const FLOOD: usize = 1 << 30;
/// Length of a list before it is sent byte by byte.
const LONG: usize = 40 * MIB;
/// Memory that the accounts of a test may add, at most: a whole list, and once more while it grows.
const MOST: usize = 150 * MIB;

/// Memory for answers where several long lists are read at once.
const ANSWERS: usize = 200 * MIB;

/// A request timeout that no test reaches; a pass is given up after 240 s.
const PATIENT: [&str; 2] = ["--request-timeout", "200s"];

/// A server on loopback that gives the same harmful answer to each request.
struct Flood {
    address: String,
    /// Bytes, over all answers.
    sent: Arc<AtomicUsize>,
    /// How often a list or a token was asked for; the later pages of a list are not counted.
    asked: Arc<AtomicUsize>,
}

impl Flood {
    fn of(what: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (sent, asked) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counters = (Arc::clone(&sent), Arc::clone(&asked));
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (sent, asked) = (Arc::clone(&counters.0), Arc::clone(&counters.1));
                let mut line = Counted { stream: stream.unwrap(), sent, asked };
                // An error is a caller that has closed the connection.
                thread::spawn(move || answer(what, &mut line));
            }
        });
        Self { address, sent, asked }
    }
}

/// A connection that counts what is sent through it.
struct Counted {
    stream: TcpStream,
    sent: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
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
    let is_later_page = head.contains("pageIndex=") && !head.contains("pageIndex=0");
    line.asked.fetch_add(usize::from(!is_later_page), Ordering::Relaxed);
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
                // A write returns when all of it was received.
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

/// A piece of a deflate stream that does not depend on the pieces before it, so that it can be repeated.
fn packed(text: &[u8]) -> Vec<u8> {
    let mut block = Vec::with_capacity(text.len());
    Compress::new(Compression::best(), false).compress_vec(text, &mut block, FlushCompress::Full).unwrap();
    assert!(block.len() * 100 < text.len());
    block
}

/// An account whose vendor is that server, with or without a token request first.
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
        // Its name, what its account says, and how many bytes are sent for one request at most.
        ("endless", "the answer is longer than 64 MiB", 80 * MIB),
        ("token", "the answer is longer than 4 MiB", 20 * MIB),
        ("packed", "the answer is longer than 64 MiB", MIB + MIB / 16),
        ("values", "the answer has more than 500000 values", 41 * MIB),
        ("deep", "is not what the vendor documents", 2 * MIB),
        ("header", "incomplete answer", 3 * MIB),
        ("pages", "the list does not end", 80 * MIB),
    ];
    let (scene, tenant) = Scene::with_account("bounds", Vendor::Superoffice);
    scene.apply(&secret("anything", &json!({"a": "canary-name", "b": "canary-pass"})));
    scene.apply(&webhook("first", Vendor::Superoffice));
    costs_little(&scene, &PATIENT, &cases);
    // Only this one lasts until the timeout.
    costs_little(&scene, &["--request-timeout", "2s"], &[("drip", "no answer in time", 1024)]);
    assert_eq!(tenant.writes(), 1);
}

/// Runs an operator with these flags, and accounts at servers of these kinds one after the other: each is refused for its reason, after
/// a bounded number of bytes and with bounded memory, and the usual account goes on.
fn costs_little(scene: &Scene, flags: &[&str], cases: &[(&'static str, &str, usize)]) {
    let floods: Vec<Flood> = cases.iter().map(|(name, ..)| Flood::of(name)).collect();
    let mut flags = flags.to_vec();
    flags.extend(floods.iter().flat_map(|flood| ["--allow-endpoint", flood.address.as_str()]));
    let operator = scene.operator_with(&flags);
    scene.ready("first");
    scene.pass("account");
    let before = peak(&operator);
    for ((name, says, most), flood) in cases.iter().zip(&floods) {
        scene.apply(&account(name, &flood.address));
        let message = eventually(&format!("{name} is in trouble"), || {
            let ready = condition(&scene.account(name), "Ready");
            ready.filter(|ready| ready.reason == "Unavailable").map(|ready| ready.message).ok_or(())
        })
        .unwrap();
        let sent = flood.sent.load(Ordering::Relaxed);
        let asked = flood.asked.load(Ordering::Relaxed);
        // One at a time.
        scene.patch(&format!("vendoraccount/{name}"), &json!({"spec": {"suspend": true}}));
        scene.account_becomes(name, "suspended", |account| {
            condition(account, "Ready").is_some_and(|ready| ready.reason == "Suspended")
        });
        let more = peak(&operator).saturating_sub(before) / MIB;
        eprintln!("{name}: {} KiB sent for {asked} requests, peak +{more} MiB: {message}", sent >> 10);
        assert!(message.contains(says), "{name}: {message}");
        assert!(sent > 0 && sent < asked * most, "{name}: {sent} bytes were sent for {asked} requests");
    }
    let more = peak(&operator).saturating_sub(before);
    assert!(more < MOST, "{} MiB more than at rest", more / MIB);
    // The other account goes on.
    scene.pass("account");
    scene.ready("first");
    operator.terminate();
}

/// Starts an operator that works on one account at a time, and makes accounts at servers of one kind. Returns also the operator's peak of
/// memory before there was an account of these.
fn crowd(scene: &Scene, what: &'static str, size: usize) -> (Operator, Vec<Flood>, usize) {
    let floods: Vec<_> = (0..size).map(|_| Flood::of(what)).collect();
    let memory = ANSWERS.to_string();
    let mut flags = [&["--concurrency", "1", "--answer-memory", &memory], &PATIENT[..]].concat();
    flags.extend(floods.iter().flat_map(|flood| ["--allow-endpoint", flood.address.as_str()]));
    let operator = scene.operator_with(&flags);
    scene.pass("account");
    let before = peak(&operator);
    scene.apply(&secret("anything", &json!({"a": "canary-name", "b": "canary-pass"})));
    for (number, flood) in floods.iter().enumerate() {
        scene.apply(&account(&format!("{what}-{number}"), &flood.address));
    }
    (operator, floods, before)
}

/// Returns how many of them have sent more than that.
fn beyond(floods: &[Flood], bytes: usize) -> usize {
    floods.iter().filter(|flood| flood.sent.load(Ordering::Relaxed) > bytes).count()
}

#[test]
fn vendors_that_never_answer_hold_up_nobody_else() {
    let (scene, _tenant) = Scene::with_account("silence", Vendor::Superoffice);
    let (_operator, floods, _) = crowd(&scene, "silent", 6);
    eventually("all of them are asked, although none has answered", || {
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
    let flags = [&["--concurrency", "2", "--allow-endpoint", &flood.address], &PATIENT[..]].concat();
    let _operator = scene.operator_with(&flags);
    scene.apply(&webhook("first", Vendor::Superoffice));
    scene.ready("first");
    scene.apply(&secret("anything", &json!({"a": "canary-name", "b": "canary-pass"})));
    let hanging = |number| account(&format!("hangs-{number}"), &format!("{}/{number}", flood.address));
    let hanging: Vec<_> = (0..100).map(hanging).collect();
    scene.apply(&json!({"apiVersion": "v1", "kind": "List", "items": hanging}));
    let asked = || flood.sent.load(Ordering::Relaxed);
    eventually("each of them is asked", || if asked() == 100 { Ok(()) } else { Err(asked()) }).unwrap();
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
    let (operator, floods, before) = crowd(&scene, "long", 8);
    eventually("all begin, and as many go on as there is memory for", || {
        let (begun, gone_on) = (beyond(&floods, MIB / 2), beyond(&floods, LONG - 1));
        if begun == floods.len() && gone_on >= 1 { Ok(()) } else { Err((begun, gone_on)) }
    })
    .unwrap();
    scene.apply(&webhook("first", Vendor::Superoffice));
    scene.ready("first");
    let more = peak(&operator).saturating_sub(before);
    assert!(more < ANSWERS + ANSWERS / 8, "{} MiB more than at rest", more / MIB);
}

/// Returns the most memory that the operator has had so far, in bytes. The kernel counts in steps: a later answer may be a little less.
fn peak(operator: &Operator) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", operator.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
}
