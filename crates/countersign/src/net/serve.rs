//! The accept loop and one task per connection.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use futures_util::future::Either;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::task::TaskTracker;

use super::connection::Lifetime;
use super::timed_io::{TimedIo, Timeouts};
use super::{ConnectionAlive, Shutdown};
use crate::config::Limits;
use crate::http::Edge;

/// Connections beyond the limit that are told so at a time; those beyond are closed without a word.
const TURNED_AWAY_AT_A_TIME: usize = 64;
/// A peer that vanished without a word is noticed after this much silence and three probes.
const PROBE_AFTER: Duration = Duration::from_secs(60);
const PROBE_EVERY: Duration = Duration::from_secs(10);
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 32 << 10;
const MAX_STREAMS: u32 = 256;

/// What all listeners share.
pub struct Net {
    limits: Limits,
    edge: Arc<Edge>,
    shutdown: Shutdown,
    admitted: Arc<Semaphore>,
    turned_away: Arc<Semaphore>,
    tasks: TaskTracker,
}

/// One listener and what it serves.
pub struct Endpoint {
    pub listener: TcpListener,
    /// `None` is plain HTTP, for the operations listener.
    pub tls: Option<Arc<ServerConfig>>,
    pub router: Router,
}

impl Net {
    #[must_use]
    pub fn new(limits: Limits, edge: Arc<Edge>, shutdown: Shutdown) -> Arc<Self> {
        Arc::new(Self {
            admitted: Arc::new(Semaphore::new(limits.connections)),
            turned_away: Arc::new(Semaphore::new(TURNED_AWAY_AT_A_TIME)),
            limits,
            edge,
            shutdown,
            tasks: TaskTracker::new(),
        })
    }

    /// Connections open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.tasks.len()
    }

    /// Resolves when every connection has ended. Call after the accept loops have stopped.
    pub async fn finished(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Accepts until draining begins. Connections live on in their own tasks; see [`Net::finished`].
pub async fn serve(endpoint: Endpoint, net: Arc<Net>) {
    let Endpoint { listener, tls, router } = endpoint;
    let acceptor = tls.map(TlsAcceptor::from);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = net.shutdown.draining() => return,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                accept_failed(&error).await;
                continue;
            }
        };
        let (permit, service) = match net.admitted.clone().try_acquire_owned() {
            Ok(permit) => (permit, Service::Router(router.clone())),
            Err(_) => match net.turned_away.clone().try_acquire_owned() {
                Ok(permit) => (permit, Service::TooManyConnections),
                Err(_) => continue,
            },
        };
        let connection = Connection { net: net.clone(), alive: ConnectionAlive::new(peer), service, _permit: permit };
        net.tasks.spawn(connection.run(stream, acceptor.clone()));
    }
}

async fn accept_failed(error: &std::io::Error) {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        return;
    }
    // Out of files or memory: the next call would fail as well, at full speed.
    tracing::error!(error = %error, "cannot accept connections; raise the limit of open files");
    tokio::time::sleep(Duration::from_millis(100)).await;
}

#[derive(Clone)]
enum Service {
    Router(Router),
    TooManyConnections,
}

struct Connection {
    net: Arc<Net>,
    alive: Arc<ConnectionAlive>,
    service: Service,
    _permit: OwnedSemaphorePermit,
}

impl Connection {
    async fn run(self, stream: TcpStream, acceptor: Option<TlsAcceptor>) {
        let _lifetime = Lifetime(self.alive.clone());
        let peer = self.alive.peer();
        if let Err(error) = set_options(&stream) {
            tracing::debug!(peer = %peer, error = %error, "connection ended before it began");
            return;
        }
        let Some(acceptor) = acceptor else {
            return self.http(stream, true).await;
        };
        // Boxed: a connection may last for hours, and what its handshake needs is kilobytes.
        let Some(stream) = Box::pin(self.handshake(acceptor, stream)).await else { return };
        let is_http1 = stream.get_ref().1.alpn_protocol() != Some(b"h2");
        self.http(stream, is_http1).await;
    }

