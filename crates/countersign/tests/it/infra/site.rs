//! A server with a few test routes, and clients that speak to it byte by byte.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{get, post};
use countersign::config::Config;
use countersign::http::{BodyBytes, RequestInfo};
use countersign::net::Shutdown;
use countersign::server::{Running, ServerParts, run_server};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{Notify, mpsc};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub(crate) struct Site {
    pub(crate) directory: TempDir,
    pub(crate) running: Running,
    pub(crate) waiting: Waiting,
}

/// A route that waits, seen from outside.
pub(crate) struct Waiting {
    /// Tells of each request that began to wait.
    pub(crate) arrived: mpsc::UnboundedReceiver<RequestInfo>,
    /// Lets them go.
    pub(crate) release: Arc<Notify>,
}

impl Site {
    pub(crate) fn start() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Config)) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut config = Config::ephemeral(directory.path());
        change(&mut config);
        let (router, waiting) = routes();
        let parts = ServerParts { api: router, ..ServerParts::new(&config) };
        let running = run_server(parts, &config, Shutdown::new()).unwrap();
        Self { directory, running, waiting }
    }

    pub(crate) fn api(&self) -> SocketAddr {
        self.running.addresses.api
    }

    pub(crate) async fn connect(&self) -> Client {
        Client::connect(self.api(), self.client_config(), "localhost").await
    }

    pub(crate) fn client_config(&self) -> Arc<rustls::ClientConfig> {
        let mut roots = rustls::RootCertStore::empty();
        let path = self.directory.path().join("tls/ca.pem");
        roots.add(CertificateDer::from_pem_file(path).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap();
        Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
    }

    /// A plain request to the operations listener.
    pub(crate) async fn operations(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.running.addresses.operations).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }
}

fn routes() -> (Router, Waiting) {
    let (arrive, arrived) = mpsc::unbounded_channel();
    let release = Arc::new(Notify::new());
    let wait = {
        let release = release.clone();
        move |info: RequestInfo| {
            let (arrive, release) = (arrive.clone(), release.clone());
            async move {
                let released = release.notified();
                arrive.send(info).unwrap();
                released.await;
                "answered"
            }
        }
    };
    let router = Router::new()
        .route("/echo", post(async |BodyBytes(body): BodyBytes| body))
        .route("/client", get(async |info: RequestInfo| info.client.to_string()))
        .route(
            "/panic",
            get(async || {
                if true {
                    panic!("secret detail")
                }
            }),
        )
        .route("/refused", get(async || StatusCode::UNAUTHORIZED))
        .route("/wait", get(wait));
    (router, Waiting { arrived, release })
}

/// One TLS connection.
pub(crate) struct Client {
    pub(crate) stream: TlsStream<TcpStream>,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// The envelope's code.
    pub(crate) fn code(&self) -> u64 {
        let envelope: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        assert_eq!(envelope["stat"], "FAIL");
        assert!(envelope["message_detail"].is_string());
        envelope["code"].as_u64().unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let is_name = |line: &&str| line.split_once(':').is_some_and(|(n, _)| n.eq_ignore_ascii_case(name));
        self.head.lines().find(is_name).and_then(|line| line.split_once(':')).map(|(_, value)| value.trim())
    }
}

impl Client {
    pub(crate) async fn connect(address: SocketAddr, config: Arc<rustls::ClientConfig>, name: &str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let stream = TlsConnector::from(config).connect(name, stream).await.unwrap();
        Self { stream }
    }

    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.stream.write_all(bytes.as_ref()).await.unwrap();
        self.stream.flush().await.unwrap();
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await;
        self.answer().await
    }

    /// Reads one answer with a `Content-Length`.
    pub(crate) async fn answer(&mut self) -> Answer {
        let mut bytes = Vec::new();
        let head_end = loop {
            if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            let read = self.stream.read_buf(&mut bytes).await.unwrap();
            assert!(read > 0, "closed before an answer: {:?}", String::from_utf8_lossy(&bytes));
        };
        let head = String::from_utf8(bytes[..head_end].to_vec()).unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: String::new() };
        let length: usize = answer.header("content-length").map_or(0, |length| length.parse().unwrap());
        while bytes.len() < head_end + length {
            assert!(self.stream.read_buf(&mut bytes).await.unwrap() > 0, "closed within the body");
        }
        answer.body = String::from_utf8(bytes[head_end..].to_vec()).unwrap();
        answer
    }

    /// Reads until the server closes; what it said before.
    pub(crate) async fn until_closed(&mut self) -> String {
        let mut bytes = Vec::new();
        // A connection that is cut off ends with an error instead of an end.
        let _ = self.stream.read_to_end(&mut bytes).await;
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The DER of the certificate the server showed.
    pub(crate) fn server_certificate(&self) -> Vec<u8> {
        self.stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    }
}
