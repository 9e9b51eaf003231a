//! What an answer of a server says about a first factor.

use cs_radius::{Code, Packet, kind, mschap};

use super::{Asked, Ended, Upstream};
use crate::directory::Group;
use crate::radius::login::Primary;
use crate::radius::proof::{Continued, Protocol, belongs_to_answer};
use crate::radius::verdict::{PrimaryReply, may_travel, may_travel_unaccepted};

impl Upstream {
    /// How a question ended, by an answer that was checked.
    pub(super) fn ended(&self, packet: &Packet<'_>, asked: &Asked) -> Ended {
        let (login, protocol, passes) = (asked.login, asked.protocol(), &self.config.pass_through);
        let text = packet.text(kind::REPLY_MESSAGE).map(str::to_owned);
        let with = |travels: &dyn Fn(u8, &[u8]) -> bool, user: Option<&str>| {
            let attributes = packet.attributes().filter(|attribute| travels(attribute.kind, attribute.value));
            Some(Box::new(PrimaryReply {
                attributes: attributes.map(|attribute| (attribute.kind, attribute.value.to_vec())).collect(),
                secret: self.secret.clone(),
                authenticator: asked.authenticator,
                host: asked.host,
                user: user.filter(|user| !user.is_empty()).map(str::to_owned),
                groups: groups(packet),
            }))
        };
        let belongs =
            |kind: u8, value: &[u8]| protocol.is_some_and(|protocol| belongs_to_answer(kind, value, protocol));
        let unaccepted = |kind: u8, value: &[u8]| may_travel_unaccepted(kind, value, protocol, passes);
        match packet.code() {
            Code::AccessAccept => {
                let travels = |kind: u8, value: &[u8]| may_travel(kind, value, passes) || belongs(kind, value);
                match logged_in(packet, &asked.request.user) {
                    Ok(user) => Ended { login, outcome: Primary::Right, reply: with(&travels, user) },
                    Err(Several) if protocol != Some(Protocol::Eap) => {
                        Ended { login, outcome: Primary::Right, reply: with(&travels, None) }
                    }
                    Err(Several) => {
                        let text = Some("The other server names several people.".to_owned());
                        Ended { login, outcome: Primary::Wrong { text }, reply: None }
                    }
                }
            }
            Code::AccessChallenge => {
                let state = packet.first(kind::STATE).map(<[u8]>::to_vec);
                let question = Continued { host: asked.host, state, text };
                Ended { login, outcome: Primary::Asks(question), reply: with(&unaccepted, None) }
            }
            // After a password only our own text is told.
            _ if protocol.is_none() => Ended { login, outcome: Primary::Wrong { text }, reply: None },
            _ if mschap::error_of(packet) == Some(mschap::error::PASSWD_EXPIRED) => {
                Ended { login, outcome: Primary::ChangePassword { text }, reply: with(&unaccepted, None) }
            }
            _ => Ended { login, outcome: Primary::Wrong { text }, reply: with(&unaccepted, None) },
        }
    }
}

/// The groups that an answer names: a Filter-Id is one, and a Class, which Cisco's devices write `OU=name;`.
fn groups(packet: &Packet<'_>) -> Vec<Group> {
    let texts = [kind::FILTER_ID, kind::CLASS].into_iter().flat_map(|kind| packet.all(kind));
    let named = |value: &[u8]| {
        let text = std::str::from_utf8(value).ok()?.trim();
        let name = text.strip_prefix("OU=").and_then(|rest| rest.strip_suffix(';')).unwrap_or(text);
        Some(Group { dn: String::new(), name: Some(name.to_owned()) })
    };
    texts.filter_map(named).collect()
}

/// A yes that names people who are not the same.
struct Several;

/// Who a yes says has logged in. The name that was asked with is often repeated beside it, as FreeRADIUS does, and says nothing.
fn logged_in<'a>(accept: &Packet<'a>, asked: &str) -> Result<Option<&'a str>, Several> {
    let names = || accept.all(kind::USER_NAME).filter_map(|name| std::str::from_utf8(name).ok());
    let mut others = names().filter(|name| *name != asked);
    match others.next() {
        None => Ok(names().next()),
        Some(other) if others.all(|name| name == other) => Ok(Some(other)),
        Some(_) => Err(Several),
    }
}
