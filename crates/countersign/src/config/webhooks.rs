//! Where webhooks go and what they are signed with.

use std::fmt;
use std::path::PathBuf;

use data_encoding::BASE64;
use ipnet::IpNet;
use url::Url;
use zeroize::Zeroizing;

use super::value::{Raw, ValueError};

const URL_SHAPE: ValueError = ValueError::Expected("an `https://` address, without a user name or a password");
const SECRET_SHAPE: ValueError =
    ValueError::Expected("`whsec_` and 24 to 64 bytes in base64; make one with: echo whsec_$(openssl rand -base64 32)");

/// What all webhooks share.
#[derive(Debug, Clone)]
pub struct Webhooks {
    /// The key of their signatures.
    pub secret: WebhookSecret,
    /// PEM certificates to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// Networks that may be spoken to although they are not public.
    pub allowed_networks: Vec<IpNet>,
}

/// The same while the configuration is read.
#[derive(Default)]
pub(super) struct WebhooksDraft {
    pub(super) secret: Option<WebhookSecret>,
    pub(super) ca: Option<PathBuf>,
    pub(super) allowed_networks: Vec<IpNet>,
}

impl WebhooksDraft {
    pub(super) fn finish(&mut self) -> Option<Webhooks> {
        let secret = self.secret.take()?;
        Some(Webhooks { secret, ca: self.ca.take(), allowed_networks: std::mem::take(&mut self.allowed_networks) })
    }
}

/// An address that messages are posted to. Its path may be a secret, so only its host is printed.
#[derive(Clone)]
pub struct WebhookUrl(Url);

impl WebhookUrl {
    pub(super) fn parse(raw: Raw) -> Result<Self, ValueError> {
        Self::parse_text(&raw.text()?)
    }

    pub fn parse_text(text: &str) -> Result<Self, ValueError> {
        let url = Url::parse(text).map_err(|_| URL_SHAPE)?;
        // `http` only gets as far as networks that are listed; the address decides.
        let is_usable = matches!(url.scheme(), "https" | "http")
            && url.host().is_some()
            && url.username().is_empty()
            && url.password().is_none();
        if is_usable { Ok(Self(url)) } else { Err(URL_SHAPE) }
    }

    /// The whole address.
    pub(crate) fn expose(&self) -> &Url {
        &self.0
    }
}

impl fmt::Display for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/…", self.0.origin().ascii_serialization())
    }
}

impl fmt::Debug for WebhookUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WebhookUrl({self})")
    }
}

/// The key of the signatures.
#[derive(Clone)]
pub struct WebhookSecret(Zeroizing<Vec<u8>>);

impl WebhookSecret {
    pub(super) fn parse(raw: Raw) -> Result<Self, ValueError> {
        Self::parse_text(&Zeroizing::new(raw.text()?))
    }

    pub fn parse_text(text: &str) -> Result<Self, ValueError> {
        let encoded = text.strip_prefix("whsec_").ok_or(SECRET_SHAPE)?;
        let bytes = Zeroizing::new(BASE64.decode(encoded.as_bytes()).map_err(|_| SECRET_SHAPE)?);
        if (24..=64).contains(&bytes.len()) { Ok(Self(bytes)) } else { Err(SECRET_SHAPE) }
    }

    /// The bytes.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("WebhookSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_secrets_are_not_printed() {
        let url = WebhookUrl::parse_text("https://hooks.example.org/T0K3N?key=K3Y").unwrap();
        assert_eq!(format!("{url} {url:?}"), "https://hooks.example.org/… WebhookUrl(https://hooks.example.org/…)");
        let secret = WebhookSecret::parse_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(format!("{secret:?}"), "WebhookSecret(..)");
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        for url in ["ftp://example.org/", "example.org", "https://user:pw@example.org/", "https://"] {
            assert!(WebhookUrl::parse_text(url).is_err(), "{url}");
        }
        for secret in ["", "whsec_", "whsec_c2hvcnQ=", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_not base64!"] {
            assert!(WebhookSecret::parse_text(secret).is_err(), "{secret}");
        }
    }
}
