//! A login request on a phone.

use jiff::{SignedDuration, Timestamp};

/// How long a push can be answered (Cisco's Duo FAQ: 60 seconds).
pub const PUSH_TTL: SignedDuration = SignedDuration::from_secs(60);

/// How long a status question is held open when nothing changes.
pub const HOLD: SignedDuration = SignedDuration::from_secs(25);

/// The same for REST v1: duo_unix 1.11.3 lets people in after twenty answers without a result, so there must never be that many in a push's life.
pub const LEGACY_HOLD: SignedDuration = SignedDuration::from_secs(10);

/// The REST v1 poll at which the login is refused whatever its state (duo_unix 1.11.3 opens at the twentieth).
pub const LEGACY_POLL_LIMIT: u32 = 18;

/// How many wrong numbers a push survives; the last one closes it as denied.
pub const NUMBER_TRIES: i64 = 3;

/// What a person answered on the phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It is me, let me in.
    Approve,
    /// It is a mistake.
    Deny,
    /// It is someone else.
    Fraud,
}

impl Decision {
    /// The protocol's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Fraud => "fraud",
        }
    }

    /// Reads the protocol's word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "approve" => Some(Self::Approve),
            "deny" => Some(Self::Deny),
            "fraud" => Some(Self::Fraud),
            _ => None,
        }
    }
}

/// The state of a push. Every state but `Waiting` is final.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Push {
    /// Nobody has answered yet.
    Waiting {
        /// When it can no longer be answered.
        expires_at: Timestamp,
    },
    /// Approved; this login may go on.
    Approved,
    /// Denied as a mistake.
    Denied,
    /// Denied as fraud.
    Fraud,
    /// Nobody answered in time.
    TimedOut,
    /// The application withdrew it.
    Cancelled,
    /// Approved, but the rules had changed meanwhile: refused all the same.
    Refused,
}

/// The push is no longer waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the login request is closed")]
pub struct PushClosed {
    /// The state it is in.
    pub state: Push,
}

impl Push {
    /// The state at `now`: a waiting push whose time is over has timed out, whether or not that was written down yet.
    #[must_use]
    pub fn at(self, now: Timestamp) -> Self {
        match self {
            Self::Waiting { expires_at } if now >= expires_at => Self::TimedOut,
            Self::Waiting { .. }
            | Self::Approved
            | Self::Denied
            | Self::Fraud
            | Self::TimedOut
            | Self::Cancelled
            | Self::Refused => self,
        }
    }

    /// Records `decision`, given at `now`.
    ///
    /// Fails with [`PushClosed`] unless the push is waiting and in time: an answer that arrives late must not let anyone in.
    pub fn answer(self, decision: Decision, now: Timestamp) -> Result<Self, PushClosed> {
        match self.at(now) {
            Self::Waiting { .. } => Ok(match decision {
                Decision::Approve => Self::Approved,
                Decision::Deny => Self::Denied,
                Decision::Fraud => Self::Fraud,
            }),
            state
            @ (Self::Approved | Self::Denied | Self::Fraud | Self::TimedOut | Self::Cancelled | Self::Refused) => {
                Err(PushClosed { state })
            }
        }
    }

    /// Whether it still waits (at the time of the last [`Self::at`]).
    pub const fn is_waiting(self) -> bool {
        matches!(self, Self::Waiting { .. })
    }

    /// The word kept in the database and told to devices.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting { .. } => "waiting",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Fraud => "fraud",
            Self::TimedOut => "timed_out",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
        }
    }

    /// Reads that word; `expires_at` belongs to a waiting push.
    pub fn parse(text: &str, expires_at: Timestamp) -> Option<Self> {
        match text {
            "waiting" => Some(Self::Waiting { expires_at }),
            "approved" => Some(Self::Approved),
            "denied" => Some(Self::Denied),
            "fraud" => Some(Self::Fraud),
            "timed_out" => Some(Self::TimedOut),
            "cancelled" => Some(Self::Cancelled),
            "refused" => Some(Self::Refused),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::UNIX_EPOCH;

    #[test]
    fn a_late_answer_is_void() {
        let push = Push::Waiting { expires_at: START + PUSH_TTL };
        let just_in_time = START + PUSH_TTL - SignedDuration::from_millis(1);
        assert_eq!(push.answer(Decision::Approve, just_in_time), Ok(Push::Approved));
        assert_eq!(push.answer(Decision::Approve, START + PUSH_TTL), Err(PushClosed { state: Push::TimedOut }));
    }

    #[test]
    fn a_final_state_stays() {
        for state in [Push::Approved, Push::Denied, Push::Fraud, Push::TimedOut, Push::Cancelled, Push::Refused] {
            for decision in [Decision::Approve, Decision::Deny, Decision::Fraud] {
                assert_eq!(state.answer(decision, START), Err(PushClosed { state }));
            }
        }
    }

    #[test]
    fn a_push_times_out_long_before_duo_unix_opens() {
        let polls_in_a_life = PUSH_TTL.as_secs() / LEGACY_HOLD.as_secs() + 1;
        assert!(polls_in_a_life < i64::from(LEGACY_POLL_LIMIT) && LEGACY_POLL_LIMIT < 20);
    }
}
