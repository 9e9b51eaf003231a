//! Counter-based codes (RFC 4226): look-ahead, automatic and manual resynchronisation, and the hold after a restore.
//!
//! One rule carries the rest: `counter` is the lowest moving factor that may still be accepted, every search starts
//! there, and it never falls. LinOTP's CVE-2019-12887 was a resynchronisation that took used codes.

use jiff::{SignedDuration, Timestamp};

use super::{Acceptance, Digits, Generator, Otp, OtpAlgorithm, Outcome, Rejection, TypedPasscode};

/// How far ahead of the expected code one code alone is accepted (RFC 4226's look-ahead window; Duo: about 20).
pub const LOOK_AHEAD: u64 = 20;
/// The first of the codes that resynchronise a token is less than this far ahead (Duo: 1000).
pub const RESYNC_AHEAD: u64 = 1000;
/// How long the codes of one automatic resynchronisation may take, from the first to the last (Duo: five minutes).
pub const RESYNC_TTL: SignedDuration = SignedDuration::from_mins(5);
/// Counters end here: no token gets this far, and nothing can overflow.
pub const MAX_COUNTER: u64 = 1 << 62;

/// How far ahead an administrator's three codes are searched: a token played with in a drawer is not lost.
const MANUAL_RESYNC_AHEAD: u64 = 10_000;
/// How far back a used code is recognised as such, to tell the person so.
const LOOK_BACK: u64 = 20;
/// A six-digit code is at two places of a thousand once in two thousand times, at nine never.
const MAX_CANDIDATES: usize = 8;

/// The code at `counter`, by dynamic truncation (RFC 4226, section 5.3).
///
/// `secret` is raw bytes, not base32. `Display` of the result left-pads with zeros.
pub fn hotp(secret: &[u8], counter: u64, digits: Digits, algorithm: OtpAlgorithm) -> Otp {
    Generator::new(secret, digits, algorithm).at(counter)
}

/// Where a HOTP token stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HotpState {
    /// The lowest counter whose code may still be accepted.
    pub counter: u64,
    /// The codes of a resynchronisation under way.
    pub resync: Option<ResyncMemo>,
    /// Set by a restore: the counter may be older than what was used, so one code alone is not enough.
    pub held: bool,
}

/// Consecutive codes seen too far ahead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResyncMemo {
    /// When the first was typed; precise to the second.
    pub since: Timestamp,
    /// How many were typed.
    pub codes: u8,
    /// The counters that the last one may have had (nearly always one).
    pub at: Vec<u64>,
}

/// What [`HotpState::verify`] says.
pub type HotpOutcome = Outcome<HotpState>;

impl HotpState {
    /// A token whose next code is the one at `counter`.
    pub fn new(counter: u64) -> Self {
        Self { counter, resync: None, held: false }
    }

    /// Checks a code.
    ///
    /// Accepted: the expected code and the [`LOOK_AHEAD`] ones after it. Further ahead, up to [`RESYNC_AHEAD`], three
    /// consecutive codes in three attempts within [`RESYNC_TTL`]: the first two are rejected and remembered, the third
    /// is accepted. While `held` only two consecutive codes are accepted, wherever they are.
    pub(crate) fn verify(&self, typed: &TypedPasscode, codes: &Generator, now: Timestamp) -> HotpOutcome {
        let Some(value) = codes.value(typed) else {
            return Outcome::rejected(Rejection::WrongShape);
        };
        let beyond = if self.held {
            self.counter
        } else {
            // Stopping at the first match tells an observer of the time only how far ahead a right code was.
            let window = self.counter..=(self.counter + LOOK_AHEAD).min(MAX_COUNTER);
            if let Some(counter) = window.into_iter().find(|counter| codes.matches(*counter, value)) {
                return Outcome::Accepted { next: Self::new(counter + 1), how: Acceptance::InWindow };
            }
            self.counter + LOOK_AHEAD + 1
        };
        let memo = self.resync.as_ref().and_then(|memo| memo.continued(value, codes, self.counter, now));
        if let Some(memo) = memo {
            return self.remember(memo);
        }
        let end = (self.counter + RESYNC_AHEAD).min(MAX_COUNTER);
        let at: Vec<u64> =
            (beyond..end).filter(|counter| codes.matches(*counter, value)).take(MAX_CANDIDATES).collect();
        if !at.is_empty() {
            return self.remember(ResyncMemo { since: now, codes: 1, at });
        }
        let replayed =
            (self.counter.saturating_sub(LOOK_BACK)..self.counter).any(|counter| codes.matches(counter, value));
        Outcome::Rejected {
            why: if replayed { Rejection::Replayed } else { Rejection::Mismatch },
            // Three codes in three attempts: anything between them starts anew.
            next: self.resync.is_some().then(|| Self { resync: None, ..self.clone() }),
        }
    }

