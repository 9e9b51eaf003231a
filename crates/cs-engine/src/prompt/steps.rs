//! What each page sends, and what comes of it.

use aws_lc_rs::digest::{SHA256, digest};
use cs_core::login::{AllowReason, Choice, DenyReason, FactorRequest, Ticket};
use cs_core::policy::sections::RememberMethod;
use cs_core::policy::{Method, PushRule};
use cs_core::prompt::{Admitted, Event, Failure, Keys, LivePush, Means, Post, Question, State, Way, automatic, ways};
use cs_core::user::User;
use cs_core::webauthn::{Ask, Class};
use cs_store::Job;

use super::browser::earns;
use super::session::{Changed, Prompt, Visit};
use crate::login::{
    Assertion, AuthAnswer, AuthRequest, Challenge, Decided, FactorInput, PreauthOutcome, PreauthRequest, Refused,
    Remembering, Why, Withdrawn, reference,
};
use crate::{Engine, EngineError, SystemRng};

/// What a page sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// What the browser is, and go on.
    Begin(Keys),
    /// Show all ways.
    Options,
    /// Take this way.
    Choose(Way),
    /// A code.
    Passcode(String),
    /// What a security key or the device's own lock answered: `JSON.stringify(credential.toJSON())`.
    Key(String),
    /// Whether this is one's own device.
    Trust(bool),
}

impl Input {
    fn post(&self) -> Post {
        match self {
            Self::Begin(_) => Post::Begin,
            Self::Options => Post::Options,
            Self::Choose(_) => Post::Choose,
            Self::Passcode(_) => Post::Passcode,
            Self::Key(_) => Post::Key,
            Self::Trust(_) => Post::Trust,
        }
    }
}

/// What becomes of one step: an event, and what is earned with it.
pub(super) struct Outcome {
    pub(super) event: Event,
    pub(super) earned: Job,
}

impl From<Event> for Outcome {
    fn from(event: Event) -> Self {
        Self { event, earned: Job::new() }
    }
}

impl Engine {
    /// Takes `input` from a page of this step. Where it has no place, nothing happens: the next page shows where the login stands.
    ///
    /// `step` is the page's proof; see [`Prompt::step_token`].
    pub async fn post_prompt(
        &self,
        prompt: &mut Prompt,
        step: &str,
        input: Input,
        visit: &Visit,
    ) -> Result<Changed, EngineError> {
        let mut changed = Changed::default();
        let now = self.clock().now();
        if prompt.is_expired(now) || !prompt.is_this_step(step) || !prompt.state.takes(input.post()) {
            return Ok(changed);
        }
        let outcome = match input {
            Input::Key(response) if matches!(prompt.state, State::Key { .. }) => {
                return self.post_key(prompt, response, visit).await;
            }
            Input::Begin(keys) => {
                // The notice about old software is not where the browser is asked.
                if matches!(prompt.state, State::Checking) {
                    prompt.keys = keys;
                }
                return self.begin(prompt, visit).await;
            }
            Input::Options => Ok(Event::Looked.into()),
            Input::Choose(way) => self.take(prompt, way, visit, &mut changed).await,
            Input::Passcode(typed) => self.judge(prompt, typed, visit, &mut changed).await,
            Input::Key(response) => self.judge_whoever(prompt, response, visit, &mut changed).await,
            Input::Trust(is_mine) => self.finish(prompt, is_mine, visit, &mut changed).await,
        };
        let outcome = match outcome {
            // Something else was sent from the same page at the same time, and that is being judged.
            Err(EngineError::IdempotencyMismatch) => return Ok(changed),
            outcome => outcome?,
        };
        let push = prompt.state.live_push();
        if !self.go_on(prompt, outcome.event, outcome.earned, visit).await? {
            // What was earned was not written.
            changed.token = None;
            return Ok(changed);
        }
        // In by another way: nobody is to be asked any more.
        if let (Some(push), None, true) = (push, prompt.state.live_push(), is_in(&prompt.state)) {
            self.give_up_push(prompt, push, Withdrawn::ForAnotherFactor).await;
        }
        Ok(changed)
    }

