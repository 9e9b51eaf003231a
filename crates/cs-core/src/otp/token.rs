//! All kinds of tokens behind one type, and their state as the columns that a store keeps.

use jiff::Timestamp;
use thiserror::Error;
use zeroize::Zeroizing;

use super::{
    DRIFT_UNIT, Digits, Generator, HotpState, MAX_COUNTER, MAX_DRIFT, OtpKey, OtpKind, OtpParams, OtpScheme, Outcome,
    Rejection, ResyncMemo, TotpState, TypedPasscode, YubicoSecret, YubicoState,
};

/// The state of a token in plain columns. A new state is stored on the condition that the row still holds the old one
/// (`counter`, `last_step`, `drift`, `memo` and `held`, or a row version).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtpRecord {
    /// What the token is; stored as [`OtpKind::as_str`].
    pub kind: OtpKind,
    /// HOTP: the lowest counter still accepted. YubiKey: the lowest `usage * 256 + session`. Otherwise 0.
    pub counter: i64,
    /// TOTP: the last step accepted, -1 for none. Otherwise -1.
    pub last_step: i64,
    /// TOTP: the token's clock error in sixteenths of a step. Otherwise 0.
    pub drift: i64,
    /// Codes of a resynchronisation under way: ASCII, under 200 bytes, no secret.
    pub memo: Option<String>,
    /// HOTP and YubiKey: held after a restore.
    pub held: bool,
}

/// A record that no token has written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OtpRecordError {
    /// Below zero or too large for the scheme.
    #[error("the counter is out of range")]
    Counter,
    /// Below -1.
    #[error("the last step is out of range")]
    LastStep,
    /// More than a hundred steps.
    #[error("the drift is out of range")]
    Drift,
    /// Not the text this module writes.
    #[error("the resynchronisation memo is malformed")]
    Memo,
    /// The secret, or the record, is not of the kind the token is said to be.
    #[error("the secret does not fit the kind of token")]
    Secret,
}

/// A token's secret. Encrypted at rest as [`to_bytes`](Self::to_bytes).
#[derive(Debug)]
pub enum OtpSecret {
    /// Of HOTP and TOTP.
    Seed(OtpKey),
    /// Of a YubiKey.
    Yubico(YubicoSecret),
}

impl OtpSecret {
    /// The seed, or the private id followed by the AES key.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        match self {
            Self::Seed(key) => Zeroizing::new(key.expose().to_vec()),
            Self::Yubico(secret) => {
                let mut bytes = Zeroizing::new(Vec::with_capacity(22));
                bytes.extend_from_slice(secret.private_id());
                bytes.extend_from_slice(secret.aes_key());
                bytes
            }
        }
    }

    /// The inverse of [`to_bytes`](Self::to_bytes).
    pub fn from_bytes(kind: OtpKind, bytes: Zeroizing<Vec<u8>>) -> Result<Self, OtpRecordError> {
        match kind.scheme() {
            OtpScheme::Hotp(_) | OtpScheme::Totp(_) => OtpKey::new(bytes).map(Self::Seed).ok_or(OtpRecordError::Secret),
            OtpScheme::Yubico => {
                let (private_id, aes_key) = bytes.split_at_checked(6).ok_or(OtpRecordError::Secret)?;
                let private_id = private_id.try_into().map_err(|_| OtpRecordError::Secret)?;
                let aes_key = aes_key.try_into().map_err(|_| OtpRecordError::Secret)?;
                Ok(Self::Yubico(YubicoSecret::new(private_id, aes_key)))
            }
        }
    }
}

/// What [`OtpToken::verify`] says, with the record to store.
pub type OtpVerdict = Outcome<OtpRecord>;

/// A token as loaded: parameters, secret and state, which fit each other.
#[derive(Debug)]
pub struct OtpToken {
    params: OtpParams,
    scheme: Scheme,
}

#[derive(Debug)]
enum Scheme {
    Hotp { digits: Digits, key: OtpKey, state: HotpState },
    Totp { digits: Digits, key: OtpKey, state: TotpState },
    Yubico { secret: YubicoSecret, state: YubicoState },
}

