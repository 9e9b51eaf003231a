//! A whole server: listeners, certificate, health. `serve`, the demo and tests start it the same way.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::routing::MethodRouter;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::http::{Edge, Gate, Observe, request_host, with_fallbacks};
use crate::net::{Endpoint, Net, Shutdown, bind, serve};
use crate::ops::{
    Health, Metrics, Operations, ReadinessCheck, give_back_after_bursts, health_routes, operations_routes,
};
use crate::tls::{Certificates, Reload, TlsError};

/// How often certificate files are looked at for changes.
const CERTIFICATE_CHECK: Duration = Duration::from_secs(30);

/// How often samples are folded into their histograms.
const METRICS_FOLD: Duration = Duration::from_secs(5);

/// What the surfaces bring.
pub struct ServerParts {
    /// Room for logins and lists, which the surfaces' handlers take part in.
    pub gate: Arc<Gate>,
    /// Routes of the API and prompt host.
    pub api: Router,
    /// What answers on that host where there is no route; the envelope's 404 if nothing does.
    pub nowhere: Option<MethodRouter>,
    /// Routes of the authenticator's host.
    pub authenticator: Router,
    /// What must work before the server calls itself ready.
    pub readiness: Vec<Arc<dyn ReadinessCheck>>,
}

impl ServerParts {
    /// A server without any surface, with room as `config` says.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        Self {
            gate: Gate::new(&config.limits),
            api: Router::new(),
            nowhere: None,
            authenticator: Router::new(),
            readiness: Vec::new(),
        }
    }
}

/// Why a server did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("cannot listen on {address} (`{key}`): is another server running, or the port below 1024?")]
    Listen {
        key: &'static str,
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("the system gave no random bytes")]
    NoRandomness,
}

/// A started server.
pub struct Running {
    pub addresses: Addresses,
    pub certificates: Certificates,
    pub shutdown: Shutdown,
    net: Arc<Net>,
    accepting: Vec<JoinHandle<()>>,
    operations: JoinHandle<()>,
    drain: Duration,
}

/// Where it listens, with the ports that were taken for 0.
#[derive(Debug, Clone, Copy)]
pub struct Addresses {
    pub api: SocketAddr,
    pub authenticator: SocketAddr,
    pub operations: SocketAddr,
}

/// Listeners that are bound but not yet served: surfaces need the ports before their routes exist.
pub struct Bound {
    api: TcpListener,
    authenticator: Option<TcpListener>,
    operations: TcpListener,
    pub addresses: Addresses,
}

impl Bound {
    /// Binds every listener of `config`.
    pub fn new(config: &Config) -> Result<Self, StartError> {
        let listen = |key, address| {
            let wrap = |source| StartError::Listen { key, address, source };
            let listener = bind(address).map_err(wrap)?;
            let address = listener.local_addr().map_err(wrap)?;
            Ok::<_, StartError>((listener, address))
        };
        let (api, api_address) = listen("listen.api", config.listen.api)?;
        let (authenticator, authenticator_address) = if config.shares_listener() {
            (None, api_address)
        } else {
            let (listener, address) = listen("listen.authenticator", config.listen.authenticator)?;
            (Some(listener), address)
        };
        let (operations, operations_address) = listen("listen.operations", config.listen.operations)?;
        let addresses =
            Addresses { api: api_address, authenticator: authenticator_address, operations: operations_address };
        Ok(Self { api, authenticator, operations, addresses })
    }
}

/// Binds and serves. Returns once requests are answered; see [`Running::stopped`].
///
/// Must be called inside a tokio runtime.
pub fn run_server(parts: ServerParts, config: &Config, shutdown: Shutdown) -> Result<Running, StartError> {
    serve_bound(Bound::new(config)?, parts, config, shutdown)
}

