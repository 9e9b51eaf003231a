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

use aws_lc_rs::digest;

use crate::radius::accounting::Sequence;

/// Before each record.
const MAGIC: [u8; 4] = *b"CSa1";
/// Magic, length, sequence, time, digest.
const HEADER: usize = 4 + 4 + 8 + 8 + 8;
/// An address and a packet.
const MOST: usize = 8_192;
/// A file that is longer is followed by another one.
const FILE: u64 = 1 << 20;
/// The position is written at least so often.
const POSITION_EVERY: u64 = 256;

/// Something that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Kept {
    /// Its place in the order.
    pub sequence: Sequence,
    /// When it came, in seconds since 1970.
    pub time: u64,
    /// What it is.
    pub octets: Vec<u8>,
}

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

fn write(octets: &mut Vec<u8>, kept: &Kept) {
    // Packets are not longer than 4096 octets.
    let len = u32::try_from(kept.octets.len()).unwrap_or(u32::MAX).to_be_bytes();
    let (sequence, time) = (kept.sequence.to_be_bytes(), kept.time.to_be_bytes());
    octets.extend(MAGIC);
    octets.extend(len);
    octets.extend(sequence);
    octets.extend(time);
    octets.extend(checksum(&[&len, &sequence, &time, &kept.octets]));
    octets.extend(&kept.octets);
}

/// The record at the beginning, and how long it is with its header.
fn record(octets: &[u8]) -> Option<(usize, Kept)> {
    let (magic, rest) = octets.split_first_chunk::<4>()?;
    let (len, rest) = rest.split_first_chunk::<4>()?;
    let (sequence, rest) = rest.split_first_chunk::<8>()?;
    let (time, rest) = rest.split_first_chunk::<8>()?;
    let (sum, rest) = rest.split_first_chunk::<8>()?;
    let size = usize::try_from(u32::from_be_bytes(*len)).ok().filter(|size| *size <= MOST)?;
    let kept = rest.get(..size)?;
    if *magic != MAGIC || *sum != checksum(&[len, sequence, time, kept]) {
        return None;
    }
    let (sequence, time) = (u64::from_be_bytes(*sequence), u64::from_be_bytes(*time));
    Some((HEADER + size, Kept { sequence, time, octets: kept.to_vec() }))
}

/// All records of a file with their places, and how many octets are none.
fn parse(octets: &[u8]) -> (Vec<(u64, Kept)>, u64) {
    let (mut records, mut at, mut damaged) = (Vec::new(), 0, 0);
    while at < octets.len() {
        let rest = octets.get(at..).unwrap_or_default();
        if let Some((len, kept)) = record(rest) {
            records.push((u64::try_from(at).unwrap_or(u64::MAX), kept));
            at += len;
        } else {
            let next = rest.iter().skip(1).position(|octet| *octet == MAGIC[0]).map_or(rest.len(), |at| at + 1);
            damaged += u64::try_from(next).unwrap_or(u64::MAX);
            at += next;
        }
    }
    (records, damaged)
}

