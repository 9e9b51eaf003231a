//! `[radius_acct]` at work: records of devices go to the disk, devices are answered, and the server behind gets them in their order.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use cs_radius::{Code, Integrity, Packet, Secret, request_integrity, request_is_authentic};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::clock::unix;
use super::pool::Pool;
use super::ports::Place;
use super::quiet::Quiet;
use super::radsec;
use super::relays::Shared;
use super::sockets::{self, Arrived, Udp};
use super::spool::{Spool, SpoolError};
use super::upstreams::address;
use super::{now, random, until};
use crate::cfg::Config;
use crate::cfg::client::{Client, RadiusClient};
use crate::cfg::others::Accounting as Section;
use crate::radius::accounting::{Content, Failed, Feed, Known, Sequence, content, forwarded, session_of};
use crate::radius::devices::{Devices, Entry};
use crate::radius::exchange::{Ask, Exchange};
use crate::radius::seen::{PacketKey, Packets, Seen};
use crate::radius::sessions::Status;

mod record;
#[cfg(test)]
mod tests;
mod ways;

use record::{packed, response, unpacked};
pub(super) use ways::ByTls;
use ways::{Came, Way, tls_devices};

/// So many packets share one writing to the disk.
const BATCH: usize = 256;
/// When nothing waits, what is over is written down after so long.
const SETTLE: Duration = Duration::from_secs(1);

/// A record that is to be kept.
struct Fresh {
    way: Way,
    key: PacketKey,
    answer: Vec<u8>,
    content: Content,
    device: IpAddr,
    section: String,
    login_client: Option<String>,
    octets: Vec<u8>,
}

/// Accounting of all devices.
pub(super) struct Accounting {
    socket: Arc<Udp>,
    arrived: mpsc::Receiver<Arrived>,
    receiving: JoinSet<()>,
    by_tls: mpsc::Receiver<ByTls>,
    devices: Devices,
    /// Those of sections that listen by TLS, by where.
    tls_devices: Vec<(Place, Devices)>,
    sessions: Shared,
    client: String,
    secret: Secret,
    own: Option<Ipv4Addr>,
    sends: u32,
    every: Duration,
    hosts: Vec<SocketAddr>,
    /// The host that is asked now.
    host: usize,
    longest: u64,
    /// Away only while the disk works.
    spool: Option<Spool>,
    feed: Feed,
    known: Known,
    packets: Packets,
    exchange: Exchange<Sequence>,
    pool: Pool,
    quiet: Quiet,
    /// When what is over is written down.
    settles: Option<Instant>,
}

impl Accounting {
    /// Opens the socket and the spool.
    ///
    /// Fails if either cannot be opened, or the server's name is not known.
    pub(super) fn open(
        config: &Config,
        section: &Section,
        sessions: Shared,
        by_tls: mpsc::Receiver<ByTls>,
    ) -> anyhow::Result<Self> {
        let name = section.client.clone().unwrap_or_default();
        let Some(Client::Radius(client)) = config.clients.get(&name) else {
            anyhow::bail!("[radius_acct] gives records on to a radius_client, and [{name}] is none");
        };
        let at = section.interface.as_deref().unwrap_or("every address");
        let socket = sockets::bind(section.interface.as_deref(), section.port)
            .with_context(|| format!("cannot listen at {at}, UDP port {}", section.port))?;
        let folder = &section.spool;
        let (spool, found) = Spool::open(folder, section.spool_mb << 20)
            .with_context(|| format!("cannot keep accounting in {}", folder.display()))?;
        // By TLS accounting goes where logins go (RFC 6614 §2.1).
        let at = |(host, port): &(String, u16)| {
            address(host, if client.tls.is_some() { *port } else { section.upstream_port })
        };
        let hosts: Vec<SocketAddr> =
            client.hosts.iter().map(at).collect::<anyhow::Result<_>>().with_context(|| format!("[{name}]"))?;
        let pool = match &client.tls {
            None => Pool::new(None),
            Some(files) => {
                let names = client.hosts.iter().map(|(host, _)| host.clone());
                let config = radsec::client_config(files).with_context(|| format!("[{name}]"))?;
                Pool::by_tls(config, names.zip(hosts.iter().copied()).collect())
            }
        };
        let (arrive, arrived) = mpsc::channel(super::QUEUE);
        let socket = Arc::new(socket);
        let mut receiving = JoinSet::new();
        receiving.spawn(sockets::receive(socket.clone(), 0, arrive));
        let RadiusClient { secret, nas_ip, preserve_nas, retries, retry_wait, .. } = &**client;
        let mut accounting = Self {
            socket,
            arrived,
            receiving,
            by_tls,
            devices: Devices::of(&config.radius),
            tls_devices: tls_devices(config),
            sessions,
            secret: Secret::new(secret.as_bytes().to_vec()),
            own: nas_ip.filter(|_| !preserve_nas),
            sends: retries.saturating_add(1),
            every: *retry_wait,
            hosts,
            host: 0,
            longest: section.spool_days * 24 * 3600,
            spool: Some(spool),
            feed: Feed::default(),
            known: Known::default(),
            packets: Packets::default(),
            exchange: Exchange::new(random()),
            pool,
            quiet: Quiet::default(),
            settles: None,
            client: name,
        };
        if found.damaged > 0 {
            tracing::error!(octets = found.damaged, "a part of the accounting that waited cannot be read any more");
        }
        if !found.waiting.is_empty() {
            tracing::info!(records = found.waiting.len(), "accounting waits for its server since before");
        }
        for kept in found.waiting {
            accounting.take_up(kept.sequence, &kept.octets);
        }
        Ok(accounting)
    }