    /// The first look at the browser.
    async fn begin(&self, prompt: &mut Prompt, visit: &Visit) -> Result<Changed, EngineError> {
        // Twice at the most: a login side by side may replace the browser's token in between, and then this one's is the token before.
        for _ in 0..2 {
            let mut changed = Changed::default();
            let outcome = match self.first(prompt, visit, &mut changed).await {
                Err(EngineError::IdempotencyMismatch) => return Ok(changed),
                outcome => outcome?,
            };
            if self.go_on(prompt, outcome.event, outcome.earned, visit).await? {
                return Ok(changed);
            }
            // What was earned was not written.
            if changed.token.take().is_none() || !self.is_untouched(prompt).await? {
                return Ok(changed);
            }
        }
        Ok(Changed::default())
    }

    /// The gate, what is remembered, and the way that begins by itself.
    async fn first(&self, prompt: &Prompt, visit: &Visit, changed: &mut Changed) -> Result<Outcome, EngineError> {
        if prompt.is_nameless() {
            return Ok(Event::Nameless.into());
        }
        let survey = self.survey(&prompt.caller, &prompt.who(), &visit.access).await?;
        let recognised = match &survey.user {
            // Whoever is remembered here may be somebody else by now, and would get to all that the person logs in with.
            Some(_) if prompt.caller.integration.kind.is_portal() => None,
            Some(user) => self.recognise(prompt, user, visit, changed).await?,
            None => None,
        };
        let grant = recognised.as_ref().map(|recognised| recognised.grant);
        let challenge = match self.gate(prompt, visit, grant).await? {
            Ok(challenge) => challenge,
            Err(event) => {
                let used =
                    matches!(&event, Event::Admitted(admitted, _) if admitted.why == AllowReason::RememberedDevice);
                let mut outcome = Outcome::from(event);
                // Replaced by the very commit that it lets in by: a token that was replaced for nothing would look stolen.
                if let Some((token, step)) = recognised.and_then(|recognised| recognised.next).filter(|_| used) {
                    changed.token = Some(token);
                    outcome.earned = outcome.earned.step(step);
                }
                return Ok(outcome);
            }
        };
        if survey.old.is_some() && matches!(prompt.state, State::Checking) {
            return Ok(Event::Warned.into());
        }
        let last = visit.last.iter().find(|(user, _)| *user == challenge.user.id).map(|(_, way)| *way);
        match automatic(&ways(&challenge.user, &challenge.allowed, prompt.keys), last) {
            Some(way) => self.start(prompt, way, &challenge, visit, changed).await,
            // Only what this browser cannot do is left: the page says so.
            None => Ok(Event::Looked.into()),
        }
    }

    /// Takes the way that the person chose.
    async fn take(
        &self,
        prompt: &Prompt,
        way: Way,
        visit: &Visit,
        changed: &mut Changed,
    ) -> Result<Outcome, EngineError> {
        let challenge = match self.gate(prompt, visit, None).await? {
            Ok(challenge) => challenge,
            Err(event) => return Ok(event.into()),
        };
        if !ways(&challenge.user, &challenge.allowed, prompt.keys).contains(&way) {
            // Gone since the page was shown, or made up.
            return Ok(Event::Looked.into());
        }
        if let Some(push) = prompt.state.live_push().filter(|_| way.means.is_answered_there()) {
            if way == Way::to(push.means, push.phone) && self.is_waiting(prompt, push).await? {
                return Ok(Event::Pushed(push).into());
            }
            self.give_up_push(prompt, push, Withdrawn::Because(DenyReason::UserCancelled)).await;
        }
        self.start(prompt, way, &challenge, visit, changed).await
    }

