//! The hash chain of one writer lane.
//!
//! Every row carries `mac = HMAC-SHA256(log key, chain ‖ seq ‖ previous mac ‖ digest of the row)`. All parts are length-prefixed,
//! so that no two different rows encode alike.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::{digest, hmac};
use jiff::Timestamp;

use super::LogRecord;
use crate::args;
use crate::db::Value;

/// Adds one row to the log.
pub(crate) const INSERT_LOG: &str = "INSERT INTO log \
    (chain, seq, account, kind, at, id, user_id, integration, result, reason, factor, body, personal, personal_digest, \
     evidence, evidence_digest, mac) \
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";

/// Opens a chain.
pub(crate) const INSERT_CHAIN: &str =
    "INSERT INTO log_chain (chain, node, lane, started_at, link, batch) VALUES ($1, $2, $3, $4, $5, 0)";

/// The key under which the log is chained. Without it no row can be forged.
#[derive(Clone)]
pub struct LogKey(hmac::Key);

impl fmt::Debug for LogKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogKey(..)")
    }
}

impl LogKey {
    /// A key from 32 secret bytes.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// The digest that stands for an erasable field, bound to its row.
    pub(crate) fn field_digest(&self, field: &str, chain: &str, seq: i64, text: &str) -> [u8; 32] {
        let mut input = Encoder::new("countersign log field 1");
        input.text(field).text(chain).int(seq).text(text);
        self.sign(&input)
    }

    /// What stands before the first row of a chain: binds the chain to its node, lane and last checkpoint.
    pub(crate) fn chain_start(&self, chain: &str, node: &str, lane: i64, started_at: i64, link: &[u8]) -> [u8; 32] {
        let mut input = Encoder::new("countersign log chain 1");
        input.text(chain).text(node).int(lane).int(started_at).bytes(link);
        self.sign(&input)
    }

    /// The mac of a row.
    pub(crate) fn row_mac(&self, chain: &str, seq: i64, previous: &[u8; 32], row: &[u8; 32]) -> [u8; 32] {
        let mut input = Encoder::new("countersign log row 1");
        input.text(chain).int(seq).bytes(previous).bytes(row);
        self.sign(&input)
    }

    fn sign(&self, input: &Encoder) -> [u8; 32] {
        let mut mac = [0; 32];
        mac.copy_from_slice(hmac::sign(&self.0, &input.0).as_ref());
        mac
    }
}

/// The digest of what a row says, with the erasable fields represented by their digests.
pub(crate) fn row_digest(record: &LogRecord, personal: Option<&[u8; 32]>, evidence: Option<&[u8; 32]>) -> [u8; 32] {
    let mut input = Encoder::new("countersign log content 1");
    input
        .text(&record.account)
        .text(record.kind.as_str())
        .int(record.at.as_millisecond())
        .text(&record.id)
        .optional(record.user_id.as_ref())
        .optional(record.integration.as_ref())
        .optional(record.result.as_ref())
        .optional(record.reason.as_ref())
        .optional(record.factor.as_ref())
        .text(&record.body)
        .optional(personal)
        .optional(evidence);
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, &input.0).as_ref());
    out
}

/// Length-prefixed encoding: a tag and an eight-byte length before every part.
struct Encoder(Vec<u8>);

impl Encoder {
    fn new(purpose: &str) -> Self {
        let mut encoder = Self(Vec::with_capacity(512));
        encoder.text(purpose);
        encoder
    }

    fn part(&mut self, tag: u8, bytes: &[u8]) -> &mut Self {
        self.0.push(tag);
        self.0.extend_from_slice(&(bytes.len() as u64).to_be_bytes());
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(&mut self, text: &str) -> &mut Self {
        self.part(b't', text.as_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.part(b'b', bytes)
    }

    fn int(&mut self, n: i64) -> &mut Self {
        self.part(b'i', &n.to_be_bytes())
    }

    fn optional<T: AsRef<[u8]>>(&mut self, value: Option<&T>) -> &mut Self {
        match value {
            Some(value) => self.part(b's', value.as_ref()),
            None => self.part(b'n', &[]),
        }
    }
}

/// The last row of a chain: what a checkpoint signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainHead {
    /// The last row's place, 0 before the first.
    pub seq: i64,
    /// The last row's mac, or what stands before the first row.
    pub mac: [u8; 32],
}

/// One lane's chain, held by the lane's writer alone.
#[derive(Debug, Clone)]
pub(crate) struct Chain {
    key: LogKey,
    /// The chain's name.
    pub(crate) id: Arc<str>,
    node: Arc<str>,
    lane: i64,
    started_at: i64,
    link: [u8; 32],
    /// Its last row; a writer saves it before a batch and puts it back when the batch fails.
    pub(crate) head: ChainHead,
}

/// A record with its place in the chain.
pub(crate) struct Chained {
    pub(crate) seq: i64,
    personal_digest: Option<[u8; 32]>,
    evidence_digest: Option<[u8; 32]>,
    mac: [u8; 32],
}

impl Chain {
    /// A new chain that follows the checkpoint with hash `link` (zeros when there is none).
    pub(crate) fn start(key: LogKey, id: &str, node: &str, lane: i64, started_at: Timestamp, link: [u8; 32]) -> Self {
        let started_at = started_at.as_millisecond();
        let mac = key.chain_start(id, node, lane, started_at, &link);
        Self { key, id: id.into(), node: node.into(), lane, started_at, link, head: ChainHead { seq: 0, mac } }
    }

    /// A new chain for the same lane, after one of which the end is not known.
    pub(crate) fn successor(&self, id: &str, started_at: Timestamp) -> Self {
        let link = self.link;
        let started_at = started_at.as_millisecond();
        let mac = self.key.chain_start(id, &self.node, self.lane, started_at, &link);
        Self { id: id.into(), started_at, head: ChainHead { seq: 0, mac }, ..self.clone() }
    }

    /// Puts `record` after the last row.
    pub(crate) fn append(&mut self, record: &LogRecord) -> Chained {
        let seq = self.head.seq + 1;
        let digest =
            |field, text: &Option<String>| text.as_ref().map(|text| self.key.field_digest(field, &self.id, seq, text));
        let personal_digest = digest("personal", &record.personal);
        let evidence_digest = digest("evidence", &record.evidence);
        let row = row_digest(record, personal_digest.as_ref(), evidence_digest.as_ref());
        let mac = self.key.row_mac(&self.id, seq, &self.head.mac, &row);
        self.head = ChainHead { seq, mac };
        Chained { seq, personal_digest, evidence_digest, mac }
    }
}

/// The arguments of [`INSERT_CHAIN`].
pub(crate) fn chain_args(chain: &Chain) -> Vec<Value> {
    args![&*chain.id, &*chain.node, chain.lane, chain.started_at, chain.link]
}

/// The arguments of [`INSERT_LOG`].
pub(crate) fn log_args(chain: &str, record: &LogRecord, place: &Chained) -> Vec<Value> {
    args![
        chain,
        place.seq,
        record.account.as_str(),
        record.kind.as_str(),
        record.at,
        record.id.as_str(),
        record.user_id.as_deref(),
        record.integration.as_deref(),
        record.result.as_deref(),
        record.reason.as_deref(),
        record.factor.as_deref(),
        record.body.as_str(),
        record.personal.as_deref(),
        place.personal_digest,
        record.evidence.as_deref(),
        place.evidence_digest,
        place.mac,
    ]
}
