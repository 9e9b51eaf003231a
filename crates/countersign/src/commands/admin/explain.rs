//! `countersign admin user explain`: what would happen if this user logged in now, by which rule and on what fact.

use std::sync::Arc;

use clap::Args;
use cs_core::policy;
use cs_core::user::User;
use cs_core::username::{Username, UsernameNormalization};
use cs_engine::{Caller, Liveness, Surface};
use cs_store::facts::UserRef;
use serde_json::json;

use super::error::AdminError;
use super::out::{Answer, Card};
use super::site::Site;

/// Say what would happen if a user logged in to an application now, and why
///
/// Asks the same rules as a login, changes nothing and logs nothing. A name that nobody has is explained too.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// As the application would send it
    user: String,
    /// The application, by integration key or name
    #[arg(long, value_name = "IKEY")]
    app: String,
}

impl Explain {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        let (engine, now) = (&site.engine, site.now());
        let record = site.integration(&self.app).await?;
        let vanished = || AdminError::NoSuch { what: "integration", given: self.app.clone(), suggestion: None };
        let integration = engine.directory().integration(site.account, record.key).await?.ok_or_else(vanished)?;
        let account = engine.directory().account(site.account).await?.ok_or_else(vanished)?;
        let key = match site.user(&self.user).await {
            Ok(user) => Username::parse(&user.username).map(|name| name.key(UsernameNormalization::None)),
            Err(_) => Username::parse(&self.user).map(|name| name.key(integration.normalization)),
        };
        // A name that cannot be one is a name nobody has.
        let facts = match &key {
            Ok(key) => engine.store().user_facts(site.account, UserRef::Name(key.as_str()), None, now).await?,
            Err(_) => None,
        };
        let user = facts.as_ref().map(|facts| &facts.user);
        let verdict = if integration.enabled {
            let caller = Caller {
                account,
                integration: Arc::clone(&integration),
                surface: Surface::AuthV2,
                connection: Liveness::forever(),
                legacy_signature: false,
            };
            Verdict::of(&engine.would_decide(&caller, user).await?, user)
        } else {
            Verdict {
                verdict: "refused",
                rule: "integration_disabled".to_owned(),
                fact: format!("{} is disabled: its requests are refused before anybody is looked up", integration.name),
                remedy: "Enable it: `countersign admin integration enable`.".to_owned(),
            }
        };
        let mut card = Card::default();
        card.line("user", user.map_or(self.user.as_str(), |user| user.username.as_str()))
            .line("application", format!("{} ({})", integration.name, integration.key))
            .line("verdict", verdict.verdict)
            .line("rule", verdict.rule.as_str())
            .line("fact", verdict.fact.as_str())
            .line("remedy", verdict.remedy.as_str());
        let json = json!({
            "user_id": user.map(|user| user.id.to_string()),
            "username": user.map_or(&self.user, |user| &user.username),
            "integration_key": integration.key.as_str(),
            "application": integration.name,
            "verdict": verdict.verdict,
            "rule": verdict.rule,
            "fact": verdict.fact,
            "remedy": verdict.remedy,
            "factors": user.map(factors).unwrap_or_default(),
        });
        Ok(Answer::new(json, card.text()))
    }
}

struct Verdict {
    verdict: &'static str,
    rule: String,
    fact: String,
    remedy: String,
}

impl Verdict {
    fn of(decided: &policy::Verdict, user: Option<&User>) -> Self {
        match decided {
            policy::Verdict::Allow { why, fact } => Self {
                verdict: "allow",
                rule: why.as_str().to_owned(),
                fact: fact.clone(),
                remedy: "Nothing to do, if this user is meant to get in without a second factor.".to_owned(),
            },
            policy::Verdict::Deny(denial) => Self {
                verdict: "deny",
                rule: denial.reason.as_str().to_owned(),
                fact: denial.fact.clone(),
                remedy: denial.reason.remedy().to_owned(),
            },
            policy::Verdict::Enroll { .. } => Self {
                verdict: "enroll",
                rule: "new_user_policy".to_owned(),
                fact: user.map_or("no user of that name", |_| "the user has no usable device").to_owned(),
                remedy: "Enroll the user: `countersign admin user enroll`.".to_owned(),
            },
            policy::Verdict::Challenge(_) => Self {
                verdict: "authenticate",
                rule: "second_factor".to_owned(),
                fact: user.map(|user| format!("the user can use: {}", factors(user).join(", "))).unwrap_or_default(),
                remedy: String::new(),
            },
        }
    }
}

/// What the user can answer with.
fn factors(user: &User) -> Vec<String> {
    let pushes =
        user.phones.iter().filter(|phone| phone.can_push()).map(|phone| format!("push to {}", phone.menu_name()));
    let tokens = user.tokens.iter().map(|token| format!("token {}", token.serial));
    let codes = (user.live_bypass_codes > 0).then(|| format!("{} bypass codes", user.live_bypass_codes));
    pushes.chain(tokens).chain(codes).collect()
}
