//! What the proxy did while nobody could be asked: written down and on the disk before anybody is answered, and never forgotten by a restart.
//!
//! A line of JSON for each thing, numbered from one without gaps. A line that was not finished is cut off when the file is opened: nobody was answered for it.
//! Anything else that cannot be read is a file that somebody has changed, and nothing is decided by it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use cs_client::outage::{Event, EventKind};
use serde_json::{Value, json};

/// Lines older than so many seconds go when the file is opened: no bundle lives longer, and what happened was reported long ago.
const KEPT_SECONDS: i64 = 60 * 24 * 3600;
/// A file is not rewritten for fewer lines than this.
const MANY: usize = 10_000;

/// Why the journal cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// It cannot be read or written.
    #[error("{0} cannot be used")]
    Io(PathBuf, #[source] std::io::Error),
    /// Another process has it.
    #[error("{0} is in use by another proxy")]
    InUse(PathBuf),
    /// Somebody has changed it.
    #[error("{0}: line {1} is not what was written")]
    Damaged(PathBuf, usize),
}

/// Something that was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its place, from one.
    pub seq: i64,
    /// When, unix seconds.
    pub time: i64,
    /// What.
    pub kind: EventKind,
    /// The application.
    pub ikey: String,
    /// As typed.
    pub user: Option<String>,
    /// From where.
    pub address: Option<String>,
    /// For people.
    pub note: Option<String>,
    /// Of a code: group and person whose it is, `GROUP/DU…`.
    pub person: Option<String>,
    /// Of a code that was right: its step.
    pub step: Option<i64>,
    /// Of a code: when the bundle was made that it was checked with.
    pub bundle: Option<i64>,
    /// Of an emergency: the token.
    pub token: Option<String>,
    /// Of an emergency: its end.
    pub until: Option<i64>,
}

impl Entry {
    /// Of a kind, with nothing else said; its place is given when it is written.
    pub fn new(kind: EventKind, ikey: &str, time: i64) -> Self {
        Self {
            seq: 0,
            time,
            kind,
            ikey: ikey.to_owned(),
            user: None,
            address: None,
            note: None,
            person: None,
            step: None,
            bundle: None,
            token: None,
            until: None,
        }
    }

    /// As the server is told.
    pub fn event(&self) -> Event {
        let Self { seq, time, kind, user, address, note, .. } = self.clone();
        Event { seq, time, kind, user, address, note }
    }

    fn line(&self) -> String {
        let event = json!({
            "event": self.event(),
            "ikey": self.ikey,
            "person": self.person,
            "step": self.step,
            "bundle": self.bundle,
            "token": self.token,
            "until": self.until,
        });
        format!("{event}\n")
    }

    fn read(line: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(line).ok()?;
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let number = |name: &str| value.get(name).and_then(Value::as_i64);
        let event: Event = serde_json::from_value(value.get("event")?.clone()).ok()?;
        let Event { seq, time, kind, user, address, note } = event;
        Some(Self {
            seq,
            time,
            kind,
            user,
            address,
            note,
            ikey: text("ikey")?,
            person: text("person"),
            step: number("step"),
            bundle: number("bundle"),
            token: text("token"),
            until: number("until"),
        })
    }
}

/// The journal of one proxy, which no other process has open.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    entries: Vec<Entry>,
    /// A write failed: what is in the file is not known any more.
    is_broken: bool,
}

