//! The HTTP clients that all accounts share, and what else they share.

use crate::vendor::endpoint::is_loopback;
use crate::vendor::memory::AnswerMemory;
use reqwest::Url;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::watch;

/// How long a connection may take to come about.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The HTTP client that all accounts share, with its connections and with the authorities that it trusts, which take a
/// megabyte. It is made when the first of them needs it.
#[derive(Clone)]
pub(crate) struct Http {
    client: Arc<OnceLock<reqwest::Client>>,
    /// For addresses of this machine, which a proxy has nothing to do with: it would read what is sent there in clear.
    direct: Arc<OnceLock<reqwest::Client>>,
    pub(super) memory: AnswerMemory,
    /// Each exchange of tokens that is under way subscribes to it.
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
    /// The same with another memory for answers.
    pub(in crate::vendor) fn with_memory(self, memory: AnswerMemory) -> Self {
        Self { memory, ..self }
    }

    /// Waits until no exchange of tokens is under way: the process must not end in the middle of one.
    pub(in crate::vendor) async fn token_exchanges_done(&self) {
        self.exchanges.closed().await;
    }

    /// The client for an address; an error says why it cannot be set up.
    pub(super) fn client(&self, url: &Url) -> Result<reqwest::Client, reqwest::Error> {
        let is_direct = is_loopback(url);
        let kept = if is_direct { &self.direct } else { &self.client };
        if let Some(client) = kept.get() {
            return Ok(client.clone());
        }
        let builder = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            // A redirect would carry credentials to a host that nobody checked.
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
    fn loopback_has_a_client_of_its_own() {
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
