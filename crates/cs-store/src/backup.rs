//! Backups: every table in a format of our own, so that a backup of one engine restores into the other.
//!
//! A backup is text, one JSON value a line: a header, then for each table its columns and rows, and at last an HMAC over everything before it.
//! It is consistent (one read transaction) and is made while serving. The master key is not in it; the keys in it are wrapped under the master key.

use std::io::{self, BufRead, BufReader, Write};
use std::path::Path;
use std::sync::Arc;

use aws_lc_rs::hmac;
use data_encoding::{BASE64, HEXLOWER};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::args;
use crate::db::{Dump, Opening, Row, Step, Store, StoreConfig, StoreError, Table, Value};
use crate::highwater::HighWater;
use crate::vault::MasterKey;

const FORMAT: &str = "countersign backup 1";
/// A longer line cannot be one of ours.
const LONGEST_LINE: u64 = 64 * 1024 * 1024;
/// Rows per round trip.
const CHUNK: usize = 500;

const IS_USED: &str = "SELECT 1 FROM meta";
const SET_GENERATION: &str = "UPDATE meta SET value = $1 WHERE name = 'generation'";
/// A database with this fact is not opened: what must not outlive a restore is not void yet.
const UNFINISHED: &str = "INSERT INTO meta (name, value) VALUES ('restoring', '1')";
const FINISHED: &str = "DELETE FROM meta WHERE name = 'restoring'";
const LAST_CHECKPOINT: &str = "SELECT number, hash FROM checkpoint WHERE node = $1 ORDER BY number DESC LIMIT 1";

/// Why a backup could not be made or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file failed.
    #[error("the backup cannot be read or written")]
    File(#[from] io::Error),
    /// The file is not a backup, or not one this version understands.
    #[error("line {line} is not of a backup that this version understands")]
    Malformed {
        /// The line, from 1.
        line: u64,
    },
    /// The file ends early.
    #[error("the backup is incomplete: its end is missing")]
    Truncated,
    /// The file was changed, or made with another master key.
    #[error("the backup was changed, or was made under another master key")]
    NotAuthentic,
    /// The target holds data.
    #[error("the database to restore into is not empty")]
    NotEmpty,
}

/// The first line of a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    format: String,
    /// The database it was made of.
    pub database: String,
    /// That database's generation.
    pub generation: i64,
    /// Version of the schema.
    pub schema: i64,
    /// When it was made, in milliseconds since the epoch.
    pub at: i64,
}

/// What a backup holds, or what was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// The backup's header.
    pub header: Header,
    /// Rows of all tables.
    pub rows: u64,
    /// The generation of the restored database; for a backup its own.
    pub generation: i64,
}

/// Called with the table at work and the rows done so far.
pub type Progress = Box<dyn FnMut(&str, u64) + Send>;

#[derive(Serialize, Deserialize)]
struct TableLine {
    table: String,
    columns: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Trailer {
    rows: u64,
    hmac: String,
}

/// Writes a backup of `store` to `out` and synchronises nothing: that is the caller's, who knows what `out` is.
pub async fn backup(
    store: &Store,
    out: Box<dyn Write + Send>,
    progress: Progress,
    now: Timestamp,
) -> Result<Summary, BackupError> {
    let header = Header {
        format: FORMAT.to_owned(),
        database: store.database_id().to_owned(),
        generation: store.generation(),
        schema: 0,
        at: now.as_millisecond(),
    };
    let mac = hmac::Context::with_key(&store.master().backup_key());
    let output = Output { out, mac, header, rows: 0, table: String::new(), progress };
    let mut output = store.dump(output).await?;
    let tag = HEXLOWER.encode(output.mac.clone().sign().as_ref());
    output.line(&Trailer { rows: output.rows, hmac: tag })?;
    output.out.flush()?;
    Ok(Summary { generation: output.header.generation, header: output.header, rows: output.rows })
}

struct Output {
    out: Box<dyn Write + Send>,
    mac: hmac::Context,
    header: Header,
    rows: u64,
    table: String,
    progress: Progress,
}

impl Output {
    fn line(&mut self, value: &impl Serialize) -> Result<(), io::Error> {
        let mut line = serde_json::to_vec(value)?;
        line.push(b'\n');
        self.mac.update(&line);
        self.out.write_all(&line)
    }
}

impl Dump for Output {
    fn begin(&mut self, schema: i64) -> Result<(), StoreError> {
        self.header.schema = schema;
        self.line(&self.header.clone()).map_err(write_error)
    }

