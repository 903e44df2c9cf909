//! Bounds how long the API server may take to answer, and says which one it is if it cannot be reached.
//!
//! kube's own `read_timeout` counts idle time on the connection, so that it would end every quiet watch. This layer counts
//! per request instead, and every request of the process passes it. The body of a watch is not bounded here: kube-runtime
//! gives up a watch that is silent for longer than the time after which the API server ends it.

use crate::engine::error::{ApiServerUnreachable, causes};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use std::error::Error;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep, timeout};
use tower::{Layer, Service};

type BoxError = Box<dyn Error + Send + Sync>;

/// Fails a request whose answer does not begin, or whose body does not continue, in time.
#[derive(Clone)]
pub(super) struct AnswerTimeout {
    pub(super) limit: Duration,
    /// The API server as messages name it.
    pub(super) server: Arc<str>,
}

impl AnswerTimeout {
    fn no_answer(&self) -> BoxError {
        Box::new(ApiServerUnreachable {
            server: self.server.to_string(),
            cause: format!("no answer within {} seconds", self.limit.as_secs()),
        })
    }

    /// Names the API server if a request did not get to it. Other errors stay as they are, such as those of a login program.
    fn name_server(&self, error: BoxError) -> BoxError {
        if !causes(&*error).any(<dyn Error>::is::<hyper_util::client::legacy::Error>) {
            return error;
        }
        let cause = causes(&*error).last().map(ToString::to_string).unwrap_or_default();
        Box::new(ApiServerUnreachable { server: self.server.to_string(), cause: brief(&cause) })
    }
}

/// Returns the message of an error without the number of the operating system.
fn brief(text: &str) -> String {
    let words = text.split(" (os error ").next().unwrap_or_default();
    let mut chars = words.chars();
    // `TLS` and the like stay in capitals.
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => first.to_lowercase().chain(chars).collect(),
        _ => words.to_owned(),
    }
}

impl<S> Layer<S> for AnswerTimeout {
    type Service = AnswersInTime<S>;

    fn layer(&self, inner: S) -> AnswersInTime<S> {
        AnswersInTime { inner, timeout: self.clone() }
    }
}

/// A client whose requests fail when they are not answered in time.
#[derive(Clone)]
pub(super) struct AnswersInTime<S> {
    inner: S,
    timeout: AnswerTimeout,
}

impl<S, B, C> Service<Request<B>> for AnswersInTime<S>
where
    S: Service<Request<B>, Response = Response<C>>,
    S::Future: Send + 'static,
    S::Error: Into<BoxError>,
{
    type Response = Response<TimedBody<C>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let limits = self.timeout.clone();
        let is_bounded = !is_watch(request.uri().query());
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = timeout(limits.limit, answer).await.map_err(|_| limits.no_answer())?;
            let answer = answer.map_err(|error| limits.name_server(error.into()))?;
            let limits = is_bounded.then_some(limits);
            Ok(answer.map(|body| TimedBody { body, limits, sleep: None }))
        })
    }
}

fn is_watch(query: Option<&str>) -> bool {
    query.is_some_and(|query| query.split('&').any(|parameter| parameter == "watch=true"))
}

