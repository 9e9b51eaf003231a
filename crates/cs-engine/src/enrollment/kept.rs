//! Where an enrollment stands, as the database keeps it. What cannot be read is no enrollment.

use cs_core::enrollment::{Added, At, Origin};
use cs_core::id::IntegrationKey;
use cs_core::policy::{Method, Word as _};
use cs_core::webauthn::Wanted;
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

use super::number::KeptNumber;

/// Where an enrollment stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    pub(super) origin: Origin,
    /// The digest of the link it began with.
    pub(super) link: Option<String>,
    /// The application whose login it is in the middle of.
    pub(super) application: Option<IntegrationKey>,
    /// Where to go at its end.
    pub(super) back: Option<Json>,
    pub(super) username: String,
    pub(super) at: At,
    pub(super) added: Vec<Added>,
    /// A number that waits to be proven.
    pub(super) number: Option<KeptNumber>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    origin: String,
    factor_at: Option<jiff::Timestamp>,
    method: Option<String>,
    link: Option<String>,
    application: Option<String>,
    back: Option<Json>,
    username: String,
    at: String,
    phone: Option<String>,
    key: Option<String>,
    added: Vec<String>,
    #[serde(default)]
    number: Option<KeptNumber>,
}

const CODES: &str = "codes";

impl Kept {
    pub(super) fn to_text(&self) -> String {
        let (origin, factor) = match self.origin {
            Origin::Invitation => ("invitation", None),
            Origin::Login => ("login", None),
            Origin::Portal { factor_at, method } => ("portal", Some((factor_at, method.as_str().to_owned()))),
        };
        let (factor_at, method) = factor.unzip();
        let (at, phone, key) = match self.at {
            At::Choose => ("choose", None, None),
            At::Phone(phone) => ("phone", Some(phone.to_string()), None),
            At::Key(wanted) => ("key", None, Some(wanted.as_str().to_owned())),
            At::Number => ("number", None, None),
            At::NumberCode => ("number_code", None, None),
            At::Backup => ("backup", None, None),
            At::Done => ("done", None, None),
        };
        let added = self.added.iter().map(|added| match added {
            Added::Phone(phone) => phone.to_string(),
            Added::Key(key) => key.to_string(),
            Added::Codes => CODES.to_owned(),
        });
        let written = Written {
            origin: origin.to_owned(),
            factor_at,
            method,
            link: self.link.clone(),
            application: self.application.map(|key| key.to_string()),
            back: self.back.clone(),
            username: self.username.clone(),
            at: at.to_owned(),
            phone,
            key,
            added: added.collect(),
            number: self.number.clone(),
        };
        json!(written).to_string()
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let written: Written = serde_json::from_str(text).ok()?;
        let origin = match (written.origin.as_str(), written.factor_at, written.method) {
            ("invitation", None, None) => Origin::Invitation,
            ("login", None, None) => Origin::Login,
            ("portal", Some(factor_at), Some(method)) => Origin::Portal { factor_at, method: Method::parse(&method)? },
            _ => return None,
        };
        let at = match (written.at.as_str(), written.phone, written.key) {
            ("choose", None, None) => At::Choose,
            ("phone", Some(phone), None) => At::Phone(phone.parse().ok()?),
            ("key", None, Some(wanted)) => At::Key(Wanted::parse(&wanted)?),
            ("number", None, None) => At::Number,
            ("number_code", None, None) => At::NumberCode,
            ("backup", None, None) => At::Backup,
            ("done", None, None) => At::Done,
            _ => return None,
        };
        let added = written.added.iter().map(|added| match added.as_str() {
            CODES => Some(Added::Codes),
            id => id.parse().map(Added::Phone).or_else(|_| id.parse().map(Added::Key)).ok(),
        });
        let added = added.collect::<Option<_>>()?;
        let application = match written.application {
            Some(key) => Some(key.parse().ok()?),
            None => None,
        };
        let Written { link, back, username, number, .. } = written;
        Some(Self { origin, link, application, back, username, at, added, number })
    }

    pub(super) fn link_digest(&self) -> Option<[u8; 32]> {
        let bytes = HEXLOWER.decode(self.link.as_ref()?.as_bytes()).ok()?;
        bytes.try_into().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else_is() {
        let (phone, key) = ("DPAAAAAAAAAAAAAAAAAA".parse().unwrap(), "WAAAAAAAAAAAAAAAAAAA".parse().unwrap());
        let (origins, ats) = (
            [
                Origin::Invitation,
                Origin::Login,
                Origin::Portal { factor_at: jiff::Timestamp::UNIX_EPOCH, method: Method::WebauthnRoaming },
            ],
            [At::Choose, At::Phone(phone), At::Key(Wanted::SecurityKey), At::NumberCode, At::Backup, At::Done],
        );
        for origin in origins {
            for at in ats {
                let kept = Kept {
                    origin,
                    link: Some(HEXLOWER.encode(&[7; 32])),
                    application: Some("DIAAAAAAAAAAAAAAAAAA".parse().unwrap()),
                    back: Some(json!({"a": 1})),
                    username: "alice".to_owned(),
                    at,
                    added: vec![Added::Phone(phone), Added::Key(key), Added::Codes],
                    number: (at == At::NumberCode).then(KeptNumber::default),
                };
                let text = kept.to_text();
                assert_eq!(Kept::read(&text).as_ref(), Some(&kept));
                assert_eq!(kept.link_digest(), Some([7; 32]));
                for (what, wrong) in [("alice\"", "alice"), ("codes", "code"), ("\"at\"", "\"to\"")] {
                    assert_eq!(Kept::read(&text.replacen(what, wrong, 1)), None, "{text}");
                }
            }
        }
    }
}