    fn table(&mut self, table: &Table) -> Result<(), StoreError> {
        self.table.clone_from(&table.name);
        (self.progress)(&self.table, self.rows);
        self.line(&TableLine { table: table.name.clone(), columns: table.columns.clone() }).map_err(write_error)
    }

    fn row(&mut self, row: Row) -> Result<(), StoreError> {
        let values: Vec<serde_json::Value> = row.into_values().into_iter().map(to_json).collect();
        self.rows += 1;
        if self.rows.is_multiple_of(10_000) {
            (self.progress)(&self.table, self.rows);
        }
        self.line(&values).map_err(write_error)
    }
}

fn write_error(error: io::Error) -> StoreError {
    StoreError::File { path: "backup".to_owned(), cause: Arc::new(error) }
}

fn to_json(value: Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Int(n) => n.into(),
        Value::Text(text) => text.into(),
        Value::Blob(bytes) => serde_json::json!({ "b": BASE64.encode(&bytes) }),
    }
}

fn from_json(value: serde_json::Value) -> Option<Value> {
    use serde_json::Value as Json;
    match value {
        Json::Null => Some(Value::Null),
        Json::Number(n) => n.as_i64().map(Value::Int),
        Json::String(text) => Some(Value::Text(text)),
        Json::Object(blob) => BASE64.decode(blob.get("b")?.as_str()?.as_bytes()).ok().map(Value::Blob),
        Json::Bool(_) | Json::Array(_) => None,
    }
}

/// Reads the whole file at `path` and checks that it is complete and was made under `master`.
pub fn check(path: &Path, master: &MasterKey) -> Result<Summary, BackupError> {
    let mut mac = hmac::Context::with_key(&master.backup_key());
    let mut lines = Lines::open(path)?;
    let header: Header = lines.next()?.ok_or(BackupError::Truncated)?.parse()?;
    if header.format != FORMAT {
        return Err(BackupError::Malformed { line: 1 });
    }
    mac.update(&lines.last);
    let mut rows = 0;
    while let Some(line) = lines.next()? {
        if let Ok(trailer) = line.parse::<Trailer>() {
            let tag = HEXLOWER.decode(trailer.hmac.as_bytes()).map_err(|_| BackupError::NotAuthentic)?;
            aws_lc_rs::constant_time::verify_slices_are_equal(mac.sign().as_ref(), &tag)
                .map_err(|_| BackupError::NotAuthentic)?;
            let complete = trailer.rows == rows && lines.next()?.is_none();
            let generation = header.generation;
            return if complete { Ok(Summary { header, rows, generation }) } else { Err(BackupError::NotAuthentic) };
        }
        rows += u64::from(lines.last.first() == Some(&b'['));
        mac.update(&lines.last);
    }
    Err(BackupError::Truncated)
}

