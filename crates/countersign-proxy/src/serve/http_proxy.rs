//! `[http_proxy]`: lets clients elsewhere reach the server by CONNECT, and nothing else.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use super::now;
use super::ports::{Place, Ports, Wanted};
use super::quiet::Quiet;
use crate::cfg::Config;
use crate::cfg::others::HttpProxy;
use crate::connect::{self, Asked};
use crate::metrics::{Gauge, Metrics};

#[cfg(test)]
mod tests;

/// A client must have asked within so long.
const ASKING: Duration = Duration::from_secs(10);
/// The server must have been reached within so long.
const CONNECTING: Duration = Duration::from_secs(10);
/// A tunnel in one of whose directions nothing comes for so long is closed: answers about a push come every 25 seconds.
const IDLE: Duration = Duration::from_secs(600);
/// As much is read at a time.
const CHUNK: usize = 16 << 10;

/// A section at work.
struct Shared {
    section: HttpProxy,
    /// The host as names are compared, and its port.
    target: (String, u16),
    room: Arc<Semaphore>,
    metrics: Metrics,
    open: Gauge,
    quiet: Mutex<Quiet>,
}

/// Every section's listeners, until it is dropped.
pub(super) struct Forward {
    ports: Ports<Arc<Shared>>,
    metrics: Metrics,
}

/// What a configuration wants served.
pub(super) struct Prepared(Vec<Wanted<Arc<Shared>>>);

impl Forward {
    /// Serves nothing yet. `open` are listeners that are there already.
    pub(super) fn new(metrics: Metrics, open: Vec<(Place, TcpListener)>) -> Self {
        Self { ports: Ports::new(open), metrics }
    }

    /// Opens what is not open. Must be called within a runtime.
    ///
    /// Fails if something cannot be listened at; then nothing has changed.
    pub(super) fn prepare(&mut self, config: &Config) -> anyhow::Result<Prepared> {
        let mut wanted = Vec::new();
        for section in &config.http_proxy {
            let place = (section.interface.clone(), section.port);
            let listener = self.ports.listen(&place)?;
            wanted.push((place, Arc::new(self.shared(section)), listener));
        }
        Ok(Prepared(wanted))
    }

    /// From here on new connections are served so; those that were taken go on as they began.
    pub(super) fn serve(&mut self, Prepared(wanted): Prepared) {
        self.ports.serve(wanted, accept);
    }

    fn shared(&self, section: &HttpProxy) -> Shared {
        let help = "Tunnels to the server that are open, and clients that are about to ask for one";
        Shared {
            target: target(&section.api_host),
            room: Arc::new(Semaphore::new(section.max_connections)),
            open: self.metrics.gauge("countersign_proxy_http_proxy_connections", help, &[]),
            metrics: self.metrics.clone(),
            quiet: Mutex::default(),
            section: section.clone(),
        }
    }
}

/// `HOST` or `HOST:PORT`; the port is usually that of HTTPS.
fn target(api_host: &str) -> (String, u16) {
    let with_port = api_host.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']'));
    match with_port.and_then(|(host, port)| Some((host, port.parse().ok()?))) {
        Some((host, port)) => (connect::plain(host), port),
        None => (connect::plain(api_host), 443),
    }
}

