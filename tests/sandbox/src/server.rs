//! Listeners, and the handling of one vendor request: recorded, with or without a fault, worked on, and answered - or left
//! without an answer on a connection that really closes.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use futures::stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::control;
use crate::exchange::{Call, Reply};
use crate::fault::{Fault, Kind};
use crate::world::{Arrival, Shared, VendorName};

/// The service behind a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Vendor(VendorName),
    Control,
}

/// State that every listener needs.
#[derive(Clone)]
pub(crate) struct ListenerState {
    pub(crate) world: Shared,
    pub(crate) closing: watch::Receiver<bool>,
    pub(crate) log: bool,
}

/// Serves one listener until the sandbox stops.
pub(crate) fn open(service: Service, listener: TcpListener, state: ListenerState) -> JoinHandle<()> {
    let mut closing = state.closing.clone();
    let routes = Router::new().fallback(enter).with_state((service, state));
    let app = routes.into_make_service_with_connect_info::<Line>();
    tokio::spawn(async move {
        let closed = async move {
            // An error means that the owner is gone: the same as a stop.
            let _ = closing.wait_for(|closing| *closing).await;
        };
        if let Err(error) = axum::serve(CuttableListener(listener), app).with_graceful_shutdown(closed).await
        {
            eprintln!("listener for {service:?} failed: {error}");
        }
    })
}

async fn enter(
    State((service, state)): State<(Service, ListenerState)>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response {
    let call = match Call::read(request).await {
        Ok(call) => call,
        Err(reason) => return Reply::text(StatusCode::BAD_REQUEST, "text/plain", reason).into_response(),
    };
    match service {
        Service::Control => {
            let reply = control::answer(&mut state.world.lock(), &call);
            if state.log {
                eprintln!("control {} {} -> {}", call.method, call.path, reply.status.as_u16());
            }
            reply.into_response()
        }
        Service::Vendor(vendor) => {
            let work = tokio::spawn(work(vendor, state.clone(), call));
            match work.await {
                Ok(Ending::Answer(reply)) => reply.into_response(),
                Ok(Ending::Broken(reply)) => broken(reply),
                Ok(Ending::Close) => line.cut(),
                Ok(Ending::Hang(limit)) => {
                    hang(limit, state.closing).await;
                    line.cut()
                }
                Err(error) => Reply::text(StatusCode::INTERNAL_SERVER_ERROR, "text/plain", error.to_string())
                    .into_response(),
            }
        }
    }
}

/// What the caller receives.
enum Ending {
    Answer(Reply),
    /// The head of the answer and half of its body.
    Broken(Reply),
    /// Nothing: the connection closes.
    Close,
    /// Nothing: the connection stays open for that long, or until one side closes it.
    Hang(Option<Duration>),
}

/// Runs in its own task, so that a caller who closes the connection does not undo the vendor's work.
async fn work(vendor: VendorName, state: ListenerState, call: Call) -> Ending {
    let arrival = state.world.lock().arrive(vendor, &call);
    let ending = match arrival.fault.clone() {
        None => {
            if !arrival.pause.is_zero() {
                tokio::time::sleep(arrival.pause).await;
            }
            Ending::Answer(commit(&state, &arrival, &call))
        }
        Some(fault) => apply_fault(&state, &arrival, &call, &fault).await,
    };
    let status = match &ending {
        Ending::Answer(reply) | Ending::Broken(reply) => {
            state.world.lock().answered(&arrival, reply.status.as_u16());
            reply.status.as_str().to_owned()
        }
        Ending::Close => "closed".to_owned(),
        Ending::Hang(_) => "hanging".to_owned(),
    };
    if state.log {
        let fault = arrival.fault.map(|f| format!(" ({})", f.kind.name())).unwrap_or_default();
        eprintln!(
            "{} {} {} {} -> {status}{fault}",
            vendor.as_str(),
            arrival.place.account,
            call.method,
            call.path
        );
    }
    ending
}

async fn apply_fault(state: &ListenerState, arrival: &Arrival, call: &Call, fault: &Fault) -> Ending {
    let span = fault.millis.map(Duration::from_millis);
    match fault.kind {
        Kind::Status => {
            if let Some(span) = span {
                tokio::time::sleep(span).await;
            }
            Ending::Answer(fault.reply())
        }
        Kind::DropBefore => Ending::Close,
        Kind::Hang => Ending::Hang(span),
        Kind::LateCommit => {
            let (state, call) = (state.clone(), call.clone());
            let late = arrival.again();
            tokio::spawn(async move {
                tokio::time::sleep(span.unwrap_or_default()).await;
                commit(&state, &late, &call);
            });
            if fault.hang { Ending::Hang(None) } else { Ending::Close }
        }
        Kind::Delay => {
            tokio::time::sleep(span.unwrap_or_default()).await;
            Ending::Answer(commit(state, arrival, call))
        }
        Kind::DropAfter => {
            commit(state, arrival, call);
            Ending::Close
        }
        Kind::HangAfter => {
            commit(state, arrival, call);
            Ending::Hang(span)
        }
        Kind::StatusAfter => {
            commit(state, arrival, call);
            Ending::Answer(fault.reply())
        }
        Kind::Garbage => {
            let mut reply = commit(state, arrival, call);
            reply.body = Bytes::from_static(b"<!-- {\"response\": [1, 2,");
            Ending::Answer(reply)
        }
        Kind::Truncate => Ending::Broken(commit(state, arrival, call)),
    }
}

fn commit(state: &ListenerState, arrival: &Arrival, call: &Call) -> Reply {
    let done = state.world.lock().commit(arrival, call);
    done.unwrap_or_else(|| {
        Reply::text(StatusCode::SERVICE_UNAVAILABLE, "text/plain", "the sandbox was reset meanwhile")
    })
}

async fn hang(limit: Option<Duration>, mut closing: watch::Receiver<bool>) {
    let closed = closing.wait_for(|closing| *closing);
    match limit {
        Some(limit) => {
            // Whichever comes first; both mean the end.
            let _ = tokio::time::timeout(limit, closed).await;
        }
        None => {
            let _ = closed.await;
        }
    }
}

/// An answer that is cut short: its full length announced, half of it sent, then an error that makes the server close the
/// connection.
fn broken(reply: Reply) -> Response {
    let announced = reply.body.len().max(2);
    let half = reply.body.slice(..reply.body.len() / 2);
    let (status, headers) = (reply.status, reply.headers);
    let pieces = stream::unfold(Some(half), |state| async move {
        if let Some(half) = state {
            return Some((Ok(half), None));
        }
        // One turn of the scheduler lets the first half leave before the error closes the connection.
        tokio::task::yield_now().await;
        Some((Err(io::Error::from(io::ErrorKind::ConnectionAborted)), None))
    });
    let mut response = Response::new(Body::from_stream(pieces));
    *response.status_mut() = status;
    *response.headers_mut() = *headers;
    response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(announced));
    response
}

