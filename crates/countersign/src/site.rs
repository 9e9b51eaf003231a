//! What `config` describes, opened: database, keys, use cases, and the surfaces on top of them.

use std::sync::Arc;

use axum::Router;
use axum::routing::any;
use cs_engine::passkeys::{RelyingParty, RelyingPartyError};
use cs_engine::telephony::Telephony;
use cs_engine::{Clock, Engine, EngineConfig, Geo, GeoError, GeoFiles};
use cs_store::audit::Exporter;
use cs_store::vault::MasterKey;
use cs_store::{Database, Store, StoreConfig, StoreError};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::app::{App, AppParts};
use crate::config::{Config, DatabaseUrl, MasterKeyError};
use crate::http::{assets, looks};
use crate::net::Shutdown;
use crate::ops::ReadinessCheck;
use crate::outbound::checkpoints::CheckpointWebhook;
use crate::server::{Addresses, ServerParts};
use crate::versions::{VersionTable, VersionTableError};
use crate::{
    admin_api, agent, auth_api, authenticator, enroll, frame, oauth, panel, portal, rest_v1, telephony, well_known,
};

/// Who opens the database: nodes that share one must have different names, and so must a command beside a running server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenedBy {
    /// The server of this machine.
    Server,
    /// A command on a terminal.
    Terminal,
}

/// Why the installation cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    #[error("cannot open the database {place}")]
    Database {
        place: String,
        #[source]
        source: StoreError,
    },
    #[error("cannot read what is known about addresses")]
    Geo(#[from] GeoError),
    #[error("the configuration names no relying party for passkeys")]
    RelyingParty(#[from] RelyingPartyError),
    #[error(
        "`hosts.parent` is {configured}, but passkeys and security keys here are bound to {pinned} and would all be lost: \
         set it back; further names go into `hosts.related_origins`"
    )]
    Moved { pinned: String, configured: String },
    #[error("cannot read the table of versions that ships with the server")]
    Versions(#[from] VersionTableError),
}

/// How the store of `config` is opened with `master`.
#[must_use]
pub fn store_config(config: &Config, master: Arc<MasterKey>, by: OpenedBy) -> StoreConfig {
    let database = match &config.database {
        DatabaseUrl::Sqlite(path) => Database::Sqlite(path.clone()),
        DatabaseUrl::Postgres(url) => Database::Postgres(url.expose().to_owned()),
    };
    let mut store = StoreConfig::new(database, master);
    let host = host_name();
    store.node = match by {
        OpenedBy::Server => host,
        OpenedBy::Terminal => format!("{host}/terminal"),
    };
    store.high_water = Some(high_water_path(config));
    store.exporters = exporters(config);
    store
}

/// Where checkpoints of the audit log go.
fn exporters(config: &Config) -> Vec<Exporter> {
    let mut exporters: Vec<_> = config.checkpoint_file.iter().map(|path| Exporter::File(path.clone())).collect();
    exporters.extend(config.checkpoint_syslog.iter().map(|syslog| Exporter::Syslog(syslog.clone())));
    if let (Some(url), Some(settings)) = (&config.checkpoint_webhook, &config.webhooks) {
        match CheckpointWebhook::new(url, settings) {
            Ok(webhook) => exporters.push(Exporter::Other(Arc::new(webhook))),
            // The log goes on: what is written now can be verified against a later export.
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "`audit.checkpoint_webhook` cannot be used");
            }
        }
    }
    exporters
}

/// The file that remembers how far the database had come.
#[must_use]
pub fn high_water_path(config: &Config) -> std::path::PathBuf {
    config.data_dir.join("high-water.json")
}

/// Reads the master key.
pub fn master_key(config: &Config) -> Result<Arc<MasterKey>, MasterKeyError> {
    config.master_key.load().map(Arc::new)
}

/// Opens the database. Refuses one that is older than it was, and one of a newer program.
pub async fn open_store(config: &Config, by: OpenedBy) -> Result<Store, SiteError> {
    let master = master_key(config)?;
    let wrong = |source| SiteError::Database { place: config.database.to_string(), source };
    let store = Store::open(store_config(config, master, by)).await.map_err(wrong)?;
    match store.relying_party().await.map_err(wrong)? {
        Some(pinned) if pinned != config.hosts.parent => {
            Err(SiteError::Moved { pinned, configured: config.hosts.parent.clone() })
        }
        Some(_) | None => Ok(store),
    }
}

