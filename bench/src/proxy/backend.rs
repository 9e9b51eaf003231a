//! The server behind every proxy: checks the password, answers with what a policy server says of a VPN's user, and costs little itself.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use clap::Args;
use cs_radius::{Builder, Code, Integrity, Packet, Secret, kind, password, request_integrity};
use socket2::SockRef;

use super::{PASSWORD, SERVER_SECRET};
use crate::process::Watched;

/// Arguments of the child process: none.
#[derive(Debug, Args)]
pub(crate) struct Answer;

impl Answer {
    /// Says where it listens, then answers until it is ended.
    #[expect(clippy::print_stdout, reason = "that is how whoever started it hears where it listens")]
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let socket = UdpSocket::bind(("127.0.0.1", 0))?;
        // The system may allow less.
        let _ = SockRef::from(&socket).set_recv_buffer_size(8 << 20);
        println!("{}", socket.local_addr()?);
        std::io::stdout().flush()?;
        let secret = Secret::new(SERVER_SECRET.as_bytes());
        let mut buffer = [0; 4097];
        loop {
            let (len, from) = socket.recv_from(&mut buffer)?;
            if let Some(answer) = buffer.get(..len).and_then(|octets| answer(octets, &secret)) {
                socket.send_to(&answer, from)?;
            }
        }
    }
}

fn answer(octets: &[u8], secret: &Secret) -> Option<Vec<u8>> {
    let packet = Packet::parse(octets).ok()?;
    if packet.code() != Code::AccessRequest || request_integrity(&packet, secret) == Integrity::Wrong {
        return None;
    }
    let typed = password::reveal(packet.first(kind::USER_PASSWORD)?, secret, packet.authenticator()).ok()?;
    let is_right = *typed == PASSWORD.as_bytes();
    let code = if is_right { Code::AccessAccept } else { Code::AccessReject };
    let mut builder = Builder::new(code, packet.identifier());
    if is_right {
        builder.attribute(kind::CLASS, b"OU=vpn;").ok()?;
        builder.attribute(kind::FILTER_ID, b"vpn-acl").ok()?;
        builder.attribute(kind::FRAMED_IP_ADDRESS, &[10, 9, 0, 7]).ok()?;
    }
    builder.proxy_states(&packet).ok()?;
    Some(builder.into_reply(secret, packet.authenticator()))
}

/// It as a child process; ended with this value.
#[derive(Debug)]
pub(crate) struct Backend {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Backend {
    pub(crate) fn start() -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        let mut child = command.arg("answer").stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?;
        let mut line = String::new();
        BufReader::new(child.stdout.take().context("no standard output")?).read_line(&mut line)?;
        let address = line.trim().parse().context("where the server behind listens")?;
        Ok(Self { child, address })
    }

    pub(crate) fn watched(&self) -> Watched {
        Watched::one(self.child.id())
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
