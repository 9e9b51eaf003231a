//! Feeds a target with cases on several threads, and notices when it panics or does not come back.

use std::cell::{Cell, RefCell};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::mutate;
use crate::rng::Rng;
use crate::targets::Target;

/// How much to run.
#[derive(Debug, Clone)]
pub struct Plan {
    pub cases: u64,
    pub seed: u64,
    pub threads: u64,
    /// A case that takes longer is a hang.
    pub time_limit: Duration,
    /// Every input is written here before it is run: slow, but it survives an abort such as a stack overflow.
    pub trace: Option<PathBuf>,
}

/// What came of it.
#[derive(Debug)]
pub struct Report {
    /// Cases that were run, all of the plan unless one failed.
    pub cases: u64,
    pub elapsed: Duration,
    /// The first failure found; the campaign ends with it.
    pub failure: Option<Failure>,
}

/// An input that a parser must not have.
#[derive(Debug)]
pub struct Failure {
    pub kind: FailureKind,
    pub case: u64,
    /// As generated; after a panic, reduced to what still panics.
    pub input: Vec<u8>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// With the message and the place.
    Panic(String),
    /// It ran longer than the time limit. Its thread is left behind.
    Hang,
}

/// Runs `plan` on `target` until it is done or something failed.
pub fn run(target: &'static Target, plan: &Plan) -> Report {
    record_panics_of_cases();
    let started = Instant::now();
    let stop = Arc::new(AtomicBool::new(false));
    let threads = plan.threads.max(1);
    let (failures, failed) = mpsc::channel();
    let workers: Vec<Arc<Worker>> = (0..threads).map(|index| Arc::new(Worker::new(index))).collect();
    for worker in &workers {
        let (worker, plan) = (Arc::clone(worker), plan.clone());
        let (stop, failures) = (Arc::clone(&stop), failures.clone());
        // detached, not scoped: a thread that hangs can be left behind but not ended
        thread::spawn(move || worker.work(target, &plan, threads, &stop, &failures));
    }
    drop(failures);

    let failure = loop {
        // the channel closes when the last worker is done
        match failed.recv_timeout(plan.time_limit / 4) {
            Ok(failure) => break Some(failure),
            Err(RecvTimeoutError::Disconnected) => break None,
            Err(RecvTimeoutError::Timeout) => {
                if let Some(failure) = workers.iter().find_map(|worker| worker.hang(plan.time_limit)) {
                    break Some(failure);
                }
            }
        }
    };
    stop.store(true, Ordering::Relaxed);
    let cases = workers.iter().map(|worker| worker.done.load(Ordering::Relaxed)).sum();
    Report { cases, elapsed: started.elapsed(), failure }
}

/// Runs one input; the message when it panics.
pub fn try_input(target: &Target, input: &[u8]) -> Result<(), String> {
    record_panics_of_cases();
    IN_CASE.set(true);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| (target.entry)(input)));
    IN_CASE.set(false);
    outcome.map_err(|_| LAST_PANIC.take())
}

/// One thread's view of the campaign: it runs the cases `index`, `index + threads`, and so on.
struct Worker {
    index: u64,
    done: AtomicU64,
    current: Mutex<Option<Current>>,
}

/// The case that is running.
struct Current {
    case: u64,
    since: Instant,
    input: Vec<u8>,
}

impl Worker {
    fn new(index: u64) -> Self {
        Self { index, done: AtomicU64::new(0), current: Mutex::new(None) }
    }

    fn work(&self, target: &Target, plan: &Plan, threads: u64, stop: &AtomicBool, failures: &Sender<Failure>) {
        let mut case = self.index;
        while case < plan.cases && !stop.load(Ordering::Relaxed) {
            let input = mutate::input(target, &mut Rng::of_case(plan.seed, case));
            if let Some(dir) = &plan.trace {
                // a trace that cannot be written is only a trace missing
                let _ = std::fs::write(dir.join(format!("thread-{}", self.index)), &input);
            }
            *self.current() = Some(Current { case, since: Instant::now(), input: input.clone() });
            let outcome = try_input(target, &input);
            *self.current() = None;
            self.done.fetch_add(1, Ordering::Relaxed);
            if let Err(message) = outcome {
                let input = reduced(target, input, plan.time_limit);
                // nobody listens any more when another thread was first
                let _ = failures.send(Failure { kind: FailureKind::Panic(message), case, input });
                return;
            }
            case += threads;
        }
    }

