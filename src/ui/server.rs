//! The server: which requests are answered, and with which headers.
//!
//! Pages can be read by everybody who can send requests from this machine, but not by web pages of other sites: a request has to
//! name a host of loopback, which a name of theirs is not whatever it resolves to, and no answer allows another origin to read it.

use super::address::{Filter, Format, Page};
use super::assets::Asset;
use super::data::store::{Kind, Store};
use super::data::watch::Watches;
use super::pages::layout::{Frame, page};
use super::pages::{account, accounts, plan, problem, set, sets, webhook, webhooks};
use super::views::freshness::Freshness;
use super::views::{self, Inputs, Paces, Remedies};
use crate::api::is_hidden;
use crate::engine::clock::timestamp;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::uri::Authority;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use maud::Markup;
use serde::Serialize;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The version of the JSON. Members are only ever added under it.
const FORMAT: &str = "hooktender.dev/ui/v1";
/// Nothing but our own files; no inline style or script, no frame, no form to another place.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/// Headers of every answer.
const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
    ("cross-origin-opener-policy", "same-origin"),
];

/// Serves the pages.
#[derive(Clone)]
pub(crate) struct Server(Arc<Settings>);

struct Settings {
    store: Store,
    /// The cluster and the namespaces that are shown, for people.
    scope: String,
    remedies: Remedies,
    paces: Option<Paces>,
}

/// Listens on loopback, at a free port if `port` is 0.
///
/// # Errors
///
/// Those of the system, such as that another process listens there.
pub(crate) async fn bind(port: u16) -> std::io::Result<(TcpListener, SocketAddr)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    let address = listener.local_addr()?;
    Ok((listener, address))
}

impl Server {
    /// Makes a server of what `watches` read, which begin now, as tasks.
    pub(crate) fn start(
        watches: &Watches,
        (scope, remedies, paces): (String, Remedies, Option<Paces>),
        tasks: &mut JoinSet<()>,
    ) -> Self {
        let store = Store::default();
        watches.start(&store, tasks);
        Self(Arc::new(Settings { store, scope, remedies, paces }))
    }

    /// Serves until `stop` completes.
    ///
    /// # Errors
    ///
    /// Those of the listener.
    pub(crate) async fn serve(
        self,
        listener: TcpListener,
        stop: impl Future<Output = ()> + Send + 'static,
    ) -> std::io::Result<()> {
        axum::serve(listener, self.router()).with_graceful_shutdown(stop).await
    }

    fn router(self) -> Router {
        Router::new().fallback(answer).with_state(self).layer(from_fn(guard))
    }

    /// Answers with a page or a file.
    fn answer(&self, uri: &Uri, headers: &HeaderMap) -> Response {
        if let Some(asset) = Asset::at(uri.path()) {
            let headers = [
                (header::CONTENT_TYPE, asset.content_type),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
            ];
            return (headers, asset.text).into_response();
        }
        if uri.path() == "/" {
            return (StatusCode::TEMPORARY_REDIRECT, [(header::LOCATION, "/accounts")]).into_response();
        }
        let Some((page, format)) = Page::parse(uri.path()) else {
            let text = "The address is wrong.";
            return self.problem(accepted(headers), (StatusCode::NOT_FOUND, "There is no such page", text));
        };
        let format = format.unwrap_or_else(|| accepted(headers));
        match Filter::parse(uri.query().unwrap_or_default()) {
            Err(problem) => self.problem(format, (StatusCode::BAD_REQUEST, "The filter is wrong", &problem)),
            Ok(filter) => self.page(&page, &filter, format),
        }
    }

    fn page(&self, page: &Page, filter: &Filter, format: Format) -> Response {
        let drawn = self.with_inputs(filter, |inputs| {
            let freshness = &Freshness::new(inputs);
            Shown { server: self, page, inputs, freshness, format }.draw()
        });
        drawn.unwrap_or_else(|| self.missing(page, format))
    }

    /// Answers that there is no such object, or that it is not known yet.
    fn missing(&self, page: &Page, format: Format) -> Response {
        let (kind, what) = match page {
            Page::Account(_) => (Kind::Accounts, "VendorAccount"),
            Page::Set(_) => (Kind::Sets, "WebhookSet"),
            _ => (Kind::Webhooks, "Webhook"),
        };
        if self.with_inputs(&Filter::default(), |inputs| Freshness::has_read(inputs, kind)) {
            let text = "It was deleted, or it is in a namespace that is not shown here.";
            self.problem(format, (StatusCode::NOT_FOUND, &format!("There is no such {what}"), text))
        } else {
            let (title, text) =
                (format!("This {what} is not known yet"), "The objects of this kind have not been read.");
            self.problem(format, (StatusCode::SERVICE_UNAVAILABLE, &title, text))
        }
    }

