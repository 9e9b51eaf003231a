//! Where checkpoints go outside the database. Only what lies there limits a thief of the log key.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

/// Facility authpriv, severity notice (RFC 5424, section 6.2.1).
const PRIORITY: u8 = 10 * 8 + 5;

/// A place outside the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exporter {
    /// Lines appended to a file, better on another machine's disk or on write-once storage.
    File(PathBuf),
    /// Messages to the local syslog's socket, usually `/dev/log`, which forwards them.
    Syslog(PathBuf),
}

impl Exporter {
    /// Exports one line and, for a file, waits until it is on disk.
    pub(crate) fn export(&self, line: &str) -> io::Result<()> {
        match self {
            Self::File(path) => {
                let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
                file.write_all(format!("{line}\n").as_bytes())?;
                file.sync_data()
            }
            Self::Syslog(path) => {
                let socket = UnixDatagram::unbound()?;
                let message = format!("<{PRIORITY}>countersign[{}]: checkpoint {line}", std::process::id());
                socket.send_to(message.as_bytes(), path).map(|_| ())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_appended_and_sent() {
        let dir = tempfile::tempdir().unwrap();
        let file = Exporter::File(dir.path().join("checkpoints"));
        file.export("one").unwrap();
        file.export("two").unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join("checkpoints")).unwrap(), "one\ntwo\n");

        let path = dir.path().join("log");
        let socket = UnixDatagram::bind(&path).unwrap();
        Exporter::Syslog(path).export("three").unwrap();
        let mut buffer = [0; 200];
        let length = socket.recv(&mut buffer).unwrap();
        let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
        assert!(message.starts_with("<85>countersign[") && message.ends_with("]: checkpoint three"), "{message}");
    }
}
