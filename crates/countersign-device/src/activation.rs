//! What a person is given to activate a device: a bare code, a `duo://` URI (from a QR code) or a link.

use cs_wire::device::{ActivationCode, ActivationLink};
use url::{Host, Url};
use zeroize::Zeroizing;

/// A code and where to use it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activation {
    code: ActivationCode,
    origin: String,
}

/// Why an activation code cannot be used as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ActivationError {
    /// Not a code, URI or link.
    #[error(
        "this is not an activation code: expected 20 letters and digits, duo://CODE-HOST, or https://HOST/authenticator/activate#CODE"
    )]
    Shape,
    /// A bare code does not say where to go.
    #[error("a bare code does not say which server issued it: add --origin https://HOST, or use the whole link")]
    NoOrigin,
    /// The origin is not `https://HOST[:PORT]`.
    #[error("the origin must be https://HOST or https://HOST:PORT (http only on this machine itself)")]
    Origin,
    /// The link and `--origin` disagree.
    #[error("the activation link names another server than --origin; use one of them")]
    TwoOrigins,
}

impl Activation {
    /// Reads `text`, a bare code, a `duo://CODE-BASE64(host)` URI or an activation link.
    ///
    /// A bare code needs `origin`; with the other two an `origin` that differs is refused, not preferred.
    ///
    /// # Errors
    /// [`ActivationError`] says which part is wrong.
    pub fn parse(text: &str, origin: Option<&str>) -> Result<Self, ActivationError> {
        let origin = origin.map(parse_origin).transpose()?;
        if let Ok(code) = text.trim().parse() {
            return Ok(Self { code, origin: origin.ok_or(ActivationError::NoOrigin)? });
        }
        let link = ActivationLink::parse(text).map_err(|_| ActivationError::Shape)?;
        let named = parse_origin(&link.origin())?;
        if origin.is_some_and(|given| given != named) {
            return Err(ActivationError::TwoOrigins);
        }
        Ok(Self { code: link.code().clone(), origin: named })
    }

    /// The one-time code.
    #[must_use]
    pub const fn code(&self) -> &ActivationCode {
        &self.code
    }

    /// Where it is used, e.g. `https://auth.example.org:8443`.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The link for another authenticator, e.g. to be shown as a QR code.
    #[must_use]
    pub fn link(&self) -> Zeroizing<String> {
        Zeroizing::new(format!("{}/authenticator/activate#{}", self.origin, self.code.expose()))
    }
}

/// `text` as a canonical origin.
fn parse_origin(text: &str) -> Result<String, ActivationError> {
    let url = Url::parse(text.trim()).map_err(|_| ActivationError::Origin)?;
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(ActivationError::Origin);
    }
    origin_of(&url)
}

/// The origin of `url`, where it may carry keys: HTTPS, or plain HTTP that does not leave this machine (what
/// browsers call a potentially trustworthy origin).
fn origin_of(url: &Url) -> Result<String, ActivationError> {
    let safe = url.scheme() == "https" || (url.scheme() == "http" && is_local(url));
    if !safe || !url.username().is_empty() || url.password().is_some() {
        return Err(ActivationError::Origin);
    }
    Ok(url.origin().ascii_serialization())
}

/// Whether `origin` is on this machine.
pub(crate) fn is_loopback(origin: &str) -> bool {
    Url::parse(origin).is_ok_and(|url| is_local(&url))
}

fn is_local(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::{BASE64, BASE64_NOPAD};
    use proptest::prelude::*;

    const CODE: &str = "abcdefghij0123456789";

    fn origin(text: &str) -> Result<String, ActivationError> {
        Activation::parse(text, None).map(|a| {
            assert_eq!(a.code().expose(), CODE);
            a.origin().to_owned()
        })
    }

    #[test]
    fn the_three_ways_to_write_an_activation() {
        let host = BASE64.encode(b"auth.example.org:8443");
        assert_eq!(origin(&format!("duo://{CODE}-{host}")).unwrap(), "https://auth.example.org:8443");
        assert_eq!(
            origin(&format!("duo://{CODE}-{}", BASE64_NOPAD.encode(b"auth.example.org"))).unwrap(),
            "https://auth.example.org"
        );
        assert_eq!(
            origin(&format!(" https://auth.example.org/authenticator/activate#{CODE}\n")).unwrap(),
            "https://auth.example.org"
        );
        assert_eq!(origin(CODE), Err(ActivationError::NoOrigin));
        let bare = Activation::parse(CODE, Some("https://AUTH.example.org:443/")).unwrap();
        assert_eq!(bare.origin(), "https://auth.example.org");
        assert_eq!(*bare.link(), format!("https://auth.example.org/authenticator/activate#{CODE}"));
    }

    #[test]
    fn keys_go_over_https_or_stay_on_this_machine() {
        for ok in ["http://localhost:8080", "http://127.0.0.1:1", "http://[::1]:1", "http://auth.localhost"] {
            assert!(Activation::parse(CODE, Some(ok)).is_ok(), "{ok}");
        }
        for bad in [
            "http://auth.example.org",
            "ftp://x",
            "https://u:p@x",
            "https://x/path",
            "https://x?q",
            "auth.example.org",
            "http://localhost.evil.example",
        ] {
            assert_eq!(Activation::parse(CODE, Some(bad)), Err(ActivationError::Origin), "{bad}");
        }
    }

    #[test]
    fn a_link_and_an_origin_must_agree() {
        let link = format!("https://a.example/authenticator/activate#{CODE}");
        assert!(Activation::parse(&link, Some("https://a.example")).is_ok());
        assert_eq!(Activation::parse(&link, Some("https://b.example")), Err(ActivationError::TwoOrigins));
    }

    #[test]
    fn anything_else_is_not_a_code() {
        for bad in [
            "",
            "short",
            "duo://",
            "duo://abc",
            "https://a.example/#abcdefghij0123456789",
            "duo://abcdefghij0123456789-%%%",
            "abcdefghij012345678é",
        ] {
            assert!(matches!(origin(bad), Err(ActivationError::Shape)), "{bad}");
        }
    }

    #[test]
    fn debug_output_does_not_hold_the_code() {
        let activation = Activation::parse(CODE, Some("https://a.example")).unwrap();
        assert!(!format!("{activation:?}").contains(CODE));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in ".{0,80}", origin in proptest::option::of(".{0,40}")) {
            let _ = Activation::parse(&text, origin.as_deref());
        }
    }
}
