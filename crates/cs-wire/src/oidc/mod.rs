//! The OIDC Auth API (`/oauth/v1/…`): what Duo's Universal Prompt SDKs send and check (duo.com/docs/oauthapi).
//!
//! | file | holds |
//! | --- | --- |
//! | `jwt` | HS512 under the client secret, the one algorithm there is |
//! | `claims` | values as the SDKs spell them: `exp` as integer, float or text |
//! | `assertion` | who calls `health_check` and `token` |
//! | `authorize` | the request object, and its agreement with the query around it |
//! | `redirect` | where a browser may be sent |
//! | `token` | the token request and its answer |
//! | `id_token` | what an application learns of a login |
//! | `form` | parameters from a form, a multipart body, or a query beside an empty body |

mod assertion;
mod authorize;
mod claims;
mod form;
mod id_token;
mod jwt;
mod redirect;
mod token;

#[cfg(test)]
mod tests;

pub use assertion::{AssertionError, Endpoint, UnverifiedAssertion, VerifiedAssertion};
pub use authorize::{AuthorizeError, AuthorizeQuery, AuthorizeRequest, ErrorAnswer, UnverifiedRequest};
pub use form::read_form;
pub use id_token::{
    AccessDevice, Application, AuthContext, AuthDevice, AuthResult, Flag, IdToken, Location, TrustedEndpoint, User,
};
pub use jwt::{JwtError, MAX_JWT_BYTES};
pub use redirect::{CodeName, InvalidRedirect, RedirectUri};
pub use token::{
    HealthAnswer, HealthCheckRequest, HealthFailure, TokenAnswer, TokenError, TokenErrorCode, TokenRequest,
};

use jiff::SignedDuration;

/// How far a client's clock may be off, both ways (the SDKs allow as much).
pub const LEEWAY: SignedDuration = SignedDuration::from_secs(60);

/// How long a client may let a JWT of its own live: the Java SDK says an hour, the others five minutes.
pub const MAX_LIFE: SignedDuration = SignedDuration::from_hours(1);

/// How long an `id_token` is good for.
pub const ID_TOKEN_LIFE: SignedDuration = SignedDuration::from_mins(5);
