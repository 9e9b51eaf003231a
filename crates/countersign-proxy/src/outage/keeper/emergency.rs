//! An Owner's leave to do without the second factor: begun once, and ended by itself.

use std::path::Path;

use cs_client::outage::{EmergencyToken, EventKind, Jwk, verified};
use jiff::Timestamp;

use super::files::{put, read_key};
use super::{KeepError, Keeper};
use crate::outage::journal::{Entry, sync_folder};

/// The file of the token that is in use.
const EMERGENCY: &str = "emergency";

impl Keeper {
    /// Until when a section does without the second factor, by an Owner's leave; unix seconds. What begins or ends by this is written down first.
    pub fn emergency(&mut self, section: &str, ikey: &str, now: Timestamp) -> Option<i64> {
        self.look(now);
        let token = self.token.as_ref()?.2.clone()?;
        let key = self.keys.get(ikey)?;
        // Read again for this application's key: several accounts may be served here.
        let text = std::fs::read_to_string(self.folder.join(EMERGENCY)).ok()?;
        if verified::<EmergencyToken>(text.trim(), key).ok().as_ref() != Some(&token) {
            return self.refuse(&token, "it was not signed by this application's server");
        }
        if !token.sections.iter().any(|named| named == section || named == "*") {
            return None;
        }
        let second = now.as_second();
        let of_token = |entry: &&Entry| entry.token.as_ref() == Some(&token.id);
        let begun =
            self.journal.entries().iter().filter(of_token).find(|entry| entry.kind == EventKind::EmergencyBegun);
        let is_ended =
            self.journal.entries().iter().filter(of_token).any(|entry| entry.kind == EventKind::EmergencyEnded);
        match begun.and_then(|entry| entry.until) {
            _ if is_ended => self.refuse(&token, "it was used before"),
            Some(until) if second < until => Some(until),
            Some(_) => {
                self.end(&token.id, "its time is over", now);
                None
            }
            None if second >= token.use_before || token.v != 1 || !(1..=240).contains(&token.minutes) => {
                self.refuse(&token, "it had to be put to use earlier")
            }
            None => self.begin(&token, ikey, now),
        }
    }

    fn begin(&mut self, token: &EmergencyToken, ikey: &str, now: Timestamp) -> Option<i64> {
        let until = now.as_second() + i64::from(token.minutes) * 60;
        let note = format!("{} gave leave for {} minutes: {}", token.owner, token.minutes, token.reason);
        let entry = Entry {
            note: Some(note),
            token: Some(token.id.clone()),
            until: Some(until),
            ..Entry::new(EventKind::EmergencyBegun, ikey, now.as_second())
        };
        self.note(entry).ok()?;
        tracing::error!(sections = ?token.sections, minutes = token.minutes, owner = %token.owner, reason = %token.reason, "AN EMERGENCY HAS BEGUN: THE SECOND FACTOR IS NOT ASKED FOR");
        Some(until)
    }

    /// Ends what is under way when its time is over or its file is gone. To be called from time to time.
    pub fn look(&mut self, now: Timestamp) {
        let path = self.folder.join(EMERGENCY);
        let stamp = std::fs::metadata(&path).ok().and_then(|found| Some((found.modified().ok()?, found.len())));
        match (stamp, &self.token) {
            (Some((at, len)), Some((known_at, known_len, _))) if (at, len) == (*known_at, *known_len) => {}
            (Some((at, len)), _) => {
                let text = std::fs::read_to_string(&path).unwrap_or_default();
                let read = |key: &Jwk| verified::<EmergencyToken>(text.trim(), key).ok();
                self.token = Some((at, len, self.keys.values().find_map(read)));
                if matches!(self.token, Some((_, _, None))) {
                    tracing::error!(path = %path.display(), "what should be an Owner's leave was not signed by the server: it is not used");
                }
            }
            (None, Some(_)) => self.token = None,
            (None, None) => {}
        }
        let current = self.token.as_ref().and_then(|(_, _, token)| token.as_ref()).map(|token| token.id.clone());
        for (id, until) in self.under_way() {
            if now.as_second() >= until {
                self.end(&id, "its time is over", now);
            } else if current.as_ref() != Some(&id) {
                self.end(&id, "it was ended here", now);
            }
        }
    }

    /// Emergencies that have begun and not ended: the token, and when its time is over.
    pub fn under_way(&self) -> Vec<(String, i64)> {
        let entries = self.journal.entries();
        let ended = |id: &str| {
            entries.iter().any(|entry| entry.kind == EventKind::EmergencyEnded && entry.token.as_deref() == Some(id))
        };
        let begun = entries.iter().filter(|entry| entry.kind == EventKind::EmergencyBegun);
        let known = begun.filter_map(|entry| Some((entry.token.clone()?, entry.until?)));
        known.filter(|(id, _)| !ended(id)).collect()
    }

    fn end(&mut self, id: &str, why: &str, now: Timestamp) {
        let begun = self.journal.entries().iter().find(|entry| entry.token.as_deref() == Some(id));
        let ikey = begun.map(|entry| entry.ikey.clone()).unwrap_or_default();
        let entry = Entry {
            note: Some(why.to_owned()),
            token: Some(id.to_owned()),
            ..Entry::new(EventKind::EmergencyEnded, &ikey, now.as_second())
        };
        if self.note(entry).is_ok() {
            tracing::warn!(token = id, why, "THE EMERGENCY IS OVER: the second factor is asked for again");
        }
    }

    fn refuse(&mut self, token: &EmergencyToken, why: &str) -> Option<i64> {
        if self.refused.as_ref() != Some(&token.id) {
            tracing::error!(token = %token.id, why, "an Owner's leave is not used");
            self.refused = Some(token.id.clone());
        }
        None
    }
}

/// Puts an Owner's token to use; a proxy that runs sees it at its next login.
///
/// Fails if a key is known here and it was signed by none, or it cannot be written.
pub fn put_token(folder: &Path, text: &str) -> Result<(), KeepError> {
    let path = folder.join(EMERGENCY);
    let failed = |error| KeepError::Io(path.clone(), error);
    let mut is_known = false;
    let mut keys = 0;
    for entry in std::fs::read_dir(folder).map_err(failed)?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(key) = name.strip_prefix("key-").and_then(|ikey| read_key(folder, ikey)) {
            keys += 1;
            is_known |= verified::<EmergencyToken>(text.trim(), &key).is_ok();
        }
    }
    if keys > 0 && !is_known {
        return Err(KeepError::NotSigned);
    }
    put(folder, EMERGENCY, text.trim().as_bytes()).map_err(failed)
}

/// Ends it. False if there was none.
///
/// Fails if it cannot be removed.
pub fn remove_token(folder: &Path) -> Result<bool, KeepError> {
    let path = folder.join(EMERGENCY);
    match std::fs::remove_file(&path).and_then(|()| sync_folder(folder)) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(KeepError::Io(path, error)),
    }
}
