//! A client for HTTP/1.1 with keep-alive that costs little: requests are bytes made beforehand, answers are read in place.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::{Context as _, bail};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Longer answers are refused: nothing measured here sends one.
const MAX_ANSWER: usize = 4 << 20;

/// Where a server is.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// As in `Host`.
    pub(crate) host: String,
    /// PEM file of the authority to trust; `None` is plain HTTP.
    pub(crate) ca: Option<PathBuf>,
}

/// Opens connections to one server.
#[derive(Clone)]
pub(crate) struct Dialer {
    target: Target,
    tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

impl Dialer {
    pub(crate) fn new(target: Target) -> anyhow::Result<Self> {
        let tls = match &target.ca {
            None => None,
            Some(ca) => {
                let name = target.host.rsplit_once(':').map_or(target.host.as_str(), |(name, _)| name);
                Some((crate::tls::client(ca)?, ServerName::try_from(name.to_owned())?))
            }
        };
        Ok(Self { target, tls })
    }

    pub(crate) fn host(&self) -> &str {
        &self.target.host
    }

    pub(crate) async fn dial(&self) -> anyhow::Result<Connection> {
        let stream = TcpStream::connect(self.target.address).await.context("cannot connect")?;
        stream.set_nodelay(true)?;
        let stream = match &self.tls {
            None => Stream::Plain(stream),
            Some((config, name)) => {
                let connector = TlsConnector::from(config.clone());
                Stream::Tls(Box::new(connector.connect(name.clone(), stream).await.context("TLS handshake")?))
            }
        };
        Ok(Connection { stream, buffer: Vec::new(), end: 0 })
    }
}

/// One connection; one request at a time.
pub(crate) struct Connection {
    stream: Stream,
    buffer: Vec<u8>,
    /// Where the last answer ended.
    end: usize,
}

/// One answer, borrowed from its connection.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    /// Status line and headers.
    pub(crate) head: &'a str,
    pub(crate) body: &'a [u8],
    /// Whether the connection can be used again.
    pub(crate) keeps_alive: bool,
}

impl Connection {
    /// Sends `request` and reads its answer.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> anyhow::Result<Answer<'_>> {
        self.send(request).await?;
        self.answer().await
    }

    pub(crate) async fn send(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(request).await.context("cannot send")?;
        self.stream.flush().await.context("cannot send")?;
        Ok(())
    }

    pub(crate) async fn answer(&mut self) -> anyhow::Result<Answer<'_>> {
        self.buffer.drain(..self.end);
        self.end = 0;
        let head = loop {
            if let Some(head) = Head::parse(&self.buffer)? {
                break head;
            }
            self.fill().await?;
        };
        while self.buffer.len() < head.length + head.body {
            self.fill().await?;
        }
        self.end = head.length + head.body;
        let (text, body) = self.buffer[..self.end].split_at(head.length);
        let text = str::from_utf8(text).context("headers are no text")?;
        Ok(Answer { status: head.status, head: text, body, keeps_alive: head.keeps_alive })
    }

    async fn fill(&mut self) -> anyhow::Result<()> {
        if self.buffer.len() > MAX_ANSWER {
            bail!("an answer of more than {MAX_ANSWER} bytes");
        }
        self.buffer.reserve(1024);
        let read = self.stream.read_buf(&mut self.buffer).await.context("cannot read")?;
        if read == 0 {
            bail!("closed in the middle of an answer");
        }
        Ok(())
    }
}

struct Head {
    status: u16,
    /// Bytes up to and including the empty line.
    length: usize,
    /// Bytes of the body.
    body: usize,
    keeps_alive: bool,
}

impl Head {
    /// `None`: more bytes are needed.
    fn parse(bytes: &[u8]) -> anyhow::Result<Option<Self>> {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else {
            return Ok(None);
        };
        let text = str::from_utf8(&bytes[..end]).context("headers are no text")?;
        let mut lines = text.split("\r\n");
        let status = lines.next().and_then(|line| line.split(' ').nth(1)?.parse().ok()).context("no status line")?;
        let (mut body, mut keeps_alive) = (None, true);
        for line in lines {
            let Some((name, value)) = line.split_once(':') else { continue };
            if name.eq_ignore_ascii_case("content-length") {
                body = Some(value.trim().parse().context("Content-Length")?);
            } else if name.eq_ignore_ascii_case("connection") {
                keeps_alive = !value.trim().eq_ignore_ascii_case("close");
            }
        }
        if status == 204 {
            body = Some(0);
        }
        let body = body.context("an answer without Content-Length")?;
        Ok(Some(Self { status, length: end + 4, body, keeps_alive }))
    }
}

enum Stream {
    Plain(TcpStream),
    // Boxed: ten thousand of them wait in one test.
    Tls(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_once_it_is_whole() {
        let text = b"HTTP/1.1 200 OK\r\nContent-length: 2\r\nConnection: close\r\n\r\nok";
        assert!(Head::parse(&text[..30]).unwrap().is_none());
        let head = Head::parse(text).unwrap().unwrap();
        assert_eq!((head.status, head.body, head.keeps_alive), (200, 2, false));
        assert_eq!(&text[head.length..], b"ok");
    }

    #[test]
    fn an_answer_without_a_length_is_refused() {
        assert!(Head::parse(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }
}