impl OtpToken {
    /// Puts a token together from its row; fails when the parts do not belong together or no token wrote them.
    pub fn load(params: OtpParams, secret: OtpSecret, record: &OtpRecord) -> Result<Self, OtpRecordError> {
        if record.kind != params.kind {
            return Err(OtpRecordError::Secret);
        }
        let scheme = match (params.kind.scheme(), secret) {
            (OtpScheme::Hotp(digits), OtpSecret::Seed(key)) => Scheme::Hotp { digits, key, state: hotp_state(record)? },
            (OtpScheme::Totp(digits), OtpSecret::Seed(key)) => Scheme::Totp { digits, key, state: totp_state(record)? },
            (OtpScheme::Yubico, OtpSecret::Yubico(secret)) => Scheme::Yubico { secret, state: yubico_state(record)? },
            (OtpScheme::Hotp(_) | OtpScheme::Totp(_), OtpSecret::Yubico(_))
            | (OtpScheme::Yubico, OtpSecret::Seed(_)) => return Err(OtpRecordError::Secret),
        };
        Ok(Self { params, scheme })
    }

    /// The state as columns.
    pub fn record(&self) -> OtpRecord {
        let kind = self.params.kind;
        match &self.scheme {
            Scheme::Hotp { state, .. } => hotp_record(kind, state),
            Scheme::Totp { state, .. } => totp_record(kind, *state),
            Scheme::Yubico { state, .. } => yubico_record(kind, *state),
        }
    }

    /// Checks a typed code; says what to store, on the condition that the stored record is still this token's.
    pub fn verify(&self, typed: &TypedPasscode, now: Timestamp) -> OtpVerdict {
        let kind = self.params.kind;
        match &self.scheme {
            Scheme::Hotp { digits, key, state } => {
                state.verify(typed, &self.codes(key, *digits), now).map(|next| hotp_record(kind, &next))
            }
            Scheme::Totp { digits, key, state } => state
                .verify(typed, &self.codes(key, *digits), (now, self.params.step), self.params.window)
                .map(|next| totp_record(kind, next)),
            Scheme::Yubico { secret, state } => state.verify(typed, secret, now).map(|next| yubico_record(kind, next)),
        }
    }

    /// How many consecutive codes [`resync`](Self::resync) takes; `None` for a YubiKey, which cannot fall behind.
    pub fn resync_codes(&self) -> Option<usize> {
        match self.scheme {
            Scheme::Hotp { .. } => Some(3),
            Scheme::Totp { .. } => Some(2),
            Scheme::Yubico { .. } => None,
        }
    }

    /// Resynchronises by hand with [`resync_codes`](Self::resync_codes) consecutive codes, oldest first; they are used
    /// up by it. Used or older codes never resynchronise.
    pub fn resync(&self, typed: &[TypedPasscode], now: Timestamp) -> OtpVerdict {
        let kind = self.params.kind;
        match (&self.scheme, typed) {
            (Scheme::Hotp { digits, key, state }, [first, second, third]) => {
                state.resync([first, second, third], &self.codes(key, *digits)).map(|next| hotp_record(kind, &next))
            }
            (Scheme::Totp { digits, key, state }, [first, second]) => state
                .resync([first, second], &self.codes(key, *digits), (now, self.params.step))
                .map(|next| totp_record(kind, next)),
            (Scheme::Hotp { .. } | Scheme::Totp { .. }, _) => Outcome::rejected(Rejection::WrongShape),
            (Scheme::Yubico { .. }, _) => Outcome::rejected(Rejection::NoResync),
        }
    }

    /// The record after a restore from a backup: counters are held until two consecutive codes, time steps up to now
    /// count as used.
    pub fn after_restore(&self, now: Timestamp) -> OtpRecord {
        let kind = self.params.kind;
        match &self.scheme {
            Scheme::Hotp { state, .. } => hotp_record(kind, &state.after_restore()),
            Scheme::Totp { state, .. } => {
                totp_record(kind, state.after_restore(now, self.params.step, self.params.window))
            }
            Scheme::Yubico { state, .. } => yubico_record(kind, state.after_restore()),
        }
    }

    fn codes(&self, key: &OtpKey, digits: Digits) -> Generator {
        Generator::new(key.expose(), digits, self.params.algorithm)
    }
}

