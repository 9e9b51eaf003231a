//! Which accounts and which login a command is about.

use cs_wire::device::Request;

use super::Context;
use super::args::Which;
use super::error::CliError;
use super::shapes::label;
use crate::authenticator::Authenticator;
use crate::clean::clean;
use crate::error::Error;
use crate::record::Record;

/// A login and the device it waits for.
pub(super) struct Waiting {
    pub(super) device: Authenticator,
    pub(super) request: Request,
}

impl Context<'_, '_> {
    /// The accounts that `--account` selects, all without it; at least one.
    pub(super) fn devices(&self) -> Result<Vec<Authenticator>, CliError> {
        let mut devices = Vec::new();
        for id in self.storage.ids()? {
            devices.push(Authenticator::open(self.storage, &id, self.environment)?);
        }
        if devices.is_empty() {
            return Err(CliError::NoAccounts);
        }
        if let Some(wanted) = self.account {
            devices.retain(|device| is_meant(device.record(), wanted));
        }
        if devices.is_empty() {
            return Err(CliError::UnknownAccount);
        }
        Ok(devices)
    }

    /// The one account a command is about.
    pub(super) fn device(&self) -> Result<Authenticator, CliError> {
        let mut devices = self.devices()?;
        match devices.pop() {
            Some(device) if devices.is_empty() => Ok(device),
            rest => {
                let all = devices.iter().chain(&rest);
                let names: Vec<_> =
                    all.map(|d| format!("{} ({})", d.record().device_id, clean(&label(d.record()), 80))).collect();
                Err(CliError::SeveralAccounts { names: names.join(", ") })
            }
        }
    }

    /// All logins that wait, oldest first. A server that cannot be asked hides what waits elsewhere only when
    /// nothing waits there.
    pub(super) async fn waiting(&self) -> Result<Vec<Waiting>, CliError> {
        let mut waiting = Vec::new();
        let mut failed = None;
        for device in self.devices()? {
            match device.pending().await {
                Ok(requests) => {
                    waiting.extend(requests.into_iter().map(|request| Waiting { device: device.clone(), request }));
                }
                Err(error) => failed = failed.or(Some(error)),
            }
        }
        if let (true, Some(error)) = (waiting.is_empty(), failed) {
            return Err(error.into());
        }
        waiting.sort_by_key(|waiting| waiting.request.created);
        Ok(waiting)
    }

    /// The one login a command is about.
    pub(super) async fn chosen(&self, which: &Which) -> Result<Waiting, CliError> {
        let mut waiting = self.waiting().await?;
        if let Some(txid) = &which.txid {
            waiting.retain(|waiting| waiting.request.txid == *txid);
        }
        let count = waiting.len();
        if count > 1 && !which.latest {
            return Err(CliError::SeveralWaiting { count });
        }
        waiting.pop().ok_or_else(|| none_waiting(which.txid.as_deref()))
    }
}

/// Nothing waits, or not the login that was named.
pub(super) fn none_waiting(txid: Option<&str>) -> CliError {
    txid.map_or(CliError::NoneWaiting, |_| Error::NothingWaiting.into())
}

/// Whether `wanted` names this account.
fn is_meant(record: &Record, wanted: &str) -> bool {
    [&record.device_id, &record.name, &record.user, &record.account.id, &record.account.name]
        .contains(&&wanted.to_owned())
        || label(record) == wanted
}
