//! The review queue: signals of risk that fired and bypasses that were given, for administrators to look at.
//!
//! A login or a change only leaves an effect behind; what it becomes here is written later, and nothing that goes wrong with it is in the way of anybody.

use cs_core::bypass::Bypass;
use cs_core::id::{AccountId, ReviewEventId, UserId};
use cs_core::policy::Word as _;
use cs_core::policy::risk::{ReviewKind, ReviewState};
use cs_core::policy::sections::Signal;
use cs_store::Job;
use cs_store::outbox::{Effect, Leased};
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

/// The name that Duo gives a signal, in the log and in its filters.
pub const fn attack_name(signal: Signal) -> &'static str {
    match signal {
        Signal::FraudReport => "USER_MARKED_FRAUD",
        Signal::PushHarassment => "PUSH_HARASSMENT",
        Signal::PushSpray => "PUSH_SPRAY",
        Signal::ImpossibleTravel => "UNREALISTIC_GEOVELOCITY",
        Signal::CountryMismatch => "COUNTRY_CODE_MISMATCH",
        Signal::DeviceDistance => "ACCESS_AUTH_DISTANCE",
        Signal::NovelNetwork => "NOVEL_ASN",
        Signal::UnusualCountry => "UNUSUAL_COUNTRY",
        Signal::NewDevice => "NEW_DEVICE",
        Signal::UnusualHour => "UNUSUAL_HOUR",
    }
}

/// Who was put into bypass.
pub(crate) enum Bypassed<'a> {
    User(UserId, &'a str),
    Group(&'a str),
}

/// What the queue is told when a bypass begins or changes; nothing if `after` is none, or what was `before`.
pub(crate) fn bypass_given(
    account: AccountId,
    actor: &Actor,
    who: Bypassed<'_>,
    (before, after): (Option<&Bypass>, Option<&Bypass>),
    now: Timestamp,
) -> Option<Effect> {
    let bypass = after.filter(|after| before != Some(after))?;
    let until = bypass.term.until.map_or_else(|| "without end".to_owned(), |until| format!("until {until}"));
    let (user, name) = match who {
        Bypassed::User(id, name) => (Some(id), name.to_owned()),
        Bypassed::Group(name) => (None, format!("the group {name}")),
    };
    let payload = json!({"bypass": {
        "user_id": user.as_ref().map(UserId::as_str),
        "summary": format!("{name} was put into bypass {until}: {}", bypass.reason),
        "made_by": actor.name(),
    }});
    Some(Effect::new(REVIEW, account.as_str(), payload.to_string(), now))
}

fn events(payload: &Json, at: Timestamp) -> Option<Vec<ReviewEvent>> {
    let blank = || ReviewEvent {
        id: ReviewEventId::generate(&mut SystemRng),
        kind: ReviewKind::Auth,
        signal: None,
        is_priority: false,
        user: None,
        integration: None,
        txid: None,
        made_by: None,
        summary: String::new(),
        surfaced_at: at,
        state: ReviewState::New,
        state_at: at,
        state_by: None,
    };
    if let Some(bypass) = payload.get("bypass") {
        return Some(vec![ReviewEvent {
            kind: ReviewKind::BypassStatus,
            user: match bypass.get("user_id")?.as_str() {
                Some(id) => Some(id.parse().ok()?),
                None => None,
            },
            summary: bypass.get("summary")?.as_str()?.to_owned(),
            made_by: Some(bypass.get("made_by")?.as_str()?.to_owned()),
            ..blank()
        }]);
    }
    let text = |name: &str| payload.get(name)?.as_str();
    let (user, integration, txid) =
        (text("user_id")?.parse().ok()?, text("integration")?.parse().ok()?, text("txid")?.parse().ok()?);
    let one = |signal: &Json| {
        let which = Signal::parse(signal.get("signal")?.as_str()?)?;
        Some(ReviewEvent {
            kind: if which == Signal::NewDevice { ReviewKind::DeviceRegistration } else { ReviewKind::Auth },
            signal: Some(which),
            is_priority: signal.get("enforced")?.as_bool()?,
            user: Some(user),
            integration: Some(integration),
            txid: Some(txid),
            summary: signal.get("summary")?.as_str()?.to_owned(),
            ..blank()
        })
    };
    payload.get("signals")?.as_array()?.iter().map(one).collect()
}
