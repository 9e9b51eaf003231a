//! Processes whose output is waited for.

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// How long anything may take that should happen at once, on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// What a process has written so far, and a place up to which it was read.
#[derive(Clone, Default)]
pub struct Lines(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    text: String,
    read: usize,
    open: usize,
}

impl Lines {
    /// Collects what comes from `source` until it ends. May be called for several sources.
    pub fn collect(&self, mut source: impl Read + Send + 'static) {
        self.0.state.lock().unwrap().open += 1;
        let shared = Arc::clone(&self.0);
        thread::spawn(move || {
            let mut buffer = [0; 4096];
            loop {
                let count = source.read(&mut buffer).unwrap_or(0);
                let mut state = shared.state.lock().unwrap();
                if count == 0 {
                    state.open -= 1;
                    shared.changed.notify_all();
                    return;
                }
                state.text.push_str(&String::from_utf8_lossy(&buffer[..count]));
                shared.changed.notify_all();
            }
        });
    }

    /// Waits until `find` finds something in what was not read yet, which it gives back with the number of bytes it has read.
    ///
    /// Panics with all output when the output ends or `patience` is over.
    pub fn wait<T>(&self, what: &str, patience: Duration, find: impl FnMut(&str) -> Option<(T, usize)>) -> T {
        self.try_wait(patience, find).unwrap_or_else(|text| panic!("no {what} in:\n{text}"))
    }

    /// The same, with all output as the error.
    pub fn try_wait<T>(
        &self,
        patience: Duration,
        mut find: impl FnMut(&str) -> Option<(T, usize)>,
    ) -> Result<T, String> {
        let deadline = Instant::now() + patience;
        let mut state = self.0.state.lock().unwrap();
        loop {
            if let Some((found, read)) = find(&state.text[state.read..]) {
                state.read += read;
                return Ok(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.open == 0 || left.is_zero() {
                return Err(format!("{}\n(read up to byte {})", state.text, state.read));
            }
            state = self.0.changed.wait_timeout(state, left).unwrap().0;
        }
    }

    /// Waits for a line that holds `part`, and gives it.
    pub fn line_with(&self, part: &str) -> String {
        self.try_line_with(part).unwrap_or_else(|text| panic!("no line with {part:?} in:\n{text}"))
    }

    /// The same, with all output as the error.
    pub fn try_line_with(&self, part: &str) -> Result<String, String> {
        self.try_wait(PATIENCE, |text| {
            let mut read = 0;
            for line in text.split_inclusive('\n') {
                read += line.len();
                if line.ends_with('\n') && line.contains(part) {
                    return Some((line.trim_end().to_owned(), read));
                }
            }
            None
        })
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        self.0.state.lock().unwrap().text.clone()
    }

    /// Waits for the end, and gives everything.
    pub fn to_end(&self, patience: Duration) -> String {
        let deadline = Instant::now() + patience;
        let mut state = self.0.state.lock().unwrap();
        while state.open > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "no end of:\n{}", state.text);
            state = self.0.changed.wait_timeout(state, left).unwrap().0;
        }
        state.text.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn a_line_that_never_comes_is_an_error_after_which_the_output_can_still_be_read() {
        let lines = Lines::default();
        lines.collect(&b"starting\nfailed\n"[..]);
        assert!(lines.try_line_with("serving").unwrap_err().contains("failed"));
        assert_eq!(lines.text(), "starting\nfailed\n");
        assert_eq!(lines.line_with("starting"), "starting");
    }
}
