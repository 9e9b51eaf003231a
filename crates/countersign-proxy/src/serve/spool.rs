//! Records of accounting on the disk, until the server behind has them: files that are only written at their end.
//!
//! ```text
//! spool/00000000000000000001.records   magic ‖ length ‖ sequence ‖ time ‖ digest ‖ what was kept, again and again
//! spool/position                       the first sequence that is not over
//! ```
//!
//! A record is there when [`Spool::append`] has returned: it is synced. A tail that was torn off by a crash, or octets that rotted, cost what they held and nothing behind
//! them. A file is removed when all its records are over. After a crash some records may be delivered twice, none is lost.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use crate::radius::accounting::Sequence;

mod record;
#[cfg(test)]
mod tests;

pub(super) use record::Kept;
use record::{HEADER, parse, record, write};

/// A file that is longer is followed by another one.
const FILE: u64 = 1 << 20;
/// The position is written at least so often.
const POSITION_EVERY: u64 = 256;

/// Why something is not kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum SpoolError {
    /// The spool has the size that it may have.
    #[error("the spool is full: {0} octets wait for the server")]
    Full(u64),
    /// The disk.
    #[error("the spool cannot be written")]
    Io(#[from] io::Error),
}

#[derive(Debug, Clone, Copy)]
struct Place {
    file: Sequence,
    at: u64,
    len: usize,
}

struct Segment {
    file: File,
    len: u64,
    /// Records that are not over.
    open: usize,
    /// It was made by this process; what was found is only read.
    is_ours: bool,
}

/// What was found when a spool was opened.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// What waits, in its order.
    pub waiting: VecDeque<Kept>,
    /// Octets that are no record any more.
    pub damaged: u64,
}

/// A folder of such files. One process has it at a time.
pub(super) struct Spool {
    folder: PathBuf,
    most: u64,
    segments: BTreeMap<Sequence, Segment>,
    places: BTreeMap<Sequence, Place>,
    next: Sequence,
    /// Records that were over since the position was written.
    moved: u64,
    /// Held while the spool is open.
    _lock: File,
}

