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
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::hmac;
use cs_client::outage::{Bundle, EmergencyToken, Event, EventKind, Jwk, verified};
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;

use super::codes::{Judged, NoCode, Used, judge};
use super::journal::{Entry, Journal, JournalError, sync_folder};

/// Keeps this use of an application's secret from every other.
const PURPOSE: &[u8] = b"countersign-proxy codes at rest, 1";
/// The file of the token that is in use.
const EMERGENCY: &str = "emergency";

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
                    _ = self.note(Entry { address, ..entry });
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

fn read_key(folder: &Path, ikey: &str) -> Option<Jwk> {
    serde_json::from_slice(&std::fs::read(folder.join(format!("key-{ikey}"))).ok()?).ok()
}

/// An integration key names files: nothing but letters and digits.
fn is_file_safe(ikey: &str) -> bool {
    !ikey.is_empty() && ikey.len() <= 64 && ikey.bytes().all(|octet| octet.is_ascii_alphanumeric())
}

/// Writes a file whole, or not at all.
fn put(folder: &Path, name: &str, octets: &[u8]) -> std::io::Result<()> {
    let beside = folder.join(format!("{name}.new"));
    let mut options = std::fs::OpenOptions::new();
    let mut file = options.create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    file.write_all(octets).and_then(|()| file.sync_all())?;
    std::fs::rename(&beside, folder.join(name))?;
    sync_folder(folder)
}

fn sealing(skey: &str) -> Option<RandomizedNonceKey> {
    let secret = hmac::Key::new(hmac::HMAC_SHA256, skey.as_bytes());
    RandomizedNonceKey::new(&AES_256_GCM, hmac::sign(&secret, PURPOSE).as_ref()).ok()
}

fn seal(skey: &str, text: &str) -> Option<Vec<u8>> {
    let mut sealed = text.as_bytes().to_vec();
    let nonce = sealing(skey)?.seal_in_place_append_tag(Aad::from(PURPOSE), &mut sealed).ok()?;
    Some([nonce.as_ref().as_slice(), &sealed].concat())
}

fn unseal(skey: &str, whole: &[u8]) -> Option<String> {
    let (nonce, sealed) = whole.split_first_chunk::<NONCE_LEN>()?;
    let mut sealed = sealed.to_vec();
    let opened = sealing(skey)?.open_in_place(Nonce::from(nonce), Aad::from(PURPOSE), &mut sealed).ok()?;
    String::from_utf8(opened.to_vec()).ok()
}

#[cfg(test)]
mod tests {
    use cs_client::outage::DeviceKey;
    use cs_client::outage::{BundleUser, signed};
    use cs_core::otp::OutageSeed;

    use super::*;

    const IKEY: &str = "DIXXXXXXXXXXXXXXXXXX";
    const NOW: i64 = 60_000_015;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn open(folder: &Path) -> Keeper {
        let mut keeper = Keeper::open(folder, at(NOW), &mut |octets| octets.fill(7)).unwrap();
        keeper.load(IKEY, "secret");
        keeper
    }

    /// The same folder as after the end of the process, whose lock is gone with it.
    fn restarted(folder: &tempfile::TempDir) -> tempfile::TempDir {
        let other = tempfile::tempdir().unwrap();
        for entry in std::fs::read_dir(folder.path()).unwrap().flatten() {
            std::fs::copy(entry.path(), other.path().join(entry.file_name())).unwrap();
        }
        other
    }

    fn seed() -> OutageSeed {
        OutageSeed::from_bytes([1; 20])
    }

    fn code(second: i64) -> String {
        seed().code(at(second)).unwrap().to_string()
    }

    fn bundle(key: &DeviceKey, ikey: &str) -> String {
        let seeds = vec![BASE64URL_NOPAD.encode(seed().expose())];
        let bundle = Bundle {
            v: 1,
            account: "DA".to_owned(),
            ikey: ikey.to_owned(),
            group: "hq".to_owned(),
            normalization: "none".to_owned(),
            made_at: NOW,
            until: NOW + 3600,
            attempts: 3,
            uses: 10,
            users: vec![BundleUser { id: "DU1".to_owned(), names: vec!["alice".to_owned()], seeds }],
        };
        signed(&bundle, key).unwrap()
    }

    fn token(key: &DeviceKey, id: &str) -> String {
        let token = EmergencyToken {
            v: 1,
            account: "DA".to_owned(),
            id: id.to_owned(),
            sections: vec!["vpn".to_owned()],
            minutes: 30,
            made_at: NOW,
            use_before: NOW + 7200,
            owner: "owner@example.org".to_owned(),
            reason: "the line is cut".to_owned(),
        };
        signed(&token, key).unwrap()
    }

