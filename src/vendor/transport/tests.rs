use super::*;
use crate::api::brightpearl::{AppToken, BrightpearlAccount, BrightpearlCredentials};
use crate::api::{SecretKeyRef, account::Vendor};
use crate::vendor::memory::AnswerMemory;
use reqwest::StatusCode;
use std::sync::atomic::{AtomicU32, Ordering};

fn account() -> Vendor {
    let token_secret_ref = SecretKeyRef { name: "login".into(), key: "token".into() };
    Vendor::Brightpearl(BrightpearlAccount {
        datacenter: Some("euw1".into()),
        url: None,
        account: "acme".into(),
        credentials: BrightpearlCredentials::StaffToken(AppToken {
            app_ref: "acme_ops".into(),
            token_secret_ref,
        }),
    })
}

/// The check behind the type: a read-only client never sends a write.
#[tokio::test]
async fn a_read_only_client_sends_no_write() {
    let calls = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&calls);
    let report: Reporter = Arc::new(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
    });
    let budget = Arc::new(Budget::of(&account(), None));
    let transport = Transport::new(
        &Http::default(),
        VendorName::Brightpearl,
        Access::ReadOnly,
        Redactor::default(),
        budget,
        report,
    );
    // Nothing listens there: a call that is sent fails, and is counted.
    let url = || Url::parse("http://127.0.0.1:9/").unwrap();
    for operation in [Operation::Create, Operation::Update, Operation::Delete] {
        let error = transport.send(Call::new(operation, Method::POST, url())).await.err().unwrap();
        assert_eq!((error.class, error.outcome_unknown), (Class::Rejected, false), "{error}");
        assert!(error.message.contains("may only read"), "{error}");
    }
    assert_eq!(calls.load(Ordering::Relaxed), 0);
    assert!(transport.send(Call::new(Operation::List, Method::GET, url())).await.is_err());
    assert_ne!(calls.load(Ordering::Relaxed), 0, "a read is sent");
}

/// Buffers that held a secret are wiped when they are dropped. The compiler checks it.
#[test]
fn buffers_with_secrets_are_wiped() {
    fn is_wiped(_: &impl zeroize::ZeroizeOnDrop) {}
    is_wiped(&in_json(&serde_json::json!({"secret": "s"})));
    is_wiped(&as_form(&[("secret", "s".into())]));
}

/// A list is kept in memory once, and of any other answer only the part.
#[test]
fn a_part_is_a_view_of_a_list_and_a_copy_of_any_other_answer() {
    let elsewhere = serde_json::value::to_raw_value("elsewhere").unwrap();
    for (operation, is_view) in [(Operation::List, true), (Operation::Create, false)] {
        let answer = Answer::of(operation, StatusCode::OK, HeaderMap::new(), r#"[{"id": 1}]"#);
        let items: Vec<&serde_json::value::RawValue> = answer.json().unwrap();
        let part = answer.part(items[0]);
        assert_eq!(part, r#"{"id": 1}"#);
        assert_eq!(answer.body.as_ptr_range().contains(&part.as_ptr()), is_view, "{operation:?}");
        assert_eq!(answer.part(&elsewhere), r#""elsewhere""#);
    }
}

/// Bodies and headers are sent unchanged, and `Debug` does not show a header that holds a secret.
#[test]
fn bodies_and_headers_are_sent_unchanged() {
    let form = as_form(&[("a b", "c&d=\u{fc}".into()), ("e", "".into())]);
    assert_eq!(std::str::from_utf8(&form).unwrap(), "a+b=c%26d%3D%C3%BC&e=");
    let json = serde_json::json!({"a": ["\"", 1.5, null]});
    assert_eq!(std::str::from_utf8(&in_json(&json)).unwrap(), json.to_string());
    let report: Reporter = Arc::new(|_| {});
    let budget = Arc::new(Budget::of(&account(), None));
    let (vendor, access) = (VendorName::Brightpearl, Access::ReadOnly);
    let transport = Transport::new(&Http::default(), vendor, access, Redactor::default(), budget, report);
    let mut call = Call::new(Operation::List, Method::GET, Url::parse("http://127.0.0.1:9/").unwrap());
    call.headers.push((reqwest::header::AUTHORIZATION, "Bearer canary".into()));
    let request = transport.request(&call).unwrap();
    assert_eq!(request.headers()["authorization"], "Bearer canary");
    assert!(!format!("{request:?}").contains("canary"), "{request:?}");
}

/// The parser's message repeats what it found, which may be the token in a login's answer.
#[test]
fn a_login_that_cannot_be_read_is_not_repeated() {
    let answer = |operation| Answer::of(operation, StatusCode::OK, HeaderMap::new(), "{\"n\": \"canary\"}");
    let read = |operation| answer(operation).json::<std::collections::HashMap<String, u8>>().unwrap_err();
    assert!(read(Operation::List).message.contains("canary"), "{}", read(Operation::List).message);
    let message = read(Operation::Token).message;
    assert!(message.contains("line 1, column 14") && !message.contains("canary"), "{message}");
}

fn transport(budget: &Arc<Budget>, http: &Http) -> Transport {
    let (vendor, access) = (VendorName::Brightpearl, Access::ReadOnly);
    let (redactor, report): (_, Reporter) = (Redactor::default(), Arc::new(|_| {}));
    Transport::new(http, vendor, access, redactor, Arc::clone(budget), report)
}

/// Starts a server that answers each request with `answer`, or closes the connection if it is empty. Counts requests.
async fn server(answer: &'static [u8]) -> (Url, Arc<AtomicU32>) {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
    let asked = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&asked);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.read(&mut [0; 4096]).await;
            counter.fetch_add(1, Ordering::Relaxed);
            let _ = stream.write_all(answer).await;
        }
    });
    (url, asked)
}

