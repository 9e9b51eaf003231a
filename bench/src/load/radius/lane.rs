//! One socket of the sender, and which of its 256 numbers wait for an answer.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cs_radius::{Code, Secret};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;

use super::packets::{Request, judge};

/// Asked for; the system may give less.
const BUFFER: usize = 8 << 20;

pub(super) struct Lane {
    pub(super) socket: UdpSocket,
    pub(super) requests: Vec<Request>,
    /// How many wait for an answer.
    pub(super) waiting: usize,
    /// By number: which request, and since when.
    slots: Vec<Option<(usize, Instant)>>,
    next: usize,
    /// How many are to be sent in all; more than there are when each is sent several times.
    total: usize,
    is_again: bool,
    buffer: Vec<u8>,
}

impl Lane {
    pub(super) fn open(target: SocketAddr) -> anyhow::Result<Self> {
        let socket = Socket::new(Domain::for_address(target), Type::DGRAM, Some(Protocol::UDP))?;
        // The system may allow less; then it is that.
        let _ = socket.set_recv_buffer_size(BUFFER);
        socket.set_nonblocking(true)?;
        socket.connect(&target.into())?;
        Ok(Self {
            socket: UdpSocket::from_std(socket.into())?,
            requests: Vec::new(),
            waiting: 0,
            slots: vec![None; 256],
            next: 0,
            total: usize::MAX,
            is_again: false,
            buffer: vec![0; 4097],
        })
    }

    /// The identifier of the next request.
    pub(super) fn next_number(&self) -> u8 {
        // Wraps as identifiers do.
        (self.requests.len() % 256) as u8
    }

    fn total(&self) -> usize {
        if self.is_again { self.total } else { self.requests.len() }
    }

    /// Whether something is to be sent or heard.
    pub(super) fn is_busy(&self) -> bool {
        self.waiting > 0 || self.next < self.total()
    }

    /// Everything so many times again from here on.
    pub(super) fn again(&mut self, times: u64) {
        // Only what was answered is known again; the rest was told as lost.
        self.requests.retain(|request| request.answer.is_some());
        (self.next, self.is_again) = (0, true);
        self.total = self.requests.len() * usize::try_from(times).unwrap_or(usize::MAX);
    }

    /// Sends the next one; false if there is none or its number still waits.
    pub(super) fn send(&mut self, since: Instant) -> io::Result<bool> {
        if self.next >= self.total() {
            return Ok(false);
        }
        let at = self.next % self.requests.len();
        let request = &self.requests[at];
        let slot = &mut self.slots[usize::from(request.octets[1])];
        if slot.is_some() {
            return Ok(false);
        }
        match self.socket.try_send(&request.octets) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) => return Err(error),
        }
        *slot = Some((at, since));
        self.waiting += 1;
        self.next += 1;
        Ok(true)
    }

    /// The next answer that is there: since when it was waited for, or why it is not right.
    pub(super) fn receive(&mut self, wanted: Code, secret: &Secret) -> io::Result<Option<Result<Instant, String>>> {
        let len = match self.socket.try_recv(&mut self.buffer) {
            Ok(len) => len,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) => return Err(error),
        };
        let octets = &self.buffer[..len];
        let slot = octets.get(1).and_then(|number| self.slots.get_mut(usize::from(*number)));
        let Some((at, since)) = slot.and_then(Option::take) else {
            return Ok(Some(Err("an answer to nothing".to_owned())));
        };
        self.waiting -= 1;
        let request = &mut self.requests[at];
        let judged = judge(request, octets, wanted, secret);
        if judged.is_ok() && !self.is_again {
            request.answer = Some(octets.to_vec());
        }
        Ok(Some(judged.map(|()| since)))
    }

    /// Gives up what waits for longer than `patience`; how many that were.
    pub(super) fn give_up(&mut self, patience: Duration) -> u64 {
        let mut lost = 0;
        for slot in &mut self.slots {
            lost += u64::from(slot.take_if(|(_, since)| since.elapsed() > patience).is_some());
        }
        self.waiting -= usize::try_from(lost).unwrap_or(0);
        lost
    }
}
