//! What the page shows.

use cs_core::id::{PhoneId, TxId};
use cs_core::lockout::Lock;
use cs_core::login::{DenyReason, Ticket};
use cs_core::policy::sections::{RememberFor, TimeUnit};
use cs_core::policy::{Method, Set, Word as _};
use cs_core::prompt::{Failure, LivePush, Means, State, Way, ways};
use cs_core::user::User;
use cs_core::webauthn::{Ask, Class, Purpose};
use jiff::Timestamp;

use super::browser::titled;
use super::push::Seen;
use super::session::{Prompt, Visit};
use crate::login::{OldSoftware, Software, Survey};
use crate::{Engine, EngineError};

/// From how many tries on people are told how many are left.
const FEW_TRIES: u32 = 3;

/// What the page shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum View {
    /// A first look at the browser.
    Checking,
    /// Something is old, and may be used for a while.
    Outdated(Old),
    /// A push is on its way.
    Push {
        /// The device's name.
        device: String,
        /// The number to type there.
        number: Option<String>,
        /// Seconds until it can no longer be answered.
        seconds: u32,
        /// Whether the phone shows it.
        seen: Seen,
        /// Whether a passcode would do as well.
        passcode: bool,
        /// Whether there is anything else to choose.
        options: bool,
    },
    /// A phone is being called.
    Call {
        /// The device's name.
        device: String,
        /// Seconds until it is given up.
        seconds: u32,
        /// Whether there is anything else to choose.
        options: bool,
    },
    /// A code is to be typed.
    Passcode {
        /// Where codes were just sent: the phone and its name.
        sent: Option<(PhoneId, String)>,
        /// Where codes come from.
        sources: Sources,
        /// Why the last one was refused.
        wrong: Option<Failure>,
        /// How many more may be wrong, where those are few.
        left: Option<u32>,
        /// A push that may be answered instead: its number, if it has one, and the seconds that are left.
        push: Option<(Option<String>, u32)>,
        /// Whether there is anything else to choose.
        options: bool,
    },
    /// A security key or the device's own lock is asked.
    Key {
        /// Which of the two.
        means: Means,
        /// What the browser is asked: `PublicKeyCredentialRequestOptionsJSON`. Empty if no key may be used any more.
        request: String,
        /// Whether there is anything else to choose.
        options: bool,
    },
    /// Whoever has a passkey says with it who they are.
    Passkey {
        /// What the browser is asked: `PublicKeyCredentialRequestOptionsJSON`.
        request: String,
        /// Why the last one was refused.
        wrong: Option<Failure>,
    },
    /// Every way.
    Options {
        /// The most secure first.
        ways: Vec<NamedWay>,
    },
    /// No way is left here.
    NoWay {
        /// Whether there would be one in a browser that can ask security keys.
        in_another_browser: bool,
    },
    /// It did not work.
    Again {
        /// Why.
        failure: Failure,
        /// The way to try again.
        way: NamedWay,
        /// Whether there is anything else to choose.
        options: bool,
    },
    /// Is this your device?
    Trust {
        /// For how many days it would be remembered, at least one.
        days: usize,
    },
    /// In: the code to go back with.
    Done {
        /// The code.
        code: String,
    },
    /// Out, until a first factor is set up.
    MustEnroll {
        /// What the log knows it as.
        failure: Failure,
    },
    /// Out.
    Refused {
        /// Why.
        failure: Failure,
        /// When a lock ends by itself.
        until: Option<Timestamp>,
        /// What is too old, where that is why.
        old: Option<Old>,
    },
    /// Too late: the login took longer than it may.
    Expired,
}

/// Old software, as people know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Old {
    /// What it is.
    pub software: Software,
    /// Its name and version: "Firefox 128.0".
    pub name: String,
    /// For how many days it may still be used, if there is an end.
    pub days: Option<usize>,
}

impl Old {
    fn of(old: OldSoftware, now: Timestamp) -> Self {
        let product = match old.software {
            Software::Os(os) => titled(os.as_str()),
            Software::Browser(browser) => titled(browser.as_str()),
        };
        let name = old.version.map_or_else(|| product.clone(), |version| format!("{product} {version}"));
        let hours = |from: Timestamp| usize::try_from(from.duration_since(now).as_hours()).unwrap_or(0);
        Self { software: old.software, name, days: old.refused_from.map(|from| hours(from).div_ceil(24).max(1)) }
    }
}

/// A way, and the name of its device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedWay {
    /// The way.
    pub way: Way,
    /// The device's name; empty where none is meant.
    pub name: String,
}

