//! Endpoints besides the vendors' own hosts: `--allow-endpoint`.

use super::{AccountEndpoints, is_plain, origin};
use crate::api::{NamespaceName, VendorName};
use std::str::FromStr;
use url::{Host, Url};

const SYNTAX: &str = "write https://host or https://host:port, a path to allow only addresses below it, and ,vendor=NAME or ,namespace=NAME to limit it further, such as https://crm.example.com/superoffice,vendor=superoffice,namespace=crm";

/// Endpoints besides the vendors' own hosts.
#[derive(Clone, Debug, Default)]
pub struct AllowedEndpoints(Vec<AllowedEndpoint>);

/// One endpoint and its limits, such as `https://crm.example.com/superoffice,vendor=superoffice,namespace=crm`.
#[derive(Clone, Debug)]
pub(super) struct AllowedEndpoint {
    /// Scheme, host and port.
    origin: String,
    /// Segments that a path has to start with.
    path: Vec<String>,
    vendor: Option<VendorName>,
    namespace: Option<NamespaceName>,
}

impl AllowedEndpoints {
    /// Returns where the credentials of an account of that vendor and namespace may be sent.
    pub fn of_account(&self, vendor: VendorName, namespace: &str) -> AccountEndpoints {
        AccountEndpoints { vendor, namespace: namespace.into(), allowed: self.clone() }
    }

    /// Returns the endpoints of an origin.
    pub(super) fn of_origin(&self, origin: &str) -> Vec<&AllowedEndpoint> {
        self.0.iter().filter(|allowed| allowed.origin == origin).collect()
    }
}

impl AllowedEndpoint {
    /// Whether the endpoint allows an address of its origin for that vendor and namespace.
    pub(super) fn covers(&self, url: &Url, vendor: VendorName, namespace: &str) -> bool {
        let mut path = url.path_segments().into_iter().flatten();
        self.path.iter().all(|segment| path.next() == Some(segment.as_str()))
            && self.vendor.is_none_or(|limit| limit == vendor)
            && self.namespace.as_ref().is_none_or(|limit| limit.as_str() == namespace)
    }
}

/// One or more endpoints, separated by commas.
impl FromStr for AllowedEndpoints {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut all: Vec<String> = Vec::new();
        for part in text.split(',') {
            match all.last_mut().filter(|_| part.contains('=') && !part.contains("://")) {
                Some(endpoint) => endpoint.extend([",", part]),
                None => all.push(part.into()),
            }
        }
        all.iter().map(|text| text.parse()).collect::<Result<_, _>>().map(Self)
    }
}

impl FromStr for AllowedEndpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.split(',');
        let mut endpoint = address(parts.next().unwrap_or_default())?;
        for part in parts {
            match part.split_once('=') {
                Some(("vendor", name)) if endpoint.vendor.is_none() => endpoint.vendor = Some(vendor(name)?),
                Some(("namespace", name)) if endpoint.namespace.is_none() => {
                    let name = NamespaceName::new(name).map_err(|error| error.to_string())?;
                    endpoint.namespace = Some(name);
                }
                Some(("vendor" | "namespace", _)) => {
                    return Err(format!(
                        "{part}: an endpoint has one vendor and one namespace at most; repeat --allow-endpoint for another one"
                    ));
                }
                Some(_) | None => {
                    return Err(format!("{part:?} is neither vendor=NAME nor namespace=NAME: {SYNTAX}"));
                }
            }
        }
        Ok(endpoint)
    }
}

/// Parses the address of an endpoint.
fn address(text: &str) -> Result<AllowedEndpoint, String> {
    let url = Url::parse(text).map_err(|error| format!("{error}; {SYNTAX}"))?;
    let named = url.username().is_empty() && url.password().is_none() && url.host().is_some();
    if !named || url.query().is_some() || url.fragment().is_some() {
        return Err(format!(
            "an endpoint needs a host, and must not have a user, query or fragment: {SYNTAX}"
        ));
    }
    match url.scheme() {
        "https" => {}
        "http" if is_loopback(&url) => {}
        _ => return Err("use https: plain http is possible only for loopback addresses".into()),
    }
    let path = url.path().trim_matches('/');
    let written =
        text.split_once("://").and_then(|(_, rest)| rest.split_once('/')).map_or("", |(_, path)| path);
    let doubled = url.path().contains("//");
    if written.trim_matches('/') != path || doubled || !path.split('/').all(is_plain) {
        return Err(format!("write the path without dots, escapes and doubled slashes: {SYNTAX}"));
    }
    let path = path.split('/').filter(|segment| !segment.is_empty()).map(Into::into).collect();
    Ok(AllowedEndpoint { origin: origin(&url), path, vendor: None, namespace: None })
}

fn vendor(name: &str) -> Result<VendorName, String> {
    const ALL: [VendorName; 3] = [VendorName::Brightpearl, VendorName::Contensis, VendorName::Superoffice];
    let found = ALL.into_iter().find(|vendor| vendor.as_str() == name);
    found.ok_or_else(|| {
        format!("unknown vendor {name:?}: use one of {}", ALL.map(VendorName::as_str).join(", "))
    })
}

/// Whether an address is a loopback address.
pub(crate) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

impl FromIterator<Self> for AllowedEndpoints {
    fn from_iter<I: IntoIterator<Item = Self>>(all: I) -> Self {
        Self(all.into_iter().flat_map(|some| some.0).collect())
    }
}
