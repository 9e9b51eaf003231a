//! The step that a key's answer takes: what the answer is worth and where the login goes from there are written down in one commit.
//!
//! So neither can be without the other, and an answer that is sent twice needs no memory of what it was: the second one finds the step left.

use std::sync::{Mutex, MutexGuard, PoisonError};

use cs_core::policy::Effective;
use cs_core::prompt::{Admitted, Event, Failure, Means, State, Way};
use cs_core::user::User;
use cs_core::webauthn::Ask;
use cs_store::Job;

use super::session::{Changed, Next, Prompt, Visit};
use super::steps::{Outcome, failed, is_in};
use crate::login::{Assertion, AuthAnswer, Decided, FactorInput, Remembering, Together, Why, Withdrawn, reference};
use crate::{Engine, EngineError};

/// The step that is being taken.
struct Step<'a> {
    engine: &'a Engine,
    prompt: &'a Prompt,
    way: Way,
    visit: &'a Visit,
    stands: Mutex<Stands>,
}

/// How far it is.
#[derive(Default)]
enum Stands {
    #[default]
    Open,
    /// It is to be committed.
    Prepared(Next, Changed),
    /// It is.
    Committed(Next, Changed),
}

impl Step<'_> {
    fn stands(&self) -> MutexGuard<'_, Stands> {
        self.stands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Together for Step<'_> {
    fn job(&self, decided: &Decided, user: &User, effective: &Effective<'_>) -> Result<Job, EngineError> {
        let (engine, prompt) = (self.engine, self.prompt);
        let mut changed = Changed::default();
        let Outcome { event, earned } = match decided.why {
            Why::Allowed(why) => {
                let at = engine.clock().now();
                let admitted = Admitted { txid: prompt.log_id(), why, at, way: Some(self.way) };
                let remembering = Remembering::of(effective);
                engine.admitted(prompt, admitted, Some(user), remembering.as_ref(), self.visit, &mut changed)?
            }
            Why::Denied(reason) => {
                let reference = decided.reference.clone().unwrap_or_else(|| reference(prompt.log_id()));
                failed(self.way, Failure { reason, reference }).into()
            }
            // A key sends no codes.
            Why::Sent => Event::Looked.into(),
        };
        // The state is one that a key is asked in, from which all of these lead on.
        let Some((next, job)) = engine.next(prompt, event, self.visit)? else { return Ok(Job::new()) };
        *self.stands() = Stands::Prepared(next, changed);
        Ok(job.and(earned))
    }

    fn is_prepared(&self) -> bool {
        !matches!(*self.stands(), Stands::Open)
    }

    fn committed(&self) {
        let mut stands = self.stands();
        *stands = match std::mem::take(&mut *stands) {
            Stands::Prepared(next, changed) => Stands::Committed(next, changed),
            other => other,
        };
    }
}

impl Engine {
    /// Judges what a security key answered, and goes on. Counted with every other attempt of the user.
    pub(super) async fn post_key(
        &self,
        prompt: &mut Prompt,
        response: String,
        visit: &Visit,
    ) -> Result<Changed, EngineError> {
        let means = match &prompt.state {
            State::Key { means, .. } => *means,
            _ => Means::SecurityKey,
        };
        let (ceremony, binding) = (prompt.ceremony(), prompt.binding());
        let input = response.as_bytes().to_vec();
        let assertion = Assertion { ask: Ask::SecondFactor, ceremony, binding, response };
        let mut request = self.request(prompt, visit, FactorInput::Assertion(Box::new(assertion)), &input);
        // The step itself can be taken only once.
        request.idempotency_key = None;
        let (way, push) = (Way::of(means), prompt.state.live_push());
        let step = Step { engine: self, prompt, way, visit, stands: Mutex::default() };
        let answer = match self.auth_together(&prompt.caller, &request, Some(&step)).await {
            Err(EngineError::IdempotencyMismatch) => return Ok(Changed::default()),
            answer => answer?,
        };
        let stands = step.stands.into_inner().unwrap_or_else(PoisonError::into_inner);
        let changed = match (stands, answer) {
            (Stands::Committed(next, changed), _) => {
                prompt.stands_at(next);
                changed
            }
            // The policies had the word before the key was looked at.
            (Stands::Open | Stands::Prepared(..), AuthAnswer::Decided(decided)) => {
                let mut changed = Changed::default();
                let outcome = self.outcome_of(prompt, way, &decided, visit, &mut changed).await?;
                if !self.go_on(prompt, outcome.event, outcome.earned, visit).await? {
                    changed.token = None;
                    return Ok(changed);
                }
                changed
            }
            // A key starts nothing.
            (Stands::Open | Stands::Prepared(..), AuthAnswer::Started { .. }) => return Ok(Changed::default()),
        };
        // In by another way: nobody is to be asked any more.
        if let (Some(push), true) = (push, is_in(&prompt.state)) {
            self.give_up_push(prompt, push, Withdrawn::ForAnotherFactor).await;
        }
        Ok(changed)
    }
}