    fn hang(&self, time_limit: Duration) -> Option<Failure> {
        let current = self.current();
        let current = current.as_ref().filter(|current| current.since.elapsed() > time_limit)?;
        Some(Failure { kind: FailureKind::Hang, case: current.case, input: current.input.clone() })
    }

    fn current(&self) -> MutexGuard<'_, Option<Current>> {
        // cases do not run under the lock, so nothing half-written can be behind a poisoned one
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Cuts parts out of `input` as long as the rest still panics, within `time`.
fn reduced(target: &Target, mut input: Vec<u8>, time: Duration) -> Vec<u8> {
    let started = Instant::now();
    let mut part = input.len() / 2;
    while part > 0 && started.elapsed() < time {
        let mut at = 0;
        while at < input.len() && started.elapsed() < time {
            let mut shorter = input.clone();
            shorter.drain(at..(at + part).min(input.len()));
            if try_input(target, &shorter).is_err() {
                input = shorter;
            } else {
                at += part;
            }
        }
        part /= 2;
    }
    input
}

thread_local! {
    static IN_CASE: Cell<bool> = const { Cell::new(false) };
    static LAST_PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Keeps the message of a panic inside a case instead of printing it; other panics print as ever.
fn record_panics_of_cases() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if IN_CASE.get() {
                LAST_PANIC.set(info.to_string().replace('\n', " "));
            } else {
                usual(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan { cases: 20_000, seed: 1, threads: 2, time_limit: Duration::from_secs(30), trace: None };

    #[test]
    fn a_sound_parser_passes_every_case() {
        static SOUND: Target = Target {
            name: "sound",
            entry: |bytes| assert!(std::str::from_utf8(bytes).map_or(0, str::len) <= bytes.len()),
            seeds: &[b"abc"],
            tokens: &[],
        };
        let report = run(&SOUND, &PLAN);
        assert_eq!((report.cases, report.failure.is_none()), (PLAN.cases, true));
    }

    #[test]
    fn a_panic_is_found_reduced_and_explained() {
        fn parse(bytes: &[u8]) {
            assert!(!bytes.windows(4).any(|window| window == b"%00;"), "a zero byte got through");
        }
        static BROKEN: Target =
            Target { name: "broken", entry: parse, seeds: &[b"user=alice;factor=push"], tokens: &[b"%00"] };
        let failure = run(&BROKEN, &PLAN).failure.expect("the planted fault");
        assert_eq!(failure.input, b"%00;", "only what matters is left");
        let FailureKind::Panic(message) = failure.kind else { panic!("no hang was planted") };
        assert!(message.contains("a zero byte got through"), "{message}");
    }

    #[test]
    fn a_hang_is_reported_with_its_input() {
        fn parse(bytes: &[u8]) {
            while bytes.ends_with(b"%") {
                thread::yield_now();
                if GIVE_UP.load(Ordering::Relaxed) {
                    return;
                }
            }
        }
        static GIVE_UP: AtomicBool = AtomicBool::new(false);
        static STUCK: Target = Target { name: "stuck", entry: parse, seeds: &[b"a"], tokens: &[b"%"] };
        let report = run(&STUCK, &Plan { time_limit: Duration::from_millis(200), ..PLAN });
        GIVE_UP.store(true, Ordering::Relaxed);
        let failure = report.failure.expect("the planted loop");
        assert_eq!(failure.kind, FailureKind::Hang);
        assert!(failure.input.ends_with(b"%"), "{:?}", failure.input);
    }
}