    /// Asks the policies. Whoever needs no factor, or is out, is written down by it.
    async fn gate(
        &self,
        prompt: &Prompt,
        visit: &Visit,
        browser: Option<cs_core::policy::facts::Grant>,
    ) -> Result<Result<Box<Challenge>, Event>, EngineError> {
        let question = PreauthRequest {
            who: prompt.who(),
            access: visit.access.clone(),
            trusted_device_token: None,
            browser,
            log_as: Some(prompt.log_id()),
            shows_number: true,
        };
        Ok(match self.preauth(&prompt.caller, &question).await?.outcome {
            PreauthOutcome::Challenge(challenge) => Ok(challenge),
            PreauthOutcome::Allow(why) => {
                let admitted = Admitted { txid: prompt.log_id(), why, at: self.clock().now(), way: None };
                Err(Event::Admitted(admitted, Question::NotAsked))
            }
            PreauthOutcome::Enroll(refused) => Err(Event::MustEnroll(failure(refused))),
            PreauthOutcome::Deny(refused) => Err(Event::Refused(failure(refused))),
        })
    }

    async fn start(
        &self,
        prompt: &Prompt,
        way: Way,
        challenge: &Challenge,
        visit: &Visit,
        changed: &mut Changed,
    ) -> Result<Outcome, EngineError> {
        match (way.means, way.phone) {
            (Means::Push, Some(phone)) => {
                let (account, ikey) = (prompt.caller.account.id, prompt.caller.integration.key);
                let key = self.ticket_key(account)?;
                let now = self.clock().now();
                let ticket = Ticket::shown(&key, account, ikey, challenge.user.id, now, &mut SystemRng);
                let factor = FactorInput::Named(FactorRequest::Push, Choice::Device(phone));
                let mut request = self.request(prompt, visit, factor, phone.as_bytes());
                request.ticket = Some(ticket.txid());
                match self.auth(&prompt.caller, &request).await? {
                    AuthAnswer::Started { txid, .. } => {
                        let digits = match challenge.allowed.push {
                            PushRule::Plain => 0,
                            PushRule::Verified { digits } => digits,
                        };
                        let sent = LivePush {
                            means: Means::Push,
                            txid,
                            phone,
                            digits,
                            expires_at: now + cs_core::login::PUSH_TTL,
                        };
                        Ok(Event::Pushed(self.as_sent(&prompt.caller, sent).await?).into())
                    }
                    AuthAnswer::Decided(decided) => self.outcome_of(prompt, way, &decided, visit, changed).await,
                }
            }
            (Means::Call, Some(phone)) => {
                let factor = FactorInput::Named(FactorRequest::Phone, Choice::Device(phone));
                let request = self.request(prompt, visit, factor, format!("call {phone}").as_bytes());
                match self.auth(&prompt.caller, &request).await? {
                    AuthAnswer::Started { txid, .. } => {
                        let expires_at = self.clock().now() + cs_core::telephony::CALL_TTL;
                        let called = LivePush { means: Means::Call, txid, phone, digits: 0, expires_at };
                        Ok(Event::Pushed(self.as_sent(&prompt.caller, called).await?).into())
                    }
                    AuthAnswer::Decided(decided) => self.outcome_of(prompt, way, &decided, visit, changed).await,
                }
            }
            (Means::Sms, Some(phone)) => {
                let factor = FactorInput::Named(FactorRequest::Sms, Choice::Device(phone));
                let request = self.request(prompt, visit, factor, format!("sms {phone}").as_bytes());
                match self.auth(&prompt.caller, &request).await? {
                    AuthAnswer::Decided(decided) => self.outcome_of(prompt, way, &decided, visit, changed).await,
                    // A message starts nothing that could be waited for.
                    AuthAnswer::Started { .. } => Ok(Event::Looked.into()),
                }
            }
            (Means::Passcode | Means::Bypass, _) => Ok(Event::WillType(way).into()),
            (Means::Platform | Means::SecurityKey, _) => Ok(Event::WillTouch(way.means).into()),
            (Means::Push | Means::Sms | Means::Call, None) => Ok(Event::Looked.into()),
        }
    }

    /// Judges a code. Counted with every other attempt of the user, wherever it is made.
    async fn judge(
        &self,
        prompt: &Prompt,
        typed: String,
        visit: &Visit,
        changed: &mut Changed,
    ) -> Result<Outcome, EngineError> {
        let way = match &prompt.state {
            State::Passcode { means, sent, .. } => Way { means: *means, phone: *sent },
            _ => Way::of(Means::Passcode),
        };
        let request = self.request(prompt, visit, FactorInput::Passcode(typed.clone()), typed.as_bytes());
        match self.auth(&prompt.caller, &request).await? {
            AuthAnswer::Decided(decided) => self.outcome_of(prompt, way, &decided, visit, changed).await,
            // A code starts nothing.
            AuthAnswer::Started { .. } => Ok(Event::Looked.into()),
        }
    }

