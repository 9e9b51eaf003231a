//! Auth API v2 (`/auth/v2/…`): requests out of parameters, answers into JSON.
//!
//! Sources: duo.com/docs/authapi; parameters marked undocumented are what duo_unix 2.2 sends.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::params::{ParamError, Params, invalid, missing};
use crate::pushinfo::{MAX_PUSHINFO_BYTES, PushInfo};

/// The longest user name, host name, token and the like, in bytes.
pub const MAX_TEXT_BYTES: usize = 1024;

/// The longest `login_key`: a digest as text is shorter.
const MAX_LOGIN_KEY_BYTES: usize = 64;
/// The longest passcode or menu choice, in bytes.
pub const MAX_PASSCODE_BYTES: usize = 256;

/// Whom a request is about: exactly one of `username` and `user_id`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserRef {
    /// By name, as the application knows the user.
    Username(String),
    /// By id, `DU…`.
    UserId(String),
}

/// What a client will do when the server cannot be reached; information only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failmode {
    /// Let users in.
    Open,
    /// Keep them out.
    Closed,
}

/// A passcode as typed: never printed, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Passcode(Zeroizing<String>);

impl Passcode {
    /// Wraps what was typed.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// What was typed.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Passcode(..)")
    }
}

/// Where a login comes from, as the application says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    /// The user's address; text, because clients also send what is none.
    pub ipaddr: Option<String>,
    /// The host logged in to.
    pub hostname: Option<String>,
}

/// `POST /auth/v2/preauth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreauthRequest {
    /// Whom.
    pub user: UserRef,
    /// From where.
    pub origin: Origin,
    /// A token of an earlier login of a remembered device.
    pub trusted_device_token: Option<Passcode>,
    /// The client can show digits for the user to type on the device.
    pub client_supports_verified_push: bool,
    /// The client wants the menu as text (undocumented).
    pub text_prompt: bool,
    /// Undocumented.
    pub failmode: Option<Failmode>,
}

/// `POST /auth/v2/auth`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthRequest {
    /// Whom.
    pub user: UserRef,
    /// How.
    pub factor: Factor,
    /// Whether to answer at once with a txid.
    pub mode: AuthMode,
    /// From where.
    pub origin: Origin,
    /// What the push says is asked for.
    pub kind: Option<String>,
    /// The name shown in place of the user name.
    pub display_username: Option<String>,
    /// Further lines of the push.
    pub pushinfo: PushInfo,
    /// A verified push begun by preauth.
    pub txid: Option<String>,
    /// The caller's name for this login: a repetition joins it (ours).
    pub idempotency_key: Option<String>,
    /// What every proxy of the application calls this login, so that one that it comes to later joins (ours).
    pub login_key: Option<String>,
}

/// Whether `auth` waits for the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthMode {
    /// Answer when the login is decided.
    Sync,
    /// Answer with a txid for `auth_status`.
    Async,
}

/// The factor with what belongs to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Factor {
    /// The best out-of-band one that the device can do.
    Auto(DeviceRef),
    /// A push.
    Push(DeviceRef),
    /// A phone call.
    Phone(DeviceRef),
    /// New codes by SMS.
    Sms(DeviceRef),
    /// A code.
    Passcode(Passcode),
    /// What was typed at the text menu: a factor's id such as `push1`, or a code (undocumented).
    Prompt(Passcode),
}

/// Which device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeviceRef {
    /// The first that can.
    Auto,
    /// This one, `DP…`.
    Id(String),
}

/// `POST /auth/v2/enroll`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrollRequest {
    /// The new user's name; one is made up without.
    pub username: Option<String>,
    /// The activation's life in seconds.
    pub valid_secs: Option<u32>,
    /// How many bypass codes to create (undocumented).
    pub bypass_codes: Option<u8>,
}