/// Restores the backup at `path` into the empty database of `config`, on either engine, in one transaction.
///
/// The file is checked as a whole before anything is written. The database gets a new generation, later than the backup's and than the one in the
/// high-water mark; then `steps` are run, which void what must not outlive a restore. The high-water mark is replaced.
pub async fn restore(
    config: &StoreConfig,
    path: &Path,
    steps: Vec<Step>,
    mut progress: Progress,
) -> Result<Summary, BackupError> {
    let mut summary = check(path, &config.master)?;
    let schema = i32::try_from(summary.header.schema).map_err(|_| BackupError::Malformed { line: 1 })?;
    let mark = config.high_water.as_deref().map(HighWater::read).transpose()?.flatten();
    let seen = mark.filter(|mark| mark.database == summary.header.database).map_or(0, |mark| mark.generation);
    summary.generation = summary.header.generation.max(seen) + 1;
    // With the backup's own schema first: it is migrated afterwards, as the original would have been.
    let db = Opening::open(config.database.clone(), Some(schema)).await?;
    if !db.query(IS_USED, &[]).await?.is_empty() {
        return Err(BackupError::NotEmpty);
    }
    db.execute("BEGIN", &[]).await?;
    load(&db, path, &mut progress).await?;
    db.execute(UNFINISHED, &[]).await?;
    db.execute(SET_GENERATION, &args![summary.generation.to_string()]).await?;
    db.execute("COMMIT", &[]).await?;
    drop(db);
    let db = Opening::open(config.database.clone(), None).await?;
    db.execute("BEGIN", &[]).await?;
    for step in steps {
        db.execute(step.sql, &step.args).await?;
    }
    db.execute(FINISHED, &[]).await?;
    db.execute("COMMIT", &[]).await?;
    if let Some(path) = &config.high_water {
        let last = db.query(LAST_CHECKPOINT, &args![config.node.as_str()]).await?;
        let (number, hash) = match last.first() {
            Some(row) => (row.int(0).map_err(StoreError::from)?, row.blob(1).map_err(StoreError::from)?),
            None => (0, &[][..]),
        };
        let database = &summary.header.database;
        HighWater::new(database, summary.generation, &config.node, number, hash).write(path)?;
    }
    Ok(summary)
}

/// Writes all rows of a checked backup.
async fn load(db: &Opening, path: &Path, progress: &mut Progress) -> Result<(), BackupError> {
    let known = db.tables().await?;
    let mut lines = Lines::open(path)?;
    lines.next()?;
    let mut insert = String::new();
    let mut table = String::new();
    let mut rows = Vec::with_capacity(CHUNK);
    let mut done = 0;
    while let Some(line) = lines.next()? {
        let is_row = line.bytes.first() == Some(&b'[');
        if is_row {
            let values: Vec<serde_json::Value> = line.parse()?;
            let row = values.into_iter().map(from_json).collect::<Option<Vec<_>>>();
            rows.push(row.ok_or(BackupError::Malformed { line: line.number })?);
            done += 1;
        }
        if rows.len() == CHUNK || (!is_row && !rows.is_empty()) {
            db.execute_many(&insert, std::mem::take(&mut rows)).await?;
            progress(&table, done);
        }
        if !is_row && let Ok(next) = line.parse::<TableLine>() {
            let named = |name: &String| name.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'_');
            if !known.contains(&next.table) || !next.columns.iter().all(named) {
                return Err(BackupError::Malformed { line: line.number });
            }
            let columns = next.columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
            let values = (1..=next.columns.len()).map(|n| format!("${n}")).collect::<Vec<_>>().join(", ");
            insert = format!("INSERT INTO \"{}\" ({columns}) VALUES ({values})", next.table);
            table = next.table;
            progress(&table, done);
        }
    }
    Ok(())
}

/// The lines of a backup.
struct Lines {
    input: BufReader<std::fs::File>,
    number: u64,
    last: Vec<u8>,
}

struct Line<'a> {
    number: u64,
    bytes: &'a [u8],
}

impl Line<'_> {
    fn parse<T: serde::de::DeserializeOwned>(&self) -> Result<T, BackupError> {
        serde_json::from_slice(self.bytes).map_err(|_| BackupError::Malformed { line: self.number })
    }
}

impl Lines {
    fn open(path: &Path) -> Result<Self, BackupError> {
        Ok(Self { input: BufReader::new(std::fs::File::open(path)?), number: 0, last: Vec::new() })
    }

    /// The next line with its end, or `None` at the end of the file.
    fn next(&mut self) -> Result<Option<Line<'_>>, BackupError> {
        self.last.clear();
        self.number += 1;
        io::Read::take(&mut self.input, LONGEST_LINE).read_until(b'\n', &mut self.last)?;
        if self.last.is_empty() {
            return Ok(None);
        }
        if self.last.last() != Some(&b'\n') {
            return Err(BackupError::Truncated);
        }
        Ok(Some(Line { number: self.number, bytes: &self.last }))
    }
}
