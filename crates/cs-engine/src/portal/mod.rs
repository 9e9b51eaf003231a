//! The self-service portal: where people look after their own devices.
//!
//! | file | what |
//! | --- | --- |
//! | `session` | how somebody gets in, and what the cookie is worth |
//! | `devices` | what is done with devices, browsers and codes |
//! | `logins` | recent logins, and "this was not me" |
//!
//! The way in is a login like any other, at a built-in application of each account: policies, lockout and log apply as everywhere, and an administrator can give it a
//! policy or disable it. Only a factor that was done for it counts: no remembered browser, no network that spares the factor, no bypass. What changes anything needs a
//! factor of the last five minutes.

mod devices;
mod logins;
mod session;

pub use devices::{Act, DeviceId, Done, NewCodes, OwnDevice, OwnKind, OwnTest, Remaining};
pub use logins::OwnLogin;
pub use session::{Entered, PORTAL_TTL, PortalSession};

/// The activity log's words for what users do in the portal.
pub mod words {
    /// Somebody has come in.
    pub const ENTERED: &str = "portal_entered";
    /// A device bears another name.
    pub const RENAMED: &str = "device_renamed";
    /// A device was removed.
    pub const REMOVED: &str = "device_removed";
    /// A device was lost.
    pub const LOST: &str = "device_lost";
    /// A device is asked first.
    pub const DEFAULT: &str = "device_made_default";
    /// A device was sent a test request.
    pub const TESTED: &str = "device_tested";
    /// A browser was forgotten.
    pub const FORGOTTEN: &str = "remembered_browser_forgotten";
    /// All browsers were forgotten.
    pub const ALL_FORGOTTEN: &str = "remembered_browsers_forgotten";
    /// A login was reported as somebody else's.
    pub const REPORTED: &str = "login_reported_as_fraud";
}