/// A body that fails when the next part of it does not come in time.
pub(super) struct TimedBody<B> {
    body: B,
    /// None: the parts may take any time.
    limits: Option<AnswerTimeout>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<B> Body for TimedBody<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BoxError>,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) {
            self.sleep = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let Some(limits) = self.limits.clone() else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(limits.limit)));
        sleep.as_mut().poll(context).map(|()| Some(Err(limits.no_answer())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt as _;
    use futures::channel::mpsc;
    use kube::client::Body as KubeBody;
    use tower::service_fn;

    const LIMIT: Duration = Duration::from_millis(20);

    fn layer() -> AnswerTimeout {
        AnswerTimeout { limit: LIMIT, server: "the API server https://127.0.0.1:1".into() }
    }

    /// A client of a server that answers at once, or never, with a body that comes part by part.
    fn client(answers: bool, parts: mpsc::UnboundedReceiver<Bytes>) -> kube::Client {
        let mut parts = Some(parts);
        let server = service_fn(move |_: Request<KubeBody>| {
            let parts = parts.take();
            async move {
                if !answers {
                    std::future::pending::<()>().await;
                }
                let parts = parts.unwrap_or_else(|| mpsc::unbounded().1);
                let body = axum::body::Body::from_stream(parts.map(Ok::<_, BoxError>));
                Ok::<_, BoxError>(Response::new(body))
            }
        });
        kube::Client::new(layer().layer(server), "default")
    }

    fn request(uri: &str) -> Request<Vec<u8>> {
        Request::get(uri).body(Vec::new()).unwrap()
    }

    /// The error of a request by kube's own client, with this layer.
    async fn failed(config: kube::Config) -> String {
        let builder = kube::client::ClientBuilder::try_from(config).unwrap();
        let client = builder.with_layer(&layer()).build();
        let error = client.request_text(request("/api/v1/secrets")).await.unwrap_err();
        crate::engine::error::error_chain(&error)
    }

    #[tokio::test]
    async fn a_server_that_cannot_be_reached_is_named_once() {
        let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let config = kube::Config::new(format!("http://{unused}").parse().unwrap());
        let says = "the API server https://127.0.0.1:1 cannot be reached: connection refused";
        assert_eq!(failed(config).await, says);
    }

    #[tokio::test]
    async fn a_login_program_that_fails_is_not_the_api_server() {
        let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut config = kube::Config::new(format!("http://{unused}").parse().unwrap());
        let exec = serde_json::json!({
            "apiVersion": "client.authentication.k8s.io/v1", "command": "/nowhere/login", "interactiveMode": "Never",
        });
        config.auth_info.exec = Some(serde_json::from_value(exec).unwrap());
        let builder = kube::client::ClientBuilder::try_from(config);
        let says = match builder {
            Err(error) => error.to_string(),
            Ok(builder) => {
                let client = builder.with_layer(&layer()).build();
                let error = client.request_text(request("/api/v1/secrets")).await.unwrap_err();
                crate::engine::error::error_chain(&error)
            }
        };
        assert!(!says.contains("cannot be reached"), "{says}");
    }

    #[test]
    fn causes_are_a_few_words() {
        for (cause, words) in [
            ("Connection refused (os error 111)", "connection refused"),
            ("TLS is not spoken here", "TLS is not spoken here"),
            ("invalid peer certificate: UnknownIssuer", "invalid peer certificate: UnknownIssuer"),
            ("", ""),
        ] {
            assert_eq!(brief(cause), words);
        }
    }

    #[tokio::test]
    async fn a_request_that_is_never_answered_fails() {
        for uri in ["/api/v1/secrets", "/api/v1/secrets?watch=true"] {
            let (_open, parts) = mpsc::unbounded();
            let error = client(false, parts).request_text(request(uri)).await.unwrap_err();
            assert!(
                crate::engine::error::error_chain(&error).contains("no answer within"),
                "{uri}: {error:?}"
            );
        }
    }

    #[tokio::test]
    async fn a_body_that_does_not_continue_fails() {
        let (open, parts) = mpsc::unbounded();
        open.unbounded_send("{".into()).unwrap();
        let error = client(true, parts).request_text(request("/api/v1/secrets?limit=1")).await.unwrap_err();
        assert!(crate::engine::error::error_chain(&error).contains("no answer within"), "{error:?}");
    }

    #[tokio::test]
    async fn a_quiet_watch_goes_on() {
        use futures::AsyncBufReadExt as _;
        let (open, parts) = mpsc::unbounded();
        let watch = request("/api/v1/secrets?allowWatchBookmarks=true&watch=true");
        let lines = client(true, parts).request_stream(watch).await.unwrap().lines();
        let later = async {
            tokio::time::sleep(LIMIT * 10).await;
            open.unbounded_send("{}\n".into()).unwrap();
        };
        let lines = lines.map(Result::unwrap).take(1).collect::<Vec<_>>();
        assert_eq!(tokio::join!(lines, later).0, ["{}"]);
    }
}