    /// Judges what somebody's passkey answered, who says with it who they are. Counted with every other attempt of that user.
    async fn judge_whoever(
        &self,
        prompt: &mut Prompt,
        response: String,
        visit: &Visit,
        changed: &mut Changed,
    ) -> Result<Outcome, EngineError> {
        let (ceremony, binding) = (prompt.ceremony(), prompt.binding());
        let input = response.as_bytes().to_vec();
        let assertion = Assertion { ask: Ask::Passwordless, ceremony, binding, response };
        let request = self.request(prompt, visit, FactorInput::Assertion(Box::new(assertion)), &input);
        let (answer, person) = self.passwordless(&prompt.caller, request).await?;
        let means = match &person {
            Some(person) if person.class == Class::Roaming => Means::SecurityKey,
            Some(_) | None => Means::Platform,
        };
        if let Some(person) = person {
            prompt.identify(person.id, &person.name);
        }
        match answer {
            AuthAnswer::Decided(decided) => self.outcome_of(prompt, Way::of(means), &decided, visit, changed).await,
            // A key starts nothing.
            AuthAnswer::Started { .. } => Err(EngineError::Invalid("factor")),
        }
    }

    /// The same request for the same step and input, so that a page sent twice is judged once.
    pub(super) fn request(&self, prompt: &Prompt, visit: &Visit, factor: FactorInput, input: &[u8]) -> AuthRequest {
        let step = prompt.step_name();
        let mut request_digest = [0; 32];
        request_digest.copy_from_slice(digest(&SHA256, &[step.as_bytes(), b"\n", input].concat()).as_ref());
        AuthRequest {
            who: prompt.who(),
            factor,
            access: visit.access.clone(),
            push_type: None,
            display_username: None,
            info: vec![("Browser".to_owned(), super::browser::name_of(&visit.access))],
            ticket: None,
            idempotency_key: Some(step),
            login_key: None,
            digest: request_digest,
            log_as: Some(prompt.log_id()),
        }
    }

    /// What a decision makes of the login.
    pub(super) async fn outcome_of(
        &self,
        prompt: &Prompt,
        way: Way,
        decided: &Decided,
        visit: &Visit,
        changed: &mut Changed,
    ) -> Result<Outcome, EngineError> {
        match decided.why {
            Why::Allowed(why) => {
                // What was typed may be another kind of code than the page asked for, and may prove less.
                let way = match decided.by {
                    Some(Method::Sms) => Way { means: Means::Sms, ..way },
                    _ => way,
                };
                let admitted = Admitted { txid: prompt.log_id(), why, at: self.clock().now(), way: Some(way) };
                self.admit(prompt, admitted, visit, changed).await
            }
            Why::Sent => Ok(Event::WillType(way).into()),
            Why::Denied(reason) => {
                let reference = decided.reference.clone().unwrap_or_else(|| reference(prompt.log_id()));
                Ok(failed(way, Failure { reason, reference }).into())
            }
        }
    }

    /// In. What follows from it: the question, or a browser that is remembered by itself.
    async fn admit(
        &self,
        prompt: &Prompt,
        admitted: Admitted,
        visit: &Visit,
        changed: &mut Changed,
    ) -> Result<Outcome, EngineError> {
        let survey = self.survey(&prompt.caller, &prompt.who(), &visit.access).await?;
        self.admitted(prompt, admitted, survey.user.as_deref(), survey.remembering.as_ref(), visit, changed)
    }