    /// A record that waits since before the start.
    fn take_up(&mut self, sequence: Sequence, octets: &[u8]) {
        match unpacked(octets).and_then(|(device, octets)| Some((device, Packet::parse(octets).ok()?))) {
            Some((device, packet)) => {
                self.known.add(content(device, &packet), now());
                self.feed.push(sequence, session_of(device, &packet));
            }
            None => self.over(sequence),
        }
    }

    /// Serves until `stop` is set.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        let (mut batch, mut by_tls) = (Vec::with_capacity(BATCH), Vec::with_capacity(BATCH));
        loop {
            self.pump().await;
            let timeouts = [self.exchange.poll_timeout(), self.feed.poll_timeout(), self.settles];
            let next = timeouts.into_iter().flatten().min();
            tokio::select! {
                _ = self.arrived.recv_many(&mut batch, BATCH) => {
                    let came = |Arrived { from, octets, .. }| Came { way: Way::Udp, from, octets };
                    self.intake(batch.drain(..).map(came).collect()).await;
                }
                count = self.by_tls.recv_many(&mut by_tls, BATCH) => {
                    let came = |ByTls { place, guests, from, octets }| Came { way: Way::Tls(place, guests), from, octets };
                    self.intake(by_tls.drain(..).map(came).collect()).await;
                    // Whoever hands them on ends with the proxy.
                    if count == 0 {
                        break;
                    }
                }
                answer = self.pool.next() => self.answered(&answer),
                () = until(next) => self.on_timeout().await,
                _ = stop.changed() => break,
            }
        }
        self.settle();
        // The port is free when this has ended.
        self.receiving.shutdown().await;
    }

    /// Whose a packet is, and whether it may be looked at.
    fn admit<'a>(&self, packet: &Packet<'_>, from: IpAddr, entries: &'a [Entry]) -> Result<&'a Entry, &'static str> {
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

    async fn intake(&mut self, batch: Vec<Came>) {
        let (mut fresh, mut now_kept) = (Vec::new(), HashSet::new());
        for Came { way, from, octets } in batch {
            let at = now();
            let Ok(packet) = Packet::parse(&octets) else {
                self.quiet.warn(from.ip(), "accounting is dropped: it is no RADIUS", at);
                continue;
            };
            let entries: Vec<Entry> = match &way {
                Way::Udp => self.devices.at(from.ip()).cloned().collect(),
                Way::Tls(place, _) => {
                    let there = self.tls_devices.iter().filter(|(known, _)| known == place);
                    there.flat_map(|(_, devices)| devices.at(from.ip())).cloned().collect()
                }
            };
            let entry = match self.admit(&packet, from.ip(), &entries) {
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
            } else if now_kept.insert(content) {
                let (section, login_client) = (entry.section.clone(), entry.client.clone());
                let octets = packet.as_bytes().to_vec();
                fresh.push(Fresh { way, key, answer, content, device: from.ip(), section, login_client, octets });
            } else {
                self.packets.forget_one(&key);
            }
        }
        if !fresh.is_empty() {
            self.keep(fresh).await;
        }
    }

    /// Brings records to the disk, and answers their devices.
    async fn keep(&mut self, fresh: Vec<Fresh>) {
        let Some(mut spool) = self.spool.take() else { return };
        let records: Vec<Vec<u8>> = fresh.iter().map(|record| packed(record.device, &record.octets)).collect();
        let written = tokio::task::spawn_blocking(move || {
            let result = spool.append(unix(), &records);
            (spool, result)
        });
        let result = match written.await {
            Ok((spool, result)) => {
                self.spool = Some(spool);
                result
            }
            Err(error) => Err(SpoolError::Io(std::io::Error::other(error))),
        };
        match result {
            Ok(sequences) => {
                for (record, sequence) in fresh.into_iter().zip(sequences) {
                    self.kept(&record, sequence);
                    record.way.answer(&self.socket, record.key.from, &record.answer).await;
                }
            }
            Err(error) => {
                // Devices are not answered and come again, or ask another proxy.
                fresh.iter().for_each(|record| self.packets.forget_one(&record.key));
                if let Some(more) = self.quiet.tells(IpAddr::from(Ipv4Addr::UNSPECIFIED), "spool", now()) {
                    let error = anyhow::Error::from(error);
                    tracing::error!(more, "accounting is NOT taken: {error:#}");
                }
            }
        }
    }

    fn kept(&mut self, record: &Fresh, sequence: Sequence) {
        let at = now();
        let Ok(packet) = Packet::parse(&record.octets) else { return };
        let clients = [record.login_client.as_deref(), Some(&*self.client)];
        self.sessions.lock().accounted(&packet, record.device, &record.section, clients, at);
        self.known.add(record.content, at);
        self.packets.answered(record.key, &record.answer, at);
        self.feed.push(sequence, session_of(record.device, &packet));
    }

    /// Sends what may be sent.
    async fn pump(&mut self) {
        while let Some(sequence) = self.feed.next(now()) {
            let Some(kept) = self.spool.as_ref().and_then(|spool| spool.read(sequence)) else {
                tracing::error!(sequence, "a record of accounting cannot be read any more");
                self.over(sequence);
                continue;
            };
            let waited = unix().saturating_sub(kept.time);
            if waited > self.longest {
                tracing::error!(
                    sequence,
                    waited_s = waited,
                    "a record of accounting is too old and given up (spool_days)"
                );
                self.over(sequence);
                continue;
            }
            let record = unpacked(&kept.octets).and_then(|(_, octets)| Packet::parse(octets).ok());
            let (Some(packet), Some(to)) = (record, self.hosts.get(self.host).copied()) else {
                self.over(sequence);
                continue;
            };
            let ask = Ask {
                tag: sequence,
                to,
                secret: self.secret.clone(),
                code: Code::AccountingRequest,
                is_signed: false,
                attributes: forwarded(&packet, self.own, waited),
                sends: self.sends,
                every: self.every,
            };
            match self.exchange.ask(ask, now()) {
                Ok(transmit) => self.pool.send(&transmit).await,
                Err(_) => _ = self.feed.failed(sequence, now()),
            }
        }
        if self.settles.is_none() && self.feed.is_empty() {
            self.settles = Some(now() + SETTLE);
        }
    }

    fn answered(&mut self, Arrived { socket, from, octets }: &Arrived) {
        match self.exchange.on_packet(*socket, *from, octets) {
            Some(answer) => {
                if self.feed.is_silent() {
                    tracing::info!(%from, waiting = self.feed.len(), "the server takes accounting again");
                }
                self.feed.done(answer.tag);
                self.spooled_done(answer.tag);
            }
            None => self.quiet.warn(
                from.ip(),
                "an answer to accounting that fits no record, or was made with another secret",
                now(),
            ),
        }
    }

    async fn on_timeout(&mut self) {
        let at = now();
        let (transmits, over) = self.exchange.on_timeout(at);
        for transmit in transmits {
            self.pool.send(&transmit).await;
        }
        if !over.is_empty() {
            if !self.feed.is_silent() {
                tracing::warn!(waiting = self.feed.len(), "the server takes no accounting; records wait on the disk");
            }
            self.host = (self.host + 1) % self.hosts.len().max(1);
        }
        for sequence in over {
            if self.feed.failed(sequence, at) == Failed::GivenUp {
                tracing::error!(
                    sequence,
                    "the server does not take this record of accounting, but others: it is given up"
                );
                self.spooled_done(sequence);
            }
        }
        if self.settles.is_some_and(|settles| settles <= at) {
            self.settle();
        }
    }

    /// A record that is not delivered any more.
    fn over(&mut self, sequence: Sequence) {
        self.feed.forget(sequence);
        self.spooled_done(sequence);
    }

    fn spooled_done(&mut self, sequence: Sequence) {
        let first = self.feed.first();
        if let Some(Err(error)) = self.spool.as_mut().map(|spool| spool.done(sequence, first)) {
            tracing::error!(%error, "the spool cannot be written; after a crash some records would be delivered twice");
        }
        self.settles = None;
    }

    fn settle(&mut self) {
        let first = self.feed.first();
        if let Some(Err(error)) = self.spool.as_mut().map(|spool| spool.settle(first)) {
            tracing::error!(%error, "the spool cannot be written; after a crash some records would be delivered twice");
        }
        // Until something happens.
        self.settles = Some(now() + Duration::from_secs(3600));
    }
}
