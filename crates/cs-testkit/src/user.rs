//! Users and what they hold.

use cs_core::device::AuthenticatorClass;
use cs_core::id::{AccountId, TokenId, UserId, WebauthnKey};
use cs_core::otp::{Digits, OtpAlgorithm, TimeStep, TokenForm, hotp, totp};
use cs_core::policy::Method;
use cs_core::user::UserStatus;
use cs_core::webauthn::{Proof, Wanted};
use cs_engine::admin::Actor;
use cs_engine::admin::bypass_codes::{NewBypassCodes, WantedCodes};
use cs_engine::admin::users::UserChange;
use cs_engine::devices::ACTIVATION_TTL;
use cs_engine::passkeys::{Binding, NewCredential};
use cs_engine::{Access, Engine, Liveness, ManualClock};
use cs_store::authenticators::ActivationSource;
use cs_store::users::UserRecord;

use crate::key::VirtualKey;
use crate::phone::VirtualPhone;

/// The seed of every virtual token, RFC 4226's.
const SEED: &[u8] = b"12345678901234567890";
const SEED_HEX: &str = "3132333435363738393031323334353637383930";

/// A user of the site.
#[derive(Clone)]
pub struct TestUser {
    /// Its id.
    pub id: UserId,
    /// Its name.
    pub name: String,
    engine: Engine,
    account: AccountId,
    clock: ManualClock,
}

/// A hardware token in a test's hands.
pub struct VirtualToken {
    /// Its id.
    pub id: TokenId,
    clock: ManualClock,
}

impl TestUser {
    pub(crate) fn new(engine: Engine, account: AccountId, user: UserRecord, clock: ManualClock) -> Self {
        Self { id: user.id, name: user.username, engine, account, clock }
    }

    /// Gives the user a phone with an authenticator on it.
    pub async fn phone(&self) -> VirtualPhone {
        self.phone_at(&self.engine).await
    }

    /// The same, with a phone that speaks to `node`.
    pub async fn phone_at(&self, node: &Engine) -> VirtualPhone {
        self.device(AuthenticatorClass::Cli, node).await
    }

    /// Gives the user the authenticator that this server serves as a page.
    pub async fn web_phone(&self) -> VirtualPhone {
        self.device(AuthenticatorClass::Pwa, &self.engine).await
    }

    /// Gives the user an authenticator that no person looks at.
    pub async fn automation(&self) -> VirtualPhone {
        self.device(AuthenticatorClass::Automation, &self.engine).await
    }

    async fn device(&self, class: AuthenticatorClass, node: &Engine) -> VirtualPhone {
        let (engine, account, actor) = (&self.engine, self.account, &Actor::Terminal);
        let phone = engine.create_phone(account, actor, &Default::default()).await.expect("a phone");
        engine.give_phone(account, actor, self.id, phone).await.expect("an attachment");
        let issued = engine
            .issue_activation(account, self.id, phone, ActivationSource::Administrator, ACTIVATION_TTL)
            .await
            .expect("an activation");
        VirtualPhone::activate_as(class, node, account, issued.code).await
    }

    /// Gives the user a counter-based token of six digits.
    pub async fn hotp_token(&self) -> VirtualToken {
        self.token("h6").await
    }

    /// Gives the user a time-based token of six digits.
    pub async fn totp_token(&self) -> VirtualToken {
        self.token("t6").await
    }

    async fn token(&self, kind: &str) -> VirtualToken {
        let serial: String = self.id.as_str().chars().skip(2).take(10).collect();
        let form = TokenForm { kind, serial: &serial, secret: Some(SEED_HEX), ..TokenForm::default() };
        let token = self.engine.create_token(self.account, &Actor::Terminal, &form).await.expect("a token");
        self.engine.give_token(self.account, &Actor::Terminal, self.id, token).await.expect("an attachment");
        VirtualToken { id: token, clock: self.clock.clone() }
    }

    /// Adds what `key` makes, as if the user had just been let in by a code of the help desk.
    pub async fn register(&self, key: &mut VirtualKey, wanted: Wanted) -> WebauthnKey {
        let (engine, access, session) = (&self.engine, Access::default(), Binding::of("test", b"session"));
        let account = engine.directory().account(self.account).await.expect("accounts").expect("an account");
        let caller = engine.portal_caller(&account, Liveness::forever()).await.expect("a portal").expect("enabled");
        let proof = Proof::factor(self.id, Method::Bypass, self.clock.now());
        let new = NewCredential { wanted, access: access.clone() };
        let begun = engine.begin_registration(&caller, &proof, &new, &session).await.expect("a ceremony");
        let response = key.create(&begun.options);
        let made = engine.finish_registration(&caller, &begun.ceremony, &session, &access, &response, "key").await;
        made.expect("a credential").key
    }

    /// Makes a bypass code that is good once.
    pub async fn bypass_code(&self) -> String {
        let new = NewBypassCodes {
            codes: WantedCodes::Random(1),
            uses: Some(1),
            valid_secs: None,
            preserve_existing: true,
            reason: None,
        };
        let codes = self.engine.create_bypass_codes(self.account, &Actor::Terminal, self.id, new).await;
        codes.expect("a code")[0].code.expose().to_owned()
    }

    /// Sets the user's status.
    pub async fn set_status(&self, status: UserStatus) {
        let bypass_reason = (status == UserStatus::Bypass).then(|| "a test".to_owned());
        self.change(UserChange { status: Some(status), bypass_reason, ..UserChange::default() }).await;
    }

    /// Changes the user as an administrator would.
    pub async fn change(&self, change: UserChange) {
        self.engine.change_user(self.account, &Actor::Terminal, self.id, &change).await.expect("a change");
    }

    /// Makes every remembered device of the user worthless.
    pub async fn forget_remembered(&self) {
        self.engine.forget_remembered(self.account, &Actor::Terminal, self.id).await.expect("a change");
    }
}

impl VirtualToken {
    /// The code of a counter-based token at `counter`.
    pub fn hotp(&self, counter: u64) -> String {
        hotp(SEED, counter, Digits::Six, OtpAlgorithm::Sha1).to_string()
    }

    /// The code that a time-based token shows now.
    pub fn totp(&self) -> String {
        let step = TimeStep::from_secs(30).expect("a step");
        totp(SEED, self.clock.now(), step, Digits::Six, OtpAlgorithm::Sha1).expect("a code").to_string()
    }
}
