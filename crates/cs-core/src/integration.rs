//! Integrations: the applications that ask us.

use jiff::Timestamp;

use crate::account::NewUserPolicy;
use crate::id::{AccountId, GroupId, IntegrationKey};
use crate::secret::SecretKey;
use crate::username::UsernameNormalization;
use crate::web_origin::WebOrigins;

/// Duo's type name of an integration (`authapi`, `unix`, `adminapi`, …).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IntegrationType(String);

/// Types whose clients speak REST v1, and may sign without a date (`duo-signing.md` section 1).
const LEGACY_TYPES: [&str; 8] = ["unix", "rest", "rdp", "macos", "openvpn", "openvpnas", "radius", "ldapproxy"];

/// The types that Duo's Admin API documents, as far as they mean something here. Further ones are named by their vendors' guides
/// (`ag…` for the old access gateway, `sso-…` for single sign-on).
pub const DOCUMENTED_TYPES: [&str; 54] = [
    "1password",
    "accountsapi",
    "adfs",
    "adminapi",
    "authapi",
    "azure-ca",
    "bitwarden",
    "cisco",
    "ciscofirepower",
    "ciscoiseradius",
    "ciscoradius",
    "citrixcag",
    "citrixns",
    "confluence",
    "dag",
    "device-management-portal",
    "dng",
    "drupal",
    "epic",
    "f5bigip",
    "f5firepass",
    "fortinet",
    "jira",
    "juniper",
    "juniperuac",
    "keeper",
    "labtech",
    "lastpass",
    "ldapproxy",
    "macos",
    "okta",
    "onelogin",
    "openvpn",
    "openvpnas",
    "owa",
    "paloalto",
    "partner_authapi",
    "partner_websdk",
    "portal",
    "radius",
    "rdgateway",
    "rdp",
    "rdweb",
    "rest",
    "rras",
    "shibboleth",
    "sonicwallsra",
    "splunk",
    "unix",
    "verify",
    "vmwareview",
    "websdk",
    "wordpress",
    "workday",
];

impl IntegrationType {
    /// Reads the type of an integration to be made: a documented one, or one of the families `ag…` and `sso-…`. A slip of the pen must not
    /// become a type of its own, whose clients then cannot log in.
    pub fn documented(text: &str) -> Option<Self> {
        let is_of_family = |family: &str| text.strip_prefix(family).is_some_and(|rest| !rest.is_empty());
        let is_known = DOCUMENTED_TYPES.contains(&text) || is_of_family("ag") || is_of_family("sso-");
        Self::parse(text).filter(|_| is_known)
    }

    /// Reads a type name: 1 to 40 characters of `a-z 0-9 - _`.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'_';
        ((1..=40).contains(&text.len()) && text.bytes().all(plain)).then(|| Self(text.to_owned()))
    }

    /// The type with a name written in this program, which has the form [`Self::parse`] asks for.
    pub fn from_known(name: &'static str) -> Self {
        debug_assert!(Self::parse(name).is_some(), "{name}");
        Self(name.to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The type of the built-in portal.
    pub const PORTAL: &str = "device-management-portal";

    /// Where people look after their own devices: a factor must be done there, whatever is remembered.
    pub fn is_portal(&self) -> bool {
        self.0 == Self::PORTAL
    }

    /// May call the Admin API, and nothing else.
    pub fn is_admin_api(&self) -> bool {
        self.0 == "adminapi"
    }

    /// May call the Accounts API, and nothing else.
    pub fn is_accounts_api(&self) -> bool {
        self.0 == "accountsapi"
    }

    /// The type of the keys that a proxy beside a directory comes with. Made with its directory, never by itself.
    pub const DIRECTORY: &str = "directory-sync";

    /// May open the channel by which a directory is read, and nothing else.
    pub fn is_directory(&self) -> bool {
        self.0 == Self::DIRECTORY
    }

    /// May log users in.
    pub fn is_for_logins(&self) -> bool {
        !self.is_admin_api() && !self.is_accounts_api() && !self.is_directory()
    }

    /// May send browsers to the prompt. Clients that ask without a browser may not: theirs is another secret.
    pub fn shows_prompt(&self) -> bool {
        let asks_by_itself = ["authapi", "partner_authapi", "verify"].contains(&self.0.as_str());
        self.is_for_logins() && !self.speaks_rest_v1() && !asks_by_itself
    }

    /// May have its login in a frame of its own pages (Web SDK v2). People go to the portal's pages themselves.
    pub fn shows_frame(&self) -> bool {
        self.shows_prompt() && !self.is_portal()
    }

    /// May call `/rest/v1`.
    pub fn speaks_rest_v1(&self) -> bool {
        LEGACY_TYPES.contains(&self.0.as_str())
    }

    /// Whether a login client of this type can show a menu before the factor is chosen, and so a number to type.
    pub fn shows_menu(&self) -> bool {
        self.0 == "unix"
    }
}

/// What an Admin API integration may do (Duo's `adminapi_*` flags).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Permissions(u16);

/// One permission of an Admin API integration.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// `adminapi_info`
    Info,
    /// `adminapi_admins`
    Admins,
    /// `adminapi_admins_read`
    AdminsRead,
    /// `adminapi_integrations`
    Integrations,
    /// `adminapi_read_log`
    ReadLog,
    /// `adminapi_read_resource`
    ReadResource,
    /// `adminapi_write_resource`
    WriteResource,
    /// `adminapi_settings`
    Settings,
    /// `adminapi_allow_to_set_permissions`
    SetPermissions,
}

