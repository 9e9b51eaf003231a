//! A RADIUS server is asked over TLS: a connection lasts, and is made anew when it has ended.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cs_radius::{Builder, Code, Packet, Secret, reply_is_authentic};
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncWriteExt as _, split};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsConnector;

use super::super::sockets::Arrived;
use super::{SECRET, read_packet};

/// A server that is not reached within this is down.
const CONNECT: Duration = Duration::from_secs(4);
/// When nothing has come for so long, the server is asked whether it is there (RFC 3539 §3.4.1); when nothing comes for as long again, it is not.
const WATCHDOG: Duration = Duration::from_secs(30);
/// Packets that wait for a connection.
const WAITING: usize = 512;

/// Connections to the hosts of one client section.
pub(in crate::serve) struct Connections {
    config: Arc<ClientConfig>,
    /// Each host as it is written, for its certificate.
    names: Vec<String>,
    /// By number within the section and host.
    open: HashMap<(usize, usize), mpsc::Sender<Vec<u8>>>,
    arrive: mpsc::Sender<Arrived>,
}

impl Connections {
    pub(in crate::serve) fn new(config: Arc<ClientConfig>, names: Vec<String>, arrive: mpsc::Sender<Arrived>) -> Self {
        Self { config, names, open: HashMap::new(), arrive }
    }

    /// Sends a packet on connection `number` to a host. What comes back arrives as at socket `socket`. A packet that cannot be sent is lost, as UDP's would be.
    pub(in crate::serve) fn send(
        &mut self,
        (number, socket): (usize, usize),
        host: usize,
        to: SocketAddr,
        octets: Vec<u8>,
    ) {
        let octets = match self.open.get(&(number, host)).map(|open| open.try_send(octets.clone())) {
            Some(Ok(())) => return,
            // It does not read: whoever asked asks again.
            Some(Err(mpsc::error::TrySendError::Full(_))) => return,
            // It has ended.
            Some(Err(mpsc::error::TrySendError::Closed(octets))) => octets,
            None => octets,
        };
        let Some(name) = self.names.get(host).cloned() else { return };
        let (send, sent) = mpsc::channel(WAITING);
        // There is room in a channel that is new.
        _ = send.try_send(octets);
        self.open.insert((number, host), send);
        let (connector, arrive) = (TlsConnector::from(self.config.clone()), self.arrive.clone());
        tokio::spawn(async move {
            match connected(&connector, &name, to).await {
                Ok(stream) => converse(stream, to, socket, sent, &arrive).await,
                Err(error) => tracing::warn!(%to, error, "a RADIUS server is not reached by TLS"),
            }
        });
    }
}

type Stream = tokio_rustls::client::TlsStream<TcpStream>;

async fn connected(connector: &TlsConnector, name: &str, to: SocketAddr) -> Result<Stream, String> {
    let name = ServerName::try_from(name.to_owned()).map_err(|error| error.to_string())?;
    let connecting = async {
        let stream = TcpStream::connect(to).await?;
        // Packets are small, and each is waited for.
        _ = stream.set_nodelay(true);
        connector.connect(name, stream).await
    };
    match timeout(CONNECT, connecting).await {
        Ok(connected) => connected.map_err(|error| error.to_string()),
        Err(_) => Err(format!("nothing came back within {} s", CONNECT.as_secs())),
    }
}

async fn converse(
    stream: Stream,
    to: SocketAddr,
    socket: usize,
    mut sent: mpsc::Receiver<Vec<u8>>,
    arrive: &mpsc::Sender<Arrived>,
) {
    let (mut reading, mut writing) = split(stream);
    let (came, mut coming) = mpsc::channel(WAITING);
    let reader = tokio::spawn(async move {
        while let Ok(Some(octets)) = read_packet(&mut reading).await {
            if came.send(octets).await.is_err() {
                return;
            }
        }
    });
    let mut state = Talk::default();
    let mut due = Instant::now() + WATCHDOG;
    loop {
        let octets = tokio::select! {
            octets = sent.recv() => match octets {
                Some(octets) if state.is_new(&octets) => octets,
                Some(_) => continue,
                None => break,
            },
            octets = coming.recv() => {
                let Some(octets) = octets else { break };
                due = Instant::now() + WATCHDOG;
                if state.is_for_us(&octets) {
                    continue;
                }
                if arrive.send(Arrived { socket, from: to, octets }).await.is_err() {
                    break;
                }
                continue;
            }
            () = sleep_until(due) => {
                if state.watching.is_some() {
                    tracing::warn!(%to, "a RADIUS server does not answer by TLS any more: the connection is made anew");
                    break;
                }
                due = Instant::now() + WATCHDOG;
                let Some(octets) = state.watch() else { continue };
                octets
            }
        };
        if writing.write_all(&octets).await.and(writing.flush().await).is_err() {
            break;
        }
    }
    reader.abort();
}

/// What is under way on a connection.
#[derive(Default)]
pub(super) struct Talk {
    /// Questions that are not answered, by number.
    asked: HashMap<u8, Vec<u8>>,
    /// The question whether the server is there.
    watching: Option<(u8, [u8; 16])>,
}

impl Talk {
    /// Whether a packet is to be sent: TLS loses nothing, so the same one is not sent twice on a connection (RFC 6613 §2.6.1).
    pub(super) fn is_new(&mut self, octets: &[u8]) -> bool {
        let Some(&number) = octets.get(1) else { return false };
        if self.watching.is_some_and(|(watching, _)| watching == number) {
            // Its answer will not be told from the other's: that is told by what it is made with.
            self.watching = None;
        }
        self.asked.insert(number, octets.to_vec()).as_deref() != Some(octets)
    }

    /// Notes an answer. Whether it is the sign of life that was asked for.
    pub(super) fn is_for_us(&mut self, octets: &[u8]) -> bool {
        let Ok(packet) = Packet::parse(octets) else { return false };
        let number = packet.identifier();
        match self.watching {
            Some((watching, authenticator)) if watching == number => {
                let is_ours = reply_is_authentic(&packet, &Secret::new(SECRET), &authenticator);
                if is_ours {
                    self.watching = None;
                }
                is_ours
            }
            // Whatever came, it is there.
            Some(_) | None => {
                self.asked.remove(&number);
                false
            }
        }
    }

    /// Asks whether the server is there, under a number that is free.
    pub(super) fn watch(&mut self) -> Option<Vec<u8>> {
        let number = (0..=u8::MAX).rev().find(|number| !self.asked.contains_key(number))?;
        let mut authenticator = [0; 16];
        aws_lc_rs::rand::fill(&mut authenticator).ok()?;
        self.watching = Some((number, authenticator));
        Some(Builder::new(Code::StatusServer, number).into_request(&Secret::new(SECRET), &authenticator))
    }
}
