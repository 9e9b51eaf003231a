//! The first account, its first credentials and its first owner.

use cs_core::admin::Role;
use cs_core::id::{AccountId, AdminId, IntegrationKey};
use cs_core::integration::{IntegrationType, Permissions};
use cs_core::secret::{PlainCode, SecretKey};
use cs_store::Job;
use cs_store::accounts::{Account, login_settings};
use cs_store::administrators::{Administrator, AdministratorStatus};
use cs_store::integrations::IntegrationRecord;
use cs_store::policies::ensure_global;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use crate::admin::{Actor, SECRET_OVERLAP, admin_record};
use crate::{Engine, EngineError, SystemRng};

/// How long the first owner's setup code works.
pub const SETUP_TTL: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Marks the integrations that `bootstrap` made, so that it finds them again.
const MARK: &str = "made_by_bootstrap";

const ADMIN_API: &str = "adminapi";
const AUTH_API: &str = "authapi";

/// What a new installation is told about itself.
#[derive(Debug, Clone)]
pub struct NewInstallation {
    /// The organisation's name.
    pub name: String,
    /// The host of the API, lower case, without port.
    pub api_host: String,
    /// The first owner's address.
    pub owner_email: String,
}

/// One of the two integrations of a new installation.
#[derive(Debug)]
pub struct Issued {
    /// The public half.
    pub key: IntegrationKey,
    /// The secret half, only when it was made just now.
    pub secret: Option<SecretKey>,
}

/// An installation, and the secrets that were made for it just now.
#[derive(Debug)]
pub struct Installation {
    /// The account.
    pub account: AccountId,
    /// Its integration of the Admin API, unless somebody removed it.
    pub admin_api: Option<Issued>,
    /// Its integration of the Auth API, unless somebody removed it.
    pub auth_api: Option<Issued>,
    /// The oldest owner's address.
    pub owner_email: Option<String>,
    /// A setup code for an owner who has no password yet, when it was made just now.
    pub setup_code: Option<PlainCode>,
}

impl Engine {
    /// Makes the first account, unless there is one; `None` says there was.
    pub async fn bootstrap(&self, new: &NewInstallation) -> Result<Option<Installation>, EngineError> {
        if !self.store().accounts().await?.is_empty() {
            return Ok(None);
        }
        let now = self.clock().now();
        let account = Account {
            id: AccountId::generate(&mut SystemRng),
            name: new.name.clone(),
            api_host: new.api_host.clone(),
            login: login_settings(&Map::new()),
            settings: Map::new(),
            version: 1,
            created_at: now,
        };
        self.store().ensure_keys(account.id.as_str()).await?;
        let (admin_api, admin_api_secret) = integration(account.id, ADMIN_API, "Admin API", now);
        let (auth_api, auth_api_secret) = integration(account.id, AUTH_API, "Auth API", now);
        let owner = Administrator {
            account: account.id,
            id: AdminId::generate(&mut SystemRng),
            email: new.owner_email.to_lowercase(),
            name: "Owner".to_owned(),
            phone: String::new(),
            role: Role::Owner,
            status: AdministratorStatus::Pending,
            has_password: false,
            setup_expires: None,
            password_change_required: false,
            external_password: false,
            restricted: false,
            version: 1,
            created_at: now,
            last_login: None,
        };
        let code = PlainCode::activation(&mut SystemRng);
        let digest = self.setup_digest(account.id, &code)?;
        let vault = self.store().vault();
        let description = json!({"api_host": account.api_host, "owner": owner.email});
        let [global_policy, policies] = ensure_global(account.id, now);
        let job = Job::new()
            .step(account.insert())
            .step(global_policy)
            .step(policies)
            .step(owner.insert())
            .step(owner.set_setup(Some((&digest, now + SETUP_TTL))))
            .step(admin_api.insert(vault, &admin_api_secret).map_err(EngineError::vault)?)
            .step(auth_api.insert(vault, &auth_api_secret).map_err(EngineError::vault)?)
            .log(admin_record(account.id, &Actor::Terminal, "customer_create", &account.name, &description, now));
        if !self.change(job).await? {
            // Another process was faster; what exists is described by `installation`.
            return Ok(None);
        }
        Ok(Some(Installation {
            account: account.id,
            admin_api: Some(Issued { key: admin_api.key, secret: Some(admin_api_secret) }),
            auth_api: Some(Issued { key: auth_api.key, secret: Some(auth_api_secret) }),
            owner_email: Some(owner.email),
            setup_code: Some(code),
        }))
    }