/// The switch that makes one connection fail.
#[derive(Debug, Clone)]
pub(crate) struct Line(Arc<AtomicBool>);

impl Line {
    /// From here on nothing can be written: the server gives up and the socket closes. The returned answer is never sent.
    fn cut(&self) -> Response {
        self.0.store(true, Ordering::Release);
        Response::new(Body::empty())
    }
}

impl Connected<IncomingStream<'_, CuttableListener>> for Line {
    fn connect_info(stream: IncomingStream<'_, CuttableListener>) -> Self {
        stream.io().line.clone()
    }
}

/// A listener whose connections can be cut.
pub(crate) struct CuttableListener(TcpListener);

impl Listener for CuttableListener {
    type Io = Wire;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Wire, SocketAddr) {
        let (stream, address) = Listener::accept(&mut self.0).await;
        // Only for speed: the answers are small.
        let _ = stream.set_nodelay(true);
        (Wire { stream, line: Line(Arc::new(AtomicBool::new(false))) }, address)
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A connection that fails on every write once it is cut.
pub(crate) struct Wire {
    stream: TcpStream,
    line: Line,
}

impl Wire {
    fn check(&self) -> io::Result<()> {
        if self.line.0.load(Ordering::Acquire) {
            Err(io::Error::from(io::ErrorKind::ConnectionAborted))
        } else {
            Ok(())
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if let Err(error) = self.check() {
            return Poll::Ready(Err(error));
        }
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
