//! Lines for the system's log (RFC 3164 as `/dev/log` takes it).

use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;

use tracing::Level;

use crate::cfg::main_section::SyslogFacility;

/// Where local programs log.
pub const USUAL: &str = "/dev/log";

/// The system's log.
#[derive(Debug)]
pub struct Syslog {
    socket: UnixDatagram,
    path: PathBuf,
    facility: u8,
}

impl Syslog {
    /// For lines of a facility to the log at `path`; it may be started later, and again.
    ///
    /// Fails if no socket can be made.
    pub fn new(path: impl Into<PathBuf>, facility: SyslogFacility) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        // A log that stands still must not stop logins: what it does not take is lost there.
        socket.set_nonblocking(true)?;
        Ok(Self { socket, path: path.into(), facility: number(facility) })
    }

    /// Sends one line.
    ///
    /// Fails if nobody takes it.
    pub fn write(&self, level: Level, line: &str) -> io::Result<()> {
        let severity = match level {
            Level::ERROR => 3,
            Level::WARN => 4,
            Level::INFO => 6,
            Level::DEBUG | Level::TRACE => 7,
        };
        let priority = self.facility * 8 + severity;
        let text = format!("<{priority}>Authproxy[{}]: {}", std::process::id(), line.trim_end());
        self.socket.send_to(text.as_bytes(), &self.path).map(drop)
    }
}

fn number(facility: SyslogFacility) -> u8 {
    match facility {
        SyslogFacility::Kern => 0,
        SyslogFacility::User => 1,
        SyslogFacility::Mail => 2,
        SyslogFacility::Daemon => 3,
        SyslogFacility::Auth => 4,
        SyslogFacility::Syslog => 5,
        SyslogFacility::Lpr => 6,
        SyslogFacility::News => 7,
        SyslogFacility::Uucp => 8,
        SyslogFacility::Cron => 9,
        SyslogFacility::Local0 => 16,
        SyslogFacility::Local1 => 17,
        SyslogFacility::Local2 => 18,
        SyslogFacility::Local3 => 19,
        SyslogFacility::Local4 => 20,
        SyslogFacility::Local5 => 21,
        SyslogFacility::Local6 => 22,
        SyslogFacility::Local7 => 23,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_facility_severity_and_our_name() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let syslog = Syslog::new(&path, SyslogFacility::Local7).unwrap();
        // It is not there yet.
        assert!(syslog.write(Level::INFO, "lost").is_err());
        let hearing = UnixDatagram::bind(&path).unwrap();
        syslog.write(Level::WARN, "a line\n").unwrap();
        let mut text = [0; 200];
        let len = hearing.recv(&mut text).unwrap();
        let text = std::str::from_utf8(&text[..len]).unwrap();
        assert_eq!(text, format!("<188>Authproxy[{}]: a line", std::process::id()));
    }
}
