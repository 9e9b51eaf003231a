//! `GET /oauth/v1/authorize`: the request object, and the query around it.

use jiff::{SignedDuration, Timestamp};

use super::assertion::time_text;
use super::claims::Claims;
use super::jwt::{JwtError, MAX_JWT_BYTES, UnverifiedJwt};
use super::redirect::{CodeName, RedirectUri};
use crate::params::{ParamError, Params};

/// Bounds of `state`, in characters: Duo's. Shorter ones do not protect a client against requests it did not make.
const STATE_CHARS: std::ops::RangeInclusive<usize> = 16..=1024;
const MAX_STATE_BYTES: usize = 4 * 1024;
const MAX_NONCE_BYTES: usize = 1024;
const MAX_USERNAME_BYTES: usize = 1024;
const MAX_CLIENT_ID_BYTES: usize = 64;
const MAX_URI_BYTES: usize = 4 * 1024;

/// What stands in the query, signed by nobody.
#[derive(Debug)]
pub struct AuthorizeQuery {
    /// The client.
    pub client_id: String,
    request: String,
    response_type: Option<String>,
    scope: Option<String>,
    redirect_uri: Option<String>,
    state: Option<String>,
    nonce: Option<String>,
    /// The Java SDK puts the redirect URI into the query without encoding it.
    raw: String,
}

/// A request object whose signature nobody has checked yet.
#[derive(Debug)]
pub struct UnverifiedRequest {
    jwt: UnverifiedJwt,
    query: AuthorizeQuery,
}

/// What the client asks for, signed by it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizeRequest {
    /// Where the browser goes at the end.
    pub redirect_uri: RedirectUri,
    /// Comes back to the client with the browser.
    pub state: String,
    /// Comes back to the client in the `id_token`.
    pub nonce: Option<String>,
    /// Who logs in, as the application calls them. Duo's clients always say it; an extension of ours: `None` where the person is to say it with a passkey.
    pub username: Option<String>,
    /// What the client calls the code.
    pub code_name: CodeName,
}

impl AuthorizeRequest {
    /// What the client is told where nobody logs in without a name.
    pub fn needs_name(&self) -> AuthorizeError {
        answered(&self.redirect_uri, &self.state, "invalid_request", NEEDS_NAME)
    }
}

const NEEDS_NAME: &str = "duo_uname must be a user name.";

fn answered(redirect_uri: &RedirectUri, state: &str, error: &str, description: &'static str) -> AuthorizeError {
    let params = [("error", error), ("error_description", description), ("state", state)];
    AuthorizeError::Answered { description, answer: Box::new(ErrorAnswer { location: redirect_uri.with(&params) }) }
}

/// Where to send the browser with an error: only ever where a signed request said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ErrorAnswer {
    /// The redirect URI with `error`, `error_description` and `state`.
    pub location: String,
}

