//! Signatures computed by duo_client_python for Duo's published example key.

use cs_wire::signing::{HashAlgorithm, Outgoing, Scheme, SigVersion, sign};

use crate::request::{DATE, FORM, HOST, IKEY, JSON, SKEY, Sent};

const BODY: &str = r#"{"device":"auto","factor":"push","hostname":"wks01","ipaddr":"10.2.3.4","username":"narroway"}"#;
const ACCOUNTS: &[(&str, &str)] = &[("realname", "First Last"), ("username", "root")];
const PREAUTH: &[(&str, &str)] = &[("user", "alice"), ("ipaddr", "10.0.0.1")];
const LOG: &[(&str, &str)] = &[
    ("maxtime", "1532951995000"),
    ("mintime", "1532951895000"),
    ("next_offset", "1532951895000"),
    ("next_offset", "af0ba235-0b33-23c8-bc23-a31aa0231de8"),
    ("sort", "ts:asc"),
];
const USER: &[(&str, &str)] = &[("username", "o'neil *~\u{fc}+x")];
const HEADERS: &[(&str, &str)] = &[("x-duo-header-1", "hv1"), ("X-Duo-Header-2", "hv2")];

struct Vector {
    method: &'static str,
    path: &'static str,
    params: &'static [(&'static str, &'static str)],
    wire: &'static str,
    json: &'static str,
    x_duo: &'static [(&'static str, &'static str)],
    scheme: Scheme,
    signature: &'static str,
}

#[rustfmt::skip]
const VECTORS: &[Vector] = &[
    Vector { method: "POST", path: "/accounts/v1/account/list", params: ACCOUNTS, wire: "realname=First%20Last&username=root", json: "", x_duo: &[],
        scheme: Scheme::V1Sha1, signature: "1d55d9c345f5305c7a26f6f44674b4939670b194" },
    Vector { method: "POST", path: "/rest/v1/preauth", params: PREAUTH, wire: "ipaddr=10.0.0.1&user=alice", json: "", x_duo: &[],
        scheme: Scheme::V1Sha512, signature: "f7aebb71d3a2017c3490829be4979790e1ba56adf925cafb08448783cd767d815ae61b5828632f4ad3cded04dfff215efb7eb7f3ee0dc189201c96b5da6336cf" },
    Vector { method: "POST", path: "/accounts/v1/account/list", params: ACCOUNTS, wire: "realname=First%20Last&username=root", json: "", x_duo: &[],
        scheme: Scheme::V2Sha1, signature: "2d97d6166319781b5a3a07af39d366f491234edc" },
    Vector { method: "POST", path: "/accounts/v1/account/list", params: ACCOUNTS, wire: "username=root&realname=First+Last", json: "", x_duo: &[],
        scheme: Scheme::V2Sha512, signature: "1bffb8924348f7db7da9e7d7d749ded93aafd02d8e904960da7b96c57510220185a64a2827ee8f24ac5d30802a9ee97e59de44b304b18242f0d596d15a8122af" },
    Vector { method: "POST", path: "/auth/v2/auth", params: &[], wire: "", json: BODY, x_duo: &[],
        scheme: Scheme::V4, signature: "cb8d39f19dfc1e3ebe9b36d1395a2cf940897c762b98a3fe7736784ebd9962ba9c85b8e96a0d3fd1f69c53076df1df0c28463976d9223aba9e9d514fe1224293" },
    Vector { method: "POST", path: "/auth/v2/auth", params: &[], wire: "", json: BODY, x_duo: &[],
        scheme: Scheme::V5, signature: "899b5ae9fc1c78e3dd57562ce43dfed6f0787e484f5d992295838d07e24a82969ff77f119ba35fe4e3cfdb2faaad22803452cc38759c4bd766f9d158fe3428dc" },
    Vector { method: "GET", path: "/admin/v2/logs/authentication", params: LOG,
        wire: "maxtime=1532951995000&mintime=1532951895000&next_offset=1532951895000&next_offset=af0ba235-0b33-23c8-bc23-a31aa0231de8&sort=ts%3Aasc", json: "", x_duo: &[],
        scheme: Scheme::V5, signature: "f9b6347efda680d04e9ffa23d4a08e6a9e876335f2408c0b9ca43086e362ec4e8ddccb330d04633e72a4a298877750f6c16adac0867a392a264c0059dab416ee" },
    Vector { method: "GET", path: "/admin/v1/users", params: USER, wire: "username=o%27neil%20%2A~%C3%BC%2Bx", json: "", x_duo: HEADERS,
        scheme: Scheme::V5, signature: "76796ce0bf2033c73776f20fadb293bba010cc2c6d59f42ef4b3118523e3344d62cdb66865637ea08bd7a3e3f548f1e96cdd66a017945362c0f9f599fc49cc62" },
];