impl OtpRecord {
    /// The record of a token never used, whose first code is the one at `counter` (HOTP).
    pub fn fresh(kind: OtpKind, counter: u64) -> Result<Self, OtpRecordError> {
        let counter = match kind.scheme() {
            OtpScheme::Hotp(_) if counter <= MAX_COUNTER => counter.cast_signed(),
            OtpScheme::Hotp(_) => return Err(OtpRecordError::Counter),
            OtpScheme::Totp(_) | OtpScheme::Yubico => 0,
        };
        Ok(Self { kind, counter, last_step: -1, drift: 0, memo: None, held: false })
    }
}

fn hotp_state(record: &OtpRecord) -> Result<HotpState, OtpRecordError> {
    let counter = u64::try_from(record.counter).map_err(|_| OtpRecordError::Counter)?;
    // One beyond the last: the state of a token that has shown all its codes.
    if counter > MAX_COUNTER + 1 {
        return Err(OtpRecordError::Counter);
    }
    let resync = record.memo.as_deref().map(parse_memo).transpose()?;
    Ok(HotpState { counter, resync, held: record.held })
}

fn hotp_record(kind: OtpKind, state: &HotpState) -> OtpRecord {
    // Bounded by MAX_COUNTER + 1, far below i64::MAX.
    let counter = state.counter.cast_signed();
    let memo = state.resync.as_ref().map(write_memo);
    OtpRecord { kind, counter, last_step: -1, drift: 0, memo, held: state.held }
}

/// `since:codes:counter,counter,…`
fn write_memo(memo: &ResyncMemo) -> String {
    let at: Vec<String> = memo.at.iter().map(u64::to_string).collect();
    format!("{}:{}:{}", memo.since.as_second(), memo.codes, at.join(","))
}

fn parse_memo(text: &str) -> Result<ResyncMemo, OtpRecordError> {
    let mut parts = text.splitn(3, ':');
    let (Some(since), Some(codes), Some(at)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(OtpRecordError::Memo);
    };
    let at: Vec<u64> = at
        .split(',')
        .map(|counter| counter.parse().ok().filter(|counter| *counter <= MAX_COUNTER))
        .collect::<Option<_>>()
        .ok_or(OtpRecordError::Memo)?;
    Ok(ResyncMemo { since: parse_time(since)?, codes: codes.parse().map_err(|_| OtpRecordError::Memo)?, at })
}

fn parse_time(text: &str) -> Result<Timestamp, OtpRecordError> {
    let second = text.parse().map_err(|_| OtpRecordError::Memo)?;
    Timestamp::from_second(second).map_err(|_| OtpRecordError::Memo)
}

fn totp_state(record: &OtpRecord) -> Result<TotpState, OtpRecordError> {
    if record.last_step < -1 {
        return Err(OtpRecordError::LastStep);
    }
    let limit = MAX_DRIFT * DRIFT_UNIT;
    if !(-limit..=limit).contains(&record.drift) {
        return Err(OtpRecordError::Drift);
    }
    Ok(TotpState { last_step: record.last_step, drift: record.drift })
}

fn totp_record(kind: OtpKind, state: TotpState) -> OtpRecord {
    OtpRecord { kind, counter: 0, last_step: state.last_step, drift: state.drift, memo: None, held: false }
}

fn yubico_state(record: &OtpRecord) -> Result<YubicoState, OtpRecordError> {
    // 23 bits of counters, and one more for "all used".
    let counter =
        u32::try_from(record.counter).ok().filter(|counter| *counter <= 1 << 23).ok_or(OtpRecordError::Counter)?;
    let held_code_at = record.memo.as_deref().map(parse_time).transpose()?;
    Ok(YubicoState { counter, held_code_at, held: record.held })
}

fn yubico_record(kind: OtpKind, state: YubicoState) -> OtpRecord {
    let memo = state.held_code_at.map(|at| at.as_second().to_string());
    OtpRecord { kind, counter: i64::from(state.counter), last_step: -1, drift: 0, memo, held: state.held }
}

#[cfg(test)]
mod tests {
    use super::super::yubico::tests::{KEY, PRIVATE_ID, press};
    use super::super::{Acceptance, OtpAlgorithm, TimeStep, hotp, totp};
    use super::*;
    use proptest::prelude::*;

