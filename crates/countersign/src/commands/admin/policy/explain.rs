//! `countersign policy explain`

use std::net::IpAddr;

use clap::Args;
use cs_core::policy::{Browser, Country, Os};
use cs_engine::policy::{Explanation, Person, Question, client};

use super::super::error::AdminError;
use super::super::out::{Answer, Card, Table};
use super::super::site::Site;
use crate::admin_api::explanation_json;

/// Say what would happen at a login, rule by rule, with the policy and the fact behind each
///
/// Asks the same rules as a login, changes nothing and logs nothing. A name that nobody has is explained too. Remembered devices and signals of risk are left out.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// By username, alias or id, or as the application would send it
    #[arg(long)]
    user: String,
    /// By integration key or name
    #[arg(long)]
    app: String,
    /// The address the login comes from
    #[arg(long)]
    ip: Option<IpAddr>,
    /// The country, instead of the one the address is in
    #[arg(long, value_name = "CODE")]
    country: Option<String>,
    /// The address counts as anonymous
    #[arg(long)]
    anonymous: bool,
    /// As in `browsers`, with or without a version: firefox:130
    #[arg(long)]
    browser: Option<String>,
    /// As in `operating_systems`: windows:10.0.22631
    #[arg(long)]
    os: Option<String>,
}

impl Explain {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        let application = site.integration(&self.app).await?.key;
        let person = match site.user(&self.user).await {
            Ok(user) => Person::Id(user.id),
            Err(_) => Person::Sent(self.user.clone()),
        };
        let wrong = |argument, problem| AdminError::Usage { argument, problem };
        let question = Question {
            person,
            application,
            address: self.ip,
            country: read(self.country.as_deref(), Country::parse)
                .ok_or(wrong("--country", "is no code of a country"))?,
            anonymous: self.anonymous,
            browser: read(self.browser.as_deref(), client::<Browser>)
                .ok_or(wrong("--browser", "is no browser that policies know"))?,
            os: read(self.os.as_deref(), client::<Os>)
                .ok_or(wrong("--os", "is no operating system that policies know"))?,
        };
        // Networks and countries that the server has seen are in its memory; here they are learnt from the log.
        site.engine.recall_logins().await?;
        let explained = site.engine.explain_login(site.account, &question).await?;
        Ok(Answer::new(explanation_json(&explained), text(&explained)))
    }
}

/// `None` if it is there and cannot be read.
fn read<T>(given: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    match given {
        None => Some(None),
        Some(text) => parse(text).map(Some),
    }
}

fn text(explained: &Explanation) -> String {
    let mut card = Card::default();
    card.line("user", explained.username.as_str())
        .line("application", explained.application.as_str())
        .line("country", explained.country.map(|country| country.to_string()).unwrap_or_default())
        .line("verdict", explained.verdict)
        .line("reason", explained.reason.unwrap_or_default())
        .line("fact", explained.fact.as_str())
        .line("remedy", explained.remedy)
        .line("digits", explained.digits.map(|digits| digits.to_string()).unwrap_or_default());
    let mut table = Table::new(&["", "step", "rule", "from", "says", "fact"]);
    for step in &explained.steps {
        let from = match (&step.level, &step.policy) {
            (Some(level), Some((_, name))) => format!("{}: {name}", level.as_str()),
            (Some(level), None) => level.as_str().to_owned(),
            (None, _) => String::new(),
        };
        let says = step.reason.map_or_else(|| step.outcome.to_owned(), |reason| format!("{} {reason}", step.outcome));
        let mark = if step.is_decisive { "*" } else { "" };
        table.row([mark.to_owned(), step.number.to_string(), step.rule.to_owned(), from, says, step.fact.clone()]);
    }
    format!("{}\n\n{}", card.text(), table.text(""))
}
