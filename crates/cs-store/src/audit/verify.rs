//! `audit verify`: reads the whole log and names what is not as it was written.

use std::collections::{BTreeMap, BTreeSet};
use std::io::BufRead;

use data_encoding::HEXLOWER;

use super::checkpoint::{self, Checkpoint, Signed};
use super::prune::{SELECT_START, Start};
use super::scan::{self, Scan, Stored};
use crate::args;
use crate::db::{Store, StoreError};

const NEXT_CHAIN: &str = "SELECT chain FROM log WHERE chain > $1 ORDER BY chain LIMIT 1";
const CHAIN: &str = "SELECT node, lane, started_at, link FROM log_chain WHERE chain = $1";

/// Something in the log that is not as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// The row was changed, or was written by somebody without the log key.
    Changed {
        /// Its chain.
        chain: String,
        /// Its place.
        seq: i64,
    },
    /// Rows were removed.
    Missing {
        /// Their chain.
        chain: String,
        /// The first place.
        first: i64,
        /// The last place.
        last: i64,
    },
    /// A row was put in between.
    Inserted {
        /// Its chain.
        chain: String,
        /// Its place.
        seq: i64,
    },
    /// A row is not where it was written.
    Moved {
        /// Its chain.
        chain: String,
        /// Where it is.
        seq: i64,
        /// Where it was written.
        written_at: i64,
    },
    /// The row follows removed or changed rows and cannot be proven without them.
    Unproven {
        /// Its chain.
        chain: String,
        /// Its place.
        seq: i64,
    },
    /// The row is not the one that a checkpoint signed, though it was written with the log key.
    Rewritten {
        /// Its chain.
        chain: String,
        /// Its place.
        seq: i64,
    },
    /// The end of a chain was removed.
    TailCut {
        /// The chain.
        chain: String,
        /// The last place that is left.
        last: i64,
        /// The last place that a checkpoint signed.
        signed: i64,
    },
    /// A whole chain was removed.
    ChainRemoved {
        /// The chain.
        chain: String,
        /// The last place that a checkpoint signed.
        signed: i64,
    },
    /// The chain's own row is missing: its first row cannot be proven.
    ChainUnknown {
        /// The chain.
        chain: String,
    },
    /// A checkpoint is malformed, or its signature or hash is wrong.
    CheckpointForged {
        /// Its node, as far as can be told.
        node: String,
        /// Its number.
        number: i64,
    },
    /// A checkpoint that others build on is missing in the database.
    CheckpointMissing {
        /// Its node.
        node: String,
        /// Its number.
        number: i64,
    },
    /// The database is older than an exported checkpoint.
    RolledBack {
        /// The node whose checkpoints tell.
        node: String,
        /// Its last checkpoint in the database, 0 if none.
        stored: i64,
        /// Its last exported checkpoint.
        exported: i64,
    },
}

impl Finding {
    pub(super) fn place(&self) -> i64 {
        match self {
            Self::Changed { seq, .. }
            | Self::Inserted { seq, .. }
            | Self::Moved { seq, .. }
            | Self::Unproven { seq, .. }
            | Self::Rewritten { seq, .. } => *seq,
            Self::Missing { first, .. } => *first,
            Self::TailCut { signed, .. } | Self::ChainRemoved { signed, .. } => *signed,
            Self::CheckpointForged { number, .. } | Self::CheckpointMissing { number, .. } => *number,
            Self::RolledBack { exported, .. } => *exported,
            Self::ChainUnknown { .. } => 0,
        }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Changed { chain, seq } => write!(f, "({chain}, {seq}) was changed or forged"),
            Self::Missing { chain, first, last } if first == last => write!(f, "({chain}, {first}) was removed"),
            Self::Missing { chain, first, last } => write!(f, "({chain}, {first}) to ({chain}, {last}) were removed"),
            Self::Inserted { chain, seq } => write!(f, "({chain}, {seq}) was inserted"),
            Self::Moved { chain, seq, written_at } => {
                write!(f, "({chain}, {seq}) was written as ({chain}, {written_at})")
            }
            Self::Unproven { chain, seq } => write!(f, "({chain}, {seq}) cannot be proven without the rows before it"),
            Self::Rewritten { chain, seq } => write!(f, "({chain}, {seq}) is not the row that a checkpoint signed"),
            Self::TailCut { chain, last, signed } => {
                write!(f, "({chain}, {signed}) was signed, but the chain ends at ({chain}, {last})")
            }
            Self::ChainRemoved { chain, signed } => {
                write!(f, "chain {chain} was removed; ({chain}, {signed}) was signed")
            }
            Self::ChainUnknown { chain } => write!(f, "chain {chain} has no beginning"),
            Self::CheckpointForged { node, number } => write!(f, "checkpoint {number} of node {node} is forged"),
            Self::CheckpointMissing { node, number } => write!(f, "checkpoint {number} of node {node} was removed"),
            Self::RolledBack { node, stored, exported } => {
                write!(f, "the database is older than checkpoint {exported} of node {node} (its last one is {stored})")
            }
        }
    }
}