/// Where a user's codes come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sources {
    /// The authenticator.
    pub authenticator: bool,
    /// A hardware token.
    pub token: bool,
    /// The help desk.
    pub bypass: bool,
}

impl Engine {
    /// What the page of this step shows.
    pub async fn prompt_view(&self, prompt: &Prompt, visit: &Visit) -> Result<View, EngineError> {
        let now = self.clock().now();
        match &prompt.state {
            // Its own page stays: the code in it has an end of its own.
            State::Done(_) => return Ok(View::Done { code: prompt.code() }),
            State::Refused(failure) => {
                let until = self.locked_until(prompt, failure, visit).await?;
                let old = match failure.reason {
                    DenyReason::OutOfDate => self.survey(&prompt.caller, &prompt.who(), &visit.access).await?.old,
                    _ => None,
                };
                return Ok(View::Refused { failure: failure.clone(), until, old: old.map(|old| Old::of(old, now)) });
            }
            State::MustEnroll(failure) => return Ok(View::MustEnroll { failure: failure.clone() }),
            _ if prompt.is_expired(now) => return Ok(View::Expired),
            State::Checking => return Ok(View::Checking),
            // Nobody is known yet, whose ways could be looked at.
            State::Passkey { wrong } => {
                let request = self.passkey_request(prompt).await?;
                return Ok(View::Passkey { request, wrong: wrong.clone() });
            }
            State::Outdated
            | State::Push(_)
            | State::Passcode { .. }
            | State::Key { .. }
            | State::Options { .. }
            | State::Again { .. }
            | State::Trust(_) => {}
        }
        let survey = self.survey(&prompt.caller, &prompt.who(), &visit.access).await?;
        let ways = named_ways(&survey, prompt);
        let has_others = |means: Means| ways.iter().any(|way| way.way.means != means) || ways.len() > 1;
        Ok(match &prompt.state {
            State::Outdated => match survey.old {
                Some(old) => View::Outdated(Old::of(old, now)),
                // Lifted since: the page goes on by itself.
                None => View::Checking,
            },
            State::Push(push) if push.means == Means::Call => View::Call {
                device: device_name(survey.user.as_deref(), push.phone),
                seconds: seconds_left(push, now),
                options: has_others(Means::Call),
            },
            State::Push(push) => View::Push {
                device: device_name(survey.user.as_deref(), push.phone),
                number: self.number(prompt, &survey, push)?,
                seconds: seconds_left(push, now),
                seen: self.seen(push.txid),
                passcode: ways.iter().any(|way| way.way.means == Means::Passcode),
                options: has_others(Means::Push),
            },
            State::Passcode { means, sent, wrong, push } => View::Passcode {
                sent: sent.map(|phone| (phone, device_name(survey.user.as_deref(), phone))),
                sources: sources(&survey, *means),
                wrong: wrong.clone(),
                left: survey.tries_left.filter(|left| wrong.is_some() && *left <= FEW_TRIES),
                push: match push.filter(|push| seconds_left(push, now) > 0) {
                    Some(push) => Some((self.number(prompt, &survey, &push)?, seconds_left(&push, now))),
                    None => None,
                },
                options: has_others(*means),
            },
            State::Key { means, .. } => View::Key {
                means: *means,
                request: self.key_request(prompt, &survey, *means).await?,
                options: has_others(*means),
            },
            State::Options { .. } if ways.is_empty() => {
                let methods = survey.challenge.as_ref().map_or(Set::EMPTY, |challenge| challenge.methods);
                let by_key = [Method::WebauthnPlatform, Method::WebauthnRoaming];
                View::NoWay { in_another_browser: by_key.into_iter().any(|method| methods.contains(method)) }
            }
            State::Options { .. } => View::Options { ways },
            State::Again { way, failure } => View::Again {
                failure: failure.clone(),
                way: named(survey.user.as_deref(), *way),
                options: has_others(way.means),
            },
            State::Trust(_) => View::Trust {
                days: prompt.remembering(survey.remembering.as_ref()).map_or(1, |remembering| days(remembering.time)),
            },
            State::Checking | State::Passkey { .. } | State::Done(_) | State::MustEnroll(_) | State::Refused(_) => {
                View::Checking
            }
        })
    }

    /// The number of push `txid`, for the authenticator in the browser that shows it, if that is what the login waits for.
    pub async fn number_of_push(
        &self,
        prompt: &Prompt,
        txid: TxId,
        visit: &Visit,
    ) -> Result<Option<String>, EngineError> {
        let now = self.clock().now();
        let push = prompt.state.live_push().filter(|push| push.txid == txid && push.means == Means::Push);
        let Some(push) = push.filter(|push| seconds_left(push, now) > 0 && !prompt.is_expired(now)) else {
            return Ok(None);
        };
        let survey = self.survey(&prompt.caller, &prompt.who(), &visit.access).await?;
        self.number(prompt, &survey, &push)
    }

