//! A push that may be given up before the server has a name for it.

use std::sync::{Arc, Mutex, PoisonError};

use super::super::api::Api;

/// A login that waits for a person at the server.
#[derive(Clone)]
pub(super) struct Push(Arc<Mutex<State>>);

struct State {
    api: Api,
    is_given_up: bool,
    /// The server's name for it, as soon as it has one.
    txid: Option<String>,
}

impl Push {
    pub(super) fn new(api: Api) -> Self {
        Self(Arc::new(Mutex::new(State { api, is_given_up: false, txid: None })))
    }

    /// The server has a name for it.
    pub(super) fn begun(&self, txid: String) {
        self.change(|state| state.txid = Some(txid));
    }

    /// Nobody waits for it any more: it is withdrawn, now or as soon as it has a name.
    pub(super) fn give_up(&self) {
        self.change(|state| state.is_given_up = true);
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        // It is changed in one step, and nothing in here panics.
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        if state.is_given_up
            && let Some(txid) = state.txid.take()
        {
            let api = state.api.clone();
            tokio::spawn(async move { api.cancel(&txid).await });
        }
    }
}
