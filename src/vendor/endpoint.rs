//! Where credentials may be sent: the vendors' own hosts, and the endpoints that hooktender was started with.

mod allowed;
#[cfg(test)]
mod tests;

use crate::api::VendorName;
use std::fmt;
use url::Url;

pub use allowed::AllowedEndpoints;
pub(super) use allowed::is_loopback;

/// An address that credentials may be sent to. Only [`AccountEndpoints::check`] creates one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// Returns the address.
    pub(crate) fn url(&self) -> Url {
        self.0.clone()
    }

    /// Returns the address of a path below the endpoint's own. Each segment is escaped, so that it stays one segment.
    pub(crate) fn join<'a>(&self, segments: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.0.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&base);
        // Cannot fail: an http(s) address has segments.
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// Why credentials are not sent to an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointNotAllowed {
    /// It is not an address.
    #[error("{url} is not an absolute http(s) URL")]
    NotAUrl {
        /// The text in the manifest.
        url: String,
    },
    /// It holds a user name or a password.
    #[error(
        "the address at {host} contains a user name or password: remove it, because credentials must come from Secrets"
    )]
    NamesAUser {
        /// Scheme, host and port.
        host: String,
    },
    /// Servers interpret its path in different ways.
    #[error(
        "the path of the address at {origin} contains an encoded dot, slash, backslash, semicolon, percent sign or NUL, or parameters after dots: write the path without them"
    )]
    AmbiguousPath {
        /// Scheme, host and port.
        origin: String,
    },
    /// It is neither one of the vendor's hosts nor allowed.
    #[error(
        "{origin} is not one of {vendor}'s own hosts, so no credentials are sent there; to allow it, start hooktender with {flag}"
    )]
    Foreign {
        /// The account's vendor.
        vendor: VendorName,
        /// Scheme, host and port.
        origin: String,
        /// What allows it.
        flag: Flag,
    },
    /// It is allowed, but not for this account. The message does not name the allowed account, which may be that of
    /// another tenant.
    #[error(
        "{origin} is allowed, but not with this path for {vendor} accounts of namespace {namespace}; correct the address, or start hooktender with {flag}"
    )]
    Limited {
        /// The account's vendor.
        vendor: VendorName,
        /// Scheme, host and port.
        origin: String,
        /// Namespace of the account.
        namespace: String,
        /// What allows it.
        flag: Flag,
    },
    /// It is not encrypted, and no flag can allow that.
    #[error("{origin} is not https: write https, as plain http is possible only for a loopback address")]
    Plain {
        /// Scheme, host and port.
        origin: String,
    },
    /// It is a loopback address without encryption.
    #[error("{origin} is not https; to allow this loopback address, start hooktender with {flag}")]
    PlainLoopback {
        /// Scheme, host and port.
        origin: String,
        /// What allows it.
        flag: Flag,
    },
}

/// The flag that allows an address for the accounts of one vendor and namespace, as it is typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flag {
    /// Scheme, host, port and path.
    address: String,
    vendor: VendorName,
    namespace: String,
}

impl Flag {
    /// The path is part of the flag if a shell and the flag's own commas leave it as it is: a tenant wrote it.
    fn new(url: &Url, vendor: VendorName, namespace: &str) -> Self {
        let path = url.path().trim_end_matches('/');
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "/-_.~".contains(c);
        let path = if path.chars().all(is_plain) && !path.contains("//") { path } else { "" };
        Self { address: origin(url) + path, vendor, namespace: namespace.to_owned() }
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { address, vendor, namespace } = self;
        let value = format!("{address},vendor={vendor},namespace={namespace}");
        write!(f, "--allow-endpoint {value} (in the chart: allowedEndpoints)")
    }
}

/// Where the credentials of one account may be sent.
#[derive(Clone, Debug)]
pub struct AccountEndpoints {
    vendor: VendorName,
    namespace: String,
    allowed: AllowedEndpoints,
}

impl AccountEndpoints {
    /// Returns the endpoint of an address, if credentials of the account may be sent to it.
    pub fn check(&self, address: &str) -> Result<Endpoint, EndpointNotAllowed> {
        // Parsing resolves `..`, also where it is encoded, so that the checked path is the one that is requested.
        let url = Url::parse(address)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
            .ok_or_else(|| EndpointNotAllowed::NotAUrl { url: address.into() })?;
        let origin = origin(&url);
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointNotAllowed::NamesAUser { host: origin });
        }
        if !url.path().split('/').all(is_plain) {
            return Err(EndpointNotAllowed::AmbiguousPath { origin });
        }
        let (vendor, namespace) = (self.vendor, self.namespace.clone());
        let host = url.host_str().unwrap_or_default();
        let own = url.scheme() == "https" && url.port().is_none();
        if own && hosts(vendor).iter().any(|pattern| is_host_of(pattern, host)) {
            return Ok(Endpoint(url));
        }
        let flag = Flag::new(&url, vendor, &namespace);
        match &self.allowed.of_origin(&origin)[..] {
            [] if url.scheme() == "https" => Err(EndpointNotAllowed::Foreign { vendor, origin, flag }),
            [] if is_loopback(&url) => Err(EndpointNotAllowed::PlainLoopback { origin, flag }),
            [] => Err(EndpointNotAllowed::Plain { origin }),
            some if some.iter().any(|one| one.covers(&url, vendor, &namespace)) => Ok(Endpoint(url)),
            _ => Err(EndpointNotAllowed::Limited { vendor, origin, namespace, flag }),
        }
    }
}

/// The vendors' own hosts; `*` matches a part of one label. The patterns are narrow, as customers of some vendors run hosts in
/// the same domains, such as `live-{alias}.cloud.contensis.com` (vendors/brightpearl.md 1.2, vendors/contensis.md 1,
/// vendors/superoffice.md 2.2).
fn hosts(vendor: VendorName) -> &'static [&'static str] {
    match vendor {
        VendorName::Brightpearl => {
            &["*.brightpearlconnect.com", "ws-*.brightpearl.com", "oauth.brightpearlapp.com"]
        }
        VendorName::Contensis => &["cms-*.cloud.contensis.com"],
        VendorName::Superoffice => &[
            "online*.superoffice.com",
            "sod*.superoffice.com",
            "qaonline*.superoffice.com",
            "app.superoffice.com",
            "disasterrecovery.superoffice.com",
        ],
    }
}

fn is_host_of(pattern: &str, host: &str) -> bool {
    let Some((start, end)) = pattern.split_once('*') else { return pattern == host };
    let label = host.split('.').next().unwrap_or_default();
    let rest = host.strip_prefix(start).and_then(|rest| rest.strip_suffix(end));
    // `cms-` alone is not a host name.
    rest.is_some_and(|rest| !rest.contains('.')) && !label.is_empty() && !label.ends_with('-')
}

/// Whether all servers interpret a path segment in the same way. Some decode it before they resolve dots, some strip parameters.
fn is_plain(segment: &str) -> bool {
    const ENCODED: [&str; 6] = ["%00", "%25", "%2e", "%2f", "%3b", "%5c"];
    let small = segment.to_ascii_lowercase();
    let name = small.split(';').next().unwrap_or_default();
    !ENCODED.iter().any(|encoded| small.contains(encoded)) && !matches!(name, "." | "..")
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}