/// As [`run_server`], on listeners bound before.
pub fn serve_bound(
    bound: Bound,
    parts: ServerParts,
    config: &Config,
    shutdown: Shutdown,
) -> Result<Running, StartError> {
    let certificates = Certificates::open(config, now())?;
    let tls = certificates.server_config()?;
    let edge = Arc::new(Edge::new(config, random_seed()?));
    let net = Net::new(config.limits.clone(), edge, shutdown.clone());
    let health = Health::new(shutdown.clone(), parts.readiness);
    let observe = Observe::default();
    let complete = |router: Router| router.merge(health_routes(health.clone())).layer(observe.clone());

    let api = match parts.nowhere {
        Some(nowhere) => with_fallbacks(parts.api).fallback(nowhere),
        None => with_fallbacks(parts.api),
    };
    let api = complete(api);
    let authenticator = complete(with_fallbacks(parts.authenticator));
    let mut accepting = Vec::new();
    let mut accept = |listener, tls, router| {
        accepting.push(tokio::spawn(serve(Endpoint { listener, tls, router }, net.clone())));
    };
    match bound.authenticator {
        Some(listener) => {
            accept(bound.api, Some(tls.clone()), api);
            accept(listener, Some(tls), authenticator);
        }
        None => accept(bound.api, Some(tls), by_host(config.hosts.authenticator.name.clone(), authenticator, api)),
    }
    tokio::spawn(keep_certificate_fresh(certificates.clone(), shutdown.clone()));

    tokio::spawn(give_back_after_bursts(Arc::downgrade(&net), shutdown.clone()));

    let metrics = Metrics::install();
    if let Some(metrics) = metrics.clone() {
        tokio::spawn(fold_metrics(metrics, shutdown.clone()));
    }

    // The operations listener answers until the very end, so that a drain can be watched: it has a shutdown of its own.
    let operations_shutdown = Shutdown::new();
    let operations_net =
        Net::new(config.limits.clone(), Arc::new(Edge::new(config, random_seed()?)), operations_shutdown.clone());
    let router = complete(with_fallbacks(operations_routes(Operations {
        health: health.clone(),
        metrics,
        certificates: certificates.clone(),
        gate: parts.gate,
        net: Arc::downgrade(&net),
        started_at: now(),
    })));
    let endpoint = Endpoint { listener: bound.operations, tls: None, router };
    let ended = shutdown.clone();
    let operations = tokio::spawn(async move {
        tokio::select! {
            () = serve(endpoint, operations_net) => {}
            () = ended.closing() => operations_shutdown.close(),
        }
    });
    Ok(Running { addresses: bound.addresses, certificates, shutdown, net, accepting, operations, drain: config.drain })
}

impl Running {
    /// Connections of clients open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.net.connections()
    }

    /// Resolves when the server has stopped: after [`Shutdown::drain`] once every waiting call has its answer or the
    /// drain time is over, after [`Shutdown::close`] at once. Says whether every connection ended by itself.
    pub async fn stopped(self) -> bool {
        for accepting in self.accepting {
            // A loop that panicked has stopped as well.
            let _ = accepting.await;
        }
        let drained = tokio::select! {
            // First: connections that end because they were closed have not ended by themselves.
            biased;
            () = self.shutdown.closing() => false,
            drained = tokio::time::timeout(self.drain, self.net.finished()) => drained.is_ok(),
        };
        self.shutdown.close();
        self.net.finished().await;
        let _ = self.operations.await;
        drained
    }
}

/// One listener for two hosts: `authenticator` for its name, `api` for every other.
fn by_host(name: String, authenticator: Router, api: Router) -> Router {
    let name: Arc<str> = name.into();
    Router::new().fallback(move |request: axum::extract::Request| {
        let host = request_host(request.uri(), request.headers()).unwrap_or_default();
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        let mut router = if host.eq_ignore_ascii_case(&name) { authenticator.clone() } else { api.clone() };
        async move {
            let answered: Result<_, std::convert::Infallible> = tower::Service::call(&mut router, request).await;
            answered.unwrap_or_else(|never| match never {})
        }
    })
}

async fn keep_certificate_fresh(certificates: Certificates, shutdown: Shutdown) {
    let mut hangup = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok();
    loop {
        let hung_up = async {
            match &mut hangup {
                Some(hangup) => hangup.recv().await,
                None => std::future::pending().await,
            }
        };
        let outcome = tokio::select! {
            () = shutdown.draining() => return,
            _ = hung_up => certificates.reload(),
            () = tokio::time::sleep(CERTIFICATE_CHECK) => certificates.refresh(now()),
        };
        match outcome {
            Ok(Reload::Unchanged) => {}
            Ok(Reload::Replaced) => tracing::info!("new certificate in use"),
            Err(error) => tracing::error!(
                error = %error,
                cause = ?std::error::Error::source(&error).map(ToString::to_string),
                "the new certificate cannot be used; the old one stays"
            ),
        }
    }
}

async fn fold_metrics(metrics: Metrics, shutdown: Shutdown) {
    loop {
        tokio::select! {
            () = shutdown.closing() => return,
            () = tokio::time::sleep(METRICS_FOLD) => metrics.fold(),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "certificates and the status page live by the real clock")]
pub(crate) fn now() -> Timestamp {
    Timestamp::now()
}

fn random_seed() -> Result<u64, StartError> {
    let mut seed = [0; 8];
    aws_lc_rs::rand::fill(&mut seed).map_err(|_| StartError::NoRandomness)?;
    Ok(u64::from_ne_bytes(seed))
}
