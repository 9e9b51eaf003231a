//! What the kernel knows of this process, in the names Prometheus clients agree on.

use std::fmt::Write as _;

/// Appends the process's figures to a Prometheus text.
pub(super) fn write_process_metrics(out: &mut String) {
    gauge(out, "process_resident_memory_bytes", "Resident memory.", resident_bytes().map(|bytes| bytes as f64));
    gauge(out, "process_open_fds", "Open files.", open_files().map(|count| count as f64));
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    gauge(out, "process_max_fds", "Open files allowed.", limit.map(|limit| limit as f64));
    if let Some(seconds) = cpu_seconds() {
        let name = "process_cpu_seconds_total";
        let _ =
            writeln!(out, "# HELP {name} Processor time, user and system.\n# TYPE {name} counter\n{name} {seconds}");
    }
}

/// Appends one gauge, if its value is known.
pub(super) fn gauge(out: &mut String, name: &str, about: &str, value: Option<f64>) {
    if let Some(value) = value {
        // Writing to a String cannot fail.
        let _ = writeln!(out, "# HELP {name} {about}\n# TYPE {name} gauge\n{name} {value}");
    }
}

/// Resident memory, in bytes.
#[must_use]
pub fn resident_bytes() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes * 1024)
}

fn open_files() -> Option<usize> {
    Some(std::fs::read_dir("/proc/self/fd").ok()?.count())
}

fn cpu_seconds() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name in parentheses and may hold spaces; utime and stime are fields 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?;
    Some(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_figures_are_those_of_a_process() {
        let mut text = String::new();
        write_process_metrics(&mut text);
        for name in
            ["process_resident_memory_bytes ", "process_open_fds ", "process_max_fds ", "process_cpu_seconds_total "]
        {
            let value = text.lines().find_map(|line| line.strip_prefix(name)).expect(name);
            assert!(value.parse::<f64>().unwrap() >= 0.0, "{name}");
        }
        assert!(resident_bytes().unwrap() > 1 << 20);
    }
}
