//! An engine over an empty database with two accounts and a clock that stands still.

use cs_core::id::{AccountId, GroupId, IntegrationKey, PhoneId, TokenId, UserId};
use cs_core::otp::TokenForm;
use cs_engine::admin::Actor;
use cs_engine::admin::groups::GroupChange;
use cs_engine::admin::phones::PhoneChange;
use cs_engine::admin::users::UserChange;
use cs_engine::passkeys::RelyingParty;
use cs_engine::{Clock, Engine, EngineConfig, Geo, ManualClock, SystemRng};
use cs_store::accounts::{Account, login_settings};
use cs_store::audit::{LogFilter, LogKind, LogOrder, LogPage, LogRecord};
use cs_store::facts::UserRef;
use cs_store::phones::PhoneRecord;
use cs_store::testing::TestDatabase;
use cs_store::users::{Slice, UserRecord};
use cs_store::{Job, Store};
use jiff::Timestamp;

/// All of a list.
pub(crate) const ALL: Slice = Slice { offset: 0, limit: 1000 };

pub(crate) struct Site {
    pub(crate) engine: Engine,
    pub(crate) account: AccountId,
    /// Another organisation on the same server.
    pub(crate) other: AccountId,
    pub(crate) actor: Actor,
    pub(crate) clock: ManualClock,
    _database: TestDatabase,
}

impl Site {
    pub(crate) async fn open(engine: cs_store::testing::Engine) -> Option<Self> {
        let database = TestDatabase::new(engine)?;
        let store = database.open().await.unwrap();
        let clock = ManualClock::at(Timestamp::from_second(1_800_000_000).unwrap());
        let (account, other) = (new_account(&store, "one").await, new_account(&store, "two").await);
        let engine = Engine::new(EngineConfig {
            store,
            clock: Clock::Manual(clock.clone()),
            geo: Geo::default(),
            node: "test".into(),
            authenticator_origin: "https://auth.example".into(),
            mail: false,
            telephony: cs_engine::telephony::Telephony::default(),
            versions: cs_core::policy::facts::Versions::default(),
            relying_party: RelyingParty::new("example", &["https://mfa.example".into()], &[]).unwrap(),
        });
        let actor = Actor::Integration(IntegrationKey::generate(&mut SystemRng));
        Some(Self { engine, account, other, actor, clock, _database: database })
    }

    pub(crate) async fn user(&self, name: &str) -> UserId {
        self.engine.create_user(self.account, &self.actor, name, &UserChange::default()).await.unwrap().id
    }

    pub(crate) async fn group(&self, name: &str) -> GroupId {
        self.engine.create_group(self.account, &self.actor, name, &GroupChange::default()).await.unwrap().id
    }

    pub(crate) async fn phone(&self) -> PhoneId {
        let change = PhoneChange {
            number: Some("+15555550100".into()),
            kind: Some("mobile".into()),
            platform: Some("google android".into()),
            ..PhoneChange::default()
        };
        self.engine.create_phone(self.account, &self.actor, &change).await.unwrap()
    }

    pub(crate) async fn token(&self, serial: &str) -> TokenId {
        let secret = "3132333435363738393031323334353637383930";
        let form = TokenForm { kind: "h6", serial, secret: Some(secret), ..TokenForm::default() };
        self.engine.create_token(self.account, &self.actor, &form).await.unwrap()
    }

    pub(crate) async fn record(&self, user: UserId) -> Option<UserRecord> {
        self.engine.store().user_record(self.account, user).await.unwrap().map(|(user, _)| user)
    }

    /// The user's version, by which decisions under way see that something changed.
    pub(crate) async fn version(&self, user: UserId) -> i64 {
        self.record(user).await.unwrap().version
    }

    pub(crate) async fn phones_of(&self, user: UserId) -> Vec<PhoneRecord> {
        let mut phones = self.engine.store().reader().phones_of(self.account, &[user]).await.unwrap();
        phones.remove(&user).unwrap_or_default()
    }

    /// The entries of a log, newest first.
    pub(crate) async fn log(&self, kind: LogKind) -> Vec<LogRecord> {
        let page = LogPage {
            from: Timestamp::UNIX_EPOCH,
            to: Timestamp::MAX,
            order: LogOrder::Descending,
            after: None,
            limit: 1000,
        };
        self.engine.store().reader().log_page(self.account, kind, &LogFilter::default(), &page).await.unwrap()
    }

    /// The user as a login finds it under this name.
    pub(crate) async fn login(&self, key: &str) -> Option<cs_core::user::User> {
        let store = self.engine.store();
        let facts = store.user_facts(self.account, UserRef::Name(key), None, self.clock.now()).await.unwrap();
        facts.map(|facts| facts.user)
    }
}

async fn new_account(store: &Store, name: &str) -> AccountId {
    let settings = serde_json::Map::new();
    let account = Account {
        id: AccountId::generate(&mut SystemRng),
        name: name.into(),
        api_host: format!("{name}.example"),
        login: login_settings(&settings),
        settings,
        version: 1,
        created_at: Timestamp::UNIX_EPOCH,
    };
    store.ensure_keys(account.id.as_str()).await.unwrap();
    store.commit(Job::new().step(account.insert())).await.unwrap();
    account.id
}
