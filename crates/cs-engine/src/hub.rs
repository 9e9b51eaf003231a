//! What authenticators with an open event stream are told. A hint: what waits is in the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use cs_core::id::{AccountId, PhoneId, TxId};
use cs_core::login::Push;
use cs_store::Store;
use tokio::sync::broadcast;

use crate::others;

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

/// The open streams of this node, and the way to those of others.
#[derive(Clone)]
pub struct Hub {
    devices: Arc<Mutex<Senders>>,
    store: Store,
}

impl Hub {
    pub(crate) fn new(store: Store) -> Self {
        Self { devices: Arc::default(), store }
    }

    /// Opens a stream of what happens to `phone` from now on.
    pub fn subscribe(&self, account: AccountId, phone: PhoneId) -> broadcast::Receiver<DeviceEvent> {
        let mut devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        if devices.len() % 256 == 255 {
            devices.retain(|_, sender| sender.receiver_count() > 0);
        }
        devices.entry((account, phone)).or_insert_with(|| broadcast::channel(BACKLOG).0).subscribe()
    }

    /// Tells the open streams of `phone`, here at once and on other nodes as soon as they hear of it.
    pub fn publish(&self, account: AccountId, phone: PhoneId, event: DeviceEvent) {
        self.store.tell_others(others::hint(account, phone, event));
        self.publish_here(account, phone, event);
    }

    pub(crate) fn publish_here(&self, account: AccountId, phone: PhoneId, event: DeviceEvent) {
        let devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = devices.get(&(account, phone)) {
            // Nobody listening is fine: the device will pull.
            drop(sender.send(event));
        }
    }

    /// Whether a stream of `phone` is open here.
    pub(crate) fn has(&self, account: AccountId, phone: PhoneId) -> bool {
        let devices = self.devices.lock().unwrap_or_else(PoisonError::into_inner);
        devices.get(&(account, phone)).is_some_and(|sender| sender.receiver_count() > 0)
    }
}
