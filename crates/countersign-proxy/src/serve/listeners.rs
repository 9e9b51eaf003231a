//! Where devices ask: sockets that stay open while the configuration around them changes.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rustls::ServerConfig;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::radsec::{self, Door, Guests};
use super::sockets::{self, Arrived, Udp};
use crate::cfg::client::TlsFiles;
use crate::cfg::radius_server::RadiusServer;

/// Interface and port, as the configuration says, and whether by TLS.
pub(super) type Place = (Option<String>, u16, Transport);

/// What RADIUS travels in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    Udp,
    Tls,
}

/// What is open at a place.
pub(super) enum Socket {
    Udp(Arc<Udp>),
    Tls(Door),
}

/// Sockets by numbers that stay theirs.
pub(super) struct Listeners {
    all: Vec<Option<Listener>>,
    arrive: mpsc::Sender<Arrived>,
}

struct Listener {
    place: Place,
    socket: Socket,
    /// Receives; not while no section listens here.
    task: Option<JoinHandle<()>>,
}

/// What a configuration wants to listen at: each place with its sections, the sockets that were not open yet, and certificates of those that were.
pub(super) struct Opened {
    served: Vec<(Place, Vec<usize>)>,
    sockets: Vec<(Place, Socket)>,
    renewed: Vec<(Place, Arc<ServerConfig>)>,
}

impl Opened {
    /// Opens what is not among `open`. A section with certificates listens by TLS alone. Must be called within a runtime.
    ///
    /// Fails if something cannot be opened; then nothing has changed.
    pub(super) fn open(servers: &[RadiusServer], open: &[Place]) -> anyhow::Result<Self> {
        let mut served: Vec<(Place, Vec<usize>)> = Vec::new();
        let mut certificates: Vec<(Place, &TlsFiles)> = Vec::new();
        for (at, server) in servers.iter().enumerate() {
            let place = match &server.tls {
                None => (server.interface.clone(), server.port, Transport::Udp),
                Some((port, _)) => (server.interface.clone(), *port, Transport::Tls),
            };
            if let Some((_, files)) = &server.tls {
                match certificates.iter().find(|(known, _)| *known == place) {
                    Some((_, known)) if *known != files => {
                        bail!("sections at the same TLS port {} have the same certificates", place.1)
                    }
                    Some(_) => {}
                    None => certificates.push((place.clone(), files)),
                }
            }
            match served.iter_mut().find(|(known, _)| *known == place) {
                Some((_, sections)) => sections.push(at),
                None => served.push((place, vec![at])),
            }
        }
        let (mut sockets, mut renewed) = (Vec::new(), Vec::new());
        for (place, _) in &served {
            let files = certificates.iter().find(|(known, _)| known == place).map(|(_, files)| *files);
            let config = files.map(radsec::server_config).transpose()?;
            match (config, open.contains(place)) {
                (None, true) => {}
                (Some(config), true) => renewed.push((place.clone(), config)),
                (config, false) => sockets.push((place.clone(), bound(place, config)?)),
            }
        }
        Ok(Self { served, sockets, renewed })
    }
}

fn bound((interface, port, _): &Place, config: Option<Arc<ServerConfig>>) -> anyhow::Result<Socket> {
    let at = interface.as_deref().unwrap_or("every address");
    match config {
        None => {
            let socket = sockets::bind(interface.as_deref(), *port);
            let socket = socket.with_context(|| format!("cannot listen at {at}, UDP port {port}"))?;
            Ok(Socket::Udp(Arc::new(socket)))
        }
        Some(config) => {
            let listener = sockets::listen(interface.as_deref(), *port);
            let listener = listener.with_context(|| format!("cannot listen at {at}, TCP port {port}"))?;
            Ok(Socket::Tls(Door::new(listener, config)))
        }
    }
}

impl Listeners {
    pub(super) fn new() -> (Self, mpsc::Receiver<Arrived>) {
        let (arrive, arrived) = mpsc::channel(super::QUEUE);
        (Self { all: Vec::new(), arrive }, arrived)
    }

    /// Where sockets are open, those that are not listened at included.
    pub(super) fn places(&self) -> Vec<Place> {
        self.all.iter().flatten().map(|listener| listener.place.clone()).collect()
    }

    /// Takes a socket that is open already.
    pub(super) fn adopt(&mut self, place: Place, socket: Socket) {
        let listener = Some(Listener { place, socket, task: None });
        match self.all.iter_mut().find(|place| place.is_none()) {
            Some(free) => *free = listener,
            None => self.all.push(listener),
        }
    }

    /// Listens where a configuration says and nowhere else. Returns the sections of each socket, by the sockets' numbers.
    pub(super) fn listen(&mut self, opened: Opened) -> Vec<Vec<usize>> {
        for (place, socket) in opened.sockets {
            self.adopt(place, socket);
        }
        for (place, config) in opened.renewed {
            let known = self.all.iter().flatten().find(|listener| listener.place == place);
            if let Some(Listener { socket: Socket::Tls(door), .. }) = known {
                door.renew(config);
            }
        }
        let mut served = vec![Vec::new(); self.all.len()];
        for (number, (listener, served)) in self.all.iter_mut().zip(&mut served).enumerate() {
            let Some(listener) = listener else { continue };
            let wanted = opened.served.iter().find(|(place, _)| *place == listener.place);
            match wanted {
                Some((_, sections)) => {
                    served.clone_from(sections);
                    let (socket, arrive) = (&listener.socket, &self.arrive);
                    let receive = || match socket {
                        Socket::Udp(socket) => tokio::spawn(sockets::receive(socket.clone(), number, arrive.clone())),
                        Socket::Tls(door) => door.open(number, arrive.clone()),
                    };
                    listener.task.get_or_insert_with(receive);
                }
                None => listener.silence(),
            }
        }
        served
    }

    /// Sends a packet from the socket of this number.
    pub(super) async fn send(&self, number: usize, to: SocketAddr, octets: Vec<u8>) {
        match self.all.get(number).and_then(Option::as_ref).map(|listener| &listener.socket) {
            Some(Socket::Udp(socket)) => sockets::send(socket, to, &octets).await,
            Some(Socket::Tls(door)) => door.guests.send(to, octets),
            None => {}
        }
    }

    /// Where a socket listens that speaks TLS, and who is connected there.
    pub(super) fn tls(&self, number: usize) -> Option<((Option<String>, u16), Guests)> {
        let listener = self.all.get(number)?.as_ref()?;
        let Socket::Tls(door) = &listener.socket else { return None };
        let (interface, port, _) = &listener.place;
        Some(((interface.clone(), *port), door.guests.clone()))
    }

    /// Every UDP socket.
    pub(super) fn iter(&self) -> impl Iterator<Item = &UdpSocket> + Clone {
        self.all.iter().flatten().filter_map(|listener| match &listener.socket {
            Socket::Udp(socket) => Some(&***socket),
            Socket::Tls(_) => None,
        })
    }

    /// Closes what is not listened at: nobody waits for an answer from there any more.
    pub(super) fn close_silent(&mut self) {
        for place in &mut self.all {
            place.take_if(|listener| listener.task.is_none());
        }
    }
}

impl Listener {
    fn silence(&mut self) {
        if let Some(task) = self.task.take() {
            task.abort();
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.silence();
    }
}
