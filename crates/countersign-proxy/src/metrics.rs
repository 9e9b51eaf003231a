//! Counters, gauges and histograms, rendered for Prometheus, and what is not well.
//!
//! A part asks for its handles once and counts by them: that is one atomic addition.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

/// Upper bounds in seconds: from an answer of a server nearby to a push that waited its whole life.
const BOUNDS: [f64; 13] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 3.5, 10.0, 30.0, 60.0];

/// All metrics of a proxy. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Metrics(Arc<Mutex<BTreeMap<&'static str, Family>>>);

/// What only grows.
#[derive(Debug, Clone, Default)]
pub struct Counter(Arc<AtomicU64>);

/// What goes up and down. It is shown while somebody holds it.
#[derive(Debug, Clone, Default)]
pub struct Gauge(Arc<AtomicI64>);

/// How long things took.
#[derive(Debug, Clone, Default)]
pub struct Histogram(Arc<Durations>);

#[derive(Debug, Default)]
struct Durations {
    within: [AtomicU64; BOUNDS.len()],
    count: AtomicU64,
    microseconds: AtomicU64,
}

#[derive(Debug)]
struct Family {
    help: &'static str,
    series: Series,
}

/// By labels as they are rendered.
#[derive(Debug)]
enum Series {
    Counters(BTreeMap<String, Counter>),
    Gauges(BTreeMap<String, Gauge>),
    Histograms(BTreeMap<String, Histogram>),
}

/// Label names and values.
pub type Labels<'a> = &'a [(&'static str, &'a str)];

