//! The server of an installation: on-site the configured one, for a tenant in the cloud the one that the vendor reports
//! (vendors/superoffice.md 2.3). A tenant may move at any time, and may be in maintenance.

use super::wire;
use crate::vendor::transport::{Call, Operation, Transport};
use crate::vendor::{AccountEndpoints, Class, Endpoint, VendorError};
use jiff::Timestamp;
use reqwest::Method;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

/// Bounds of the lifetime of a location, whatever the vendor reports: neither one request per call, nor hours.
const SHORTEST_LIFE: Duration = Duration::from_secs(30);
const LONGEST_LIFE: Duration = Duration::from_secs(600);
/// Wait before a tenant in maintenance is located again, unless the vendor reports how long.
const AWAY_RETRY: Duration = Duration::from_secs(30);

/// Where requests go.
pub(super) enum Tenant {
    Onsite(Endpoint),
    Online(Box<Online>),
}

/// A tenant in the cloud.
pub(super) struct Online {
    /// The vendor's central host, which reports the location.
    pub(super) central: Endpoint,
    pub(super) customer_id: String,
    pub(super) allowed: AccountEndpoints,
    pub(super) location: Mutex<Option<Location>>,
}

/// The server of a tenant, and how long that is valid.
#[derive(Clone)]
pub(super) struct Location {
    endpoint: Endpoint,
    until: Instant,
}

impl Tenant {
    /// Returns where to send the next request. Concurrent callers share one discovery.
    pub(super) async fn endpoint(&self, transport: &Transport) -> Result<Endpoint, VendorError> {
        let online = match self {
            Self::Onsite(endpoint) => return Ok(endpoint.clone()),
            Self::Online(online) => online,
        };
        let mut location = online.location.lock().await;
        if let Some(known) = location.as_ref().filter(|known| Instant::now() < known.until) {
            return Ok(known.endpoint.clone());
        }
        *location = None;
        let found = online.discover(transport).await?;
        Ok(location.insert(found).endpoint.clone())
    }

    /// Returns where to repeat a request that `refused` did not accept or answer; none if the tenant has not moved. An error says
    /// that the tenant is in maintenance or unknown.
    pub(super) async fn relocated_from(
        &self,
        refused: &Endpoint,
        transport: &Transport,
    ) -> Result<Option<Endpoint>, VendorError> {
        let online = match self {
            Self::Onsite(_) => return Ok(None),
            Self::Online(online) => online,
        };
        {
            let mut location = online.location.lock().await;
            location.take_if(|known| known.endpoint == *refused);
        }
        let now = self.endpoint(transport).await?;
        Ok((now != *refused).then_some(now))
    }
}

impl Online {
    async fn discover(&self, transport: &Transport) -> Result<Location, VendorError> {
        let url = self.central.join(["api", "state", &self.customer_id]);
        let answer = transport.send(Call::new(Operation::Discover, Method::GET, url)).await?;
        let unknown = || {
            let message = format!(
                "{} has no tenant {}: check customerId and environment",
                self.central, self.customer_id
            );
            answer.error(Class::Rejected, message)
        };
        if matches!(answer.status.as_u16(), 400 | 404) {
            return Err(unknown());
        }
        if !answer.status.is_success() {
            return Err(answer.status_error(None));
        }
        let state: wire::TenantState = answer.json()?;
        let valid_for = state.valid_until.and_then(|until| until.parse::<Timestamp>().ok());
        let valid_for =
            valid_for.and_then(|until| Duration::try_from(until.duration_since(Timestamp::now())).ok());
        if !state.is_running {
            let detail = format!("the tenant {} is in state {}", self.customer_id, state.state);
            return Err(match state.state.as_str() {
                "Unknown" => unknown(),
                "Deleted" | "Deleting" | "DeleteFailed" | "Suspended" | "ProvisioningFailed" => answer.error(
                    Class::Rejected,
                    format!("{detail}; ask SuperOffice, or the tenant's administrator"),
                ),
                _ => {
                    let wait = valid_for.unwrap_or(AWAY_RETRY).clamp(Duration::from_secs(1), LONGEST_LIFE);
                    let error = answer
                        .error(Class::Unavailable, format!("{detail}; hooktender waits until it is running"));
                    VendorError { retry_after: Some(wait), ..error }
                }
            });
        }
        let address = state.endpoint.unwrap_or_default();
        // Credentials go to allowed hosts only, whatever the answer says.
        let endpoint = self.allowed.check(&address).map_err(|error| {
            answer.error(
                Class::Rejected,
                format!("the vendor reports an address of the tenant that is not allowed: {error}"),
            )
        })?;
        let life = valid_for.unwrap_or_default().clamp(SHORTEST_LIFE, LONGEST_LIFE);
        Ok(Location { endpoint, until: Instant::now() + life })
    }
}
