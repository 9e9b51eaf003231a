//! What a packet is: its first octet.

/// The kind of a packet (RFC 2865 §4, RFC 2866 §4, RFC 5176 §2, RFC 5997 §2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Code {
    /// 1
    AccessRequest,
    /// 2
    AccessAccept,
    /// 3
    AccessReject,
    /// 4
    AccountingRequest,
    /// 5
    AccountingResponse,
    /// 11
    AccessChallenge,
    /// 12
    StatusServer,
    /// 40
    DisconnectRequest,
    /// 41
    DisconnectAck,
    /// 42
    DisconnectNak,
    /// 43
    CoaRequest,
    /// 44
    CoaAck,
    /// 45
    CoaNak,
    /// Any other number, which is none of ours.
    Other(u8),
}

impl Code {
    /// The code for an octet.
    pub fn from_octet(octet: u8) -> Self {
        match octet {
            1 => Self::AccessRequest,
            2 => Self::AccessAccept,
            3 => Self::AccessReject,
            4 => Self::AccountingRequest,
            5 => Self::AccountingResponse,
            11 => Self::AccessChallenge,
            12 => Self::StatusServer,
            40 => Self::DisconnectRequest,
            41 => Self::DisconnectAck,
            42 => Self::DisconnectNak,
            43 => Self::CoaRequest,
            44 => Self::CoaAck,
            45 => Self::CoaNak,
            other => Self::Other(other),
        }
    }

    /// The octet of the packet.
    pub fn octet(self) -> u8 {
        match self {
            Self::AccessRequest => 1,
            Self::AccessAccept => 2,
            Self::AccessReject => 3,
            Self::AccountingRequest => 4,
            Self::AccountingResponse => 5,
            Self::AccessChallenge => 11,
            Self::StatusServer => 12,
            Self::DisconnectRequest => 40,
            Self::DisconnectAck => 41,
            Self::DisconnectNak => 42,
            Self::CoaRequest => 43,
            Self::CoaAck => 44,
            Self::CoaNak => 45,
            Self::Other(other) => other,
        }
    }

    /// Whether the authenticator of such a request is a digest under the secret, and not a random number (RFC 2866 §3, RFC 5176 §2.3).
    pub fn is_digested_request(self) -> bool {
        matches!(self, Self::AccountingRequest | Self::DisconnectRequest | Self::CoaRequest)
    }

    /// Whether we put a Message-Authenticator into such a packet, as its first attribute: everything about authentication, against CVE-2024-3596. In accounting
    /// and dynamic authorization the whole packet is digested under the secret anyway, and old devices refuse what they do not know.
    pub fn is_authentication(self) -> bool {
        matches!(
            self,
            Self::AccessRequest | Self::AccessAccept | Self::AccessReject | Self::AccessChallenge | Self::StatusServer
        )
    }

    /// The name in the RFCs, for logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::AccessRequest => "Access-Request",
            Self::AccessAccept => "Access-Accept",
            Self::AccessReject => "Access-Reject",
            Self::AccountingRequest => "Accounting-Request",
            Self::AccountingResponse => "Accounting-Response",
            Self::AccessChallenge => "Access-Challenge",
            Self::StatusServer => "Status-Server",
            Self::DisconnectRequest => "Disconnect-Request",
            Self::DisconnectAck => "Disconnect-ACK",
            Self::DisconnectNak => "Disconnect-NAK",
            Self::CoaRequest => "CoA-Request",
            Self::CoaAck => "CoA-ACK",
            Self::CoaNak => "CoA-NAK",
            Self::Other(_) => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Code;

    #[test]
    fn octets_and_codes_agree() {
        for octet in 0..=u8::MAX {
            assert_eq!(Code::from_octet(octet).octet(), octet);
        }
        assert_eq!(Code::from_octet(13), Code::Other(13));
    }
}
