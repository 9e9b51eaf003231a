//! How an operation ended.

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal $word:literal),+ $(,)?) => {
        /// How an operation ended (RFC 4511 §4.1.9).
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum ResultCode {
            $($(#[$doc])* $name,)+
            /// Any other number.
            Other(i32),
        }

        impl ResultCode {
            /// The code for a number.
            pub fn from_number(number: i32) -> Self {
                match number {
                    $($number => Self::$name,)+
                    other => Self::Other(other),
                }
            }

            /// The number on the wire.
            pub fn number(self) -> i32 {
                match self {
                    $(Self::$name => $number,)+
                    Self::Other(other) => other,
                }
            }

            /// The standard's word, for logs.
            pub fn word(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)+
                    Self::Other(_) => "other",
                }
            }
        }
    };
}

codes! {
    /// Done.
    Success = 0 "success",
    /// Not in this order, as StartTLS while something is under way.
    OperationsError = 1 "operationsError",
    /// Not in this protocol.
    ProtocolError = 2 "protocolError",
    /// The time that was asked for was too short.
    TimeLimitExceeded = 3 "timeLimitExceeded",
    /// There is more than was asked for.
    SizeLimitExceeded = 4 "sizeLimitExceeded",
    /// Compared, and different.
    CompareFalse = 5 "compareFalse",
    /// Compared, and equal.
    CompareTrue = 6 "compareTrue",
    /// This way to prove who one is is not taken.
    AuthMethodNotSupported = 7 "authMethodNotSupported",
    /// TLS, or a stronger proof, is needed.
    StrongerAuthRequired = 8 "strongerAuthRequired",
    /// Another server is to be asked.
    Referral = 10 "referral",
    /// An administrator's limit was met.
    AdminLimitExceeded = 11 "adminLimitExceeded",
    /// A critical control or extension is not known.
    UnavailableCriticalExtension = 12 "unavailableCriticalExtension",
    /// TLS is needed.
    ConfidentialityRequired = 13 "confidentialityRequired",
    /// The mechanism needs another step.
    SaslBindInProgress = 14 "saslBindInProgress",
    /// The entry has no such attribute.
    NoSuchAttribute = 16 "noSuchAttribute",
    /// A value does not meet a constraint, as a password's quality.
    ConstraintViolation = 19 "constraintViolation",
    /// There is no such entry.
    NoSuchObject = 32 "noSuchObject",
    /// A name cannot be read.
    InvalidDnSyntax = 34 "invalidDNSyntax",
    /// Anonymous, or this kind of bind, is not allowed here.
    InappropriateAuthentication = 48 "inappropriateAuthentication",
    /// Name or password is wrong.
    InvalidCredentials = 49 "invalidCredentials",
    /// Not allowed.
    InsufficientAccessRights = 50 "insufficientAccessRights",
    /// Too much to do.
    Busy = 51 "busy",
    /// Away, or about to be.
    Unavailable = 52 "unavailable",
    /// It could and does not want to.
    UnwillingToPerform = 53 "unwillingToPerform",
    /// Anything else.
    OtherError = 80 "other",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_comes_back() {
        for number in -2..200 {
            assert_eq!(ResultCode::from_number(number).number(), number);
        }
        assert_eq!(ResultCode::from_number(49).word(), "invalidCredentials");
    }
}