    fn remember(&self, memo: ResyncMemo) -> HotpOutcome {
        let (needed, why) = if self.held { (2, Rejection::Held) } else { (3, Rejection::OutOfWindow) };
        match memo.at.iter().max() {
            Some(counter) if memo.codes >= needed => {
                Outcome::Accepted { next: Self::new(counter + 1), how: Acceptance::Resynchronised }
            }
            Some(_) | None => Outcome::Rejected { why, next: Some(Self { resync: Some(memo), ..self.clone() }) },
        }
    }

    /// Resynchronises with three consecutive codes that an administrator or the portal asked for.
    ///
    /// They are used up by it. Codes below `counter` are not looked at.
    pub(crate) fn resync(&self, typed: [&TypedPasscode; 3], codes: &Generator) -> HotpOutcome {
        let [Some(first), Some(second), Some(third)] = typed.map(|code| codes.value(code)) else {
            return Outcome::rejected(Rejection::WrongShape);
        };
        let end = (self.counter + MANUAL_RESYNC_AHEAD).min(MAX_COUNTER - 2);
        let found = (self.counter..end).find(|counter| {
            codes.matches(*counter, first) && codes.matches(counter + 1, second) && codes.matches(counter + 2, third)
        });
        match found {
            Some(counter) => Outcome::Accepted { next: Self::new(counter + 3), how: Acceptance::Resynchronised },
            None => Outcome::rejected(Rejection::Mismatch),
        }
    }

    /// The state after a restore from backup: held until two consecutive codes show where the token is.
    pub(crate) fn after_restore(&self) -> Self {
        Self { counter: self.counter, resync: None, held: true }
    }
}

