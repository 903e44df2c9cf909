//! Where credentials may be sent: the vendors' own domains, and what the operator was started with.

use crate::api::VendorName;
use std::fmt;
use std::str::FromStr;
use url::{Host, Url};

/// An address that credentials may be sent to: made by [`AllowedEndpoints::check`] only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint(Url);

impl Endpoint {
    /// The address itself.
    pub(crate) fn url(&self) -> Url {
        self.0.clone()
    }

    /// The address of a path below the endpoint's own. Segments are taken as they are given.
    pub(crate) fn join(&self, path: &str) -> Url {
        let mut url = self.0.clone();
        let base = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{base}/{path}"));
        url
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str().trim_end_matches('/'))
    }
}

/// An address that credentials are not sent to.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointNotAllowed {
    /// It is no address.
    #[error("{url} is not an absolute http(s) URL")]
    NotAUrl {
        /// What was given.
        url: String,
    },
    /// It names a user.
    #[error(
        "the address at {host} holds a user name or password; take it out: credentials come from Secrets only"
    )]
    NamesAUser {
        /// Scheme, host and port.
        host: String,
    },
    /// It is neither the vendor's nor allowed.
    #[error(
        "{origin} is not one of {vendor}'s own hosts, so no credentials are sent there; to allow it, start hooktender with --allow-endpoint {origin}"
    )]
    Foreign {
        /// The vendor that it should be.
        vendor: VendorName,
        /// Scheme, host and port.
        origin: String,
    },
    /// It is not encrypted.
    #[error("{origin} is not https; plain http is for loopback addresses given with --allow-endpoint only")]
    Plain {
        /// Scheme, host and port.
        origin: String,
    },
}

/// Endpoints beside the vendors' own, `--allow-endpoint`.
#[derive(Clone, Debug, Default)]
pub struct AllowedEndpoints(Vec<AllowedEndpoint>);

/// One endpoint beside the vendors' own: scheme, host and port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AllowedEndpoint(String);

impl FromStr for AllowedEndpoint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url =
            Url::parse(text).map_err(|error| format!("{error}; give https://host or https://host:port"))?;
        let bare = url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty();
        if !bare || url.host().is_none() {
            return Err("give scheme, host and port only, such as https://crm.example.com:8443".into());
        }
        match url.scheme() {
            "https" => {}
            "http" if is_loopback(&url) => {}
            _ => return Err("use https; plain http is for loopback addresses only".into()),
        }
        Ok(Self(origin(&url)))
    }
}

impl FromIterator<AllowedEndpoint> for AllowedEndpoints {
    fn from_iter<I: IntoIterator<Item = AllowedEndpoint>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

impl AllowedEndpoints {
    /// Makes an endpoint of an address, if credentials of that vendor may be sent to it.
    pub fn check(&self, vendor: VendorName, address: &str) -> Result<Endpoint, EndpointNotAllowed> {
        let url = Url::parse(address)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.host().is_some())
            .ok_or_else(|| EndpointNotAllowed::NotAUrl { url: address.into() })?;
        let origin = origin(&url);
        if !url.username().is_empty() || url.password().is_some() {
            return Err(EndpointNotAllowed::NamesAUser { host: origin });
        }
        if self.0.iter().any(|allowed| allowed.0 == origin) {
            return Ok(Endpoint(url));
        }
        if url.scheme() != "https" {
            return Err(EndpointNotAllowed::Plain { origin });
        }
        let own = url.host_str().is_some_and(|host| {
            let account =
                domains(vendor).iter().find_map(|domain| host.strip_suffix(domain)?.strip_suffix('.'));
            account.is_some_and(|labels| labels.split('.').all(|label| !label.is_empty()))
        });
        if own && url.port().is_none() {
            Ok(Endpoint(url))
        } else {
            Err(EndpointNotAllowed::Foreign { vendor, origin })
        }
    }
}

/// The vendors' own domains (vendors/brightpearl.md 1.2, vendors/contensis.md 1, vendors/superoffice.md 2.2).
fn domains(vendor: VendorName) -> &'static [&'static str] {
    match vendor {
        VendorName::Brightpearl => &["brightpearlconnect.com", "brightpearl.com", "brightpearlapp.com"],
        VendorName::Contensis => &["cloud.contensis.com"],
        VendorName::Superoffice => &["superoffice.com"],
    }
}

fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use VendorName::{Brightpearl, Contensis, Superoffice};

    #[test]
    fn credentials_go_to_the_vendor_or_to_what_is_allowed() {
        let allowed: AllowedEndpoints = ["http://127.0.0.1:4000", "https://crm.example.com"]
            .map(|a| a.parse().unwrap())
            .into_iter()
            .collect();
        let cases = [
            (Brightpearl, "https://euw1.brightpearlconnect.com", true, "the vendor's own"),
            (Contensis, "https://cms-example.cloud.contensis.com/", true, "the vendor's own"),
            (Superoffice, "https://online3.superoffice.com/Cust1", true, "the vendor's own, with a path"),
            (Brightpearl, "https://evilbrightpearlconnect.com", false, "only looks like it"),
            (Brightpearl, "https://brightpearlconnect.com.evil.example", false, "only starts like it"),
            (Brightpearl, "https://online3.superoffice.com", false, "another vendor's"),
            (Brightpearl, "https://euw1.brightpearlconnect.com:8443", false, "another port"),
            (Brightpearl, "http://euw1.brightpearlconnect.com", false, "not encrypted"),
            (Superoffice, "https://crm.example.com/superoffice", true, "allowed"),
            (Superoffice, "https://crm.example.com:444/superoffice", false, "allowed on another port"),
            (Superoffice, "http://127.0.0.1:4000/superoffice", true, "allowed loopback"),
            (Superoffice, "http://127.0.0.1:4001/superoffice", false, "another loopback port"),
            (Superoffice, "file:///etc/passwd", false, "no web address"),
            (Superoffice, "https://online.superoffice.com:443/", true, "the usual port, written out"),
            (Superoffice, "HTTPS://ONLINE.SuperOffice.COM", true, "case does not matter in a host"),
            (
                Superoffice,
                "https://online.superoffice.com@evil.example",
                false,
                "a user name that looks like a host",
            ),
            (Superoffice, "https://u:p@online.superoffice.com", false, "credentials that are in no Secret"),
            (Superoffice, "https://u@crm.example.com", false, "the same at what is allowed"),
            (Superoffice, "https://evil.example\\.superoffice.com", false, "a backslash ends a host"),
            (Superoffice, "https://evil.example/.superoffice.com", false, "a path that looks like a host"),
            (
                Superoffice,
                "https://evil.example#.superoffice.com",
                false,
                "a fragment that looks like a host",
            ),
            (Superoffice, "https://evil.example?.superoffice.com", false, "a query that looks like a host"),
            (Superoffice, "https://online.superoffice.com./", false, "a trailing dot: another name to some"),
            (Superoffice, "https://superoffice.com", false, "the bare domain is nobody's account"),
            (Superoffice, "https://.superoffice.com", false, "an empty label"),
            (Superoffice, "https://x..superoffice.com", false, "an empty label further on"),
            (
                Superoffice,
                "https://online.super\u{43e}ffice.com",
                false,
                "a Cyrillic letter that looks the same",
            ),
            (Superoffice, "https://xn--superffice-lgh.com", false, "the same in ASCII"),
            (
                Superoffice,
                "https://online\u{3002}superoffice\u{3002}com",
                true,
                "full stops of another script: the same name",
            ),
            (Superoffice, "https://online%2esuperoffice.com", true, "an escaped full stop: the same name"),
            (
                Superoffice,
                "https://online.superoffice.com%00.evil.example",
                false,
                "a character that no host has",
            ),
            (
                Superoffice,
                "https://online.superoffice.com\t.evil.example",
                false,
                "white space that parsers drop",
            ),
            (Superoffice, "https://crm.example.com.", false, "what is allowed, with a trailing dot"),
            (Superoffice, "https://crm.example.com.evil.example", false, "what is allowed, as a beginning"),
            (Superoffice, "http://localhost:4000", false, "another name of an allowed address"),
            (Superoffice, "http://2130706433:4000", true, "another spelling of an allowed address"),
            (Superoffice, "http://[::1]:4000", false, "loopback, and not the allowed one"),
            (Contensis, "https://cloud.contensis.com.", false, "no account, and a trailing dot"),
            (Contensis, "https://evilcloud.contensis.com", false, "only ends like it"),
        ];
        for (vendor, url, ok, reason) in cases {
            assert_eq!(allowed.check(vendor, url).is_ok(), ok, "{url}: {reason}");
        }
    }

    #[test]
    fn only_bare_and_encrypted_endpoints_can_be_allowed() {
        for bad in ["http://10.0.0.1", "https://host/path", "ftp://host", "host:80", "https://u@host", ""] {
            assert!(bad.parse::<AllowedEndpoint>().is_err(), "{bad}");
        }
        for good in ["https://host", "https://host:8443/", "http://localhost:1", "http://[::1]:1"] {
            assert!(good.parse::<AllowedEndpoint>().is_ok(), "{good}");
        }
    }
}
