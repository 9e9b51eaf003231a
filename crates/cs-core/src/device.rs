//! What a user answers with: phones, the authenticators on them, and hardware tokens.

use jiff::Timestamp;

use crate::id::{PhoneId, TokenId};
use crate::otp::{OtpParams, OtpRecord};
use crate::policy::facts::PhoneFacts;
use crate::telephony::is_dialable;

/// What runs an authenticator; policy may tell them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthenticatorClass {
    /// The installable web page.
    Pwa,
    /// `countersign-device` in a person's hands.
    Cli,
    /// `countersign-device` answering by itself.
    Automation,
    /// A native application.
    Native,
}

impl AuthenticatorClass {
    /// The protocol's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pwa => "pwa",
            Self::Cli => "cli",
            Self::Automation => "automation",
            Self::Native => "native",
        }
    }

    /// Reads the protocol's word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Pwa, Self::Cli, Self::Automation, Self::Native].into_iter().find(|c| c.as_str() == text)
    }
}

/// An authenticator bound to a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authenticator {
    /// What runs it.
    pub class: AuthenticatorClass,
    /// When the key was bound.
    pub activated_at: Timestamp,
    /// Whether the person confirmed the phrase, where that was demanded. Until then the device can do nothing.
    pub confirmed: bool,
    /// How it makes passcodes.
    pub params: OtpParams,
    /// Where they are.
    pub otp: OtpRecord,
    /// The sealed seed.
    pub sealed_seed: Vec<u8>,
    /// Whether a message can wake it: it has told where to send one.
    pub can_be_woken: bool,
    /// Set by an administrator: until then this device may answer without a person.
    pub auto_approve_until: Option<Timestamp>,
    /// What it told about the phone it is on, if it told anything.
    pub facts: Option<PhoneFacts>,
}

impl Authenticator {
    /// Whether its approvals count at `now`. What answers by itself is no person: an administrator must have allowed it, until a day (DESIGN, section 7).
    pub fn may_approve(&self, now: Timestamp) -> bool {
        match self.class {
            AuthenticatorClass::Automation => self.auto_approve_until.is_some_and(|until| now < until),
            AuthenticatorClass::Pwa | AuthenticatorClass::Cli | AuthenticatorClass::Native => true,
        }
    }
}

/// Passcodes by SMS that were sent to a phone and not used yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SmsWaiting {
    /// The first digit of the next one.
    pub next: char,
    /// How many there are.
    pub count: u32,
    /// When they stop working; `None` = never.
    pub expires_at: Option<Timestamp>,
}

/// A passcode that was sent by SMS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmsCode {
    /// The phone that it was sent to.
    pub phone: PhoneId,
    /// The number that it was sent to.
    pub number: String,
    /// When it stops working; `None` = never.
    pub expires_at: Option<Timestamp>,
}

impl SmsCode {
    /// Whether it may be used at `now`, for a phone as it is now: a code that went to a number which is no longer the phone's is worth nothing.
    pub fn is_usable(&self, phone: &Phone, now: Timestamp) -> bool {
        phone.id == self.phone && phone.number == self.number && self.expires_at.is_none_or(|until| now < until)
    }
}

/// A phone (or tablet, or laptop: whatever holds an authenticator or takes calls).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Phone {
    /// Its id, `DP…`.
    pub id: PhoneId,
    /// The person's label, may be empty.
    pub name: String,
    /// E.164, may be empty.
    pub number: String,
    /// Whose it is, where several people share one user; empty if nobody said.
    pub owner: String,
    /// Whether it is a landline, which takes calls and no messages.
    pub landline: bool,
    /// Passcodes that were sent to it by SMS and wait to be used.
    pub sms: Option<SmsWaiting>,
    /// As Duo displays it: "Google Android", "Apple iOS", "Generic Smartphone", "Unknown", …
    pub platform: String,
    /// The authenticator on it, once activated.
    pub authenticator: Option<Authenticator>,
}

impl Phone {
    /// Whether a push can be sent to it.
    pub fn can_push(&self) -> bool {
        self.authenticator.as_ref().is_some_and(|a| a.confirmed)
    }

    /// Whether a message can be sent to it.
    pub fn can_text(&self) -> bool {
        !self.landline && is_dialable(&self.number)
    }

    /// Whether it can be called.
    pub fn can_call(&self) -> bool {
        is_dialable(&self.number)
    }

    /// The first digit of the next passcode that was sent to it, if one can be used at `now`.
    pub fn next_sms_digit(&self, now: Timestamp) -> Option<char> {
        let waiting = self.sms.filter(|_| self.can_text())?;
        waiting.expires_at.is_none_or(|until| now < until).then_some(waiting.next)
    }

    /// Whether it can serve as a factor at all, messages and calls aside: those need a gateway.
    pub fn is_usable(&self) -> bool {
        self.can_push()
    }

    /// The number with all but the last four digits hidden, in Duo's form (`XXX-XXX-0100`); empty if there is none.
    pub fn masked_number(&self) -> String {
        masked(&self.number)
    }

    /// How the phone is named in lists and in the log: by its number, its label or its platform, and whose it is.
    pub fn display_name(&self) -> String {
        let name = match (self.masked_number(), self.name.as_str()) {
            (number, "") if number.is_empty() => self.platform.clone(),
            (number, name) if number.is_empty() => format!("{} ({name})", self.platform),
            (number, _) => format!("{} ({number})", self.platform),
        };
        owned(name, &self.owner)
    }

    /// What follows "Duo Push to" in a menu.
    pub fn menu_name(&self) -> String {
        let name = match (self.masked_number(), self.name.as_str()) {
            (number, "") if number.is_empty() => self.platform.clone(),
            (number, name) if number.is_empty() => name.to_owned(),
            (number, _) => number,
        };
        owned(name, &self.owner)
    }
}

/// `number` with all but the last four digits hidden, in Duo's form; empty if it has no digit.
pub fn masked(number: &str) -> String {
    let digits: Vec<char> = number.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        0 => String::new(),
        n if n < 4 => "XXX-XXX-XXXX".to_owned(),
        n => format!("XXX-XXX-{}", digits[n - 4..].iter().collect::<String>()),
    }
}

/// `name`, and whose it is if anybody said.
fn owned(name: String, owner: &str) -> String {
    if owner.is_empty() { name } else { format!("{name} ({owner})") }
}

/// A hardware token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its id, `DH…`.
    pub id: TokenId,
    /// As printed on it.
    pub serial: String,
    /// Whose it is, where several people share one user; empty if nobody said.
    pub owner: String,
    /// How it makes codes.
    pub params: OtpParams,
    /// Where they are.
    pub otp: OtpRecord,
    /// The sealed secret.
    pub sealed_secret: Vec<u8>,
}

impl Token {
    /// How the token is named in the log: by its serial, and whose it is.
    pub fn display_name(&self) -> String {
        owned(self.serial.clone(), &self.owner)
    }
}
