//! The way in: which packets are records of devices of ours, and which of them are new.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use cs_radius::{Code, Integrity, Packet, request_integrity, request_is_authentic};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::super::ports::Place;
use super::super::quiet::Quiet;
use super::super::relays::Shared;
use super::super::sockets::{self, Arrived, Udp};
use super::super::spool::SpoolError;
use super::super::{QUEUE, now};
use super::record::response;
use super::ways::{ByTls, Came, Way, tls_devices};
use crate::cfg::Config;
use crate::cfg::others::Accounting as Section;
use crate::radius::accounting::{Content, Known, content, session_of};
use crate::radius::devices::{Devices, Entry};
use crate::radius::seen::{PacketKey, Packets, Seen};
use crate::radius::sessions::Status;

/// So many packets are taken at once, and share one writing to the disk.
const BATCH: usize = 256;

/// A record that is to be kept, and what its device is answered then.
pub(super) struct Fresh {
    way: Way,
    key: PacketKey,
    answer: Vec<u8>,
    content: Content,
    pub(super) session: u64,
    pub(super) device: IpAddr,
    section: String,
    login_client: Option<String>,
    pub(super) octets: Vec<u8>,
}

/// Devices, by UDP and by TLS.
pub(super) struct Intake {
    socket: Arc<Udp>,
    arrived: mpsc::Receiver<Arrived>,
    receiving: JoinSet<()>,
    by_tls: mpsc::Receiver<ByTls>,
    devices: Devices,
    /// Those of sections that listen by TLS, by where.
    tls_devices: Vec<(Place, Devices)>,
    sessions: Shared,
    /// The client section that records go on to.
    client: String,
    known: Known,
    packets: Packets,
    quiet: Quiet,
}

impl Intake {
    /// Opens the socket.
    ///
    /// Fails if it cannot be opened.
    pub(super) fn open(
        config: &Config,
        section: &Section,
        client: String,
        sessions: Shared,
        by_tls: mpsc::Receiver<ByTls>,
    ) -> anyhow::Result<Self> {
        let at = section.interface.as_deref().unwrap_or("every address");
        let socket = sockets::bind(section.interface.as_deref(), section.port)
            .with_context(|| format!("cannot listen at {at}, UDP port {}", section.port))?;
        let (arrive, arrived) = mpsc::channel(QUEUE);
        let socket = Arc::new(socket);
        let mut receiving = JoinSet::new();
        receiving.spawn(sockets::receive(socket.clone(), 0, arrive));
        Ok(Self {
            socket,
            arrived,
            receiving,
            by_tls,
            devices: Devices::of(&config.radius),
            tls_devices: tls_devices(config),
            sessions,
            client,
            known: Known::default(),
            packets: Packets::default(),
            quiet: Quiet::default(),
        })
    }

    /// What comes next from devices; `None` when nobody is left to hand on what comes by TLS, and the proxy ends.
    pub(super) async fn next(&mut self) -> Option<Vec<Came>> {
        let (mut by_udp, mut by_tls) = (Vec::new(), Vec::new());
        tokio::select! {
            _ = self.arrived.recv_many(&mut by_udp, BATCH) => {
                let came = |Arrived { from, octets, .. }| Came { way: Way::Udp, from, octets };
                Some(by_udp.into_iter().map(came).collect())
            }
            count = self.by_tls.recv_many(&mut by_tls, BATCH) => {
                let came = |ByTls { place, guests, from, octets }| Came { way: Way::Tls(place, guests), from, octets };
                (count > 0).then(|| by_tls.into_iter().map(came).collect())
            }
        }
    }

