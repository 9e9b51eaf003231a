//! Where checkpoints go outside the database. Only what lies there limits a thief of the log key.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs, UdpSocket};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

/// Facility authpriv, severity notice (RFC 5424, section 6.2.1).
const PRIORITY: u8 = 10 * 8 + 5;
/// How long a syslog server may take to accept a connection, or a piece of a message.
const SYSLOG_TIMEOUT: Duration = Duration::from_secs(5);

/// A place outside the database.
#[derive(Debug, Clone)]
pub enum Exporter {
    /// Lines appended to a file, better on another machine's disk or on write-once storage.
    File(PathBuf),
    /// Messages to a syslog server.
    Syslog(Syslog),
    /// Whatever the program offers besides, such as a webhook.
    Other(Arc<dyn Outlet>),
}

/// A place that this package does not know how to reach.
pub trait Outlet: fmt::Debug + Send + Sync {
    /// Hands over `lines`, oldest first; `Err` says why not all of them arrived, and they come again. Must end by itself.
    fn export<'a>(&'a self, lines: &'a [String]) -> BoxFuture<'a, Result<(), String>>;
}

/// Where a syslog server is reached. Messages have the form of RFC 5424.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Syslog {
    /// The local one's socket, usually `/dev/log`.
    Unix(PathBuf),
    /// `host:port`, a datagram for each message (RFC 5426). Nobody says that it arrived.
    Udp(String),
    /// `host:port`, messages with their length before them (RFC 6587, section 3.4.1).
    Tcp(String),
}

impl Syslog {
    /// Reads a path, `unix:PATH`, `udp:HOST:PORT` or `tcp:HOST:PORT`.
    pub fn parse(text: &str) -> Option<Self> {
        let place = |rest: &str| {
            let (host, port) = rest.rsplit_once(':')?;
            let port: u16 = port.parse().ok()?;
            (!host.is_empty() && port > 0).then(|| rest.to_owned())
        };
        match text.split_once(':') {
            Some(("udp", rest)) => place(rest).map(Self::Udp),
            Some(("tcp", rest)) => place(rest).map(Self::Tcp),
            Some(("unix", path)) if path.starts_with('/') => Some(Self::Unix(path.into())),
            None if text.starts_with('/') => Some(Self::Unix(text.into())),
            Some(_) | None => None,
        }
    }

    fn send(&self, lines: &[String]) -> io::Result<()> {
        match self {
            Self::Unix(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.set_write_timeout(Some(SYSLOG_TIMEOUT))?;
                lines.iter().try_for_each(|line| socket.send_to(&message(line), path).map(drop))
            }
            Self::Udp(place) => {
                let to = resolve(place)?;
                let socket = UdpSocket::bind(if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" })?;
                socket.connect(to)?;
                lines.iter().try_for_each(|line| socket.send(&message(line)).map(drop))
            }
            Self::Tcp(place) => {
                let mut stream = TcpStream::connect_timeout(&resolve(place)?, SYSLOG_TIMEOUT)?;
                stream.set_write_timeout(Some(SYSLOG_TIMEOUT))?;
                stream.set_read_timeout(Some(SYSLOG_TIMEOUT))?;
                for line in lines {
                    let message = message(line);
                    stream.write_all(&[format!("{} ", message.len()).as_bytes(), &message].concat())?;
                }
                stream.shutdown(Shutdown::Write)?;
                // A server that has read to the end closes as well; one that went away says so. A server that keeps the connection open has it all,
                // as far as can be told.
                match stream.read(&mut [0]) {
                    Ok(_) => Ok(()),
                    Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => Ok(()),
                    Err(error) => Err(error),
                }
            }
        }
    }
}

fn resolve(place: &str) -> io::Result<std::net::SocketAddr> {
    place.to_socket_addrs()?.next().ok_or_else(|| io::Error::from(ErrorKind::NotFound))
}

/// `line` as RFC 5424 has it, section 6.
fn message(line: &str) -> Vec<u8> {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host = match host.trim() {
        name if (1..=255).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_graphic()) => name,
        _ => "-",
    };
    format_message(line, crate::db::now(), host, std::process::id()).into_bytes()
}

fn format_message(line: &str, now: Timestamp, host: &str, process: u32) -> String {
    let at = now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ");
    format!("<{PRIORITY}>1 {at} {host} countersign {process} checkpoint - {line}")
}