/// `POST /auth/v2/enroll_status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnrollStatusRequest {
    /// The user that enroll created.
    pub user_id: String,
    /// The code that enroll gave.
    pub activation_code: Passcode,
}

/// `GET /auth/v2/auth_status`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthStatusRequest {
    /// The login.
    pub txid: String,
}

/// The most names that are asked about at a time.
pub const MAX_ASKED_ABOUT: usize = 100;

/// `POST /auth/v2/disabled` (ours).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DisabledRequest {
    /// Names, as the application knows the users; at most [`MAX_ASKED_ABOUT`].
    pub usernames: Vec<String>,
}

impl UserRef {
    fn from_params(params: &Params) -> Result<Self, ParamError> {
        let username = params.filled("username", MAX_TEXT_BYTES)?;
        let user_id = params.filled("user_id", MAX_TEXT_BYTES)?;
        match (username, user_id) {
            (Some(name), None) => Ok(Self::Username(name)),
            (None, Some(id)) => Ok(Self::UserId(id)),
            (None, None) => Err(missing("username")),
            (Some(_), Some(_)) => Err(invalid("user_id")),
        }
    }
}

impl Failmode {
    /// The word of configuration files.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "safe",
            Self::Closed => "secure",
        }
    }

    pub(crate) fn from_params(params: &Params) -> Result<Option<Self>, ParamError> {
        Ok(match params.str("failmode")?.as_deref() {
            Some("open" | "safe") => Some(Self::Open),
            Some("closed" | "secure") => Some(Self::Closed),
            // Information only: an unknown word is no reason to refuse a login.
            Some(_) | None => None,
        })
    }
}

impl Origin {
    pub(crate) fn from_params(params: &Params) -> Result<Self, ParamError> {
        Ok(Self {
            ipaddr: params.filled("ipaddr", MAX_TEXT_BYTES)?,
            hostname: params.filled("hostname", MAX_TEXT_BYTES)?,
        })
    }
}

impl PreauthRequest {
    /// Reads the parameters.
    pub fn from_params(params: &Params) -> Result<Self, ParamError> {
        Ok(Self {
            user: UserRef::from_params(params)?,
            origin: Origin::from_params(params)?,
            trusted_device_token: params.filled("trusted_device_token", MAX_TEXT_BYTES)?.map(Passcode::new),
            client_supports_verified_push: params
                .bool("client_supports_verified_push")?
                .is_some_and(|supports| supports),
            text_prompt: params.bool("text_prompt")?.is_some_and(|wanted| wanted),
            failmode: Failmode::from_params(params)?,
        })
    }
}

impl AuthRequest {
    /// Reads the parameters.
    pub fn from_params(params: &Params) -> Result<Self, ParamError> {
        Ok(Self {
            user: UserRef::from_params(params)?,
            factor: Factor::from_params(params)?,
            mode: AuthMode::from_params(params)?,
            origin: Origin::from_params(params)?,
            kind: params.filled("type", MAX_TEXT_BYTES)?,
            display_username: params.filled("display_username", MAX_TEXT_BYTES)?,
            pushinfo: pushinfo(params)?,
            txid: params.filled("txid", MAX_TEXT_BYTES)?,
            idempotency_key: params.filled("idempotency_key", MAX_TEXT_BYTES)?,
            login_key: params.filled("login_key", MAX_LOGIN_KEY_BYTES)?,
        })
    }
}

pub(crate) fn pushinfo(params: &Params) -> Result<PushInfo, ParamError> {
    match params.filled("pushinfo", MAX_PUSHINFO_BYTES)? {
        None => Ok(PushInfo::default()),
        Some(text) => PushInfo::parse(&text).map_err(|_| invalid("pushinfo")),
    }
}

impl AuthMode {
    pub(crate) fn from_params(params: &Params) -> Result<Self, ParamError> {
        Ok(match params.bool("async")? {
            Some(true) => Self::Async,
            Some(false) | None => Self::Sync,
        })
    }
}

