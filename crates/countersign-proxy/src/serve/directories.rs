//! The `[ad_client]` sections at work: each login is asked about by a task of its own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context as _;
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use crate::cfg::Config;
use crate::cfg::client::Client;
use crate::directory::{Answer, Directory};
use crate::radius::login::Primary;
use crate::radius::output::{KeptOut, LoginId};

/// Every directory that checks first factors.
pub(super) struct Directories {
    by_name: BTreeMap<String, Arc<Directory>>,
    say: mpsc::UnboundedSender<Checked>,
    said: mpsc::UnboundedReceiver<Checked>,
}

/// What a directory said about a login.
pub(super) struct Checked {
    pub(super) login: LoginId,
    pub(super) answer: Answer,
}

impl Directories {
    /// Fails if the authorities of some section's TLS cannot be read. No directory is asked yet: one that is down now may be there when somebody logs in.
    pub(super) fn open(config: &Config) -> anyhow::Result<Self> {
        let mut by_name = BTreeMap::new();
        for (name, client) in &config.clients {
            let Client::Ad(ad) = client else { continue };
            let asks_for_groups = config.radius.iter().any(|server| {
                server.client.as_ref() == Some(name) && server.reply_rules.iter().any(|rule| rule.group.is_some())
            });
            let directory = Directory::new(name, ad, asks_for_groups).with_context(|| format!("[{name}]"))?;
            by_name.insert(name.clone(), Arc::new(directory));
        }
        // As many at a time as there are logins.
        let (say, said) = mpsc::unbounded_channel();
        Ok(Self { by_name, say, said })
    }

    /// Has a password checked, if this section is a directory.
    pub(super) fn ask(&self, client: &str, login: LoginId, user: &str, password: &Zeroizing<String>) -> bool {
        let Some(directory) = self.by_name.get(client).cloned() else { return false };
        let (user, password, say) = (user.to_owned(), password.clone(), self.say.clone());
        tokio::spawn(async move {
            let answer = directory.check(&user, &password).await;
            // Nobody listens while the proxy ends.
            _ = say.send(Checked { login, answer });
        });
        true
    }

    /// Every host of every directory: its section, where it is, and whether it answers.
    pub(super) fn hosts(&self, now: Instant) -> impl Iterator<Item = (&str, String, bool)> {
        self.by_name.iter().flat_map(move |(name, directory)| {
            directory.hosts(now).map(move |(host, is_well)| (name.as_str(), host, is_well))
        })
    }

    /// The next answer of any directory.
    pub(super) async fn next(&mut self) -> Checked {
        match self.said.recv().await {
            Some(checked) => checked,
            // The other end is held by `self`, so this is never closed.
            None => std::future::pending().await,
        }
    }
}

impl Checked {
    /// For the login, and for the log.
    pub(super) fn outcome(&self) -> (Primary, Option<KeptOut>) {
        match &self.answer {
            Answer::Right(_) => (Primary::Right, None),
            Answer::Wrong(refusal) => {
                let text = refusal.text().map(str::to_owned);
                (Primary::Wrong { text }, Some(KeptOut::Refused(refusal.reason())))
            }
            Answer::Down(why) => (Primary::Down, Some(KeptOut::NotAsked(why.clone()))),
        }
    }
}