    /// What the browser is asked to sign with. A page shown again asks the same as before, as long as that can be answered.
    async fn key_request(&self, prompt: &Prompt, survey: &Survey, means: Means) -> Result<String, EngineError> {
        let (Some(user), Some(allowed)) = (&survey.user, &survey.challenge) else { return Ok(String::new()) };
        let (id, binding) = (prompt.ceremony(), prompt.binding());
        let (account, purpose) = (prompt.caller.account.id, Purpose::Assertion(Ask::SecondFactor));
        if let Some(asked) = self.asked_again(account, purpose, &id, &binding).await? {
            return Ok(asked.to_string());
        }
        let class = if means == Means::Platform { Class::Platform } else { Class::Roaming };
        let begun = self.begin_second_factor(&prompt.caller, user, allowed, Some(class), &binding, id).await?;
        Ok(begun.map(|begun| begun.options.to_string()).unwrap_or_default())
    }

    /// The same for whoever comes with a passkey.
    async fn passkey_request(&self, prompt: &Prompt) -> Result<String, EngineError> {
        let (id, binding) = (prompt.ceremony(), prompt.binding());
        let (account, purpose) = (prompt.caller.account.id, Purpose::Assertion(Ask::Passwordless));
        if let Some(asked) = self.asked_again(account, purpose, &id, &binding).await? {
            return Ok(asked.to_string());
        }
        Ok(self.begin_passwordless_as(&prompt.caller, &binding, id).await?.options.to_string())
    }

    /// When the user's lock ends by itself, if that is what is in the way.
    async fn locked_until(
        &self,
        prompt: &Prompt,
        failure: &Failure,
        visit: &Visit,
    ) -> Result<Option<Timestamp>, EngineError> {
        if failure.reason != DenyReason::LockedOut {
            return Ok(None);
        }
        let survey = self.survey(&prompt.caller, &prompt.who(), &visit.access).await?;
        Ok(survey.user.and_then(|user| match user.lockout.lock {
            Lock::Until { until, .. } => Some(until),
            Lock::Open | Lock::Indefinite { .. } | Lock::ByAdministrator { .. } => None,
        }))
    }

    /// The number that the page shows: derived from the push and the key of its tickets, so it is kept nowhere.
    fn number(&self, prompt: &Prompt, survey: &Survey, push: &LivePush) -> Result<Option<String>, EngineError> {
        let Some(user) = survey.user.as_ref().filter(|_| push.digits > 0) else { return Ok(None) };
        let (account, ikey) = (prompt.caller.account.id, prompt.caller.integration.key);
        let key = self.ticket_key(account)?;
        let ticket = Ticket::check(&key, push.txid, account, ikey, user.id, self.clock().now());
        Ok(ticket.ok().map(|ticket| ticket.number(&key, push.digits)))
    }
}

fn seconds_left(push: &LivePush, now: Timestamp) -> u32 {
    u32::try_from(push.expires_at.duration_since(now).as_secs()).unwrap_or(0)
}

fn named_ways(survey: &Survey, prompt: &Prompt) -> Vec<NamedWay> {
    let (Some(user), Some(allowed)) = (&survey.user, &survey.challenge) else { return Vec::new() };
    ways(user, allowed, prompt.keys).into_iter().map(|way| named(Some(user), way)).collect()
}

fn named(user: Option<&User>, way: Way) -> NamedWay {
    let name = way.phone.map(|phone| device_name(user, phone)).unwrap_or_default();
    NamedWay { way, name }
}

fn device_name(user: Option<&User>, phone: PhoneId) -> String {
    let found = user.and_then(|user| user.phones.iter().find(|one| one.id == phone));
    found.map(|phone| phone.display_name()).unwrap_or_default()
}

fn sources(survey: &Survey, means: Means) -> Sources {
    let has = |method| survey.challenge.as_ref().is_some_and(|allowed| allowed.methods.contains(method));
    let own = !matches!(means, Means::Bypass | Means::Sms);
    Sources {
        authenticator: own && has(Method::DuoPasscode),
        token: own && has(Method::HardwareToken),
        bypass: has(Method::Bypass),
    }
}

/// Whole days, rounded down, and at least one.
fn days(time: RememberFor) -> usize {
    let value = usize::from(time.value);
    match time.unit {
        TimeUnit::Days => value,
        TimeUnit::Hours => (value / 24).max(1),
        TimeUnit::Minutes => 1,
    }
}