impl Factor {
    fn from_params(params: &Params) -> Result<Self, ParamError> {
        let device = || match params.filled("device", MAX_TEXT_BYTES)? {
            None => Ok(None),
            Some(text) if text.eq_ignore_ascii_case("auto") => Ok(Some(DeviceRef::Auto)),
            Some(id) => Ok(Some(DeviceRef::Id(id))),
        };
        let needed = || device()?.ok_or_else(|| missing("device"));
        let code = |name| params.required(name, MAX_PASSCODE_BYTES).map(Passcode::new);
        match &*params.required("factor", MAX_TEXT_BYTES)? {
            "auto" => Ok(Self::Auto(device()?.unwrap_or(DeviceRef::Auto))),
            "push" => needed().map(Self::Push),
            "phone" => needed().map(Self::Phone),
            "sms" => needed().map(Self::Sms),
            "passcode" => code("passcode").map(Self::Passcode),
            "prompt" => code("prompt").map(Self::Prompt),
            _ => Err(invalid("factor")),
        }
    }
}

impl EnrollRequest {
    /// Reads the parameters.
    pub fn from_params(params: &Params) -> Result<Self, ParamError> {
        let valid_secs = params.int("valid_secs")?;
        let bypass_codes = params.int("bypass_codes")?;
        Ok(Self {
            username: params.filled("username", MAX_TEXT_BYTES)?,
            valid_secs: valid_secs
                .map(|n| u32::try_from(n).ok().filter(|&n| n > 0).ok_or_else(|| invalid("valid_secs")))
                .transpose()?,
            bypass_codes: bypass_codes.map(|n| u8::try_from(n).map_err(|_| invalid("bypass_codes"))).transpose()?,
        })
    }
}

impl EnrollStatusRequest {
    /// Reads the parameters.
    pub fn from_params(params: &Params) -> Result<Self, ParamError> {
        Ok(Self {
            user_id: params.required("user_id", MAX_TEXT_BYTES)?,
            activation_code: Passcode::new(params.required("activation_code", MAX_TEXT_BYTES)?),
        })
    }
}

impl AuthStatusRequest {
    /// Reads the parameters.
    pub fn from_params(params: &Params) -> Result<Self, ParamError> {
        Ok(Self { txid: params.required("txid", MAX_TEXT_BYTES)? })
    }
}

impl DisabledRequest {
    /// Reads the parameters: `usernames` is a JSON list.
    pub fn from_params(params: &Params) -> Result<Self, ParamError> {
        let usernames = params.json_list("usernames")?.ok_or_else(|| missing("usernames"))?;
        let fits = usernames.len() <= MAX_ASKED_ABOUT && usernames.iter().all(|name| name.len() <= MAX_TEXT_BYTES);
        if fits { Ok(Self { usernames }) } else { Err(invalid("usernames")) }
    }
}

/// Answer to `ping` and `check`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimeResponse {
    /// The server's clock, unix seconds; duo_unix 2.2 sets its own by it.
    pub time: i64,
}

/// Answer to `enroll`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EnrollResponse {
    /// URL of a QR code with the activation code.
    pub activation_barcode: String,
    /// `duo://CODE-BASE64(host)`.
    pub activation_code: String,
    /// The same as a link.
    pub activation_url: String,
    /// When the code ends, unix seconds.
    pub expiration: i64,
    /// `DU…`.
    pub user_id: String,
    /// The user's name.
    pub username: String,
    /// Bypass codes, when asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bypass_codes: Option<Vec<String>>,
}

impl fmt::Debug for EnrollResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnrollResponse").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

/// Answer to `enroll_status`: a bare word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrollStatus {
    /// The user has activated a device.
    Success,
    /// The code is wrong or has ended.
    Invalid,
    /// Not yet.
    Waiting,
}

