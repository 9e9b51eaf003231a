//! Where an enrollment stands, as the database keeps it. What cannot be read is no enrollment.

use cs_core::enrollment::{Added, At, Origin};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};

/// Where an enrollment stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Kept {
    pub(super) origin: Origin,
    /// The digest of the link it began with.
    pub(super) link: Option<String>,
    /// Where to go at its end.
    pub(super) back: Option<Json>,
    pub(super) username: String,
    pub(super) at: At,
    pub(super) added: Vec<Added>,
}

#[derive(Serialize, Deserialize)]
struct Written {
    origin: String,
    factor_at: Option<jiff::Timestamp>,
    link: Option<String>,
    back: Option<Json>,
    username: String,
    at: String,
    phone: Option<String>,
    added: Vec<String>,
}

const CODES: &str = "codes";

impl Kept {
    pub(super) fn to_text(&self) -> String {
        let (origin, factor_at) = match self.origin {
            Origin::Invitation => ("invitation", None),
            Origin::Login => ("login", None),
            Origin::Portal { factor_at } => ("portal", Some(factor_at)),
        };
        let (at, phone) = match self.at {
            At::Choose => ("choose", None),
            At::Phone(phone) => ("phone", Some(phone.to_string())),
            At::Backup => ("backup", None),
            At::Done => ("done", None),
        };
        let added = self.added.iter().map(|added| match added {
            Added::Phone(phone) => phone.to_string(),
            Added::Codes => CODES.to_owned(),
        });
        let written = Written {
            origin: origin.to_owned(),
            factor_at,
            link: self.link.clone(),
            back: self.back.clone(),
            username: self.username.clone(),
            at: at.to_owned(),
            phone,
            added: added.collect(),
        };
        json!(written).to_string()
    }

    pub(super) fn read(text: &str) -> Option<Self> {
        let written: Written = serde_json::from_str(text).ok()?;
        let origin = match (written.origin.as_str(), written.factor_at) {
            ("invitation", None) => Origin::Invitation,
            ("login", None) => Origin::Login,
            ("portal", Some(factor_at)) => Origin::Portal { factor_at },
            _ => return None,
        };
        let at = match (written.at.as_str(), written.phone) {
            ("choose", None) => At::Choose,
            ("phone", Some(phone)) => At::Phone(phone.parse().ok()?),
            ("backup", None) => At::Backup,
            ("done", None) => At::Done,
            _ => return None,
        };
        let added = written.added.iter().map(|added| match added.as_str() {
            CODES => Some(Added::Codes),
            phone => phone.parse().ok().map(Added::Phone),
        });
        let added = added.collect::<Option<_>>()?;
        Some(Self { origin, link: written.link, back: written.back, username: written.username, at, added })
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
        let phone = "DPAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let (origins, ats) = (
            [Origin::Invitation, Origin::Login, Origin::Portal { factor_at: jiff::Timestamp::UNIX_EPOCH }],
            [At::Choose, At::Phone(phone), At::Backup, At::Done],
        );
        for origin in origins {
            for at in ats {
                let kept = Kept {
                    origin,
                    link: Some(HEXLOWER.encode(&[7; 32])),
                    back: Some(json!({"a": 1})),
                    username: "alice".to_owned(),
                    at,
                    added: vec![Added::Phone(phone), Added::Codes],
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
