//! What the disk takes to make 4 KiB durable: the measure of every durable figure beside it.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::Instant;

use crate::stats::Latency;

const BLOCK: usize = 4096;
const BLOCKS: u64 = 1024;

/// Overwrites a file in `dir` in blocks of 4 KiB, each followed by `fdatasync`; milliseconds.
pub(crate) fn probe(dir: &Path, samples: u64) -> anyhow::Result<Latency> {
    let path = dir.join("flush-probe");
    let file = OpenOptions::new().create(true).truncate(true).write(true).open(&path)?;
    let block = [0x5a_u8; BLOCK];
    // Allocated beforehand, as a write-ahead log is after its first round.
    for index in 0..BLOCKS {
        file.write_all_at(&block, index * BLOCK as u64)?;
    }
    file.sync_all()?;
    let mut taken = Vec::new();
    for index in 0..samples {
        let start = Instant::now();
        file.write_all_at(&block, index % BLOCKS * BLOCK as u64)?;
        file.sync_data()?;
        taken.push(start.elapsed().as_secs_f64() * 1e3);
    }
    drop(file);
    std::fs::remove_file(&path)?;
    Ok(Latency::of(taken))
}

/// A short probe, as a table cell: `p50 / p99`.
pub(crate) fn cell(dir: &Path) -> anyhow::Result<String> {
    let latency = probe(dir, 1000)?;
    Ok(format!("{:.3} / {:.2}", latency.p50, latency.p99))
}