    const SEED: &[u8] = b"12345678901234567890";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    fn load(record: &OtpRecord) -> Result<OtpToken, OtpRecordError> {
        let secret = match record.kind.scheme() {
            OtpScheme::Yubico => OtpSecret::Yubico(YubicoSecret::new(PRIVATE_ID, KEY)),
            OtpScheme::Hotp(_) | OtpScheme::Totp(_) => {
                OtpSecret::Seed(OtpKey::new(Zeroizing::new(SEED.to_vec())).unwrap())
            }
        };
        OtpToken::load(OtpParams::new(record.kind), secret, record)
    }

    /// What the token shows for the `press`-th time, or at the time it stands for.
    fn shown(kind: OtpKind, now: Timestamp, pressed: u64) -> TypedPasscode {
        let text = match kind.scheme() {
            OtpScheme::Hotp(digits) => hotp(SEED, pressed, digits, OtpAlgorithm::Sha1).to_string(),
            OtpScheme::Totp(digits) => {
                totp(SEED, now, TimeStep::default(), digits, OtpAlgorithm::Sha1).unwrap().to_string()
            }
            OtpScheme::Yubico => return press(1, u8::try_from(pressed).unwrap()),
        };
        TypedPasscode::parse(&text).unwrap()
    }

    #[test]
    fn every_kind_accepts_its_code_once_and_survives_the_columns() {
        for kind in OtpKind::ALL {
            let fresh = OtpRecord::fresh(kind, 0).unwrap();
            let code = shown(kind, at(0), 0);
            let Outcome::Accepted { next, how } = load(&fresh).unwrap().verify(&code, at(0)) else {
                panic!("{kind:?}");
            };
            assert_eq!(how, Acceptance::InWindow);
            let token = load(&next).unwrap();
            assert_eq!(token.record(), next);
            assert_eq!(token.verify(&code, at(1)), Outcome::rejected(Rejection::Replayed), "{kind:?}");
            let Outcome::Accepted { .. } = token.verify(&shown(kind, at(30), 1), at(30)) else { panic!("{kind:?}") };
        }
    }

    #[test]
    fn no_kind_accepts_one_code_right_after_a_restore() {
        for kind in OtpKind::ALL {
            let restored = load(&OtpRecord::fresh(kind, 0).unwrap()).unwrap().after_restore(at(0));
            let outcome = load(&restored).unwrap().verify(&shown(kind, at(0), 0), at(0));
            let Outcome::Rejected { why, next } = outcome else { panic!("{kind:?}") };
            match kind.scheme() {
                OtpScheme::Totp(_) => assert_eq!((why, next), (Rejection::Replayed, None)),
                OtpScheme::Hotp(_) | OtpScheme::Yubico => {
                    assert_eq!(why, Rejection::Held);
                    let next = load(&next.unwrap()).unwrap();
                    let Outcome::Accepted { next, how } = next.verify(&shown(kind, at(9), 1), at(9)) else { panic!() };
                    assert_eq!(how, Acceptance::Resynchronised);
                    assert!(!next.held && next.memo.is_none());
                }
            }
        }
    }

    #[test]
    fn automatic_resynchronisation_survives_the_columns() {
        let mut record = OtpRecord::fresh(OtpKind::H6, 0).unwrap();
        for pressed in 500..502 {
            let outcome = load(&record).unwrap().verify(&shown(OtpKind::H6, at(0), pressed), at(0));
            let Outcome::Rejected { why: Rejection::OutOfWindow, next: Some(next) } = outcome else { panic!() };
            assert!(next.memo.as_ref().unwrap().len() < 200);
            record = next;
        }
        let Outcome::Accepted { next, .. } = load(&record).unwrap().verify(&shown(OtpKind::H6, at(0), 502), at(0))
        else {
            panic!()
        };
        assert_eq!(next, OtpRecord::fresh(OtpKind::H6, 503).unwrap());
    }

    #[test]
    fn by_hand_each_kind_takes_its_number_of_codes() {
        for (kind, codes) in [(OtpKind::H8, Some(3)), (OtpKind::T6, Some(2)), (OtpKind::Yk, None)] {
            let token = load(&OtpRecord::fresh(kind, 0).unwrap()).unwrap();
            assert_eq!(token.resync_codes(), codes);
            let shown: Vec<_> = (0..3).map(|n| shown(kind, at(30 * n), 2 + n.cast_unsigned())).collect();
            for count in 0..=3 {
                let outcome = token.resync(&shown[..count], at(60));
                assert_eq!(matches!(outcome, Outcome::Accepted { .. }), codes == Some(count), "{kind:?} {count}");
            }
        }
    }

