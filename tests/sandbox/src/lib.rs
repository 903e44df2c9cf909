//! Stateful sandbox of the webhook APIs of Brightpearl, Contensis and SuperOffice, over real HTTP.
//!
//! Each vendor has its own listener and behaves as that vendor does: envelopes, headers, status codes, ids, defaults, validation
//! and forms of "not found". A fourth listener is the control API, with which tests and the demo read the vendors' state, edit it
//! as somebody else, and set faults. Nothing here knows hooktender: the sandbox is written from what is known about the vendors.
//!
//! Where a vendor's behaviour is not known, the most likely one is the default and the others are settings.

#![expect(clippy::doc_markdown, reason = "SuperOffice is a name, not code")]

mod brightpearl;
mod contensis;
mod control;
mod exchange;
mod fault;
mod journal;
mod pace;
mod server;
mod superoffice;
mod world;

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::server::{ListenerState, Service};
use crate::world::{Shared, VendorName};

/// How long [`Sandbox::stop`] waits for requests in flight.
pub const STOP_LIMIT: Duration = Duration::from_secs(10);

/// Where and how to listen. A port of 0 means any free one.
#[derive(Debug, Clone)]
pub struct Options {
    /// A loopback address: the credentials are public and nothing is encrypted.
    pub address: IpAddr,
    /// The port of Brightpearl.
    pub brightpearl_port: u16,
    /// The port of Contensis.
    pub contensis_port: u16,
    /// The port of SuperOffice.
    pub superoffice_port: u16,
    /// The port of the control API.
    pub control_port: u16,
    /// One line per request on standard error.
    pub log: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            brightpearl_port: 0,
            contensis_port: 0,
            superoffice_port: 0,
            control_port: 0,
            log: false,
        }
    }
}

/// Why a sandbox does not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address can be reached from outside this machine.
    #[error("{0} is not a loopback address")]
    NotLoopback(IpAddr),
    /// The port is in use, or the system refuses.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        source: io::Error,
    },
}

/// The base addresses, as the binary prints them.
#[derive(Debug, Clone, Serialize)]
pub struct Addresses {
    /// Brightpearl: the host part, before `/public-api`.
    pub brightpearl: String,
    /// Contensis: the root of the CMS.
    pub contensis: String,
    /// SuperOffice: the host part, before the tenant's prefix.
    pub superoffice: String,
    /// The control API.
    pub control: String,
}

/// A running sandbox. It stops when it is dropped; [`Sandbox::stop`] also waits for that.
#[derive(Debug)]
pub struct Sandbox {
    addresses: Addresses,
    closing: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
}

impl Sandbox {
    /// Opens the four listeners; requests are served from the moment this returns.
    pub async fn start(options: Options) -> Result<Self, Error> {
        if !options.address.is_loopback() {
            return Err(Error::NotLoopback(options.address));
        }
        let (closing, closed) = watch::channel(false);
        let state = ListenerState { world: Shared::new(), closing: closed, log: options.log };
        let mut urls = Vec::new();
        let mut bound = Vec::new();
        for (service, port) in [
            (Service::Vendor(VendorName::Brightpearl), options.brightpearl_port),
            (Service::Vendor(VendorName::Contensis), options.contensis_port),
            (Service::Vendor(VendorName::Superoffice), options.superoffice_port),
            (Service::Control, options.control_port),
        ] {
            let (listener, url) = bind(SocketAddr::new(options.address, port)).await?;
            bound.push((service, listener));
            urls.push(url);
        }
        let listeners = bound
            .into_iter()
            .map(|(service, listener)| server::open(service, listener, state.clone()))
            .collect();
        let mut urls = urls.into_iter();
        let mut next = || urls.next().unwrap_or_default();
        let addresses =
            Addresses { brightpearl: next(), contensis: next(), superoffice: next(), control: next() };
        Ok(Self { addresses, closing, listeners })
    }

    /// All base addresses.
    pub fn addresses(&self) -> &Addresses {
        &self.addresses
    }

    /// The base address of Brightpearl.
    pub fn brightpearl_url(&self) -> &str {
        &self.addresses.brightpearl
    }

    /// The base address of Contensis.
    pub fn contensis_url(&self) -> &str {
        &self.addresses.contensis
    }

    /// The on-site base address of the built-in SuperOffice tenant, prefix included.
    pub fn superoffice_url(&self) -> String {
        format!("{}/{}", self.addresses.superoffice, superoffice::BUILTIN)
    }

    /// The address of the control API.
    pub fn control_url(&self) -> &str {
        &self.addresses.control
    }

    /// Stops listening, waits for requests in flight, and cuts those that do not end within [`STOP_LIMIT`].
    pub async fn stop(mut self) {
        // An error means that no listener is left.
        let _ = self.closing.send(true);
        for mut listener in std::mem::take(&mut self.listeners) {
            if tokio::time::timeout(STOP_LIMIT, &mut listener).await.is_err() {
                listener.abort();
            }
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.closing.send(true);
    }
}

async fn bind(address: SocketAddr) -> Result<(TcpListener, String), Error> {
    let listener = TcpListener::bind(address).await.map_err(|source| Error::Listen { address, source })?;
    let bound = listener.local_addr().map_err(|source| Error::Listen { address, source })?;
    Ok((listener, format!("http://{bound}")))
}
