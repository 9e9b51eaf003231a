//! Answers to devices.

use cs_radius::salted::{self, Hop};
use cs_radius::{Attribute, Authenticator, Builder, Code, Secret, kind, vendor};

use super::eap::keys::Keys;
use super::proof::{Protocol, belongs_to_answer};
use super::seen::PacketKey;
use crate::directory::Group;

/// What another server said with its yes, and under what its secrets are hidden.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrimaryReply {
    /// Every attribute that may travel to the device, in its order.
    pub attributes: Vec<(u8, Vec<u8>)>,
    /// Shared with that server.
    pub secret: Secret,
    /// Of our request to it.
    pub authenticator: Authenticator,
    /// Which host of its client section it is.
    pub host: usize,
    /// Who it says has logged in.
    pub user: Option<String>,
    /// Which groups it says they are in.
    pub groups: Vec<Group>,
}

/// What a device is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    code: Code,
    text: Option<String>,
    state: Option<Vec<u8>>,
    primary: Option<PrimaryReply>,
    /// Attributes of our own, and lines of an access list.
    lines: Vec<(u8, Vec<u8>)>,
    /// Of a login by EAP that ended here.
    keys: Option<Keys>,
}

impl Reply {
    /// Let in.
    pub fn accept(text: Option<String>, primary: Option<PrimaryReply>) -> Self {
        Self { code: Code::AccessAccept, text, state: None, primary, lines: Vec::new(), keys: None }
    }

    /// Keep out.
    pub fn reject(text: Option<String>) -> Self {
        Self { code: Code::AccessReject, text, state: None, primary: None, lines: Vec::new(), keys: None }
    }

    /// Something must be typed.
    pub fn challenge(text: String, state: Vec<u8>) -> Self {
        Self {
            code: Code::AccessChallenge,
            text: Some(text),
            state: Some(state),
            primary: None,
            lines: Vec::new(),
            keys: None,
        }
    }

    /// A part of an access list, with the State of the next one.
    pub fn list(code: Code, state: Option<Vec<u8>>, lines: Vec<(u8, Vec<u8>)>) -> Self {
        Self { code, text: None, state, primary: None, lines, keys: None }
    }

    /// What another server asks, or how it refuses; ours is only the State.
    pub fn passed_on(code: Code, state: Option<Vec<u8>>, primary: Option<PrimaryReply>) -> Self {
        Self { code, text: None, state, primary, lines: Vec::new(), keys: None }
    }

    /// With an attribute of our own.
    pub fn with(mut self, attribute: Option<(u8, Vec<u8>)>) -> Self {
        self.lines.extend(attribute);
        self
    }

    /// A packet of EAP that ends here; with a hint of how long somebody may type where they must (RFC 3579 §2.6.4: Session-Timeout).
    pub fn ask_by_eap(state: Vec<u8>, message: &[u8], waits_for_person: bool) -> Self {
        const TYPING: u32 = 120;
        let timeout = waits_for_person.then(|| (kind::SESSION_TIMEOUT, TYPING.to_be_bytes().to_vec()));
        let mut reply = Self::passed_on(Code::AccessChallenge, Some(state), None).with(timeout);
        reply.add_eap(message);
        reply
    }

    /// With the success of EAP, its keys, and who has logged in.
    pub fn with_success(mut self, message: &[u8], keys: Keys, user: &str) -> Self {
        self.add_eap(message);
        let passed = self.primary.iter().flat_map(|primary| &primary.attributes);
        if !passed.into_iter().any(|(kind, _)| *kind == kind::USER_NAME) {
            self.lines.push((kind::USER_NAME, user.as_bytes().to_vec()));
        }
        self.keys = Some(keys);
        self
    }

    fn add_eap(&mut self, message: &[u8]) {
        self.lines.extend(message.chunks(253).map(|part| (kind::EAP_MESSAGE, part.to_vec())));
    }

    /// Beside EAP no text is sent (RFC 3579 §2.6.5).
    pub(super) fn has_eap(&self) -> bool {
        let passed = self.primary.iter().flat_map(|primary| &primary.attributes);
        self.lines.iter().chain(passed).any(|(kind, _)| *kind == kind::EAP_MESSAGE)
    }