    #[test]
    fn corrupt_rows_are_errors() {
        let hotp = OtpRecord::fresh(OtpKind::H6, 0).unwrap();
        let totp = OtpRecord::fresh(OtpKind::T6, 0).unwrap();
        let yk = OtpRecord::fresh(OtpKind::Yk, 0).unwrap();
        for (record, expected) in [
            (OtpRecord { counter: -1, ..hotp.clone() }, OtpRecordError::Counter),
            (OtpRecord { counter: i64::MAX, ..hotp.clone() }, OtpRecordError::Counter),
            (OtpRecord { memo: Some("1:2".to_owned()), ..hotp.clone() }, OtpRecordError::Memo),
            (OtpRecord { memo: Some("1:1:9223372036854775807".to_owned()), ..hotp.clone() }, OtpRecordError::Memo),
            (OtpRecord { memo: Some("99999999999999:1:3".to_owned()), ..hotp.clone() }, OtpRecordError::Memo),
            (OtpRecord { last_step: -2, ..totp.clone() }, OtpRecordError::LastStep),
            (OtpRecord { drift: 1601, ..totp }, OtpRecordError::Drift),
            (OtpRecord { counter: 1 << 24, ..yk.clone() }, OtpRecordError::Counter),
            (OtpRecord { memo: Some("soon".to_owned()), ..yk }, OtpRecordError::Memo),
        ] {
            assert_eq!(load(&record).unwrap_err(), expected, "{record:?}");
        }
        let seed = OtpSecret::from_bytes(OtpKind::H6, Zeroizing::new(SEED.to_vec())).unwrap();
        assert_eq!(OtpToken::load(OtpParams::new(OtpKind::Yk), seed, &hotp).unwrap_err(), OtpRecordError::Secret);
        assert!(OtpRecord::fresh(OtpKind::H6, u64::MAX).is_err());
    }

    #[test]
    fn secrets_round_trip_and_do_not_show() {
        for (kind, bytes) in [(OtpKind::H6, SEED.to_vec()), (OtpKind::Yk, (0..22).collect())] {
            let secret = OtpSecret::from_bytes(kind, Zeroizing::new(bytes.clone())).unwrap();
            assert_eq!(*secret.to_bytes(), bytes);
            assert!(format!("{secret:?}").ends_with("(..))"));
        }
        assert!(OtpSecret::from_bytes(OtpKind::Yk, Zeroizing::new(vec![0; 21])).is_err());
        assert!(OtpSecret::from_bytes(OtpKind::Yk, Zeroizing::new(vec![0; 3])).is_err());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        /// No row and no typed text makes a token panic, and what it says can be stored and loaded.
        #[test]
        fn any_row_and_any_code(
            kind in 0usize..7, counter: i64, last_step: i64, drift in -1700i64..1700, held: bool,
            memo in prop::option::of("[0-9]{1,11}:[0-3]:[0-9]{1,19}"), typed in "[0-9]{6}|[0-9]{8}|[cbdefghijklnrtuv]{44}",
            second in -200_000_000_000i64..200_000_000_000,
        ) {
            let record = OtpRecord { kind: OtpKind::ALL[kind], counter, last_step, drift, memo, held };
            let now = Timestamp::from_second(second).unwrap();
            if let Ok(token) = load(&record) {
                let typed = TypedPasscode::parse(&typed).unwrap();
                match token.verify(&typed, now) {
                    Outcome::Accepted { next, .. } | Outcome::Rejected { next: Some(next), .. } => {
                        prop_assert!(load(&next).is_ok());
                    }
                    Outcome::Rejected { next: None, .. } => {}
                }
                prop_assert!(load(&token.after_restore(now)).is_ok());
            }
        }

        #[test]
        fn memos_round_trip(since in 0i64..4_000_000_000, codes: u8, at in prop::collection::vec(0..MAX_COUNTER, 1..8)) {
            let memo = ResyncMemo { since: Timestamp::from_second(since).unwrap(), codes, at };
            prop_assert!(write_memo(&memo).len() < 200);
            prop_assert_eq!(parse_memo(&write_memo(&memo)), Ok(memo));
        }
    }
}
