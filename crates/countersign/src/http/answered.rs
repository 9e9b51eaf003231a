//! An answer that tells when it is on its way.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::response::{IntoResponse as _, Response};
use cs_engine::Liveness;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, SizeHint};

use super::Failure;

/// Completes `response` so that `request` counts as answered once the connection takes the answer. If the connection has died, nobody takes it.
pub(crate) async fn tell_when_answered(response: Response, request: Liveness) -> Response {
    let (parts, body) = response.into_parts();
    // Our own answers are in memory already.
    match body.collect().await {
        Ok(body) => Response::from_parts(parts, Body::new(Answered { bytes: Some(body.to_bytes()), request })),
        Err(_) => Failure::internal("unreadable-answer").into_response(),
    }
}

struct Answered {
    bytes: Option<Bytes>,
    request: Liveness,
}

impl HttpBody for Answered {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.request.answered();
        Poll::Ready(self.bytes.take().map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        self.bytes.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.bytes.as_ref().map_or(0, |bytes| bytes.len() as u64))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[tokio::test]
    async fn a_request_is_answered_once_its_answer_is_taken() {
        let request = Liveness::watching(Arc::new(AtomicBool::new(false)));
        let response = tell_when_answered("hi".into_response(), request.clone()).await;
        assert_eq!(response.body().size_hint().exact(), Some(2));
        assert!(request.died());
        assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "hi");
        assert!(!request.died());
    }
}