    /// What [`Engine::bootstrap`] once made, without secrets; `None` before it ran.
    pub async fn installation(&self) -> Result<Option<Installation>, EngineError> {
        let Some(account) = self.store().accounts().await?.into_iter().next() else { return Ok(None) };
        let issued = |record: Option<IntegrationRecord>| record.map(|record| Issued { key: record.key, secret: None });
        Ok(Some(Installation {
            account: account.id,
            admin_api: issued(self.bootstrapped(account.id, ADMIN_API).await?),
            auth_api: issued(self.bootstrapped(account.id, AUTH_API).await?),
            owner_email: self.store().first_owner(account.id).await?.map(|owner| owner.email),
            setup_code: None,
        }))
    }

    /// Issues new secrets for the two integrations of the installation, making those anew that were removed, and a new setup code while no
    /// owner has a password. The old secrets work for [`SECRET_OVERLAP`] more. `None` before [`Engine::bootstrap`] ran.
    pub async fn rotate_bootstrap(&self) -> Result<Option<Installation>, EngineError> {
        let Some(account) = self.store().accounts().await?.into_iter().next() else { return Ok(None) };
        let now = self.clock().now();
        let admin_api = self.reissue(account.id, ADMIN_API, "Admin API", now).await?;
        let auth_api = self.reissue(account.id, AUTH_API, "Auth API", now).await?;
        let owner = self.store().first_owner(account.id).await?;
        let mut setup_code = None;
        if let Some(owner) = owner.as_ref().filter(|owner| !owner.has_password) {
            let code = PlainCode::activation(&mut SystemRng);
            let digest = self.setup_digest(account.id, &code)?;
            let description = json!({"activation_link": true});
            let record = admin_record(account.id, &Actor::Terminal, "admin_update", &owner.email, &description, now);
            let job = Job::new().step(owner.set_setup(Some((&digest, now + SETUP_TTL)))).log(record);
            if !self.change(job).await? {
                return Err(EngineError::Contention);
            }
            setup_code = Some(code);
        }
        Ok(Some(Installation {
            account: account.id,
            admin_api: Some(admin_api),
            auth_api: Some(auth_api),
            owner_email: owner.map(|owner| owner.email),
            setup_code,
        }))
    }

    /// The keyed hash under which a setup code is kept.
    pub(crate) fn setup_digest(&self, account: AccountId, code: &PlainCode) -> Result<[u8; 32], EngineError> {
        let vault = self.store().vault();
        vault.digest(account.as_str(), "admin-setup", code.expose().as_bytes()).map_err(EngineError::vault)
    }

    async fn bootstrapped(
        &self,
        account: AccountId,
        kind: &'static str,
    ) -> Result<Option<IntegrationRecord>, EngineError> {
        let all = self.store().integrations_of_type(account, kind).await?;
        Ok(all.into_iter().find(|record| record.extra.get(MARK) == Some(&Json::Bool(true))))
    }

    async fn reissue(
        &self,
        account: AccountId,
        kind: &'static str,
        name: &'static str,
        now: Timestamp,
    ) -> Result<Issued, EngineError> {
        let vault = self.store().vault();
        let (issued, step, action) = match self.bootstrapped(account, kind).await? {
            Some(record) => {
                let secret = SecretKey::generate(&mut SystemRng);
                let step =
                    record.rotate(vault, &secret, now + SECRET_OVERLAP, record.version).map_err(EngineError::vault)?;
                (Issued { key: record.key, secret: Some(secret) }, step, "integration_update")
            }
            None => {
                let (record, secret) = integration(account, kind, name, now);
                let step = record.insert(vault, &secret).map_err(EngineError::vault)?;
                (Issued { key: record.key, secret: Some(secret) }, step, "integration_create")
            }
        };
        let description = json!({"ikey": issued.key.to_string(), "secret_key": "new"});
        let job = Job::new().step(step).log(admin_record(account, &Actor::Terminal, action, name, &description, now));
        if self.change(job).await? { Ok(issued) } else { Err(EngineError::Contention) }
    }
}

fn integration(
    account: AccountId,
    kind: &'static str,
    name: &'static str,
    now: Timestamp,
) -> (IntegrationRecord, SecretKey) {
    let key = IntegrationKey::generate(&mut SystemRng);
    let record = IntegrationRecord {
        permissions: if kind == ADMIN_API { Permissions::all() } else { Permissions::NONE },
        extra: Map::from_iter([(MARK.to_owned(), Json::Bool(true))]),
        ..IntegrationRecord::new(account, key, IntegrationType::from_known(kind), name, now)
    };
    (record, SecretKey::generate(&mut SystemRng))
}
