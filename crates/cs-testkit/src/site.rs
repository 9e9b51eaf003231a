//! The server of a test.

use std::sync::Arc;
use std::time::Duration;

use countersign::config::Config;
use countersign::net::Shutdown;
use countersign::server::{Bound, Running, serve_bound};
use countersign::site::{relying_party, surfaces};
use cs_core::id::{AccountId, IntegrationKey};
use cs_core::integration::IntegrationType;
use cs_core::policy::facts::Versions;
use cs_core::secret::{PlainCode, SecretKey};
use cs_engine::admin::Actor;
use cs_engine::bootstrap::NewInstallation;
use cs_engine::{Clock, Engine, EngineConfig, ManualClock, SystemRng};
use cs_store::facts::UserRef;
use cs_store::integrations::IntegrationRecord;
use cs_store::vault::MasterKey;
use cs_store::{Database, Job, Step, Store, StoreConfig, args};
use cs_wire::device::ActivationLink;
use cs_wire::signing::Scheme;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value as Json;
use tempfile::TempDir;

use crate::client::{self, Api};
use crate::mmdb::Mmdb;
use crate::phone::VirtualPhone;
use crate::user::TestUser;
use crate::web::WebApp;

/// How long a test waits for what must happen soon, on a machine with much else to do.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server in this process, on free ports of the loopback interface, with a database of its own and a clock that stands still.
pub struct Site {
    /// Time as the server sees it. TLS goes by the machine's.
    pub clock: ManualClock,
    /// The account.
    pub account: AccountId,
    engine: Engine,
    running: Running,
    auth_api: Api,
    admin_api: Api,
    http: reqwest::Client,
    dir: TempDir,
}

