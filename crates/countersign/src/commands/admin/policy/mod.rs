//! `countersign policy`: policies, where they apply, what they were, and what they come to.
//!
//! | file | commands |
//! | --- | --- |
//! | `read` | `list`, `show`, `history` |
//! | `change` | `create`, `set`, `unset`, `rename`, `copy`, `delete`, `restore-version` |
//! | `scope` | `apply`, `unapply`, `order` |
//! | `transfer` | `export`, `import` |
//! | `explain` | `explain` |
//! | `simulate` | `simulate` |
//! | `stage` | `stage`, `confirm`, `roll-back`, `trial` |
//!
//! JSON shapes and exit codes are in `docs/policy.md` and only grow.

mod change;
mod explain;
mod read;
mod scope;
mod simulate;
mod stage;
mod transfer;

use clap::{Args, Subcommand};
use cs_engine::admin::Actor;
use cs_engine::policy::{Difference, Draft, Edited, Editor, LockoutRisk, PolicyError, PolicyView, flat};
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use super::OnAccount;
use super::error::AdminError;
use super::lookup::missing;
use super::out::{Answer, Table};
use super::site::Site;
use super::when::length;
use crate::admin_api::stage_json;
use crate::cli::Global;

/// Make, apply, explain, export and import policies
#[derive(Debug, Args)]
#[command(
    after_help = "Policies are named by name, key, or `global`. A setting is written section.key=value, lists with commas.\n\n\
    Examples:\n  \
    countersign policy create Contractors user_location.deny_access_countries_list=KP,IR\n  \
    countersign policy apply Contractors --app VPN --group contractors\n  \
    countersign policy set global authentication_methods.allowed_auth_list=duo-push,hardware-token\n  \
    countersign policy explain --user bob --app VPN --ip 192.0.2.7\n  \
    countersign policy simulate new.json --days 14\n  \
    countersign policy stage VPN authentication_policy.user_auth_behavior=enforce --percent 10\n  \
    countersign policy import new.json --confirm-within 10m\n  \
    countersign policy export > policies.json\n  \
    countersign policy import policies.json --dry-run"
)]
pub struct Policy {
    #[command(flatten)]
    on: OnAccount,
    /// Make a change of the global policy although it could lock everybody out
    #[arg(long, global = true)]
    confirm_lockout: bool,
    /// Take the change back after this time, such as 10m, unless `policy confirm` comes before
    #[arg(long, global = true, value_name = "TIME")]
    confirm_within: Option<String>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List policies and where they apply
    List,
    /// Show a policy's settings
    Show {
        policy: String,
    },
    /// Make a policy
    Create {
        name: String,
        #[arg(value_name = "SECTION.KEY=VALUE")]
        settings: Vec<String>,
    },
    /// Change settings; a section that the policy does not have yet begins as it is in the global policy
    Set {
        policy: String,
        #[arg(required = true, value_name = "SECTION.KEY=VALUE")]
        settings: Vec<String>,
    },
    /// Take sections away, so that what is below decides them
    Unset {
        policy: String,
        #[arg(required = true)]
        sections: Vec<String>,
    },
    /// Give a policy another name
    Rename {
        policy: String,
        name: String,
    },
    /// Make policies with the settings of another one; they apply nowhere
    Copy {
        policy: String,
        #[arg(required = true)]
        names: Vec<String>,
    },
    /// Delete a policy; where it applied, what is below decides
    Delete {
        policy: String,
    },
    /// Put a policy on an application, on groups in an application, or on groups everywhere
    Apply {
        policy: String,
        #[command(flatten)]
        scope: scope::Scope,
    },
    /// Take a policy off an application or group
    Unapply {
        policy: String,
        #[command(flatten)]
        scope: scope::Scope,
    },
    /// Say which policy on groups comes first; without policies, show the order
    Order {
        /// The application; without it, the policies on groups everywhere
        #[arg(long)]
        app: Option<String>,
        policies: Vec<String>,
    },
    /// Print policies and where they apply as JSON
    Export {
        policies: Vec<String>,
    },
    /// Make policies what a file says: an export, or what the Admin API shows
    Import {
        /// - is standard input
        file: String,
        /// Only show what would be different
        #[arg(long)]
        dry_run: bool,
    },
    /// Show what a policy was, newest first; a deleted one by its key
    History {
        policy: String,
    },
    /// Make a policy what it was at a version; where it applies stays
    RestoreVersion {
        policy: String,
        version: i64,
    },
    Explain(explain::Explain),
    Simulate(simulate::Simulate),
    Stage(stage::Stage),
    /// Let the change that waits for it stand
    Confirm,
    /// Take the change that waits back now
    RollBack,
    /// Show the change that waits to be confirmed
    Trial,
}