    /// The encrypted stream, in a box because it is large and handed on; `None` if there will be none.
    async fn handshake(&self, acceptor: TlsAcceptor, stream: TcpStream) -> Option<Box<TlsStream<TcpStream>>> {
        let peer = self.alive.peer();
        let handshake = tokio::time::timeout(self.net.limits.handshake_timeout, acceptor.accept(stream));
        let handshake = tokio::select! {
            handshake = handshake => handshake,
            () = self.net.shutdown.closing() => return None,
        };
        match handshake {
            Ok(Ok(stream)) => return Some(Box::new(stream)),
            Ok(Err(error)) => tracing::debug!(peer = %peer, error = %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(peer = %peer, "TLS handshake timed out"),
        }
        None
    }

    async fn http<I>(&self, stream: I, is_http1: bool)
    where
        I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        let limits = &self.net.limits;
        let timeouts =
            Timeouts { header: limits.header_timeout, idle: limits.idle_timeout, write: limits.body_timeout, is_http1 };
        let io = TokioIo::new(TimedIo::new(stream, self.alive.clone(), timeouts));
        // Boxed, so that a connection of the one kind is not as large as one of the other.
        let ended = if is_http1 { self.http1(io).await } else { Box::pin(self.http2(io)).await };
        if let Err(error) = ended {
            tracing::debug!(peer = %self.alive.peer(), error = %error, "connection ended");
        }
    }

    async fn http1<I: Read + Write + Unpin + Send + 'static>(&self, io: I) -> hyper::Result<()> {
        let service = service_fn(|request| {
            let answer = answer(&self.net, &self.alive, &self.service, request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            // Bounded by `TimedIo` instead, which tells waiting for headers from waiting for a person.
            .header_read_timeout(None)
            .max_headers(MAX_HEADERS)
            .max_header_size(MAX_HEADER_BYTES)
            .max_buf_size(MAX_HEADER_BYTES)
            .serve_connection(io, service)
            // For the channels of proxies beside directories.
            .with_upgrades();
        tokio::pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = self.net.shutdown.draining() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.net.shutdown.closing() => Ok(()),
        }
    }

    async fn http2<I: Read + Write + Unpin + Send + 'static>(&self, io: I) -> hyper::Result<()> {
        // Streams are tasks of their own and so cannot borrow from the connection.
        let (net, alive, service) = (self.net.clone(), self.alive.clone(), self.service.clone());
        let service = service_fn(move |request| {
            let (net, alive, service) = (net.clone(), alive.clone(), service.clone());
            async move { Ok::<_, Infallible>(answer(&net, &alive, &service, request).await) }
        });
        let connection = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(PROBE_AFTER)
            .keep_alive_timeout(PROBE_EVERY * 3)
            .max_concurrent_streams(MAX_STREAMS)
            .max_header_list_size(u32::try_from(MAX_HEADER_BYTES).unwrap_or(u32::MAX))
            .serve_connection(io, service);
        tokio::pin!(connection);
        tokio::select! {
            ended = connection.as_mut() => return ended,
            () = self.net.shutdown.draining() => connection.as_mut().graceful_shutdown(),
        }
        tokio::select! {
            ended = connection.as_mut() => ended,
            () = self.net.shutdown.closing() => Ok(()),
        }
    }
}

/// Not an `async fn`: that would keep the request twice, for as long as the answer takes.
fn answer(
    net: &Net,
    alive: &Arc<ConnectionAlive>,
    service: &Service,
    request: Request<Incoming>,
) -> impl Future<Output = Response<Body>> + use<> {
    match service {
        Service::Router(router) => Either::Left(net.edge.answer(router, alive, request)),
        Service::TooManyConnections => Either::Right(std::future::ready(net.edge.turn_away())),
    }
}

/// Small answers leave at once, and a peer that vanished is noticed while a login waits for it.
fn set_options(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let probes = socket2::TcpKeepalive::new().with_time(PROBE_AFTER).with_interval(PROBE_EVERY).with_retries(3);
    socket2::SockRef::from(stream).set_tcp_keepalive(&probes)
}
