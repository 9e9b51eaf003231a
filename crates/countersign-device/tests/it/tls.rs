//! Which servers are trusted.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::serve::Listener;
use countersign_device::cli::Exit;
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::server::{CODE, Server};
use super::site::Site;

struct Tls {
    tcp: TcpListener,
    acceptor: TlsAcceptor,
}

impl Listener for Tls {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, address) = self.tcp.accept().await.unwrap();
            // A client that does not trust us hangs up.
            if let Ok(stream) = self.acceptor.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

/// A server for `localhost`, and its own authority in PEM.
async fn start() -> (Server, String) {
    countersign_device::install_crypto_provider();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config =
        ServerConfig::builder().with_no_client_auth().with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let server = Server::new(format!("https://localhost:{}", tcp.local_addr().unwrap().port()));
    let (app, acceptor) = (server.app(), TlsAcceptor::from(Arc::new(config)));
    tokio::spawn(async move { axum::serve(Tls { tcp, acceptor }, app).await });
    (server, made.cert.pem())
}

#[tokio::test]
async fn a_site_s_own_authority_is_trusted_once_it_is_named_and_remembered() {
    let (server, pem) = start().await;
    let files = tempfile::tempdir().unwrap();
    let ca = files.path().join("ca.pem");
    std::fs::write(&ca, pem).unwrap();
    let ca = ca.to_str().unwrap();
    let site = Site { server, ..Site::start().await };
    let arguments = ["activate", CODE, "--origin", &site.server.origin, "--ca-cert", ca];

    let message = site.run(&arguments[..4]).await.failed(Exit::Network);
    assert!(message.contains("--ca-cert"), "{message}");
    assert!(site.server.state().code_is_unused);
    site.run(&arguments).await.done();
    site.server.push("t1", None);
    site.run(&["approve", "--yes"]).await.done();
    assert_eq!(site.server.state().closed["t1"], "approved");
}

#[tokio::test]
async fn a_file_without_a_certificate_is_refused() {
    let site = Site::start().await;
    let files = tempfile::tempdir().unwrap();
    let ca = files.path().join("ca.pem");
    std::fs::write(&ca, "nothing").unwrap();
    let arguments = ["activate", CODE, "--origin", &site.server.origin, "--ca-cert", ca.to_str().unwrap()];
    let message = site.run(&arguments).await.failed(Exit::Usage);
    assert!(message.contains("no usable PEM certificate"), "{message}");
    std::fs::remove_file(&ca).unwrap();
    assert!(site.run(&arguments).await.failed(Exit::Usage).contains("cannot read"));
}