/// Why nobody can log in this way.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizeError {
    /// The query cannot be read.
    #[error(transparent)]
    Params(#[from] ParamError),
    /// The request object is none, or not the client's.
    #[error("request: {0}")]
    Jwt(#[from] JwtError),
    /// It was made too long ago, or the client's clock is wrong.
    #[error("request: {what}")]
    Time {
        /// What is wrong.
        what: &'static str,
        /// By how much: positive if it has expired, negative if it is from the future.
        late_by: Option<SignedDuration>,
    },
    /// It is signed, but says something else than what surrounds it, or lacks something.
    #[error("request: {0} is missing, wrong or differs from the query")]
    Claim(&'static str),
    /// What the client can be told, since it is the client and its redirect URI is good.
    #[error("{description}")]
    Answered {
        /// The same for people.
        description: &'static str,
        /// Where to send the browser.
        answer: Box<ErrorAnswer>,
    },
}

impl AuthorizeQuery {
    /// Reads a query.
    pub fn parse(query: &str) -> Result<Self, ParamError> {
        let params = Params::from_form(query.as_bytes())?;
        let text = |name, max| params.filled(name, max);
        Ok(Self {
            client_id: params.required("client_id", MAX_CLIENT_ID_BYTES)?,
            request: params.required("request", MAX_JWT_BYTES)?,
            response_type: text("response_type", 64)?,
            scope: text("scope", 256)?,
            redirect_uri: text("redirect_uri", MAX_URI_BYTES)?,
            state: text("state", MAX_STATE_BYTES)?,
            nonce: text("nonce", MAX_NONCE_BYTES)?,
            raw: query.to_owned(),
        })
    }

    /// Checks form and header of the request object, not its signature.
    pub fn request(self) -> Result<UnverifiedRequest, JwtError> {
        Ok(UnverifiedRequest { jwt: UnverifiedJwt::parse(&self.request)?, query: self })
    }

    /// Whether the query says `uri`, or nothing.
    fn has_redirect(&self, uri: &str) -> bool {
        let Some(said) = &self.redirect_uri else { return true };
        let as_is = |piece: &str| {
            let rest = piece.strip_prefix("redirect_uri=").and_then(|rest| rest.strip_prefix(uri));
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('&'))
        };
        said == uri || as_is(&self.raw) || self.raw.match_indices('&').any(|(at, _)| as_is(&self.raw[at + 1..]))
    }
}

impl UnverifiedRequest {
    /// Who the query says it is.
    pub fn client_id(&self) -> &str {
        &self.query.client_id
    }

    /// Whether `secret` has signed it.
    pub fn is_signed_with(&self, secret: &[u8]) -> bool {
        self.jwt.is_signed_with(secret)
    }

    /// Checks it with the client's secret. `is_ours` says whether a host with its port is a name of this server.
    pub fn verify(
        self,
        secret: &[u8],
        is_ours: impl Fn(&str) -> bool,
        now: Timestamp,
    ) -> Result<AuthorizeRequest, AuthorizeError> {
        let Self { jwt, query } = self;
        let claims = jwt.verify(secret)?;
        let text = |name| claims.text(name).map_err(AuthorizeError::Claim);
        if text("client_id")? != Some(&query.client_id) {
            return Err(AuthorizeError::Claim("client_id"));
        }
        // Absent in the Java SDK's.
        if text("iss")?.is_some_and(|issuer| issuer != query.client_id) {
            return Err(AuthorizeError::Claim("iss"));
        }
        if text("aud")?.is_some_and(|audience| !is_audience(audience, &is_ours)) {
            return Err(AuthorizeError::Claim("aud"));
        }
        let wrong_time = |error| AuthorizeError::Time { what: time_text(error), late_by: claims.late_by(now) };
        claims.check_times(now).map_err(wrong_time)?;
        let redirect_uri = text("redirect_uri")?.ok_or(AuthorizeError::Claim("redirect_uri"))?;
        let redirect_uri = RedirectUri::parse(redirect_uri).map_err(|_| AuthorizeError::Claim("redirect_uri"))?;
        if !query.has_redirect(redirect_uri.as_str()) {
            return Err(AuthorizeError::Claim("redirect_uri"));
        }
        let state = agreed(&claims, "state", &query.state)?.ok_or(AuthorizeError::Claim("state"))?;
        if !STATE_CHARS.contains(&state.chars().count()) {
            return Err(AuthorizeError::Claim("state"));
        }
        // From here on the client can be told.
        let answered = |error: &str, description| answered(&redirect_uri, &state, error, description);
        let invalid = |description| answered("invalid_request", description);
        for said in [claims.text("response_type").ok().flatten(), query.response_type.as_deref()] {
            if said != Some("code") {
                return Err(answered("unsupported_response_type", "response_type must be code."));
            }
        }
        let is_openid = |scope: &str| scope.split(' ').any(|one| one == "openid");
        let scope = claims.text("scope").ok().flatten();
        if !scope.is_some_and(is_openid) || query.scope.as_deref().is_some_and(|scope| !is_openid(scope)) {
            return Err(answered("invalid_scope", "scope must be openid."));
        }
        let nonce = agreed(&claims, "nonce", &query.nonce).map_err(|_| invalid("nonce is not one text."))?;
        if nonce.as_ref().is_some_and(|nonce| nonce.len() > MAX_NONCE_BYTES) {
            return Err(invalid("nonce is too long."));
        }
        let username = match claims.text("duo_uname") {
            Ok(Some(name)) if !name.trim().is_empty() && name.len() <= MAX_USERNAME_BYTES => Some(name.to_owned()),
            Ok(None) => None,
            Ok(Some(_)) | Err(_) => return Err(invalid(NEEDS_NAME)),
        };
        let named = claims.flag("use_duo_code_attribute");
        let code_name = match named.map_err(|_| invalid("use_duo_code_attribute must be true or false."))? {
            true => CodeName::DuoCode,
            false => CodeName::Code,
        };
        Ok(AuthorizeRequest { redirect_uri, state, nonce, username, code_name })
    }
}

/// The value of `name`, which may stand in the claims, in the query, or the same in both.
fn agreed(claims: &Claims, name: &'static str, in_query: &Option<String>) -> Result<Option<String>, AuthorizeError> {
    let signed = claims.text(name).map_err(AuthorizeError::Claim)?.filter(|text| !text.is_empty());
    match (signed, in_query) {
        (Some(signed), Some(in_query)) if signed != in_query => Err(AuthorizeError::Claim(name)),
        (Some(signed), _) => Ok(Some(signed.to_owned())),
        // The Python SDK's nonce.
        (None, in_query) => Ok(in_query.clone()),
    }
}

/// `https://HOST`, or the authorize URL as the .NET SDK says.
fn is_audience(audience: &str, is_ours: impl Fn(&str) -> bool) -> bool {
    audience.strip_prefix("https://").is_some_and(|rest| {
        let end = rest.find('/').unwrap_or(rest.len());
        is_ours(&rest[..end]) && matches!(&rest[end..], "" | "/" | "/oauth/v1/authorize")
    })
}
