//! Where devices ask: UDP sockets that stay open while the configuration around them changes.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::UdpSocket;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::sockets::{self, Arrived};
use crate::cfg::Config;

/// Interface and port, as the configuration says.
pub(super) type Place = (Option<String>, u16);

/// Sockets by numbers that stay theirs.
pub(super) struct Listeners {
    all: Vec<Option<Listener>>,
    arrive: mpsc::Sender<Arrived>,
}

struct Listener {
    place: Place,
    socket: Arc<UdpSocket>,
    /// Receives; not while no section listens here.
    task: Option<JoinHandle<()>>,
}

/// What a configuration wants to listen at: each place with its sections, and the sockets that were not open yet.
pub(super) struct Opened {
    served: Vec<(Place, Vec<usize>)>,
    sockets: Vec<(Place, UdpSocket)>,
}

impl Opened {
    /// Opens what is not among `open`. Must be called within a runtime.
    ///
    /// Fails if something cannot be opened; then nothing has changed.
    pub(super) fn open(config: &Config, open: &[Place]) -> anyhow::Result<Self> {
        let mut served: Vec<(Place, Vec<usize>)> = Vec::new();
        for (at, server) in config.radius.iter().enumerate() {
            let place = (server.interface.clone(), server.port);
            match served.iter_mut().find(|(known, _)| *known == place) {
                Some((_, sections)) => sections.push(at),
                None => served.push((place, vec![at])),
            }
        }
        let mut sockets = Vec::new();
        for (place, _) in served.iter().filter(|(place, _)| !open.contains(place)) {
            let (interface, port) = place;
            let at = interface.as_deref().unwrap_or("every address");
            let socket = sockets::bind(interface.as_deref(), *port)
                .with_context(|| format!("cannot listen at {at}, UDP port {port}"))?;
            sockets.push((place.clone(), socket));
        }
        Ok(Self { served, sockets })
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
    pub(super) fn adopt(&mut self, place: Place, socket: UdpSocket) {
        let listener = Some(Listener { place, socket: Arc::new(socket), task: None });
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
        let mut served = vec![Vec::new(); self.all.len()];
        for (number, (listener, served)) in self.all.iter_mut().zip(&mut served).enumerate() {
            let Some(listener) = listener else { continue };
            let wanted = opened.served.iter().find(|(place, _)| *place == listener.place);
            match wanted {
                Some((_, sections)) => {
                    served.clone_from(sections);
                    let socket = &listener.socket;
                    let receive = || tokio::spawn(sockets::receive(socket.clone(), number, self.arrive.clone()));
                    listener.task.get_or_insert_with(receive);
                }
                None => listener.silence(),
            }
        }
        served
    }

    pub(super) fn get(&self, number: usize) -> Option<&UdpSocket> {
        self.all.get(number)?.as_ref().map(|listener| &*listener.socket)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &UdpSocket> + Clone {
        self.all.iter().flatten().map(|listener| &*listener.socket)
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
