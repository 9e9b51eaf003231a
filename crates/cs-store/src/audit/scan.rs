//! Reads one chain and finds where it is not what was written.

use super::chain::{LogKey, row_digest};
use super::{Finding, LogKind, LogRecord};
use crate::db::{Row, StoreError};

/// Rows of a chain, in pages; the columns of [`Stored::from_row`].
pub(super) const PAGE: &str = "SELECT seq, account, kind, at, id, user_id, integration, result, reason, factor, body, \
    personal, personal_digest, evidence, evidence_digest, mac FROM log WHERE chain = $1 AND seq > $2 ORDER BY seq LIMIT 1000";

/// Beyond this many suspicious rows of one chain, no more is tried than to name them.
const MOST_SUSPECTS: usize = 48;

/// A record with the digests of its personal fields and of its evidence.
type Content = (LogRecord, Option<[u8; 32]>, Option<[u8; 32]>);

/// A row as it lies in the table.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) seq: i64,
    /// `None` if a column cannot be what was written.
    content: Option<Content>,
    mac: [u8; 32],
}

impl Stored {
    pub(super) fn from_row(row: &Row) -> Result<Self, StoreError> {
        let seq = row.int(0)?;
        Ok(Self { seq, content: Self::content(row).ok(), mac: row.bytes(15).unwrap_or([0; 32]) })
    }

    pub(super) fn content(row: &Row) -> Result<Content, StoreError> {
        let kind = LogKind::ALL
            .into_iter()
            .find(|kind| row.str(2).is_ok_and(|text| text == kind.as_str()))
            .ok_or_else(|| StoreError::corrupt("log", ""))?;
        let digest = |column| row.opt_blob(column)?.map(|_| row.bytes(column)).transpose();
        let record = LogRecord {
            account: row.text(1)?,
            kind,
            at: row.time(3)?,
            id: row.text(4)?,
            user_id: row.opt_text(5)?,
            integration: row.opt_text(6)?,
            result: row.opt_text(7)?,
            reason: row.opt_text(8)?,
            factor: row.opt_text(9)?,
            body: row.text(10)?,
            personal: row.opt_text(11)?,
            evidence: row.opt_text(13)?,
        };
        Ok((record, digest(12)?, digest(14)?))
    }

    /// Whether this row was written at `seq` of `chain` after a row with mac `previous`.
    fn was_written(&self, key: &LogKey, chain: &str, seq: i64, previous: &[u8; 32]) -> bool {
        self.expected(key, chain, seq, previous) == Some(self.mac)
    }

    /// The mac that the row's content has at that place, if its erasable fields fit their digests.
    fn expected(&self, key: &LogKey, chain: &str, seq: i64, previous: &[u8; 32]) -> Option<[u8; 32]> {
        let (record, personal, evidence) = self.content.as_ref()?;
        for (field, text, digest) in
            [("personal", &record.personal, personal), ("evidence", &record.evidence, evidence)]
        {
            // A field without text was erased, which is allowed; one without digest was added.
            if let Some(text) = text
                && *digest != Some(key.field_digest(field, chain, seq, text))
            {
                return None;
            }
        }
        let digest = row_digest(record, personal.as_ref(), evidence.as_ref());
        Some(key.row_mac(chain, seq, previous, &digest))
    }

    /// Whether an erasable field was erased.
    fn is_erased(&self) -> bool {
        self.content.as_ref().is_some_and(|(record, personal, evidence)| {
            (record.personal.is_none() && personal.is_some()) || (record.evidence.is_none() && evidence.is_some())
        })
    }
}

/// A row that was written one place before or after where it is.
struct Shifted {
    row: Stored,
    before: Vec<[u8; 32]>,
    shift: i64,
}

/// The reading of one chain.
pub(super) struct Scan<'a> {
    key: &'a LogKey,
    chain: &'a str,
    /// Macs that checkpoints pin, by place.
    pins: &'a std::collections::BTreeMap<i64, [u8; 32]>,
    next: i64,
    /// Macs the row before may have had: as stored, as its content demands, as last proven.
    previous: Vec<[u8; 32]>,
    last_proven: Option<[u8; 32]>,
    /// What must be added to a row's place to have the one it was written at.
    shift: i64,
    pending: Option<Shifted>,
    suspects: Vec<(Stored, Vec<[u8; 32]>)>,
    gaps: Vec<(i64, i64)>,
    findings: Vec<Finding>,
    pub(super) rows: u64,
    pub(super) erased: u64,
    /// The last place that was read.
    pub(super) last: i64,
}

impl<'a> Scan<'a> {
    /// Starts before place `next`; `previous` is the mac before it, if known.
    pub(super) fn new(
        key: &'a LogKey,
        chain: &'a str,
        pins: &'a std::collections::BTreeMap<i64, [u8; 32]>,
        next: i64,
        previous: Option<[u8; 32]>,
    ) -> Self {
        Self {
            key,
            chain,
            pins,
            next,
            previous: previous.into_iter().collect(),
            last_proven: previous,
            shift: 0,
            pending: None,
            suspects: Vec::new(),
            gaps: Vec::new(),
            findings: Vec::new(),
            rows: 0,
            erased: 0,
            last: next - 1,
        }
    }

