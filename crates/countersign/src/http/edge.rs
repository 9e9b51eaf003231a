//! The outermost step of every request: who asks, is there room, and what every answer carries.

use std::convert::Infallible;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::IntoResponse as _;
use cs_core::network::machine_of;
use http::header::{self, HeaderName};
use http::request::Parts;
use http::{Extensions, HeaderMap, HeaderValue, Request, Response, StatusCode};
use hyper::body::{Body as _, Incoming};
use ipnet::IpNet;
use tower::Service as _;

use super::body::room_for;
use super::{Failure, RateLimiter, RequestId, RequestIds, client_address};
use crate::config::{Config, Limits};
use crate::net::{ConnectionAlive, InFlight};

/// Seconds' worth of refusals one address may cause at once.
const REFUSAL_BURST_SECONDS: u32 = 10;
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What any handler may know about its request.
#[derive(Debug, Clone)]
pub struct RequestInfo {
    /// Also in the answer's `X-Request-Id` and in the log.
    pub id: RequestId,
    /// Where the request came from, after trusted proxies.
    pub client: IpAddr,
    /// The connection; whether it is still alive decides if a retransmission may join.
    pub connection: Arc<ConnectionAlive>,
    bounds: Bounds,
}

/// Bounds on a body.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    pub(super) body_bytes: usize,
    pub(super) body_timeout: Duration,
}

impl Bounds {
    fn of(limits: &Limits) -> Self {
        Self { body_bytes: limits.body_bytes, body_timeout: limits.body_timeout }
    }
}

impl RequestInfo {
    pub(super) fn bounds(extensions: &Extensions) -> Bounds {
        extensions.get::<Self>().map_or_else(|| Bounds::of(&Limits::default()), |info| info.bounds)
    }
}

impl<S: Sync> FromRequestParts<S> for RequestInfo {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        // Missing only when a router is driven without the edge, which is a fault of the wiring.
        parts.extensions.get().cloned().ok_or_else(|| Failure::internal("no-edge"))
    }
}

/// The host the client asked for, with its port if it wrote one: `Host`, or `:authority` of HTTP/2.
#[must_use]
pub fn request_host<'a>(uri: &'a http::Uri, headers: &'a HeaderMap) -> Option<&'a str> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    host.or_else(|| uri.authority().map(http::uri::Authority::as_str))
}

/// Shared by all listeners.
pub struct Edge {
    trusted_proxies: Vec<IpNet>,
    bounds: Bounds,
    ids: RequestIds,
    refusals: Option<RateLimiter<IpAddr>>,
}

impl Edge {
    /// `seed` is random and makes the request ids of this run.
    #[must_use]
    pub fn new(config: &Config, seed: u64) -> Self {
        Self {
            trusted_proxies: config.trusted_proxies.clone(),
            bounds: Bounds::of(&config.limits),
            ids: RequestIds::new(seed),
            refusals: (config.limits.refusals_per_second > 0).then(|| {
                let rate = config.limits.refusals_per_second;
                RateLimiter::new(rate, rate.saturating_mul(REFUSAL_BURST_SECONDS), Instant::now())
            }),
        }
    }

    /// Passes a request to `router` and completes the answer.
    ///
    /// Not an `async fn`: that would keep the request twice, for as long as the answer takes.
    pub(crate) fn answer(
        self: &Arc<Self>,
        router: &Router,
        connection: &Arc<ConnectionAlive>,
        mut request: Request<Incoming>,
    ) -> impl Future<Output = Response<Body>> + use<> {
        let in_flight = connection.begin_request();
        let id = self.ids.next();
        let client = client_address(connection.peer().ip(), request.headers(), &self.trusted_proxies);
        let answer = match self.admit(client, &request) {
            Err(failure) => Err(failure.into_response()),
            Ok(()) => {
                let info = RequestInfo { id, client, connection: connection.clone(), bounds: self.bounds };
                request.extensions_mut().insert(info);
                Ok(router.clone().call(request))
            }
        };
        let edge = Arc::clone(self);
        async move {
            let mut response = match answer {
                Ok(answer) => {
                    let answered: Result<_, Infallible> = answer.await;
                    answered.unwrap_or_else(|never| match never {})
                }
                Err(response) => response,
            };
            edge.count_refusal(client, response.status());
            response.headers_mut().insert(REQUEST_ID, id.header());
            complete(response.headers_mut());
            keep_until_sent(response, in_flight)
        }
    }

    /// What can be refused before anything is read.
    fn admit(&self, client: IpAddr, request: &Request<Incoming>) -> Result<(), Failure> {
        if let Some(refusals) = &self.refusals {
            refusals.peek(&machine_of(client), Instant::now()).map_err(|limited| {
                let detail = "Too many refused requests came from this address.";
                Failure::too_many_requests(detail, limited.retry_after)
            })?;
        }
        let declared = request.body().size_hint().lower();
        let most = self.bounds.body_bytes.max(room_for(request.uri().path()));
        if usize::try_from(declared).map_or(true, |length| length > most) {
            return Err(Failure::body_too_large(most));
        }
        Ok(())
    }

    fn count_refusal(&self, client: IpAddr, status: StatusCode) {
        let is_refusal = matches!(
            status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND | StatusCode::REQUEST_TIMEOUT
        );
        if let (true, Some(refusals)) = (is_refusal, &self.refusals) {
            // Whether this one was the last allowed is for the next request to find out.
            let _ = refusals.check(&machine_of(client), Instant::now());
        }
    }

    /// The answer to a connection beyond the limit.
    pub(crate) fn turn_away(&self) -> Response<Body> {
        let detail = "This server has as many connections as it may have.";
        let mut response = Failure::too_many_requests(detail, Duration::from_secs(2)).into_response();
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        complete(response.headers_mut());
        response
    }
}

/// The headers every answer carries unless a surface said otherwise.
fn complete(headers: &mut HeaderMap) {
    const DEFAULTS: [(HeaderName, HeaderValue); 5] = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::PRAGMA, HeaderValue::from_static("no-cache")),
        (header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000")),
        (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (header::SERVER, HeaderValue::from_static("Countersign")),
    ];
    let is_cacheable = headers.contains_key(header::CACHE_CONTROL);
    for (name, value) in DEFAULTS {
        if name == header::PRAGMA && is_cacheable {
            continue;
        }
        headers.entry(name).or_insert(value);
    }
}

/// A streamed answer (server-sent events) keeps its connection from being idle until it ends.
fn keep_until_sent(response: Response<Body>, in_flight: InFlight) -> Response<Body> {
    if response.body().size_hint().exact().is_some() || response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return response;
    }
    response.map(|body| {
        use http_body_util::BodyExt as _;
        Body::new(body.map_frame(move |frame| {
            let _held = &in_flight;
            frame
        }))
    })
}
