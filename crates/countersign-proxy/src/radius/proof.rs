//! First factors without a password that could be read: CHAP, MS-CHAP and EAP. They travel to another RADIUS server as they came, and only it can check them.

use cs_radius::eap::{EapCode, EapPacket};
use cs_radius::mschap::{self, MsChap};
use cs_radius::{Attribute, Packet, chap::Chap, kind, vendor};
use zeroize::Zeroizing;

/// How a device shows that somebody knows a password, or has a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// RFC 1994
    Chap,
    /// RFC 2433
    MsChap,
    /// RFC 2759
    MsChap2,
    /// A new password instead of one that has expired, by MS-CHAP (RFC 2548 §2.1.3, §2.3.4).
    ChangePassword,
    /// RFC 3579
    Eap,
    /// None at all: a packet of the device itself, which a `bypass_rule` names.
    Device,
}

impl Protocol {
    /// For logs and texts.
    pub fn name(self) -> &'static str {
        match self {
            Self::Chap => "CHAP",
            Self::MsChap => "MS-CHAP",
            Self::MsChap2 => "MS-CHAPv2",
            Self::ChangePassword => "MS-CHAP change of password",
            Self::Eap => "EAP",
            Self::Device => "no credential",
        }
    }

    /// For `authevents.log`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Chap => "chap",
            Self::MsChap => "mschap",
            Self::MsChap2 => "mschapv2",
            Self::ChangePassword => "mschap-cpw",
            Self::Eap => "eap",
            Self::Device => "device",
        }
    }
}

/// What a device sent for another server to check.
#[derive(Clone, PartialEq, Eq)]
pub struct Proof {
    /// Of this kind.
    pub protocol: Protocol,
    /// What travels, in its order. For EAP it is everything the device said that does not belong to one hop.
    pub attributes: Vec<(u8, Vec<u8>)>,
    /// Of the EAP response or MS-CHAP response: a refusal of our own repeats it.
    identifier: u8,
}

/// Never what could be guessed at: a response to a challenge is as good as a hash of the password.
impl std::fmt::Debug for Proof {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {} attributes", self.protocol.name(), self.attributes.len())
    }
}

/// What a refusal of our own needs of the proof that it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// The protocol.
    pub protocol: Protocol,
    identifier: u8,
}

/// Where another server asked something in its turn, and what it wants back with the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Continued {
    /// The host that asked; no other knows of it.
    pub host: usize,
    /// Its State.
    pub state: Option<Vec<u8>>,
    /// What it says to the person.
    pub text: Option<String>,
}

/// What another server is to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relay {
    /// What the device sent.
    pub credential: Credential,
    /// The question that it answers.
    pub after: Option<Continued>,
}

/// What a device sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// Something typed.
    Typed(Zeroizing<String>),
    /// A proof.
    Proof(Proof),
}

/// Of an EAP request to another server these are made anew; everything else travels.
const OWN: [u8; 6] = [
    kind::USER_NAME,
    kind::USER_PASSWORD,
    kind::CHAP_PASSWORD,
    kind::STATE,
    kind::PROXY_STATE,
    kind::MESSAGE_AUTHENTICATOR,
];

impl Proof {
    /// Out of a packet; `None` if it has none, or one that is too short.
    pub fn of(packet: &Packet<'_>) -> Option<Self> {
        if let Some(eap) = packet.eap() {
            let identifier = EapPacket::parse(&eap).ok().filter(|eap| eap.code == EapCode::Response);
            return Some(Self {
                protocol: Protocol::Eap,
                attributes: owned(packet.attributes().filter(|attribute| !OWN.contains(&attribute.kind))),
                identifier: identifier.map(|eap| eap.identifier).unwrap_or_default(),
            });
        }
        let protocol = match MsChap::of(packet) {
            Some(MsChap::V1) => Protocol::MsChap,
            Some(MsChap::V2) => Protocol::MsChap2,
            Some(MsChap::ChangePassword) => Protocol::ChangePassword,
            None => return Self::chap(packet),
        };
        let attributes = owned(packet.attributes().filter(is_mschap));
        Some(Self { protocol, attributes, identifier: mschap::identifier_of(packet) })
    }

    /// A packet without any credential, as it is: its State is of another server, and goes back there (RFC 5176 §3.1).
    pub fn of_device(packet: &Packet<'_>) -> Self {
        let travels = |attribute: &Attribute<'_>| attribute.kind == kind::STATE || !OWN.contains(&attribute.kind);
        Self { protocol: Protocol::Device, attributes: owned(packet.attributes().filter(travels)), identifier: 0 }
    }

