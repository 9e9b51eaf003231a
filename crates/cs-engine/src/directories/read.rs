//! Asking proxies, one after another until one knows.

use cs_core::directory::{Snapshot, Told};
use cs_core::id::{AccountId, DirectoryKey};
use jiff::SignedDuration;
use zeroize::Zeroizing;

use super::agents::Asked;
use super::{DirectoryError, Order, Question, Report, Verdict};
use crate::Engine;

/// The most people of one directory.
pub const MOST_PEOPLE: usize = 200_000;
/// The most octets of text about all of them together.
const MOST_TEXT: usize = 256 << 20;
/// The most people of one name.
const MOST_OF_ONE_NAME: usize = 16;
/// How long a proxy may say nothing.
pub const READ_PATIENCE: SignedDuration = SignedDuration::from_secs(60);
/// How long a password may take: people wait for it.
const CHECK_PATIENCE: SignedDuration = SignedDuration::from_secs(20);

impl Engine {
    /// Reads people by the proxies that are connected to this node. When one dies, falls silent or fails, the next is asked from the start; what the first had told
    /// is forgotten. `progress` hears how many were told so far.
    pub(super) async fn read_directory(
        &self,
        account: AccountId,
        directory: DirectoryKey,
        question: &Question,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Snapshot, DirectoryError> {
        let mut last = DirectoryError::NoAgent;
        for agent in self.agents().list(account, directory) {
            let order = |id| Order::Read { id, question: question.clone() };
            let Some(asked) = agent.order(order) else {
                last = DirectoryError::Gone;
                continue;
            };
            let found = self.collect(asked, question, progress).await;
            match found {
                Err(error) if error.is_of_the_proxy() => {
                    tracing::warn!(
                        directory.id = %directory, proxy = agent.info().proxy, host = agent.info().host,
                        error = %error, "a proxy could not read its directory"
                    );
                    last = error;
                }
                found => return found,
            }
        }
        Err(last)
    }

    async fn collect(
        &self,
        mut asked: Asked,
        question: &Question,
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Snapshot, DirectoryError> {
        let (mut people, mut text) = (Vec::new(), 0_usize);
        loop {
            match self.hear(&mut asked, READ_PATIENCE).await? {
                Report::People { people: more, .. } => {
                    for told in more {
                        text += check(&told, question)?;
                        people.push(told);
                    }
                    let most = if question.only.is_some() { MOST_OF_ONE_NAME } else { MOST_PEOPLE };
                    if people.len() > most || text > MOST_TEXT {
                        return Err(DirectoryError::Nonsense("more people than there can be"));
                    }
                    progress(people.len());
                }
                Report::Done { groups, count, .. } => {
                    if u64::try_from(people.len()) != Ok(count) {
                        return Err(DirectoryError::Nonsense("not as many people as it counted"));
                    }
                    let are_those = groups.len() == question.groups.len()
                        && groups.iter().zip(&question.groups).all(|(told, asked)| told.dn.eq_ignore_ascii_case(asked));
                    if !are_those {
                        return Err(DirectoryError::Nonsense("other groups than it was asked for"));
                    }
                    return Ok(Snapshot { people, groups });
                }
                Report::Failed { trouble, words, .. } => return Err(DirectoryError::Trouble { trouble, words }),
                Report::Checked { .. } => {
                    return Err(DirectoryError::Nonsense("a verdict for a question about people"));
                }
            }
        }
    }

    async fn hear(&self, asked: &mut Asked, patience: SignedDuration) -> Result<Report, DirectoryError> {
        let deadline = self.clock().now() + patience;
        tokio::select! {
            biased;
            report = asked.next() => report.ok_or(DirectoryError::Gone),
            () = self.clock().sleep_until(deadline) => Err(DirectoryError::Silent),
        }
    }

    /// Whether `password` is that of `username`, by the proxies that are connected to this node and check passwords. A second is asked only when the first could
    /// not be: every verdict counts, and a wrong password counts once.
    pub(super) async fn check_here(
        &self,
        account: AccountId,
        directory: DirectoryKey,
        username: &str,
        password: &Zeroizing<String>,
    ) -> Result<Verdict, DirectoryError> {
        let mut last = DirectoryError::NoFirstFactor;
        let agents = self.agents().list(account, directory);
        if agents.is_empty() {
            return Err(DirectoryError::NoAgent);
        }
        for agent in agents.iter().filter(|agent| agent.info().first_factor) {
            let order = |id| Order::Check { id, username: username.to_owned(), password: password.clone() };
            let Some(mut asked) = agent.order(order) else { continue };
            match self.hear(&mut asked, CHECK_PATIENCE).await {
                Ok(Report::Checked { verdict, .. }) => return Ok(verdict),
                // It did not come to a try.
                Ok(Report::Failed { trouble, words, .. }) => last = DirectoryError::Trouble { trouble, words },
                Ok(Report::People { .. } | Report::Done { .. }) => {
                    return Err(DirectoryError::Nonsense("people for a question about a password"));
                }
                // The password may have been tried: a second try could lock the person out.
                Err(error) => return Err(error),
            }
        }
        Err(last)
    }
}

/// How much text somebody is, if they can be.
fn check(told: &Told, question: &Question) -> Result<usize, DirectoryError> {
    let is_key = (1..=128).contains(&told.key.len()) && told.key.bytes().all(|b| b.is_ascii_graphic());
    if !is_key {
        return Err(DirectoryError::Nonsense("somebody without a key"));
    }
    if told.groups.iter().any(|group| *group >= question.groups.len()) {
        return Err(DirectoryError::Nonsense("somebody in a group that it was not asked for"));
    }
    let optional = [&told.full_name, &told.email, &told.notes].into_iter().flatten();
    let all = [&told.key, &told.username].into_iter().chain(&told.aliases).chain(&told.phones).chain(optional);
    Ok(all.map(|text| text.len() + 64).sum::<usize>() + told.groups.len() * 16)
}
