//! The client assertion (RFC 7523): who calls `health_check` and `token`.

use jiff::Timestamp;

use super::claims::TimeError;
use super::jwt::{JwtError, UnverifiedJwt};

/// The longest `jti`. The SDKs send 32, 36 or 64 characters.
const MAX_JTI_BYTES: usize = 256;

/// What an assertion is for: part of its audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// `/oauth/v1/health_check`
    HealthCheck,
    /// `/oauth/v1/token`
    Token,
}

impl Endpoint {
    /// The path.
    pub const fn path(self) -> &'static str {
        match self {
            Self::HealthCheck => "/oauth/v1/health_check",
            Self::Token => "/oauth/v1/token",
        }
    }
}

/// An assertion whose signature nobody has checked yet.
#[derive(Debug)]
pub struct UnverifiedAssertion(UnverifiedJwt);

/// An assertion that the client has signed for this endpoint, now. Whether its `jti` is new is for the caller to find out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAssertion {
    /// The host with its port, as the client writes it: it expects the same in the `iss` of the answer.
    pub authority: String,
    /// Which assertion it is. Good once.
    pub jti: String,
    /// Until when the same `jti` must be refused: after that its age speaks against it.
    pub remember_until: Timestamp,
}

/// Why an assertion proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// It is none, or another's.
    #[error(transparent)]
    Jwt(#[from] JwtError),
    /// `iss` or `sub` is not the client.
    #[error("iss and sub must both be the client id")]
    WrongIssuer,
    /// It was made for another server or endpoint.
    #[error("aud must be the URL of this endpoint")]
    WrongAudience,
    /// `exp`, `iat` or `nbf`.
    #[error("{0}")]
    Time(&'static str),
    /// Without it a replay could not be told.
    #[error("jti must be a text of at most 256 bytes")]
    BadJti,
}

impl UnverifiedAssertion {
    /// Checks form and header, not the signature.
    pub fn parse(text: &str) -> Result<Self, JwtError> {
        UnverifiedJwt::parse(text).map(Self)
    }

    /// Who the sender says it is: good for looking up a secret, proof of nothing.
    pub fn claimed_client(&self) -> Option<&str> {
        self.0.claimed("iss")
    }

    /// Whether `secret` has signed it.
    pub fn is_signed_with(&self, secret: &[u8]) -> bool {
        self.0.is_signed_with(secret)
    }

    /// Checks everything but whether `jti` is new. `is_ours` says whether a host with its port is a name of this server.
    pub fn verify(
        self,
        client_id: &str,
        secret: &[u8],
        endpoint: Endpoint,
        is_ours: impl Fn(&str) -> bool,
        now: Timestamp,
    ) -> Result<VerifiedAssertion, AssertionError> {
        let claims = self.0.verify(secret)?;
        let is_client = |name| matches!(claims.text(name), Ok(Some(text)) if text == client_id);
        if !is_client("iss") || !is_client("sub") {
            return Err(AssertionError::WrongIssuer);
        }
        let audience = claims.text("aud").ok().flatten().ok_or(AssertionError::WrongAudience)?;
        let authority = audience.strip_prefix("https://").and_then(|rest| rest.strip_suffix(endpoint.path()));
        let authority = authority.filter(|authority| is_ours(authority)).ok_or(AssertionError::WrongAudience)?;
        let remember_until = claims.check_times(now).map_err(|error| AssertionError::Time(time_text(error)))?;
        let jti = claims.text("jti").ok().flatten();
        let jti = jti.filter(|jti| !jti.is_empty() && jti.len() <= MAX_JTI_BYTES).ok_or(AssertionError::BadJti)?;
        Ok(VerifiedAssertion { authority: authority.to_owned(), jti: jti.to_owned(), remember_until })
    }
}

pub(super) const fn time_text(error: TimeError) -> &'static str {
    match error {
        TimeError::NoExpiry => "exp must be a time in seconds",
        TimeError::Expired => "it has expired; is the clock right?",
        TimeError::LivesTooLong => "exp is more than an hour away; is the clock right?",
        TimeError::FromTheFuture => "it is from the future; is the clock right?",
    }
}