    /// Status-Server is answered so (RFC 5997 §4.2).
    pub fn alive() -> Self {
        Self::accept(None, None)
    }

    /// The packet for one of the requests that wait for it. What does not fit is left out, the last first: a packet is never too long to be sent.
    pub fn packet(
        &self,
        request: &PacketKey,
        states: &[Vec<u8>],
        secret: &Secret,
        random: &mut dyn FnMut(&mut [u8]),
    ) -> Vec<u8> {
        let mut builder = Builder::new(self.code, request.identifier());
        // Proxies on the way need their states more than the device needs the rest.
        for state in states {
            _ = builder.attribute(kind::PROXY_STATE, state);
        }
        if let Some(state) = &self.state {
            _ = builder.attribute(kind::STATE, state);
        }
        if let Some(text) = self.text.as_ref().filter(|_| !self.has_eap()) {
            _ = builder.message(text);
        }
        for (kind, value) in &self.lines {
            _ = builder.attribute(*kind, value);
        }
        if let Some(keys) = &self.keys {
            let mut salt = [0; 2];
            random(&mut salt);
            for (kind, value) in keys.attributes(Hop { secret, request: request.authenticator() }, salt) {
                _ = builder.attribute(kind, &value);
            }
        }
        if let Some(primary) = &self.primary {
            self.add_primary(&mut builder, primary, Hop { secret, request: request.authenticator() }, random);
        }
        builder.into_reply(secret, request.authenticator())
    }

    fn add_primary(
        &self,
        builder: &mut Builder,
        primary: &PrimaryReply,
        to: Hop<'_>,
        random: &mut dyn FnMut(&mut [u8]),
    ) {
        let from = Hop { secret: &primary.secret, request: &primary.authenticator };
        let mut salt = [0; 2];
        random(&mut salt);
        // The device's end of EAP needs all of its message; of the rest it can miss something.
        let (eap, rest): (Vec<_>, Vec<_>) = primary.attributes.iter().partition(|(kind, _)| *kind == kind::EAP_MESSAGE);
        for (kind, value) in eap.into_iter().chain(rest) {
            if *kind == kind::REPLY_MESSAGE && self.has_eap() {
                continue;
            }
            // Each value of a packet has a salt of its own; two in one attribute take the next one.
            salt = u16::from_be_bytes(salt).wrapping_add(8).to_be_bytes();
            match salted::rehide(Attribute { kind: *kind, value }, from, to, salt) {
                Ok(Some(hidden)) => _ = builder.attribute(*kind, &hidden),
                Ok(None) => _ = builder.attribute(*kind, value),
                // It was hidden for somebody else; as noise it helps nobody.
                Err(salted::NotSalted) => {}
            }
        }
    }
}

/// Whether an attribute of another server's answer may travel to the device. What belongs to one hop does not.
pub fn may_travel(kind: u8, value: &[u8], passes: &crate::cfg::client::PassThrough) -> bool {
    match kind {
        kind::PROXY_STATE | kind::STATE | kind::MESSAGE_AUTHENTICATOR | kind::EAP_MESSAGE => false,
        // Ours is shown instead: what the second factor said.
        kind::REPLY_MESSAGE => false,
        kind::VENDOR_SPECIFIC => {
            passes.all || vendor::unwrap(value).any(|found| passes.has(Some(found.vendor), found.kind))
        }
        kind => passes.has(None, kind),
    }
}

/// Whether an attribute of another server's question or refusal may travel: what the person and the protocol need, and what the section names.
pub fn may_travel_unaccepted(
    kind: u8,
    value: &[u8],
    protocol: Option<Protocol>,
    passes: &crate::cfg::client::PassThrough,
) -> bool {
    matches!(kind, kind::REPLY_MESSAGE | kind::PROMPT | kind::SESSION_TIMEOUT)
        || protocol.is_some_and(|protocol| belongs_to_answer(kind, value, protocol))
        || may_travel(kind, value, passes)
}
