//! `countersign admin exemption`

use clap::{Args, Subcommand, ValueEnum};
use cs_core::id::ExemptionId;
use cs_core::network::NetworkList;
use cs_core::policy::Word as _;
use cs_core::policy::exemption::ExemptionKind;
use cs_engine::admin::exemptions::NewExemption;
use cs_store::exemptions::ExemptionRecord;
use serde_json::{Value as Json, json};

use super::error::AdminError;
use super::out::{Answer, Table, moment};
use super::site::{ACTOR, Site};
use super::when;

/// Exemptions for test and automation users: at some applications, from some networks, until a day
#[derive(Debug, Args)]
pub(super) struct Exemption {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List exemptions, those that end first at first
    List {
        /// Only this user's
        user: Option<String>,
    },
    /// Exempt a user; lockout, status, denied networks and device rules still hold
    Create {
        user: String,
        /// What is allowed
        #[arg(long)]
        kind: Kind,
        /// At this application, by key or name; may be given several times
        #[arg(long = "app", value_name = "IKEY", required = true)]
        apps: Vec<String>,
        /// From these addresses, ranges or CIDR blocks, separated by commas
        #[arg(long, value_name = "LIST")]
        networks: String,
        /// Until when, at most a year: a length of time or an RFC 3339 time
        #[arg(long, value_name = "TIME")]
        until: String,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// End an exemption at once
    Delete {
        /// Its id (DX…)
        id: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Kind {
    /// Passcodes, also where the policy allows other methods only
    PasscodeOnly,
    /// In without a second factor
    AutomaticApproval,
}

impl Exemption {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        match &self.command {
            Command::List { user } => {
                let user = match user {
                    Some(user) => Some(site.user(user).await?.id),
                    None => None,
                };
                let all = site.reader().exemptions(site.account, user).await?;
                shown(site, &all).await
            }
            Command::Create { user, kind, apps, networks, until, reason } => {
                let mut applications = Vec::with_capacity(apps.len());
                for app in apps {
                    applications.push(site.integration(app).await?.key);
                }
                let problem = "expected addresses, ranges or CIDR blocks, separated by commas";
                let networks =
                    NetworkList::parse(networks).ok_or(AdminError::Usage { argument: "--networks", problem })?;
                let new = NewExemption {
                    kind: match kind {
                        Kind::PasscodeOnly => ExemptionKind::PasscodeOnly,
                        Kind::AutomaticApproval => ExemptionKind::AutomaticApproval,
                    },
                    applications,
                    networks,
                    until: when::until("--until", until, site.now())?,
                    reason: reason.clone(),
                };
                let user = site.user(user).await?.id;
                let made = site.engine.create_exemption(site.account, ACTOR, user, new).await?;
                shown(site, &[made]).await
            }
            Command::Delete { id } => {
                let none = || AdminError::NoSuch { what: "exemption", given: id.clone(), suggestion: None };
                let id: ExemptionId = id.parse().map_err(|_| none())?;
                site.confirm(&format!("This ends the exemption {id}; what goes by it fails from then on."))?;
                if !site.engine.delete_exemption(site.account, ACTOR, id).await? {
                    return Err(none());
                }
                let json = json!({"exemption_id": id.as_str(), "deleted": true});
                Ok(Answer::new(json, format!("{id}: ended")))
            }
        }
    }
}

async fn shown(site: &Site, all: &[ExemptionRecord]) -> Result<Answer, AdminError> {
    let mut table = Table::new(&["user", "kind", "applications", "networks", "until", "reason", "id"]);
    let mut items = Vec::with_capacity(all.len());
    for record in all {
        let exemption = &record.exemption;
        let applications: Vec<String> = exemption.applications.iter().map(ToString::to_string).collect();
        let networks: Vec<String> = exemption.networks.entries().collect();
        let username = site.user(record.user.as_str()).await?.username;
        table.row([
            username.clone(),
            exemption.kind.as_str().to_owned(),
            applications.join(" "),
            networks.join(" "),
            moment(exemption.until),
            exemption.reason.clone(),
            record.id.to_string(),
        ]);
        items.push(json!({
            "exemption_id": record.id.as_str(),
            "user_id": record.user.as_str(),
            "username": username,
            "kind": exemption.kind.as_str(),
            "integration_keys": applications,
            "networks": networks,
            "created": exemption.from.as_second(),
            "until": exemption.until.as_second(),
            "reason": exemption.reason,
            "created_by": record.created_by,
        }));
    }
    Ok(Answer::new(json!({"exemptions": Json::Array(items)}), table.text("no exemptions")))
}
