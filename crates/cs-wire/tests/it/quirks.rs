//! One test per row of what is known about clients, and the refusals around them.

use cs_wire::params::ParamError;
use cs_wire::signing::{AuthError, Outgoing, Scheme, SigVersion, VerifyError, sign};
use jiff::ToSpan;

use crate::request::{DATE, FORM, HOST, IKEY, JSON, SKEY, Sent, now};

/// Signs as a client would that has `host`, `date` and `params` for itself.
struct Client {
    scheme: Scheme,
    method: &'static str,
    path: &'static str,
    host: &'static str,
    date: &'static str,
    params: &'static [(&'static str, &'static str)],
    json: &'static str,
}

impl Client {
    const fn get(scheme: Scheme) -> Self {
        Self { scheme, method: "GET", path: "/auth/v2/check", host: HOST, date: DATE, params: &[], json: "" }
    }

    const fn post(scheme: Scheme) -> Self {
        Self { method: "POST", path: "/auth/v2/preauth", params: &[("username", "alice")], ..Self::get(scheme) }
    }

    /// The request with its `Authorization`, and neither date, query nor body.
    fn send(&self) -> Sent {
        let outgoing = Outgoing {
            method: self.method,
            host: self.host,
            path: self.path,
            params: self.params,
            json: self.json.as_bytes(),
            x_duo: &[],
            date: self.date,
        };
        let headers = sign(&outgoing, IKEY, SKEY, self.scheme);
        Sent::new(self.method, self.path).header("authorization", headers.authorization)
    }
}

/// The signature of a canonical text written out by hand, for what our own client never signs.
fn hmac(algorithm: aws_lc_rs::hmac::Algorithm, text: &str) -> String {
    let key = aws_lc_rs::hmac::Key::new(algorithm, SKEY);
    data_encoding::HEXLOWER.encode(aws_lc_rs::hmac::sign(&key, text.as_bytes()).as_ref())
}

use aws_lc_rs::hmac::{HMAC_SHA1_FOR_LEGACY_USE_ONLY as SHA1, HMAC_SHA512 as SHA512};

#[test]
fn unix_1_11_signs_no_date_and_the_host_as_configured() {
    let text = String::from("POST\nApi.Example.org\n/rest/v1/preauth.bson\nfailmode=open&user=alice");
    let sent = Sent::new("POST", "/rest/v1/preauth.bson")
        .host("Api.Example.org:4443")
        .body(FORM, "failmode=open&user=alice")
        .signature(&hmac(SHA1, &text));
    let verified = sent.clone().with_v1().verify().unwrap();
    assert_eq!(verified.version, SigVersion::V1);
    assert!(!verified.is_dated());
    assert_eq!(sent.refusal(), AuthError::MissingDate, "only where it is allowed");
}

#[test]
fn openvpn_sends_a_date_that_it_does_not_sign() {
    let mut client = Client::post(Scheme::V1Sha512);
    client.path = "/rest/v1/preauth";
    client.params = &[("ipaddr", "10.0.0.1"), ("user", "alice")];
    let sent = client.send().header("Date", DATE).body(FORM, "ipaddr=10.0.0.1&user=alice");
    assert_eq!(sent.clone().with_v1().verify().unwrap().version, SigVersion::V1);
    let years_later = now() + (24 * 3650).hours();
    assert!(sent.clone().with_v1().at(years_later).verify().is_ok(), "nothing dates it");
    assert_eq!(sent.refusal(), AuthError::BadSignature, "version 2 was not signed");
}

#[test]
fn py_sends_a_port_that_it_does_not_sign_and_a_bare_question_mark() {
    for scheme in [Scheme::V2Sha1, Scheme::V2Sha512, Scheme::V5] {
        let sent = Client::get(scheme).send().header("Date", DATE).host(&format!("{HOST}:14444"));
        let (path, query) = cs_wire::signing::split_target("/auth/v2/check?");
        assert_eq!((path, query), ("/auth/v2/check", ""));
        assert_eq!(sent.query(query).verify().unwrap().version, scheme.version());
    }
}

#[test]
fn py_signs_a_get_with_a_json_content_type() {
    let sent = Client::get(Scheme::V5).send().header("Date", DATE).header("Content-Type", JSON);
    assert_eq!(sent.verify().unwrap().version, SigVersion::V5);
}

#[test]
fn go_and_vaultwarden_sign_the_port() {
    let mut client = Client::post(Scheme::V2Sha512);
    client.host = "api.example.org:8443";
    let sent = client.send().header("Date", DATE).body(FORM, "username=alice");
    assert!(sent.clone().host("api.example.org:8443").verify().is_ok());
    assert!(sent.clone().host("API.example.org:8443").verify().is_ok());
    assert_eq!(sent.host("api.example.org").refusal(), AuthError::BadSignature);
}

