//! What every admin command works with.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use cs_core::id::AccountId;
use cs_engine::Engine;
use cs_engine::admin::Actor;
use cs_store::Reader;
use jiff::Timestamp;

use super::error::AdminError;
use crate::config::{Config, MailConfig};

/// The actor that these commands appear as in the administrator log.
pub(super) const ACTOR: &Actor = &Actor::Terminal;

/// The opened installation and the account that is worked on.
pub(super) struct Site {
    pub(super) engine: Engine,
    pub(super) account: AccountId,
    /// Answers are printed as JSON: for commands that print as they go.
    pub(super) json: bool,
    /// The API host as clients write it.
    pub(super) api_authority: String,
    /// The mail server, if there is one.
    pub(super) mail: Option<MailConfig>,
    yes: bool,
}

impl Site {
    /// Chooses the account: the only one, or the one that `account` names by id or API host.
    pub(super) async fn open(
        engine: Engine,
        config: &Config,
        account: Option<&str>,
        json: bool,
        yes: bool,
    ) -> Result<Self, AdminError> {
        let accounts = engine.directory().accounts().await?;
        let chosen = match account {
            Some(given) => {
                let found = accounts.iter().find(|account| account.id.as_str() == given || account.api_host == given);
                found.ok_or_else(|| AdminError::NoSuch {
                    what: "account",
                    given: given.to_owned(),
                    suggestion: accounts.first().map(|account| account.api_host.clone()),
                })?
            }
            None => match accounts.as_slice() {
                [only] => only,
                [] => {
                    return Err(AdminError::Refused("there is no account yet: run `countersign bootstrap`".to_owned()));
                }
                several => {
                    let ids: Vec<String> =
                        several.iter().map(|account| format!("{} {}", account.id, account.api_host)).collect();
                    return Err(AdminError::Ambiguous {
                        what: "account",
                        given: "no --account".to_owned(),
                        ids: ids.join(", "),
                    });
                }
            },
        };
        let api_authority = config.hosts.api.authority(config.listen.api.port());
        Ok(Self { account: chosen.id, engine, api_authority, mail: config.mail.clone(), json, yes })
    }

    pub(super) fn reader(&self) -> Reader {
        self.engine.store().reader()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }

    /// Asks before what cannot be undone. Without a terminal to ask on, `--yes` is needed.
    pub(super) fn confirm(&self, what: &str) -> Result<(), AdminError> {
        if self.yes {
            return Ok(());
        }
        let what = countersign_device::clean(what, 300);
        let stdin = std::io::stdin();
        if !stdin.is_terminal() {
            return Err(AdminError::NotConfirmed(what));
        }
        let mut answer = String::new();
        let asked = write!(std::io::stderr().lock(), "{what} Go ahead? [y/N] ");
        let read = asked.and_then(|()| stdin.lock().read_line(&mut answer));
        let agreed = matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes");
        if read.is_ok() && agreed { Ok(()) } else { Err(AdminError::NotConfirmed(what)) }
    }
}
