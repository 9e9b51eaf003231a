//! A layer around every route: counts what it answers, and turns a panic into an answer.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::response::{IntoResponse as _, Response};
use futures_util::FutureExt as _;
use tower::{Layer, Service};

use super::{Failure, RequestInfo};
use crate::ops::RouteMetrics;

/// Counts answers by route template; turns a panic into 50000 and a log line.
#[derive(Clone, Default)]
pub struct Observe(Arc<RouteMetrics>);

impl<S> Layer<S> for Observe {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Observed<S> {
        Observed { inner, metrics: self.0.clone() }
    }
}

/// A route under [`Observe`].
#[derive(Clone)]
pub struct Observed<S> {
    inner: S,
    metrics: Arc<RouteMetrics>,
}

impl<S> Service<Request> for Observed<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let id = request.extensions().get::<RequestInfo>().map(|info| info.id);
        let route = request.extensions().get::<MatchedPath>().cloned();
        let metrics = self.metrics.clone();
        let began = Instant::now();
        let answer = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        Box::pin(async move {
            let answer = answer.await.unwrap_or_else(|_| {
                // The panic hook has logged message and place; this ties them to the request.
                let reference = id.map_or_else(|| "none".to_owned(), |id| id.to_string());
                tracing::error!(request.id = reference, "a request handler panicked");
                Ok(Failure::internal(reference).into_response())
            });
            let Ok(response) = answer;
            let template = route.as_ref().map_or("unmatched", MatchedPath::as_str);
            metrics.answered(template, response.status(), began.elapsed());
            Ok(response)
        })
    }
}
