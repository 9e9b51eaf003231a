//! Where lines of the log go: `log_file`, `log_stdout`, `log_syslog`, and standard error.

pub mod rotating;
pub mod syslog;

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry, reload};

use crate::cfg::main_section::Main;
use rotating::{Limits, Rotating};
use syslog::Syslog;

/// The log of the process. Clones share it.
#[derive(Clone)]
pub struct Logging {
    outputs: Arc<Mutex<Outputs>>,
    filter: reload::Handle<EnvFilter, Registry>,
}

/// Where lines go.
#[derive(Debug, Default)]
pub struct Outputs {
    to_stdout: bool,
    file: Option<Rotating>,
    syslog: Option<Syslog>,
    debug: bool,
    /// Lines that are written together, while somebody holds them back.
    held: Option<Vec<u8>>,
}

/// So many octets of lines are held back at most.
const HELD: usize = 32 << 10;

impl Outputs {
    /// Opens what the configuration says.
    ///
    /// Fails if something cannot be opened that was asked for. A file that was not is done without: standard error has every line.
    pub fn open(main: &Main) -> anyhow::Result<Self> {
        let file = match main.log_file.then(|| file(main, "authproxy.log")).transpose() {
            Err(error) if !main.log_file_is_asked => {
                // The log may not have begun: this is for whoever starts the program.
                _ = writeln!(io::stderr(), "countersign-proxy: there is no log file: {error:#}");
                None
            }
            other => other?,
        };
        let syslog = main.log_syslog.map(|facility| Syslog::new(syslog::USUAL, facility));
        let syslog = syslog.transpose().context("no socket for syslog")?;
        Ok(Self { to_stdout: main.log_stdout, file, syslog, debug: main.debug, held: None })
    }

    fn write(&mut self, level: Level, line: &[u8]) {
        if let Some(syslog) = &self.syslog {
            // The time stands before the first blank; syslog has its own.
            let text = String::from_utf8_lossy(line);
            let text = text.split_once(' ').map_or(&*text, |(_, rest)| rest.trim_start());
            _ = syslog.write(level, text);
        }
        match &mut self.held {
            None => self.write_out(line),
            Some(held) => {
                held.extend_from_slice(line);
                // What is wrong is written at once: the process may end of it.
                if held.len() > HELD || level <= Level::WARN {
                    self.let_go();
                    self.held = Some(Vec::new());
                }
            }
        }
    }

    fn write_out(&mut self, lines: &[u8]) {
        // There is nowhere left to tell that a line was lost.
        _ = if self.to_stdout { io::stdout().write_all(lines) } else { io::stderr().write_all(lines) };
        if let Some(file) = &mut self.file {
            _ = file.write(lines);
        }
    }

    /// Writes what was held back, and holds no more.
    fn let_go(&mut self) {
        if let Some(held) = self.held.take()
            && !held.is_empty()
        {
            self.write_out(&held);
        }
    }
}

/// A file of the log, with the limits of the configuration.
///
/// Fails if its folder cannot be made or it cannot be opened.
pub fn file(main: &Main, name: &str) -> anyhow::Result<Rotating> {
    let folder: &Path = &main.log_dir;
    std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(name);
    let limits = Limits { size: main.log_max_size, files: main.log_max_files };
    Rotating::open(path.clone(), limits).with_context(|| format!("cannot write {}", path.display()))
}

impl Logging {
    /// Begins to log for the whole process.
    ///
    /// Fails if something of the process logs already.
    pub fn begin(outputs: Outputs) -> anyhow::Result<Self> {
        let (filter, handle) = reload::Layer::new(usual(outputs.debug));
        let logging = Self { outputs: Arc::new(Mutex::new(outputs)), filter: handle };
        Registry::default().with(filter).with(logging.layer()).try_init()?;
        Ok(logging)
    }

    fn layer<S: Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>>(&self) -> impl Layer<S> + use<S> {
        tracing_subscriber::fmt::layer().with_ansi(false).with_writer(Lines(self.outputs.clone()))
    }

    /// Goes on elsewhere.
    pub fn go_on(&self, outputs: Outputs) {
        // Without a filter any more the process is ending.
        _ = self.filter.reload(usual(outputs.debug));
        let mut before = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        before.let_go();
        *before = outputs;
    }

