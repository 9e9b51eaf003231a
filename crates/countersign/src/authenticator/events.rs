//! `GET /authenticator/v1/events`: logins as they begin and end, as server-sent events.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::State;
use axum::response::IntoResponse;
use axum::response::sse::{Event, Sse};
use cs_core::id::{AccountId, PhoneId, TxId};
use cs_core::login::Push;
use cs_engine::DeviceEvent;
use cs_engine::login::Asked;
use cs_engine::wake::Delivery;
use cs_wire::device::ClosedEvent;
use futures_util::stream;
use http::HeaderName;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::refusal::closed_state;
use super::requests::to_wire;
use super::{DeviceRequest, Phones, Refusal};

/// Silence that intermediaries and devices bear.
const PING: SignedDuration = SignedDuration::from_secs(20);
/// How often the table is read for what another node or process did: a hint of theirs does not reach this one.
const LOOK: SignedDuration = SignedDuration::from_secs(5);
/// Streams of one device at a time: a device that lost its connection may come back before we notice.
const STREAMS_PER_DEVICE: usize = 4;

type Device = (AccountId, PhoneId);

/// Opens the stream. What waits is sent first, then a ping that tells the device that events come through.
pub(super) async fn events(
    State(phones): State<Phones>,
    request: DeviceRequest,
) -> Result<impl IntoResponse + use<>, Refusal> {
    let device = request.device_key();
    let place = phones.kept.streams.open(device).ok_or_else(|| Refusal::busy(30))?;
    let now = phones.now();
    let mut feed = Feed {
        // Before the table is read, so that no login falls between the two.
        news: phones.engine.hub().subscribe(device.0, device.1),
        public_key: request.device.public_key,
        phones,
        device,
        shown: BTreeSet::new(),
        queue: VecDeque::new(),
        look_at: now + LOOK,
        ping_at: now + PING,
        has_ended: false,
        _place: place,
    };
    feed.look().await?;
    feed.queue.push_back(ping());
    let events = stream::unfold(feed, async |mut feed| {
        let event = feed.next().await?;
        Some((Ok::<_, Infallible>(event), feed))
    });
    // Some proxies hold streams back unless told not to.
    Ok(([(HeaderName::from_static("x-accel-buffering"), "no")], Sse::new(events)))
}

struct Feed {
    phones: Phones,
    device: Device,
    /// The key that opened the stream: whoever is bound in its place has to open one of their own.
    public_key: String,
    news: Receiver<DeviceEvent>,
    /// Logins that the device was told of and that have not been closed.
    shown: BTreeSet<TxId>,
    queue: VecDeque<Event>,
    look_at: Timestamp,
    ping_at: Timestamp,
    has_ended: bool,
    _place: Place,
}

/// What a stream waits for.
enum Woken {
    News(Result<DeviceEvent, RecvError>),
    Look,
    Ping,
    Stop,
}

impl Feed {
    /// The next event; `None` at the end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some(event);
            }
            if self.has_ended {
                return None;
            }
            let clock = self.phones.engine.clock().clone();
            let woken = tokio::select! {
                biased;
                () = self.phones.shutdown.draining() => Woken::Stop,
                news = self.news.recv() => Woken::News(news),
                () = clock.sleep_until(self.look_at) => Woken::Look,
                () = clock.sleep_until(self.ping_at) => Woken::Ping,
            };
            match woken {
                Woken::News(Ok(DeviceEvent::Request(txid))) => self.show(txid).await,
                Woken::News(Ok(DeviceEvent::Closed(txid, push))) => self.close(txid, push),
                Woken::News(Ok(DeviceEvent::Unbound) | Err(RecvError::Closed)) | Woken::Stop => self.has_ended = true,
                Woken::News(Err(RecvError::Lagged(_))) | Woken::Look => {
                    // What cannot be read now (logged there) is read the next time.
                    drop(self.look().await);
                }
                Woken::Ping => {
                    self.ping_at = self.phones.now() + PING;
                    self.queue.push_back(ping());
                }
            }
        }
    }

    /// Tells of one new login. One that cannot be read now is found by the next look.
    async fn show(&mut self, txid: TxId) {
        let (account, phone) = self.device;
        let asked = self.phones.engine.asked_one(account, phone, txid).await.ok().flatten();
        if let Some(asked) = asked.filter(|asked| asked.expires_at > self.phones.now()) {
            self.tell(&asked);
        }
    }

    /// Compares what the device knows with what is stored.
    async fn look(&mut self) -> Result<(), Refusal> {
        self.look_at = self.phones.now() + LOOK;
        let (account, phone) = self.device;
        let engine = self.phones.engine.clone();
        let Some(waiting) = engine.asked_by_key(account, phone, &self.public_key).await? else {
            self.has_ended = true;
            return Ok(());
        };
        for txid in self.shown.clone() {
            if waiting.iter().any(|asked| asked.txid == txid) {
                continue;
            }
            let login = engine.store().login(account, txid).await.map_err(cs_engine::EngineError::from)?;
            let state = login.map_or(Push::Cancelled, |login| login.push.at(self.phones.now()));
            self.close(txid, state);
        }
        for asked in &waiting {
            self.tell(asked);
        }
        Ok(())
    }

    fn tell(&mut self, asked: &Asked) {
        if self.shown.contains(&asked.txid) {
            return;
        }
        let Some(request) = to_wire(&self.phones.engine, asked) else { return };
        self.shown.insert(asked.txid);
        let (account, phone) = self.device;
        self.phones.engine.delivered(account, phone, asked.txid, Delivery::Delivered);
        self.queue.extend(Event::default().event("request").json_data(&request));
    }

    fn close(&mut self, txid: TxId, push: Push) {
        let Some(state) = closed_state(push) else { return };
        if self.shown.remove(&txid) {
            let closed = ClosedEvent { txid: txid.to_string(), state };
            self.queue.extend(Event::default().event("closed").json_data(&closed));
        }
    }
}

/// An event without data would not reach a browser's listener.
fn ping() -> Event {
    Event::default().event("ping").data("{}")
}

/// How many streams each device has open on this node.
#[derive(Debug, Clone, Default)]
pub(super) struct Streams(Arc<Mutex<HashMap<Device, usize>>>);

/// One of them; it is free again when this is dropped.
#[derive(Debug)]
struct Place {
    streams: Streams,
    device: Device,
}

impl Streams {
    fn open(&self, device: Device) -> Option<Place> {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry(device).or_default();
        if *count >= STREAMS_PER_DEVICE {
            return None;
        }
        *count += 1;
        Some(Place { streams: self.clone(), device })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.streams.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = open.get_mut(&self.device) {
            *count -= 1;
            if *count == 0 {
                open.remove(&self.device);
            }
        }
    }
}
