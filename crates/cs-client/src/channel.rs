//! The channel on which a server asks a proxy beside a directory ([`cs_wire::agent`]): a signed request that becomes a WebSocket.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cs_wire::agent::{CHANNEL, MAX_MESSAGE_BYTES, Order, Report};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use jiff::Timestamp;
use reqwest::header::{
    AUTHORIZATION, CONNECTION, DATE, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use reqwest::{StatusCode, Upgraded};
use serde::Deserialize;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::CapacityError;
use tokio_tungstenite::tungstenite::handshake::{client::generate_key, derive_accept_key};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Bytes, Error as WsError, Message};

use crate::client::{Config, http, receive};
use crate::error::Error;
use crate::exchange::{Keys, Method, prepare};

/// Opens channels to one server.
pub struct Channels {
    http: reqwest::Client,
    host: String,
    keys: Keys,
    patience: Duration,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Channels {
    /// To the server of `config`, as whom it says.
    ///
    /// # Errors
    /// [`Error::Host`], [`Error::CaCertificate`] and [`Error::Tls`].
    pub fn new(config: Config) -> Result<Self, Error> {
        let (builder, host) = http(&config)?;
        // A connection of HTTP/2 cannot become anything else.
        let http = builder.http1_only().build().map_err(Error::Tls)?;
        let keys = Keys { ikey: config.ikey, skey: config.skey };
        Ok(Self { http, host, keys, patience: config.call_timeout, clock: config.clock })
    }

    /// `GET /agent/v1/channel`: a new channel, both its ends.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn open(&self) -> Result<(Listener, Speaker), Error> {
        let prepared = prepare(&self.keys, &self.host, Method::Get, CHANNEL, &Vec::new(), (self.clock)())?;
        let key = generate_key();
        let request = self
            .http
            .get(format!("https://{}{CHANNEL}", self.host))
            .header(DATE, prepared.headers.date)
            .header(AUTHORIZATION, prepared.headers.authorization)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, "websocket")
            .header(SEC_WEBSOCKET_VERSION, "13")
            .header(SEC_WEBSOCKET_KEY, &key);
        let response = request.timeout(self.patience).send().await.map_err(Error::Network)?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            // Not even a success is a channel.
            return match receive::<serde_json::Value>(response).await {
                Err(error) => Err(error),
                Ok(_) => Err(Error::NotThisProtocol("it opens no channel")),
            };
        }
        // RFC 6455 §4.1
        let header = |name| response.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let is_ours = header(UPGRADE).eq_ignore_ascii_case("websocket")
            && header(SEC_WEBSOCKET_ACCEPT) == derive_accept_key(key.as_bytes());
        if !is_ours {
            return Err(Error::NotThisProtocol("it opens something that is no WebSocket"));
        }
        let upgraded = response.upgrade().await.map_err(Error::Network)?;
        let limits = WebSocketConfig::default()
            .max_message_size(Some(MAX_MESSAGE_BYTES))
            .max_frame_size(Some(MAX_MESSAGE_BYTES));
        let stream = WebSocketStream::from_raw_socket(upgraded, Role::Client, Some(limits)).await;
        let (speaks, hears) = stream.split();
        Ok((Listener(hears), Speaker(speaks)))
    }
}

impl fmt::Debug for Channels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Channels({} at {})", self.keys.ikey, self.host)
    }
}

/// Something that came.
#[derive(Debug)]
pub enum Heard {
    /// An order.
    Order(Order),
    /// An order of a kind that is not known here.
    Unknown {
        /// Its number.
        id: u64,
    },
    /// A sign of life.
    Sign,
}

/// Why a channel is over.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    /// The server says good-bye.
    #[error("the server closed it{0}")]
    Closed(String),
    /// The connection broke.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// A message was too long.
    #[error("a message came that is longer than {MAX_MESSAGE_BYTES} octets")]
    TooLong,
    /// A message was no order.
    #[error("a message came that is no order")]
    NoOrder,
}

impl From<WsError> for Ended {
    fn from(error: WsError) -> Self {
        match error {
            WsError::ConnectionClosed | WsError::AlreadyClosed => Self::Closed(String::new()),
            WsError::Capacity(CapacityError::MessageTooLong { .. }) => Self::TooLong,
            error => Self::Broken(error.to_string()),
        }
    }
}

