//! Users, their tokens and their authenticators, put into the database by the use cases themselves.

use std::str::FromStr as _;

use anyhow::{Context as _, anyhow};
use cs_core::device::AuthenticatorClass;
use cs_core::id::{AccountId, IntegrationKey, UserId};
use cs_core::integration::IntegrationType;
use cs_core::network::NetworkList;
use cs_core::otp::TokenForm;
use cs_core::policy::Method;
use cs_core::policy::exemption::ExemptionKind;
use cs_core::user::UserStatus;
use cs_core::webauthn::Proof;
use cs_engine::admin::Actor;
use cs_engine::admin::exemptions::NewExemption;
use cs_engine::admin::integrations::{IntegrationChange, PowerfulKeys};
use cs_engine::admin::phones::PhoneChange;
use cs_engine::admin::users::{SeedUser, UserChange};
use cs_engine::devices::ActivateRequest;
use cs_engine::passkeys::{Binding, NewCredential, Wanted};
use cs_engine::{Access, Caller, Engine, Liveness, Surface};
use cs_store::facts::UserRef;
use cs_wire::device::DeviceKey;
use data_encoding::HEXLOWER;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::key::SoftKey;
use crate::otp;
use crate::signed::{Keys, now};
use crate::site::Installation;

/// Devices that are bound at a time.
const AT_ONCE: usize = 32;
const DAY_SECS: i64 = 86_400;

/// An authenticator that is bound to a user.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Device {
    pub(crate) user: u64,
    /// `DP…`
    pub(crate) id: String,
    /// PKCS#8, hexadecimal.
    pub(crate) key: String,
}

/// Makes `users` users with one HOTP token each; the first `devices` of them have an authenticator as well.
pub(crate) fn fill(installation: &Installation, users: u64, devices: u64) -> anyhow::Result<Vec<Device>> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let engine = installation.engine().await?;
        let account = AccountId::from_str(&installation.account).map_err(|_| anyhow!("the account's id"))?;
        let seeds: Vec<SeedUser> = (0..users).map(seed).collect::<anyhow::Result<_>>()?;
        let ids = engine.seed_users(account, &Actor::Terminal, seeds).await?;
        let bound = bind(&engine, account, &ids, devices).await;
        engine.store().shutdown().await;
        bound
    })
}

/// Makes `users` users whom an administrator lets in without a second factor.
pub(crate) fn bypassed(installation: &Installation, users: u64) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let engine = installation.engine().await?;
        let account = AccountId::from_str(&installation.account).map_err(|_| anyhow!("the account's id"))?;
        let seeds: Vec<SeedUser> = (0..users).map(seed).collect::<anyhow::Result<_>>()?;
        let change = UserChange {
            status: Some(UserStatus::Bypass),
            bypass_reason: Some("a benchmark".to_owned()),
            ..UserChange::default()
        };
        for id in engine.seed_users(account, &Actor::Terminal, seeds).await? {
            engine.change_user(account, &Actor::Terminal, id, &change).await?;
        }
        engine.store().shutdown().await;
        Ok(())
    })
}

/// Makes `users` users of programs, who are approved automatically wherever they come from.
pub(crate) fn exempted(installation: &Installation, users: u64) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let engine = installation.engine().await?;
        let account = AccountId::from_str(&installation.account).map_err(|_| anyhow!("the account's id"))?;
        let seeds: Vec<SeedUser> = (0..users).map(seed).collect::<anyhow::Result<_>>()?;
        let application = IntegrationKey::from_str(&installation.auth.ikey).map_err(|_| anyhow!("the key"))?;
        let exemption = NewExemption {
            kind: ExemptionKind::AutomaticApproval,
            applications: vec![application],
            networks: NetworkList::parse("0.0.0.0/0").context("all networks")?,
            until: engine.clock().now() + SignedDuration::from_secs(DAY_SECS),
            reason: "a benchmark".to_owned(),
        };
        for id in engine.seed_users(account, &Actor::Terminal, seeds).await? {
            engine.create_exemption(account, &Actor::Terminal, id, exemption.clone()).await?;
        }
        engine.store().shutdown().await;
        Ok(())
    })
}

/// A web application, and its users' keys.
#[derive(Debug)]
pub(crate) struct Office {
    pub(crate) application: Keys,
    /// Of user 0 and those after.
    pub(crate) security_keys: Vec<SoftKey>,
}