async fn accept(listener: TcpListener, served: watch::Receiver<Arc<Shared>>) {
    loop {
        let taken = listener.accept().await;
        let shared = served.borrow().clone();
        match taken {
            Ok((stream, from)) => {
                let from = SocketAddr::new(from.ip().to_canonical(), from.port());
                let clients = &shared.section.clients;
                if !clients.is_empty() && !clients.iter().any(|range| range.contains(from.ip())) {
                    shared.refused(from, "not-allowed", "a client that client_ip does not name was sent away");
                    answer_at_once(&stream, "403 Forbidden");
                    continue;
                }
                match shared.room.clone().try_acquire_owned() {
                    Ok(place) => {
                        tokio::spawn(async move {
                            shared.open.change(1);
                            shared.converse(stream, from).await;
                            shared.open.change(-1);
                            drop(place);
                        });
                    }
                    Err(_) => {
                        shared.refused(from, "busy", "a client was sent away: max_connections are open");
                        answer_at_once(&stream, "503 Service Unavailable");
                    }
                }
            }
            // No descriptors are left, most often; some come back.
            Err(error) => {
                tracing::warn!(%error, "a connection to [http_proxy] was not taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

impl Shared {
    async fn converse(&self, mut client: TcpStream, from: SocketAddr) {
        // Pieces are small, and waited for.
        _ = client.set_nodelay(true);
        let (asked, rest) = match timeout(ASKING, asked(&mut client)).await {
            Ok(Ok(Some(asked))) => asked,
            Ok(Ok(None)) => {
                self.refused(from, "malformed", "what came is no request for a tunnel");
                return answer(client, "400 Bad Request", "").await;
            }
            // It hung up, or says nothing.
            Ok(Err(_)) | Err(_) => return self.count("given-up"),
        };
        let (host, port) = match asked {
            Asked::Tunnel { host, port } => (host, port),
            Asked::Other => {
                self.refused(from, "other-method", "only CONNECT is served by [http_proxy]");
                return answer(client, "405 Method Not Allowed", "Allow: CONNECT\r\n").await;
            }
        };
        if (&host, port) != (&self.target.0, self.target.1) {
            self.refused(from, "other-host", "a tunnel to another host than api_host was asked for");
            return answer(client, "403 Forbidden", "").await;
        }
        let server = match timeout(CONNECTING, TcpStream::connect((host.as_str(), port))).await {
            Ok(Ok(server)) => server,
            Ok(Err(error)) => {
                tracing::warn!(%from, %error, "[http_proxy]: the server is not reached");
                self.count("failed");
                return answer(client, "502 Bad Gateway", "").await;
            }
            Err(_) => {
                tracing::warn!(%from, "[http_proxy]: the server is not reached in time");
                self.count("failed");
                return answer(client, "504 Gateway Timeout", "").await;
            }
        };
        _ = server.set_nodelay(true);
        if client.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n").await.is_ok() {
            self.count("tunnel");
            tunnel(client, server, &rest).await;
        }
    }

    fn count(&self, outcome: &str) {
        let help = "Clients of [http_proxy]: a tunnel to the server, or why there was none";
        self.metrics.counter("countersign_proxy_http_proxy_total", help, &[("outcome", outcome)]).one();
    }

    fn refused(&self, from: SocketAddr, outcome: &str, what: &'static str) {
        self.count(outcome);
        // It is changed in one step.
        self.quiet.lock().unwrap_or_else(PoisonError::into_inner).warn(from.ip(), what, now());
    }
}

/// What a client asks, and what came behind; `None` if it is no request.
async fn asked(client: &mut TcpStream) -> io::Result<Option<(Asked, Vec<u8>)>> {
    let mut came = Vec::new();
    loop {
        match connect::read(&came) {
            Ok(Some((asked, len))) => return Ok(Some((asked, came.split_off(len)))),
            Err(connect::NoRequest) => return Ok(None),
            Ok(None) => {}
        }
        if client.read_buf(&mut came).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

fn head(status: &str, more: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{more}Content-Length: 0\r\nConnection: close\r\n\r\n")
}

fn answer_at_once(client: &TcpStream, status: &str) {
    // Whoever cannot be told at once hears nothing.
    _ = client.try_write(head(status, "").as_bytes());
}

async fn answer(mut client: TcpStream, status: &str, more: &str) {
    let said = async {
        client.write_all(head(status, more).as_bytes()).await?;
        client.shutdown().await
    };
    // Whoever does not read it has no need of it.
    _ = timeout(ASKING, said).await;
}

/// Octets both ways, until both have ended or one has failed or fallen silent.
async fn tunnel(client: TcpStream, server: TcpStream, first: &[u8]) {
    let ((from_client, to_client), (from_server, to_server)) = (client.into_split(), server.into_split());
    let there = async {
        let mut to_server = to_server;
        to_server.write_all(first).await?;
        copy(from_client, to_server).await
    };
    // What goes wrong on one side ends the other.
    _ = tokio::try_join!(there, copy(from_server, to_client));
}

async fn copy(mut from: impl AsyncRead + Unpin, mut to: impl AsyncWrite + Unpin) -> io::Result<()> {
    let mut buffer = vec![0; CHUNK];
    loop {
        let len = timeout(IDLE, from.read(&mut buffer)).await??;
        if len == 0 {
            return to.shutdown().await;
        }
        let octets = buffer.get(..len).unwrap_or_default();
        timeout(IDLE, to.write_all(octets)).await??;
    }
}
