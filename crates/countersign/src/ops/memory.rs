//! Giving memory back after a burst of connections.
//!
//! glibc keeps what was freed unless it lies at the end of a heap, where something small that lives on nearly always lies.

use std::sync::Weak;
use std::time::Duration;

use crate::net::{Net, Shutdown};

/// How often the connections are counted.
const EVERY: Duration = Duration::from_secs(1);
/// Fewer connections than these leave too little behind to look for it.
const BURST: usize = 500;
/// So many looks after connections have ended: what else a burst left (rows, registry entries) has gone by then.
const SETTLE: u32 = 4;

/// Trims the heap after each burst of connections on `net`.
pub(crate) async fn give_back_after_bursts(net: Weak<Net>, shutdown: Shutdown) {
    let mut bursts = Bursts::default();
    loop {
        tokio::select! {
            () = shutdown.draining() => return,
            () = tokio::time::sleep(EVERY) => {}
        }
        let Some(net) = net.upgrade() else { return };
        if bursts.has_passed(net.connections()) {
            // Takes tens of milliseconds for some hundred megabytes.
            let _ = tokio::task::spawn_blocking(trim).await;
        }
    }
}

/// Tells from the number of connections when a burst is over.
#[derive(Debug, Default)]
struct Bursts {
    most: usize,
    looks_left: u32,
}

impl Bursts {
    /// Whether a burst has passed, `open` connections being left. Says so once for each.
    fn has_passed(&mut self, open: usize) -> bool {
        if self.most >= BURST && open <= self.most / 2 {
            // Starts again while more of them leave.
            self.most = open;
            self.looks_left = SETTLE;
            return false;
        }
        self.most = self.most.max(open);
        let was_left = self.looks_left;
        self.looks_left = was_left.saturating_sub(1);
        was_left == 1
    }
}

#[cfg(target_env = "gnu")]
#[expect(
    unsafe_code,
    reason = "glibc has no other way to give memory back, and another allocator costs more per connection"
)]
fn trim() {
    // SAFETY: `malloc_trim` takes its own locks and touches nothing but free memory; any thread may call it at any time.
    unsafe {
        libc::malloc_trim(0);
    }
}

#[cfg(not(target_env = "gnu"))]
const fn trim() {}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(open: &[usize]) -> Vec<usize> {
        let mut bursts = Bursts::default();
        open.iter().enumerate().filter(|(_, open)| bursts.has_passed(**open)).map(|(look, _)| look).collect()
    }

    #[test]
    fn a_burst_has_passed_once_most_have_left_and_it_is_quiet() {
        assert_eq!(passed(&[10, 9_000, 10_000, 2, 2, 2, 2, 2, 2, 2, 2]), [7]);
        let in_two_steps = [10_000, 4_000, 4_000, 0, 0, 0, 0, 0, 0];
        assert_eq!(passed(&in_two_steps), [7], "counted from the last that left");
        assert_eq!(passed(&[1_000, 0, 0, 0, 0, 0, 1_000, 0, 0, 0, 0, 0, 0]), [5, 11]);
    }

    #[test]
    fn coming_and_going_is_no_burst() {
        assert!(passed(&[10_000, 8_000, 10_000, 6_000, 10_000, 8_000, 8_000, 8_000, 8_000]).is_empty());
        assert!(passed(&[400, 0, 0, 0, 0, 0, 0, 0]).is_empty());
    }
}
