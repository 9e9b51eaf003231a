//! The review queue: signals of risk that fired, for administrators to look at.
//!
//! A login only leaves an effect behind; what it becomes here is written later, and nothing that goes wrong with it is in the way of anybody.

use cs_core::id::{AccountId, ReviewEventId};
use cs_core::policy::Word as _;
use cs_core::policy::risk::{ReviewKind, ReviewState};
use cs_core::policy::sections::Signal;
use cs_store::Job;
use cs_store::outbox::Leased;
use cs_store::review::{ReviewEvent, forget_reviews};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use crate::admin::{Actor, admin_record};
use crate::{Engine, EngineError, SystemRng};

/// The kind of the effects that become events.
pub const REVIEW: &str = "review";
/// How long events are kept, whatever became of them; so long Duo's can be asked for.
pub const REVIEWS_KEPT: SignedDuration = SignedDuration::from_hours(180 * 24);

impl Engine {
    /// Adds to the queue what `effect` tells, and says how many signals that were. Those told within the hour are not told again.
    pub async fn surface(&self, effect: &Leased) -> Result<usize, EngineError> {
        let payload: Json = serde_json::from_str(&effect.payload).map_err(|_| EngineError::Invalid("payload"))?;
        let account: AccountId = effect.account.parse().map_err(|_| EngineError::Invalid("account"))?;
        let events = events(&payload, effect.created_at).ok_or(EngineError::Invalid("payload"))?;
        let mut job = Job::new();
        for event in &events {
            job = job.step(event.insert(account));
        }
        self.apply(job).await?;
        Ok(events.len())
    }

    /// Brings an event to `state`; false if there is none.
    pub async fn review(
        &self,
        account: AccountId,
        actor: &Actor,
        id: ReviewEventId,
        state: ReviewState,
    ) -> Result<bool, EngineError> {
        let Some(event) = self.store().reader().review_event(account, id).await? else { return Ok(false) };
        if event.state == state {
            return Ok(true);
        }
        let now = self.clock().now();
        let description = json!({"sekey": id.as_str(), "from": event.state.as_str(), "to": state.as_str()});
        let job = Job::new().step(event.change(account, state, actor.name(), now)).log(admin_record(
            account,
            actor,
            "review_event_update",
            id.as_str(),
            &description,
            now,
        ));
        match self.apply(job).await? {
            None => Ok(true),
            Some(_) => Err(EngineError::Contention),
        }
    }

    /// Removes events older than [`REVIEWS_KEPT`]. Meant for once an hour.
    pub async fn forget_reviews(&self) -> Result<(), EngineError> {
        let before = self.clock().now() - REVIEWS_KEPT;
        for account in self.account_ids().await? {
            self.apply(Job::new().step(forget_reviews(account, before))).await?;
        }
        Ok(())
    }
}

fn events(payload: &Json, at: Timestamp) -> Option<Vec<ReviewEvent>> {
    let text = |name: &str| payload.get(name)?.as_str();
    let (user, integration, txid) =
        (text("user_id")?.parse().ok()?, text("integration")?.parse().ok()?, text("txid")?.parse().ok()?);
    let one = |signal: &Json| {
        let which = Signal::parse(signal.get("signal")?.as_str()?)?;
        Some(ReviewEvent {
            id: ReviewEventId::generate(&mut SystemRng),
            kind: if which == Signal::NewDevice { ReviewKind::DeviceRegistration } else { ReviewKind::Auth },
            signal: which,
            is_priority: signal.get("enforced")?.as_bool()?,
            user,
            integration,
            txid,
            summary: signal.get("summary")?.as_str()?.to_owned(),
            surfaced_at: at,
            state: ReviewState::New,
            state_at: at,
            state_by: None,
        })
    };
    payload.get("signals")?.as_array()?.iter().map(one).collect()
}