impl Site {
    /// Starts one.
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    /// Starts one with another configuration.
    pub async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = open_store(&dir).await;
        Self::of(dir, store, Versions::default(), change).await
    }

    /// Starts one that knows these versions of operating systems and browsers, and no others.
    pub async fn knowing(versions: Versions) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = open_store(&dir).await;
        Self::of(dir, store, versions, |_| {}).await
    }

    /// Starts one that knows where addresses are.
    pub async fn in_places(places: &Mmdb) -> Self {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let store = open_store(&dir).await;
        let file = places.write(dir.path());
        Self::of(dir, store, Versions::default(), |config| config.country_database = Some(file)).await
    }

    /// Starts one on a new database of the test's.
    pub async fn on(store: Store) -> Self {
        Self::of(tempfile::tempdir().expect("a temporary directory"), store, Versions::default(), |_| {}).await
    }

    /// The same with another configuration.
    pub async fn on_with(store: Store, change: impl FnOnce(&mut Config)) -> Self {
        Self::of(tempfile::tempdir().expect("a temporary directory"), store, Versions::default(), change).await
    }

    /// Another node of the same site, on the same database, whose use cases are called directly.
    pub fn node(&self, store: Store) -> Engine {
        Engine::new(EngineConfig {
            store,
            clock: Clock::Manual(self.clock.clone()),
            geo: self.engine.geo().clone(),
            node: "other".to_owned(),
            mail: false,
            telephony: cs_engine::telephony::Telephony::default(),
            authenticator_origin: self.engine.authenticator_origin().to_owned(),
            relying_party: self.engine.relying_party().clone(),
            versions: Versions::default(),
        })
    }

    async fn of(dir: TempDir, store: Store, versions: Versions, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::ephemeral(dir.path());
        change(&mut config);
        let clock = ManualClock::at("2026-06-01T12:00:00Z".parse().expect("a time"));
        let bound = Bound::new(&config).expect("free ports");
        let engine = Engine::new(EngineConfig {
            store,
            clock: Clock::Manual(clock.clone()),
            geo: countersign::site::geo(&config).expect("readable files"),
            node: "test".to_owned(),
            authenticator_origin: config.hosts.authenticator.origin(bound.addresses.authenticator.port()),
            mail: config.mail.is_some(),
            telephony: countersign::site::telephony_of(&config),
            relying_party: relying_party(&config, bound.addresses).expect("a relying party"),
            versions,
        });
        let installation = engine
            .bootstrap(&NewInstallation {
                name: "Example".to_owned(),
                api_host: config.hosts.api.name.clone(),
                owner_email: "owner@example.org".to_owned(),
            })
            .await
            .expect("a bootstrap")
            .expect("an empty database");
        let api_authority = config.hosts.api.authority(bound.addresses.api.port());
        let shutdown = Shutdown::new();
        let parts = surfaces(&engine, &config, bound.addresses, &shutdown);
        let running = serve_bound(bound, parts, &config, shutdown).expect("a server");
        let http = client::http_client(&dir.path().join("tls/ca.pem"));
        let api = |issued: Option<cs_engine::bootstrap::Issued>| {
            let issued = issued.expect("a new integration");
            let secret = issued.secret.expect("its secret");
            Api::new(http.clone(), &api_authority, clock.clone(), issued.key, secret)
        };
        let (auth_api, admin_api) = (api(installation.auth_api), api(installation.admin_api));
        Self { clock, account: installation.account, engine, running, auth_api, admin_api, http, dir }
    }

    /// The use cases.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The HTTP client that the others use, for requests that are not as they should be.
    pub fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// A client of the Auth API, signing as newer clients do.
    pub fn auth_api(&self) -> &Api {
        &self.auth_api
    }

    /// A client of the Admin API with every permission.
    pub fn admin_api(&self) -> &Api {
        &self.admin_api
    }

    /// A client with credentials that the server gave out.
    pub fn api(&self, key: &str, secret: &str) -> Api {
        let (key, secret) = (key.parse().expect("a key"), SecretKey::from_text(secret.to_owned()));
        Api::new(self.http.clone(), self.auth_api.authority(), self.clock.clone(), key, secret)
    }

    /// The certificate authority that clients trust, in PEM.
    pub fn ca_pem(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("tls/ca.pem")).expect("a certificate authority")
    }

    /// Begins to stop: what streams ends.
    pub fn drain(&self) {
        self.running.shutdown.drain();
    }

    /// A client of a new integration of type `kind`, as `change` makes it.
    pub async fn integration(&self, kind: &str, change: impl FnOnce(&mut IntegrationRecord)) -> Api {
        let (key, name) = (IntegrationKey::generate(&mut SystemRng), format!("Test {kind}"));
        let kind = IntegrationType::parse(kind).expect("a type");
        let mut record = IntegrationRecord::new(self.account, key, kind, name, self.clock.now());
        change(&mut record);
        let secret = SecretKey::generate(&mut SystemRng);
        self.commit(record.insert(self.engine.store().vault(), &secret).expect("a sealed secret")).await;
        let authority = self.auth_api.authority();
        Api::new(self.http.clone(), authority, self.clock.clone(), record.key, secret)
    }

    /// A new application with the prompt, from which people get to the self-service portal.
    pub async fn web_app(&self) -> WebApp {
        WebApp::of(self, &self.integration("websdk", |record| record.self_service_allowed = true).await)
    }

    /// The origin of pages, for keys.
    pub fn origin(&self) -> String {
        self.engine().relying_party().origins()[0].clone()
    }

    /// A client of a new `unix` integration that signs as duo_unix 1.11 does, without a date.
    pub async fn unix(&self) -> Api {
        self.integration("unix", |record| record.legacy_signatures = true).await.signing(Scheme::V1Sha1)
    }

    /// Changes an existing integration.
    pub async fn change_integration(&self, key: IntegrationKey, change: impl FnOnce(&mut IntegrationRecord)) {
        let record = self.engine.store().integration_record(self.account, key).await.expect("a read");
        let mut record = record.expect("an integration");
        change(&mut record);
        self.commit(record.update()).await;
    }

    /// Gives an integration a new secret; the old one works for `overlap` more.
    pub async fn rotate(&self, api: &Api, overlap: SignedDuration) -> Api {
        let record = self.engine.store().integration_record(self.account, api.key()).await.expect("a read");
        let record = record.expect("an integration");
        let secret = SecretKey::generate(&mut SystemRng);
        let vault = self.engine.store().vault();
        let until = self.clock.now() + overlap;
        self.commit(record.rotate(vault, &secret, until, record.version).expect("a sealed secret")).await;
        Api::new(self.http.clone(), api.authority(), self.clock.clone(), record.key, secret)
    }

    /// Sets the account's settings, by the Admin API's names.
    pub async fn settings(&self, settings: Json) {
        let step = Step::one(
            "UPDATE account SET settings = $1, version = version + 1 WHERE account = $2",
            args![settings.to_string(), self.account.as_str()],
        );
        self.commit(step).await;
    }

    /// A new user who has nothing yet.
    pub async fn user(&self, name: &str) -> TestUser {
        let user = self.engine.create_user(self.account, &Actor::Terminal, name, &Default::default()).await;
        TestUser::new(self.engine.clone(), self.account, user.expect("a new user"), self.clock.clone())
    }

    /// The user `name`, who exists.
    pub async fn find_user(&self, name: &str) -> TestUser {
        let facts = self.engine.store().user_facts(self.account, UserRef::Name(name), None, self.clock.now()).await;
        let id = facts.expect("a read").expect("a user").user.id;
        let record = self.engine.store().user_record(self.account, id).await.expect("a read").expect("a user");
        TestUser::new(self.engine.clone(), self.account, record.0, self.clock.clone())
    }

    /// Binds a new authenticator by an activation code, `duo://…` or a link.
    pub async fn activate(&self, code: &str) -> VirtualPhone {
        let link = ActivationLink::parse(code).expect("an activation code");
        let code = PlainCode::from_text(link.code().expose());
        VirtualPhone::activate(&self.engine, self.account, code).await
    }

    /// Returns once `count` requests wait for somebody to answer.
    pub async fn waiting(&self, count: usize) {
        within("waiting requests", async {
            while self.engine.waiting() != count {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Returns once the server has `count` connections.
    pub async fn connections(&self, count: usize) {
        within("connections", async {
            while self.running.connections() != count {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }

    /// Time passes.
    pub fn advance(&self, seconds: i64) {
        self.clock.advance(SignedDuration::from_secs(seconds));
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn commit(&self, step: Step) {
        self.engine.store().commit(Job::new().step(step)).await.expect("a commit");
        self.engine.directory().invalidate();
    }
}

/// Waits for what must happen soon: a test that would hang fails instead.
pub(crate) async fn within<T>(what: &str, happens: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, happens).await.unwrap_or_else(|_| panic!("no {what} within {PATIENCE:?}"))
}

async fn open_store(dir: &TempDir) -> Store {
    let master = Arc::new(MasterKey::generate().expect("a key"));
    let database = Database::Sqlite(dir.path().join("store.db"));
    Store::open(StoreConfig::new(database, master)).await.expect("a store")
}
