//! What a proxy and the server say to one another about outages (ours; other servers know none of it).
//!
//! | path | |
//! | --- | --- |
//! | `POST /auth/v2/proxy/report` | a proxy tells how it stands, and what it did while nobody could be asked |
//! | `POST /auth/v2/proxy/bundle` | a proxy fetches what it may check codes with during an outage |

use std::fmt;

use serde::{Deserialize, Serialize};

pub use crate::device::{DeviceKey, Jwk};

use crate::device::{DevicePublicKey, InvalidKey, JwsError, Payload, Typ, UnverifiedJws, sign};
use crate::params::{ParamError, Params};

/// The most events of one report.
pub const MOST_EVENTS: usize = 100;
/// The most users of a bundle: it must fit into one answer.
pub const MOST_BUNDLE_USERS: u32 = 2000;
/// The longest list of events, as text.
const MAX_EVENTS_BYTES: usize = 64 << 10;
/// The longest name of a host or section, and everything of that kind.
const MAX_NAME_BYTES: usize = 128;

/// `POST /auth/v2/proxy/report`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRequest {
    /// What the proxy calls itself: it has made this once, and keeps it.
    pub proxy: String,
    /// The host it runs on.
    pub host: String,
    /// Its section.
    pub section: String,
    /// Its version.
    pub version: String,
    /// What it does while nobody can be asked: `safe`, `secure` or `offline`.
    pub failmode: String,
    /// Until when it can check codes by itself, unix seconds.
    pub offline_until: Option<i64>,
    /// Until when it does without the second factor, unix seconds.
    pub emergency_until: Option<i64>,
    /// What it did, oldest first.
    pub events: Vec<Event>,
}

/// Something that a proxy did while nobody could be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its place in the proxy's journal.
    pub seq: i64,
    /// When, unix seconds by the proxy's clock.
    pub time: i64,
    /// What: see [`EventKind`].
    pub kind: EventKind,
    /// Who logged in, as typed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// From where.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Why, which token, and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What a proxy did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Let somebody in on the first factor alone: `failmode=safe`.
    FailOpen,
    /// Let somebody in by a code for outages.
    CodeRight,
    /// Refused a code for outages.
    CodeWrong,
    /// An Owner's token was put to use.
    EmergencyBegun,
    /// Its time was over, or somebody ended it.
    EmergencyEnded,
    /// Let somebody in without a second factor meanwhile.
    EmergencyLogin,
}

impl EventKind {
    /// The word on the wire and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FailOpen => "fail_open",
            Self::CodeRight => "code_right",
            Self::CodeWrong => "code_wrong",
            Self::EmergencyBegun => "emergency_begun",
            Self::EmergencyEnded => "emergency_ended",
            Self::EmergencyLogin => "emergency_login",
        }
    }
}

impl ReportRequest {
    /// Reads the parameters.
    pub fn from_params(params: &Params) -> Result<Self, ParamError> {
        let time = |name: &'static str| match params.filled(name, MAX_NAME_BYTES)? {
            None => Ok(None),
            Some(text) => text.parse::<i64>().map(Some).map_err(|_| ParamError::Invalid(name.into())),
        };
        let events = match params.filled("events", MAX_EVENTS_BYTES)? {
            None => Vec::new(),
            Some(text) => serde_json::from_str::<Vec<Event>>(&text)
                .ok()
                .filter(|events| events.len() <= MOST_EVENTS && events.iter().all(Event::is_bounded))
                .ok_or_else(|| ParamError::Invalid("events".into()))?,
        };
        Ok(Self {
            proxy: params.required("proxy", MAX_NAME_BYTES)?,
            host: params.filled("host", MAX_NAME_BYTES)?.unwrap_or_default(),
            section: params.required("section", MAX_NAME_BYTES)?,
            version: params.filled("version", MAX_NAME_BYTES)?.unwrap_or_default(),
            failmode: params.required("failmode", MAX_NAME_BYTES)?,
            offline_until: time("offline_until")?,
            emergency_until: time("emergency_until")?,
            events,
        })
    }

    /// Writes them.
    pub fn to_params(&self) -> Vec<(&'static str, String)> {
        let mut params = vec![
            ("proxy", self.proxy.clone()),
            ("host", self.host.clone()),
            ("section", self.section.clone()),
            ("version", self.version.clone()),
            ("failmode", self.failmode.clone()),
        ];
        params.extend(self.offline_until.map(|until| ("offline_until", until.to_string())));
        params.extend(self.emergency_until.map(|until| ("emergency_until", until.to_string())));
        if !self.events.is_empty() {
            // Plain data with string keys: there is nothing to fail on.
            params.push(("events", serde_json::to_string(&self.events).unwrap_or_default()));
        }
        params
    }
}

impl Event {
    /// Whether no text of it is longer than a proxy would send.
    fn is_bounded(&self) -> bool {
        let texts = [&self.user, &self.address, &self.note];
        self.seq > 0 && texts.into_iter().flatten().all(|text| text.len() <= 512)
    }
}

/// Answer to a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportResponse {
    /// Everything of the journal up to here has arrived.
    pub taken: i64,
    /// What bundles and tokens are signed with.
    pub key: Jwk,
    /// Whether there is a bundle to fetch.
    pub has_bundle: bool,
}

