//! Ports for programs that must be told theirs.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicU16, Ordering};

/// Below the ports that Linux gives to whoever asks for any (`ip_local_port_range`, from 32768): nobody gets one by chance while the program starts.
const FIRST: u16 = 12_000;
const COUNT: u16 = 20_000;

/// A port that nobody has, by UDP or TCP, and that is given to nobody else in this process.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Another run of the tests beside this one begins somewhere else.
    let start = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap();
    let ports = (0..COUNT).map(|_| {
        let next = u32::from(start) + u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        FIRST + u16::try_from(next % u32::from(COUNT)).unwrap()
    });
    let is_free = |port: &u16| {
        UdpSocket::bind((Ipv4Addr::LOCALHOST, *port)).is_ok() && TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok()
    };
    { ports }.find(is_free).expect("a free port")
}
