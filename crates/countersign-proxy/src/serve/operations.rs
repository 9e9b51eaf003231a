//! Metrics and health over HTTP, for who operates the proxy: `/metrics`, `/healthz`, `/readyz`.
//!
//! Of HTTP only what a scraper needs: GET, one answer, and the connection ends.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot};

use crate::metrics::{Health, Metrics};

/// Whoever does not ask and read within this is left alone.
const PATIENCE: Duration = Duration::from_secs(5);
/// The longest head of a request.
const MOST_HEAD: usize = 8 << 10;
/// Connections at a time.
const MOST_CONNECTIONS: usize = 16;

/// Asks the loop that serves packets for a sign of life; before it gives one it brings its figures up to date.
pub(super) type Ask = mpsc::Sender<oneshot::Sender<()>>;

/// Where it listens, until it is dropped.
pub(super) struct Operations {
    /// As the configuration says.
    pub(super) asked: SocketAddr,
    #[cfg(test)]
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Operations {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Clone)]
struct Shown {
    metrics: Metrics,
    health: Health,
    ask: Ask,
}

impl Operations {
    /// Listens. Must be called within a runtime.
    ///
    /// Fails if the address cannot be listened at.
    pub(super) fn open(address: SocketAddr, metrics: Metrics, health: Health, ask: Ask) -> anyhow::Result<Self> {
        let listen = || {
            let listener = std::net::TcpListener::bind(address)?;
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener)
        };
        let listener = listen()
            .with_context(|| format!("cannot listen at {address} for metrics and health (operations_listen)"))?;
        let (asked, address) = (address, listener.local_addr().unwrap_or(address));
        tracing::info!(%address, "metrics and health are shown");
        let shown = Shown { metrics, health, ask };
        Ok(Self {
            asked,
            #[cfg(test)]
            address,
            task: tokio::spawn(accept(listener, shown)),
        })
    }
}

async fn accept(listener: TcpListener, shown: Shown) {
    let room = std::sync::Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let Ok(permit) = room.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let shown = shown.clone();
                tokio::spawn(async move {
                    // Who goes away without reading has what he wanted.
                    _ = tokio::time::timeout(PATIENCE, converse(stream, &shown)).await;
                    drop(permit);
                });
            }
            // No descriptors are left, most often; some come back.
            Err(error) => {
                tracing::warn!(%error, "a connection to operations_listen was not taken");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

async fn converse(mut stream: TcpStream, shown: &Shown) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        if head.len() >= MOST_HEAD || stream.read_buf(&mut head).await? == 0 {
            return Ok(());
        }
    }
    let line = head.split(|octet| *octet == b'\r').next().unwrap_or_default();
    let (status, kind, body) = answer(&String::from_utf8_lossy(line), shown).await;
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(answer.as_bytes()).await?;
    stream.shutdown().await
}

async fn answer(line: &str, shown: &Shown) -> (&'static str, &'static str, String) {
    const TEXT: &str = "text/plain; charset=utf-8";
    const JSON: &str = "application/json";
    let mut words = line.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    if method != "GET" {
        return ("405 Method Not Allowed", TEXT, "only GET\n".to_owned());
    }
    match target.split('?').next().unwrap_or_default() {
        "/metrics" => {
            // Without a sign of life the figures are old, and better than none.
            _ = is_alive(&shown.ask).await;
            ("200 OK", "text/plain; version=0.0.4; charset=utf-8", shown.metrics.render())
        }
        "/healthz" if is_alive(&shown.ask).await => ("200 OK", TEXT, "ok\n".to_owned()),
        "/healthz" => ("503 Service Unavailable", TEXT, "packets are not worked on\n".to_owned()),
        "/readyz" => {
            let is_alive = is_alive(&shown.ask).await;
            let mut problems = shown.health.problems();
            if !is_alive {
                problems.push(("proxy".to_owned(), "packets are not worked on".to_owned()));
            }
            let problems: Vec<_> =
                problems.iter().map(|(part, problem)| json!({ "part": part, "problem": problem })).collect();
            let status = if problems.is_empty() { "200 OK" } else { "503 Service Unavailable" };
            let answer =
                json!({ "ready": problems.is_empty(), "problems": problems, "servers": shown.health.servers() });
            (status, JSON, format!("{answer}\n"))
        }
        _ => ("404 Not Found", TEXT, "there are /metrics, /healthz and /readyz\n".to_owned()),
    }
}

async fn is_alive(ask: &Ask) -> bool {
    let (sign, heard) = oneshot::channel();
    let asked = async { ask.send(sign).await.is_ok() && heard.await.is_ok() };
    tokio::time::timeout(Duration::from_secs(2), asked).await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn get(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn metrics_and_health_are_told_over_http() {
        let (metrics, health) = (Metrics::default(), Health::default());
        let (ask, mut asked) = mpsc::channel::<oneshot::Sender<()>>(1);
        let gauge = metrics.gauge("waiting", "Logins that wait", &[]);
        let life = tokio::spawn(async move {
            while let Some(sign) = asked.recv().await {
                gauge.set(7);
                _ = sign.send(());
            }
        });
        let here = SocketAddr::from(([127, 0, 0, 1], 0));
        let operations = Operations::open(here, metrics, health.clone(), ask).unwrap();
        let at = operations.address;
        let text = get(at, "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert!(text.starts_with("HTTP/1.1 200 OK\r\n") && text.ends_with("\nwaiting 7\n"), "{text}");
        assert!(get(at, "GET /healthz HTTP/1.1\r\n\r\n").await.ends_with("ok\n"));
        assert!(get(at, "GET /readyz HTTP/1.0\r\n\r\n").await.contains("\"ready\":true"));
        health.set("api", Some("no answer"));
        let text = get(at, "GET /readyz HTTP/1.1\r\n\r\n").await;
        assert!(text.starts_with("HTTP/1.1 503 ") && text.contains("no answer"), "{text}");
        assert!(get(at, "POST /metrics HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 405 "));
        assert!(get(at, "GET /other HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 404 "));
        // A head without end is not waited for.
        assert_eq!(get(at, &"x".repeat(MOST_HEAD)).await, "");
        // A loop that is no more is seen.
        life.abort();
        _ = life.await;
        assert!(get(at, "GET /healthz HTTP/1.1\r\n\r\n").await.starts_with("HTTP/1.1 503 "));
    }
}
