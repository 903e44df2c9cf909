//! Asks `/readyz` of another process.
//!
//! One hand-written request, as our own server is the only one that it is put to: an HTTP client would be a second way out
//! of this process beside `vendor::transport`.

use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// How long one answer may take, and how long until it is asked for again.
const ANSWER: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(250);
/// More than our own answers have.
const LONGEST: u64 = 4096;

/// Comes back when whoever listens at `host:port` is ready; an error says what was so last when the time is over.
pub async fn until_ready(address: &str, within: Duration) -> Result<(), String> {
    let mut last = "it was not asked".to_owned();
    let asking = async {
        loop {
            last = match timeout(ANSWER, ask(address)).await {
                Ok(Ok(())) => return,
                Ok(Err(not_yet)) => not_yet,
                Err(_) => format!("no answer within {} s", ANSWER.as_secs()),
            };
            sleep(PAUSE).await;
        }
    };
    let ready = timeout(within, asking).await;
    ready.map_err(|_| format!("{address} was not ready within {} s: {last}", within.as_secs()))
}

async fn ask(address: &str) -> Result<(), String> {
    let answer = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("GET /readyz HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
        let mut answer = Vec::new();
        stream.take(LONGEST).read_to_end(&mut answer).await?;
        std::io::Result::Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    let answer = answer.await.map_err(|error| error.to_string())?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    let line = head.lines().next().unwrap_or_default();
    match line.split(' ').nth(1) {
        Some("200") => Ok(()),
        _ => Err(format!("{line}: {}", body.trim())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::{Health, Metrics, MetricsToken, serve};

    #[tokio::test]
    async fn it_waits_until_the_server_is_ready() {
        let health = Health::default();
        let any = "127.0.0.1:0".parse().unwrap();
        let ended = std::future::pending();
        let address = serve(any, health.clone(), Metrics::default(), MetricsToken::default(), ended)
            .await
            .unwrap()
            .to_string();
        let refused = until_ready(&address, Duration::from_millis(1)).await;
        assert!(refused.unwrap_err().contains("was not ready within 0 s"));
        let not_yet = ask(&address).await.unwrap_err();
        assert!(not_yet.ends_with("503 Service Unavailable: caches are not filled yet"), "{not_yet}");
        let waiting = until_ready(&address, Duration::from_secs(30));
        let (waited, ()) = tokio::join!(waiting, async { health.ready() });
        assert_eq!(waited, Ok(()));
    }

    #[tokio::test]
    async fn it_says_that_nobody_listens() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        drop(listener);
        let refused = until_ready(&address, Duration::from_millis(50)).await.unwrap_err();
        assert!(
            refused.starts_with(&format!("{address} was not ready within 0 s: Connection refused")),
            "{refused}"
        );
    }
}
