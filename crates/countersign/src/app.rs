//! What every handler of the surfaces has at hand.

use std::sync::Arc;
use std::time::Instant;

use axum::extract::FromRef;
use cs_core::id::{AccountId, IntegrationKey};
use cs_core::secret::PlainCode;
use cs_engine::Engine;
use cs_wire::signing::PublicName;

use crate::config::Limits;
use crate::http::{Failure, Gate, LegacyUses, LoginClients, RateLimiter, RefusedClients};

/// Seconds' worth of requests that one integration may send at once.
const INTEGRATION_BURST_SECONDS: u32 = 5;

/// The state of the surfaces' routers. Cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    engine: Engine,
    names: Vec<PublicName>,
    api_authority: String,
    gate: Arc<Gate>,
    per_integration: Option<RateLimiter<(AccountId, IntegrationKey)>>,
    legacy_uses: LegacyUses,
    refused_clients: RefusedClients,
    login_clients: LoginClients,
}

/// What an [`App`] is made of.
pub struct AppParts {
    /// The use cases.
    pub engine: Engine,
    /// The API host as clients write it: `name`, or `name:port` where the port is not 443.
    pub api_authority: String,
    /// Further names under which clients reach the API and sign for; behind a port forwarding, for instance.
    pub other_names: Vec<String>,
    /// Room for logins and lists.
    pub gate: Arc<Gate>,
    /// Bounds on what clients can do.
    pub limits: Limits,
}

impl App {
    /// The state of one server.
    #[must_use]
    pub fn new(parts: AppParts) -> Self {
        let AppParts { engine, api_authority, other_names, gate, limits } = parts;
        let names = std::iter::once(&api_authority).chain(&other_names).map(|name| PublicName::new(name)).collect();
        let rate = limits.integration_per_second;
        let per_integration =
            (rate > 0).then(|| RateLimiter::new(rate, rate.saturating_mul(INTEGRATION_BURST_SECONDS), Instant::now()));
        Self(Arc::new(Inner {
            engine,
            names,
            api_authority,
            gate,
            per_integration,
            legacy_uses: LegacyUses::default(),
            refused_clients: RefusedClients::default(),
            login_clients: LoginClients::default(),
        }))
    }

    /// The use cases.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// The names that clients may have signed instead of the `Host` they sent.
    #[must_use]
    pub fn names(&self) -> &[PublicName] {
        &self.0.names
    }

    /// The API host as clients write it, with its port where that is not 443.
    #[must_use]
    pub fn api_authority(&self) -> &str {
        &self.0.api_authority
    }

    /// The address of the enrollment link with this code.
    #[must_use]
    pub fn enrollment_url(&self, code: &PlainCode) -> String {
        format!("https://{}/enroll/{}", self.0.api_authority, code.expose())
    }

    /// Room for logins and lists.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.0.gate
    }

    /// Counts a request of an integration whose signature was checked; refuses beyond its rate.
    pub(crate) fn count_request(&self, account: AccountId, key: IntegrationKey) -> Result<(), Failure> {
        let Some(limiter) = &self.0.per_integration else { return Ok(()) };
        limiter.check(&(account, key), Instant::now()).map_err(|limited| {
            Failure::too_many_requests("This integration sends too many requests.", limited.retry_after)
        })
    }

    /// Which integrations have lately signed without a date.
    #[must_use]
    pub(crate) fn legacy_uses(&self) -> &LegacyUses {
        &self.0.legacy_uses
    }

    /// Which clients the log has lately told of, because they do not sign as they should.
    #[must_use]
    pub(crate) fn refused_clients(&self) -> &RefusedClients {
        &self.0.refused_clients
    }

    /// What programs that ask for logins have lately said of themselves.
    #[must_use]
    pub(crate) fn login_clients(&self) -> &LoginClients {
        &self.0.login_clients
    }
}

impl FromRef<App> for Arc<Gate> {
    fn from_ref(app: &App) -> Self {
        Self::clone(&app.0.gate)
    }
}
