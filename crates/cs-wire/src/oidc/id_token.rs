//! The `id_token`: what an application learns of a login.
//!
//! The types are those that the Go SDK's structs have, the strictest: texts are texts or null, flags are `true`, `false` or `"unknown"`, times are integers.

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::ID_TOKEN_LIFE;
use super::jwt::sign;

/// What is put into an `id_token`.
#[derive(Debug, Clone)]
pub struct IdToken<'a> {
    /// This server's host with its port, as the client writes it.
    pub authority: &'a str,
    /// The client.
    pub client_id: &'a str,
    /// The user name as the application sent it.
    pub username: &'a str,
    /// What the client sent along, if anything.
    pub nonce: Option<&'a str>,
    /// When the person was let in.
    pub auth_time: Timestamp,
    /// Now.
    pub issued_at: Timestamp,
    /// How it went.
    pub context: AuthContext<'a>,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: String,
    aud: &'a str,
    exp: i64,
    iat: i64,
    sub: &'a str,
    preferred_username: &'a str,
    auth_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    auth_result: AuthResult,
    auth_context: &'a AuthContext<'a>,
}

/// `auth_result`: there is no `id_token` for a login that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct AuthResult {
    result: &'static str,
    status: &'static str,
    status_msg: &'static str,
}

impl AuthResult {
    /// In.
    pub const ALLOW: Self = Self { result: "allow", status: "allow", status_msg: "Login Successful" };
}

/// `auth_context`
#[derive(Debug, Clone, Serialize)]
pub struct AuthContext<'a> {
    /// The login, as the log has it.
    pub txid: &'a str,
    /// Seconds since 1970; fits 32 bits until 2038, which the Java SDK asks for.
    pub timestamp: i64,
    /// The same for people.
    pub isotimestamp: String,
    /// Always `authentication`.
    pub event_type: &'static str,
    /// The log's word for the factor.
    pub factor: &'a str,
    /// Always `success`.
    pub result: &'static str,
    /// The log's word for why.
    pub reason: &'a str,
    /// The name that was sent, where it is an alias.
    pub alias: &'a str,
    /// The user's.
    pub email: &'a str,
    /// What of the device's software is out of date.
    pub ood_software: Option<&'a str>,
    /// Whether the device is a managed one.
    pub trusted_endpoint_status: TrustedEndpoint,
    /// Who.
    pub user: User<'a>,
    /// Where to.
    pub application: Application<'a>,
    /// What answered.
    pub auth_device: AuthDevice<'a>,
    /// What was logged in from.
    pub access_device: AccessDevice<'a>,
}

/// Whether the access device is a managed one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TrustedEndpoint {
    /// It is.
    #[serde(rename = "trusted")]
    Trusted,
    /// It is not.
    #[serde(rename = "not trusted")]
    NotTrusted,
    /// Nobody knows.
    #[serde(rename = "unknown")]
    Unknown,
}

/// Who.
#[derive(Debug, Clone, Serialize)]
pub struct User<'a> {
    /// The user name here.
    pub name: &'a str,
    /// `DU…`
    pub key: Option<&'a str>,
    /// Names of groups.
    pub groups: Vec<&'a str>,
}

/// The integration.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Application<'a> {
    /// Its name.
    pub name: &'a str,
    /// `DI…`
    pub key: &'a str,
}

/// What answered.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct AuthDevice<'a> {
    /// Its name.
    pub name: Option<&'a str>,
    /// Where it answered from.
    pub ip: Option<&'a str>,
    /// Where that is.
    pub location: Location<'a>,
}

/// A place, as far as it is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Location<'a> {
    /// The city.
    pub city: Option<&'a str>,
    /// The state or province.
    pub state: Option<&'a str>,
    /// The country.
    pub country: Option<&'a str>,
}

/// What was logged in from.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct AccessDevice<'a> {
    /// Its address.
    pub ip: Option<&'a str>,
    /// Where that is.
    pub location: Location<'a>,
    /// Its name.
    pub hostname: Option<&'a str>,
    /// The endpoint's key.
    pub epkey: Option<&'a str>,
    /// The browser.
    pub browser: Option<&'a str>,
    /// Its version.
    pub browser_version: Option<&'a str>,
    /// Of another age.
    pub flash_version: Option<&'a str>,
    /// Of another age.
    pub java_version: Option<&'a str>,
    /// The operating system.
    pub os: Option<&'a str>,
    /// Its version.
    pub os_version: Option<&'a str>,
    /// Whether the disk is encrypted.
    pub is_encryption_enabled: Flag,
    /// Whether the firewall is on.
    pub is_firewall_enabled: Flag,
    /// Whether there is a password.
    pub is_password_set: Flag,
}

/// `true`, `false` or `"unknown"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Flag(pub Option<bool>);

impl Serialize for Flag {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Some(flag) => serializer.serialize_bool(flag),
            None => serializer.serialize_str("unknown"),
        }
    }
}

impl IdToken<'_> {
    /// Signs it with the client's secret. `None` only if it cannot be written as JSON.
    pub fn sign(&self, secret: &[u8]) -> Option<String> {
        let claims = Claims {
            iss: format!("https://{}/oauth/v1/token", self.authority),
            aud: self.client_id,
            exp: (self.issued_at + ID_TOKEN_LIFE).as_second(),
            iat: self.issued_at.as_second(),
            sub: self.username,
            preferred_username: self.username,
            auth_time: self.auth_time.as_second(),
            nonce: self.nonce,
            auth_result: AuthResult::ALLOW,
            auth_context: &self.context,
        };
        Some(sign(&serde_json::to_vec(&claims).ok()?, secret))
    }
}