#[tokio::test]
async fn each_sent_request_counts_and_none_exceeds_the_budget() {
    let (url, asked) = server(b"").await;
    let rate = crate::api::account::RateLimit { requests_per_minute: 3, reserve: 0 };
    let budget = Arc::new(Budget::of(&account(), Some(&rate)));
    let transport = transport(&budget, &Http::default());
    let read = || transport.send(Call::new(Operation::List, Method::GET, url.clone()));
    assert!(read().await.is_err());
    assert_eq!((asked.load(Ordering::Relaxed), budget.remaining()), (2, Some(1)), "it was retried");
    // The budget has no call left for a retry.
    assert!(read().await.is_err());
    assert_eq!((asked.load(Ordering::Relaxed), budget.remaining()), (3, Some(0)));
    assert!(read().await.err().unwrap().is_paced());
    assert_eq!(asked.load(Ordering::Relaxed), 3);
}

/// Time limit of a request.
const REQUEST: Duration = Duration::from_secs(1);

/// Memory becomes available after the request's time limit.
#[tokio::test]
async fn waiting_for_memory_does_not_count_against_the_time_limit() {
    let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}[]", " ".repeat(3 << 20));
    let (url, _) = server(Box::leak(answer.into_boxed_str()).as_bytes()).await;
    let memory = AnswerMemory::new(64 << 20);
    let (http, budget) =
        (Http::default().with_memory(memory.clone()), Arc::new(Budget::of(&account(), None)));
    let another = memory.reserve(AnswerKind::List);
    another.grow_to(52 << 20).await.unwrap();
    let mut call = Call::new(Operation::List, Method::GET, url);
    call.timeout = REQUEST;
    let transport = transport(&budget, &http);
    let later = async {
        tokio::time::sleep(REQUEST * 2).await;
        drop(another);
    };
    let (answer, ()) = tokio::join!(transport.send(call), later);
    let answer = answer.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(answer.json::<Vec<u8>>().unwrap(), [0; 0]);
}

/// Sends a list call to a server that answers with `answer`, with that much memory for all answers.
async fn listed(answer: String, memory: usize) -> Result<Answer, VendorError> {
    let answer = format!("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{answer}");
    let (url, _) = server(Box::leak(answer.into_boxed_str()).as_bytes()).await;
    let http = Http::default().with_memory(AnswerMemory::new(memory));
    let budget = Arc::new(Budget::of(&account(), None));
    transport(&budget, &http).send(Call::new(Operation::List, Method::GET, url)).await
}

#[tokio::test]
async fn the_values_and_the_memory_of_a_list_are_bounded() {
    let ten_thousand = format!("[{}0]", format!("{{{}\"n\":1}},", "\"a\":1,".repeat(48)).repeat(9_999));
    assert!(listed(ten_thousand, 64 << 20).await.is_ok());
    let more = listed(format!("[{}0]", "{},".repeat(300_000)), 64 << 20).await.err().unwrap();
    assert!(more.message.contains("more than 500000 values"), "{more}");
    let long = listed(format!("[{}]", " ".repeat(27 << 20)), 64 << 20).await.err().unwrap();
    assert!(long.message.contains("needs more than the 52 MiB"), "{long}");
}