/// Against the disk, not against people.
fn checksum(parts: &[&[u8]]) -> [u8; 8] {
    let mut context = digest::Context::new(&digest::SHA256);
    parts.iter().for_each(|part| context.update(part));
    let digest = context.finish();
    digest.as_ref().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(folder: &Path) -> (Spool, Vec<Vec<u8>>, u64) {
        let (spool, found) = Spool::open(folder, 1 << 20).unwrap();
        (spool, found.waiting.into_iter().map(|kept| kept.octets).collect(), found.damaged)
    }

    fn texts(from: usize, count: usize) -> Vec<Vec<u8>> {
        (from..from + count).map(|number| format!("record {number}").into_bytes()).collect()
    }

    #[test]
    fn what_was_appended_is_there_again_in_its_order_until_it_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let (mut spool, found, _) = open(dir.path());
        assert!(found.is_empty());
        let all = texts(0, 10);
        let sequences = spool.append(7, &all[..4]).unwrap();
        spool.append(8, &all[4..]).unwrap();
        assert_eq!(spool.read(sequences[2]).unwrap(), Kept { sequence: 3, time: 7, octets: all[2].clone() });
        spool.done(1, Some(2)).unwrap();
        spool.done(2, Some(3)).unwrap();
        assert!(Spool::open(dir.path(), 1 << 20).is_err(), "one process has it at a time");
        spool.settle(Some(3)).unwrap();
        drop(spool);
        let (mut spool, found, damaged) = open(dir.path());
        assert_eq!((found, damaged), (all[2..].to_vec(), 0));
        assert_eq!(spool.append(9, &texts(10, 1)).unwrap(), [11]);
        for sequence in 3..=11 {
            spool.done(sequence, Some(sequence + 1).filter(|next| *next <= 11)).unwrap();
        }
        spool.settle(None).unwrap();
        drop(spool);
        let (spool, found, _) = open(dir.path());
        assert!(found.is_empty());
        drop(spool);
        let files = || {
            fs::read_dir(dir.path())
                .unwrap()
                .filter(|file| file.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "records"))
                .count()
        };
        assert_eq!(files(), 0);
        let (mut spool, found, _) = open(dir.path());
        assert!(found.is_empty());
        assert_eq!(spool.append(9, &texts(0, 1)).unwrap(), [12], "numbers never begin anew");
    }

    #[test]
    fn a_tail_torn_off_at_any_octet_costs_the_last_records_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (mut spool, _, _) = open(dir.path());
        let all = texts(0, 5);
        spool.append(7, &all).unwrap();
        drop(spool);
        let path = dir.path().join(format!("{:020}.records", 1));
        let whole = fs::read(&path).unwrap();
        let each = whole.len() / 5;
        for cut in 0..whole.len() {
            fs::write(&path, &whole[..cut]).unwrap();
            let (spool, found, damaged) = open(dir.path());
            assert_eq!(found, all[..cut / each], "cut at {cut}");
            assert_eq!(damaged, u64::try_from(cut % each).unwrap());
            drop(spool);
        }
    }

    #[test]
    fn octets_that_rotted_cost_their_record_alone() {
        let dir = tempfile::tempdir().unwrap();
        let (mut spool, _, _) = open(dir.path());
        let all = texts(0, 5);
        spool.append(7, &all).unwrap();
        drop(spool);
        let path = dir.path().join(format!("{:020}.records", 1));
        let whole = fs::read(&path).unwrap();
        let each = whole.len() / 5;
        for at in each..2 * each {
            let mut rotten = whole.clone();
            rotten[at] ^= 0x55;
            fs::write(&path, &rotten).unwrap();
            let (spool, found, damaged) = open(dir.path());
            assert_eq!(found, [&all[..1], &all[2..]].concat(), "octet {at}");
            assert_eq!(damaged, u64::try_from(each).unwrap());
            drop(spool);
        }
    }

    #[test]
    fn it_takes_so_much_and_has_room_again_when_something_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let most = 3 << 20;
        let (mut spool, _) = Spool::open(dir.path(), most).unwrap();
        let record = vec![vec![7; 4096]];
        let mut kept = Vec::new();
        let full = loop {
            match spool.append(1, &record) {
                Ok(sequences) => kept.extend(sequences),
                Err(error) => break error,
            }
        };
        assert!(matches!(full, SpoolError::Full(used) if used <= most && used > most - 8192));
        for (place, sequence) in kept.iter().enumerate().take(kept.len() / 2) {
            spool.done(*sequence, kept.get(place + 1).copied()).unwrap();
        }
        assert!(spool.append(1, &record).is_ok());
        assert!(spool.read(kept[0]).is_none() && spool.read(kept[kept.len() - 1]).is_some());
    }
}
