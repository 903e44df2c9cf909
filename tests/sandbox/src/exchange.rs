//! One request as a vendor sees it and one answer as it sends it: plain values, so that the fakes
//! themselves hold no HTTP machinery.

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

/// More than any vendor document needs; a larger body is a mistake in a test.
const LARGEST_BODY: usize = 8 * 1024 * 1024;

/// A request that has arrived completely.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) method: Method,
    /// The path as sent.
    pub(crate) path: String,
    /// The query as sent, without the question mark.
    pub(crate) raw_query: String,
    /// Decoded path segments; empty ones are dropped, so `//` and a trailing `/` do not matter.
    pub(crate) segments: Vec<String>,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Call {
    /// Takes the whole request off the wire.
    pub(crate) async fn read(request: Request) -> Result<Self, String> {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, LARGEST_BODY).await.map_err(|e| e.to_string())?;
        let path = parts.uri.path().to_owned();
        let segments = path
            .split('/')
            .filter(|s| !s.is_empty())
            .map(|s| percent_encoding::percent_decode_str(s).decode_utf8_lossy().into_owned())
            .collect();
        Ok(Self {
            method: parts.method,
            raw_query: parts.uri.query().unwrap_or_default().to_owned(),
            path,
            segments,
            headers: parts.headers,
            body,
        })
    }

    /// The segments as `&str`, for slice patterns.
    pub(crate) fn route(&self) -> Vec<&str> {
        self.segments.iter().map(String::as_str).collect()
    }

    /// A header as text; absent when it is not text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|v| v.to_str().ok())
    }

    /// The first query parameter of that name, compared without case as .NET services do.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.raw_query.as_bytes())
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.into_owned())
    }

    /// The body as a form; empty unless the request calls it one.
    pub(crate) fn form(&self) -> Vec<(String, String)> {
        let is_form = self
            .header("content-type")
            .is_some_and(|t| t.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded"));
        if is_form { form_urlencoded::parse(&self.body).into_owned().collect() } else { Vec::new() }
    }

    /// The credential behind `Authorization: <scheme>`, the scheme compared without case.
    pub(crate) fn authorization(&self, scheme: &str) -> Option<&str> {
        let (given, credential) = self.header("authorization")?.trim().split_once(' ')?;
        given.eq_ignore_ascii_case(scheme).then(|| credential.trim())
    }

    /// User and password of a Basic header.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        let decoded = STANDARD.decode(self.authorization("basic")?).ok()?;
        let (user, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }

    /// The body as JSON.
    pub(crate) fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }

    /// The body for a journal: JSON where it is JSON, else text, `null` when empty.
    pub(crate) fn body_for_journal(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        self.json().unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&self.body).into_owned()))
    }
}

/// An answer before it meets a connection.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    /// Boxed to keep results that refuse with an answer small.
    pub(crate) headers: Box<HeaderMap>,
    pub(crate) body: Bytes,
}

impl Reply {
    /// An answer without a body.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self { status, headers: Box::default(), body: Bytes::new() }
    }

    /// A JSON answer in UTF-8.
    pub(crate) fn json(status: StatusCode, value: &Value) -> Self {
        Self::text(status, "application/json; charset=utf-8", value.to_string())
    }

    /// An answer of any media type.
    pub(crate) fn text(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let mut reply = Self::empty(status);
        reply.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        reply.body = body.into();
        reply
    }

    /// Adds a header; a name or value that HTTP cannot carry is left out.
    #[must_use]
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), value.parse::<HeaderValue>()) {
            self.headers.insert(name, value);
        }
        self
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        let mut response = Response::new(Body::from(self.body));
        *response.status_mut() = self.status;
        *response.headers_mut() = *self.headers;
        response
    }
}

/// A fresh random value that looks like a token: 44 characters of base64 with its awkward letters
/// (vendors/brightpearl.md §6.1).
pub(crate) fn random_base64() -> String {
    STANDARD.encode(random_bytes())
}

/// The same, safe for URLs and JWT parts.
pub(crate) fn random_base64url() -> String {
    URL_SAFE_NO_PAD.encode(random_bytes())
}

/// Base64url without padding, as JWT parts have it.
pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn random_bytes() -> [u8; 32] {
    let mut bytes = [0_u8; 32];
    let (left, right) = bytes.split_at_mut(16);
    left.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    right.copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    bytes
}

/// An address with its scheme and host in lower case, as servers write it that parse addresses.
pub(crate) fn lowercase_host(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (host, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    format!("{}://{}{path}", scheme.to_lowercase(), host.to_lowercase())
}
