//! Arrivals at random moments with a given mean rate, from a thread that can wait more precisely than a runtime's timer.

use std::time::{Duration, Instant};

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Moments of `count` arrivals from `start` on, `rate` a second on average.
fn moments(start: Instant, count: usize, rate: f64) -> Vec<Instant> {
    // The same sequence in every run: rounds must be comparable.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = start;
    let mut moment = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let uniform = (state >> 11) as f64 / (1_u64 << 53) as f64;
        // Exponential gaps: independent people, not a metronome.
        next += Duration::from_secs_f64(-(1.0 - uniform).ln() / rate);
        next
    };
    (0..count).map(|_| moment()).collect()
}

/// The same, each sent when it comes. Arrivals do not wait for answers.
pub(super) fn arrivals(count: usize, rate: f64) -> UnboundedReceiver<Instant> {
    let (sender, receiver) = unbounded_channel();
    std::thread::spawn(move || {
        for moment in moments(Instant::now(), count, rate) {
            wait_until(moment);
            if sender.send(moment).is_err() {
                return;
            }
        }
    });
    receiver
}

#[expect(clippy::disallowed_methods, reason = "an arrival is a moment in real time")]
fn wait_until(moment: Instant) {
    std::thread::sleep(moment.saturating_duration_since(Instant::now()));
}
