//! Origins of web pages: whose pages may hold ours in a frame.

use std::fmt;
use std::net::Ipv4Addr;

/// Scheme, host and port of a web page as browsers write them (HTML, "serialization of an origin"): `https://payroll.example.org`, `http://localhost:5000`.
///
/// `https`, or `http` for this very machine; lower case, without the port that is the scheme's own. Nothing in it has a meaning in a policy's header.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WebOrigin(String);

/// The longest name of a host (RFC 1035, 2.3.4), and of one of its parts.
const MOST_HOST_BYTES: usize = 253;
const MOST_LABEL_BYTES: usize = 63;

impl WebOrigin {
    /// Reads an origin as an administrator writes it: without a path, or with `/` alone.
    pub fn parse(text: &str) -> Option<Self> {
        let (origin, rest) = Self::split(text)?;
        matches!(rest, "" | "/").then_some(origin)
    }

    /// The origin of the page at `url`, as the page says where it is.
    pub fn of_page(url: &str) -> Option<Self> {
        let (origin, rest) = Self::split(url)?;
        (rest.is_empty() || rest.starts_with(['/', '?', '#'])).then_some(origin)
    }

    /// The origin.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn split(url: &str) -> Option<(Self, &str)> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        let (host, port) = match authority.split_once(':') {
            Some((host, port)) => (host, Some(read_port(port)?)),
            None => (authority, None),
        };
        let host = host.to_ascii_lowercase();
        if !is_host(&host) {
            return None;
        }
        let own_port = match scheme.as_str() {
            "https" => 443,
            "http" if is_this_machine(&host) => 80,
            _ => return None,
        };
        let text = match port.filter(|port| *port != own_port) {
            Some(port) => format!("{scheme}://{host}:{port}"),
            None => format!("{scheme}://{host}"),
        };
        Some((Self(text), rest))
    }
}

/// Origins as administrators write them: separated by commas.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct WebOrigins(Vec<WebOrigin>);

impl WebOrigins {
    /// The most there may be: they all stand in one header.
    pub const MOST: usize = 20;

    /// None.
    pub const NONE: Self = Self(Vec::new());

    /// Reads a list; `None` if one of them is no origin, or there are too many.
    pub fn parse(text: &str) -> Option<Self> {
        let mut origins = Vec::new();
        for one in text.split(',').map(str::trim).filter(|one| !one.is_empty()) {
            let origin = WebOrigin::parse(one)?;
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        (origins.len() <= Self::MOST).then_some(Self(origins))
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `origin` is among them.
    pub fn contain(&self, origin: &WebOrigin) -> bool {
        self.0.contains(origin)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &WebOrigin> {
        self.0.iter()
    }
}

impl fmt::Display for WebOrigins {
    /// As [`WebOrigins::parse`] reads them.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, origin) in self.0.iter().enumerate() {
            write!(f, "{}{}", if at == 0 { "" } else { "," }, origin.as_str())?;
        }
        Ok(())
    }
}

fn read_port(text: &str) -> Option<u16> {
    let is_number = (1..=5).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|port| is_number && *port > 0)
}

/// A name or an IPv4 address: a content security policy knows no IPv6 addresses (CSP 3, 2.3.1).
fn is_host(host: &str) -> bool {
    let is_label = |label: &str| {
        (1..=MOST_LABEL_BYTES).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= MOST_HOST_BYTES && host.split('.').all(is_label)
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_written_as_browsers_write_it() {
        for (written, origin) in [
            ("https://payroll.example.org", "https://payroll.example.org"),
            ("HTTPS://Payroll.Example.ORG:443/", "https://payroll.example.org"),
            ("https://payroll.example.org:8443", "https://payroll.example.org:8443"),
            ("https://payroll.example.org:08443", "https://payroll.example.org:8443"),
            ("https://192.0.2.7", "https://192.0.2.7"),
            ("http://localhost:5000", "http://localhost:5000"),
            ("http://127.0.0.1:80", "http://127.0.0.1"),
        ] {
            assert_eq!(WebOrigin::parse(written).unwrap().as_str(), origin);
        }
        for wrong in [
            "",
            "payroll.example.org",
            "https://",
            "https:///",
            "http://payroll.example.org",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
            "ftp://payroll.example.org",
            "https://*.example.org",
            "https://*",
            "https://payroll.example.org/login",
            "https://payroll.example.org?",
            "https://user@payroll.example.org",
            "https://payroll.example.org:",
            "https://payroll.example.org:0",
            "https://payroll.example.org:65536",
            "https://payroll.example.org:+443",
            "https://payroll.example.org;",
            "https://payroll.example.org 'self'",
            "https://payroll..org",
            "https://payroll.example.org.",
            "https://-a.example.org",
            "https://a_b.example.org",
            "https://p\u{e4}yroll.example.org",
            "https://[::1]",
            "https://a\\b",
            "null",
            "javascript:alert(1)//https://payroll.example.org",
        ] {
            assert_eq!(WebOrigin::parse(wrong), None, "{wrong}");
        }
        assert_eq!(WebOrigin::parse(&format!("https://{}", "a.".repeat(127))), None);
    }

    #[test]
    fn a_page_is_of_its_own_origin_and_of_no_other() {
        for (page, origin) in [
            ("https://payroll.example.org/login?next=https://evil.example#x", Some("https://payroll.example.org")),
            ("https://payroll.example.org?a", Some("https://payroll.example.org")),
            ("https://payroll.example.org#a", Some("https://payroll.example.org")),
            ("https://payroll.example.org.evil.example/", Some("https://payroll.example.org.evil.example")),
            ("https://payroll.example.org@evil.example/", None),
            ("https://payroll.example.org\\@evil.example/", None),
            ("//payroll.example.org/", None),
            ("about:blank", None),
        ] {
            assert_eq!(WebOrigin::of_page(page).as_ref().map(WebOrigin::as_str), origin, "{page}");
        }
    }

    #[test]
    fn a_list_is_read_as_it_was_written() {
        let list = WebOrigins::parse(" https://a.example, https://b.example:8443 ,https://A.example:443,").unwrap();
        assert_eq!(list.to_string(), "https://a.example,https://b.example:8443");
        assert_eq!(WebOrigins::parse(&list.to_string()), Some(list.clone()));
        let is_in = |text| list.contain(&WebOrigin::of_page(text).unwrap());
        assert!(is_in("https://a.example/x") && is_in("https://b.example:8443/"));
        assert!(!is_in("https://b.example/") && !is_in("https://c.example/"));
        assert_eq!(WebOrigins::parse(""), Some(WebOrigins::NONE));
        assert_eq!(WebOrigins::parse("https://a.example,b"), None);
        let many: Vec<String> = (0..=WebOrigins::MOST).map(|at| format!("https://a{at}.example")).collect();
        assert_eq!(WebOrigins::parse(&many.join(",")), None);
        assert!(WebOrigins::parse(&many[1..].join(",")).is_some());
    }
}
