//! Numbers of extended operations and mechanisms.

/// TLS from here on (RFC 4511 §4.14).
pub const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// The server hangs up, and says why (RFC 4511 §4.4.1).
pub const NOTICE_OF_DISCONNECTION: &str = "1.3.6.1.4.1.1466.20036";
/// Who is bound (RFC 4532).
pub const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";
/// A new password (RFC 3062).
pub const PASSWORD_MODIFY: &str = "1.3.6.1.4.1.4203.1.11.1";
/// OpenLDAP's check of a password without a bind.
pub const VERIFY_CREDENTIALS: &str = "1.3.6.1.4.1.4203.666.6.5";
/// Both ends change roles (RFC 4531).
pub const TURN: &str = "1.3.6.1.1.19";
/// SPNEGO as a SASL mechanism: Kerberos or NTLM inside.
pub const GSS_SPNEGO: &str = "GSS-SPNEGO";
