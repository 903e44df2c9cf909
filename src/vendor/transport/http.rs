//! The HTTP clients and the memory that all accounts share.

use crate::vendor::endpoint::is_loopback;
use crate::vendor::memory::AnswerMemory;
use reqwest::Url;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;

/// Time limit for establishing a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The HTTP clients that all accounts share, with connections and trusted authorities. A client takes about a megabyte and is
/// built on first use.
#[derive(Clone)]
pub(crate) struct Http {
    client: Arc<OnceLock<reqwest::Client>>,
    /// For loopback addresses. A proxy would read what is sent there unencrypted.
    direct: Arc<OnceLock<reqwest::Client>>,
    pub(super) memory: AnswerMemory,
    /// Each token exchange in flight subscribes to it.
    pub(super) exchanges: Arc<watch::Sender<()>>,
}

impl Default for Http {
    fn default() -> Self {
        Self {
            client: Arc::default(),
            direct: Arc::default(),
            memory: AnswerMemory::default(),
            exchanges: Arc::new(watch::channel(()).0),
        }
    }
}

impl Http {
    /// Sets the memory for answers.
    pub(in crate::vendor) fn with_memory(self, memory: AnswerMemory) -> Self {
        Self { memory, ..self }
    }

    /// Waits until no token exchange is in flight: the process must not end during one.
    pub(in crate::vendor) async fn token_exchanges_done(&self) {
        self.exchanges.closed().await;
    }

    /// Returns the client for an address.
    pub(super) fn client(&self, url: &Url) -> Result<reqwest::Client, reqwest::Error> {
        let is_direct = is_loopback(url);
        let kept = if is_direct { &self.direct } else { &self.client };
        if let Some(client) = kept.get() {
            return Ok(client.clone());
        }
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirect would send credentials to an unchecked host.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("hooktender/", env!("CARGO_PKG_VERSION")));
        let client = if is_direct { builder.no_proxy() } else { builder }.build()?;
        Ok(kept.get_or_init(|| client).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_addresses_bypass_the_proxy() {
        let http = Http::default();
        for (url, is_direct) in [
            ("http://127.0.0.1:4000/", true),
            ("http://127.9.9.9/", true),
            ("http://[::1]:1/", true),
            ("http://localhost/", true),
            ("https://online.superoffice.com/", false),
        ] {
            http.client(&Url::parse(url).unwrap()).unwrap();
            assert_eq!(
                (http.direct.get().is_some(), http.client.get().is_some()),
                (true, !is_direct),
                "{url}"
            );
        }
    }
}