impl Spool {
    /// Opens the spool in `folder`, which is made if it is not there; it takes `most` octets.
    ///
    /// Fails if the folder cannot be read and written, or another process has it.
    pub(super) fn open(folder: &Path, most: u64) -> io::Result<(Self, Found)> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(folder.join("lock"))?;
        lock.try_lock().map_err(|_| io::Error::new(io::ErrorKind::WouldBlock, "another process has this spool"))?;
        let mut spool = Self {
            folder: folder.to_owned(),
            most,
            segments: BTreeMap::new(),
            places: BTreeMap::new(),
            next: 1,
            moved: 0,
            _lock: lock,
        };
        let found = spool.load()?;
        Ok((spool, found))
    }

    fn load(&mut self) -> io::Result<Found> {
        // Without one everything is delivered once more.
        let position = fs::read_to_string(self.folder.join("position")).ok();
        let position: Sequence = position.and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let mut found = Found::default();
        let mut names: Vec<Sequence> = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let name = entry?.file_name();
            let first = name.to_str().and_then(|name| name.strip_suffix(".records")?.parse::<Sequence>().ok());
            names.extend(first);
        }
        names.sort_unstable();
        self.next = position.max(1);
        for first in names {
            let path = self.path(first);
            let mut octets = Vec::new();
            let mut file = OpenOptions::new().read(true).open(&path)?;
            file.read_to_end(&mut octets)?;
            let (records, damaged) = parse(&octets);
            found.damaged += damaged;
            self.next = self.next.max(first);
            let mut open = 0;
            for (at, kept) in records {
                self.next = self.next.max(kept.sequence + 1);
                if kept.sequence < position || self.places.contains_key(&kept.sequence) {
                    continue;
                }
                open += 1;
                self.places.insert(kept.sequence, Place { file: first, at, len: kept.octets.len() });
                found.waiting.push_back(kept);
            }
            if open == 0 {
                fs::remove_file(&path)?;
            } else {
                let len = u64::try_from(octets.len()).unwrap_or(u64::MAX);
                self.segments.insert(first, Segment { file, len, open, is_ours: false });
            }
        }
        found.waiting.make_contiguous().sort_by_key(|kept| kept.sequence);
        Ok(found)
    }

    /// Keeps records and returns their places in the order, once all are on the disk.
    ///
    /// Fails if there is no room or the disk does not take them; then none is kept for certain, and what was written in part is never read as a record.
    pub(super) fn append(&mut self, time: u64, records: &[Vec<u8>]) -> Result<Vec<Sequence>, SpoolError> {
        let used: u64 = self.segments.values().map(|segment| segment.len).sum();
        let wanted: u64 = records.iter().map(|record| u64::try_from(record.len() + HEADER).unwrap_or(u64::MAX)).sum();
        if used + wanted > self.most {
            return Err(SpoolError::Full(used));
        }
        let mut octets = Vec::new();
        let mut places = Vec::new();
        for (sequence, record) in (self.next..).zip(records) {
            places.push((sequence, octets.len(), record.len()));
            write(&mut octets, &Kept { sequence, time, octets: record.clone() });
        }
        let name = self.segment()?;
        let Some(segment) = self.segments.get_mut(&name) else {
            return Err(io::Error::other("its file is not open").into());
        };
        let start = segment.len;
        if let Err(error) = segment.file.write_all_at(&octets, start).and_then(|()| segment.file.sync_data()) {
            // What follows is written over it.
            _ = segment.file.set_len(start);
            return Err(error.into());
        }
        segment.len += u64::try_from(octets.len()).unwrap_or(u64::MAX);
        segment.open += places.len();
        for (sequence, at, len) in &places {
            let at = start + u64::try_from(*at).unwrap_or(u64::MAX);
            self.places.insert(*sequence, Place { file: name, at, len: *len });
        }
        self.next += u64::try_from(places.len()).unwrap_or(0);
        Ok(places.into_iter().map(|(sequence, _, _)| sequence).collect())
    }

    /// The file that is written to.
    fn segment(&mut self) -> io::Result<Sequence> {
        if let Some((name, segment)) = self.segments.last_key_value()
            && segment.len < FILE
            && segment.is_ours
        {
            return Ok(*name);
        }
        let name = self.next;
        let path = self.path(name);
        let file = OpenOptions::new().create_new(true).read(true).write(true).mode(0o600).open(&path)?;
        // Its name must be on the disk before its records are told to be.
        File::open(&self.folder)?.sync_all()?;
        self.segments.insert(name, Segment { file, len: 0, open: 0, is_ours: true });
        Ok(name)
    }

    /// A record that waits. `None` if it is over, or its octets have rotted.
    pub(super) fn read(&self, sequence: Sequence) -> Option<Kept> {
        let place = self.places.get(&sequence)?;
        let mut octets = vec![0; place.len + HEADER];
        self.segments.get(&place.file)?.file.read_exact_at(&mut octets, place.at).ok()?;
        let (_, kept) = record(&octets)?;
        (kept.sequence == sequence).then_some(kept)
    }

    /// A record is over. `first` is the first that is not, if any is left.
    ///
    /// Fails as writing the position does: then more is delivered twice after a crash.
    pub(super) fn done(&mut self, sequence: Sequence, first: Option<Sequence>) -> io::Result<()> {
        let Some(place) = self.places.remove(&sequence) else { return Ok(()) };
        self.moved += 1;
        if let Some(segment) = self.segments.get_mut(&place.file) {
            segment.open = segment.open.saturating_sub(1);
            let is_full = !segment.is_ours || segment.len >= FILE;
            // The file that is written to is kept until it is long.
            let is_over = segment.open == 0 && (is_full || self.segments.keys().next_back() != Some(&place.file));
            if is_over {
                self.write_position(first)?;
                self.segments.remove(&place.file);
                return fs::remove_file(self.path(place.file));
            }
        }
        if self.moved >= POSITION_EVERY { self.write_position(first) } else { Ok(()) }
    }

    /// Writes down what is over if something is since it was written: when nothing else is to be done, and before the process ends.
    ///
    /// Fails as writing does.
    pub(super) fn settle(&mut self, first: Option<Sequence>) -> io::Result<()> {
        if self.moved == 0 { Ok(()) } else { self.write_position(first) }
    }

    /// Writes down what is over.
    ///
    /// Fails as writing does.
    fn write_position(&mut self, first: Option<Sequence>) -> io::Result<()> {
        self.moved = 0;
        let position = first.unwrap_or(self.next);
        let (path, fresh) = (self.folder.join("position"), self.folder.join("position.new"));
        let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&fresh)?;
        writeln!(file, "{position}")?;
        // Numbers must not begin anew below it once its records are gone.
        file.sync_data()?;
        fs::rename(&fresh, &path)
    }

    fn path(&self, first: Sequence) -> PathBuf {
        self.folder.join(format!("{first:020}.records"))
    }
}
