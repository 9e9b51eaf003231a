//! `countersign admin integration`

use clap::{Args, Subcommand};
use cs_core::account::NewUserPolicy;
use cs_core::id::IntegrationKey;
use cs_core::integration::{DOCUMENTED_TYPES, IntegrationType, Permission, UserAccess};
use cs_engine::admin::integrations::{IntegrationChange, PowerfulKeys};
use cs_store::integrations::IntegrationRecord;
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::error::AdminError;
use super::lookup::none_of;
use super::out::{Answer, Card, Table, moment, moment_or, unix};
use super::site::{ACTOR, Site};

/// Whoever is at this terminal can read the database: there is nothing to keep from them.
const POWERFUL: PowerfulKeys = PowerfulKeys::Allowed;

/// Integrations: the applications that ask for second factors, and those that administer
#[derive(Debug, Args)]
pub(super) struct Integration {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List integrations
    List,
    /// Show an integration, without its secret
    Show { integration: String },
    /// Create an integration and print its credentials, this once
    Create {
        name: String,
        /// What asks: unix (pam_duo, login_duo), radius, ldapproxy, websdk (web applications), authapi, adminapi, …
        #[arg(long = "type", value_name = "TYPE")]
        kind: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Change an integration
    Modify {
        integration: String,
        /// The new name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        fields: Fields,
    },
    /// Issue a new secret and print it, this once; the old one works for another 24 hours
    RotateSecret { integration: String },
    /// Let an integration answer again
    Enable { integration: String },
    /// Refuse every request of an integration
    Disable { integration: String },
    /// Whether signatures without a date are honoured, which old duo_unix cannot do without
    LegacySignatures { integration: String, setting: OnOff },
    /// Delete an integration: its clients are refused from then on
    Delete { integration: String },
}

#[derive(Debug, Args)]
struct Fields {
    #[arg(long)]
    notes: Option<String>,
    /// What happens to users without a device: enroll, allow, deny, or `account` for the account's policy
    #[arg(long, value_name = "POLICY")]
    new_users: Option<String>,
    /// Who may use it: `all`, `nobody`, or groups separated by commas
    #[arg(long, value_name = "GROUPS")]
    access: Option<String>,
    /// Remember devices for so many days; 0 for never
    #[arg(long, value_name = "DAYS")]
    remember_days: Option<u16>,
    /// Whether people who log in there may look after their devices from there
    #[arg(long)]
    self_service: Option<OnOff>,
    /// Origins whose pages may hold the login of Web SDK v2 in a frame, separated by commas: `https://payroll.example.org`; empty for none
    #[arg(long, value_name = "ORIGINS")]
    frame_origins: Option<String>,
    /// Networks an Admin API integration may be called from
    #[arg(long, value_name = "NETWORKS")]
    networks: Option<String>,
    /// Give an Admin API integration a permission (`adminapi_…`, or `all`)
    #[arg(long, value_name = "PERMISSION")]
    grant: Vec<String>,
    /// Take a permission away
    #[arg(long, value_name = "PERMISSION")]
    revoke: Vec<String>,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum OnOff {
    On,
    Off,
}

impl Fields {
    async fn change(&self, site: &Site, name: Option<&String>) -> Result<IntegrationChange, AdminError> {
        let mut permissions = Vec::new();
        for (names, granted) in [(&self.grant, true), (&self.revoke, false)] {
            for name in names {
                permissions.extend(permissions_of(name)?.into_iter().map(|permission| (permission, granted)));
            }
        }
        let problem = "expected enroll, allow, deny or account";
        let new_user = self.new_users.as_deref().map(|word| match word {
            "account" => Ok(None),
            word => NewUserPolicy::parse(word).map(Some).ok_or(AdminError::Usage { argument: "--new-users", problem }),
        });
        let user_access = match self.access.as_deref() {
            None => None,
            Some("all") => Some(UserAccess::All),
            Some("nobody") => Some(UserAccess::Nobody),
            Some(names) => {
                let mut groups = Vec::new();
                for name in names.split(',') {
                    groups.push(site.group(name.trim()).await?.id);
                }
                Some(UserAccess::Groups(groups))
            }
        };
        Ok(IntegrationChange {
            name: name.cloned(),
            notes: self.notes.clone(),
            new_user: new_user.transpose()?,
            user_access,
            remembered_days: self.remember_days.map(|days| (days > 0).then_some(days)),
            self_service_allowed: self.self_service.map(|setting| matches!(setting, OnOff::On)),
            api_networks: self.networks.clone(),
            frame_origins: self.frame_origins.clone(),
            permissions,
            ..IntegrationChange::default()
        })
    }
}

fn permissions_of(name: &str) -> Result<Vec<Permission>, AdminError> {
    if name == "all" {
        return Ok(Permission::ALL.to_vec());
    }
    let found = Permission::ALL.into_iter().find(|one| one.name() == name || one.name() == format!("adminapi_{name}"));
    let names = Permission::ALL.into_iter().map(Permission::name);
    found.map(|one| vec![one]).ok_or_else(|| none_of("permission", name, names))
}

impl Integration {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        let engine = &site.engine;
        let nothing = IntegrationChange::default;
        let (given, change) = match &self.command {
            Command::List => return list(site).await,
            Command::Show { integration } => return Ok(shown(&site.integration(integration).await?)),
            Command::Create { name, kind, fields } => {
                let kind = IntegrationType::documented(kind)
                    .ok_or_else(|| none_of("type of integration", kind, DOCUMENTED_TYPES.into_iter()))?;
                let change = fields.change(site, Some(name)).await?;
                let record = engine.create_integration(site.account, ACTOR, POWERFUL, kind, &change).await?;
                return with_secret(site, record.key).await;
            }
            Command::Delete { integration } => {
                let record = site.integration(integration).await?;
                site.confirm(&format!("This deletes {} ({}): its clients are refused.", record.name, record.key))?;
                engine.delete_integration(site.account, ACTOR, POWERFUL, record.key).await?;
                let json = json!({"integration_key": record.key.as_str(), "deleted": true});
                return Ok(Answer::new(json, format!("{}: deleted", record.key)));
            }
            Command::Modify { integration, name, fields } => (integration, fields.change(site, name.as_ref()).await?),
            Command::RotateSecret { integration } => {
                (integration, IntegrationChange { reset_secret: true, ..nothing() })
            }
            Command::Enable { integration } => (integration, IntegrationChange { enabled: Some(true), ..nothing() }),
            Command::Disable { integration } => (integration, IntegrationChange { enabled: Some(false), ..nothing() }),
            Command::LegacySignatures { integration, setting } => {
                let on = matches!(setting, OnOff::On);
                (integration, IntegrationChange { legacy_signatures: Some(on), ..nothing() })
            }
        };
        let key = site.integration(given).await?.key;
        let record = engine.change_integration(site.account, ACTOR, POWERFUL, key, &change).await?;
        if change.reset_secret { with_secret(site, key).await } else { Ok(shown(&record)) }
    }
}

async fn list(site: &Site) -> Result<Answer, AdminError> {
    let (records, total) = site.engine.store().integration_records(site.account, 1000, 0).await?;
    let mut table = Table::new(&["name", "type", "integration key", "state"]);
    for record in &records {
        let state = if record.enabled { "enabled" } else { "disabled" };
        table.row([record.name.clone(), record.kind.as_str().to_owned(), record.key.to_string(), state.to_owned()]);
    }
    let records: Vec<Json> = records.iter().map(integration_json).collect();
    Ok(Answer::new(json!({"integrations": records, "total": total}), table.text("no integrations")))
}

/// The integration with the secret it has just been given.
async fn with_secret(site: &Site, key: IntegrationKey) -> Result<Answer, AdminError> {
    let record = site.integration(key.as_str()).await?;
    let secret = site.engine.store().integration(site.account, key).await?.ok_or(cs_engine::EngineError::NotFound)?;
    let secret = Zeroizing::new(secret.secret.expose().to_owned());
    let mut answer = shown(&record);
    answer.json["secret_key"] = secret.as_str().into();
    answer.json["api_host"] = site.api_authority.as_str().into();
    answer.text = format!(
        "{}\nAPI host         {}\nsecret key       {}\nThe secret key is shown only this once.",
        answer.text, site.api_authority, *secret
    );
    Ok(answer)
}

fn shown(record: &IntegrationRecord) -> Answer {
    let granted: Vec<&str> =
        Permission::ALL.into_iter().filter(|one| record.permissions.allow(*one)).map(Permission::name).collect();
    let mut card = Card::default();
    card.line("name", record.name.as_str())
        .line("type", record.kind.as_str())
        .line("integration key", record.key.as_str())
        .line("state", if record.enabled { "enabled" } else { "disabled" })
        .line("new users", record.new_user.map_or("as the account says", NewUserPolicy::as_str))
        .line("access", access(record))
        .line("usernames", record.normalization.as_str())
        .line("remembers for", record.remembered_days.map(|days| format!("{days} days")).unwrap_or_default())
        .line("self-service", if record.self_service_allowed { "on" } else { "off" })
        .line("permissions", granted.join(", "))
        .line("networks", record.api_networks.as_str())
        .line("framed by", record.frame_origins.to_string())
        .line("notes", record.notes.as_str())
        .line("created", moment(record.created_at));
    if record.kind.speaks_rest_v1() {
        let last = moment_or(record.legacy_last_used, "never");
        let state = if record.legacy_signatures { "honoured" } else { "refused" };
        card.line("without date", format!("{state}, last used: {last}"));
    }
    if let Some(until) = record.previous_secret_until {
        card.line("previous secret", format!("works until {}", moment(until)));
    }
    Answer::new(integration_json(record), card.text())
}

fn access(record: &IntegrationRecord) -> String {
    match &record.user_access {
        UserAccess::All => "all users".to_owned(),
        UserAccess::Nobody => "nobody".to_owned(),
        UserAccess::Groups(groups) => groups.iter().map(cs_core::id::GroupId::to_string).collect::<Vec<_>>().join(", "),
    }
}

fn integration_json(record: &IntegrationRecord) -> Json {
    let granted: Vec<&str> =
        Permission::ALL.into_iter().filter(|one| record.permissions.allow(*one)).map(Permission::name).collect();
    let (access, groups): (&str, Vec<&str>) = match &record.user_access {
        UserAccess::All => ("ALL_USERS", Vec::new()),
        UserAccess::Nobody => ("NO_USERS", Vec::new()),
        UserAccess::Groups(groups) => ("PERMITTED_GROUPS", groups.iter().map(cs_core::id::GroupId::as_str).collect()),
    };
    json!({
        "integration_key": record.key.as_str(),
        "name": record.name,
        "type": record.kind.as_str(),
        "enabled": record.enabled,
        "notes": record.notes,
        "new_users": record.new_user.map(NewUserPolicy::as_str),
        "user_access": access,
        "groups_allowed": groups,
        "self_service_allowed": record.self_service_allowed,
        "remembered_days": record.remembered_days,
        "legacy_signatures": record.legacy_signatures,
        "legacy_last_used": unix(record.legacy_last_used),
        "permissions": granted,
        "networks_for_api_access": record.api_networks,
        "frame_origins": record.frame_origins.to_string(),
        "created": record.created_at.as_second(),
        "previous_secret_until": unix(record.previous_secret_until),
    })
}
