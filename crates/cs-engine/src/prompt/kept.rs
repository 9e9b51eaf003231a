//! States as the database keeps them. What cannot be read is no state: the login is at its end.

use cs_core::id::{PhoneId, TxId, UserId};
use cs_core::login::{AllowReason, DenyReason};
use cs_core::prompt::{Admitted, Failure, Keys, LivePush, Means, State, Way};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Kept {
    keys: bool,
    person: Option<KeptPerson>,
    state: KeptState,
}

#[derive(Serialize, Deserialize)]
struct KeptPerson {
    id: String,
    name: String,
}

/// Who said with a passkey who they are, where the application did not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Person {
    pub(super) id: UserId,
    pub(super) name: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KeptState {
    Checking,
    Outdated,
    Push(KeptPush),
    Passcode {
        means: String,
        #[serde(default)]
        sent: Option<String>,
        wrong: Option<KeptFailure>,
        push: Option<KeptPush>,
    },
    Key {
        means: String,
        push: Option<KeptPush>,
    },
    Passkey {
        wrong: Option<KeptFailure>,
    },
    Options {
        push: Option<KeptPush>,
    },
    Again {
        way: KeptWay,
        failure: KeptFailure,
    },
    Trust(KeptAdmitted),
    Done(KeptAdmitted),
    MustEnroll(KeptFailure),
    Refused(KeptFailure),
}

