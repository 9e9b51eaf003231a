//! Time-based codes (RFC 6238): window, learned drift, resynchronisation by two codes.
//!
//! `last_step` is the last step that was accepted; nothing at or before it is ever accepted again. Unlike HOTP there is
//! no automatic resynchronisation: it would make codes valid that are up to an hour old and were seen by others.

use jiff::Timestamp;

use super::{
    Acceptance, Digits, Generator, Otp, OtpAlgorithm, Outcome, Rejection, TimeStep, TotpWindow, TypedPasscode,
};

/// Fractions of a step in which [`TotpState::drift`] counts.
pub const DRIFT_UNIT: i64 = 16;
/// A token's clock is believed to be wrong by at most so many steps.
pub const MAX_DRIFT: i64 = 100;

/// The code at `now` (RFC 6238, section 4.2, with T0 = 0). `None` before 1970.
pub fn totp(secret: &[u8], now: Timestamp, step: TimeStep, digits: Digits, algorithm: OtpAlgorithm) -> Option<Otp> {
    let counter = u64::try_from(step_at(now, step)).ok()?;
    Some(Generator::new(secret, digits, algorithm).at(counter))
}

/// Where a TOTP token stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TotpState {
    /// The last step accepted; -1 when none was.
    pub last_step: i64,
    /// How far the token's clock is ahead of ours, in sixteenths of a step ([`DRIFT_UNIT`]); negative when behind.
    pub drift: i64,
}

/// What [`TotpState::verify`] says.
pub type TotpOutcome = Outcome<TotpState>;

impl Default for TotpState {
    fn default() -> Self {
        Self { last_step: -1, drift: 0 }
    }
}

impl TotpState {
    /// Checks a code against the steps around now, corrected by the token's drift.
    ///
    /// An accepted code teaches the drift a quarter of what it was off (RFC 6238, section 6): a person who types slowly
    /// once does not move the window, a clock that is wrong three times running does.
    pub(crate) fn verify(
        &self,
        typed: &TypedPasscode,
        codes: &Generator,
        time: (Timestamp, TimeStep),
        window: TotpWindow,
    ) -> TotpOutcome {
        let Some(value) = codes.value(typed) else {
            return Outcome::rejected(Rejection::WrongShape);
        };
        let now = step_at(time.0, time.1);
        let centre = now + self.drift_steps();
        let window = i64::from(window.0);
        let mut why = Rejection::Mismatch;
        // Newest first: when two steps happen to have one code, both are used up together.
        for step in (centre - window..=centre + window).rev() {
            if !matches(codes, step, value) {
                continue;
            }
            if step > self.last_step {
                let next = Self { last_step: step, drift: self.learned(step - now) };
                return Outcome::Accepted { next, how: Acceptance::InWindow };
            }
            why = Rejection::Replayed;
        }
        Outcome::rejected(why)
    }

    /// Resynchronises with two consecutive codes within [`MAX_DRIFT`] steps of now; the second is taken to be current.
    ///
    /// They are used up by it. Steps up to `last_step` are not looked at.
    pub(crate) fn resync(
        &self,
        typed: [&TypedPasscode; 2],
        codes: &Generator,
        (now, step): (Timestamp, TimeStep),
    ) -> TotpOutcome {
        let [Some(first), Some(second)] = typed.map(|code| codes.value(code)) else {
            return Outcome::rejected(Rejection::WrongShape);
        };
        let now = step_at(now, step);
        let lowest = (now - MAX_DRIFT).max(self.last_step.saturating_add(1));
        let found = (lowest..=now + MAX_DRIFT - 1)
            .rev()
            .find(|step| matches(codes, *step, first) && matches(codes, step + 1, second));
        match found {
            Some(step) => Outcome::Accepted {
                next: Self { last_step: step + 1, drift: (step + 1 - now) * DRIFT_UNIT },
                how: Acceptance::Resynchronised,
            },
            None => Outcome::rejected(Rejection::Mismatch),
        }
    }

    /// The state after a restore from backup: every step that can have been accepted by now counts as used.
    ///
    /// What cannot be known is a resynchronisation after the backup that moved the drift forward.
    pub(crate) fn after_restore(&self, now: Timestamp, step: TimeStep, window: TotpWindow) -> Self {
        let newest = step_at(now, step) + self.drift_steps().max(0) + i64::from(window.0);
        Self { last_step: self.last_step.max(newest), drift: self.drift }
    }

