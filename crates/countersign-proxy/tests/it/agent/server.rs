//! The server's end of channels.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cs_client::agent::{Order, Report};
use futures_util::{SinkExt as _, StreamExt as _};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls_pki_types::PrivateKeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::support::certificates::Authority;
use crate::support::{PATIENCE, bound};

pub(super) struct Server {
    pub(super) port: u16,
    /// Of its certificate.
    authority: Authority,
    refuses: Arc<AtomicBool>,
    channels: mpsc::UnboundedReceiver<Channel>,
}

/// A channel that was opened.
pub(super) struct Channel {
    /// The request, its names in small letters.
    pub(super) head: String,
    stream: WebSocketStream<TlsStream<TcpStream>>,
}

impl Server {
    pub(super) async fn start() -> Self {
        let authority = Authority::fresh();
        let acceptor = acceptor(&authority);
        let (listener, port) = bound().await;
        let refuses = Arc::new(AtomicBool::new(false));
        let (say, channels) = mpsc::unbounded_channel();
        let no = refuses.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, no, say) = (acceptor.clone(), no.clone(), say.clone());
                tokio::spawn(async move {
                    // Who goes away early wanted nothing.
                    if let Ok(stream) = acceptor.accept(stream).await
                        && let Some(channel) = open(stream, &no).await
                    {
                        _ = say.send(channel);
                    }
                });
            }
        });
        Self { port, authority, refuses, channels }
    }

    /// Where the authority of its certificate lies.
    pub(super) fn folder(&self) -> &Path {
        self.authority.folder()
    }

    pub(super) fn refuses(&self, refuses: bool) {
        self.refuses.store(refuses, Ordering::SeqCst);
    }

    /// The next channel that is opened.
    pub(super) async fn channel(&mut self) -> Channel {
        tokio::time::timeout(PATIENCE, self.channels.recv()).await.unwrap().unwrap()
    }
}

fn acceptor(authority: &Authority) -> TlsAcceptor {
    let (certificate, key) = authority.issue("localhost");
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let builder = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    TlsAcceptor::from(Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap()))
}

async fn open(mut stream: TlsStream<TcpStream>, refuses: &AtomicBool) -> Option<Channel> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read_buf(&mut head).await.unwrap_or(0) == 0 {
            return None;
        }
    }
    let text = String::from_utf8(head).unwrap();
    let header = |name: &str| {
        let found = |line: &str| {
            line.split_once(": ")
                .filter(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.to_owned())
        };
        text.lines().find_map(found).unwrap_or_default()
    };
    if refuses.load(Ordering::SeqCst) {
        let body = r#"{"stat":"FAIL","code":40103,"message":"Invalid signature","message_detail":""}"#;
        let answer = format!("HTTP/1.1 401 Unauthorized\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        _ = stream.write_all(answer.as_bytes()).await;
        return None;
    }
    assert_eq!((&*header("upgrade"), &*header("sec-websocket-version")), ("websocket", "13"));
    let accept = derive_accept_key(header("sec-websocket-key").as_bytes());
    let answer = format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    stream.write_all(answer.as_bytes()).await.ok()?;
    let stream = WebSocketStream::from_raw_socket(stream, Role::Server, None).await;
    Some(Channel { head: text, stream })
}

impl Channel {
    pub(super) async fn say(&mut self, order: &Order) {
        self.send(&serde_json::to_string(order).unwrap()).await;
    }

    /// Sends a text, whatever becomes of it.
    pub(super) async fn send(&mut self, text: &str) {
        _ = self.stream.send(Message::text(text)).await;
    }

    /// The next report.
    pub(super) async fn hear(&mut self) -> Report {
        tokio::time::timeout(PATIENCE, self.hear_whenever()).await.unwrap()
    }

    /// The same, where the clock is not the usual one.
    pub(super) async fn hear_whenever(&mut self) -> Report {
        loop {
            match self.stream.next().await.unwrap().unwrap() {
                Message::Text(text) => return serde_json::from_str(&text).unwrap(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Waits for the good-bye of the other side.
    pub(super) async fn ends(&mut self) {
        loop {
            let message = tokio::time::timeout(PATIENCE, self.stream.next()).await.unwrap();
            match message {
                Some(Ok(Message::Close(_))) => return,
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}
