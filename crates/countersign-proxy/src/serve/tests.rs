//! The proxy with sockets, and its configuration read again while devices ask.

use std::sync::{Arc, Mutex};

use cs_radius::{Builder, Code, Packet, Secret, kind, password};
use tokio::net::UdpSocket;

use super::listeners::Transport;
use super::*;
use crate::test_support::PATIENCE;
use crate::test_support::config::{KEYS, try_read};
use crate::test_support::figures::count;

const SECRET: &str = "a-long-shared-secret";

fn config(port: u16, options: &str) -> anyhow::Result<Config> {
    let text = format!(
        "[duo_only_client]\n[radius_server_auto]\n{KEYS}api_host=localhost\n\
        interface=127.0.0.1\nport={port}\nradius_ip_1=127.0.0.1\nradius_secret_1={SECRET}\nexempt_username_1=alice\n{options}\n"
    );
    try_read(&text)
}

fn bound() -> (sockets::Udp, u16) {
    let socket = sockets::bind(Some("127.0.0.1"), 0).unwrap();
    let port = socket.local_addr().unwrap().port();
    (socket, port)
}

fn packet(number: u32) -> Vec<u8> {
    let mut authenticator = [7; 16];
    authenticator[..4].copy_from_slice(&number.to_be_bytes());
    let mut builder = Builder::new(Code::AccessRequest, number.to_be_bytes()[3]);
    builder.attribute(kind::USER_NAME, b"alice").unwrap();
    let secret = Secret::new(SECRET.as_bytes());
    let hidden = password::hide(b"secret", &secret, &authenticator).unwrap();
    builder.attribute(kind::USER_PASSWORD, &hidden).unwrap();
    builder.into_request(&secret, &authenticator)
}

/// The answer to a packet, if it is let in.
async fn ask(device: &UdpSocket, to: u16, number: u32) {
    let sent = packet(number);
    device.send_to(&sent, ("127.0.0.1", to)).await.unwrap();
    let mut octets = [0; 4096];
    let (len, _) = tokio::time::timeout(PATIENCE, device.recv_from(&mut octets)).await.unwrap().unwrap();
    let reply = Packet::parse(&octets[..len]).unwrap();
    let authenticator = *Packet::parse(&sent).unwrap().authenticator();
    assert!(cs_radius::reply_is_authentic(&reply, &Secret::new(SECRET.as_bytes()), &authenticator));
    assert_eq!((reply.code(), reply.identifier()), (Code::AccessAccept, sent[1]));
}

#[tokio::test]
async fn the_configuration_is_read_again_while_devices_ask_and_no_packet_is_lost() {
    let ((one, first), (two, second)) = (bound(), bound());
    let (mut listeners, arrived) = Listeners::new();
    let here = |port| (Some("127.0.0.1".to_owned()), port, Transport::Udp);
    listeners.adopt(here(first), listeners::Socket::Udp(one.into()));
    listeners.adopt(here(second), listeners::Socket::Udp(two.into()));
    let proxy =
        Proxy::open_beside(&config(first, "").unwrap(), Beside { listeners: (listeners, arrived), ..Beside::new() });
    let proxy = proxy.unwrap();
    let metrics = proxy.figures.metrics.clone();
    let (again, asked) = mpsc::channel(1);
    let (stop, stopped) = watch::channel(false);
    let next = Arc::new(Mutex::new((first, "")));
    let reading = next.clone();
    let reread: Reread = Arc::new(move || {
        let (port, options) = *reading.lock().unwrap();
        config(port, options)
    });
    let serving = tokio::spawn(proxy.rereading(asked, reread).run(stopped));
    let reloads = |outcome: &str| count(&metrics, &format!("countersign_proxy_reloads_total{{outcome=\"{outcome}\"}}"));
    let device = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let mut number = 0;
    // Mistakes change nothing; everything else does while packets come without a pause.
    for (options, outcome) in [
        ("api_timeout=5", "served"),
        ("port=1", "refused"),
        ("failmode=secure", "served"),
        ("failmode=maybe", "refused"),
        ("", "served"),
    ] {
        *next.lock().unwrap() = (first, options);
        let before = reloads(outcome);
        again.send(()).await.unwrap();
        while reloads(outcome) == before {
            ask(&device, first, number).await;
            number += 1;
        }
        ask(&device, first, number).await;
        number += 1;
    }
    // Another port is listened at, and the first one no more.
    *next.lock().unwrap() = (second, "");
    let before = reloads("served");
    again.send(()).await.unwrap();
    while reloads("served") == before {
        tokio::task::yield_now().await;
    }
    ask(&device, second, number).await;
    stop.send(true).unwrap();
    serving.await.unwrap();
}
