//! A line between a device and a proxy that loses, doubles and reorders datagrams, both ways, as a seed says.

use std::collections::HashMap;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// How bad a line is; each in thousandths of the datagrams.
#[derive(Debug, Clone, Copy)]
pub struct Noise {
    /// They never arrive.
    pub lost: u64,
    /// They arrive twice.
    pub doubled: u64,
    /// They arrive after the next one.
    pub late: u64,
}

/// A datagram that waits for the next one is let go after so long without any.
const HELD: Duration = Duration::from_millis(50);

/// A line that is up until it is dropped.
pub struct Shim {
    /// Where devices ask.
    pub address: SocketAddr,
    counts: Arc<Counts>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Counts {
    lost: AtomicU64,
    doubled: AtomicU64,
    late: AtomicU64,
}

impl Shim {
    /// Listens at `at` and leads to `to`.
    pub fn start(at: SocketAddr, to: SocketAddr, noise: Noise, seed: u64) -> Self {
        let listening = UdpSocket::bind(at).unwrap();
        listening.set_read_timeout(Some(HELD)).unwrap();
        let address = listening.local_addr().unwrap();
        let (stop, counts) = (Arc::new(AtomicBool::new(false)), Arc::<Counts>::default());
        let line = Line { to, noise, seed, stop: stop.clone(), counts: counts.clone() };
        let thread = std::thread::spawn(move || line.there(listening));
        Self { address, counts, stop, thread: Some(thread) }
    }

    /// How many were lost, doubled, and late.
    pub fn counts(&self) -> (u64, u64, u64) {
        let Counts { lost, doubled, late } = &*self.counts;
        (lost.load(Ordering::Relaxed), doubled.load(Ordering::Relaxed), late.load(Ordering::Relaxed))
    }
}

impl Drop for Shim {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A test that fails already has said why.
            _ = thread.join();
        }
    }
}

#[derive(Clone)]
struct Line {
    to: SocketAddr,
    noise: Noise,
    seed: u64,
    stop: Arc<AtomicBool>,
    counts: Arc<Counts>,
}

impl Line {
    /// From devices; each has a socket of its own to the proxy, and a thread for what comes back.
    fn there(self, listening: UdpSocket) {
        let listening = Arc::new(listening);
        let mut devices: HashMap<SocketAddr, Arc<UdpSocket>> = HashMap::new();
        let mut threads = Vec::new();
        let mut one_way = OneWay::new(self.clone(), 0);
        while !self.stop.load(Ordering::Relaxed) {
            let mut buffer = [0; 4096];
            match listening.recv_from(&mut buffer) {
                Ok((len, from)) => {
                    let socket = devices.entry(from).or_insert_with(|| {
                        let socket = Arc::new(UdpSocket::bind("127.0.0.1:0").unwrap());
                        socket.connect(self.to).unwrap();
                        socket.set_read_timeout(Some(HELD)).unwrap();
                        let (line, back, socket_back) = (self.clone(), listening.clone(), socket.clone());
                        let number = u64::try_from(threads.len()).unwrap() + 1;
                        threads.push(std::thread::spawn(move || line.back(&socket_back, &back, from, number)));
                        socket
                    });
                    let socket = socket.clone();
                    one_way.carry(&buffer[..len], move |octets| _ = socket.send(octets));
                }
                Err(_) => one_way.let_go(),
            }
        }
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }

    fn back(self, socket: &UdpSocket, listening: &Arc<UdpSocket>, device: SocketAddr, number: u64) {
        let mut one_way = OneWay::new(self.clone(), number);
        while !self.stop.load(Ordering::Relaxed) {
            let mut buffer = [0; 4096];
            match socket.recv(&mut buffer) {
                Ok(len) => {
                    let listening = listening.clone();
                    one_way.carry(&buffer[..len], move |octets| _ = listening.send_to(octets, device));
                }
                Err(_) => one_way.let_go(),
            }
        }
    }
}

type Send = Box<dyn Fn(&[u8])>;

/// One direction.
struct OneWay {
    line: Line,
    random: u64,
    held: Option<(Vec<u8>, Send)>,
}

impl OneWay {
    fn new(line: Line, number: u64) -> Self {
        let random = (line.seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) | 1;
        Self { line, random, held: None }
    }

    /// xorshift64
    fn chance(&mut self, of_thousand: u64) -> bool {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % 1000 < of_thousand
    }

    fn carry(&mut self, octets: &[u8], send: impl Fn(&[u8]) + 'static) {
        let Noise { lost, doubled, late } = self.line.noise;
        let counts = self.line.counts.clone();
        if self.chance(lost) {
            counts.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        if self.held.is_none() && self.chance(late) {
            counts.late.fetch_add(1, Ordering::Relaxed);
            self.held = Some((octets.to_vec(), Box::new(send)));
            return;
        }
        send(octets);
        if self.chance(doubled) {
            counts.doubled.fetch_add(1, Ordering::Relaxed);
            send(octets);
        }
        self.let_go();
    }

    fn let_go(&mut self) {
        if let Some((octets, send)) = self.held.take() {
            send(&octets);
        }
    }
}
