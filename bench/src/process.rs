//! Processor time and memory of processes, from /proc.

use std::collections::HashMap;
use std::fs::read_to_string;

use anyhow::Context as _;

/// What /proc counts processor time in on every Linux (`USER_HZ`).
const TICKS_PER_SECOND: f64 = 100.0;

/// The processor time of a server: one process, or it and all its descendants.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Watched {
    pub(crate) pid: u32,
    pub(crate) with_children: bool,
}

impl Watched {
    pub(crate) fn one(pid: u32) -> Self {
        Self { pid, with_children: false }
    }

    pub(crate) fn tree(pid: u32) -> Self {
        Self { pid, with_children: true }
    }

    /// Seconds of processor time so far, user and system, including children that have ended (when watched as a tree).
    pub(crate) fn cpu_seconds(self) -> anyhow::Result<f64> {
        let ticks = if self.with_children {
            let all = all_stats();
            tree(self.pid, &all).iter().filter_map(|pid| all.get(pid)).map(|stat| stat.own + stat.reaped).sum()
        } else {
            stat(self.pid).with_context(|| format!("process {} is gone", self.pid))?.own
        };
        Ok(ticks as f64 / TICKS_PER_SECOND)
    }

    /// Resident bytes. Of a tree: the sum of proportional shares, so that shared pages count once.
    pub(crate) fn resident_bytes(self) -> anyhow::Result<u64> {
        if self.with_children {
            let all = all_stats();
            return Ok(tree(self.pid, &all).into_iter().filter_map(proportional).sum());
        }
        let status = read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no VmRSS")?.parse()?;
        Ok(kib * 1024)
    }
}

/// Sum over several servers.
pub(crate) fn cpu_seconds(watched: &[Watched]) -> anyhow::Result<f64> {
    watched.iter().map(|watched| watched.cpu_seconds()).sum()
}

#[derive(Debug, Clone, Copy)]
struct Stat {
    parent: u32,
    own: u64,
    reaped: u64,
}

fn stat(pid: u32) -> Option<Stat> {
    let text = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; the fields after it are numbers.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
    Some(Stat {
        parent: u32::try_from(number(1)?).ok()?,
        own: number(11)? + number(12)?,
        reaped: number(13)? + number(14)?,
    })
}

fn all_stats() -> HashMap<u32, Stat> {
    let Ok(entries) = std::fs::read_dir("/proc") else {
        return HashMap::new();
    };
    entries
        .filter_map(|entry| {
            let pid = entry.ok()?.file_name().to_str()?.parse().ok()?;
            Some((pid, stat(pid)?))
        })
        .collect()
}

/// `root` and everything below it.
fn tree(root: u32, all: &HashMap<u32, Stat>) -> Vec<u32> {
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(all.iter().filter(|(_, stat)| stat.parent == parent).map(|(&pid, _)| pid));
        next += 1;
    }
    found
}

fn proportional(pid: u32) -> Option<u64> {
    let text = read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    let line = text.lines().find(|line| line.starts_with("Pss:"))?;
    let kib: u64 = line.split_whitespace().nth(1)?.parse().ok()?;
    Some(kib * 1024)
}
