//! `reply_attr_N` and `bypass_rule_N`: what is added to answers, and what travels on without being a login.

use cs_radius::dictionary::{self, Entry};
use cs_radius::{Packet, kind, vendor};

use super::client::unknown_attribute;
use super::reader::Reader;
use crate::directory::Group;

/// `reply_attr_1 = Filter-Id:vpn-admins when group="VPN admins"`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplyRule {
    /// Which attribute is added.
    pub attribute: &'static Entry,
    /// Its value.
    pub value: Vec<u8>,
    /// Only for members of this group.
    pub group: Option<String>,
}

/// `bypass_rule_1 = Service-Type:17`: packets of devices themselves, relayed and never answered here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BypassRule {
    /// Everything that a packet must have.
    pub all: Vec<(&'static Entry, Vec<u8>)>,
}

impl ReplyRule {
    pub(super) fn read_all(reader: &Reader<'_>) -> Vec<Self> {
        let numbers = reader.numbers("reply_attr");
        let one = |number: &u32| {
            let key = format!("reply_attr_{number}");
            let rule = Self::parse(&reader.plain(&key)?);
            rule.map_err(|text| reader.error(&key, format!("{key}: {text}"))).ok()
        };
        numbers.iter().filter_map(one).collect()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (what, condition) = match text.split_once(" when ") {
            Some((what, condition)) => (what, Some(condition.trim())),
            None => (text, None),
        };
        let group = match condition {
            None => None,
            Some(condition) => {
                let name = condition.strip_prefix("group").map(str::trim_start).and_then(|rest| rest.strip_prefix('='));
                let name = name.map(|name| name.trim().trim_matches('"')).filter(|name| !name.is_empty());
                Some(name.ok_or_else(|| format!("behind `when` stands group=\"NAME\", not {condition:?}"))?.to_owned())
            }
        };
        let (attribute, value) = pair(what)?;
        if belongs_to_a_hop(attribute) {
            return Err(format!("{} belongs to one hop or is hidden by it, and cannot be added", attribute.name));
        }
        let rule = Self { attribute, value, group };
        match attribute.vendor {
            Some(number) if vendor::wrap(number, attribute.kind, &rule.value).is_err() => {
                Err(format!("the value of {} is too long", attribute.name))
            }
            None if rule.value.len() > 253 => Err(format!("the value of {} is too long", attribute.name)),
            Some(_) | None => Ok(rule),
        }
    }

    /// Whether it holds for somebody who is in these groups.
    pub fn is_for(&self, groups: &[Group]) -> bool {
        self.group.as_ref().is_none_or(|wanted| groups.iter().any(|group| group.is_called(wanted)))
    }

    /// The attribute as it stands in a packet.
    pub fn encoded(&self) -> Option<(u8, Vec<u8>)> {
        match self.attribute.vendor {
            None => Some((self.attribute.kind, self.value.clone())),
            Some(number) => {
                let value = vendor::wrap(number, self.attribute.kind, &self.value).ok()?;
                Some((kind::VENDOR_SPECIFIC, value))
            }
        }
    }
}

/// State, integrity and secrets are made anew for each hop.
fn belongs_to_a_hop(entry: &Entry) -> bool {
    match entry.vendor {
        None => {
            let own = [
                kind::USER_PASSWORD,
                kind::CHAP_PASSWORD,
                kind::STATE,
                kind::PROXY_STATE,
                kind::EAP_MESSAGE,
                kind::MESSAGE_AUTHENTICATOR,
            ];
            own.contains(&entry.kind) || entry.name == "Tunnel-Password"
        }
        // Keys of MS-CHAP and MPPE (RFC 2548).
        Some(number) => number == 311 && entry.name.starts_with("MS-"),
    }
}

impl BypassRule {
    /// Whether a packet has everything that it must have.
    pub fn fits(&self, packet: &Packet<'_>) -> bool {
        self.all.iter().all(|(entry, value)| match entry.vendor {
            None => packet.all(entry.kind).any(|found| found == value),
            Some(vendor) => packet.vendor(vendor, entry.kind).any(|found| found == value),
        })
    }

    pub(super) fn read_all(reader: &Reader<'_>) -> Vec<Self> {
        let numbers = reader.numbers("bypass_rule");
        let one = |number: &u32| {
            let key = format!("bypass_rule_{number}");
            let rule = Self::parse(&reader.plain(&key)?);
            rule.map_err(|text| reader.error(&key, format!("{key}: {text}"))).ok()
        };
        numbers.iter().filter_map(one).collect()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let all: Vec<(&'static Entry, Vec<u8>)> = text.split(" and ").map(pair).collect::<Result<_, _>>()?;
        // A rule on the name alone would let anybody in who may ask.
        let is_service = |(entry, _): &(&Entry, Vec<u8>)| entry.name == "Service-Type" || entry.name == "Cisco-AVPair";
        if all.iter().any(is_service) {
            Ok(Self { all })
        } else {
            Err("a rule names a Service-Type or a Cisco-AVPair; the rest is joined with ` and `".to_owned())
        }
    }
}

/// `Name:value`
fn pair(text: &str) -> Result<(&'static Entry, Vec<u8>), String> {
    let (name, value) =
        text.split_once(':').ok_or_else(|| format!("an attribute is written Name:value, not {text:?}"))?;
    let entry = dictionary::by_name(name.trim()).ok_or_else(|| unknown_attribute(name.trim()))?;
    let value = entry.encode(value.trim()).map_err(|error| error.to_string())?;
    Ok((entry, value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_for_answers() {
        let rule = ReplyRule::parse("Filter-Id:vpn-admins when group=\"VPN admins\"").unwrap();
        assert_eq!((rule.attribute.name, &*rule.value), ("Filter-Id", &b"vpn-admins"[..]));
        assert_eq!(rule.group.as_deref(), Some("VPN admins"));
        assert_eq!(ReplyRule::parse("Session-Timeout:60").unwrap().value, [0, 0, 0, 60]);
        let encoded = ReplyRule::parse("Cisco-AVPair:shell:priv-lvl=15").unwrap().encoded().unwrap();
        assert_eq!((encoded.0, &encoded.1[..6]), (26, &[0, 0, 0, 9, 1, 19][..]));
        let long = format!("Filter-Id:{}", "x".repeat(254));
        for wrong in ["State:1", "Tunnel-Password:1", "MS-MPPE-Send-Key:1", "Message-Authenticator:1", &long] {
            assert!(ReplyRule::parse(wrong).is_err(), "{wrong}");
        }
        for wrong in ["Filter-Id", "Nothing:1", "Session-Timeout:long", "Class:x when user=bob", "Class:x when group="]
        {
            assert!(ReplyRule::parse(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_rule_for_packets_that_are_no_logins() {
        let rule = BypassRule::parse("Service-Type:17").unwrap();
        assert_eq!(rule.all[0].1, [0, 0, 0, 17]);
        assert_eq!(BypassRule::parse("Service-Type:10 and NAS-Port-Type:15").unwrap().all.len(), 2);
        assert!(BypassRule::parse("User-Name:alice").is_err());
    }
}