    fn with_inputs<T>(&self, filter: &Filter, read: impl FnOnce(&Inputs<'_>) -> T) -> T {
        let Settings { store, remedies, paces, .. } = &*self.0;
        store.read(|data| {
            read(&Inputs { data, filter, now: timestamp(), remedies: *remedies, paces: paces.as_ref() })
        })
    }

    fn problem(&self, format: Format, (status, title, what): (StatusCode, &str, &str)) -> Response {
        let filter = Filter::default();
        let freshness = self.with_inputs(&filter, Freshness::new);
        if format == Format::Json {
            let problem = Problem { error: title, message: what };
            return (status, json(&Json { format: FORMAT, freshness: &freshness, view: &problem }))
                .into_response();
        }
        self.html(status, None, &filter, &freshness, (title, &problem::draw(title, what)))
    }

    fn html(
        &self,
        status: StatusCode,
        shown: Option<&Page>,
        filter: &Filter,
        freshness: &Freshness,
        (title, main): (&str, &Markup),
    ) -> Response {
        let frame = Frame { page: shown, filter, freshness, scope: &self.0.scope };
        let headers =
            [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
        (status, headers, page(&frame, title, main).into_string()).into_response()
    }
}

/// A page that is asked for.
struct Shown<'a> {
    server: &'a Server,
    page: &'a Page,
    inputs: &'a Inputs<'a>,
    freshness: &'a Freshness,
    format: Format,
}

impl Shown<'_> {
    /// Answers with the page; none if it is about an object that does not exist.
    fn draw(&self) -> Option<Response> {
        let (page, inputs, filter) = (self.page, self.inputs, self.inputs.filter);
        Some(match page {
            Page::Accounts => {
                let view = views::accounts::view(inputs);
                self.answer(&view, || ("Accounts".into(), accounts::draw(&view, filter)))
            }
            Page::Sets => {
                let view = views::sets::view(inputs);
                self.answer(&view, || ("Sets".into(), sets::draw(&view, filter)))
            }
            Page::Webhooks => {
                let view = views::webhooks::view(inputs);
                self.answer(&view, || ("Webhooks".into(), webhooks::draw(&view, filter)))
            }
            Page::Plan => {
                let view = views::plan::view(inputs);
                self.answer(&view, || ("Plan".into(), plan::draw(&view, filter)))
            }
            Page::Account(key) => {
                let view = views::account::view(key, inputs)?;
                let title = format!("VendorAccount {}/{}", view.account.namespace, view.account.name);
                self.answer(&view, || (title, account::draw(&view, page, filter)))
            }
            Page::Set(key) => {
                let view = views::set::view(key, inputs)?;
                let title = format!("WebhookSet {}/{}", view.set.namespace, view.set.name);
                self.answer(&view, || (title, set::draw(&view, page, filter)))
            }
            Page::Webhook(key) => {
                let view = views::webhook::view(key, inputs)?;
                let title = format!("Webhook {}/{}", view.webhook.namespace, view.webhook.name);
                self.answer(&view, || (title, webhook::draw(&view)))
            }
        })
    }

    /// Answers with a view, as JSON or drawn by `draw` with a title.
    fn answer<V: Serialize>(&self, view: &V, draw: impl FnOnce() -> (String, Markup)) -> Response {
        if self.format == Format::Json {
            return json(&Json { format: FORMAT, freshness: self.freshness, view });
        }
        let (title, main) = draw();
        let (page, filter) = (Some(self.page), self.inputs.filter);
        self.server.html(StatusCode::OK, page, filter, self.freshness, (&title, &main))
    }
}

/// A page as JSON.
#[derive(Serialize)]
struct Json<'a, V> {
    format: &'static str,
    freshness: &'a Freshness,
    #[serde(flatten)]
    view: &'a V,
}

/// What is sent instead of a page.
#[derive(Serialize)]
struct Problem<'a> {
    error: &'a str,
    message: &'a str,
}

async fn answer(State(server): State<Server>, uri: Uri, headers: HeaderMap) -> Response {
    server.answer(&uri, &headers)
}

/// Refuses what is no read, or is for another host, and sets the headers of every answer.
async fn guard(request: Request, next: Next) -> Response {
    let mut response = if !is_loopback(request.headers(), request.uri()) {
        let text = "This server answers only to localhost, 127.0.0.1 and [::1].\n";
        (StatusCode::MISDIRECTED_REQUEST, text).into_response()
    } else if matches!(*request.method(), Method::GET | Method::HEAD) {
        next.run(request).await
    } else {
        let allowed = [(header::ALLOW, "GET, HEAD")];
        (StatusCode::METHOD_NOT_ALLOWED, allowed, "These pages are read-only.\n").into_response()
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether the request is for a host of loopback. With `kubectl port-forward` the port may be any.
fn is_loopback(headers: &HeaderMap, uri: &Uri) -> bool {
    let mut hosts = headers.get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let of_header = host.to_str().ok().and_then(|host| host.parse::<Authority>().ok());
    // A proxy's request has the host in its first line, too.
    of_header.as_ref().is_some_and(is_loopback_host) && uri.authority().is_none_or(is_loopback_host)
}

fn is_loopback_host(authority: &Authority) -> bool {
    let host = authority.host();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    !authority.as_str().contains('@')
        && (host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback()))
}

/// The format that the header `Accept` asks for: JSON only if it is named, and HTML is not.
fn accepted(headers: &HeaderMap) -> Format {
    let all = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let all = all.collect::<Vec<_>>().join(",").to_ascii_lowercase();
    if all.contains("application/json") && !all.contains("text/html") { Format::Json } else { Format::Html }
}

/// Answers with JSON in which hidden characters are escaped, as it may be read on a terminal.
fn json<T: Serialize>(value: &T) -> Response {
    let Ok(text) = serde_json::to_string_pretty(value) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let mut out = String::with_capacity(text.len() + 1);
    for c in text.chars() {
        if c != '\n' && is_hidden(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(out, "\\u{unit:04x}");
            }
        } else {
            out.push(c);
        }
    }
    out.push('\n');
    let headers = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
    (headers, out).into_response()
}

#[cfg(test)]
mod tests;