/// The end at which orders come.
pub struct Listener(SplitStream<WebSocketStream<Upgraded>>);

impl Listener {
    /// The next thing that comes. Pings are answered by the way.
    ///
    /// # Errors
    /// [`Ended`]: nothing more comes.
    pub async fn next(&mut self) -> Result<Heard, Ended> {
        let Some(message) = self.0.next().await else { return Err(Ended::Closed(String::new())) };
        match message? {
            Message::Text(text) => order(&text).ok_or(Ended::NoOrder),
            Message::Ping(_) | Message::Pong(_) => Ok(Heard::Sign),
            Message::Close(Some(frame)) => {
                let reason: String = frame.reason.chars().take(200).collect();
                Err(Ended::Closed(format!(": {} {}", u16::from(frame.code), reason.escape_debug())))
            }
            Message::Close(None) => Err(Ended::Closed(String::new())),
            Message::Binary(_) | Message::Frame(_) => Err(Ended::NoOrder),
        }
    }
}

/// Reads an order; one that a newer server knows is told apart from what is none.
fn order(text: &str) -> Option<Heard> {
    #[derive(Deserialize)]
    struct Numbered {
        order: String,
        id: u64,
    }
    match serde_json::from_str(text) {
        Ok(order) => Some(Heard::Order(order)),
        Err(_) => {
            let Numbered { order, id } = serde_json::from_str(text).ok()?;
            // What is known and cannot be read is wrong.
            (!["sync", "first_factor", "cancel"].contains(&order.as_str())).then_some(Heard::Unknown { id })
        }
    }
}

/// A report as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said(String);

impl Said {
    /// `None` if it would be longer than [`MAX_MESSAGE_BYTES`].
    pub fn of(report: &Report) -> Option<Self> {
        // It holds texts and numbers, which all are JSON.
        let text = serde_json::to_string(report).ok()?;
        (text.len() <= MAX_MESSAGE_BYTES).then_some(Self(text))
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The end at which reports go.
pub struct Speaker(SplitSink<WebSocketStream<Upgraded>, Message>);

impl Speaker {
    /// Sends a report; waits while the server does not read.
    ///
    /// # Errors
    /// [`Ended`].
    pub async fn say(&mut self, said: Said) -> Result<(), Ended> {
        Ok(self.0.send(Message::text(said.0)).await?)
    }

    /// Asks for a sign of life.
    ///
    /// # Errors
    /// [`Ended`].
    pub async fn ping(&mut self) -> Result<(), Ended> {
        Ok(self.0.send(Message::Ping(Bytes::new())).await?)
    }

    /// Says good-bye.
    pub async fn close(&mut self) {
        // Whether it is heard is the same to both.
        _ = self.0.send(Message::Close(None)).await;
    }
}

#[cfg(test)]
mod tests {
    use cs_wire::agent::Person;

    use super::*;

    #[test]
    fn an_order_of_a_newer_server_is_told_apart_from_none() {
        assert!(matches!(order(r#"{"order":"cancel","id":3}"#), Some(Heard::Order(Order::Cancel { id: 3 }))));
        assert!(matches!(order(r#"{"order":"rotate","id":4,"key":"x"}"#), Some(Heard::Unknown { id: 4 })));
        for wrong in ["", "[]", "7", r#"{"order":"rotate"}"#, r#"{"order":"sync","id":1}"#, r#"{"order":"cancel"}"#] {
            assert!(order(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_report_that_is_too_long_is_not_said() {
        let person = |notes: usize| Person {
            key: "00".to_owned(),
            dn: "cn=a".to_owned(),
            username: "a".to_owned(),
            aliases: Vec::new(),
            full_name: None,
            email: None,
            phones: Vec::new(),
            notes: Some("x".repeat(notes)),
            disabled: false,
            groups: vec![0],
        };
        let report = |notes| Report::People { id: 1, people: vec![person(notes)] };
        let said = Said::of(&report(10)).unwrap();
        let rest = MAX_MESSAGE_BYTES - said.as_str().len();
        assert_eq!(Said::of(&report(10 + rest)).unwrap().as_str().len(), MAX_MESSAGE_BYTES);
        assert_eq!(Said::of(&report(11 + rest)), None);
    }
}