#[test]
fn perl_signs_the_name_it_was_configured_with() {
    let text = format!("{DATE}\nGET\nApi.Example.ORG:8443\n/auth/v2/check\n");
    let sent = Sent::new("GET", "/auth/v2/check").header("Date", DATE).signature(&hmac(SHA1, &text));
    assert!(sent.clone().host("Api.Example.ORG:8443").verify().is_ok());
    let behind_a_proxy = sent.host("backend.internal");
    assert_eq!(behind_a_proxy.refusal(), AuthError::BadSignature);
    assert!(behind_a_proxy.known_as("Api.Example.ORG:8443").verify().is_ok());
}

#[test]
fn a_configured_name_counts_in_lower_case_too() {
    let mut client = Client::get(Scheme::V5);
    client.host = "api.example.org";
    let sent = client.send().header("Date", DATE).host("10.0.0.5").known_as("API.example.org");
    assert!(sent.verify().is_ok());
}

#[test]
fn cs_ps_and_unix_2_send_x_duo_date_with_version_2() {
    for scheme in [Scheme::V2Sha1, Scheme::V2Sha512] {
        let sent = Client::post(scheme).send().body(FORM, "username=alice");
        let ours = sent.clone().header("X-Duo-Date", DATE);
        assert_eq!(ours.verify().unwrap().version, SigVersion::V2);
        let proxied = ours.header("Date", "Wed, 22 Aug 2012 00:00:00 GMT");
        assert!(proxied.verify().is_ok(), "X-Duo-Date goes before Date");
        assert_eq!(sent.refusal(), AuthError::MissingDate);
    }
}

#[test]
fn hmac_hashes_its_x_duo_date() {
    let body = br#"{"username":"alice"}"#;
    let outgoing = Outgoing {
        method: "POST",
        host: HOST,
        path: "/auth/v2/preauth",
        params: &[],
        json: body,
        x_duo: &[("X-Duo-Date", DATE)],
        date: DATE,
    };
    let headers = sign(&outgoing, IKEY, SKEY, Scheme::V5);
    let sent = Sent::new("POST", "/auth/v2/preauth")
        .header("Authorization", headers.authorization)
        .header("X-Duo-Date", DATE)
        .body(JSON, *body);
    assert_eq!(sent.verify().unwrap().version, SigVersion::V5);
}

#[test]
fn node_signs_repeated_values_in_the_order_sent() {
    let text = format!("{DATE}\nGET\n{HOST}\n/admin/v1/users\nk=b&k=a&z=1");
    let sent = Sent::new("GET", "/admin/v1/users").header("Date", DATE).signature(&hmac(SHA512, &text));
    assert!(sent.clone().query("k=b&k=a&z=1").verify().is_ok());
    assert!(sent.clone().query("z=1&k=b&k=a").verify().is_ok());
    assert_eq!(sent.query("k=a&k=b&z=1").refusal(), AuthError::BadSignature);
}

#[test]
fn a_form_may_write_a_space_as_plus() {
    let mut client = Client::post(Scheme::V2Sha512);
    client.params = &[("username", "o'neil *~+&=/ \u{fc}"), ("empty", "")];
    for body in ["username=o%27neil+%2A~%2B%26%3D%2F+%C3%BC&empty=", "username=o'neil%20*%7E%2b%26%3d/%20%c3%bc&empty"]
    {
        let verified = client.send().header("Date", DATE).body(FORM, body).verify().unwrap();
        let name = verified.params.required("username", 64).unwrap();
        assert_eq!(name, "o'neil *~+&=/ \u{fc}");
    }
}

#[test]
fn dates_of_every_client_are_read() {
    for date in [
        "Tue, 21 Aug 2012 17:29:18 -0000",
        "Tue, 21 Aug 2012 17:29:18 +0000",
        "Tue, 21 Aug 2012 17:29:18 GMT",
        "Tue, 21 Aug 2012 17:29:18 UT",
        "Tue, 21 Aug 2012 19:29:18 +0200",
        "Tue, 21 Aug 2012 12:29:18 -0500",
    ] {
        let client = Client { date, ..Client::get(Scheme::V5) };
        assert!(client.send().header("Date", date).verify().is_ok(), "{date}");
    }
}

#[test]
fn a_signed_date_must_be_near_and_readable() {
    let sent = Client::get(Scheme::V2Sha1).send().header("Date", DATE);
    for (off, expected) in [(300, true), (-300, true), (301, false), (-301, false)] {
        let sent = sent.clone().at(now() + off.seconds());
        assert_eq!(sent.verify().is_ok(), expected, "{off}");
        if !expected {
            assert_eq!(sent.refusal(), AuthError::BadDate);
        }
    }
    let nonsense = Client { date: "yesterday", ..Client::get(Scheme::V5) };
    let sent = nonsense.send().header("Date", "yesterday");
    assert_eq!(sent.refusal(), AuthError::BadDate);
    let stranger = Sent::new("GET", "/auth/v2/check").header("Date", "yesterday").signature(&"0".repeat(128));
    assert_eq!(stranger.refusal(), AuthError::BadSignature, "without the key nothing is told");
}

