//! `tampered_devices`, `screen_lock`, `full_disk_encryption`, `mobile_device_biometrics`: the state of the phone that answers.
//!
//! Each gates pushes to, and passcodes of, the phone in question; other methods stay. Each says whether to demand, and (ours, `block_unknown`) what
//! a phone means whose state is unknown. A web application cannot look at screen locks or rooting, so the two that are demanded out of the box let the
//! unknown pass by default; the two that an administrator has to switch on refuse it, because whoever switches them on wants proof.

use crate::policy::fault::SectionError;

/// What becomes of a phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhoneVerdict {
    /// It may answer.
    Fine,
    /// It is known to be wrong.
    Wrong,
    /// It is not known to be right.
    Unknown,
}

macro_rules! phone_sections {
    ($($(#[$doc:meta])* $name:ident { $(#[$key:meta])* $demand:ident = $default:literal, unknown $unknown:literal })+) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub struct $name {
            $(#[$key])*
            pub $demand: bool,
            /// Ours: refuse phones of which it is not known.
            pub block_unknown: bool,
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $demand: $default, block_unknown: $unknown }
            }
        }

        impl $name {
            /// What becomes of a phone of which it is `good` (known to be fine), known to be wrong, or unknown (`None`).
            pub const fn judge(&self, good: Option<bool>) -> PhoneVerdict {
                match (self.$demand, good) {
                    (false, _) | (true, Some(true)) => PhoneVerdict::Fine,
                    (true, Some(false)) => PhoneVerdict::Wrong,
                    (true, None) if self.block_unknown => PhoneVerdict::Unknown,
                    (true, None) => PhoneVerdict::Fine,
                }
            }

            /// Nothing here can contradict itself.
            pub const fn validate(&self) -> Result<(), SectionError> {
                Ok(())
            }
        }
    )+};
}

phone_sections! {
    /// `tampered_devices`: rooted and jailbroken phones.
    TamperedDevices {
        /// Global default: true.
        block_tampered_devices = true, unknown false
    }
    /// `screen_lock`.
    ScreenLock {
        /// Global default: true.
        require_screen_lock = true, unknown false
    }
    /// `full_disk_encryption`, of phones.
    FullDiskEncryption {
        /// Global default: false. On Android only what asks for a PIN at start-up counts as encrypted.
        require_encryption = false, unknown true
    }
    /// `mobile_device_biometrics`.
    MobileDeviceBiometrics {
        /// Global default: false.
        require_biometrics = false, unknown true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unknown_passes_only_where_nobody_asked_for_proof() {
        use PhoneVerdict::{Fine, Unknown, Wrong};
        let lock = ScreenLock::default();
        assert_eq!([Some(true), Some(false), None].map(|good| lock.judge(good)), [Fine, Wrong, Fine]);
        let strict = ScreenLock { block_unknown: true, ..lock };
        assert_eq!([Some(true), Some(false), None].map(|good| strict.judge(good)), [Fine, Wrong, Unknown]);
        let off = FullDiskEncryption::default();
        assert_eq!([Some(true), Some(false), None].map(|good| off.judge(good)), [Fine, Fine, Fine]);
        let on = FullDiskEncryption { require_encryption: true, ..off };
        assert_eq!([Some(true), Some(false), None].map(|good| on.judge(good)), [Fine, Wrong, Unknown]);
    }
}
