//! Attributes: one octet of kind, one of length, at most 253 of value (RFC 2865 §5).

/// The longest value of an attribute.
pub(crate) const MAX_VALUE: usize = 253;

/// Kinds that mean something here. All others are numbers, and travel as they came.
pub mod kind {
    /// RFC 2865 §5.1
    pub const USER_NAME: u8 = 1;
    /// RFC 2865 §5.2; read and made by [`password`](crate::password)
    pub const USER_PASSWORD: u8 = 2;
    /// RFC 2865 §5.3; checked by [`chap`](crate::chap)
    pub const CHAP_PASSWORD: u8 = 3;
    /// RFC 2865 §5.4
    pub const NAS_IP_ADDRESS: u8 = 4;
    /// RFC 2865 §5.5
    pub const NAS_PORT: u8 = 5;
    /// RFC 2865 §5.6
    pub const SERVICE_TYPE: u8 = 6;
    /// RFC 2865 §5.8
    pub const FRAMED_IP_ADDRESS: u8 = 8;
    /// RFC 2865 §5.11
    pub const FILTER_ID: u8 = 11;
    /// RFC 2865 §5.18: text for the person
    pub const REPLY_MESSAGE: u8 = 18;
    /// RFC 2865 §5.24: opaque, returned unchanged
    pub const STATE: u8 = 24;
    /// RFC 2865 §5.25
    pub const CLASS: u8 = 25;
    /// RFC 2865 §5.26; read by [`vendor`](crate::vendor)
    pub const VENDOR_SPECIFIC: u8 = 26;
    /// RFC 2865 §5.27, seconds
    pub const SESSION_TIMEOUT: u8 = 27;
    /// RFC 2865 §5.30
    pub const CALLED_STATION_ID: u8 = 30;
    /// RFC 2865 §5.31: where the person comes from, as the device sees it
    pub const CALLING_STATION_ID: u8 = 31;
    /// RFC 2865 §5.32
    pub const NAS_IDENTIFIER: u8 = 32;
    /// RFC 2865 §5.33: opaque, returned in order
    pub const PROXY_STATE: u8 = 33;
    /// RFC 2866 §5.1
    pub const ACCT_STATUS_TYPE: u8 = 40;
    /// RFC 2866 §5.2, seconds
    pub const ACCT_DELAY_TIME: u8 = 41;
    /// RFC 2866 §5.5
    pub const ACCT_SESSION_ID: u8 = 44;
    /// RFC 2869 §5.3, seconds since 1970
    pub const EVENT_TIMESTAMP: u8 = 55;
    /// RFC 2865 §5.40
    pub const CHAP_CHALLENGE: u8 = 60;
    /// RFC 2865 §5.41
    pub const NAS_PORT_TYPE: u8 = 61;
    /// RFC 2868 §3.5; salted, see [`salted`](crate::salted)
    pub const TUNNEL_PASSWORD: u8 = 69;
    /// RFC 2869 §5.10: whether what is typed is shown
    pub const PROMPT: u8 = 76;
    /// RFC 3579 §3.1: a part of an EAP packet
    pub const EAP_MESSAGE: u8 = 79;
    /// RFC 3579 §3.2
    pub const MESSAGE_AUTHENTICATOR: u8 = 80;
    /// RFC 3162 §2.1
    pub const NAS_IPV6_ADDRESS: u8 = 95;
    /// RFC 5176 §3.5
    pub const ERROR_CAUSE: u8 = 101;
}

/// One attribute of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attribute<'a> {
    /// See [`kind`].
    pub kind: u8,
    /// 0 to 253 octets. The RFC forbids empty values; they are sent nevertheless, and do no harm.
    pub value: &'a [u8],
}

/// The attributes of a packet in their order. Lengths were checked when the packet was parsed.
#[derive(Debug, Clone)]
pub struct Attributes<'a> {
    rest: &'a [u8],
}

impl<'a> Attributes<'a> {
    pub(crate) fn checked(rest: &'a [u8]) -> Self {
        Self { rest }
    }
}

impl<'a> Iterator for Attributes<'a> {
    type Item = Attribute<'a>;

    fn next(&mut self) -> Option<Attribute<'a>> {
        let (&[kind, len], _) = self.rest.split_first_chunk::<2>()?;
        let (whole, rest) = self.rest.split_at_checked(usize::from(len))?;
        self.rest = rest;
        Some(Attribute { kind, value: whole.get(2..)? })
    }
}
