//! Fills a new installation: one person with an activated authenticator, one application of each kind, client configuration.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context as _;
use countersign_device::{Activation, Authenticator, Environment, Introduction, Storage};
use cs_core::id::{AccountId, IntegrationKey};
use cs_core::integration::IntegrationType;
use cs_engine::Engine;
use cs_engine::admin::Actor;
use cs_engine::admin::integrations::{IntegrationChange, PowerfulKeys};
use cs_engine::admin::phones::PhoneChange;
use cs_engine::admin::users::UserChange;
use cs_engine::bootstrap::{Installation, Issued};
use cs_wire::device::DeviceClass;
use zeroize::Zeroizing;

use super::USER;
use super::record::{DemoRecord, Keys, write_secret};
use super::samples::SAMPLES;
use crate::config::Config;
use crate::tls::LocalCa;

/// How long the demo's own activation code works; it is used at once.
const ACTIVATION_SECS: i64 = 600;

/// Makes what the demo shows. The server must be answering: the authenticator is activated through it.
pub(super) async fn furnish(
    engine: &Engine,
    config: &Config,
    installation: &Installation,
) -> anyhow::Result<DemoRecord> {
    let account = installation.account;
    let data = &std::path::absolute(&config.data_dir)?;
    let ca_cert = LocalCa::new(data).certificate_path();
    let device_home = data.join("device");
    let alias = std::env::var("USER").ok().filter(|name| !name.is_empty() && !name.eq_ignore_ascii_case(USER));
    let code = person(engine, account, alias.as_deref()).await?;
    activate(engine, &code, &ca_cert, &device_home).await?;

    let unix = application(engine, account, "unix", "Unix login").await?;
    let api_host = config.hosts.api.authority(config.listen.api.port());
    let duo_unix_conf = data.join("pam_duo.conf");
    write_secret(&duo_unix_conf, duo_unix(&unix, &api_host, &ca_cert).as_bytes())?;

    let mut web = Vec::new();
    for sample in &SAMPLES {
        let name = format!("Sample application ({})", sample.language);
        let keys = application(engine, account, "websdk", &name).await?;
        web.push(sample.furnish(data, &keys, &api_host, &ca_cert)?);
    }

    let record = DemoRecord {
        api_host,
        ca_cert,
        user: USER.to_owned(),
        alias,
        device_home,
        duo_unix_conf,
        web,
        auth_api: issued(installation.auth_api.as_ref())?,
        unix,
        admin_api: issued(installation.admin_api.as_ref())?,
    };
    record.write(data)?;
    Ok(record)
}

/// Creates the person with a phone, and gives the phone's activation code.
async fn person(engine: &Engine, account: AccountId, alias: Option<&str>) -> anyhow::Result<Zeroizing<String>> {
    let actor = &Actor::Terminal;
    let change = UserChange {
        realname: Some("Alice Example".to_owned()),
        email: Some("alice@example.com".to_owned()),
        aliases: alias.map(|name| (1, name.to_owned())).into_iter().collect::<BTreeMap<_, _>>(),
        ..UserChange::default()
    };
    let user = engine.create_user(account, actor, USER, &change).await?;
    let phone = PhoneChange {
        name: Some("Alice's terminal".to_owned()),
        kind: Some("mobile".to_owned()),
        platform: Some("generic smartphone".to_owned()),
        ..PhoneChange::default()
    };
    let phone = engine.create_phone(account, actor, &phone).await?;
    engine.give_phone(account, actor, user.id, phone).await?;
    let issued = engine.activation_of_phone(account, actor, phone, ACTIVATION_SECS).await?;
    Ok(Zeroizing::new(issued.code.expose().to_owned()))
}

async fn activate(engine: &Engine, code: &str, ca_cert: &Path, home: &Path) -> anyhow::Result<()> {
    let pem = std::fs::read_to_string(ca_cert).with_context(|| format!("cannot read {}", ca_cert.display()))?;
    let introduction = Introduction { name: "Alice's terminal".to_owned(), class: DeviceClass::Cli, ca_pem: Some(pem) };
    let activation = Activation::parse(code, Some(engine.authenticator_origin()))?;
    Authenticator::activate(&activation, introduction, &Storage::directory(home), &Environment::default())
        .await
        .context("alice's authenticator could not be activated")?;
    Ok(())
}

/// Creates an application of type `kind`.
async fn application(engine: &Engine, account: AccountId, kind: &'static str, name: &str) -> anyhow::Result<Keys> {
    let change = IntegrationChange {
        name: Some(name.to_owned()),
        self_service_allowed: Some(true),
        ..IntegrationChange::default()
    };
    let kind = IntegrationType::from_known(kind);
    let made = engine.create_integration(account, &Actor::Terminal, PowerfulKeys::Allowed, kind, &change).await?;
    keys(engine, account, made.key).await
}

async fn keys(engine: &Engine, account: AccountId, key: IntegrationKey) -> anyhow::Result<Keys> {
    let integration = engine.store().integration(account, key).await?.context("an integration vanished")?;
    Ok(Keys { ikey: key.to_string(), skey: Zeroizing::new(integration.secret.expose().to_owned()) })
}

fn issued(issued: Option<&Issued>) -> anyhow::Result<Keys> {
    let issued = issued.context("the installation came without credentials")?;
    let secret = issued.secret.as_ref().context("the installation came without secrets")?;
    Ok(Keys { ikey: issued.key.to_string(), skey: Zeroizing::new(secret.expose().to_owned()) })
}

/// The configuration file of `pam_duo` and `login_duo`. Written `failmode = secure`: in a demo, a broken server must not look like a success.
fn duo_unix(keys: &Keys, api_host: &str, ca_cert: &Path) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "[duo]\n\
         ikey = {}\n\
         skey = {}\n\
         host = {api_host}\n\
         cafile = {}\n\
         failmode = secure\n\
         pushinfo = yes\n\
         prompts = 3\n",
        keys.ikey,
        keys.skey.as_str(),
        ca_cert.display()
    ))
}
