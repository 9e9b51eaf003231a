//! Letters to people who are new in a directory.

use cs_core::id::{AccountId, DirectoryKey};
use cs_store::Job;
use cs_store::directories::{invited, keep_run};

use super::apply::{LEASE, Stopped};
use crate::admin::Actor;
use crate::enrollment::{Invite, LINK_TTL};
use crate::letters::LinkOf;
use crate::{Engine, EngineError};

/// How many are looked up at a time.
const AT_A_TIME: u32 = 50;

impl Engine {
    /// Mails links to the new people of a directory, each once: the letter and the note of it are one commit. Who is disabled now, and who could not be mailed, is
    /// mailed by a later run. Goes on only while the run is `by`'s.
    pub(super) async fn invite_newcomers(
        &self,
        (account, directory): (AccountId, DirectoryKey),
        by: &str,
        actor: &Actor,
        link_of: LinkOf<'_>,
    ) -> Result<(), Stopped> {
        if !self.inner.mail {
            return Ok(());
        }
        let mut after = None;
        loop {
            let people = self.store().users_to_invite(account, directory, after, AT_A_TIME).await?;
            let Some((last, _)) = people.last() else { return Ok(()) };
            after = Some(*last);
            for (user, username) in people {
                let invite = Invite { username: &username, email: None, valid_secs: LINK_TTL.as_secs() };
                let once = invited(account, user, &username);
                match self.invite_if(account, actor, &invite, Some(link_of), std::slice::from_ref(&once)).await {
                    // Somebody has changed just now: a later run looks again.
                    Ok(_) | Err(EngineError::Contention) => {}
                    // Who has a device by now, or is locked out, needs no letter.
                    Err(EngineError::Exists(_) | EngineError::Invalid(_) | EngineError::NotFound) => {
                        self.apply(Job::new().step(once)).await?;
                    }
                    Err(error) => return Err(error.into()),
                }
            }
            let keep = keep_run(account, directory, by, self.clock().now() + LEASE);
            if self.apply(Job::new().step(keep)).await?.is_some() {
                return Err(Stopped::Lost);
            }
        }
    }
}
