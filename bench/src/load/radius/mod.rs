//! RADIUS over many sockets: each packet is sent once, each answer checked, and what is not answered in a second is lost.

mod lane;
mod packets;

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::Poll;
use std::time::{Duration, Instant};

use cs_radius::{Code, Secret};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use super::{Outcome, meet, pace};
use crate::stats::Latency;
use lane::Lane;
pub(crate) use packets::Name;

/// More sockets make no difference; FreeRADIUS remembers each number of each for seconds.
const SOCKETS: usize = 16;
/// For logins that wait long, more of which there shall be than sixteen sockets have numbers.
const WAITING: usize = 64;
/// Each has 256 numbers, and all of them shall be more than a socket's buffer holds.
const FLOODING: usize = 256;

/// Access-Requests to one address.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Radius {
    pub(crate) target: SocketAddr,
    pub(crate) secret: String,
    pub(crate) name: Name,
    pub(crate) password: String,
    pub(crate) sending: Sending,
    pub(crate) first: u64,
    pub(crate) count: u64,
    /// What is right: the octet of a code.
    pub(crate) wanted: u8,
    /// After so long without an answer a packet is lost.
    pub(crate) patience_ms: u64,
}

/// When packets are sent.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) enum Sending {
    /// So many at a time, each as soon as one before it is answered.
    AtATime(usize),
    /// The same, of packets that were answered before the clock starts, so many times each.
    Again { at_a_time: usize, times: u64 },
    /// So many a second, at random moments.
    Rate(f64),
    /// As fast as the system takes them.
    Flood,
}

impl Sending {
    fn at_a_time(self) -> usize {
        match self {
            Self::AtATime(many) | Self::Again { at_a_time: many, .. } => many,
            // As many as there are numbers.
            Self::Rate(_) => WAITING * 256,
            Self::Flood => FLOODING * 256,
        }
    }

    fn sockets(self) -> usize {
        match self {
            Self::AtATime(many) | Self::Again { at_a_time: many, .. } => many.min(SOCKETS),
            Self::Rate(_) => WAITING,
            Self::Flood => FLOODING,
        }
    }
}

/// Says `ready`, then works.
pub(super) async fn run(plan: Radius) -> anyhow::Result<Outcome> {
    let at_a_time = plan.sending.at_a_time();
    let mut sender = Sender::new(&plan, plan.sending.sockets())?;
    if let Sending::Again { times, .. } = plan.sending {
        sender.at_once(at_a_time).await?;
        sender.again(times);
    }
    meet("ready").await?;
    let start = Instant::now();
    match plan.sending {
        Sending::AtATime(_) | Sending::Again { .. } | Sending::Flood => sender.at_once(at_a_time).await?,
        Sending::Rate(rate) => sender.at_moments(pace::arrivals(usize::try_from(plan.count)?, rate)).await?,
    }
    let seconds = (sender.last - start).as_secs_f64();
    let Sender { samples, failed, .. } = sender;
    Ok(Outcome { accepted: samples.len() as u64, failed, seconds, latency: Latency::of(samples) })
}

struct Sender {
    lanes: Vec<Lane>,
    secret: Secret,
    wanted: Code,
    patience: Duration,
    samples: Vec<f64>,
    failed: BTreeMap<String, u64>,
    /// When the last right answer came.
    last: Instant,
    /// When it was looked for lost packets.
    looked: Instant,
}

impl Sender {
    fn new(plan: &Radius, sockets: usize) -> anyhow::Result<Self> {
        let secret = Secret::new(plan.secret.as_bytes());
        let mut lanes = (0..sockets).map(|_| Lane::open(plan.target)).collect::<anyhow::Result<Vec<_>>>()?;
        for at in 0..plan.count {
            let lane = &mut lanes[usize::try_from(at)? % sockets];
            let request = packets::request(plan.first + at, lane.next_number(), &plan.name, &plan.password, &secret)?;
            lane.requests.push(request);
        }
        Ok(Self {
            lanes,
            secret,
            wanted: Code::from_octet(plan.wanted),
            patience: Duration::from_millis(plan.patience_ms),
            samples: Vec::with_capacity(usize::try_from(plan.count)?),
            failed: BTreeMap::new(),
            last: Instant::now(),
            looked: Instant::now(),
        })
    }

    /// Sends the same packets again, whose answers are known.
    fn again(&mut self, times: u64) {
        self.samples.clear();
        self.lanes.iter_mut().for_each(|lane| lane.again(times));
    }

    /// Everything, so many at a time.
    async fn at_once(&mut self, at_a_time: usize) -> anyhow::Result<()> {
        let each = at_a_time / self.lanes.len();
        while self.lanes.iter().any(Lane::is_busy) {
            for lane in &mut self.lanes {
                while lane.waiting < each && lane.send(Instant::now())? {}
            }
            self.wait(None).await;
            self.hear()?;
        }
        Ok(())
    }

    /// Each at its moment, whatever has become of those before.
    async fn at_moments(&mut self, mut moments: UnboundedReceiver<Instant>) -> anyhow::Result<()> {
        let lanes = self.lanes.len();
        let (mut next, mut came) = (0, None);
        while self.lanes.iter().any(Lane::is_busy) {
            while let Some(moment) = came.take().or_else(|| moments.try_recv().ok()) {
                // Measured from its moment: one that had to wait for others waited as well. It is tried again when its number is free.
                if !self.lanes[next % lanes].send(moment)? {
                    came = Some(moment);
                    break;
                }
                next += 1;
            }
            let waits = if came.is_none() { Some(&mut moments) } else { None };
            came = came.or(self.wait(waits).await);
            self.hear()?;
        }
        Ok(())
    }

    /// Waits until something is heard, or the next moment has come, but not for long: something may be lost.
    async fn wait(&self, moments: Option<&mut UnboundedReceiver<Instant>>) -> Option<Instant> {
        let mut moments = moments.filter(|moments| !moments.is_closed() || !moments.is_empty());
        let any = poll_fn(|cx| {
            if let Some(Poll::Ready(moment)) = moments.as_mut().map(|moments| moments.poll_recv(cx)) {
                return Poll::Ready(moment);
            }
            // All are asked, so that each wakes us.
            let heard = self.lanes.iter().filter(|lane| lane.socket.poll_recv_ready(cx).is_ready()).count();
            if heard > 0 { Poll::Ready(None) } else { Poll::Pending }
        });
        timeout(Duration::from_millis(100), any).await.unwrap_or_default()
    }

    /// Reads all answers that are there.
    fn hear(&mut self) -> anyhow::Result<()> {
        for lane in &mut self.lanes {
            while let Some(came) = lane.receive(self.wanted, &self.secret)? {
                match came {
                    Ok(sent) => {
                        self.last = Instant::now();
                        self.samples.push((self.last - sent).as_secs_f64() * 1e3);
                    }
                    Err(why) => *self.failed.entry(why).or_default() += 1,
                }
            }
        }
        if self.looked.elapsed() > self.patience / 4 {
            self.looked = Instant::now();
            let lost: u64 = self.lanes.iter_mut().map(|lane| lane.give_up(self.patience)).sum();
            if lost > 0 {
                *self.failed.entry("no answer".to_owned()).or_default() += lost;
            }
        }
        Ok(())
    }
}