impl ResyncMemo {
    /// The memo after one more code, if that is the next one and in time.
    fn continued(&self, value: u32, codes: &Generator, floor: u64, now: Timestamp) -> Option<Self> {
        let age = now.duration_since(self.since);
        // A memo from the future is one from before the clock was set back: its age is unknown.
        if age < SignedDuration::ZERO || age > RESYNC_TTL {
            return None;
        }
        let at: Vec<u64> = self
            .at
            .iter()
            .map(|counter| counter + 1)
            .filter(|counter| (floor..MAX_COUNTER).contains(counter) && codes.matches(*counter, value))
            .collect();
        (!at.is_empty()).then(|| Self { since: self.since, codes: self.codes.saturating_add(1), at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const SECRET: &[u8] = b"12345678901234567890";

    fn codes() -> Generator {
        Generator::new(SECRET, Digits::Six, OtpAlgorithm::Sha1)
    }

    fn code(counter: u64) -> TypedPasscode {
        TypedPasscode::parse(&codes().at(counter).to_string()).unwrap()
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn rejected(outcome: HotpOutcome, expected: Rejection) -> HotpState {
        match outcome {
            Outcome::Rejected { why, next } if why == expected => next.unwrap(),
            other => panic!("expected {expected:?}, got {other:?}"),
        }
    }

    fn accepted(outcome: HotpOutcome, expected: Acceptance) -> HotpState {
        match outcome {
            Outcome::Accepted { next, how } if how == expected => next,
            other => panic!("expected {expected:?}, got {other:?}"),
        }
    }

    /// RFC 4226, appendix D.
    #[test]
    fn rfc_4226_appendix_d() {
        let expected =
            ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
        for (counter, expected) in (0..).zip(expected) {
            assert_eq!(hotp(SECRET, counter, Digits::Six, OtpAlgorithm::Sha1).to_string(), expected);
        }
    }

    #[test]
    fn the_window_is_the_expected_code_and_twenty_more() {
        let state = HotpState::new(5);
        let next = accepted(state.verify(&code(25), &codes(), at(0)), Acceptance::InWindow);
        assert_eq!(next, HotpState::new(26));
        rejected(state.verify(&code(26), &codes(), at(0)), Rejection::OutOfWindow);
    }

    #[test]
    fn a_used_or_skipped_code_is_not_accepted_again() {
        let state = accepted(HotpState::new(0).verify(&code(7), &codes(), at(0)), Acceptance::InWindow);
        for counter in 0..=7 {
            let outcome = state.verify(&code(counter), &codes(), at(1));
            assert_eq!(outcome, Outcome::rejected(Rejection::Replayed), "{counter}");
        }
    }

    #[test]
    fn three_consecutive_codes_in_five_minutes_resynchronise() {
        let state = HotpState::new(0);
        let state = rejected(state.verify(&code(999), &codes(), at(0)), Rejection::OutOfWindow);
        let state = rejected(state.verify(&code(1000), &codes(), at(100)), Rejection::OutOfWindow);
        let state = accepted(state.verify(&code(1001), &codes(), at(300)), Acceptance::Resynchronised);
        assert_eq!(state, HotpState::new(1002));
        for counter in [999, 1000, 1001] {
            assert_eq!(state.verify(&code(counter), &codes(), at(301)), Outcome::rejected(Rejection::Replayed));
        }
    }

    #[test]
    fn a_thousand_ahead_is_too_far() {
        let outcome = HotpState::new(0).verify(&code(1000), &codes(), at(0));
        assert_eq!(outcome, Outcome::rejected(Rejection::Mismatch));
    }

    #[test]
    fn late_interrupted_or_repeated_codes_do_not_resynchronise() {
        let first = rejected(HotpState::new(0).verify(&code(50), &codes(), at(0)), Rejection::OutOfWindow);
        let second = rejected(first.verify(&code(51), &codes(), at(1)), Rejection::OutOfWindow);
        // too late: counts as the first of a new run
        let late = rejected(second.verify(&code(52), &codes(), at(301)), Rejection::OutOfWindow);
        assert_eq!(late.resync.unwrap().codes, 1);
        // the clock went back
        let back = rejected(second.verify(&code(52), &codes(), at(-1)), Rejection::OutOfWindow);
        assert_eq!(back.resync.unwrap().codes, 1);
        // not the next one
        let skipped = rejected(second.verify(&code(53), &codes(), at(2)), Rejection::OutOfWindow);
        assert_eq!(skipped.resync.unwrap().codes, 1);
        // the same one again
        let again = rejected(second.verify(&code(51), &codes(), at(2)), Rejection::OutOfWindow);
        assert_eq!(again.resync.unwrap().codes, 1);
        // a wrong one between
        let wrong = rejected(second.verify(&code(5000), &codes(), at(2)), Rejection::Mismatch);
        assert_eq!(wrong, HotpState::new(0));
    }

    #[test]
    fn three_codes_resynchronise_by_hand_but_never_backwards() {
        let state = HotpState::new(10);
        let next =
            accepted(state.resync([&code(4000), &code(4001), &code(4002)], &codes()), Acceptance::Resynchronised);
        assert_eq!(next, HotpState::new(4003));
        for first in [7, 8, 9] {
            let outcome = state.resync([&code(first), &code(first + 1), &code(first + 2)], &codes());
            assert_eq!(outcome, Outcome::rejected(Rejection::Mismatch), "{first}");
        }
        let outcome = state.resync([&code(20), &code(22), &code(23)], &codes());
        assert_eq!(outcome, Outcome::rejected(Rejection::Mismatch));
    }

    #[test]
    fn a_held_token_needs_two_consecutive_codes() {
        let held = HotpState::new(10).after_restore();
        let one = rejected(held.verify(&code(10), &codes(), at(0)), Rejection::Held);
        assert!(one.held);
        let wrong_next = rejected(one.verify(&code(12), &codes(), at(1)), Rejection::Held);
        let next = accepted(wrong_next.verify(&code(13), &codes(), at(2)), Acceptance::Resynchronised);
        assert_eq!(next, HotpState::new(14));
        let late = rejected(one.verify(&code(11), &codes(), at(301)), Rejection::Held);
        assert_eq!(late.resync.unwrap().codes, 1);
    }

    #[test]
    fn counters_end_without_overflow() {
        let state = HotpState::new(MAX_COUNTER);
        let mut last = accepted(state.verify(&code(MAX_COUNTER), &codes(), at(0)), Acceptance::InWindow);
        last.held = true;
        let _ = last.verify(&code(MAX_COUNTER + 1), &codes(), at(0));
        let _ = last.resync([&code(0), &code(1), &code(2)], &codes());
    }

    #[derive(Debug, Clone)]
    enum Op {
        Code(u64),
        Run(u64),
        Manual(u64),
        Restore,
        Wait(i64),
    }

    fn op() -> impl Strategy<Value = Op> {
        // Small numbers, so that replays are frequent.
        prop_oneof![
            4 => (0u64..120).prop_map(Op::Code),
            2 => (0u64..200).prop_map(Op::Run),
            1 => (0u64..200).prop_map(Op::Manual),
            1 => Just(Op::Restore),
            1 => (0i64..400).prop_map(Op::Wait),
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// Whatever happens, the counter never falls and no counter's code lets anyone in twice. Codes are told apart
        /// by counter; among the first 203 of this secret no two are equal (asserted).
        #[test]
        fn linotp_cve_2019_12887_never_twice_and_never_back(ops in prop::collection::vec(op(), 1..40)) {
            let codes = codes();
            let distinct: HashSet<String> = (0..203).map(|counter| codes.at(counter).to_string()).collect();
            prop_assert_eq!(distinct.len(), 203);
            let mut state = HotpState::new(0);
            let mut used = HashSet::new();
            let mut second = 0;
            for op in ops {
                let typed: Vec<u64> = match op {
                    Op::Code(counter) => vec![counter],
                    Op::Run(counter) => vec![counter, counter + 1, counter + 2],
                    Op::Wait(secs) => { second += secs; continue }
                    Op::Restore => { state = state.after_restore(); continue }
                    Op::Manual(counter) => {
                        let outcome = state.resync([&code(counter), &code(counter + 1), &code(counter + 2)], &codes);
                        if let Outcome::Accepted { next, .. } = outcome {
                            prop_assert!(counter >= state.counter);
                            for counter in counter..counter + 3 {
                                prop_assert!(used.insert(counter), "{} twice", counter);
                            }
                            prop_assert_eq!(next.counter, counter + 3);
                            state = next;
                        }
                        continue
                    }
                };
                for counter in typed {
                    match state.verify(&code(counter), &codes, at(second)) {
                        Outcome::Accepted { next, .. } => {
                            prop_assert!(used.insert(counter), "{} twice", counter);
                            prop_assert!(counter >= state.counter && next.counter == counter + 1);
                            prop_assert!(!next.held);
                            state = next;
                        }
                        Outcome::Rejected { next: Some(next), .. } => {
                            prop_assert_eq!((next.counter, next.held), (state.counter, state.held));
                            state = next;
                        }
                        Outcome::Rejected { next: None, .. } => {}
                    }
                }
            }
        }
    }
}
