//! What nodes of one database tell one another: that something happened to a login or a device. The row says what.

use cs_core::id::{AccountId, PhoneId, TxId};
use cs_core::login::Push;
use tokio::sync::broadcast::error::RecvError;

use crate::wake::Delivery;
use crate::{DeviceEvent, Engine};

/// What a hint says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hint {
    Request(AccountId, PhoneId, TxId),
    Closed(AccountId, PhoneId, TxId),
    Unbound(AccountId, PhoneId),
    Delivery(TxId, Delivery),
}

/// `event` in a line for other nodes.
pub(crate) fn hint(account: AccountId, phone: PhoneId, event: DeviceEvent) -> String {
    match event {
        DeviceEvent::Request(txid) => format!("request {account} {phone} {txid}"),
        DeviceEvent::Closed(txid, _) => format!("closed {account} {phone} {txid}"),
        DeviceEvent::Unbound => format!("unbound {account} {phone}"),
    }
}

/// How far a login has come, in a line for other nodes.
pub(crate) fn delivery_hint(account: AccountId, phone: PhoneId, txid: TxId, state: Delivery) -> String {
    format!("delivery {account} {phone} {txid} {}", state.as_str())
}

impl Hint {
    /// Nodes of another version may say other things.
    fn parse(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let (what, account, phone) = (words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let hint = match what {
            "request" => Self::Request(account, phone, words.next()?.parse().ok()?),
            "closed" => Self::Closed(account, phone, words.next()?.parse().ok()?),
            "unbound" => Self::Unbound(account, phone),
            "delivery" => Self::Delivery(words.next()?.parse().ok()?, Delivery::parse(words.next()?)?),
            _ => return None,
        };
        words.next().is_none().then_some(hint)
    }
}

impl Engine {
    /// Wakes those who wait here for what other nodes did. Ends when the store is gone; on SQLite at once.
    ///
    /// [`Engine::maintain`] finds the same within a second or two; this finds it at once.
    pub async fn hear_others(&self) {
        let Some(mut hints) = self.store().hints() else { return };
        loop {
            match hints.recv().await {
                Ok(line) => {
                    if let Some(hint) = Hint::parse(&line) {
                        self.heed(hint).await;
                    }
                }
                Err(RecvError::Lagged(missed)) => tracing::debug!(missed, "hints of other nodes were missed"),
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn heed(&self, hint: Hint) {
        match hint {
            Hint::Request(account, phone, txid) => {
                self.hub().publish_here(account, phone, DeviceEvent::Request(txid));
            }
            Hint::Unbound(account, phone) => self.hub().publish_here(account, phone, DeviceEvent::Unbound),
            Hint::Delivery(txid, state) => {
                self.inner.deliveries.note(txid, state, self.clock().now());
            }
            Hint::Closed(account, phone, txid) => {
                if !self.inner.waiters.knows(txid) && !self.hub().has(account, phone) {
                    return;
                }
                match self.store().login(account, txid).await {
                    Ok(Some(login)) if !matches!(login.push, Push::Waiting { .. }) => {
                        self.inner.waiters.closed(txid, login.push);
                        self.hub().publish_here(account, phone, DeviceEvent::Closed(txid, login.push));
                    }
                    Ok(Some(_) | None) => {}
                    // Maintenance looks again.
                    Err(error) => {
                        tracing::debug!(error = &error as &dyn std::error::Error, "a hint could not be followed")
                    }
                }
            }
        }
    }
}