/// `POST /auth/v2/proxy/bundle`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleRequest {
    /// What the proxy calls itself.
    pub proxy: String,
}

impl BundleRequest {
    /// Reads the parameters.
    pub fn from_params(params: &Params) -> Result<Self, ParamError> {
        Ok(Self { proxy: params.required("proxy", MAX_NAME_BYTES)? })
    }
}

/// Answer to it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BundleResponse {
    /// A [`Bundle`], signed.
    pub bundle: String,
}

impl fmt::Debug for BundleResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BundleResponse(..)")
    }
}

/// What a proxy may check codes with while the server cannot be asked.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// The version of this form: 1.
    pub v: u8,
    /// The account.
    pub account: String,
    /// The application that it is for.
    pub ikey: String,
    /// The group whose seeds it holds; people type its name into their authenticators.
    pub group: String,
    /// How names are spelled: `simple` or `none`.
    pub normalization: String,
    /// When it was made, unix seconds.
    pub made_at: i64,
    /// When it stops being good.
    pub until: i64,
    /// So many wrong codes in a row, and a person is refused until the server is back.
    pub attempts: u32,
    /// So many times a person is let in.
    pub uses: u32,
    /// Who.
    pub users: Vec<BundleUser>,
}

/// Somebody who may log in during an outage.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleUser {
    /// `DU…`
    pub id: String,
    /// Username and aliases, as the server compares them.
    pub names: Vec<String>,
    /// The group's seed of each authenticator, base64url.
    pub seeds: Vec<String>,
}

impl fmt::Debug for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Bundle({} at {}, {} users, until {})", self.group, self.ikey, self.users.len(), self.until)
    }
}

impl fmt::Debug for BundleUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BundleUser({})", self.id)
    }
}

impl Payload for Bundle {
    const TYP: Typ = Typ::Outage;
    const MAX_JWS_BYTES: usize = 1 << 20;
}

/// An Owner's leave to do without the second factor for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmergencyToken {
    /// The version of this form: 1.
    pub v: u8,
    /// The account.
    pub account: String,
    /// The token's own id: it is good for one time.
    pub id: String,
    /// The sections that it is for, by name; `*` is all.
    pub sections: Vec<String>,
    /// For how long, from when it is put to use.
    pub minutes: u32,
    /// When it was made, unix seconds.
    pub made_at: i64,
    /// Until when it can be put to use.
    pub use_before: i64,
    /// Whose leave it is: an address.
    pub owner: String,
    /// Why.
    pub reason: String,
}

impl Payload for EmergencyToken {
    const TYP: Typ = Typ::Emergency;
    const MAX_JWS_BYTES: usize = 8 << 10;
}

/// Signs for proxies with the account's key.
///
/// # Errors
/// [`InvalidKey`].
pub fn signed<P: Payload>(payload: &P, key: &DeviceKey) -> Result<String, InvalidKey> {
    sign(payload, &key.public().thumbprint().to_string(), key)
}

/// Reads what an account's key has signed.
///
/// # Errors
/// [`JwsError`], also for a key that is none.
pub fn verified<P: Payload>(text: &str, key: &Jwk) -> Result<P, JwsError> {
    let key = DevicePublicKey::from_jwk(key).map_err(|_| JwsError::BadSignature)?;
    Ok(UnverifiedJws::<P>::parse(text)?.verify(&key)?.payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token() -> EmergencyToken {
        EmergencyToken {
            v: 1,
            account: "DAXXXXXXXXXXXXXXXXXX".to_owned(),
            id: "one".to_owned(),
            sections: vec!["radius_server_auto".to_owned()],
            minutes: 30,
            made_at: 1,
            use_before: 2,
            owner: "owner@example.org".to_owned(),
            reason: "the line is cut".to_owned(),
        }
    }

    #[test]
    fn what_was_signed_is_read_with_its_key_and_for_its_purpose() {
        let (key, other) = (DeviceKey::generate().unwrap(), DeviceKey::generate().unwrap());
        let text = signed(&token(), &key).unwrap();
        assert_eq!(verified::<EmergencyToken>(&text, key.public().jwk()), Ok(token()));
        assert_eq!(verified::<EmergencyToken>(&text, other.public().jwk()), Err(JwsError::BadSignature));
        assert_eq!(verified::<Bundle>(&text, key.public().jwk()), Err(JwsError::WrongTyp));
        let mut changed = token();
        changed.minutes = 240;
        let forged = signed(&changed, &other).unwrap();
        let (body, _) = forged.rsplit_once('.').unwrap();
        let (_, signature) = text.rsplit_once('.').unwrap();
        let spliced = format!("{body}.{signature}");
        assert_eq!(verified::<EmergencyToken>(&spliced, key.public().jwk()), Err(JwsError::BadSignature));
    }

    #[test]
    fn a_bundle_shows_no_seed() {
        let user =
            BundleUser { id: "DU1".to_owned(), names: vec!["alice".to_owned()], seeds: vec!["sesame".to_owned()] };
        let bundle = Bundle {
            v: 1,
            account: "DA".to_owned(),
            ikey: "DI".to_owned(),
            group: "hq".to_owned(),
            normalization: "simple".to_owned(),
            made_at: 0,
            until: 9,
            attempts: 5,
            uses: 10,
            users: vec![user.clone()],
        };
        assert!(!format!("{bundle:?} {user:?}").contains("sesame"));
    }
}
