//! Checkpoints: the heads of a node's chains, signed, linked to the checkpoints before, and kept outside the database.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use data_encoding::{BASE64, HEXLOWER};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::ChainHead;
use crate::args;
use crate::db::{Job, Row, Step, StoreError};

const CONTEXT: &[u8] = b"countersign checkpoint 1\n";

pub(crate) const LAST_HASH: &str = "SELECT hash FROM checkpoint ORDER BY at DESC, node, number DESC LIMIT 1";
const INSERT: &str = "INSERT INTO checkpoint (node, number, at, body, hash, signature) VALUES ($1, $2, $3, $4, $5, $6)";
const LAST_OF_NODE: &str = "SELECT number, hash FROM checkpoint WHERE node = $1 ORDER BY number DESC LIMIT 1";
const LAST_OF_OTHERS: &str = "SELECT c.node, c.number, c.hash FROM checkpoint c WHERE c.node <> $1 \
    AND c.number = (SELECT max(d.number) FROM checkpoint d WHERE d.node = c.node) ORDER BY c.node";
/// All of them, in pages.
pub(super) const PAGE: &str = "SELECT body, signature, hash, node, number FROM checkpoint \
    WHERE node > $1 OR (node = $1 AND number > $2) ORDER BY node, number LIMIT 1000";

/// A checkpoint that cannot be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is not in the expected form.
    #[error("not a checkpoint")]
    Malformed,
    /// Its signature is not this installation's.
    #[error("the checkpoint's signature is wrong")]
    Signature,
}

/// The head of a chain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// The chain.
    pub chain: String,
    /// Its last row.
    pub seq: i64,
    /// That row's mac, in hexadecimal.
    pub mac: String,
}

/// The last checkpoint seen of another node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Other {
    /// The node.
    pub node: String,
    /// Its checkpoint's number.
    pub number: i64,
    /// Its checkpoint's hash, in hexadecimal.
    pub hash: String,
}

/// What a checkpoint says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// The database.
    pub database: String,
    /// Its generation.
    pub generation: i64,
    /// The node that signed.
    pub node: String,
    /// The node's count of checkpoints, from 1 without gaps.
    pub number: i64,
    /// When, in milliseconds since the epoch.
    pub at: i64,
    /// Hash of the node's checkpoint before, in hexadecimal; zeros for the first.
    pub previous: String,
    /// The heads of the node's chains.
    pub heads: Vec<Head>,
    /// The newest checkpoints of the other nodes.
    pub others: Vec<Other>,
}

/// A checkpoint as it is stored and exported: the signed text is kept verbatim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Signed {
    /// The checkpoint as JSON text.
    pub(crate) body: String,
    /// Ed25519 over context and body, in base64.
    pub(crate) signature: String,
}

impl Signed {
    fn new(checkpoint: &Checkpoint, signer: &Ed25519KeyPair) -> Result<Self, StoreError> {
        let body =
            serde_json::to_string(checkpoint).map_err(|_| StoreError::corrupt("checkpoint", &checkpoint.node))?;
        let signature = BASE64.encode(signer.sign(&[CONTEXT, body.as_bytes()].concat()).as_ref());
        Ok(Self { body, signature })
    }

    /// The checkpoint, if `public_key` signed it.
    pub(crate) fn verify(&self, public_key: &[u8]) -> Result<Checkpoint, CheckpointError> {
        let signature = BASE64.decode(self.signature.as_bytes()).map_err(|_| CheckpointError::Malformed)?;
        UnparsedPublicKey::new(&ED25519, public_key)
            .verify(&[CONTEXT, self.body.as_bytes()].concat(), &signature)
            .map_err(|_| CheckpointError::Signature)?;
        serde_json::from_str(&self.body).map_err(|_| CheckpointError::Malformed)
    }

    pub(crate) fn hash(&self) -> [u8; 32] {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, self.body.as_bytes()).as_ref());
        out
    }

    /// One line for the export.
    pub(crate) fn line(&self) -> Result<String, CheckpointError> {
        serde_json::to_string(self).map_err(|_| CheckpointError::Malformed)
    }

    pub(crate) fn parse(line: &str) -> Result<Self, CheckpointError> {
        serde_json::from_str(line).map_err(|_| CheckpointError::Malformed)
    }

    /// From the columns of [`PAGE`]; also the stored hash.
    pub(super) fn from_row(row: &Row) -> Result<(Self, Vec<u8>), StoreError> {
        let signed = Self { body: row.text(0)?, signature: BASE64.encode(row.blob(1)?) };
        Ok((signed, row.blob(2)?.to_vec()))
    }
}

