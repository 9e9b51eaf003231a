//! The socket.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade};
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::Response;
use cs_core::id::{AccountId, DirectoryKey, IntegrationKey, TxId};
use cs_core::integration::{Integration, IntegrationType};
use cs_core::network::NetworkList;
use cs_engine::directories::{AgentInfo, Seat};
use cs_engine::{Engine, SystemRng};
use cs_wire::agent::{MAX_MESSAGE_BYTES, PING_SECONDS};
use cs_wire::envelope::{Code, Failure as WireFailure};
use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior};

use super::{Agency, wire};
use crate::http::{Door, Failure, RequestInfo, authenticate};
use crate::net::InFlight;

/// Silence after which a channel is dead: three pings without an answer.
const DEAD_AFTER: Duration = Duration::from_secs(3 * PING_SECONDS);
/// How often it is looked whether a channel may go on.
const LOOK: Duration = Duration::from_secs(5);
/// So many looks for each ping.
const LOOKS_PER_PING: u64 = PING_SECONDS / LOOK.as_secs();
/// How long a proxy may take to say who it is.
const HELLO_WITHIN: Duration = Duration::from_secs(10);
/// How long a message may take to be written.
const WRITE_WITHIN: Duration = Duration::from_secs(30);

/// Codes of the WebSocket protocol (RFC 6455 section 7.4.1), for the proxy's log.
const GOING_AWAY: u16 = 1001;
const POLICY: u16 = 1008;
const TRY_AGAIN: u16 = 1013;

/// Proxies beside directories, and nobody else.
struct AgentDoor;

impl Door for AgentDoor {
    fn admits(kind: &IntegrationType) -> bool {
        kind.is_directory()
    }
}

/// A channel that was let in.
struct Channel {
    agency: Agency,
    account: AccountId,
    directory: DirectoryKey,
    integration: Arc<Integration>,
    address: String,
    /// Keeps the connection from counting as idle.
    _in_flight: InFlight,
}

/// Opens a channel: signed like any request, by the keys of a directory.
pub(super) async fn open(State(agency): State<Agency>, request: Request) -> Result<Response, Failure> {
    let (mut parts, body) = request.into_parts();
    let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
    let info = parts.extensions.get::<RequestInfo>().cloned().ok_or_else(|| Failure::internal("no-edge"))?;
    let authentic = Box::pin(authenticate::<AgentDoor>(Request::from_parts(parts, body), &agency.app)).await?;
    let integration = authentic.integration;
    // A list that cannot be read lets nobody in.
    let is_from_there = NetworkList::parse(&integration.networks_for_api_access)
        .is_some_and(|networks| networks.is_empty() || networks.contains(authentic.client));
    if !is_from_there {
        return Err(refused("This directory's proxies may not connect from this address."));
    }
    let account = authentic.account.id;
    let directory = agency.app.engine().directory_of(account, integration.key).await?;
    let directory = directory.ok_or_else(|| refused("There is no directory for this integration."))?.id;
    let upgrade =
        upgrade.map_err(|_| Failure::new(40002, "Invalid request parameters", "This address is for WebSockets."))?;
    let channel = Channel {
        agency,
        account,
        directory,
        integration,
        address: authentic.client.to_string(),
        _in_flight: info.connection.begin_request(),
    };
    Ok(upgrade
        .max_message_size(MAX_MESSAGE_BYTES)
        .max_frame_size(MAX_MESSAGE_BYTES)
        .max_write_buffer_size(2 * MAX_MESSAGE_BYTES)
        .on_upgrade(move |socket| channel.run(socket)))
}

fn refused(detail: &'static str) -> Failure {
    WireFailure::new(Code::Forbidden, detail).into()
}

/// What the channel hears next.
enum Heard {
    /// From the proxy; `None` if it is gone.
    Message(Option<Message>),
    /// From the engine.
    Order(Option<cs_engine::directories::Order>),
    /// It is time for a ping.
    Tick,
    /// The server stops.
    Stop,
}