impl Exporter {
    /// Exports `lines`, oldest first, and for a file waits until they are on disk.
    pub(crate) async fn export(&self, lines: Vec<String>) -> Result<(), String> {
        let write: Box<dyn FnOnce() -> io::Result<()> + Send> = match self.clone() {
            Self::Other(outlet) => return outlet.export(&lines).await,
            Self::File(path) => Box::new(move || append(&path, &lines)),
            Self::Syslog(syslog) => Box::new(move || syslog.send(&lines)),
        };
        match tokio::task::spawn_blocking(write).await {
            Ok(written) => written.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Appends `lines` and waits until they, and the file's name, are on disk.
fn append(path: &Path, lines: &[String]) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let mut text = lines.join("\n");
    text.push('\n');
    if !ends_a_line(&mut file)? {
        // The disk was full in the middle of a line.
        text.insert(0, '\n');
    }
    let length = file.metadata()?.len();
    if let Err(error) = file.write_all(text.as_bytes()) {
        // What was written of it comes again: take it back if that can be done.
        let _ = file.set_len(length);
        return Err(error);
    }
    file.sync_data()?;
    // The name is a fact of the directory. Also when the file was there: whoever made it may not have got so far.
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

fn ends_a_line(file: &mut File) -> io::Result<bool> {
    if !file.metadata()?.is_file() || file.seek(SeekFrom::End(0))? == 0 {
        return Ok(true);
    }
    file.seek(SeekFrom::End(-1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(ToString::to_string).collect()
    }

    #[tokio::test]
    async fn lines_are_appended_also_after_half_a_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("checkpoints");
        let file = Exporter::File(path.clone());
        file.export(lines(&["one", "two"])).await.unwrap();
        std::fs::write(&path, "one\ntwo\nhal").unwrap();
        file.export(lines(&["three"])).await.unwrap();
        assert_eq!(std::fs::read_to_string(path).unwrap(), "one\ntwo\nhal\nthree\n");
        let nowhere = Exporter::File(dir.path().join("no/such/directory"));
        nowhere.export(lines(&["one"])).await.unwrap_err();
    }

    #[test]
    fn messages_have_the_form_of_rfc_5424() {
        let now = Timestamp::from_millisecond(1_700_000_000_007).unwrap();
        assert_eq!(
            format_message("{}", now, "mfa.example.org", 7),
            "<85>1 2023-11-14T22:13:20.007Z mfa.example.org countersign 7 checkpoint - {}"
        );
    }

    #[tokio::test]
    async fn syslog_is_reached_by_socket_datagram_and_stream() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let local = UnixDatagram::bind(&path).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let at = |scheme: &str, address: std::net::SocketAddr| Syslog::parse(&format!("{scheme}:{address}")).unwrap();
        let read = std::thread::spawn({
            let tcp = tcp.try_clone().unwrap();
            move || {
                let mut all = String::new();
                tcp.accept().unwrap().0.read_to_string(&mut all).unwrap();
                all
            }
        });
        for syslog in [
            Syslog::parse(path.to_str().unwrap()).unwrap(),
            at("udp", udp.local_addr().unwrap()),
            at("tcp", tcp.local_addr().unwrap()),
        ] {
            Exporter::Syslog(syslog).export(lines(&["one", "two"])).await.unwrap();
        }
        let is_one = |text: &str, line: &str| {
            assert!(text.starts_with("<85>1 2") && text.ends_with(&format!(" checkpoint - {line}")), "{text}");
        };
        let mut buffer = [0; 500];
        for line in ["one", "two"] {
            let length = local.recv(&mut buffer).unwrap();
            is_one(std::str::from_utf8(&buffer[..length]).unwrap(), line);
            let length = udp.recv(&mut buffer).unwrap();
            is_one(std::str::from_utf8(&buffer[..length]).unwrap(), line);
        }
        let mut rest = read.join().unwrap();
        for line in ["one", "two"] {
            let (length, text) = rest.split_once(' ').unwrap();
            let (text, after) = text.split_at(length.parse().unwrap());
            is_one(text, line);
            rest = after.to_owned();
        }
        assert_eq!(rest, "");
    }

    #[tokio::test]
    async fn a_syslog_server_that_is_not_there_is_an_error() {
        let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        for syslog in [Syslog::Unix("/nonexistent/log".into()), Syslog::Tcp(gone.to_string())] {
            Exporter::Syslog(syslog).export(lines(&["one"])).await.unwrap_err();
        }
    }

    #[test]
    fn places_are_read() {
        assert_eq!(Syslog::parse("/dev/log"), Some(Syslog::Unix("/dev/log".into())));
        assert_eq!(Syslog::parse("unix:/dev/log"), Some(Syslog::Unix("/dev/log".into())));
        assert_eq!(Syslog::parse("udp:[::1]:514"), Some(Syslog::Udp("[::1]:514".to_owned())));
        assert_eq!(Syslog::parse("tcp:log.example.org:601"), Some(Syslog::Tcp("log.example.org:601".to_owned())));
        for wrong in ["", "log", "tcp:host", "tcp::514", "udp:host:0", "tls:host:6514", "unix:log"] {
            assert_eq!(Syslog::parse(wrong), None, "{wrong}");
        }
    }
}
