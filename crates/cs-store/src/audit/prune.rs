//! Removes old log entries and signs where each chain begins now.

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, UnparsedPublicKey};
use jiff::Timestamp;

use crate::args;
use crate::db::{CommitError, Job, Row, Step, Store, StoreError};

const CONTEXT: &str = "countersign log start 1";

/// A chain that begins with a row older than `$1`, after chain `$2`.
const OLD_CHAIN: &str =
    "SELECT chain, min(seq) FROM log WHERE chain > $2 AND at < $1 GROUP BY chain ORDER BY chain LIMIT 1";
/// The first row to keep.
const FIRST_KEPT: &str = "SELECT seq FROM log WHERE chain = $1 AND at >= $2 ORDER BY seq LIMIT 1";
const LAST: &str = "SELECT max(seq) FROM log WHERE chain = $1";
const MAC: &str = "SELECT mac FROM log WHERE chain = $1 AND seq = $2";
const DELETE: &str = "DELETE FROM log WHERE chain = $1 AND seq < $2";
const SET_START: &str = "INSERT INTO log_start (chain, seq, mac, pruned_at, signature) VALUES ($1, $2, $3, $4, $5) \
    ON CONFLICT (chain) DO UPDATE SET seq = $2, mac = $3, pruned_at = $4, signature = $5 WHERE log_start.seq < $2";
pub(super) const SELECT_START: &str = "SELECT seq, mac, pruned_at, signature FROM log_start WHERE chain = $1";

/// Rows removed per commit, so that logins get their turn.
const CHUNK: i64 = 2_000;

/// Where a chain begins after pruning.
#[derive(Debug, Clone)]
pub(super) struct Start {
    chain: String,
    pub(super) seq: i64,
    pub(super) mac: [u8; 32],
    pruned_at: i64,
    signature: Vec<u8>,
}

impl Start {
    fn sign(chain: &str, seq: i64, mac: [u8; 32], now: Timestamp, signer: &Ed25519KeyPair) -> Self {
        let pruned_at = now.as_millisecond();
        let mut start = Self { chain: chain.to_owned(), seq, mac, pruned_at, signature: Vec::new() };
        start.signature = signer.sign(&start.signed_bytes()).as_ref().to_vec();
        start
    }

    pub(super) fn from_row(chain: &str, row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            chain: chain.to_owned(),
            seq: row.int(0)?,
            mac: row.bytes(1)?,
            pruned_at: row.int(2)?,
            signature: row.blob(3)?.to_vec(),
        })
    }

    /// The start if `public_key` signed it; without it the removed rows count as missing.
    pub(super) fn filter_signed(self, public_key: &[u8]) -> Option<Self> {
        let key = UnparsedPublicKey::new(&ED25519, public_key);
        key.verify(&self.signed_bytes(), &self.signature).is_ok().then_some(self)
    }

    /// Only the chain's name varies in length, and it comes last.
    fn signed_bytes(&self) -> Vec<u8> {
        let mut bytes = CONTEXT.as_bytes().to_vec();
        bytes.extend_from_slice(&self.seq.to_be_bytes());
        bytes.extend_from_slice(&self.mac);
        bytes.extend_from_slice(&self.pruned_at.to_be_bytes());
        bytes.extend_from_slice(self.chain.as_bytes());
        bytes
    }
}

/// Removes log entries older than `before`, in small commits. Gives the number of removed rows.
///
/// A chain is only ever cut from its beginning: an old row behind a newer one stays until that one goes.
pub async fn prune(store: &Store, before: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
    let signer = store.vault().signer()?;
    let mut removed = 0;
    let mut chain = String::new();
    while let Some(row) = store.query_opt(OLD_CHAIN, args![before, chain.as_str()]).await? {
        chain = row.text(0)?;
        let first = row.int(1)?;
        // In this order: what is written between the two is behind the last one, and stays.
        let last = store.query(LAST, args![chain.as_str()]).await?.first().map_or(Ok(first), |row| row.int(0))?;
        let kept = match store.query_opt(FIRST_KEPT, args![chain.as_str(), before]).await? {
            Some(row) => row.int(0)?.min(last + 1),
            None => last + 1,
        };
        let mut seq = first;
        while seq < kept {
            let next = kept.min(seq + CHUNK);
            let Some(last) = store.query_opt(MAC, args![chain.as_str(), next - 1]).await? else { break };
            let start = Start::sign(&chain, next, last.bytes(0)?, now, &signer);
            let job = Job::new()
                .step(Step::any(DELETE, args![chain.as_str(), next]))
                .step(Step::one(SET_START, args![chain.as_str(), next, start.mac, start.pruned_at, start.signature]));
            match store.commit_in_background(job).await {
                // Another node prunes the same chain.
                Err(CommitError::Conflict { .. }) => break,
                outcome => outcome.map_err(|error| StoreError::Unavailable(std::sync::Arc::new(error)))?,
            };
            removed += (next - seq).unsigned_abs();
            seq = next;
        }
    }
    Ok(removed)
}
