//! Accounting by TLS, in and out, through a whole proxy.

use std::path::Path;

use cs_radius::{Builder, Code, Packet, Secret, kind, reply_is_authentic, request_is_authentic};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

use crate::cfg::client::TlsFiles;
use crate::serve::listeners::{Socket, Transport};
use crate::serve::radsec::tests::{connections, door};
use crate::serve::radsec::{self, Door, SECRET};
use crate::serve::sockets::{self, Arrived};
use crate::serve::{Beside, Proxy};
use crate::test_support::PATIENCE;
use crate::test_support::certificates::Authority;
use crate::test_support::config::{KEYS, read};

fn record(number: u8, id: &str, secret: &[u8]) -> Vec<u8> {
    let mut builder = Builder::new(Code::AccountingRequest, number);
    builder.number(kind::ACCT_STATUS_TYPE, 1).unwrap();
    builder.attribute(kind::ACCT_SESSION_ID, id.as_bytes()).unwrap();
    builder.attribute(kind::PROXY_STATE, b"device").unwrap();
    builder.into_digested_request(&Secret::new(secret))
}

async fn next(arrived: &mut mpsc::Receiver<Arrived>) -> Arrived {
    timeout(PATIENCE, arrived.recv()).await.unwrap().unwrap()
}

fn lines(files: &TlsFiles) -> String {
    let TlsFiles { ca, certificate, key } = files;
    format!("tls_ca_file={}\ntls_cert_file={}\ntls_key_file={}\n", ca.display(), certificate.display(), key.display())
}

/// A proxy that listens by TLS at a port, and asks a server by TLS.
async fn proxy(files: &TlsFiles, spool: &Path, server: u16) -> (Proxy, u16) {
    let mut last = None;
    // The port for accounting by UDP was free a moment ago: somebody else may have it by now.
    for _ in 0..20 {
        let free = || std::net::UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let udp = sockets::bind(Some("127.0.0.1"), 0).unwrap();
        let tls = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (udp_port, tls_port) = (udp.local_addr().unwrap().port(), tls.local_addr().unwrap().port());
        let text = format!(
            "[radius_client]\nhost=127.0.0.1\nport={server}\ntransport=tls\n{own}[radius_server_auto]\n{KEYS}\
            api_host=localhost:1\ninterface=127.0.0.1\nport={udp_port}\nradius_ip_1=127.0.0.1\n\
            radius_secret_1=a-long-shared-secret\ntls_port={tls_port}\n{own}[radius_acct]\ninterface=127.0.0.1\nport={}\nspool={}\n",
            free(),
            spool.display(),
            own = lines(files),
        );
        let config = read(&text);
        let mut beside = Beside::new();
        let here = |port, transport| (Some("127.0.0.1".to_owned()), port, transport);
        beside.listeners.0.adopt(here(udp_port, Transport::Udp), Socket::Udp(udp.into()));
        let listening = Door::new(tls, radsec::server_config(files).unwrap());
        beside.listeners.0.adopt(here(tls_port, Transport::Tls), Socket::Tls(listening));
        match Proxy::open_beside(&config, beside) {
            Ok(proxy) => return (proxy, tls_port),
            Err(error) => last = Some(error),
        }
    }
    panic!("{last:?}")
}

#[tokio::test]
async fn rfc_6614_accounting_comes_by_tls_is_kept_and_goes_on_by_tls() {
    let authority = Authority::fresh();
    let spool = tempfile::tempdir().unwrap();
    let (server, server_at, mut at_server) = door(&authority.files("server")).await;
    let (proxy, port) = proxy(&authority.files("own"), spool.path(), server_at.port()).await;
    let (stop, stopped) = watch::channel(false);
    let serving = tokio::spawn(proxy.run(stopped));
    let (mut device, mut at_device) = connections(&authority.files("device"));
    let to = ([127, 0, 0, 1], port).into();
    // Whoever is known by its certificate and makes a record with another secret than that of TLS is not answered; nor does the one of UDP count here.
    device.send((0, 0), 0, to, record(1, "forged", b"a-long-shared-secret"));
    for (number, id) in [(2, "A"), (3, "B")] {
        let sent = record(number, id, SECRET);
        device.send((0, 0), 0, to, sent.clone());
        let answer = next(&mut at_device).await.octets;
        let (answer, asked) = (Packet::parse(&answer).unwrap(), Packet::parse(&sent).unwrap());
        assert_eq!((answer.code(), answer.identifier()), (Code::AccountingResponse, number));
        assert!(reply_is_authentic(&answer, &Secret::new(SECRET), asked.authenticator()));
        assert_eq!(answer.first(kind::PROXY_STATE), Some(&b"device"[..]));
        let came = next(&mut at_server).await;
        let packet = Packet::parse(&came.octets).unwrap();
        assert!(request_is_authentic(&packet, &Secret::new(SECRET)));
        assert_eq!(
            (packet.code(), packet.first(kind::ACCT_SESSION_ID)),
            (Code::AccountingRequest, Some(id.as_bytes()))
        );
        let taken = Builder::new(Code::AccountingResponse, packet.identifier());
        server.guests.send(came.from, taken.into_reply(&Secret::new(SECRET), packet.authenticator()));
    }
    stop.send(true).unwrap();
    serving.await.unwrap();
}