    /// Answers what was answered before, and returns what is new.
    pub(super) async fn look(&mut self, batch: Vec<Came>) -> Vec<Fresh> {
        let (mut fresh, mut contents) = (Vec::new(), HashSet::new());
        for Came { way, from, octets } in batch {
            let at = now();
            let Ok(packet) = Packet::parse(&octets) else {
                self.quiet.warn(from.ip(), "accounting is dropped: it is no RADIUS", at);
                continue;
            };
            let entries = self.entries(&way, from.ip());
            let entry = match admit(&packet, from.ip(), &entries) {
                Ok(entry) => entry,
                Err(why) => {
                    self.quiet.warn(from.ip(), why, at);
                    continue;
                }
            };
            let key = PacketKey::of(from, usize::from(matches!(way, Way::Tls(..))), &packet);
            match self.packets.look(key, at, Duration::ZERO) {
                Seen::InFlight => continue,
                Seen::Answered(answer) => {
                    let answer = answer.to_vec();
                    way.answer(&self.socket, from, &answer).await;
                    continue;
                }
                Seen::New => {}
            }
            let answer = response(&packet, &entry.secret);
            let content = content(from.ip(), &packet);
            // A device that starts twice says the same twice.
            let is_start = Status::of(&packet) == Status::Device;
            let is_known = packet.code() == Code::StatusServer || !is_start && self.known.has(&content, at);
            // The same record twice in one batch is answered when it comes a third time.
            if is_known {
                self.packets.answered(key, &answer, at);
                way.answer(&self.socket, from, &answer).await;
            } else if contents.insert(content) {
                fresh.push(Fresh {
                    way,
                    key,
                    answer,
                    content,
                    session: session_of(from.ip(), &packet),
                    device: from.ip(),
                    section: entry.section.clone(),
                    login_client: entry.client.clone(),
                    octets: packet.as_bytes().to_vec(),
                });
            } else {
                self.packets.forget_one(&key);
            }
        }
        fresh
    }

    /// Whoever may have sent what came on this way from this address.
    fn entries(&self, way: &Way, from: IpAddr) -> Vec<Entry> {
        match way {
            Way::Udp => self.devices.at(from).cloned().collect(),
            Way::Tls(place, _) => {
                let there = self.tls_devices.iter().filter(|(known, _)| known == place);
                there.flat_map(|(_, devices)| devices.at(from)).cloned().collect()
            }
        }
    }

    /// A record waits on the disk since before the start.
    pub(super) fn knows(&mut self, device: IpAddr, packet: &Packet<'_>) {
        self.known.add(content(device, packet), now());
    }

    /// Records are on the disk: their devices need not send them again.
    pub(super) async fn kept(&mut self, fresh: Vec<Fresh>) {
        for record in fresh {
            let at = now();
            let Ok(packet) = Packet::parse(&record.octets) else { continue };
            let clients = [record.login_client.as_deref(), Some(&*self.client)];
            self.sessions.lock().accounted(&packet, record.device, &record.section, clients, at);
            self.known.add(record.content, at);
            self.packets.answered(record.key, &record.answer, at);
            record.way.answer(&self.socket, record.key.from, &record.answer).await;
        }
    }

    /// Records are not taken. Devices are not answered and come again, or ask another proxy.
    pub(super) fn not_kept(&mut self, fresh: &[Fresh], error: SpoolError) {
        fresh.iter().for_each(|record| self.packets.forget_one(&record.key));
        if let Some(more) = self.quiet.tells(IpAddr::from(Ipv4Addr::UNSPECIFIED), "spool", now()) {
            let error = anyhow::Error::from(error);
            tracing::error!(more, "accounting is NOT taken: {error:#}");
        }
    }

    /// The port is free when this has ended.
    pub(super) async fn close(mut self) {
        self.receiving.shutdown().await;
    }
}

/// Whose a packet is, and whether it may be looked at; an error says why not.
fn admit<'a>(packet: &Packet<'_>, from: IpAddr, entries: &'a [Entry]) -> Result<&'a Entry, &'static str> {
    if entries.is_empty() {
        return Err("accounting is dropped: no radius_ip_N names this address");
    }
    let wrong = "accounting is dropped: the shared secret of this device differs from ours";
    match packet.code() {
        Code::AccountingRequest => {
            let entry = entries.iter().find(|entry| request_is_authentic(packet, &entry.secret)).ok_or(wrong)?;
            let is_wrong = request_integrity(packet, &entry.secret) == Integrity::Wrong;
            if is_wrong { Err(wrong) } else { Ok(entry) }
        }
        // RFC 5997 §3: only who knows the secret is answered.
        Code::StatusServer => {
            let signed = |entry: &&Entry| request_integrity(packet, &entry.secret) == Integrity::Valid;
            entries.iter().find(signed).ok_or(wrong)
        }
        _ => {
            tracing::debug!(%from, code = packet.code().name(), "not served here");
            Err("packets are dropped: only Accounting-Request and Status-Server are served here")
        }
    }
}