#[derive(Serialize, Deserialize)]
struct KeptPush {
    /// Absent: a push.
    #[serde(default)]
    means: Option<String>,
    txid: String,
    phone: String,
    digits: u8,
    expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct KeptWay {
    means: String,
    phone: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct KeptFailure {
    reason: String,
    reference: String,
}

/// How somebody got in; also what a code stands for.
#[derive(Serialize, Deserialize)]
pub(super) struct KeptAdmitted {
    txid: String,
    why: String,
    at: Timestamp,
    way: Option<KeptWay>,
}

/// A state and what is known of the browser and the person in front of it, as text.
pub(super) fn state_text(state: &State, keys: Keys, person: Option<&Person>) -> String {
    let person = person.map(|person| KeptPerson { id: person.id.to_string(), name: person.name.clone() });
    let kept = Kept { keys: keys == Keys::Usable, person, state: KeptState::of(state) };
    // Plain data with text keys: there is nothing to fail on.
    serde_json::to_string(&kept).unwrap_or_default()
}

/// Reads what [`state_text`] wrote.
pub(super) fn read_state(text: &str) -> Option<(State, Keys, Option<Person>)> {
    let kept: Kept = serde_json::from_str(text).ok()?;
    let person = match kept.person {
        Some(person) => Some(Person { id: person.id.parse().ok()?, name: person.name }),
        None => None,
    };
    Some((kept.state.read()?, if kept.keys { Keys::Usable } else { Keys::Unusable }, person))
}

impl KeptState {
    fn of(state: &State) -> Self {
        let push = |push: &Option<LivePush>| push.as_ref().map(KeptPush::of);
        match state {
            State::Checking => Self::Checking,
            State::Outdated => Self::Outdated,
            State::Push(push) => Self::Push(KeptPush::of(push)),
            State::Passcode { means, sent, wrong, push: live } => Self::Passcode {
                means: means.as_str().to_owned(),
                sent: sent.map(|phone| phone.to_string()),
                wrong: wrong.as_ref().map(KeptFailure::of),
                push: push(live),
            },
            State::Key { means, push: sent } => Self::Key { means: means.as_str().to_owned(), push: push(sent) },
            State::Passkey { wrong } => Self::Passkey { wrong: wrong.as_ref().map(KeptFailure::of) },
            State::Options { push: sent } => Self::Options { push: push(sent) },
            State::Again { way, failure } => Self::Again { way: KeptWay::of(way), failure: KeptFailure::of(failure) },
            State::Trust(admitted) => Self::Trust(KeptAdmitted::of(admitted)),
            State::Done(admitted) => Self::Done(KeptAdmitted::of(admitted)),
            State::MustEnroll(failure) => Self::MustEnroll(KeptFailure::of(failure)),
            State::Refused(failure) => Self::Refused(KeptFailure::of(failure)),
        }
    }

    fn read(self) -> Option<State> {
        // A push that cannot be read spoils the state: it is not "no push".
        let push = |push: Option<KeptPush>| match push {
            Some(push) => push.read().map(Some),
            None => Some(None),
        };
        let wrong = |wrong: Option<KeptFailure>| match wrong {
            Some(wrong) => wrong.read().map(Some),
            None => Some(None),
        };
        Some(match self {
            Self::Checking => State::Checking,
            Self::Outdated => State::Outdated,
            Self::Push(push) => State::Push(push.read()?),
            Self::Passcode { means, sent, wrong: why, push: live } => {
                let sent = match sent {
                    Some(phone) => Some(phone.parse().ok()?),
                    None => None,
                };
                State::Passcode { means: Means::parse(&means)?, sent, wrong: wrong(why)?, push: push(live)? }
            }
            Self::Passkey { wrong: why } => State::Passkey { wrong: wrong(why)? },
            Self::Key { means, push: sent } => State::Key { means: Means::parse(&means)?, push: push(sent)? },
            Self::Options { push: sent } => State::Options { push: push(sent)? },
            Self::Again { way, failure } => State::Again { way: way.read()?, failure: failure.read()? },
            Self::Trust(admitted) => State::Trust(admitted.read()?),
            Self::Done(admitted) => State::Done(admitted.read()?),
            Self::MustEnroll(failure) => State::MustEnroll(failure.read()?),
            Self::Refused(failure) => State::Refused(failure.read()?),
        })
    }
}

impl KeptPush {
    fn of(push: &LivePush) -> Self {
        Self {
            means: (push.means != Means::Push).then(|| push.means.as_str().to_owned()),
            txid: push.txid.to_string(),
            phone: push.phone.to_string(),
            digits: push.digits,
            expires_at: push.expires_at,
        }
    }

    fn read(self) -> Option<LivePush> {
        let means = self.means.map_or(Some(Means::Push), |word| Means::parse(&word))?;
        Some(LivePush {
            means,
            txid: self.txid.parse::<TxId>().ok()?,
            phone: self.phone.parse::<PhoneId>().ok()?,
            digits: self.digits,
            expires_at: self.expires_at,
        })
    }
}

impl KeptWay {
    fn of(way: &Way) -> Self {
        Self { means: way.means.as_str().to_owned(), phone: way.phone.map(|phone| phone.to_string()) }
    }

    fn read(&self) -> Option<Way> {
        let phone = match &self.phone {
            Some(phone) => Some(phone.parse().ok()?),
            None => None,
        };
        Some(Way { means: Means::parse(&self.means)?, phone })
    }
}

impl KeptFailure {
    fn of(failure: &Failure) -> Self {
        Self { reason: failure.reason.as_str().to_owned(), reference: failure.reference.clone() }
    }

    fn read(self) -> Option<Failure> {
        Some(Failure { reason: DenyReason::parse(&self.reason)?, reference: self.reference })
    }
}

impl KeptAdmitted {
    pub(super) fn of(admitted: &Admitted) -> Self {
        Self {
            txid: admitted.txid.to_string(),
            why: admitted.why.as_str().to_owned(),
            at: admitted.at,
            way: admitted.way.as_ref().map(KeptWay::of),
        }
    }

    pub(super) fn read(&self) -> Option<Admitted> {
        let way = match &self.way {
            Some(way) => Some(way.read()?),
            None => None,
        };
        Some(Admitted { txid: self.txid.parse().ok()?, why: AllowReason::parse(&self.why)?, at: self.at, way })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_read_as_written() {
        let push = LivePush {
            means: Means::Push,
            txid: TxId::from_bytes([1; 16]),
            phone: "DPAAAAAAAAAAAAAAAAAA".parse().unwrap(),
            digits: 6,
            expires_at: Timestamp::UNIX_EPOCH,
        };
        let failure = Failure { reason: DenyReason::NoResponse, reference: "4F7A21BC".to_owned() };
        let (txid, at) = (TxId::from_bytes([2; 16]), Timestamp::UNIX_EPOCH);
        let way = Way::push(push.phone);
        let admitted = Admitted { txid, why: AllowReason::UserApproved, at, way: Some(way) };
        for state in [
            State::Checking,
            State::Outdated,
            State::Push(push),
            State::Push(LivePush { means: Means::Call, ..push }),
            State::Passcode { means: Means::Bypass, sent: None, wrong: Some(failure.clone()), push: Some(push) },
            State::Passcode { means: Means::Sms, sent: Some(push.phone), wrong: None, push: None },
            State::Key { means: Means::Platform, push: None },
            State::Passkey { wrong: Some(failure.clone()) },
            State::Options { push: Some(push) },
            State::Again { way, failure: failure.clone() },
            State::Trust(admitted),
            State::Done(Admitted { way: None, ..admitted }),
            State::MustEnroll(failure.clone()),
            State::Refused(failure),
        ] {
            let somebody = Person { id: "DUAAAAAAAAAAAAAAAAAA".parse().unwrap(), name: "alice".to_owned() };
            for (keys, person) in [(Keys::Usable, Some(somebody)), (Keys::Unusable, None)] {
                let text = state_text(&state, keys, person.as_ref());
                assert_eq!(read_state(&text), Some((state.clone(), keys, person)));
            }
        }
        for wrong in [
            "",
            "{}",
            r#"{"keys":true,"state":"else"}"#,
            r#"{"keys":true,"state":{"options":{"push":{"txid":"x","phone":"y","digits":6,"expires_at":"1970-01-01T00:00:00Z"}}}}"#,
        ] {
            assert_eq!(read_state(wrong), None, "{wrong}");
        }
    }
}