impl Permission {
    /// All of them, in the order Duo lists them.
    pub const ALL: [Self; 9] = [
        Self::Info,
        Self::Admins,
        Self::AdminsRead,
        Self::Integrations,
        Self::ReadLog,
        Self::ReadResource,
        Self::WriteResource,
        Self::Settings,
        Self::SetPermissions,
    ];

    /// The flag's name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "adminapi_info",
            Self::Admins => "adminapi_admins",
            Self::AdminsRead => "adminapi_admins_read",
            Self::Integrations => "adminapi_integrations",
            Self::ReadLog => "adminapi_read_log",
            Self::ReadResource => "adminapi_read_resource",
            Self::WriteResource => "adminapi_write_resource",
            Self::Settings => "adminapi_settings",
            Self::SetPermissions => "adminapi_allow_to_set_permissions",
        }
    }

    const fn bit(self) -> u16 {
        1 << self as u16
    }
}

impl Permissions {
    /// None at all.
    pub const NONE: Self = Self(0);

    /// Every permission.
    pub fn all() -> Self {
        Permission::ALL.into_iter().fold(Self::NONE, Self::with)
    }

    /// These and `permission`.
    #[must_use]
    pub const fn with(self, permission: Permission) -> Self {
        Self(self.0 | permission.bit())
    }

    /// These without `permission`.
    #[must_use]
    pub const fn without(self, permission: Permission) -> Self {
        Self(self.0 & !permission.bit())
    }

    /// Whether `permission` is among them.
    pub const fn allow(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// As a number for the database.
    pub fn to_bits(self) -> i64 {
        i64::from(self.0)
    }

    /// From the database. Unknown bits make it `None`: the unforeseen is not a permission.
    pub fn from_bits(bits: i64) -> Option<Self> {
        let bits = u16::try_from(bits).ok()?;
        (bits & !Self::all().0 == 0).then_some(Self(bits))
    }
}

/// Who may use an integration at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum UserAccess {
    /// Every user of the account.
    #[default]
    All,
    /// Nobody.
    Nobody,
    /// Members of these groups.
    Groups(Vec<GroupId>),
}

/// An integration, its secrets opened.
#[derive(Debug)]
pub struct Integration {
    /// The account it belongs to.
    pub account: AccountId,
    /// The public half of its credentials.
    pub key: IntegrationKey,
    /// The secret half.
    pub secret: SecretKey,
    /// The secret before the last rotation, while it is still honoured.
    pub previous_secret: Option<(SecretKey, Timestamp)>,
    /// What people call it.
    pub name: String,
    /// Which kind of client it is for.
    pub kind: IntegrationType,
    /// Overrides the account's new-user policy.
    pub new_user: Option<NewUserPolicy>,
    /// How usernames are normalised before they are looked up.
    pub normalization: UsernameNormalization,
    /// Who may use it.
    pub user_access: UserAccess,
    /// How many days a device is remembered; `None` = not at all.
    pub remembered_days: Option<u16>,
    /// Whether date-less v1 signatures are honoured. Only ever true for legacy types.
    pub legacy_signatures: bool,
    /// For Admin API integrations.
    pub permissions: Permissions,
    /// Networks an Admin API integration may be called from, as given; empty = any.
    pub networks_for_api_access: String,
    /// Whose pages may hold the login of Web SDK v2 in a frame; none = nobody's.
    pub frame_origins: WebOrigins,
    /// Whether people who log in there are led to the self-service portal, and let into it from there.
    pub self_service: bool,
    /// Shown by clients that can (`greeting`).
    pub greeting: String,
    /// Whether it answers at all.
    pub enabled: bool,
    /// Changes with every administrative change.
    pub version: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_type_is_documented_or_of_a_family() {
        for kind in DOCUMENTED_TYPES.into_iter().chain(["agsalesforce", "sso-generic"]) {
            assert!(IntegrationType::documented(kind).is_some(), "{kind}");
        }
        for kind in ["authpai", "Unix", "unix ", "ag", "sso-", "salesforce", "", "sso-\u{e4}"] {
            assert!(IntegrationType::documented(kind).is_none(), "{kind}");
        }
        assert!(DOCUMENTED_TYPES.is_sorted());
        let shows_prompt = |kind| IntegrationType::parse(kind).is_some_and(|kind| kind.shows_prompt());
        assert!(["websdk", "partner_websdk", "wordpress"].into_iter().all(shows_prompt));
        assert!(
            !["authapi", "unix", "radius", "adminapi", "accountsapi", "directory-sync"].into_iter().any(shows_prompt)
        );
        assert!(IntegrationType::documented(IntegrationType::DIRECTORY).is_none());
    }
}