/// A node's series of checkpoints.
#[derive(Debug)]
pub(crate) struct Checkpoints {
    database: String,
    generation: i64,
    node: String,
    number: i64,
    hash: [u8; 32],
    heads: Vec<Head>,
}

/// A checkpoint ready to be stored.
pub(crate) struct Next {
    pub(crate) signed: Signed,
    pub(crate) number: i64,
    at: Timestamp,
    heads: Vec<Head>,
}

impl Checkpoints {
    /// The series of `node`, with what of it is stored.
    pub(crate) fn new(database: &str, generation: i64, node: &str, number: i64, hash: [u8; 32]) -> Self {
        Self { database: database.to_owned(), generation, node: node.to_owned(), number, hash, heads: Vec::new() }
    }

    /// The query for the last stored one of this node, and for those of the others.
    pub(crate) const LAST_OF_NODE: &'static str = LAST_OF_NODE;
    pub(crate) const LAST_OF_OTHERS: &'static str = LAST_OF_OTHERS;

    pub(crate) fn node(&self) -> &str {
        &self.node
    }

    /// Number and hash of the last stored one.
    pub(crate) fn last(&self) -> (i64, [u8; 32]) {
        (self.number, self.hash)
    }

    /// Whether `heads` have moved since the last one.
    pub(crate) fn is_due(&self, heads: &[(std::sync::Arc<str>, ChainHead)]) -> bool {
        heads.len() != self.heads.len()
            || heads.iter().zip(&self.heads).any(|((chain, head), last)| **chain != *last.chain || head.seq != last.seq)
    }

    /// The next one.
    pub(crate) fn next(
        &self,
        heads: &[(std::sync::Arc<str>, ChainHead)],
        others: Vec<Other>,
        signer: &Ed25519KeyPair,
        now: Timestamp,
    ) -> Result<Next, StoreError> {
        let heads: Vec<Head> = heads
            .iter()
            .map(|(chain, head)| Head { chain: chain.to_string(), seq: head.seq, mac: HEXLOWER.encode(&head.mac) })
            .collect();
        let checkpoint = Checkpoint {
            database: self.database.clone(),
            generation: self.generation,
            node: self.node.clone(),
            number: self.number + 1,
            at: now.as_millisecond(),
            previous: HEXLOWER.encode(&self.hash),
            heads,
            others,
        };
        let signed = Signed::new(&checkpoint, signer)?;
        Ok(Next { signed, number: checkpoint.number, at: now, heads: checkpoint.heads })
    }

    /// The job that stores `next`.
    pub(crate) fn job(&self, next: &Next) -> Result<Job, StoreError> {
        let signature = BASE64.decode(next.signed.signature.as_bytes());
        let signature = signature.map_err(|_| StoreError::corrupt("checkpoint", &self.node))?;
        let hash = next.signed.hash();
        let args = args![self.node.as_str(), next.number, next.at, next.signed.body.as_str(), hash, signature];
        Ok(Job::new().step(Step::one(INSERT, args)))
    }

    /// `next` is stored.
    pub(crate) fn stored(&mut self, next: &Next) {
        self.number = next.number;
        self.hash = next.signed.hash();
        self.heads.clone_from(&next.heads);
    }
}

/// Rows of [`Checkpoints::LAST_OF_OTHERS`].
pub(crate) fn others(rows: &[Row]) -> Result<Vec<Other>, StoreError> {
    let other = |row: &Row| Ok(Other { node: row.text(0)?, number: row.int(1)?, hash: HEXLOWER.encode(row.blob(2)?) });
    rows.iter().map(other).collect()
}

/// The public half of `signer`, which verifies checkpoints.
pub(crate) fn public_key(signer: &Ed25519KeyPair) -> Vec<u8> {
    signer.public_key().as_ref().to_vec()
}
