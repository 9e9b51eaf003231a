//! Log rows and effects of a whole batch in one statement each.

use tokio_postgres::types::ToSql;

use crate::audit::{self, Chain, LogPosition, LogRecord};
use crate::db::{Job, Receipt, Value};

pub(super) const LOG: &str = "INSERT INTO log \
    (chain, seq, account, kind, at, id, user_id, integration, result, reason, factor, body, personal, personal_digest, \
     evidence, evidence_digest, mac) \
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::text[], $7::text[], $8::text[], \
     $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bytea[], $15::text[], $16::bytea[], $17::bytea[])";

pub(super) const EFFECTS: &str = "INSERT INTO effect (id, kind, account, payload, created_at, not_before, attempts) \
    SELECT *, 0 FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[])";

/// One column of many rows.
pub(super) enum Column {
    Texts(Vec<Option<String>>),
    Ints(Vec<Option<i64>>),
    Blobs(Vec<Option<Vec<u8>>>),
}

impl Column {
    pub(super) fn as_sql(&self) -> &(dyn ToSql + Sync) {
        match self {
            Self::Texts(column) => column,
            Self::Ints(column) => column,
            Self::Blobs(column) => column,
        }
    }

    fn push(&mut self, value: Value) {
        match (self, value) {
            (Self::Texts(column), Value::Text(text)) => column.push(Some(text)),
            (Self::Ints(column), Value::Int(n)) => column.push(Some(n)),
            (Self::Blobs(column), Value::Blob(bytes)) => column.push(Some(bytes)),
            // Null: the kinds of our own columns are fixed by `LOG_KINDS` and `EFFECT_KINDS`.
            (Self::Texts(column), _) => column.push(None),
            (Self::Ints(column), _) => column.push(None),
            (Self::Blobs(column), _) => column.push(None),
        }
    }
}

/// One letter per column: text, integer, bytes.
const LOG_KINDS: &str = "tittittttttttbtbb";
const EFFECT_KINDS: &str = "ttttii";

fn columns(kinds: &str, rows: Vec<Vec<Value>>) -> Vec<Column> {
    let mut columns: Vec<Column> = kinds
        .chars()
        .map(|kind| match kind {
            't' => Column::Texts(Vec::with_capacity(rows.len())),
            'i' => Column::Ints(Vec::with_capacity(rows.len())),
            _ => Column::Blobs(Vec::with_capacity(rows.len())),
        })
        .collect();
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    columns
}

/// Chains the log records of `jobs` and gives each job's receipt and the columns of all rows, empty if there are none.
pub(super) fn log<'a>(chain: &mut Chain, jobs: impl Iterator<Item = &'a Job>) -> (Vec<Receipt>, Vec<Column>) {
    let mut rows = Vec::new();
    let mut position = |record: &LogRecord| {
        let place = chain.append(record);
        rows.push(audit::log_args(&chain.id, record, &place));
        LogPosition { chain: chain.id.clone(), seq: place.seq }
    };
    let receipts = jobs.map(|job| Receipt { log: job.log.iter().map(&mut position).collect() }).collect();
    (receipts, if rows.is_empty() { Vec::new() } else { columns(LOG_KINDS, rows) })
}

/// The columns of all effects of `jobs`, empty if there are none.
pub(super) fn effects<'a>(jobs: impl Iterator<Item = &'a Job>) -> Vec<Column> {
    let rows: Vec<_> = jobs.flat_map(|job| &job.effects).map(|effect| effect.args()).collect();
    if rows.is_empty() { Vec::new() } else { columns(EFFECT_KINDS, rows) }
}