/// What verification found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Rows read.
    pub rows: u64,
    /// Chains read.
    pub chains: u64,
    /// Checkpoints read, of the database and of the export.
    pub checkpoints: u64,
    /// Rows of which personal fields were erased, which is not a finding.
    pub erased: u64,
    /// What is wrong; empty for an intact log.
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_intact(&self) -> bool {
        self.findings.is_empty()
    }
}

/// Reads the whole log and compares it with its chains, with the checkpoints in the database and with `exported` ones (lines as exported).
///
/// May run while the store is in use. An unreadable line counts as a forged checkpoint with its line number.
pub async fn verify(store: &Store, exported: Option<&mut dyn BufRead>) -> Result<Report, StoreError> {
    let mut report = Report::default();
    let mut trusted = Trusted { public_key: checkpoint::public_key(&*store.vault().signer()?), ..Trusted::default() };
    trusted.stored(store, &mut report).await?;
    if let Some(lines) = exported {
        trusted.exported(lines, &mut report);
    }
    let mut chain = String::new();
    let mut seen = BTreeSet::new();
    while let Some(row) = store.query_opt(NEXT_CHAIN, args![chain.as_str()]).await? {
        chain = row.text(0)?;
        seen.insert(chain.clone());
        report.chains += 1;
        read_chain(store, &chain, &trusted, &mut report).await?;
    }
    for (chain, pins) in trusted.pins.iter().filter(|(chain, _)| !seen.contains(*chain)) {
        let signed = pins.last_key_value().map_or(0, |(seq, _)| *seq);
        let start = start(store, chain, &trusted).await?;
        if start.is_none_or(|start| start.seq <= signed) {
            report.findings.push(Finding::ChainRemoved { chain: chain.clone(), signed });
        }
    }
    Ok(report)
}

/// What the checkpoints say.
#[derive(Default)]
struct Trusted {
    public_key: Vec<u8>,
    /// Macs by chain and place.
    pins: BTreeMap<String, BTreeMap<i64, [u8; 32]>>,
    /// Hashes by node and number.
    stored: BTreeMap<String, BTreeMap<i64, String>>,
}

impl Trusted {
    fn pin(&mut self, checkpoint: &Checkpoint) {
        for head in &checkpoint.heads {
            if let Some(mac) = HEXLOWER.decode(head.mac.as_bytes()).ok().and_then(|mac| mac.try_into().ok()) {
                self.pins.entry(head.chain.clone()).or_default().entry(head.seq).or_insert(mac);
            }
        }
    }

    /// Checkpoints of the database: signatures, hashes, and that each follows the one before.
    async fn stored(&mut self, store: &Store, report: &mut Report) -> Result<(), StoreError> {
        let (mut node, mut number) = (String::new(), i64::MIN);
        let mut known = Vec::new();
        loop {
            let rows = store.query(checkpoint::PAGE, args![node.as_str(), number]).await?;
            let Some(last) = rows.last() else { break };
            (node, number) = (last.text(3)?, last.int(4)?);
            for row in &rows {
                report.checkpoints += 1;
                let (signed, hash) = Signed::from_row(row)?;
                let (node, number) = (row.text(3)?, row.int(4)?);
                match signed.verify(&self.public_key) {
                    Ok(one) if one.node == node && one.number == number && signed.hash()[..] == hash[..] => {
                        self.pin(&one);
                        self.stored.entry(node).or_default().insert(number, HEXLOWER.encode(&hash));
                        known.push(one);
                    }
                    Ok(_) | Err(_) => report.findings.push(Finding::CheckpointForged { node, number }),
                }
            }
        }
        let mut missing = BTreeSet::new();
        for one in &known {
            let before = (one.number > 1).then(|| (one.node.as_str(), one.number - 1, one.previous.as_str()));
            let others = one.others.iter().map(|other| (other.node.as_str(), other.number, other.hash.as_str()));
            for (node, number, hash) in before.into_iter().chain(others) {
                match self.stored.get(node).and_then(|numbers| numbers.get(&number)) {
                    Some(stored) if stored == hash => {}
                    // The oldest may have been pruned with the log.
                    None if self
                        .stored
                        .get(node)
                        .and_then(|all| all.first_key_value())
                        .is_some_and(|(first, _)| number < *first) => {}
                    Some(_) | None => {
                        missing.insert((node.to_owned(), number));
                    }
                }
            }
        }
        let missing = missing.into_iter().map(|(node, number)| Finding::CheckpointMissing { node, number });
        let forged = report.findings.clone();
        report.findings.extend(missing.filter(|finding| {
            let Finding::CheckpointMissing { node, number } = finding else { return true };
            !forged.contains(&Finding::CheckpointForged { node: node.clone(), number: *number })
        }));
        Ok(())
    }

