//! An authenticator without its network: it answers through the engine.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU64, Ordering};

use cs_core::device::AuthenticatorClass;
use cs_core::id::{AccountId, PhoneId, TxId};
use cs_core::login::Decision;
use cs_core::otp::{Digits, OtpAlgorithm, hotp};
use cs_core::secret::PlainCode;
use cs_engine::devices::DeviceChange;
use cs_engine::devices::{ActivateRequest, Activated};
use cs_engine::login::{Answer, AnswerError, Answered, Asked};
use cs_engine::{DeviceEvent, Engine};
use tokio::sync::broadcast::Receiver;

use crate::site::within;

/// Where test phones are (RFC 5737).
const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 200));

/// A phone in a test's hands.
pub struct VirtualPhone {
    /// Its id.
    pub id: PhoneId,
    engine: Engine,
    account: AccountId,
    activated: Activated,
    counter: AtomicU64,
    news: Receiver<DeviceEvent>,
}

impl VirtualPhone {
    /// Binds a new authenticator by `code`.
    pub(crate) async fn activate(engine: &Engine, account: AccountId, code: PlainCode) -> Self {
        Self::activate_as(AuthenticatorClass::Cli, engine, account, code).await
    }

    /// Binds a new authenticator of `class`.
    pub(crate) async fn activate_as(
        class: AuthenticatorClass,
        engine: &Engine,
        account: AccountId,
        code: PlainCode,
    ) -> Self {
        let request = ActivateRequest {
            code,
            public_key: "{}".to_owned(),
            class,
            name: "Test phone".to_owned(),
            platform: "Generic Smartphone".to_owned(),
            app_version: "1".to_owned(),
            key_protection: "file",
            push: None,
            confirm_phrase: String::new(),
            address: Some(ADDRESS),
            replaces: None,
        };
        let activated = engine.activate(account, &request).await.expect("an activation").expect("a good code");
        let news = engine.hub().subscribe(account, activated.device);
        Self::new(engine.clone(), account, activated, news)
    }

    fn new(engine: Engine, account: AccountId, activated: Activated, news: Receiver<DeviceEvent>) -> Self {
        Self { id: activated.device, engine, account, activated, counter: AtomicU64::new(0), news }
    }

    /// Waits for the next push.
    pub async fn next_push(&mut self) -> TxId {
        within("a push", async {
            loop {
                match self.news.recv().await.expect("an open stream") {
                    DeviceEvent::Request(txid) => return txid,
                    DeviceEvent::Closed(..) | DeviceEvent::Unbound => {}
                }
            }
        })
        .await
    }

    /// How many pushes came that [`next_push`](Self::next_push) has not taken.
    pub fn pushes(&mut self) -> usize {
        let mut pushes = 0;
        while let Ok(news) = self.news.try_recv() {
            pushes += usize::from(matches!(news, DeviceEvent::Request(_)));
        }
        pushes
    }

    /// The push as the phone shows it.
    pub async fn shown(&self, txid: TxId) -> Asked {
        self.engine.asked_one(self.account, self.id, txid).await.expect("a read").expect("a push for this phone")
    }

    /// Approves a push that asks for no number.
    pub async fn approve(&self, txid: TxId) -> Result<Answered, AnswerError> {
        self.answer(txid, Decision::Approve, None).await
    }

    /// Approves a push with a number.
    pub async fn approve_with(&self, txid: TxId, number: &str) -> Result<Answered, AnswerError> {
        self.answer(txid, Decision::Approve, Some(number)).await
    }

    /// Answers a push.
    pub async fn answer(&self, txid: TxId, decision: Decision, number: Option<&str>) -> Result<Answered, AnswerError> {
        let answer = Answer {
            account: self.account,
            device: self.id,
            txid,
            decision,
            number: number.map(str::to_owned),
            evidence: "jws".to_owned(),
            address: Some(ADDRESS),
        };
        self.engine.answer(&answer).await
    }

    /// Tells the server what state the phone is in.
    pub async fn tell(&self, posture: &serde_json::Value) {
        let device = self.engine.device(self.account, self.id).await.expect("a read").expect("a bound device");
        let posture = posture.to_string();
        let update = DeviceChange { posture: Some(&posture), ..DeviceChange::default() };
        self.engine.update_device(&device, &update).await.expect("an update");
    }

    /// The next passcode.
    pub fn passcode(&self) -> String {
        let counter = self.counter.fetch_add(1, Ordering::Relaxed);
        hotp(&self.activated.seed, counter, Digits::Six, OtpAlgorithm::Sha1).to_string()
    }
}