/// Answer to `preauth`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreauthResponse {
    /// What comes next.
    pub result: PreauthResult,
    /// The same for people.
    pub status_msg: String,
    /// With `auth`: the devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub devices: Option<Vec<Device>>,
    /// With `enroll`: where to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enroll_portal_url: Option<String>,
    /// Verified push: what to give to `auth`.
    #[serde(flatten, default, skip_serializing_if = "Option::is_none")]
    pub verified_push: Option<VerifiedPush>,
    /// With `text_prompt`: the menu.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<TextPrompt>,
}

/// What preauth decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PreauthResult {
    /// A factor is needed.
    Auth,
    /// Let in without.
    Allow,
    /// Keep out.
    Deny,
    /// The user has no device yet.
    Enroll,
}

/// A verified push, prepared by preauth.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifiedPush {
    /// The id for `auth`.
    pub txid: String,
    /// The digits that the client shows and the user types on the device.
    pub verification_code: String,
    /// Seconds until it ends.
    pub expiration: i64,
}

/// The menu as text, for clients that print it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TextPrompt {
    /// The whole menu.
    pub text: String,
    /// What each choice means: `1` is `push1`; `default` is for logins without a person.
    pub factors: BTreeMap<String, String>,
}

/// A device in a preauth answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its id.
    pub device: String,
    /// Phone or token.
    #[serde(rename = "type")]
    pub kind: DeviceKind,
    /// What to show. Tokens have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The user's own name for it, or empty.
    pub name: String,
    /// The masked number, or empty. Tokens have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// What it can do. Tokens have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Vec<Capability>>,
    /// The first digit of the next SMS code, where codes are outstanding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sms_nextcode: Option<String>,
}

/// The kind of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// Something with a number or an app.
    Phone,
    /// A hardware token.
    Token,
}

/// What a device can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Something out of band.
    Auto,
    /// Push.
    Push,
    /// SMS codes.
    Sms,
    /// Phone calls.
    Phone,
    /// Codes made on the device.
    MobileOtp,
}

/// Answer to an asynchronous `auth`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AsyncResponse {
    /// The login's id, for `auth_status`.
    pub txid: String,
}

/// Answer to `cancel` (ours).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CancelResponse {
    /// Whether the login was withdrawn; if not, it was decided already.
    pub cancelled: bool,
}

/// Answer to `disabled` (ours).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisabledResponse {
    /// Those of the names whose users an administrator has disabled, by themselves or with a group, or put into the trash; as they were asked.
    pub disabled: Vec<String>,
}

/// Answer to a synchronous `auth` and to `auth_status`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthResponse {
    /// Allow, deny, or still waiting.
    pub result: AuthResult,
    /// What just happened.
    pub status: AuthStatus,
    /// The same for people.
    pub status_msg: String,
    /// For a remembered device's next preauth.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trusted_device_token: Option<String>,
}

impl fmt::Debug for AuthResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthResponse")
            .field("result", &self.result)
            .field("status", &self.status)
            .field("status_msg", &self.status_msg)
            .finish_non_exhaustive()
    }
}

/// The outcome of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthResult {
    /// Not decided.
    Waiting,
    /// Let in.
    Allow,
    /// Keep out.
    Deny,
}

/// The step of a login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "Duo's words, listed in its documentation")]
pub enum AuthStatus {
    Calling,
    Answered,
    Pushed,
    PushFailed,
    Timeout,
    Fraud,
    Deny,
    LockedOut,
    Sent,
    Allow,
    Bypass,
}

impl AuthStatus {
    /// The result that goes with the status.
    pub const fn result(self) -> AuthResult {
        match self {
            Self::Calling | Self::Answered | Self::Pushed | Self::PushFailed => AuthResult::Waiting,
            Self::Timeout | Self::Fraud | Self::Deny | Self::LockedOut | Self::Sent => AuthResult::Deny,
            Self::Allow | Self::Bypass => AuthResult::Allow,
        }
    }
}

#[cfg(test)]
mod tests;
