//! The way out: records wait on the disk, and the server behind gets them in their order.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use cs_radius::{Code, Secret};

use super::super::clock::unix;
use super::super::pool::Pool;
use super::super::quiet::Quiet;
use super::super::sockets::Arrived;
use super::super::spool::{Spool, SpoolError};
use super::super::upstreams::address;
use super::super::{now, radsec, random};
use super::intake::Fresh;
use super::record::{packed, unpacked};
use crate::cfg::client::RadiusClient;
use crate::cfg::others::Accounting as Section;
use crate::radius::accounting::{Failed, Feed, Sequence, forwarded};
use crate::radius::exchange::{Ask, Exchange};

/// When nothing waits, what is over is written down after so long.
const SETTLE: Duration = Duration::from_secs(1);
/// Until something happens there is nothing to write down.
const SETTLED: Duration = Duration::from_secs(3600);

/// Records on their way to the server.
pub(super) struct Delivery {
    secret: Secret,
    /// As whom the proxy sends them, where it is not the device.
    own: Option<Ipv4Addr>,
    /// A record is sent so often to one host, so far apart.
    sends: u32,
    every: Duration,
    hosts: Vec<SocketAddr>,
    /// The host that is asked now.
    host: usize,
    /// Seconds after which a record is given up.
    longest: u64,
    /// Away while a thread of its own writes, and for good if that thread fails.
    spool: Option<Spool>,
    feed: Feed,
    exchange: Exchange<Sequence>,
    pool: Pool,
    quiet: Quiet,
    /// When what is over is written down.
    settles: Option<Instant>,
}

impl Delivery {
    /// To the hosts of a client section, from a spool that is open.
    ///
    /// Fails if a host's name is not known, or files for TLS are of no use.
    pub(super) fn open(client: &RadiusClient, section: &Section, spool: Spool) -> anyhow::Result<Self> {
        // By TLS accounting goes where logins go (RFC 6614 §2.1).
        let at = |(host, port): &(String, u16)| {
            address(host, if client.tls.is_some() { *port } else { section.upstream_port })
        };
        let hosts: Vec<SocketAddr> = client.hosts.iter().map(at).collect::<anyhow::Result<_>>()?;
        let pool = match &client.tls {
            None => Pool::new(None),
            Some(files) => {
                let names = client.hosts.iter().map(|(host, _)| host.clone());
                Pool::by_tls(radsec::client_config(files)?, names.zip(hosts.iter().copied()).collect())
            }
        };
        Ok(Self {
            secret: Secret::new(client.secret.as_bytes().to_vec()),
            own: client.nas_ip.filter(|_| !client.preserve_nas),
            sends: client.retries.saturating_add(1),
            every: client.retry_wait,
            hosts,
            host: 0,
            longest: section.spool_days * 24 * 3600,
            spool: Some(spool),
            feed: Feed::default(),
            exchange: Exchange::new(random()),
            pool,
            quiet: Quiet::default(),
            settles: None,
        })
    }

    /// Takes up a record that is on the disk already.
    pub(super) fn push(&mut self, sequence: Sequence, session: u64) {
        self.feed.push(sequence, session);
    }

    /// Brings records to the disk: from here on they are ours to deliver.
    ///
    /// Fails as [`Spool::append`] does; then none of them is taken.
    pub(super) async fn keep(&mut self, fresh: &[Fresh]) -> Result<(), SpoolError> {
        let lost = || SpoolError::Io(std::io::Error::other("the thread that wrote to it has failed"));
        let mut spool = self.spool.take().ok_or_else(lost)?;
        let records: Vec<Vec<u8>> = fresh.iter().map(|record| packed(record.device, &record.octets)).collect();
        let written = tokio::task::spawn_blocking(move || {
            let result = spool.append(unix(), &records);
            (spool, result)
        });
        let (spool, result) = written.await.map_err(|_| lost())?;
        self.spool = Some(spool);
        for (sequence, record) in result?.into_iter().zip(fresh) {
            self.push(sequence, record.session);
        }
        Ok(())
    }

    /// Sends what may be sent.
    pub(super) async fn pump(&mut self) {
        while let Some(sequence) = self.feed.next(now()) {
            let Some(ask) = self.ask(sequence) else {
                self.over(sequence);
                continue;
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

    /// A record as the server is told it; `None` if it is not delivered any more.
    fn ask(&self, sequence: Sequence) -> Option<Ask<Sequence>> {
        let Some(kept) = self.spool.as_ref().and_then(|spool| spool.read(sequence)) else {
            tracing::error!(sequence, "a record of accounting cannot be read any more");
            return None;
        };
        let waited = unix().saturating_sub(kept.time);
        if waited > self.longest {
            tracing::error!(sequence, waited_s = waited, "a record of accounting is too old and given up (spool_days)");
            return None;
        }
        let (_, packet) = unpacked(&kept.octets)?;
        Some(Ask {
            tag: sequence,
            to: self.hosts.get(self.host).copied()?,
            secret: self.secret.clone(),
            code: Code::AccountingRequest,
            is_signed: false,
            attributes: forwarded(&packet, self.own, waited),
            sends: self.sends,
            every: self.every,
        })
    }

    /// What comes next from a server.
    pub(super) async fn next(&mut self) -> Arrived {
        self.pool.next().await
    }

    /// A server has sent something.
    pub(super) fn answered(&mut self, Arrived { socket, from, octets }: &Arrived) {
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

    /// When [`on_timeout`](Self::on_timeout) or [`pump`](Self::pump) has something to do.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        [self.exchange.poll_timeout(), self.feed.poll_timeout(), self.settles].into_iter().flatten().min()
    }

    /// Sends again what was not answered, to the next host when it was often enough.
    pub(super) async fn on_timeout(&mut self) {
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
    pub(super) fn over(&mut self, sequence: Sequence) {
        self.feed.forget(sequence);
        self.spooled_done(sequence);
    }

    fn spooled_done(&mut self, sequence: Sequence) {
        let first = self.feed.first();
        self.spooled(|spool| spool.done(sequence, first));
        self.settles = None;
    }

    /// Writes down what is over.
    pub(super) fn settle(&mut self) {
        let first = self.feed.first();
        self.spooled(|spool| spool.settle(first));
        self.settles = Some(now() + SETTLED);
    }

    fn spooled(&mut self, note: impl FnOnce(&mut Spool) -> std::io::Result<()>) {
        if let Some(Err(error)) = self.spool.as_mut().map(note) {
            tracing::error!(%error, "the spool cannot be written; after a crash some records would be delivered twice");
        }
    }
}