    #[test]
    fn a_used_code_is_used_after_a_restart_too() {
        let folder = tempfile::tempdir().unwrap();
        let key = DeviceKey::generate().unwrap();
        let mut keeper = open(folder.path());
        assert_eq!(keeper.code(IKEY, "alice", None, &code(NOW), at(NOW)), Err(NoCode::NoBundle));
        keeper.keep_key(IKEY, key.public().jwk()).unwrap();
        keeper.keep_bundle(IKEY, "secret", &bundle(&key, IKEY)).unwrap();
        assert_eq!(keeper.code(IKEY, "alice", None, &code(NOW), at(NOW)), Ok(()));
        assert_eq!(keeper.code(IKEY, "alice", None, &code(NOW), at(NOW)), Err(NoCode::Used));
        let again = restarted(&folder);
        let mut keeper = open(again.path());
        assert_eq!(keeper.code(IKEY, "alice", None, &code(NOW), at(NOW)), Err(NoCode::Used));
        assert_eq!(keeper.code(IKEY, "alice", None, &code(NOW + 30), at(NOW + 30)), Ok(()));
        // Everything of it is there to be told, once.
        assert_eq!(keeper.events(IKEY, 0, 100).len(), 4);
        assert!(keeper.events(IKEY, 4, 100).is_empty());
        // The files alone, without the application's secret, hold no code.
        let mut stranger = Keeper::open(restarted(&folder).path(), at(NOW), &mut |octets| octets.fill(7)).unwrap();
        stranger.load(IKEY, "another secret");
        assert_eq!(stranger.code(IKEY, "alice", None, &code(NOW + 60), at(NOW + 60)), Err(NoCode::NoBundle));
    }

    #[test]
    fn what_the_server_did_not_sign_is_not_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (key, other) = (DeviceKey::generate().unwrap(), DeviceKey::generate().unwrap());
        let mut keeper = open(folder.path());
        keeper.keep_key(IKEY, key.public().jwk()).unwrap();
        assert!(matches!(keeper.keep_key(IKEY, other.public().jwk()), Err(KeepError::AnotherKey(_))));
        assert!(keeper.keep_bundle(IKEY, "secret", &bundle(&other, IKEY)).is_err());
        assert!(keeper.keep_bundle(IKEY, "secret", &bundle(&key, "DIYYYYYYYYYYYYYYYYYY")).is_err());
        assert!(keeper.bundle(IKEY, at(NOW)).is_none());
    }

    #[test]
    fn an_emergency_begins_once_names_its_sections_and_ends_by_itself() {
        let folder = tempfile::tempdir().unwrap();
        let (key, other) = (DeviceKey::generate().unwrap(), DeviceKey::generate().unwrap());
        let mut keeper = open(folder.path());
        keeper.keep_key(IKEY, key.public().jwk()).unwrap();
        assert_eq!(keeper.emergency("vpn", IKEY, at(NOW)), None);
        assert!(matches!(put_token(folder.path(), &token(&other, "one")), Err(KeepError::NotSigned)));
        put_token(folder.path(), &token(&key, "one")).unwrap();
        assert_eq!(keeper.emergency("ssh", IKEY, at(NOW)), None, "another section");
        assert_eq!(keeper.emergency("vpn", IKEY, at(NOW)), Some(NOW + 1800));
        // A restart makes it no longer.
        let again = restarted(&folder);
        let mut keeper = open(again.path());
        assert_eq!(keeper.emergency("vpn", IKEY, at(NOW + 1799)), Some(NOW + 1800));
        assert_eq!(keeper.emergency("vpn", IKEY, at(NOW + 1800)), None);
        assert_eq!(keeper.emergency("vpn", IKEY, at(NOW + 1801)), None, "a token is good for one time");
        let kinds: Vec<EventKind> = keeper.events(IKEY, 0, 100).iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::EmergencyBegun, EventKind::EmergencyEnded]);
        // Ended by hand, and not begun again by putting the file back.
        put_token(again.path(), &token(&key, "another")).unwrap();
        assert!(keeper.emergency("vpn", IKEY, at(NOW + 2000)).is_some());
        assert!(remove_token(again.path()).unwrap());
        assert_eq!(keeper.emergency("vpn", IKEY, at(NOW + 2001)), None);
        put_token(again.path(), &token(&key, "another")).unwrap();
        assert_eq!(keeper.emergency("vpn", IKEY, at(NOW + 2002)), None);
        put_token(again.path(), &token(&key, "late")).unwrap();
        assert_eq!(keeper.emergency("vpn", IKEY, at(NOW + 7200)), None, "it had to be put to use earlier");
    }
}