impl Journal {
    /// Opens the one in a folder, which is made if it is not there. `now` is unix seconds.
    ///
    /// Fails if it cannot be read or written, was changed, or another process has it.
    pub fn open(folder: &Path, now: i64) -> Result<Self, JournalError> {
        let path = folder.join("journal");
        let failed = |error| JournalError::Io(path.clone(), error);
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        let lock =
            OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join("lock")).map_err(failed)?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(JournalError::InUse(path)),
            Err(TryLockError::Error(error)) => return Err(failed(error)),
        }
        let mut file =
            OpenOptions::new().create(true).read(true).append(true).mode(0o600).open(&path).map_err(failed)?;
        let mut octets = Vec::new();
        file.read_to_end(&mut octets).map_err(failed)?;
        let whole = octets.iter().rposition(|octet| *octet == b'\n').map_or(0, |at| at + 1);
        let text = String::from_utf8(octets[..whole].to_vec()).map_err(|_| JournalError::Damaged(path.clone(), 1))?;
        let mut entries: Vec<Entry> = Vec::new();
        for (at, line) in text.lines().enumerate() {
            let entry = Entry::read(line).ok_or_else(|| JournalError::Damaged(path.clone(), at + 1))?;
            if entries.last().is_some_and(|last| entry.seq != last.seq + 1) {
                return Err(JournalError::Damaged(path, at + 1));
            }
            entries.push(entry);
        }
        if whole < octets.len() {
            file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(failed)?;
        }
        let mut journal = Self { path: path.clone(), file, entries, is_broken: false };
        // The lock lives as long as the process.
        std::mem::forget(lock);
        journal.forget_old(now).map_err(failed)?;
        sync_folder(folder).map_err(failed)?;
        Ok(journal)
    }

    /// Everything that is remembered, oldest first.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What of an application has a place after `seq`, oldest first, at most `most`.
    pub fn after(&self, ikey: &str, seq: i64, most: usize) -> Vec<Event> {
        let news = self.entries.iter().filter(|entry| entry.ikey == ikey && entry.seq > seq);
        news.take(most).map(Entry::event).collect()
    }

    /// Writes something down. It is on the disk when this returns.
    ///
    /// Fails if it may not be; then nothing is written any more until the proxy starts again.
    pub fn write(&mut self, mut entry: Entry) -> Result<(), JournalError> {
        let failed = |error| JournalError::Io(self.path.clone(), error);
        if self.is_broken {
            return Err(failed(std::io::Error::other("an earlier write failed")));
        }
        entry.seq = self.entries.last().map_or(1, |last| last.seq + 1);
        self.is_broken = true;
        self.file.write_all(entry.line().as_bytes()).and_then(|()| self.file.sync_data()).map_err(failed)?;
        self.is_broken = false;
        self.entries.push(entry);
        Ok(())
    }

    fn forget_old(&mut self, now: i64) -> std::io::Result<()> {
        let old = self.entries.iter().take_while(|entry| entry.time < now - KEPT_SECONDS).count();
        // The last one stays: it says where the numbers go on.
        let old = old.min(self.entries.len().saturating_sub(1));
        if old < MANY {
            return Ok(());
        }
        self.entries.drain(..old);
        let beside = self.path.with_extension("new");
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
        for entry in &self.entries {
            file.write_all(entry.line().as_bytes())?;
        }
        file.sync_all()?;
        std::fs::rename(&beside, &self.path)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        Ok(())
    }
}

/// So that a new or renamed file is there after a power cut.
pub(super) fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(time: i64) -> Entry {
        Entry { step: Some(7), person: Some("hq/DU1".to_owned()), ..Entry::new(EventKind::CodeRight, "DI", time) }
    }

    /// What the file holds, read as after the end of the process.
    fn reread(folder: &Path) -> Result<Vec<Entry>, JournalError> {
        let other = tempfile::tempdir().unwrap();
        std::fs::copy(folder.join("journal"), other.path().join("journal")).unwrap();
        Journal::open(other.path(), 0).map(|journal| journal.entries.clone())
    }

    #[test]
    fn what_was_written_is_there_after_any_end_of_the_process() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), 0).unwrap();
        for time in 1..=3 {
            journal.write(entry(time)).unwrap();
        }
        let all = reread(folder.path()).unwrap();
        assert_eq!(all.iter().map(|entry| (entry.seq, entry.time)).collect::<Vec<_>>(), [(1, 1), (2, 2), (3, 3)]);
        assert_eq!(all[0].step, Some(7));
        assert_eq!(journal.after("DI", 1, 1).len(), 1);
        assert!(journal.after("another", 0, 9).is_empty());
        // Another process is kept out while this one is there.
        assert!(matches!(Journal::open(folder.path(), 0), Err(JournalError::InUse(_))));
        // A line that was not finished is as if it had never been begun.
        let path = folder.path().join("journal");
        let whole = std::fs::read(&path).unwrap();
        let first = whole.iter().position(|octet| *octet == b'\n').unwrap() + 1;
        for cut in first..whole.len() {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let lines = whole[..cut].iter().filter(|octet| **octet == b'\n').count();
            assert_eq!(reread(folder.path()).unwrap().len(), lines, "cut at {cut}");
        }
    }

    #[test]
    fn a_file_that_was_changed_decides_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(folder.path(), 0).unwrap();
        (1..=3).for_each(|time| journal.write(entry(time)).unwrap());
        let path = folder.path().join("journal");
        let text = std::fs::read_to_string(&path).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        for changed in [
            format!("{}\n{}\n", lines[0], lines[2]),
            format!("{}\nnonsense\n{}\n", lines[0], lines[1]),
            format!("{}\n{}\n", lines[1], lines[0]),
        ] {
            std::fs::write(&path, changed).unwrap();
            assert!(matches!(reread(folder.path()), Err(JournalError::Damaged(_, _))));
        }
    }

    #[test]
    fn old_lines_go_and_numbers_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let lines: String =
            (1..=12_000).map(|seq| Entry { seq, ..entry(if seq <= 11_000 { 1 } else { 9_999_999 }) }.line()).collect();
        std::fs::write(folder.path().join("journal"), lines).unwrap();
        let mut journal = Journal::open(folder.path(), 10_000_000).unwrap();
        assert_eq!((journal.entries().len(), journal.entries()[0].seq), (1000, 11_001));
        journal.write(entry(10_000_000)).unwrap();
        assert_eq!(reread(folder.path()).unwrap().last().unwrap().seq, 12_001);
    }
}