    /// The same, of what is known already.
    pub(super) fn admitted(
        &self,
        prompt: &Prompt,
        admitted: Admitted,
        user: Option<&User>,
        remembering: Option<&Remembering>,
        visit: &Visit,
        changed: &mut Changed,
    ) -> Result<Outcome, EngineError> {
        if let (Some(user), Some(way)) = (user, admitted.way.filter(|way| way.means != Means::Bypass)) {
            changed.last = Some((user.id, way));
        }
        let remembering = prompt.remembering(remembering);
        if !earns(&admitted, user, remembering.as_ref()) {
            return Ok(Event::Admitted(admitted, Question::NotAsked).into());
        }
        let (Some(user), Some(remembering)) = (user, remembering) else {
            return Ok(Event::Admitted(admitted, Question::NotAsked).into());
        };
        match remembering.method {
            RememberMethod::UserBased => Ok(Event::Admitted(admitted, Question::Asked).into()),
            RememberMethod::RiskBased => {
                let now = self.clock().now();
                let mut outcome = Outcome::from(Event::Admitted(admitted, Question::NotAsked));
                if let Some((token, steps)) = self.remember_browser(&prompt.caller, user, &remembering, visit, now)? {
                    changed.token = Some(token);
                    outcome.earned.guards.extend(steps);
                }
                Ok(outcome)
            }
        }
    }

    /// The person has said whether it is their device. Minutes may have passed since the factor: what held then must still hold.
    async fn finish(
        &self,
        prompt: &Prompt,
        is_mine: bool,
        visit: &Visit,
        changed: &mut Changed,
    ) -> Result<Outcome, EngineError> {
        let survey = self.survey(&prompt.caller, &prompt.who(), &visit.access).await?;
        if survey.holds.is_err() {
            // Written down by the gate, in its words.
            return Ok(match self.gate(prompt, visit, None).await? {
                Err(event @ Event::Refused(_)) => event.into(),
                Ok(_) | Err(_) => {
                    Event::Refused(Failure { reason: DenyReason::LoginExpired, reference: reference(prompt.log_id()) })
                        .into()
                }
            });
        }
        let mut outcome = Outcome::from(Event::Answered);
        if let (true, State::Trust(admitted), Some(user), Some(remembering)) =
            (is_mine, &prompt.state, survey.user.as_deref(), prompt.remembering(survey.remembering.as_ref()))
            && admitted.is_by_own_factor()
        {
            let now = self.clock().now();
            if let Some((token, steps)) = self.remember_browser(&prompt.caller, user, &remembering, visit, now)? {
                changed.token = Some(token);
                outcome.earned.guards.extend(steps);
            }
        }
        Ok(outcome)
    }

    /// Goes on from an event that pages did not send.
    pub(super) async fn go_on_by_itself(
        &self,
        prompt: &mut Prompt,
        admitted: Admitted,
        visit: &Visit,
    ) -> Result<Changed, EngineError> {
        let mut changed = Changed::default();
        let outcome = self.admit(prompt, admitted, visit, &mut changed).await?;
        if !self.go_on(prompt, outcome.event, outcome.earned, visit).await? {
            changed.token = None;
        }
        Ok(changed)
    }
}

pub(super) fn is_in(state: &State) -> bool {
    matches!(state, State::Trust(_) | State::Done(_))
}

pub(super) fn failure(refused: Refused) -> Failure {
    Failure { reason: refused.denial.reason, reference: refused.reference }
}

/// Whether the person can try again, or something else.
pub(super) fn failed(way: Way, failure: Failure) -> Event {
    use DenyReason as Reason;
    let may_try_again = matches!(
        failure.reason,
        Reason::NoResponse
            | Reason::UserMistake
            | Reason::InvalidPasscode
            | Reason::AnomalousPush
            | Reason::PushInProgress
            | Reason::TelephonyLimit
            | Reason::FactorRestricted
            | Reason::InvalidDevice
            | Reason::LoginExpired
            | Reason::NumberNotShown
            | Reason::UserCancelled
            // A key: another try, another key, another way.
            | Reason::InvalidCredential
            | Reason::UserNotVerified
            | Reason::ClonedCredential
            // What the person can put right on the phone, or another phone does.
            | Reason::NoScreenLock
            | Reason::NoDiskEncryption
            | Reason::TouchIdDisabled
            | Reason::VersionRestricted
            | Reason::RootedDevice
    );
    if may_try_again { Event::Failed(way, failure) } else { Event::Refused(failure) }
}
