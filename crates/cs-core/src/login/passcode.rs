//! What a typed passcode is: a bypass code, a code of one of the user's tokens or authenticators, or nothing.

use jiff::Timestamp;

use super::reason::FactorUsed;
use crate::bypass_code::BypassCode;
use crate::device::{Phone, SmsCode, Token};
use crate::id::BypassCodeId;
use crate::otp::{OtpKind, OtpParams, OtpRecord, OtpSecret, OtpToken, Outcome, PasscodeShape, TypedPasscode};
use crate::policy::Method;
use crate::user::User;

/// Whose sealed secret is to be opened.
#[derive(Debug, Clone, Copy)]
pub enum SealedSecret<'a> {
    /// A hardware token's.
    Token(&'a Token),
    /// An authenticator's seed; the phone has one.
    Phone(&'a Phone),
}

/// A moving factor that the attempt moved, to be written on the condition that it is still where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move<'a> {
    /// Of a hardware token.
    Token(&'a Token, OtpRecord),
    /// Of an authenticator.
    Phone(&'a Phone, OtpRecord),
}

/// What the passcode turned out to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Match<'a> {
    /// This bypass code, which has to be used up.
    BypassCode(BypassCodeId),
    /// A code of this token.
    Token(&'a Token),
    /// A code of the authenticator on this phone.
    Phone(&'a Phone),
    /// A code that was sent to this phone, which has to be used up.
    SmsCode(&'a Phone),
}

impl Match<'_> {
    /// The policies' word for it.
    pub const fn method(&self) -> Method {
        match self {
            Self::BypassCode(_) => Method::Bypass,
            Self::Token(_) => Method::HardwareToken,
            Self::Phone(_) => Method::DuoPasscode,
            Self::SmsCode(_) => Method::Sms,
        }
    }

    /// The log's word for it.
    pub fn factor(&self) -> FactorUsed {
        match self {
            Self::BypassCode(_) => FactorUsed::BypassCode,
            Self::Token(token) if token.otp.kind == OtpKind::Yk => FactorUsed::YubikeyCode,
            Self::Token(_) => FactorUsed::HardwareToken,
            Self::Phone(_) => FactorUsed::DuoMobilePasscode,
            Self::SmsCode(_) => FactorUsed::SmsPasscode,
        }
    }
}

/// The result of looking at a passcode.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Evaluation<'a> {
    /// What it is; `None` lets nobody in.
    pub matched: Option<Match<'a>>,
    /// Everything that moved, also by a refused code: a resynchronisation remembers those.
    pub moves: Vec<Move<'a>>,
}

/// Codes of the user that are kept as a digest, and have the digest of what was typed.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeptCodes<'a> {
    /// A bypass code.
    pub bypass: Option<&'a BypassCode>,
    /// A code that was sent by SMS.
    pub sms: Option<&'a SmsCode>,
}

/// Looks at what `user` typed at `now`.
///
/// `kept` is what is kept under the digest of what was typed, if there is something. `open` opens a sealed secret; a secret that cannot be opened
/// is an error of its own, never a wrong passcode.
pub fn evaluate<'a, E>(
    user: &'a User,
    typed: &TypedPasscode,
    kept: KeptCodes<'_>,
    now: Timestamp,
    mut open: impl FnMut(SealedSecret<'a>) -> Result<OtpSecret, E>,
) -> Result<Evaluation<'a>, E> {
    if let Some(code) = kept.bypass.filter(|code| code.is_usable(now)) {
        return Ok(Evaluation { matched: Some(Match::BypassCode(code.id)), moves: Vec::new() });
    }
    let sent_to = kept.sms.and_then(|code| user.phones.iter().find(|phone| code.is_usable(phone, now)));
    if let Some(phone) = sent_to {
        return Ok(Evaluation { matched: Some(Match::SmsCode(phone)), moves: Vec::new() });
    }
    let mut moves = Vec::new();
    for token in user.tokens.iter().filter(|t| could_be(t.otp.kind, typed.shape())) {
        match check(&token.params, &token.otp, open(SealedSecret::Token(token))?, typed, now) {
            Checked::Accepted(next) => {
                return Ok(Evaluation { matched: Some(Match::Token(token)), moves: vec![Move::Token(token, next)] });
            }
            Checked::Rejected(Some(next)) => moves.push(Move::Token(token, next)),
            Checked::Rejected(None) => {}
        }
    }
    for phone in user.phones.iter().filter(|p| p.can_push()) {
        let Some(authenticator) = phone.authenticator.as_ref().filter(|a| could_be(a.otp.kind, typed.shape())) else {
            continue;
        };
        match check(&authenticator.params, &authenticator.otp, open(SealedSecret::Phone(phone))?, typed, now) {
            Checked::Accepted(next) => {
                return Ok(Evaluation { matched: Some(Match::Phone(phone)), moves: vec![Move::Phone(phone, next)] });
            }
            Checked::Rejected(Some(next)) => moves.push(Move::Phone(phone, next)),
            Checked::Rejected(None) => {}
        }
    }
    Ok(Evaluation { matched: None, moves })
}

enum Checked {
    Accepted(OtpRecord),
    Rejected(Option<OtpRecord>),
}

fn check(params: &OtpParams, record: &OtpRecord, secret: OtpSecret, typed: &TypedPasscode, now: Timestamp) -> Checked {
    // A record that fits no token lets nobody in.
    let Ok(token) = OtpToken::load(*params, secret, record) else { return Checked::Rejected(None) };
    match token.verify(typed, now) {
        Outcome::Accepted { next, .. } => Checked::Accepted(next),
        Outcome::Rejected { next, .. } => Checked::Rejected(next),
    }
}

/// Whether a code of this shape is worth opening the secret for.
fn could_be(kind: OtpKind, shape: PasscodeShape) -> bool {
    match (kind, shape) {
        (OtpKind::H6 | OtpKind::T6 | OtpKind::MobileHotp | OtpKind::MobileTotp, PasscodeShape::Digits(n)) => n == 6,
        (OtpKind::H8 | OtpKind::T8, PasscodeShape::Digits(n)) => n == 8,
        (OtpKind::Yk, PasscodeShape::Yubico) => true,
        (OtpKind::Yk, PasscodeShape::Digits(_))
        | (
            OtpKind::H6 | OtpKind::H8 | OtpKind::T6 | OtpKind::T8 | OtpKind::MobileHotp | OtpKind::MobileTotp,
            PasscodeShape::Yubico,
        )
        | (_, PasscodeShape::Other) => false,
    }
}
