//! Requests `/readyz` of another process.
//!
//! The request is written by hand, because it only ever goes to hooktender's own server: an HTTP client would be a second
//! way out of this process beside `vendor::transport`.

use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

/// How long one response may take.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// How long until the next request.
const RETRY_INTERVAL: Duration = Duration::from_millis(250);
/// Bytes of a response that are read; hooktender's own are shorter.
const MAX_RESPONSE: u64 = 4096;

/// Waits until the process that listens at `host:port` is ready. After `within`, returns an error with the last response.
pub async fn until_ready(address: &str, within: Duration) -> Result<(), String> {
    let mut last = "no request was sent".to_owned();
    let polling = async {
        loop {
            last = match timeout(RESPONSE_TIMEOUT, request(address)).await {
                Ok(Ok(())) => return,
                Ok(Err(not_yet)) => not_yet,
                Err(_) => format!("no response within {} s", RESPONSE_TIMEOUT.as_secs()),
            };
            sleep(RETRY_INTERVAL).await;
        }
    };
    let ready = timeout(within, polling).await;
    ready.map_err(|_| format!("{address} was not ready within {} s: {last}", within.as_secs()))
}

async fn request(address: &str) -> Result<(), String> {
    let response = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(format!("GET /readyz HTTP/1.0\r\nHost: {address}\r\n\r\n").as_bytes()).await?;
        let mut response = Vec::new();
        stream.take(MAX_RESPONSE).read_to_end(&mut response).await?;
        std::io::Result::Ok(String::from_utf8_lossy(&response).into_owned())
    };
    let response = response.await.map_err(|error| error.to_string())?;
    let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
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
    async fn waits_until_the_server_is_ready() {
        let health = Health::default();
        let any = "127.0.0.1:0".parse().unwrap();
        let stop = std::future::pending();
        let address = serve(any, health.clone(), Metrics::default(), MetricsToken::default(), stop)
            .await
            .unwrap()
            .to_string();
        let refused = until_ready(&address, Duration::from_millis(1)).await;
        assert!(refused.unwrap_err().contains("was not ready within 0 s"));
        let not_yet = request(&address).await.unwrap_err();
        assert!(not_yet.ends_with("503 Service Unavailable: caches not synced yet"), "{not_yet}");
        let waiting = until_ready(&address, Duration::from_secs(30));
        let (waited, ()) = tokio::join!(waiting, async { health.set_ready() });
        assert_eq!(waited, Ok(()));
    }

    #[tokio::test]
    async fn reports_that_nothing_listens() {
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
