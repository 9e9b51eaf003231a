//! Where a browser may be sent.

use crate::encoding::encode_into;

/// The longest redirect URI, in bytes.
const MAX_BYTES: usize = 2048;

/// A redirect URI that is safe to send a browser to: `https`, or `http` to the machine itself; no user, no fragment, nothing that readers take differently.
///
/// Kept as it was sent, since the token request must repeat it byte for byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RedirectUri(String);

/// Not such an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the redirect URI must be https (http only for localhost), without user, fragment or unusual characters, of at most 2048 bytes"
)]
pub struct InvalidRedirect;

/// The parameter in which the client expects the code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeName {
    /// `code`
    Code,
    /// `duo_code`
    DuoCode,
}

impl CodeName {
    /// The parameter's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Code => "code",
            Self::DuoCode => "duo_code",
        }
    }
}

impl RedirectUri {
    /// Reads one.
    pub fn parse(text: &str) -> Result<Self, InvalidRedirect> {
        // What RFC 3986 allows in a URI, without the `#`: browsers turn a backslash into a slash and drop tabs.
        let is_usual = |b: u8| b.is_ascii_alphanumeric() || b"-._~:/?[]@!$&'()*+,;=%".contains(&b);
        if text.len() > MAX_BYTES || !text.bytes().all(is_usual) {
            return Err(InvalidRedirect);
        }
        let (rest, needs_loopback) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (rest, false),
            (None, Some(rest)) => (rest, true),
            (None, None) => return Err(InvalidRedirect),
        };
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let host = host(&rest[..end]).ok_or(InvalidRedirect)?;
        if needs_loopback && !is_loopback(host) {
            return Err(InvalidRedirect);
        }
        Ok(Self(text.to_owned()))
    }

    /// As it was sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Scheme, host and port: whom a person is sent to.
    pub fn origin(&self) -> &str {
        let start = self.0.find("://").map_or(0, |at| at + 3);
        let end = self.0[start..].find(['/', '?']).map_or(self.0.len(), |at| start + at);
        &self.0[..end]
    }

    /// The address with `params` behind what it has already.
    pub fn with(&self, params: &[(&str, &str)]) -> String {
        let mut target = self.0.clone().into_bytes();
        let mut separator = match self.0.split_once('?') {
            None => Some(b'?'),
            Some((_, query)) => (!query.is_empty() && !query.ends_with('&')).then_some(b'&'),
        };
        for (name, value) in params {
            target.extend(separator);
            encode_into(name.as_bytes(), &mut target);
            target.push(b'=');
            encode_into(value.as_bytes(), &mut target);
            separator = Some(b'&');
        }
        // ASCII by construction.
        String::from_utf8(target).unwrap_or_default()
    }
}

/// The host of an authority without a user, if it is well-formed.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')?;
            rest[..end].parse::<std::net::Ipv6Addr>().ok()?;
            (&authority[..end + 2], &authority[end + 2..])
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let is_port = |port: &str| (1..=5).contains(&port.len()) && port.bytes().all(|b| b.is_ascii_digit());
    if !port.is_empty() && !port.strip_prefix(':').is_some_and(is_port) {
        return None;
    }
    let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_');
    (host.starts_with('[') || (!host.is_empty() && host.bytes().all(is_name))).then_some(host)
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || host == "127.0.0.1" || host == "[::1]"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_machine_are_redirected_to() {
        for good in [
            "https://app.example.org",
            "https://app.example.org/",
            "https://app.example.org:8443/callback?a=b&c=d%20e",
            "https://[2001:db8::1]:443/cb",
            "https://192.0.2.1/cb",
            "http://localhost/cb",
            "http://LOCALHOST:5000/cb",
            "http://127.0.0.1:8080",
            "http://[::1]/cb?x",
            "https://app.example.org/cb?next=https://elsewhere.example/",
            "https://app.example.org/@user",
        ] {
            assert_eq!(RedirectUri::parse(good).map(|uri| uri.as_str().to_owned()).as_deref(), Ok(good));
        }
        for bad in [
            "",
            "javascript:alert(1)",
            "JavaScript://app.example.org/%0aalert(1)",
            "data:text/html,x",
            "//app.example.org/cb",
            "/cb",
            "app.example.org/cb",
            "ftp://app.example.org/",
            "HTTPS://app.example.org/",
            "http://app.example.org/cb",
            "http://localhost.example.org/cb",
            "http://127.0.0.1.example.org/",
            "http://127.0.0.2/",
            "http://2130706433/",
            "http://localhost@evil.example/",
            "https://user@app.example.org/",
            "https://user:pw@app.example.org/",
            "https://app.example.org/cb#",
            "https://app.example.org/cb#x",
            "https://app.example.org\\@evil.example/",
            "https:///cb",
            "https://",
            "https://?a",
            "https://app.example.org:/",
            "https://app.example.org:port/",
            "https://app.example.org:999999/",
            "https://[::1/",
            "https://[evil]/",
            "https://[::1]x/",
            "https://a%2eexample.org/",
            "https://app.example.org/a b",
            "https://app.example.org/\tb",
            "https://app.example.org/\r\nSet-Cookie:x",
            "https://app.example.org/<script>",
            "https://app.example.org/\"",
            "https://äpp.example.org/",
            " https://app.example.org/",
        ] {
            assert_eq!(RedirectUri::parse(bad), Err(InvalidRedirect), "{bad}");
        }
        assert!(RedirectUri::parse(&format!("https://a/{}", "x".repeat(MAX_BYTES))).is_err());
    }

    #[test]
    fn parameters_are_added_to_what_there_is() {
        for (uri, target) in [
            ("https://a/cb", "https://a/cb?duo_code=x%26y&state=s%20%C3%BC%0D%0A"),
            ("https://a/cb?", "https://a/cb?duo_code=x%26y&state=s%20%C3%BC%0D%0A"),
            ("https://a/cb?b=1", "https://a/cb?b=1&duo_code=x%26y&state=s%20%C3%BC%0D%0A"),
            ("https://a/cb?b=1&", "https://a/cb?b=1&duo_code=x%26y&state=s%20%C3%BC%0D%0A"),
            ("https://a", "https://a?duo_code=x%26y&state=s%20%C3%BC%0D%0A"),
        ] {
            let uri = RedirectUri::parse(uri).unwrap();
            assert_eq!(uri.with(&[("duo_code", "x&y"), ("state", "s ü\r\n")]), target);
            assert_eq!(uri.origin(), "https://a");
        }
    }
}
