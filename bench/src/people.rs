//! Users, their tokens and their authenticators, put into the database by the use cases themselves.

use std::str::FromStr as _;

use anyhow::{Context as _, anyhow};
use cs_core::device::AuthenticatorClass;
use cs_core::id::{AccountId, UserId};
use cs_core::otp::TokenForm;
use cs_engine::Engine;
use cs_engine::admin::Actor;
use cs_engine::admin::phones::PhoneChange;
use cs_engine::admin::users::SeedUser;
use cs_engine::devices::ActivateRequest;
use cs_wire::device::DeviceKey;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::otp;
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
    };
    let activated = engine.activate(account, &request).await?.context("the activation code was refused")?;
    let key = HEXLOWER.encode(&key.expose_pkcs8()?);
    Ok(Device { user, id: activated.device.to_string(), key })
}