impl Policy {
    pub fn run(&self, global: &Global) -> anyhow::Result<u8> {
        self.on.run(global, async |site| {
            let within = self.confirm_within.as_deref();
            let confirm_within = within.map(|text| length("--confirm-within", text)).transpose()?;
            self.command.run(&Policies { site, risk: self.risk(), confirm_within }).await
        })
    }

    const fn risk(&self) -> LockoutRisk {
        if self.confirm_lockout { LockoutRisk::Taken } else { LockoutRisk::Refused }
    }
}

impl Command {
    async fn run(&self, at: &Policies<'_>) -> Result<Answer, AdminError> {
        match self {
            Self::List => read::list(at).await,
            Self::Show { policy } => read::show(at, policy).await,
            Self::History { policy } => read::history(at, policy).await,
            Self::Create { name, settings } => change::create(at, name, settings).await,
            Self::Set { policy, settings } => change::set(at, policy, settings).await,
            Self::Unset { policy, sections } => change::unset(at, policy, sections).await,
            Self::Rename { policy, name } => change::rename(at, policy, name).await,
            Self::Copy { policy, names } => change::copy(at, policy, names).await,
            Self::Delete { policy } => change::delete(at, policy).await,
            Self::RestoreVersion { policy, version } => change::restore(at, policy, *version).await,
            Self::Apply { policy, scope } => scope::apply(at, policy, scope).await,
            Self::Unapply { policy, scope } => scope::unapply(at, policy, scope).await,
            Self::Order { app, policies } => scope::order(at, app.as_deref(), policies).await,
            Self::Export { policies } => transfer::export(at, policies).await,
            Self::Import { file, dry_run } => transfer::import(at, file, *dry_run).await,
            Self::Explain(explain) => explain.run(at.site).await,
            Self::Simulate(simulate) => simulate.run(at).await,
            Self::Stage(stage) => stage.run(at).await,
            Self::Confirm => stage::confirm(at).await,
            Self::RollBack => stage::roll_back(at).await,
            Self::Trial => stage::trial(at).await,
        }
    }
}

/// The account whose policies are worked on.
struct Policies<'a> {
    site: &'a Site,
    risk: LockoutRisk,
    confirm_within: Option<SignedDuration>,
}

impl Policies<'_> {
    async fn load(&self) -> Result<Draft, AdminError> {
        Ok(self.site.engine.policies(self.site.account).await?)
    }

    fn editor(&self) -> Editor {
        Editor { actor: Actor::Terminal, address: None, risk: self.risk, confirm_within: self.confirm_within }
    }

    async fn edit<T>(&self, change: impl Fn(&mut Draft) -> Result<T, PolicyError>) -> Result<Edited<T>, AdminError> {
        Ok(self.site.engine.edit_policies(self.site.account, &self.editor(), change).await?)
    }
}

/// The policy with this key or name.
fn find<'a>(draft: &'a Draft, given: &str) -> Result<&'a PolicyView, AdminError> {
    draft
        .find(given)
        .or_else(|error| draft.named(given).ok_or(error))
        .map_err(|_| missing("policy", given, draft.policies().iter().map(|policy| policy.name.as_str())))
}

/// A policy for programs: as it is exported, with version and times.
fn document(draft: &Draft, policy: &PolicyView) -> Json {
    let mut document = draft.export(policy);
    document["staged"] = stage_json(policy);
    document["version"] = policy.record.version.into();
    document["created"] = policy.record.created_at.as_second().into();
    document["modified"] = policy.record.modified_at.as_second().into();
    document
}

/// What a change did, or would do.
fn changes(differences: &[Difference], nothing: &str) -> Answer {
    let mut table = Table::new(&["policy", "setting", "before", "after"]);
    for difference in differences {
        let (before, after) = (flat(&difference.before), flat(&difference.after));
        let value = |lines: &[(String, String)], name: &str| {
            lines.iter().find(|(key, _)| key == name).map_or_else(|| "-".to_owned(), |(_, value)| value.clone())
        };
        let mut names: Vec<&String> = before.iter().chain(&after).map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        for name in names {
            let (was, is) = (value(&before, name), value(&after, name));
            if was != is {
                let shown = name.strip_prefix("sections.").unwrap_or(name);
                table.row([difference.name.clone(), shown.to_owned(), was, is]);
            }
        }
    }
    let told: Vec<Json> = differences
        .iter()
        .map(|difference| {
            json!({
                "policy_key": difference.key.as_str(),
                "policy_name": difference.name,
                "action": difference.action,
                "before": difference.before,
                "after": difference.after,
            })
        })
        .collect();
    Answer::new(json!({ "changes": told }), table.text(nothing))
}
