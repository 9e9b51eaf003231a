//! REST v1 (`/rest/v1/…`): what duo_unix up to 2.1, duo_openvpn and `AuthV1` of duo_client speak.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::auth_api::{
    AuthMode, Failmode, MAX_PASSCODE_BYTES, MAX_TEXT_BYTES, Origin, Passcode, PreauthResult, pushinfo,
};
use crate::params::{ParamError, Params, invalid};
use crate::pushinfo::PushInfo;

/// Answer to `ping`.
pub const PONG: &str = "pong";
/// Answer to `check`.
pub const VALID: &str = "valid";

/// The form of an answer, by the path's suffix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// `.json`, or none.
    Json,
    /// `.bson`.
    Bson,
}

impl Format {
    /// The last segment of a path, split into the call's name and the form of its answer.
    pub fn of(segment: &str) -> (&str, Self) {
        if let Some(name) = segment.strip_suffix(".bson") {
            (name, Self::Bson)
        } else {
            (segment.strip_suffix(".json").unwrap_or(segment), Self::Json)
        }
    }
}

/// `POST /rest/v1/preauth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreauthRequest {
    /// The user's name.
    pub user: String,
    /// From where.
    pub origin: Origin,
    /// What the client will do without the server; information only.
    pub failmode: Option<Failmode>,
}

/// `POST /rest/v1/auth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthRequest {
    /// The user's name.
    pub user: String,
    /// How.
    pub factor: Factor,
    /// Whether to answer at once with a txid.
    pub mode: AuthMode,
    /// From where.
    pub origin: Origin,
    /// Further lines of the push.
    pub pushinfo: PushInfo,
}

/// The factor with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Factor {
    /// What was typed at the menu, or chosen by the client: a factor's id or a passcode. The rules read it.
    Auto(Passcode),
    /// A code.
    Passcode(Passcode),
    /// A push to a phone.
    Push(Phone),
    /// A call to a phone.
    Phone(Phone),
    /// New codes to a phone.
    Sms(Phone),
}

/// Which of the user's phones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phone {
    /// The first that can.
    Auto,
    /// By its place in the menu, from 1.
    Nth(u8),
}

/// A place in the menu: one to three digits, not 0.
fn nth(text: &str) -> Option<Phone> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|&n| is_number && n > 0).map(Phone::Nth)
}

impl PreauthRequest {
    /// Reads the parameters.
    pub fn from_params(params: &Params) -> Result<Self, ParamError> {
        Ok(Self {
            user: params.required("user", MAX_TEXT_BYTES)?,
            origin: Origin::from_params(params)?,
            failmode: Failmode::from_params(params)?,
        })
    }
}

impl AuthRequest {
    /// Reads the parameters.
    pub fn from_params(params: &Params) -> Result<Self, ParamError> {
        let phone = || match params.filled("phone", MAX_TEXT_BYTES)? {
            None => Ok(Phone::Auto),
            Some(text) if text.eq_ignore_ascii_case("auto") => Ok(Phone::Auto),
            Some(text) => text.strip_prefix("phone").and_then(nth).ok_or_else(|| invalid("phone")),
        };
        let factor = match &*params.required("factor", MAX_TEXT_BYTES)? {
            "auto" => Factor::Auto(Passcode::new(params.required("auto", MAX_PASSCODE_BYTES)?)),
            "passcode" => Factor::Passcode(Passcode::new(params.required("code", MAX_PASSCODE_BYTES)?)),
            "push" => Factor::Push(phone()?),
            "phone" => Factor::Phone(phone()?),
            "sms" => Factor::Sms(phone()?),
            _ => return Err(invalid("factor")),
        };
        Ok(Self {
            user: params.required("user", MAX_TEXT_BYTES)?,
            factor,
            mode: AuthMode::from_params(params)?,
            origin: Origin::from_params(params)?,
            pushinfo: pushinfo(params)?,
        })
    }
}

/// Answer to `preauth`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum PreauthResponse {
    /// A factor is needed.
    Auth {
        /// Always `auth`.
        result: PreauthResult,
        /// The whole menu, printed by the client as it is.
        prompt: String,
        /// What each choice means; `default` is for logins without a person.
        factors: BTreeMap<String, String>,
    },
    /// It is decided.
    Decided {
        /// `allow`, `deny` or `enroll`.
        result: PreauthResult,
        /// The same for people.
        status: String,
    },
}