impl Vector {
    fn received(&self) -> Sent {
        let sent = Sent::new(self.method, self.path).header("Date", DATE).signature(self.signature);
        let sent = self.x_duo.iter().fold(sent, |sent, (name, value)| sent.header(name, *value));
        match (self.method, self.json) {
            ("GET", _) => sent.query(self.wire),
            (_, "") => sent.body(FORM, self.wire),
            (_, json) => sent.body(JSON, json),
        }
    }
}

#[test]
fn the_server_accepts_every_vector() {
    for vector in VECTORS {
        let verified = vector.received().with_v1().verify().unwrap();
        assert_eq!(verified.version, vector.scheme.version(), "{}", vector.signature);
        assert_eq!(verified.hash, vector.scheme.hash());
        assert_eq!(verified.is_dated(), verified.version != SigVersion::V1);
        assert_eq!(verified.params.names().count(), if vector.json.is_empty() { vector.params.len() } else { 5 });
    }
}

#[test]
fn the_client_makes_every_vector() {
    for vector in VECTORS {
        let headers = sign(
            &Outgoing {
                method: vector.method,
                host: "API-XXXXXXXX.duosecurity.com",
                path: vector.path,
                params: vector.params,
                json: vector.json.as_bytes(),
                x_duo: vector.x_duo,
                date: DATE,
            },
            IKEY,
            SKEY,
            vector.scheme,
        );
        let expected = format!("{IKEY}:{}", vector.signature);
        assert_eq!(headers.authorization, format!("Basic {}", data_encoding::BASE64.encode(expected.as_bytes())),);
        assert_eq!(headers.date, DATE);
    }
}

#[test]
fn what_was_signed_is_what_is_read() {
    let verified = VECTORS[3].received().verify().unwrap();
    assert_eq!(verified.params.required("realname", 64).unwrap(), "First Last");
    let verified = VECTORS[5].received().verify().unwrap();
    assert_eq!(verified.params.required("username", 64).unwrap(), "narroway");
    let verified = VECTORS[7].received().verify().unwrap();
    assert_eq!(verified.params.required("username", 64).unwrap(), "o'neil *~\u{fc}+x");
    let verified = VECTORS[6].received().verify().unwrap();
    assert_eq!(verified.params.repeated("next_offset").unwrap().len(), 2);
}

#[test]
fn any_change_of_what_is_signed_is_refused() {
    use cs_wire::signing::AuthError::BadSignature;
    for vector in VECTORS {
        let good = vector.received().with_v1();
        let mut other = good.clone();
        other.path = "/auth/v2/check";
        assert_eq!(other.refusal(), BadSignature);
        let mut other = good.clone();
        other.method = if vector.method == "GET" { "DELETE" } else { "PUT" };
        assert_eq!(other.refusal(), BadSignature);
        assert_eq!(good.clone().host("api-yyyyyyyy.duosecurity.com").refusal(), BadSignature);
        if vector.method == "GET" {
            let query = format!("{}&extra=1", vector.wire);
            assert_eq!(good.clone().query(query).refusal(), BadSignature);
        } else {
            let mut other = good.clone();
            other.body.push(b' ');
            assert_eq!(other.refusal(), BadSignature);
        }
        if vector.scheme.version() != SigVersion::V1 {
            let mut other = good.clone();
            other.headers[0].1 = DATE.replace("29:18", "29:19");
            assert_eq!(other.refusal(), BadSignature);
        }
        let more = good.header("X-Duo-New", "1").verify();
        assert_eq!(more.is_err(), vector.scheme == Scheme::V5, "{}", vector.signature);
    }
}

#[test]
fn the_length_of_the_signature_tells_the_hash() {
    let short = VECTORS[2].received();
    assert_eq!(short.verify().unwrap().hash, HashAlgorithm::Sha1);
    let cut = Sent::new("GET", "/auth/v2/check").header("Date", DATE).signature(&VECTORS[2].signature[..38]);
    assert_eq!(cut.refusal(), cs_wire::signing::AuthError::BadSignature);
    assert_eq!(HOST, HOST.to_ascii_lowercase());
}