/// The use cases on `store`, reached at `addresses`.
pub fn engine(config: &Config, store: Store, clock: Clock, addresses: Addresses) -> Result<Engine, SiteError> {
    let geo = geo(config)?;
    Ok(Engine::new(EngineConfig {
        store,
        clock,
        geo,
        node: host_name(),
        authenticator_origin: config.hosts.authenticator.origin(addresses.authenticator.port()),
        mail: config.mail.is_some(),
        telephony: telephony_of(config),
        versions: VersionTable::shipped()?.versions,
        relying_party: relying_party(config, addresses)?,
    }))
}

/// What the gateway of `config` is used for.
#[must_use]
pub fn telephony_of(config: &Config) -> Telephony {
    config.telephony.as_ref().map(|telephony| telephony.offers.clone()).unwrap_or_default()
}

/// Who browsers believe this installation to be: the parent domain, with pages on the API and prompt host, and the authenticator, to which a passkey can bring an account.
pub fn relying_party(config: &Config, addresses: Addresses) -> Result<RelyingParty, RelyingPartyError> {
    let prompt = config.hosts.api.origin(addresses.api.port());
    let authenticator = config.hosts.authenticator.origin(addresses.authenticator.port());
    RelyingParty::new(&config.hosts.parent, &[prompt, authenticator], &config.hosts.related_origins)
}

/// What `config` says is known about addresses.
pub fn geo(config: &Config) -> Result<Geo, GeoError> {
    let files = GeoFiles { places: config.country_database.clone(), anonymous: config.anonymous_lists.clone() };
    Geo::open(files, config.private_country)
}

/// Opens everything for a command on a terminal.
pub async fn open_for_terminal(config: &Config) -> Result<Engine, SiteError> {
    let store = open_store(config, OpenedBy::Terminal).await?;
    let listen = &config.listen;
    let addresses = Addresses { api: listen.api, authenticator: listen.authenticator, operations: listen.operations };
    engine(config, store, Clock::System, addresses)
}

/// The routes of every surface, and what must work for them. What streams ends when `shutdown` begins to drain.
#[must_use]
pub fn surfaces(engine: &Engine, config: &Config, addresses: Addresses, shutdown: &Shutdown) -> ServerParts {
    let mut parts = ServerParts::new(config);
    let app = App::new(AppParts {
        engine: engine.clone(),
        api_authority: config.hosts.api.authority(addresses.api.port()),
        other_names: vec![config.hosts.api.name.clone(), format!("{}:{}", config.hosts.api.name, addresses.api.port())],
        gate: parts.gate.clone(),
        limits: config.limits.clone(),
    });
    parts.nowhere = Some(any(frame::nothing_here).with_state(app.clone()));
    parts.api = Router::new()
        .merge(auth_api::routes(app.clone()))
        .merge(rest_v1::routes(app.clone()))
        .merge(oauth::routes(app.clone()))
        .merge(frame::routes(app.clone()))
        .merge(enroll::routes(app.clone()))
        .merge(portal::routes(app.clone()))
        .merge(admin_api::routes(app.clone()))
        .merge(looks(app.clone()))
        .merge(telephony::routes(app.clone(), config.telephony.as_ref().and_then(|telephony| telephony.secret.clone())))
        .merge(agent::routes(app.clone(), shutdown.clone()))
        .merge(panel::routes(app))
        .merge(assets())
        .merge(well_known::routes(engine));
    parts.authenticator = authenticator::routes(engine.clone(), shutdown.clone());
    parts.readiness.push(Arc::new(DatabaseAnswers(engine.store().clone())));
    parts
}

/// The database answers a read.
struct DatabaseAnswers(Store);

impl ReadinessCheck for DatabaseAnswers {
    fn name(&self) -> &'static str {
        "database"
    }

    fn check(&self) -> BoxFuture<'_, Result<(), String>> {
        async {
            match self.0.query_opt("SELECT value FROM meta WHERE name = 'database_id'", vec![]).await {
                Ok(Some(_)) => Ok(()),
                Ok(None) => Err("the database has lost its id".to_owned()),
                Err(error) => Err(error.to_string()),
            }
        }
        .boxed()
    }
}

/// The machine's name, which tells nodes apart.
fn host_name() -> String {
    std::fs::read_to_string("/proc/sys/kernel/hostname")
        .ok()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "node".to_owned())
}
