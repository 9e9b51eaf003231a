//! A proxy as a child process: started, waited for until it answers Status-Server or a login, and ended.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use cs_radius::{Builder, Code, Packet, Secret, kind, password, reply_is_authentic};

use super::{DEVICE_SECRET, EXEMPT, PASSWORD};
use crate::process::Watched;

const START_LIMIT: Duration = Duration::from_secs(30);
/// A program that listens answers within this; one that does not is asked again.
const ANSWER: Duration = Duration::from_millis(2);

/// A proxy, ours or a peer.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    /// Where devices ask.
    pub(crate) address: SocketAddr,
    /// From spawning it to the first answer.
    pub(crate) took: Duration,
}

impl Program {
    /// Starts `command`, which writes to `log`, and waits until it answers `question` at `address`.
    pub(crate) fn start(
        mut command: Command,
        log: &Path,
        address: SocketAddr,
        question: Question,
    ) -> anyhow::Result<Self> {
        let file = File::options().create(true).append(true).open(log)?;
        let spawned = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {:?}", command.get_program()))?;
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.connect(address)?;
        socket.set_read_timeout(Some(ANSWER))?;
        let secret = Secret::new(DEVICE_SECRET.as_bytes());
        // The same packet each time: whichever of its sendings is answered late is answered rightly.
        let packet = question.packet(&secret)?;
        loop {
            if let Some(status) = child.try_wait()? {
                bail!("{:?} ended at once ({status}); see {}", command.get_program(), log.display());
            }
            if is_answered(&socket, &packet, &secret) {
                break;
            }
            if spawned.elapsed() > START_LIMIT {
                let _ = child.kill();
                let _ = child.wait();
                bail!("{:?} does not answer; see {}", command.get_program(), log.display());
            }
        }
        Ok(Self { child, address, took: spawned.elapsed() })
    }

    pub(crate) fn watched(&self) -> Watched {
        Watched::one(self.child.id())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What shows that a program serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Question {
    /// Status-Server (RFC 5997).
    Status,
    /// A login that is right.
    Login,
}

impl Question {
    fn packet(self, secret: &Secret) -> anyhow::Result<Vec<u8>> {
        let mut authenticator = [0; 16];
        aws_lc_rs::rand::fill(&mut authenticator).context("no random octets")?;
        let code = match self {
            Self::Status => Code::StatusServer,
            Self::Login => Code::AccessRequest,
        };
        let mut builder = Builder::new(code, 0);
        builder.attribute(kind::NAS_IDENTIFIER, b"bench")?;
        if self == Self::Login {
            builder.attribute(kind::USER_NAME, EXEMPT.as_bytes())?;
            let hidden = password::hide(PASSWORD.as_bytes(), secret, &authenticator)?;
            builder.attribute(kind::USER_PASSWORD, &hidden)?;
        }
        Ok(builder.into_request(secret, &authenticator))
    }
}

/// Sends a packet and hears whether it is answered at once. While nobody listens, sending or hearing fails.
#[expect(clippy::disallowed_methods, reason = "another process comes up in real time")]
fn is_answered(socket: &UdpSocket, packet: &[u8], secret: &Secret) -> bool {
    let mut buffer = [0; 4097];
    let answer = socket.send(packet).and_then(|_| socket.recv(&mut buffer));
    let Ok(len) = answer else {
        // Refused at once: not to be asked as fast as the system can refuse.
        std::thread::sleep(Duration::from_micros(500));
        return false;
    };
    let (asked, answer) = (Packet::parse(packet), Packet::parse(&buffer[..len]));
    let (Ok(asked), Ok(answer)) = (asked, answer) else { return false };
    reply_is_authentic(&answer, secret, asked.authenticator())
}

/// A UDP port that was free a moment ago.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
