//! The ways in that a person can choose from, best first, and the one that begins by itself.

use crate::id::PhoneId;
use crate::login::telephones;
use crate::policy::{Challenge, Method};
use crate::user::User;

/// How a person shows that it is them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Means {
    /// The device's own lock (WebAuthn, platform).
    Platform,
    /// A security key (WebAuthn, roaming).
    SecurityKey,
    /// A push.
    Push,
    /// A code of one's own: authenticator or hardware token.
    Passcode,
    /// A code by SMS.
    Sms,
    /// A call.
    Call,
    /// A code from the help desk.
    Bypass,
}

impl Means {
    /// All of them, the most secure first (`product.md` 1.1).
    pub const ALL: [Self; 7] =
        [Self::Platform, Self::SecurityKey, Self::Push, Self::Passcode, Self::Sms, Self::Call, Self::Bypass];

    /// The word in forms and cookies.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::SecurityKey => "security-key",
            Self::Push => "push",
            Self::Passcode => "passcode",
            Self::Sms => "sms",
            Self::Call => "call",
            Self::Bypass => "bypass",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|means| means.as_str() == text)
    }

    /// The policies' word for it; a code is the authenticator's until it is known to be a token's.
    pub const fn method(self) -> Method {
        match self {
            Self::Platform => Method::WebauthnPlatform,
            Self::SecurityKey => Method::WebauthnRoaming,
            Self::Push => Method::DuoPush,
            Self::Passcode => Method::DuoPasscode,
            Self::Sms => Method::Sms,
            Self::Call => Method::Phonecall,
            Self::Bypass => Method::Bypass,
        }
    }

    /// Whether it is typed into the field for codes.
    pub const fn is_typed(self) -> bool {
        match self {
            Self::Passcode | Self::Sms | Self::Bypass => true,
            Self::Platform | Self::SecurityKey | Self::Push | Self::Call => false,
        }
    }

    /// Whether a phone has to be named with it.
    pub const fn names_a_phone(self) -> bool {
        match self {
            Self::Push | Self::Sms | Self::Call => true,
            Self::Platform | Self::SecurityKey | Self::Passcode | Self::Bypass => false,
        }
    }

    /// Whether somebody is asked on a phone, and answers there.
    pub const fn is_answered_there(self) -> bool {
        match self {
            Self::Push | Self::Call => true,
            Self::Platform | Self::SecurityKey | Self::Passcode | Self::Sms | Self::Bypass => false,
        }
    }

    /// Whether it may begin without a click. What costs money and rings at night does not, and what the help desk gives is for whoever asks for it.
    const fn begins_by_itself(self) -> bool {
        match self {
            Self::Platform | Self::SecurityKey | Self::Push | Self::Passcode => true,
            Self::Sms | Self::Call | Self::Bypass => false,
        }
    }
}

/// A means, and the device where one is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Way {
    /// How.
    pub means: Means,
    /// The phone of a push, a message or a call.
    pub phone: Option<PhoneId>,
}

impl Way {
    /// A way that needs no device to be named.
    pub const fn of(means: Means) -> Self {
        Self { means, phone: None }
    }

    /// A push to `phone`.
    pub const fn push(phone: PhoneId) -> Self {
        Self::to(Means::Push, phone)
    }

    /// `means` by way of `phone`.
    pub const fn to(means: Means, phone: PhoneId) -> Self {
        Self { means, phone: Some(phone) }
    }
}

/// Whether the browser can ask a security key: it has scripts and WebAuthn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keys {
    /// It can.
    Usable,
    /// It cannot, or nobody knows.
    Unusable,
}

/// Every way that the policy leaves `user` in this browser, the most secure first. What the policy blocks is not among them.
pub fn ways(user: &User, allowed: &Challenge, keys: Keys) -> Vec<Way> {
    let has = |method| allowed.methods.contains(method);
    let mut ways = Vec::new();
    if keys == Keys::Usable {
        let by_key = [(Method::WebauthnPlatform, Means::Platform), (Method::WebauthnRoaming, Means::SecurityKey)];
        ways.extend(by_key.into_iter().filter(|(method, _)| has(*method)).map(|(_, means)| Way::of(means)));
    }
    ways.extend(user.phones.iter().filter(|phone| allowed.may_push(phone.id)).map(|phone| Way::push(phone.id)));
    if has(Method::DuoPasscode) || has(Method::HardwareToken) {
        ways.push(Way::of(Means::Passcode));
    }
    for (method, means) in [(Method::Sms, Means::Sms), (Method::Phonecall, Means::Call)] {
        ways.extend(telephones(user, allowed, method).map(|phone| Way::to(means, phone.id)));
    }
    if has(Method::Bypass) {
        ways.push(Way::of(Means::Bypass));
    }
    ways
}

/// The way that begins without a click: the one used `last` in this browser while it is still there, otherwise the most secure. A bypass code only where there is
/// nothing else; messages and calls never.
pub fn automatic(ways: &[Way], last: Option<Way>) -> Option<Way> {
    let own = || ways.iter().copied().filter(|way| way.means.begins_by_itself());
    let bypass_alone = || ways.first().copied().filter(|way| way.means == Means::Bypass);
    own().find(|way| Some(*way) == last).or_else(|| own().next()).or_else(bypass_alone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_way_begins_if_it_is_still_there_and_a_bypass_code_never_by_itself() {
        let push = |letter: &str| Way::push(format!("DP{}", letter.repeat(18)).parse().unwrap());
        let (platform, passcode, bypass) = (Way::of(Means::Platform), Way::of(Means::Passcode), Way::of(Means::Bypass));
        let phone = "DPAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let (sms, call) = (Way::to(Means::Sms, phone), Way::to(Means::Call, phone));
        let all = [platform, push("A"), push("B"), passcode, bypass];
        for (ways, last, chosen) in [
            (&all[..], None, Some(platform)),
            (&all, Some(push("B")), Some(push("B"))),
            (&all, Some(passcode), Some(passcode)),
            (&all, Some(bypass), Some(platform)),
            (&all, Some(push("C")), Some(platform)),
            (&all[1..], Some(platform), Some(push("A"))),
            (&all[4..], None, Some(bypass)),
            (&all[4..], Some(passcode), Some(bypass)),
            // What costs money waits for a click, also where it is all there is.
            (&[sms, call], Some(sms), None),
            (&[sms, call, bypass], None, None),
            (&[passcode, sms, call], Some(call), Some(passcode)),
            (&[], Some(passcode), None),
        ] {
            assert_eq!(automatic(ways, last), chosen, "{last:?} of {ways:?}");
        }
    }

    #[test]
    fn words_are_read_as_written() {
        for means in Means::ALL {
            assert_eq!(Means::parse(means.as_str()), Some(means));
        }
        assert_eq!(Means::parse("Push"), None);
    }
}
