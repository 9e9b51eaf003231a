//! What systemd is told, where it started us (sd_notify(3), `Type=notify`).

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Whoever supervises this process.
#[derive(Debug, Default)]
pub struct Supervisor(Option<(UnixDatagram, SocketAddr)>);

impl Supervisor {
    /// The one that `NOTIFY_SOCKET` names, or nobody.
    pub fn of_process() -> Self {
        std::env::var("NOTIFY_SOCKET").ok().map_or_else(Self::default, |name| Self::at(&name))
    }

    fn at(name: &str) -> Self {
        let address = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(name),
        };
        Self(address.ok().and_then(|address| Some((UnixDatagram::unbound().ok()?, address))))
    }

    /// Everything is open.
    pub fn ready(&self, status: &str) {
        self.tell(&format!("READY=1\nSTATUS={status}"));
    }

    /// The configuration is being read again.
    pub fn reloading(&self) {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
        let microseconds = time.tv_sec.saturating_mul(1_000_000).saturating_add(time.tv_nsec / 1_000);
        self.tell(&format!("RELOADING=1\nMONOTONIC_USEC={microseconds}\nSTATUS=Reading the configuration again"));
    }

    /// It ends.
    pub fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, text: &str) {
        if let Some((socket, address)) = &self.0
            && let Err(error) = socket.send_to_addr(text.as_bytes(), address)
        {
            tracing::debug!(%error, "systemd was not told");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn systemd_hears_when_we_are_ready() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let hearing = UnixDatagram::bind(&path).unwrap();
        let heard = || {
            let mut text = [0; 200];
            let len = hearing.recv(&mut text).unwrap();
            String::from_utf8(text[..len].to_vec()).unwrap()
        };
        let supervisor = Supervisor::at(path.to_str().unwrap());
        supervisor.ready("1 section");
        assert_eq!(heard(), "READY=1\nSTATUS=1 section");
        supervisor.reloading();
        assert!(heard().starts_with("RELOADING=1\nMONOTONIC_USEC="));
        supervisor.stopping();
        assert_eq!(heard(), "STOPPING=1");
        // Nobody hears: nothing happens.
        Supervisor::default().ready("");
        Supervisor::at("/nowhere/at/all").ready("");
    }
}
