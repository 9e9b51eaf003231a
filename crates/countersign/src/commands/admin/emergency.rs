//! `countersign emergency`: an Owner's leave to do without the second factor for a while.

use clap::{Args, Subcommand};
use cs_engine::outage::EMERGENCY_MINUTES;
use cs_wire::outage::{EmergencyToken, signed};
use jiff::SignedDuration;
use serde_json::json;

use super::OnAccount;
use super::administrator::password;
use super::error::AdminError;
use super::out::{Answer, moment};
use super::site::Site;
use crate::auth_api::outage_key;
use crate::cli::Global;

/// Give proxies leave to do without the second factor for a while
#[derive(Debug, Args)]
#[command(after_help = "The token is put to use at the proxy, also while this server cannot be reached:\n  \
    countersign-proxy emergency begin -c authproxy.cfg TOKEN\n\n\
    It is good for one time, at the sections that it names, and ends by itself.")]
pub struct Emergency {
    #[command(flatten)]
    on: OnAccount,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a token; asks for the Owner's password
    Token {
        /// The Owner whose leave it is
        #[arg(long, value_name = "EMAIL")]
        owner: String,
        /// A section of authproxy.cfg, such as radius_server_auto; may be repeated
        #[arg(long = "section", required = true, value_name = "SECTION")]
        sections: Vec<String>,
        /// How long it lasts once it is put to use
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=240))]
        minutes: u32,
        /// Days in which it must be put to use
        #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(i64).range(1..=366))]
        days: i64,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

impl Emergency {
    pub fn run(&self, global: &Global) -> anyhow::Result<u8> {
        self.on.run(global, async |site| self.command.run(site).await)
    }
}

impl Command {
    async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        let Self::Token { owner, sections, minutes, days, reason } = self;
        let problem = "at most 16 sections of at most 64 characters";
        if sections.len() > 16 || sections.iter().any(|section| section.is_empty() || section.len() > 64) {
            return Err(AdminError::Usage { argument: "--section", problem });
        }
        if reason.trim().is_empty() || reason.len() > 200 {
            return Err(AdminError::Usage { argument: "--reason", problem: "say why, in at most 200 characters" });
        }
        debug_assert!(EMERGENCY_MINUTES.contains(minutes));
        let record = site.administrator(owner).await?;
        let password = password("Password", &record.email)?;
        let id = site.engine.new_emergency_id();
        let now = site.now();
        let use_before = now + SignedDuration::from_hours(24 * days);
        let description = json!({
            "sections": sections,
            "minutes": minutes,
            "use_before": use_before.as_second(),
            "reason": reason,
        });
        let owner = site.engine.emergency_leave(site.account, record.id, password, &id, &description).await?;
        let token = EmergencyToken {
            v: 1,
            account: site.account.to_string(),
            id: id.clone(),
            sections: sections.clone(),
            minutes: *minutes,
            made_at: now.as_second(),
            use_before: use_before.as_second(),
            owner,
            reason: reason.clone(),
        };
        let key = outage_key(&site.engine, site.account).await?;
        let unsigned = || AdminError::Refused("the token cannot be signed".to_owned());
        let text = signed(&token, &key).map_err(|_| unsigned())?;
        let json = json!({"id": id, "token": text, "use_before": use_before.as_second(), "minutes": minutes});
        Ok(Answer::new(
            json,
            format!("{text}\n\nGood for one time until {}; lasts {minutes} minutes.", moment(use_before)),
        ))
    }
}
