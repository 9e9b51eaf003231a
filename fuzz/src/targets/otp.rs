//! Passcodes as people type them, and the files and URIs that tokens are imported from.

use cs_core::otp::fuzz;

use super::Target;

pub(super) static TYPED_PASSCODE: Target = Target {
    name: "otp_typed_passcode",
    entry: fuzz::typed_passcode,
    seeds: &[
        b"123456",
        b"123 456",
        b"1234-5678",
        b"cccccccccccbiucvrkjiegbhidrcicvlgrcgkgurhjnj",
        b"CCCCCCCCCCCBIUCVRKJIEGBHIDRCICVLGRCGKGURHJNJ",
        b"push1",
    ],
    tokens: &[
        b"-",
        b" ",
        "\u{2013}".as_bytes(),
        "\u{a0}".as_bytes(),
        "\u{661}".as_bytes(),
        "\u{ff11}".as_bytes(),
        b"cbdefghijklnrtuv",
        b"phone",
        b"000000",
    ],
};

pub(super) static CSV_IMPORT: Target = Target {
    name: "otp_csv_import",
    entry: fuzz::csv_import,
    seeds: &[
        b"\xef\xbb\xbf1,3132333435363738393031323334353637383930\r\n\r\n\"2\", \"3132333435363738393031323334353637383930\" ,40\n3,3132333435363738393031323334353637383930,\n",
        b"7,gezdgnbvgy3tqojq,60\n8,GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ,30\n",
        b"1,8792ebfe26cc,ecde18dbe76fbd0c33330f1c354871db\n2,ecde18dbe76fbd0c33330f1c354871db,8792ebfe26cc\n",
    ],
    tokens: &[b",", b",,", b"\"", b"\"\"", b"\r\n", b"\n", b"=", b"====", b"\xef\xbb\xbf", b",1\n", b"0x", b"8", b"1"],
};

pub(super) static OTPAUTH_IMPORT: Target = Target {
    name: "otp_otpauth_import",
    entry: fuzz::otpauth_import,
    seeds: &[
        b"otpauth://totp/ACME%20Co:john@example.com?secret=HXDMVJECJJWSRB3HWIZR4IFUGFTMXBOZ&issuer=ACME%20Co&algorithm=SHA256&digits=8&period=60&image=x",
        b"otpauth://HOTP/x?secret=gezdgnbvgy3tqojq&counter=5",
        b"otpauth://totp/x?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ",
    ],
    tokens: &[
        b"otpauth://",
        b"totp",
        b"hotp",
        b"?",
        b"&",
        b"secret=",
        b"&secret=",
        b"&counter=",
        b"&digits=",
        b"&period=",
        b"&algorithm=SHA1",
        b"&algorithm=SHA512",
        b"&issuer=",
        b":",
        b"%3A",
        b"%20",
        b"#",
    ],
};

#[cfg(test)]
mod tests {
    use cs_core::otp::{OtpKind, SecretEncoding, TypedPasscode, parse_csv, parse_otpauth};

    use super::*;

    #[test]
    fn all_seeds_are_valid_so_that_mutations_reach_what_lies_behind() {
        for seed in TYPED_PASSCODE.seeds {
            let text = str::from_utf8(seed).unwrap();
            assert!(TypedPasscode::parse(text).is_ok(), "{text}");
        }
        for seed in CSV_IMPORT.seeds {
            let text = str::from_utf8(seed).unwrap();
            let is_read = OtpKind::ALL.into_iter().any(|kind| {
                [SecretEncoding::Hex, SecretEncoding::Base32].into_iter().any(|as_| parse_csv(kind, as_, text).is_ok())
            });
            assert!(is_read, "{text}");
        }
        for seed in OTPAUTH_IMPORT.seeds {
            let text = str::from_utf8(seed).unwrap();
            assert!(parse_otpauth(text).is_ok(), "{text}");
        }
    }
}