/// Answer to a synchronous `auth`, and to `status`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StatusResponse {
    /// For people.
    pub status: String,
    /// Absent while the login is pending, and present at its end: **duo_unix 1.11 lets the user in
    /// after 20 answers without it.**
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<FinalResult>,
}

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinalResult {
    /// Let in.
    Allow,
    /// Keep out.
    Deny,
}

/// Answer to an asynchronous `auth`.
pub type AsyncResponse = crate::auth_api::AsyncResponse;
/// `GET /rest/v1/status`.
pub type StatusRequest = crate::auth_api::AuthStatusRequest;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::missing;
    use serde_json::json;

    fn params(text: &str) -> Params {
        Params::from_form(text.as_bytes()).unwrap()
    }

    #[test]
    fn the_bodies_of_duo_unix_1_11_and_openvpn() {
        let preauth = PreauthRequest::from_params(&params("failmode=closed&hostname=h&user=alice")).unwrap();
        assert_eq!((preauth.user.as_str(), preauth.failmode), ("alice", Some(Failmode::Closed)));
        let auth = AuthRequest::from_params(&params(
            "async=1&auto=push1&factor=auto&hostname=h&ipaddr=10.0.0.1&pushinfo=Server%2BIP%3D192.0.2.2%26Command%3D&user=alice",
        ))
        .unwrap();
        assert_eq!(auth.factor, Factor::Auto(Passcode::new("push1".into())));
        assert_eq!(auth.mode, AuthMode::Async);
        assert_eq!(auth.pushinfo.0.len(), 2);
        let openvpn = AuthRequest::from_params(&params("auto=123456&factor=auto&ipaddr=10.0.0.1&user=alice")).unwrap();
        assert_eq!(openvpn.mode, AuthMode::Sync);
        assert!(!format!("{openvpn:?}").contains("123456"));
    }

    #[test]
    fn other_factors_and_what_they_lack() {
        let factor = |text: &str| AuthRequest::from_params(&params(&format!("user=a&{text}"))).map(|r| r.factor);
        assert_eq!(factor("factor=push&phone=phone2"), Ok(Factor::Push(Phone::Nth(2))));
        assert_eq!(factor("factor=phone&phone=auto"), Ok(Factor::Phone(Phone::Auto)));
        assert_eq!(factor("factor=sms"), Ok(Factor::Sms(Phone::Auto)));
        assert_eq!(factor("factor=push&phone=x"), Err(invalid("phone")));
        assert_eq!(factor("factor=passcode"), Err(missing("code")));
        assert_eq!(factor("factor=auto"), Err(missing("auto")));
        assert_eq!(factor("factor=fax"), Err(invalid("factor")));
        assert_eq!(AuthRequest::from_params(&params("factor=sms")).unwrap_err(), missing("user"));
    }

    #[test]
    fn answers_have_result_only_at_the_end() {
        let pending = StatusResponse { status: "Pushed a login request to your phone...".into(), result: None };
        assert_eq!(
            serde_json::to_value(&pending).unwrap(),
            json!({"status":"Pushed a login request to your phone..."})
        );
        let done = StatusResponse { status: "ok".into(), result: Some(FinalResult::Allow) };
        assert_eq!(serde_json::to_value(&done).unwrap(), json!({"status":"ok","result":"allow"}));
        let menu = PreauthResponse::Auth {
            result: PreauthResult::Auth,
            prompt: "menu".into(),
            factors: [("1".to_owned(), "push1".to_owned())].into(),
        };
        let body = json!({"result":"auth","prompt":"menu","factors":{"1":"push1"}});
        assert_eq!(serde_json::to_value(&menu).unwrap(), body);
        assert_eq!(serde_json::from_value::<PreauthResponse>(body).unwrap(), menu);
    }

    #[test]
    fn the_suffix_tells_the_form() {
        assert_eq!(Format::of("preauth.bson"), ("preauth", Format::Bson));
        assert_eq!(Format::of("preauth.json"), ("preauth", Format::Json));
        assert_eq!(Format::of("preauth"), ("preauth", Format::Json));
    }
}
