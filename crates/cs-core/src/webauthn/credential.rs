//! One credential of a user.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;

use crate::id::WebauthnKey;
use crate::login::FactorUsed;
use crate::policy::word::words;

words! {
    /// What holds the private key.
    Class {
        /// The access device itself: Touch ID, Windows Hello, a phone's screen lock.
        Platform = "platform",
        /// Something that goes from device to device: a security key, or a phone that answers for another device.
        Roaming = "roaming",
    }

    /// How a browser can reach it. A hint that the browser gave and gets back, nothing more.
    Transport {
        /// Bluetooth Low Energy.
        Ble = "ble",
        /// Another device, found by QR code and nearness.
        Hybrid = "hybrid",
        /// Built into the access device.
        Internal = "internal",
        /// NFC.
        Nfc = "nfc",
        /// A smart card reader.
        SmartCard = "smart-card",
        /// USB.
        Usb = "usb",
    }
}

/// A model of authenticator (WebAuthn, section 6.5.1): all zeros where it does not say.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Aaguid([u8; 16]);

/// A text that is no AAGUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an AAGUID (8-4-4-4-12 hexadecimal digits)")]
pub struct AaguidError;

impl Aaguid {
    /// From its 16 bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Whether the authenticator did not say what it is.
    pub fn is_unknown(self) -> bool {
        self.0 == [0; 16]
    }
}

impl FromStr for Aaguid {
    type Err = AaguidError;

    fn from_str(text: &str) -> Result<Self, AaguidError> {
        let groups: Vec<&str> = text.split('-').collect();
        if !groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) {
            return Err(AaguidError);
        }
        let digits = groups.concat().to_ascii_lowercase();
        let bytes = data_encoding::HEXLOWER.decode(digits.as_bytes()).map_err(|_| AaguidError)?;
        bytes.try_into().map(Self).map_err(|_| AaguidError)
    }
}

impl fmt::Display for Aaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hex = data_encoding::HEXLOWER.encode(&self.0);
        write!(f, "{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

impl fmt::Debug for Aaguid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The models of authenticators that an account lets in. An empty list lets every model in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AaguidList(Vec<Aaguid>);

impl AaguidList {
    /// The most models in a list.
    pub const MOST: usize = 100;

    /// Of these.
    pub fn new(mut models: Vec<Aaguid>) -> Self {
        models.sort_unstable();
        models.dedup();
        Self(models)
    }

    /// Whether a model must be one of the list.
    pub fn is_restricted(&self) -> bool {
        !self.0.is_empty()
    }

    /// Whether `model` is let in. What does not say what it is, is not where there is a list.
    pub fn allows(&self, model: Aaguid) -> bool {
        !self.is_restricted() || (!model.is_unknown() && self.0.binary_search(&model).is_ok())
    }
}

/// A credential of a user, without its public key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credential {
    /// Its id among the account's objects, `WA…`.
    pub key: WebauthnKey,
    /// The id that the authenticator gave it (WebAuthn: credential id), at most 1023 bytes.
    pub raw_id: Vec<u8>,
    /// What its user calls it.
    pub name: String,
    /// What it is, for people: "Security Key", "Touch ID", "Windows Hello".
    pub label: String,
    /// What holds the key.
    pub class: Class,
    /// The model.
    pub aaguid: Aaguid,
    /// The signature counter, as it was last seen; 0 for authenticators that keep none.
    pub counter: u32,
    /// How to reach it.
    pub transports: Vec<Transport>,
    /// Whether the key may be copied to other devices by its maker's means.
    pub backup_eligible: bool,
    /// Whether it was, as of the last use.
    pub backed_up: bool,
    /// Whether it can be found without a user name (discoverable).
    pub resident: bool,
    /// Whether it has ever verified the person (PIN, finger, face).
    pub verifies: bool,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last let its user in.
    pub last_used: Option<Timestamp>,
    /// When its counter went back, which a copy of the key explains; refused from then on.
    pub cloned_at: Option<Timestamp>,
}

impl Credential {
    /// Takes note of an assertion that let its user in.
    pub fn use_it(&mut self, used: &super::Used, now: Timestamp) {
        self.counter = used.counter;
        self.backed_up = used.backed_up;
        self.verifies = used.verifies;
        self.last_used = Some(now);
    }

    /// Whether it can serve as a factor at all.
    pub fn is_usable(&self) -> bool {
        self.cloned_at.is_none()
    }

    /// Whether it can take the place of the password: found without a name, and it verifies the person.
    pub fn is_passwordless(&self) -> bool {
        self.is_usable() && self.resident && self.verifies
    }

    /// The authentication log's word for a login with it.
    pub fn factor(&self) -> FactorUsed {
        match self.class {
            Class::Roaming => FactorUsed::WebauthnSecurityKey,
            Class::Platform if self.label == Self::TOUCH_ID => FactorUsed::WebauthnChromeTouchId,
            Class::Platform => FactorUsed::WebauthnCredential,
        }
    }

    /// How lists and the log name it.
    pub fn display_name(&self) -> String {
        if self.name.is_empty() { self.label.clone() } else { format!("{} ({})", self.label, self.name) }
    }

    /// The label of a Mac's own.
    pub const TOUCH_ID: &str = "Touch ID";
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn credential(class: Class) -> Credential {
        Credential {
            key: "WAAAAAAAAAAAAAAAAAAA".parse().unwrap(),
            raw_id: vec![1, 2, 3],
            name: String::new(),
            label: "Security Key".to_owned(),
            class,
            aaguid: Aaguid::default(),
            counter: 0,
            transports: Vec::new(),
            backup_eligible: false,
            backed_up: false,
            resident: false,
            verifies: false,
            created_at: Timestamp::UNIX_EPOCH,
            last_used: None,
            cloned_at: None,
        }
    }

    #[test]
    fn an_aaguid_has_one_form() {
        let text = "ee882879-721c-4913-9775-3dfcce97072a";
        let model: Aaguid = text.parse().unwrap();
        assert_eq!(model.to_string(), text);
        assert_eq!(text.to_uppercase().parse(), Ok(model));
        for wrong in [
            "",
            "ee882879721c491397753dfcce97072a",
            "ee882879-721c-4913-9775-3dfcce97072",
            "zz882879-721c-4913-9775-3dfcce97072a",
        ] {
            assert_eq!(wrong.parse::<Aaguid>(), Err(AaguidError), "{wrong}");
        }
    }

    #[test]
    fn a_list_lets_in_its_models_and_an_empty_one_every_model() {
        let [one, two] = [1, 2].map(|byte| Aaguid::from_bytes([byte; 16]));
        let none = AaguidList::default();
        assert!(none.allows(one) && none.allows(Aaguid::default()));
        let list = AaguidList::new(vec![one, one]);
        assert!(list.allows(one) && !list.allows(two) && !list.allows(Aaguid::default()));
        // Whoever lists the model that says nothing has not let in everything.
        assert!(!AaguidList::new(vec![Aaguid::default()]).allows(Aaguid::default()));
    }

    #[test]
    fn the_log_has_duos_words() {
        let factor = |class, label: &str| Credential { label: label.to_owned(), ..credential(class) }.factor().as_str();
        assert_eq!(factor(Class::Roaming, "Security Key"), "WebAuthn Security Key");
        assert_eq!(factor(Class::Platform, "Touch ID"), "WebAuthn Chrome Touch ID");
        assert_eq!(factor(Class::Platform, "Windows Hello"), "WebAuthn Credential");
    }
}