    /// From here on lines are written together: whoever holds them back has many at once, and lets go before waiting for anything.
    pub fn hold(&self) {
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner).held.get_or_insert_default();
    }

    /// Writes what was held back.
    pub fn let_go(&self) {
        self.outputs.lock().unwrap_or_else(PoisonError::into_inner).let_go();
    }
}

fn usual(debug: bool) -> EnvFilter {
    EnvFilter::try_from_default_env().unwrap_or_else(|_| if debug { "debug" } else { "info" }.into())
}

/// Makes a line for each event.
struct Lines(Arc<Mutex<Outputs>>);

/// One event, written when it is whole.
struct Line {
    outputs: Arc<Mutex<Outputs>>,
    level: Level,
    text: Vec<u8>,
}

impl<'a> MakeWriter<'a> for Lines {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line { outputs: self.0.clone(), level: Level::INFO, text: Vec::new() }
    }

    fn make_writer_for(&'a self, meta: &Metadata<'_>) -> Line {
        Line { outputs: self.0.clone(), level: *meta.level(), text: Vec::new() }
    }
}

impl io::Write for Line {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        let mut outputs = self.outputs.lock().unwrap_or_else(PoisonError::into_inner);
        outputs.write(self.level, &one_line(&self.text));
    }
}

/// Whatever a name or an answer from elsewhere holds, an event is one line: nobody writes lines of his own into the log.
fn one_line(text: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(text);
    let text = text.trim_end();
    let mut line = String::with_capacity(text.len() + 1);
    // Nearly every line is as it should be.
    if text.bytes().all(|octet| (b' '..=b'~').contains(&octet)) {
        line.push_str(text);
        line.push('\n');
        return line.into_bytes();
    }
    for c in text.chars() {
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line.push('\n');
    line.into_bytes()
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixDatagram;

    use super::*;
    use crate::cfg::main_section::SyslogFacility;

    #[test]
    fn an_event_is_one_line_whatever_it_holds_and_goes_everywhere() {
        let folder = tempfile::tempdir().unwrap();
        let (path, socket) = (folder.path().join("log"), folder.path().join("syslog"));
        let hearing = UnixDatagram::bind(&socket).unwrap();
        let outputs = Outputs {
            file: Some(Rotating::open(path.clone(), Limits { size: 1 << 20, files: 1 }).unwrap()),
            syslog: Some(Syslog::new(&socket, SyslogFacility::User).unwrap()),
            ..Outputs::default()
        };
        let (filter, handle) = reload::Layer::new(EnvFilter::new("info"));
        let logging = Logging { outputs: Arc::new(Mutex::new(outputs)), filter: handle };
        let subscriber = Registry::default().with(filter).with(logging.layer());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(user = %"eve\n2026-11-22 INFO let in user=root\u{1b}[2J", "refused");
            tracing::debug!("not shown");
        });
        let text = std::fs::read_to_string(path).unwrap();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains("WARN") && text.contains("refused") && text.contains("eve\\n2026"), "{text}");
        assert!(!text.contains('\u{1b}'));
        let mut datagram = [0; 1000];
        let len = hearing.recv(&mut datagram).unwrap();
        let heard = std::str::from_utf8(&datagram[..len]).unwrap();
        assert!(heard.starts_with("<12>Authproxy[") && heard.contains("]: WARN "), "{heard}");
    }

    #[test]
    fn lines_that_are_held_back_are_written_in_their_order_and_none_is_lost() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let file = Some(Rotating::open(path.clone(), Limits { size: 1 << 20, files: 1 }).unwrap());
        let mut outputs = Outputs { file, held: Some(Vec::new()), ..Outputs::default() };
        let written = || std::fs::read_to_string(&path).unwrap();
        outputs.write(Level::INFO, b"one\n");
        assert_eq!(written(), "");
        outputs.write(Level::WARN, b"two\n");
        assert_eq!(written(), "one\ntwo\n");
        outputs.write(Level::INFO, b"three\n");
        assert_eq!(written(), "one\ntwo\n");
        outputs.let_go();
        outputs.write(Level::INFO, b"four\n");
        assert_eq!(written(), "one\ntwo\nthree\nfour\n");
        outputs.held = Some(Vec::new());
        (0..10_000).for_each(|_| outputs.write(Level::INFO, b"a line\n"));
        assert!(written().len() > 5 * 7_000, "not all is held back");
    }
}