    /// Our request has an authenticator of its own, so that of the device's, where it is the challenge, travels as an attribute (RFC 2865 §5.40).
    fn chap(packet: &Packet<'_>) -> Option<Self> {
        let chap = Chap::of(packet)?;
        let attributes = vec![
            (kind::CHAP_PASSWORD, packet.first(kind::CHAP_PASSWORD)?.to_vec()),
            (kind::CHAP_CHALLENGE, chap.challenge().to_vec()),
        ];
        Some(Self { protocol: Protocol::Chap, attributes, identifier: 0 })
    }

    /// The EAP packet, put together.
    pub fn eap(&self) -> Vec<u8> {
        let parts = self.attributes.iter().filter(|(kind, _)| *kind == kind::EAP_MESSAGE);
        parts.flat_map(|(_, value)| value).copied().collect()
    }

    /// The most that the device can carry: Framed-MTU (RFC 2865 §5.12, RFC 3579 §2.4).
    pub fn mtu(&self) -> Option<u32> {
        const FRAMED_MTU: u8 = 12;
        let (_, value) = self.attributes.iter().find(|(kind, _)| *kind == FRAMED_MTU)?;
        value.as_slice().try_into().ok().map(u32::from_be_bytes)
    }

    /// What a refusal needs of it.
    pub fn mark(&self) -> Mark {
        Mark { protocol: self.protocol, identifier: self.identifier }
    }

    /// Equal for the same proof again. It is only ever digested under a key.
    pub fn fingerprint(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(format!("\0{}", self.protocol.word()));
        for (kind, value) in &self.attributes {
            text.push_str(&format!(" {kind} {}", data_encoding::BASE64.encode(value)));
        }
        text
    }
}

impl Mark {
    /// What a refusal of our own carries, so that the device's end of the protocol hears it as well: an EAP-Failure (RFC 3579 §2.6.1) or a wrong password
    /// (RFC 2759 §6). `challenge` is random.
    pub fn refusal(&self, challenge: &[u8; 16]) -> Option<(u8, Vec<u8>)> {
        match self.protocol {
            Protocol::Chap | Protocol::Device => None,
            Protocol::MsChap | Protocol::MsChap2 | Protocol::ChangePassword => {
                let error = mschap::refusal(self.identifier, mschap::error::AUTHENTICATION_FAILURE, challenge);
                let value = vendor::wrap(vendor::id::MICROSOFT, mschap::ERROR, &error).ok()?;
                Some((kind::VENDOR_SPECIFIC, value))
            }
            Protocol::Eap => {
                let failure =
                    EapPacket { code: EapCode::Failure, identifier: self.identifier, method: None, data: &[] };
                Some((kind::EAP_MESSAGE, failure.to_octets()))
            }
        }
    }
}

/// Whether an attribute of a request is a part of MS-CHAP (RFC 2548 §2.1 to §2.3).
pub fn is_mschap(attribute: &Attribute<'_>) -> bool {
    const PARTS: [u8; 8] = [1, 3, 4, 5, 6, 11, 25, 27];
    attribute.kind == kind::VENDOR_SPECIFIC
        && vendor::unwrap(attribute.value)
            .any(|found| found.vendor == vendor::id::MICROSOFT && PARTS.contains(&found.kind))
}

/// Whether an attribute of an answer is a part of the protocol that is spoken, and travels whatever else does: without it the login cannot work.
pub fn belongs_to_answer(kind: u8, value: &[u8], protocol: Protocol) -> bool {
    // Errors and successes, and the keys and kinds of encryption (RFC 2548 §2.1.5, §2.3.3, §2.4).
    const PARTS: [u8; 8] = [2, 7, 8, 10, 12, 16, 17, 26];
    match kind {
        kind::EAP_MESSAGE => protocol == Protocol::Eap,
        kind::VENDOR_SPECIFIC => {
            !matches!(protocol, Protocol::Chap | Protocol::Device)
                && vendor::unwrap(value)
                    .any(|found| found.vendor == vendor::id::MICROSOFT && PARTS.contains(&found.kind))
        }
        _ => false,
    }
}

fn owned<'a>(attributes: impl Iterator<Item = Attribute<'a>>) -> Vec<(u8, Vec<u8>)> {
    attributes.map(|attribute| (attribute.kind, attribute.value.to_vec())).collect()
}