    pub(super) fn row(&mut self, row: Stored) {
        self.rows += 1;
        if row.seq < self.next {
            self.findings.push(Finding::Inserted { chain: self.chain.to_owned(), seq: row.seq });
            return;
        }
        if row.seq > self.next {
            self.gaps.push((self.next, row.seq - 1));
            self.previous.clear();
        }
        self.previous.extend(self.pins.get(&(row.seq - 1)));
        self.last = row.seq;
        self.next = row.seq + 1;
        self.erased += u64::from(row.is_erased());
        let before = std::mem::take(&mut self.previous);
        self.previous.push(row.mac);
        if let Some(shifted) = self.pending.take() {
            if row.was_written(self.key, self.chain, row.seq + shifted.shift, &shifted.row.mac) {
                self.accept(&shifted);
            } else {
                self.suspects.push((shifted.row, shifted.before));
            }
        }
        let written = |shift: i64, macs: &[[u8; 32]]| {
            macs.iter().any(|previous| row.was_written(self.key, self.chain, row.seq + shift, previous))
        };
        if written(self.shift, &before) {
            self.proven(&row, self.shift);
            return;
        }
        let others: Vec<_> = before.iter().copied().chain(self.last_proven).collect();
        // A row put in between pushes those after it up by one place, one taken out pulls them down; the next row tells whether that is so here.
        if let Some(shift) = [self.shift - 1, self.shift + 1].into_iter().find(|shift| written(*shift, &others)) {
            self.pending = Some(Shifted { row, before, shift });
            return;
        }
        // What the row's content demands: if only its mac was changed, the next row still builds on this one.
        let demanded = before.iter().filter_map(|mac| row.expected(self.key, self.chain, row.seq + self.shift, mac));
        self.previous.extend(demanded);
        self.suspects.push((row, before));
    }

    /// From `shifted` on, rows stand beside their places.
    fn accept(&mut self, shifted: &Shifted) {
        let (chain, seq) = (self.chain.to_owned(), shifted.row.seq);
        let up = shifted.shift < self.shift;
        self.findings.push(match self.suspects.pop_if(|(suspect, _)| up && suspect.seq == seq - 1) {
            Some((intruder, _)) => Finding::Inserted { chain, seq: intruder.seq },
            None => Finding::Moved { chain, seq, written_at: seq + shifted.shift },
        });
        self.proven(&shifted.row, shifted.shift);
    }

    /// `row` was written with the log key; whether it is the row that a checkpoint signed is another question.
    fn proven(&mut self, row: &Stored, shift: i64) {
        self.shift = shift;
        self.last_proven = Some(row.mac);
        self.last = row.seq + shift;
        if self.pins.get(&self.last).is_some_and(|mac| *mac != row.mac) {
            self.findings.push(Finding::Rewritten { chain: self.chain.to_owned(), seq: row.seq });
        }
    }

    /// All findings of the chain, by place.
    pub(super) fn finish(mut self) -> Vec<Finding> {
        if let Some(shifted) = self.pending.take() {
            let place = shifted.row.seq;
            let swapped = self
                .suspects
                .last()
                .is_some_and(|(suspect, _)| suspect.was_written(self.key, self.chain, place, &shifted.row.mac));
            if swapped {
                self.suspects.push((shifted.row, shifted.before));
            } else {
                self.accept(&shifted);
            }
        }
        let suspects = std::mem::take(&mut self.suspects);
        let mut macs: Vec<[u8; 32]> =
            suspects.iter().flat_map(|(row, before)| before.iter().chain([&row.mac])).copied().collect();
        macs.extend(self.pins.values().take(MOST_SUSPECTS));
        let few = suspects.len() <= MOST_SUSPECTS;
        let mut places: Vec<i64> = suspects.iter().map(|(row, _)| row.seq).collect();
        places.extend(self.gaps.iter().flat_map(|(first, last)| *first..=*last).take(MOST_SUSPECTS));
        for (row, before) in &suspects {
            let written_at = |place: i64| macs.iter().any(|mac| row.was_written(self.key, self.chain, place, mac));
            let chain = self.chain.to_owned();
            if few && written_at(row.seq + self.shift) {
                continue;
            }
            let origin = places.iter().copied().find(|place| few && written_at(*place));
            self.findings.push(match origin {
                Some(written_at) => Finding::Moved { chain, seq: row.seq, written_at },
                None if before.is_empty() => Finding::Unproven { chain, seq: row.seq },
                None => Finding::Changed { chain, seq: row.seq },
            });
        }
        for (first, last) in std::mem::take(&mut self.gaps) {
            self.findings.push(Finding::Missing { chain: self.chain.to_owned(), first, last });
        }
        self.findings.sort_by_key(Finding::place);
        self.findings
    }
}
