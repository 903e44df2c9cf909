//! Bounds how long the API server may take to answer.
//!
//! kube's own `read_timeout` counts idle time on the connection, so that it would end every quiet watch. This layer counts
//! per request instead, and every request of the process passes it. The body of a watch is not bounded here: kube-runtime
//! gives up a watch that is silent for longer than the time after which the API server ends it.

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep, timeout};
use tower::{Layer, Service};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request that the API server did not answer in time.
#[derive(Debug, thiserror::Error)]
#[error("no answer within {} seconds", .0.as_secs())]
struct NoAnswer(Duration);

/// Fails a request whose answer does not begin, or whose body does not continue, within this time.
#[derive(Clone, Copy)]
pub(super) struct AnswerTimeout(pub(super) Duration);

impl<S> Layer<S> for AnswerTimeout {
    type Service = AnswersInTime<S>;

    fn layer(&self, inner: S) -> AnswersInTime<S> {
        AnswersInTime { inner, limit: self.0 }
    }
}

/// A client whose requests fail when they are not answered in time.
#[derive(Clone)]
pub(super) struct AnswersInTime<S> {
    inner: S,
    limit: Duration,
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
        let limit = self.limit;
        let body_limit = (!is_watch(request.uri().query())).then_some(limit);
        let answer = self.inner.call(request);
        Box::pin(async move {
            let answer = timeout(limit, answer).await.map_err(|_| NoAnswer(limit))?.map_err(Into::into)?;
            Ok(answer.map(|body| TimedBody { body, limit: body_limit, sleep: None }))
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
    limit: Option<Duration>,
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
        let Some(limit) = self.limit else { return Poll::Pending };
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(sleep(limit)));
        sleep.as_mut().poll(context).map(|()| Some(Err(NoAnswer(limit).into())))
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
        kube::Client::new(AnswerTimeout(LIMIT).layer(server), "default")
    }

    fn request(uri: &str) -> Request<Vec<u8>> {
        Request::get(uri).body(Vec::new()).unwrap()
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