    /// The drift in whole steps, rounded.
    fn drift_steps(&self) -> i64 {
        (self.drift + DRIFT_UNIT / 2).div_euclid(DRIFT_UNIT)
    }

    fn learned(&self, off: i64) -> i64 {
        let drift = self.drift + (off * DRIFT_UNIT - self.drift) / 4;
        drift.clamp(-MAX_DRIFT * DRIFT_UNIT, MAX_DRIFT * DRIFT_UNIT)
    }
}

fn step_at(now: Timestamp, step: TimeStep) -> i64 {
    now.as_second().div_euclid(i64::from(step.as_secs()))
}

fn matches(codes: &Generator, step: i64, value: u32) -> bool {
    u64::try_from(step).is_ok_and(|step| codes.matches(step, value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    const SECRET: &[u8] = b"12345678901234567890";
    const NOW: i64 = 60_000_000; // a step of 30 s, in 2027

    fn codes() -> Generator {
        Generator::new(SECRET, Digits::Eight, OtpAlgorithm::Sha1)
    }

    fn code(step: i64) -> TypedPasscode {
        TypedPasscode::parse(&codes().at(u64::try_from(step).unwrap()).to_string()).unwrap()
    }

    fn at(step: i64) -> (Timestamp, TimeStep) {
        (Timestamp::from_second(step * 30 + 7).unwrap(), TimeStep::default())
    }

    fn verify(state: &TotpState, code_step: i64, now_step: i64) -> TotpOutcome {
        state.verify(&code(code_step), &codes(), at(now_step), TotpWindow::default())
    }

    fn accepted(outcome: TotpOutcome) -> TotpState {
        match outcome {
            Outcome::Accepted { next, .. } => next,
            other => panic!("{other:?}"),
        }
    }

    /// RFC 6238, appendix B.
    #[test]
    fn rfc_6238_appendix_b() {
        let secret = b"1234567890".repeat(7);
        for (second, sha1, sha256, sha512) in [
            (59, "94287082", "46119246", "90693936"),
            (1_111_111_109, "07081804", "68084774", "25091201"),
            (1_111_111_111, "14050471", "67062674", "99943326"),
            (1_234_567_890, "89005924", "91819424", "93441116"),
            (2_000_000_000, "69279037", "90698825", "38618901"),
            (20_000_000_000, "65353130", "77737706", "47863826"),
        ] {
            let now = Timestamp::from_second(second).unwrap();
            let code = |len: usize, algorithm| {
                totp(&secret[..len], now, TimeStep::default(), Digits::Eight, algorithm).unwrap().to_string()
            };
            assert_eq!(code(20, OtpAlgorithm::Sha1), sha1, "{second}");
            assert_eq!(code(32, OtpAlgorithm::Sha256), sha256, "{second}");
            assert_eq!(code(64, OtpAlgorithm::Sha512), sha512, "{second}");
        }
    }

    #[test]
    fn the_window_is_one_step_either_way() {
        let state = TotpState::default();
        for (off, ok) in [(-2, false), (-1, true), (0, true), (1, true), (2, false)] {
            let outcome = verify(&state, NOW + off, NOW);
            assert_eq!(matches!(outcome, Outcome::Accepted { .. }), ok, "{off}");
        }
        let none = state.verify(&code(NOW + 1), &codes(), at(NOW), TotpWindow::steps(0).unwrap());
        assert_eq!(none, Outcome::rejected(Rejection::Mismatch));
    }

    #[test]
    fn the_same_or_an_older_step_is_refused_for_ever() {
        let state = accepted(verify(&TotpState::default(), NOW, NOW));
        assert_eq!(verify(&state, NOW, NOW), Outcome::rejected(Rejection::Replayed));
        assert_eq!(verify(&state, NOW - 1, NOW), Outcome::rejected(Rejection::Replayed));
        // also when the clock is set back
        assert_eq!(verify(&state, NOW - 5, NOW - 5), Outcome::rejected(Rejection::Replayed));
        let outcome = state.resync([&code(NOW - 1), &code(NOW)], &codes(), at(NOW));
        assert_eq!(outcome, Outcome::rejected(Rejection::Mismatch));
        let outcome = state.resync([&code(NOW), &code(NOW + 1)], &codes(), at(NOW));
        assert_eq!(outcome, Outcome::rejected(Rejection::Mismatch));
    }

    #[test]
    fn a_slow_clock_is_followed() {
        let mut state = TotpState::default();
        // loses one step every eight logins, and is still good after fifty steps
        for login in 0..400 {
            let now = NOW + login * 2880;
            state = accepted(verify(&state, now - login / 8, now));
        }
        assert_eq!(state.drift_steps(), -49);
        // one code typed late does not move the window
        let late = accepted(verify(&TotpState::default(), NOW - 1, NOW));
        assert_eq!(late.drift_steps(), 0);
    }

    #[test]
    fn two_codes_resynchronise_within_a_hundred_steps() {
        let state = TotpState::default();
        for off in [-99, -7, 0, 40, 100] {
            let typed = [&code(NOW + off - 1), &code(NOW + off)];
            let next = accepted(state.resync(typed, &codes(), at(NOW)));
            assert_eq!(next, TotpState { last_step: NOW + off, drift: off * DRIFT_UNIT });
            accepted(verify(&next, NOW + off + 1, NOW + 1));
        }
        for off in [-101, 101] {
            let typed = [&code(NOW + off - 1), &code(NOW + off)];
            assert_eq!(state.resync(typed, &codes(), at(NOW)), Outcome::rejected(Rejection::Mismatch), "{off}");
        }
        let outcome = state.resync([&code(NOW), &code(NOW + 2)], &codes(), at(NOW));
        assert_eq!(outcome, Outcome::rejected(Rejection::Mismatch));
    }

    #[test]
    fn a_restore_voids_what_may_have_been_used() {
        let (now, step) = at(NOW);
        let restored = TotpState::default().after_restore(now, step, TotpWindow::default());
        for off in -1..=1 {
            assert_eq!(verify(&restored, NOW + off, NOW), Outcome::rejected(Rejection::Replayed));
        }
        accepted(verify(&restored, NOW + 2, NOW + 2));
        let ahead = TotpState { last_step: NOW + 50, drift: 0 };
        assert_eq!(ahead.after_restore(now, step, TotpWindow::default()), ahead);
    }

    #[test]
    fn before_1970_there_are_no_codes() {
        let now = Timestamp::from_second(-31).unwrap();
        let step = TimeStep::default();
        assert!(totp(SECRET, now, step, Digits::Six, OtpAlgorithm::Sha1).is_none());
        let outcome = TotpState::default().verify(&code(1), &codes(), (now, step), TotpWindow::default());
        assert_eq!(outcome, Outcome::rejected(Rejection::Mismatch));
    }

    #[derive(Debug, Clone)]
    enum Op {
        Code(i64),
        Resync(i64),
        Restore,
        Clock(i64),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![
            4 => (-3i64..=3).prop_map(Op::Code),
            1 => (-101i64..=101).prop_map(Op::Resync),
            1 => Just(Op::Restore),
            2 => (-4i64..8).prop_map(Op::Clock),
        ]
    }

    proptest! {
        /// The clock may jump back: still no step is accepted twice, and `last_step` never falls.
        #[test]
        fn linotp_cve_2019_12887_never_twice_and_never_back(ops in prop::collection::vec(op(), 1..60)) {
            let mut state = TotpState::default();
            let mut now = NOW;
            let mut used = HashSet::new();
            for op in ops {
                let (outcome, steps) = match op {
                    Op::Clock(steps) => { now += steps; continue }
                    Op::Restore => {
                        let next = state.after_restore(at(now).0, at(now).1, TotpWindow::default());
                        prop_assert!(next.last_step >= state.last_step);
                        state = next;
                        continue
                    }
                    Op::Code(off) => (verify(&state, now + off, now), vec![now + off]),
                    Op::Resync(off) => {
                        let steps = vec![now + off, now + off + 1];
                        (state.resync([&code(steps[0]), &code(steps[1])], &codes(), at(now)), steps)
                    }
                };
                if let Outcome::Accepted { next, .. } = outcome {
                    for step in steps {
                        prop_assert!(step > state.last_step && step <= next.last_step);
                        prop_assert!(used.insert(step), "{} twice", step);
                    }
                    prop_assert!(next.drift.abs() <= MAX_DRIFT * DRIFT_UNIT);
                    state = next;
                }
            }
        }
    }
}
