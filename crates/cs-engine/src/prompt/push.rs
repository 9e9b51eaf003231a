//! A push that is on its way while pages come and go.

use cs_core::id::TxId;
use cs_core::login::{AllowReason, DenyReason};
use cs_core::prompt::{Admitted, Failure, LivePush, Post, State, Way};
use cs_store::Job;

use super::session::{Changed, Prompt, Visit};
use super::steps::failed;
use crate::login::{LoginStatus, Why, Withdrawn, reference};
use crate::wake::Delivery;
use crate::{Caller, Engine, EngineError};

/// Whether the phone has put a request before the person's eyes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It has.
    Yes,
    /// Nobody has heard of that.
    NotYet,
}

/// What came of waiting for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Awaited {
    /// There is none yet.
    Waiting(Seen),
    /// The person is in.
    Approved,
    /// There is another one, or nothing to wait for.
    Over,
}

/// How a push stands.
enum Standing {
    Waiting,
    Approved,
    Ended(Failure),
}

impl Engine {
    /// Looks whether the push was answered meanwhile, and goes on if so: an approval counts on whatever page the person is.
    pub async fn follow_prompt(&self, prompt: &mut Prompt, visit: &Visit) -> Result<Changed, EngineError> {
        if let Some(token) = self.unheard_token(prompt, visit).await? {
            return Ok(Changed { token: Some(token), ..Changed::default() });
        }
        let Some(push) = prompt.state.live_push().filter(|_| !prompt.is_expired(self.clock().now())) else {
            return Ok(Changed::default());
        };
        let way = Way::to(push.means, push.phone);
        match self.standing(&prompt.caller, push).await? {
            Standing::Approved => {
                let why = AllowReason::UserApproved;
                let admitted = Admitted { txid: push.txid, why, at: self.clock().now(), way: Some(way) };
                self.go_on_by_itself(prompt, admitted, visit).await
            }
            Standing::Ended(failure) => {
                // Elsewhere than on its own page its end is nothing to interrupt the person with.
                if matches!(prompt.state, State::Push(_)) {
                    self.go_on(prompt, failed(way, failure), Job::new(), visit).await?;
                }
                Ok(Changed::default())
            }
            Standing::Waiting => Ok(Changed::default()),
        }
    }

    /// Waits for an answer on the phone, for as long as a request may be held, or until the phone shows what it is asked, unless the page says so already. On the push's
    /// own page, and beside a code that is being typed.
    pub async fn wait_prompt(&self, prompt: &Prompt, step: &str, says: Seen) -> Result<Awaited, EngineError> {
        let push = prompt.state.live_push().filter(|_| prompt.state.takes(Post::Wait) && prompt.is_this_step(step));
        let Some(push) = push else { return Ok(Awaited::Over) };
        let answered = self.auth_status(&prompt.caller, push.txid);
        let status = match says {
            Seen::Yes => answered.await,
            Seen::NotYet => tokio::select! {
                status = answered => status,
                () = self.shown(push.txid) => Ok(LoginStatus::Waiting),
            },
        };
        match status {
            Ok(LoginStatus::Waiting) => Ok(Awaited::Waiting(self.seen(push.txid))),
            Ok(LoginStatus::Decided(decided)) if decided.allow => Ok(Awaited::Approved),
            Ok(LoginStatus::Decided(_)) | Err(EngineError::NotFound) => Ok(Awaited::Over),
            Err(error) => Err(error),
        }
    }

    /// Whether the phone shows the login `txid`, as far as this node knows.
    pub(super) fn seen(&self, txid: TxId) -> Seen {
        if self.delivery(txid) == Delivery::Shown { Seen::Yes } else { Seen::NotYet }
    }

    pub(super) async fn is_waiting(&self, prompt: &Prompt, push: LivePush) -> Result<bool, EngineError> {
        Ok(matches!(self.standing(&prompt.caller, push).await?, Standing::Waiting))
    }

    /// Withdraws the push. That it fails must not keep anybody from going on.
    pub(super) async fn give_up_push(&self, prompt: &Prompt, push: LivePush, why: Withdrawn) {
        match self.withdraw_of(&prompt.caller, push.txid, why).await {
            Ok(_) | Err(EngineError::NotFound) => {}
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "a push was not withdrawn");
            }
        }
    }

    /// As the row has it: a push that was joined asks for as many digits as when it was sent, and ends when it ends.
    pub(super) async fn as_sent(&self, caller: &Caller, push: LivePush) -> Result<LivePush, EngineError> {
        let row = self.store().login(caller.account.id, push.txid).await?;
        Ok(row.map_or(push, |row| LivePush { digits: row.digits, expires_at: row.expires_at, ..push }))
    }

    async fn standing(&self, caller: &Caller, push: LivePush) -> Result<Standing, EngineError> {
        let ended = |reason, reference| Ok(Standing::Ended(Failure { reason, reference }));
        match self.status_now(caller, push.txid).await {
            Ok(LoginStatus::Waiting) => Ok(Standing::Waiting),
            Ok(LoginStatus::Decided(decided)) => match decided.why {
                Why::Allowed(AllowReason::UserApproved) if decided.allow => Ok(Standing::Approved),
                // Nothing else than an approval lets a push in.
                Why::Allowed(_) => ended(DenyReason::Error, reference(push.txid)),
                // Codes are no answer to a push.
                Why::Sent => ended(DenyReason::Error, reference(push.txid)),
                Why::Denied(reason) => ended(reason, decided.reference.unwrap_or_else(|| reference(push.txid))),
            },
            // Removed with its user, or by a restore.
            Err(EngineError::NotFound) => ended(DenyReason::LoginExpired, reference(push.txid)),
            Err(error) => Err(error),
        }
    }
}
