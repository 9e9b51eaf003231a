//! What the kernel knows of our sockets: packets that came while their buffer was full.

use std::collections::HashMap;
use std::os::fd::{AsRawFd as _, RawFd};

use tokio::net::UdpSocket;

/// How many packets the kernel has dropped at each socket. Of a socket that it does not list, nothing is known.
pub(super) fn drops<'a>(sockets: impl Iterator<Item = &'a UdpSocket>) -> Vec<Option<u64>> {
    let mut by_inode = HashMap::new();
    for file in ["/proc/net/udp", "/proc/net/udp6"] {
        // A host without IPv6 has only one of them.
        by_inode.extend(drops_by_inode(&std::fs::read_to_string(file).unwrap_or_default()));
    }
    sockets.map(|socket| by_inode.get(&inode(socket.as_raw_fd())?).copied()).collect()
}

fn inode(descriptor: RawFd) -> Option<u64> {
    let link = std::fs::read_link(format!("/proc/self/fd/{descriptor}")).ok()?;
    link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
}

/// The tenth column is the socket, the last one how many were dropped (proc(5)).
fn drops_by_inode(table: &str) -> HashMap<u64, u64> {
    let line = |line: &str| {
        let inode = line.split_whitespace().nth(9)?.parse().ok()?;
        Some((inode, line.split_whitespace().last()?.parse().ok()?))
    };
    table.lines().skip(1).filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_table_is_read() {
        let table = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
            29591: 0100007F:0714 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 424242 2 0000000000000000 17\n\
            a line that is cut";
        assert_eq!(drops_by_inode(table), HashMap::from([(424_242, 17)]));
    }

    #[tokio::test]
    async fn packets_beyond_a_full_buffer_are_counted_by_the_kernel() {
        let receiving = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let to = receiving.local_addr().unwrap();
        let sending = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert_eq!(drops([&receiving].into_iter()), [Some(0)]);
        // The buffer holds some 200 KiB; nobody reads.
        for _ in 0..4_000 {
            sending.send_to(&[0; 1_000], to).unwrap();
        }
        assert!(drops([&receiving].into_iter())[0].is_some_and(|count| count > 0));
    }
}