/// Why a channel ends, with the code and words for the proxy's log.
type End = (u16, &'static str);

impl Channel {
    async fn run(self, mut socket: WebSocket) {
        let hello = tokio::time::timeout(HELLO_WITHIN, self.hello(&mut socket)).await;
        let end = match hello {
            Ok(Ok(info)) => self.serve(&mut socket, info).await,
            Ok(Err(end)) => end,
            Err(_) => (POLICY, "no hello"),
        };
        let frame = CloseFrame { code: end.0, reason: end.1.into() };
        // It may be gone already.
        let _ = tokio::time::timeout(WRITE_WITHIN, socket.send(Message::Close(Some(frame)))).await;
    }

    async fn hello(&self, socket: &mut WebSocket) -> Result<AgentInfo, End> {
        loop {
            match socket.recv().await {
                Some(Ok(Message::Text(text))) => {
                    return wire::hello(text.as_str(), &self.address).ok_or((POLICY, "not a hello"));
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Binary(_) | Message::Close(_)) | Err(_)) | None => {
                    return Err((POLICY, "not a hello"));
                }
            }
        }
    }

    async fn serve(&self, socket: &mut WebSocket, info: AgentInfo) -> End {
        let engine = self.agency.app.engine();
        let (id, since) = (TxId::generate(&mut SystemRng).to_string(), engine.clock().now());
        let Some(mut seat) = engine.agents().sit(self.account, self.directory, id.clone(), info.clone(), since) else {
            return (TRY_AGAIN, "too many proxies");
        };
        tracing::info!(directory.id = %self.directory, proxy = info.proxy, host = info.host, "a directory's proxy is connected");
        let end = self.talk(socket, &mut seat, &info, since).await;
        drop(seat);
        if let Err(error) = engine.agent_gone(self.account, &id).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a proxy that is gone stays listed for a while");
        }
        tracing::info!(directory.id = %self.directory, proxy = info.proxy, host = info.host, why = end.1, "a directory's proxy is gone");
        end
    }

    async fn talk(&self, socket: &mut WebSocket, seat: &mut Seat, info: &AgentInfo, since: Timestamp) -> End {
        let mut ticks = tokio::time::interval(LOOK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (mut heard_at, mut looks) = (Instant::now(), 0_u64);
        loop {
            let heard = tokio::select! {
                biased;
                () = self.agency.shutdown.draining() => Heard::Stop,
                _ = ticks.tick() => Heard::Tick,
                order = seat.order() => Heard::Order(order),
                message = socket.recv() => Heard::Message(message.and_then(Result::ok)),
            };
            let message = match heard {
                Heard::Stop => return (GOING_AWAY, "the server stops"),
                Heard::Order(None) => return (GOING_AWAY, "no more orders"),
                Heard::Order(Some(order)) => match wire::order(&order) {
                    Some(text) => Message::Text(text.as_str().into()),
                    None => continue,
                },
                Heard::Tick => {
                    if heard_at.elapsed() > DEAD_AFTER {
                        return (POLICY, "three pings without an answer");
                    }
                    if let Err(end) = self.still_may(since).await {
                        return end;
                    }
                    looks += 1;
                    if !looks.is_multiple_of(LOOKS_PER_PING) && looks > 1 {
                        continue;
                    }
                    self.note(seat, info, since).await;
                    Message::Ping(Vec::new().into())
                }
                Heard::Message(message) => {
                    heard_at = Instant::now();
                    match message {
                        Some(Message::Text(text)) => {
                            let Some(report) = wire::report(text.as_str()) else {
                                return (POLICY, "not a report");
                            };
                            seat.report(report).await;
                        }
                        Some(Message::Ping(_) | Message::Pong(_)) => {}
                        Some(Message::Binary(_)) => return (POLICY, "not text"),
                        Some(Message::Close(_)) | None => return (GOING_AWAY, "the proxy has gone"),
                    }
                    continue;
                }
            };
            match tokio::time::timeout(WRITE_WITHIN, socket.send(message)).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) => return (GOING_AWAY, "the proxy has gone"),
                Err(_) => return (POLICY, "the proxy does not read"),
            }
        }
    }

    /// Whether the channel may go on: its integration is as it was when the channel was opened. Whoever may still come in opens another.
    async fn still_may(&self, since: Timestamp) -> Result<(), End> {
        let engine: &Engine = self.agency.app.engine();
        let key: IntegrationKey = self.integration.key;
        match engine.directory().integration(self.account, key).await {
            Ok(Some(now)) if now.enabled && now.version == self.integration.version => {}
            Ok(_) => return Err((POLICY, "the integration was changed")),
            // Nothing is known: the next look decides.
            Err(_) => return Ok(()),
        }
        let expired = |until: &Timestamp| *until <= engine.clock().now();
        if self.integration.previous_secret.as_ref().is_some_and(|(_, until)| since < *until && expired(until)) {
            return Err((POLICY, "an earlier secret is over"));
        }
        Ok(())
    }

    /// Notes for other nodes and for administrators that the proxy is here.
    async fn note(&self, seat: &Seat, info: &AgentInfo, since: Timestamp) {
        let engine = self.agency.app.engine();
        if let Err(error) = engine.agent_seen(self.account, self.directory, seat.id(), info, since).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "a proxy's sign of life was not noted");
        }
    }
}