#[test]
fn only_what_the_version_covers_is_read() {
    // Version 5 signs no query on POST: what is put there is not the integration's.
    let json = r#"{"username":"alice"}"#;
    let client = Client { params: &[], json, ..Client::post(Scheme::V5) };
    let sent = client.send().header("Date", DATE).body(JSON, json).query("username=mallory&factor=passcode");
    let params = sent.verify().unwrap().params;
    assert_eq!(params.required("username", 64).unwrap(), "alice");
    assert!(!params.has("factor"));

    // Neither is a body on GET.
    let client = Client { params: &[("txid", "t")], ..Client::get(Scheme::V2Sha512) };
    let sent = client.send().header("Date", DATE).query("txid=t").body(FORM, "txid=other&username=mallory");
    let params = sent.verify().unwrap().params;
    assert_eq!(params.required("txid", 64).unwrap(), "t");
    assert!(!params.has("username"));

    // Version 2 signs no JSON body: whoever holds a signature for an empty form could add one.
    let client = Client { params: &[], ..Client::post(Scheme::V2Sha512) };
    let sent = client.send().header("Date", DATE);
    assert!(sent.verify().is_ok());
    assert_eq!(sent.clone().body(JSON, json).with_v1().refusal(), AuthError::BadSignature);
    let client = Client { params: &[], ..Client::post(Scheme::V1Sha1) };
    assert_eq!(client.send().body(JSON, json).with_v1().refusal(), AuthError::MissingDate);
}

#[test]
fn content_types_match_on_the_media_type() {
    let json = r#"{"username":"alice"}"#;
    let client = Client { params: &[], json, ..Client::post(Scheme::V5) };
    let sent = || client.send().header("Date", DATE);
    assert!(sent().body("application/json;charset=utf-8", json).verify().is_ok());
    assert!(sent().body("Application/JSON", json).verify().is_ok());
    for other in ["text/plain", "application/jsonp", ""] {
        assert_eq!(sent().body(other, json).refusal(), AuthError::BadContentType, "{other}");
    }
}

#[test]
fn a_signed_body_that_is_no_object_is_a_parameter_error() {
    for json in ["[]", "{", r#"{"a":1,"a":2}"#] {
        let client = Client { params: &[], json, ..Client::post(Scheme::V5) };
        let refused = client.send().header("Date", DATE).body(JSON, json).verify();
        assert_eq!(refused.unwrap_err(), VerifyError::Params(ParamError::Unreadable), "{json}");
    }
}

#[test]
fn php_sends_an_empty_object_and_escaped_slashes() {
    for (json, count) in [("{}", 0), (r#"{"pushinfo":"a=\/bin\/sh"}"#, 1), ("{ \"b\": 1,\n \"a\": 2 }", 2)] {
        let client = Client { params: &[], json, ..Client::post(Scheme::V5) };
        let verified = client.send().header("Date", DATE).body(JSON, json).verify().unwrap();
        assert_eq!(verified.params.names().count(), count, "{json}");
    }
}

#[test]
fn credentials_that_are_missing_or_double_are_missing() {
    let none = Sent::new("GET", "/auth/v2/check").header("Date", DATE);
    assert_eq!(none.refusal(), AuthError::MissingCredentials);
    let once = Client::get(Scheme::V5).send().header("Date", DATE);
    let twice = once.clone().header("Authorization", "Basic QTpi");
    assert_eq!(twice.refusal(), AuthError::MissingCredentials);
}

#[test]
fn no_line_can_be_smuggled_into_another() {
    // The text of a version 2 signature, arranged so that it would read as version 1.
    let text = format!("{DATE}\nGET\n{HOST}\n/auth/v2/check\n");
    let mut sent = Sent::new("GET", "/auth/v2/check").with_v1().signature(&hmac(SHA512, &text));
    sent.method = Box::leak(format!("{DATE}\nGET").into_boxed_str());
    assert_eq!(sent.refusal(), AuthError::BadSignature);
}

#[test]
fn duo_psa_2015_001_separators_in_a_name_do_not_move_a_boundary() {
    // One value with separators in it, against the several values it might be taken for.
    let one = Client { params: &[("username", "alice|x&factor=push\ny")], ..Client::post(Scheme::V2Sha512) };
    let sent = one.send().header("Date", DATE);
    let good = sent.clone().body(FORM, "username=alice%7Cx%26factor%3Dpush%0Ay").verify().unwrap();
    assert_eq!(good.params.required("username", 64).unwrap(), "alice|x&factor=push\ny");
    assert!(!good.params.has("factor"));
    for other in ["username=alice|x&factor=push%0Ay", "username=alice%7Cx&factor=push%0Ay", "username=alice"] {
        assert_eq!(sent.clone().body(FORM, other).refusal(), AuthError::BadSignature, "{other}");
    }
}
