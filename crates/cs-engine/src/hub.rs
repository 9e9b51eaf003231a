//! What authenticators with an open event stream are told. A hint: what waits is in the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cs_core::id::{AccountId, PhoneId, TxId};
use cs_core::login::Push;
use tokio::sync::broadcast;

/// How many events a slow stream may lag behind before it has to look at the database.
const BACKLOG: usize = 16;

/// News for one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeviceEvent {
    /// A login waits for this device.
    Request(TxId),
    /// A login that waited for it is closed.
    Closed(TxId, Push),
    /// The device was unbound: end the stream.
    Unbound,
}

type Senders = HashMap<(AccountId, PhoneId), broadcast::Sender<DeviceEvent>>;

/// The open streams of this node.
#[derive(Clone, Default)]
pub struct Hub {
    devices: Arc<Mutex<Senders>>,
}

impl Hub {
    /// Opens a stream of what happens to `phone` from now on.
    pub fn subscribe(&self, account: AccountId, phone: PhoneId) -> broadcast::Receiver<DeviceEvent> {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        if devices.len() % 256 == 255 {
            devices.retain(|_, sender| sender.receiver_count() > 0);
        }
        devices.entry((account, phone)).or_insert_with(|| broadcast::channel(BACKLOG).0).subscribe()
    }

    /// Tells the open streams of `phone`.
    pub fn publish(&self, account: AccountId, phone: PhoneId, event: DeviceEvent) {
        let devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = devices.get(&(account, phone)) {
            // Nobody listening is fine: the device will pull.
            drop(sender.send(event));
        }
    }
}
