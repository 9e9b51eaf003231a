//! What is asked of an HTTP proxy: `CONNECT HOST:PORT` (RFC 9110 §9.3.6), read out of octets.

/// The longest head that is read.
pub const MOST_HEAD: usize = 8 << 10;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// A tunnel.
    Tunnel {
        /// To this host, in lower case, without brackets and the dot at the end.
        host: String,
        /// At this port.
        port: u16,
    },
    /// Another method.
    Other,
}

/// What was sent is no head of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRequest;

/// Reads a request; with it, how many octets its head has. `None` while it is not whole.
///
/// Fails with [`NoRequest`].
pub fn read(octets: &[u8]) -> Result<Option<(Asked, usize)>, NoRequest> {
    let Some(end) = octets.windows(4).position(|end| end == b"\r\n\r\n") else {
        return if octets.len() < MOST_HEAD { Ok(None) } else { Err(NoRequest) };
    };
    if end + 4 > MOST_HEAD {
        return Err(NoRequest);
    }
    let head = octets.get(..end).and_then(|head| std::str::from_utf8(head).ok()).ok_or(NoRequest)?;
    let line = head.split("\r\n").next().unwrap_or_default();
    let words: Vec<&str> = line.split(' ').collect();
    let [method, target, "HTTP/1.1" | "HTTP/1.0"] = words[..] else { return Err(NoRequest) };
    if method != "CONNECT" {
        return Ok(Some((Asked::Other, end + 4)));
    }
    let (host, port) = target.rsplit_once(':').ok_or(NoRequest)?;
    // Lines within a line would be lines in the log.
    if !host.bytes().all(|octet| octet.is_ascii_graphic()) {
        return Err(NoRequest);
    }
    let port = port.bytes().all(|octet| octet.is_ascii_digit()).then(|| port.parse().ok()).flatten();
    let port = port.ok_or(NoRequest)?;
    Ok(Some((Asked::Tunnel { host: plain(host), port }, end + 4)))
}

/// A host's name as names are compared.
pub fn plain(host: &str) -> String {
    host.trim_start_matches('[').trim_end_matches(']').trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tunnel_is_asked_for_by_host_and_port() {
        let tunnel = |host: &str, port| Ok(Some(Asked::Tunnel { host: host.to_owned(), port }));
        for (line, expected) in [
            ("CONNECT api.example.org:443 HTTP/1.1", tunnel("api.example.org", 443)),
            ("CONNECT API.Example.Org.:443 HTTP/1.0", tunnel("api.example.org", 443)),
            ("CONNECT [2001:db8::1]:8443 HTTP/1.1", tunnel("2001:db8::1", 8443)),
            ("GET http://api.example.org/ HTTP/1.1", Ok(Some(Asked::Other))),
            ("connect api.example.org:443 HTTP/1.1", Ok(Some(Asked::Other))),
            ("CONNECT api.example.org HTTP/1.1", Err(NoRequest)),
            ("CONNECT api.example.org:+443 HTTP/1.1", Err(NoRequest)),
            ("CONNECT api.example.org:65536 HTTP/1.1", Err(NoRequest)),
            ("CONNECT api.example.org: HTTP/1.1", Err(NoRequest)),
            ("CONNECT  api.example.org:443 HTTP/1.1", Err(NoRequest)),
            ("CONNECT \r:443 HTTP/1.1", Err(NoRequest)),
            ("CONNECT bücher.example:443 HTTP/1.1", Err(NoRequest)),
            ("CONNECT api.example.org:443 HTTP/2", Err(NoRequest)),
            ("", Err(NoRequest)),
        ] {
            let whole = format!("{line}\r\nHost: x\r\n\r\nrest");
            let read = read(whole.as_bytes());
            assert_eq!(read.clone().map(|read| read.map(|(asked, _)| asked)), expected, "{line}");
            if let Ok(Some((_, len))) = read {
                assert_eq!(&whole[len..], "rest");
            }
        }
    }

    #[test]
    fn a_head_is_waited_for_up_to_a_length() {
        assert_eq!(read(b"CONNECT api.example.org:443 HTTP/1.1\r\nHost: x\r\n"), Ok(None));
        assert_eq!(read(&vec![b'x'; MOST_HEAD - 1]), Ok(None));
        assert_eq!(read(&vec![b'x'; MOST_HEAD]), Err(NoRequest));
        assert_eq!(read(b"\xff\r\n\r\n"), Err(NoRequest));
        let long = format!("CONNECT x:1 HTTP/1.1\r\nX: {}\r\n\r\n", "x".repeat(MOST_HEAD));
        assert_eq!(read(long.as_bytes()), Err(NoRequest));
    }
}
