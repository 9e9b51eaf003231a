//! Properties that hold for all input.

use cs_wire::params::Params;
use cs_wire::signing::{Outgoing, Scheme, SigVersion, encode_params, sign};
use proptest::prelude::*;

use crate::request::{DATE, FORM, HOST, IKEY, JSON, SKEY, Sent};

/// Text with what breaks encoders in it, and letters beyond ASCII.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![r"[a-z'*~+&=/%\n ü]{0,12}", ".{0,12}"]
}

proptest! {
    #[test]
    fn what_is_signed_verifies_and_is_read_back(
        pairs in proptest::collection::vec((text(), text()), 0..6),
        scheme in proptest::sample::select(Scheme::ALL.to_vec()),
        is_get in any::<bool>(),
    ) {
        let params: Vec<(&str, &str)> = pairs.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let (method, path) = if is_get { ("GET", "/auth/v2/auth_status") } else { ("POST", "/auth/v2/auth") };
        let in_json = !is_get && scheme.version().covers_raw_body();
        let json = if in_json {
            serde_json::to_vec(&pairs.iter().cloned().collect::<std::collections::BTreeMap<_, _>>()).unwrap()
        } else {
            Vec::new()
        };
        let signed = if in_json { &[][..] } else { &params[..] };
        let outgoing = Outgoing { method, host: HOST, path, params: signed, json: &json, x_duo: &[], date: DATE };
        let headers = sign(&outgoing, IKEY, SKEY, scheme);
        let mut sent = Sent::new(method, path)
            .with_v1()
            .header("Authorization", headers.authorization)
            .header("Date", headers.date);
        let wire = encode_params(signed);
        sent = match (is_get, in_json) {
            (true, _) => sent.query(wire),
            (false, true) => sent.body(JSON, json),
            (false, false) => sent.body(FORM, wire),
        };
        let verified = sent.verify().unwrap();
        prop_assert_eq!(verified.version, scheme.version());
        prop_assert_eq!(verified.is_dated(), scheme.version() != SigVersion::V1);
        let mut expected: Vec<&str> = params.iter().map(|(name, _)| *name).collect();
        let mut found: Vec<&str> = verified.params.names().collect();
        expected.sort_unstable();
        found.sort_unstable();
        if in_json {
            expected.dedup();
        }
        // A pair that is empty on both sides is written `=`, which is still a pair.
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn encoding_is_what_decoding_undoes(pairs in proptest::collection::vec((text(), text()), 0..6)) {
        let encoded = encode_params(&pairs);
        prop_assert!(encoded.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%=&".contains(&b)));
        let params = Params::from_form(encoded.as_bytes()).unwrap();
        prop_assert_eq!(params.names().count(), pairs.len());
        for (name, value) in &pairs {
            let once = pairs.iter().filter(|(other, _)| other == name).count() == 1;
            if once && name == "a" {
                let found = params.str("a").unwrap().unwrap();
                prop_assert_eq!(&*found, value);
            }
        }
    }
}