impl Counter {
    /// One more.
    pub fn one(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Counts from elsewhere, as the kernel's.
    pub fn set(&self, count: u64) {
        self.0.store(count, Ordering::Relaxed);
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Gauge {
    /// It is this now.
    pub fn set(&self, value: i64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// It is so much more now, or less.
    pub fn change(&self, by: i64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }
}

impl Histogram {
    /// Something took so long.
    pub fn took(&self, duration: Duration) {
        let seconds = duration.as_secs_f64();
        for (bound, within) in BOUNDS.iter().zip(&self.0.within) {
            if seconds <= *bound {
                within.fetch_add(1, Ordering::Relaxed);
            }
        }
        self.0.count.fetch_add(1, Ordering::Relaxed);
        let microseconds = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        self.0.microseconds.fetch_add(microseconds, Ordering::Relaxed);
    }
}

impl Metrics {
    /// A counter; its name ends in `_total`. The same name and labels are the same counter.
    pub fn counter(&self, name: &'static str, help: &'static str, labels: Labels<'_>) -> Counter {
        let new = || Series::Counters(BTreeMap::new());
        self.series(name, help, new, |series| match series {
            Series::Counters(all) => Some(all.entry(rendered(labels)).or_default().clone()),
            Series::Gauges(_) | Series::Histograms(_) => None,
        })
    }

    /// A gauge.
    pub fn gauge(&self, name: &'static str, help: &'static str, labels: Labels<'_>) -> Gauge {
        let new = || Series::Gauges(BTreeMap::new());
        self.series(name, help, new, |series| match series {
            Series::Gauges(all) => Some(all.entry(rendered(labels)).or_default().clone()),
            Series::Counters(_) | Series::Histograms(_) => None,
        })
    }

    /// A histogram of durations; its name ends in `_seconds`.
    pub fn histogram(&self, name: &'static str, help: &'static str, labels: Labels<'_>) -> Histogram {
        let new = || Series::Histograms(BTreeMap::new());
        self.series(name, help, new, |series| match series {
            Series::Histograms(all) => Some(all.entry(rendered(labels)).or_default().clone()),
            Series::Counters(_) | Series::Gauges(_) => None,
        })
    }

    fn series<T: Default>(
        &self,
        name: &'static str,
        help: &'static str,
        new: impl FnOnce() -> Series,
        find: impl FnOnce(&mut Series) -> Option<T>,
    ) -> T {
        let mut families = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let family = families.entry(name).or_insert_with(|| Family { help, series: new() });
        // A name that is something else already counts where nobody looks: a metric must stop no login.
        find(&mut family.series).unwrap_or_default()
    }

    /// Prometheus' text format, version 0.0.4.
    pub fn render(&self) -> String {
        let mut text = String::new();
        let mut families = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (name, family) in families.iter_mut() {
            // Writing to a string does not fail.
            _ = family.render(&mut text, name);
        }
        text
    }
}

impl Family {
    fn render(&mut self, text: &mut String, name: &str) -> std::fmt::Result {
        let kind = match &mut self.series {
            Series::Counters(_) => "counter",
            Series::Gauges(all) => {
                all.retain(|_, gauge| Arc::strong_count(&gauge.0) > 1);
                "gauge"
            }
            Series::Histograms(_) => "histogram",
        };
        writeln!(text, "# HELP {name} {}\n# TYPE {name} {kind}", self.help)?;
        match &self.series {
            Series::Counters(all) => {
                for (labels, counter) in all {
                    writeln!(text, "{name}{} {}", braced(labels), counter.count())?;
                }
            }
            Series::Gauges(all) => {
                for (labels, gauge) in all {
                    writeln!(text, "{name}{} {}", braced(labels), gauge.0.load(Ordering::Relaxed))?;
                }
            }
            Series::Histograms(all) => {
                for (labels, histogram) in all {
                    histogram.render(text, name, labels)?;
                }
            }
        }
        Ok(())
    }
}

impl Histogram {
    fn render(&self, text: &mut String, name: &str, labels: &str) -> std::fmt::Result {
        let comma = if labels.is_empty() { "" } else { "," };
        let count = self.0.count.load(Ordering::Relaxed);
        for (bound, within) in BOUNDS.iter().zip(&self.0.within) {
            writeln!(text, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {}", within.load(Ordering::Relaxed))?;
        }
        writeln!(text, "{name}_bucket{{{labels}{comma}le=\"+Inf\"}} {count}")?;
        let sum = Duration::from_micros(self.0.microseconds.load(Ordering::Relaxed)).as_secs_f64();
        writeln!(text, "{name}_sum{} {sum}", braced(labels))?;
        writeln!(text, "{name}_count{} {count}", braced(labels))
    }
}

fn rendered(labels: Labels<'_>) -> String {
    let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect::<Vec<_>>().join(",")
}

fn braced(labels: &str) -> String {
    if labels.is_empty() { String::new() } else { format!("{{{labels}}}") }
}

/// What is not well, by part, and how servers stand: what `/readyz` answers from. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Health {
    problems: Arc<Mutex<BTreeMap<String, String>>>,
    servers: Arc<Mutex<Value>>,
}

impl Health {
    /// A part is well, or why it is not.
    pub fn set(&self, part: &str, problem: Option<&str>) {
        let mut all = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        match problem {
            Some(problem) => drop(all.insert(part.to_owned(), problem.to_owned())),
            None => drop(all.remove(part)),
        }
    }

    /// Forgets every part: those that there still are tell of themselves.
    pub fn clear(&self) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// How servers stand.
    pub fn tell_servers(&self, servers: Value) {
        *self.servers.lock().unwrap_or_else(PoisonError::into_inner) = servers;
    }

    /// What was told of servers last.
    pub fn servers(&self) -> Value {
        self.servers.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Every part that is not well, and why.
    pub fn problems(&self) -> Vec<(String, String)> {
        let all = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(part, problem)| (part.clone(), problem.clone())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_counted_is_shown_as_prometheus_reads_it() {
        let metrics = Metrics::default();
        let packets =
            |reason: &str| metrics.counter("dropped_total", "Packets that were dropped", &[("reason", reason)]);
        packets("a \"b\"\\\n").one();
        packets("c").add(2);
        packets("c").one();
        let waiting = metrics.gauge("waiting", "Logins that wait", &[]);
        waiting.set(-3);
        let seconds = metrics.histogram("login_seconds", "How long", &[("section", "x")]);
        seconds.took(Duration::from_millis(2));
        seconds.took(Duration::from_secs(100));
        let text = metrics.render();
        for line in [
            "# TYPE dropped_total counter",
            "dropped_total{reason=\"a \\\"b\\\"\\\\\\n\"} 1",
            "dropped_total{reason=\"c\"} 3",
            "waiting -3",
            "login_seconds_bucket{section=\"x\",le=\"0.001\"} 0",
            "login_seconds_bucket{section=\"x\",le=\"0.0025\"} 1",
            "login_seconds_bucket{section=\"x\",le=\"60\"} 1",
            "login_seconds_bucket{section=\"x\",le=\"+Inf\"} 2",
            "login_seconds_sum{section=\"x\"} 100.002",
            "login_seconds_count{section=\"x\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is missing in\n{text}");
        }
        // Of a part that is no more, only what it has counted stays.
        drop(waiting);
        assert!(!metrics.render().contains("waiting -3"));
        // Another kind under the same name disturbs nothing.
        metrics.gauge("dropped_total", "", &[]).set(9);
        assert!(!metrics.render().contains('9'));
    }

    #[test]
    fn a_part_is_well_again_when_it_says_so() {
        let health = Health::default();
        health.set("api", Some("no answer"));
        assert_eq!(health.problems(), [("api".to_owned(), "no answer".to_owned())]);
        health.set("api", None);
        assert!(health.problems().is_empty());
    }
}