    /// Exported checkpoints: signatures, and that the database has them. Lines may be a syslog server's, with what it writes before them.
    fn exported(&mut self, lines: &mut dyn BufRead, report: &mut Report) {
        let mut newest = BTreeMap::<String, i64>::new();
        for (index, line) in (1..).zip(lines.lines()) {
            let checkpoint = line
                .map_err(|_| checkpoint::CheckpointError::Malformed)
                .and_then(|line| Signed::parse(bare(&line)))
                .and_then(|signed| signed.verify(&self.public_key).map(|one| (one, HEXLOWER.encode(&signed.hash()))));
            report.checkpoints += 1;
            let Ok((one, hash)) = checkpoint else {
                report.findings.push(Finding::CheckpointForged { node: "export".to_owned(), number: index });
                continue;
            };
            self.pin(&one);
            let stored = self.stored.get(&one.node);
            let known = stored.and_then(|numbers| numbers.get(&one.number));
            let last = stored.and_then(|numbers| numbers.last_key_value()).map_or(0, |(number, _)| *number);
            let first = stored.and_then(|numbers| numbers.first_key_value()).map_or(0, |(number, _)| *number);
            if one.number > last {
                let number = newest.entry(one.node).or_default();
                *number = one.number.max(*number);
            } else if known.map_or(one.number >= first, |known| *known != hash) {
                report.findings.push(Finding::CheckpointMissing { node: one.node, number: one.number });
            }
        }
        for (node, exported) in newest {
            let stored =
                self.stored.get(&node).and_then(|numbers| numbers.last_key_value()).map_or(0, |(number, _)| *number);
            report.findings.push(Finding::RolledBack { node, stored, exported });
        }
    }
}

async fn read_chain(store: &Store, chain: &str, trusted: &Trusted, report: &mut Report) -> Result<(), StoreError> {
    let key = store.vault().log_key()?;
    let none = BTreeMap::new();
    let pins = trusted.pins.get(chain).unwrap_or(&none);
    let start = start(store, chain, trusted).await?;
    let (next, previous) = match &start {
        Some(start) => (start.seq, Some(start.mac)),
        None => match store.query_opt(CHAIN, args![chain]).await? {
            Some(row) => (1, Some(key.chain_start(chain, row.str(0)?, row.int(1)?, row.int(2)?, row.blob(3)?))),
            None => {
                report.findings.push(Finding::ChainUnknown { chain: chain.to_owned() });
                (1, None)
            }
        },
    };
    let mut scan = Scan::new(&key, chain, pins, next, previous);
    let mut after = i64::MIN;
    loop {
        let rows = store.query(scan::PAGE, args![chain, after]).await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            let row = Stored::from_row(row)?;
            after = row.seq;
            scan.row(row);
        }
    }
    report.rows += scan.rows;
    report.erased += scan.erased;
    let last = scan.last;
    report.findings.extend(scan.finish());
    if let Some((&signed, _)) = pins.last_key_value()
        && signed > last
    {
        report.findings.push(Finding::TailCut { chain: chain.to_owned(), last, signed });
    }
    Ok(())
}

/// Where the chain begins after pruning, if that is signed.
async fn start(store: &Store, chain: &str, trusted: &Trusted) -> Result<Option<Start>, StoreError> {
    let Some(row) = store.query_opt(SELECT_START, args![chain]).await? else { return Ok(None) };
    Ok(Start::from_row(chain, &row)?.filter_signed(&trusted.public_key))
}

/// The checkpoint in a line of an export.
fn bare(line: &str) -> &str {
    match (line.find('{'), line.rfind('}')) {
        (Some(begin), Some(end)) if begin <= end => &line[begin..=end],
        _ => line,
    }
}
