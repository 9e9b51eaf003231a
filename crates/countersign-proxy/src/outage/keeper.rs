//! What the proxy keeps for the time when nobody can be asked: its own name, the server's key, codes, the journal, and an Owner's leave.
//!
//! ```text
//! outages/id                 what the proxy calls itself
//! outages/journal            what it did by itself
//! outages/key-IKEY           the server's public key, kept from the first report on: another one is refused
//! outages/bundle-IKEY        codes, sealed under the application's secret
//! outages/emergency          the token that is in use
//! ```

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use cs_client::outage::{Bundle, EmergencyToken, Event, EventKind, Jwk, verified};
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;

use super::codes::{Judged, NoCode, Used, judge};
use super::journal::{Entry, Journal, JournalError};

mod emergency;
mod files;

pub use emergency::{put_token, remove_token};
use files::{is_file_safe, put, read_key, seal, unseal};

/// Everything that is kept. One for a process.
#[derive(Debug)]
pub struct Keeper {
    folder: PathBuf,
    /// What the proxy calls itself.
    pub id: String,
    journal: Journal,
    used: Used,
    keys: HashMap<String, Jwk>,
    bundles: HashMap<String, Bundle>,
    /// The emergency's file when it was last read, and what it holds.
    token: Option<(SystemTime, u64, Option<EmergencyToken>)>,
    /// The token that was refused last, so that it is told once.
    refused: Option<String>,
}

/// Why something that the server handed over is not kept.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The key is another one than before.
    #[error("the server's key is another one than before: if that is right, remove {0} and start again")]
    AnotherKey(PathBuf),
    /// It was not signed by the server, or is for somebody else.
    #[error("it was not signed by the server for this application")]
    NotSigned,
    /// It cannot be read or written.
    #[error("{0} cannot be used")]
    Io(PathBuf, #[source] std::io::Error),
}

impl Keeper {
    /// Opens what is in a folder, which is made if it is not there.
    ///
    /// Fails as the journal does.
    pub fn open(folder: &Path, now: Timestamp, random: &mut dyn FnMut(&mut [u8])) -> Result<Self, JournalError> {
        let journal = Journal::open(folder, now.as_second())?;
        let path = folder.join("id");
        let failed = |error| JournalError::Io(path.clone(), error);
        let id = match std::fs::read_to_string(&path) {
            Ok(id) if !id.trim().is_empty() => id.trim().to_owned(),
            Ok(_) | Err(_) => {
                let mut octets = [0; 12];
                random(&mut octets);
                let id = BASE64URL_NOPAD.encode(&octets);
                put(folder, "id", id.as_bytes()).map_err(failed)?;
                id
            }
        };
        let mut used = Used::default();
        journal.entries().iter().for_each(|entry| used.note(entry));
        Ok(Self {
            folder: folder.to_owned(),
            id,
            journal,
            used,
            keys: HashMap::new(),
            bundles: HashMap::new(),
            token: None,
            refused: None,
        })
    }

    /// Reads what was kept for an application before.
    pub fn load(&mut self, ikey: &str, skey: &str) {
        if !is_file_safe(ikey) {
            return;
        }
        if let Some(key) = read_key(&self.folder, ikey) {
            self.keys.insert(ikey.to_owned(), key);
        }
        let path = self.folder.join(format!("bundle-{ikey}"));
        let Ok(sealed) = std::fs::read(&path) else { return };
        let text = unseal(skey, &sealed);
        match text.and_then(|text| self.checked(ikey, &text)) {
            Some(bundle) => drop(self.bundles.insert(ikey.to_owned(), bundle)),
            None => {
                tracing::error!(path = %path.display(), "codes for outages were changed, or are of another secret: they are not used");
            }
        }
    }

    /// Keeps the server's key, from the first time on.
    ///
    /// Fails if it is another one.
    pub fn keep_key(&mut self, ikey: &str, key: &Jwk) -> Result<(), KeepError> {
        let name = format!("key-{ikey}");
        let path = self.folder.join(&name);
        match self.keys.get(ikey) {
            Some(known) if known == key => Ok(()),
            Some(_) => Err(KeepError::AnotherKey(path)),
            None if !is_file_safe(ikey) => Err(KeepError::NotSigned),
            None => {
                let text = serde_json::to_vec(key).map_err(|_| KeepError::NotSigned)?;
                put(&self.folder, &name, &text).map_err(|error| KeepError::Io(path, error))?;
                self.keys.insert(ikey.to_owned(), key.clone());
                tracing::info!(ikey, "the server's key was kept: its codes and an Owner's leave are known from now on");
                // What could not be checked before may be signed by it.
                self.token = None;
                Ok(())
            }
        }
    }

    /// Keeps codes for an application, in the place of those before.
    ///
    /// Fails if they were not signed for it.
    pub fn keep_bundle(&mut self, ikey: &str, skey: &str, text: &str) -> Result<(), KeepError> {
        let bundle = self.checked(ikey, text).ok_or(KeepError::NotSigned)?;
        let name = format!("bundle-{ikey}");
        let path = self.folder.join(&name);
        let sealed = seal(skey, text).ok_or(KeepError::NotSigned)?;
        put(&self.folder, &name, &sealed).map_err(|error| KeepError::Io(path, error))?;
        self.bundles.insert(ikey.to_owned(), bundle);
        Ok(())
    }

    fn checked(&self, ikey: &str, text: &str) -> Option<Bundle> {
        let bundle: Bundle = verified(text, self.keys.get(ikey)?).ok()?;
        (bundle.v == 1 && bundle.ikey == ikey).then_some(bundle)
    }

    /// The codes of an application, if it has any that are good now.
    pub fn bundle(&self, ikey: &str, now: Timestamp) -> Option<&Bundle> {
        self.bundles.get(ikey).filter(|bundle| now.as_second() < bundle.until)
    }

    /// Judges a code. It is used up, and written down, when this returns.
    ///
    /// Fails with why it lets nobody in; also when it cannot be written down.
    pub fn code(
        &mut self,
        ikey: &str,
        user: &str,
        address: Option<String>,
        typed: &str,
        now: Timestamp,
    ) -> Result<(), NoCode> {
        match judge(self.bundles.get(ikey), &self.used, user, typed, now) {
            Judged::Right(entry) => match self.note(Entry { address, ..entry }) {
                Ok(()) => Ok(()),
                Err(()) => Err(NoCode::NoBundle),
            },
            Judged::No(why, entry) => {
                if let Some(entry) = entry {
                    // A disk that is full makes nobody's guesses free.
                    if self.note(Entry { address, ..entry.clone() }).is_err() {
                        self.used.note(&entry);
                    }
                }
                Err(why)
            }
        }
    }

    /// Writes down that somebody was let in without a second factor.
    pub fn let_in(&mut self, kind: EventKind, ikey: &str, user: &str, address: Option<String>, now: Timestamp) {
        let user = Some(user.chars().take(128).collect());
        // What cannot be written down is in the log, in capitals.
        _ = self.note(Entry { user, address, ..Entry::new(kind, ikey, now.as_second()) });
    }

    fn note(&mut self, entry: Entry) -> Result<(), ()> {
        match self.journal.write(entry.clone()) {
            Ok(()) => {
                self.used.note(&entry);
                Ok(())
            }
            Err(error) => {
                tracing::error!(error = %error, "what was done while nobody could be asked cannot be written down");
                Err(())
            }
        }
    }

    /// What of an application the server has not heard of.
    pub fn events(&self, ikey: &str, taken: i64, most: usize) -> Vec<Event> {
        self.journal.after(ikey, taken, most)
    }
}

#[cfg(test)]
mod tests;