/// Makes a web application, and gives the first `users` a security key each.
pub(crate) fn office(installation: &Installation, users: u64) -> anyhow::Result<Office> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let engine = installation.engine().await?;
        let account = AccountId::from_str(&installation.account).map_err(|_| anyhow!("the account's id"))?;
        let change = IntegrationChange { name: Some("Web application".to_owned()), ..IntegrationChange::default() };
        let kind = IntegrationType::from_known("websdk");
        let made = engine.create_integration(account, &Actor::Terminal, PowerfulKeys::Allowed, kind, &change).await?;
        let integration = engine.directory().integration(account, made.key).await?.context("no integration")?;
        let application = Keys { ikey: made.key.to_string(), skey: integration.secret.expose().to_owned() };
        let caller = Caller {
            account: engine.directory().account(account).await?.context("no account")?,
            integration,
            surface: Surface::Prompt,
            connection: Liveness::forever(),
            legacy_signature: false,
        };
        let mut security_keys = Vec::new();
        for user in 0..users {
            security_keys.push(register(&engine, &caller, user).await?);
        }
        engine.store().shutdown().await;
        Ok(Office { application, security_keys })
    })
}

async fn register(engine: &Engine, caller: &Caller, user: u64) -> anyhow::Result<SoftKey> {
    let name = otp::name(user);
    let found = engine.store().user_facts(caller.account.id, UserRef::Name(&name), None, now()).await?;
    let user = found.context("no such user")?.user.id;
    let proof = Proof::factor(user, Method::Bypass, now());
    let session = Binding::of("bench", name.as_bytes());
    let wanted = NewCredential { wanted: Wanted::SecurityKey, access: Access::default() };
    let begun = engine.begin_registration(caller, &proof, &wanted, &session).await?;
    let text = |value: &serde_json::Value| value.as_str().map(str::to_owned).context("options of another kind");
    let key = SoftKey::new(&engine.relying_party().origins()[0], &text(&begun.options["rp"]["id"])?)?;
    let made = key.create(&text(&begun.options["challenge"])?)?;
    engine.finish_registration(caller, &begun.ceremony, &session, &Access::default(), &made, "").await?;
    Ok(key)
}

/// Entries in the log of logins.
pub(crate) fn logged(installation: &Installation) -> anyhow::Result<u64> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let engine = installation.engine().await?;
        let rows = engine.store().query("SELECT count(*) FROM log WHERE kind = 'auth'", vec![]).await?;
        engine.store().shutdown().await;
        let count = rows.first().context("no count")?.int(0)?;
        Ok(u64::try_from(count)?)
    })
}

fn seed(user: u64) -> anyhow::Result<SeedUser> {
    let (serial, secret) = (format!("bench-{user}"), HEXLOWER.encode(&otp::secret(user)));
    let form = TokenForm {
        kind: "h6",
        serial: &serial,
        secret: Some(&secret),
        counter: None,
        totp_step: None,
        private_id: None,
        aes_key: None,
    };
    let token = form.parse().map_err(|error| anyhow!("{error}"))?;
    Ok(SeedUser { username: otp::name(user), email: String::new(), token: Some(token) })
}

async fn bind(engine: &Engine, account: AccountId, ids: &[UserId], devices: u64) -> anyhow::Result<Vec<Device>> {
    let mut binding = JoinSet::new();
    let mut bound = Vec::new();
    for (user, &id) in (0..devices).zip(ids) {
        if binding.len() == AT_ONCE {
            bound.extend(binding.join_next().await.transpose()?.transpose()?);
        }
        let engine = engine.clone();
        binding.spawn(async move { bind_one(&engine, account, user, id).await });
    }
    while let Some(device) = binding.join_next().await {
        bound.push(device??);
    }
    bound.sort_by_key(|device: &Device| device.user);
    Ok(bound)
}

async fn bind_one(engine: &Engine, account: AccountId, user: u64, id: UserId) -> anyhow::Result<Device> {
    let key = DeviceKey::generate()?;
    let change = PhoneChange {
        kind: Some("Mobile".to_owned()),
        platform: Some("Generic Smartphone".to_owned()),
        ..PhoneChange::default()
    };
    let phone = engine.create_phone(account, &Actor::Terminal, &change).await?;
    engine.give_phone(account, &Actor::Terminal, id, phone).await?;
    let issued = engine.activation_of_phone(account, &Actor::Terminal, phone, DAY_SECS).await?;
    let request = ActivateRequest {
        code: issued.code,
        public_key: serde_json::to_string(&key.public().jwk())?,
        class: AuthenticatorClass::Cli,
        name: "bench".to_owned(),
        platform: "Linux".to_owned(),
        app_version: "0".to_owned(),
        key_protection: "file",
        push: None,
        confirm_phrase: String::new(),
        address: None,
        replaces: None,
    };
    let activated = engine.activate(account, &request).await?.context("the activation code was refused")?;
    let key = HEXLOWER.encode(&key.expose_pkcs8()?);
    Ok(Device { user, id: activated.device.to_string(), key })
}
