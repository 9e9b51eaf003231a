//! What a client of Duo's interfaces can send: headers, forms, JSON, BSON, and what lies in them.

use cs_wire::fuzz;

use super::Target;

pub(super) static AUTHORIZATION: Target = Target {
    name: "wire_authorization",
    entry: fuzz::fuzz_authorization,
    seeds: &[
        b"Basic RElXSjhYNkFFWU9SNU9NQzZUUTE6MmQ5N2Q2MTY2MzE5Nzgx",
        b"Basic RElXSjhYNkFFWU9SNU9NQzZUUTE6MDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMA==",
        b"basic RElXSjhYNkFFWU9SNU9NQzZUUTE6MDAwMA",
    ],
    tokens: &[b"Basic ", b"Bearer ", b"=", b"==", b"Og", b"OjA=", b"  "],
};

pub(super) static DATE: Target = Target {
    name: "wire_date",
    entry: fuzz::fuzz_date,
    seeds: &[
        b"Tue, 21 Aug 2012 17:29:18 -0000",
        b"Tue, 21 Aug 2012 17:29:18 GMT",
        b"21 Aug 2012 17:29 +0200",
        b"Sun, 22 Nov 2026 00:00:60 +0000 (comment)",
    ],
    tokens: &[
        b"GMT",
        b"UT",
        b"EST",
        b"Z",
        b"+2359",
        b"-9999",
        b"+0000",
        b"Feb",
        b"29",
        b"31",
        b"9999",
        b"-0001",
        b"0000",
        b"60",
        b"24:00:00",
        b"(",
        b")",
        b"(((((",
        b"\\",
        b"\r\n ",
    ],
};

pub(super) static FORM: Target = Target {
    name: "wire_form",
    entry: fuzz::fuzz_form,
    seeds: &[
        b"username=alice&a=%20+%C3%BC&factor=push&device=auto&async=1&pushinfo=a%3Db",
        b"failmode=closed&hostname=vm&ipaddr=192.0.2.7&user=alice",
        b"a=1&a=2&a=&=&b&c=%5B%22x%22%2C%22y%22%5D&username=%7B%7D",
        b"name='()*!~-._&a=true",
    ],
    tokens: &[
        b"&",
        b"=",
        b"&&",
        b"&a=",
        b"&username=",
        b"%",
        b"%25",
        b"%26",
        b"%3D",
        b"%2B",
        b"%C3%BC",
        b"%FF",
        b"a=[\"",
        b"{\"a\":",
        b"+",
    ],
};

pub(super) static JSON: Target = Target {
    name: "wire_json",
    entry: fuzz::fuzz_json,
    seeds: &[
        br#"{"username":"alice","factor":"passcode","passcode":123456,"a":[1,{"b":null}],"":1.5e3}"#,
        br#"{"a":{"username":["x","y"],"n":-1},"username":true}"#,
        br#"[[[[[[1]]]]]]"#,
    ],
    tokens: &[
        b"{\"a\":",
        b"[[[[",
        b"]]]]",
        b"}}",
        b",\"a\":1",
        b"\"username\":",
        b"\\u00e9",
        b"\\ud83d\\ude00",
        b"\\ud83d",
        b"1E400",
        b"-0.0",
        b"0.1e-400",
        b"18446744073709551615",
        b"nul",
    ],
};

pub(super) static BSON: Target = Target {
    name: "wire_bson",
    entry: fuzz::fuzz_bson,
    seeds: &[
        b"\x42\0\0\0\x02stat\0\x03\0\0\0OK\0\x03response\0\x26\0\0\0\x02result\0\x06\0\0\0allow\0\x02status\0\x03\0\0\0hi\0\0\0",
        b"\x46\0\0\0\x02stat\0\x05\0\0\0FAIL\0\x10code\0\x42\x9c\0\0\x02message\0\x1b\0\0\0Invalid request parameters\0\0",
        b"\x05\0\0\0\0",
    ],
    tokens: &[
        b"\x01", b"\x02", b"\x03", b"\x04", b"\x08", b"\x10", b"\x12", b"\x05\0\0\0\0", b"\x03a\0\x05\0\0\0\0", b"\x02a\0\x01\0\0\0\0",
        b"\x02a\0\0\0\0\0\0", b"\x10a\0\xff\xff\xff\xff", b"a\0",
    ],
};

pub(super) static REQUEST_TARGET: Target = Target {
    name: "wire_request_target",
    entry: fuzz::fuzz_target,
    seeds: &[b"/auth/v2/check", b"/auth/v2/ping?", b"https://api.example.org:8443/auth/v2/check?a=b", b"*"],
    tokens: &[b"?", b"??", b"//", b"https://", b"#", b"%3F", b"/../"],
};

pub(super) static PUSHINFO: Target = Target {
    name: "wire_pushinfo",
    entry: fuzz::fuzz_pushinfo,
    seeds: &[b"Server+IP=192.0.2.2&Command=", b"from=login%20portal&domain=example.com", b"Command=uname%20-a&x"],
    tokens: &[b"&", b"=", b"%", b"+", b"%0A", b"%26", b"%E2%80%AE", b"&Command="],
};

pub(super) static AUTH_API: Target = Target {
    name: "wire_auth_api",
    entry: fuzz::fuzz_auth_api,
    seeds: &[
        b"username=alice&factor=push&device=auto&async=1&type=Login&pushinfo=a%3Db&ipaddr=192.0.2.7&hostname=vm",
        b"username=alice&factor=passcode&passcode=123456",
        b"user_id=DU01234567890123456789&text_prompt=1&failmode=open&client_supports_verified_push=1",
        b"username=alice&factor=prompt&prompt=1",
        b"user=alice&factor=auto&auto=push1&async=0&pushinfo=Server%2BIP%3D192.0.2.7%26Command%3D&ipaddr=192.0.2.7",
        b"username=alice&valid_secs=86400&bypass_codes=2",
        b"user_id=DU01234567890123456789&activation_code=duo%3A%2F%2Fx-y",
        b"txid=45f7c92b-f45f-4862-8545-e0f58e78075a",
        br#"{"username":"alice","factor":"passcode","passcode":123456,"async":true,"valid_secs":"3600"}"#,
    ],
    tokens: &[
        b"&username=",
        b"&user_id=",
        b"&user=",
        b"&factor=",
        b"auto",
        b"push",
        b"passcode",
        b"sms",
        b"phone",
        b"prompt",
        b"&device=",
        b"DP01234567890123456789",
        b"&async=",
        b"&txid=",
        b"&valid_secs=",
        b"&ipaddr=",
        b"::1",
        b"999.1.1.1",
        b"phone0",
        b"push99999999999",
        b"&type=",
        b"&pushinfo=",
        b"\"username\":",
    ],
};

pub(super) static RECEIVED: Target = Target {
    name: "wire_received",
    entry: fuzz::fuzz_received,
    seeds: &[
        b"POST\n/auth/v2/auth?x=1\nApi.example.org\napplication/json\nTue, 21 Aug 2012 17:29:18 -0000\nDIWJ8X6AEYOR5OMC6TQ1:0000000000000000000000000000000000000000\n{\"a\":1}",
        b"GET\n/auth/v2/auth_status?txid=a&b=%20\napi.example.org:8443\n\nThu, 01 Jan 1970 00:00:00 GMT\nDIWJ8X6AEYOR5OMC6TQ1:00000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000\n",
        b"POST\n/rest/v1/preauth.bson\nApi.example.org\napplication/x-www-form-urlencoded\n\nDIWJ8X6AEYOR5OMC6TQ1:0000000000000000000000000000000000000000\nuser=alice&failmode=open",
    ],
    tokens: &[
        b"\n", b":", b"DIWJ8X6AEYOR5OMC6TQ1:", b"Thu, 01 Jan 1970 00:00:00 -0000", b"application/json; charset=utf-8",
        b"application/x-www-form-urlencoded", b"multipart/form-data", b"0000000000000000000000000000000000000000", b"GET", b"get",
    ],
};

pub(super) static OIDC: Target = Target {
    name: "wire_oidc",
    entry: fuzz::fuzz_oidc,
    seeds: &[
        b"\nresponse_type=code&client_id=DIAAAAAAAAAAAAAAAAAA&request=eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJhIjoxfQ.AAAA&state=0123456789abcdef\n",
        b"multipart/form-data; boundary=XX\nhttps://app.example.org:8443/cb?a=b\n--XX\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\nDI\r\n--XX--\r\n",
        b"application/x-www-form-urlencoded\nhttp://[::1]:5000/\ngrant_type=authorization_code&code=c&redirect_uri=https%3A%2F%2Fa%2F&client_assertion=a.b.c&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer",
        b"\neyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJhIjoxfQ.AAAA\n",
    ],
    tokens: &[
        b"\n", b".", b"eyJhbGciOiJub25lIn0", b"eyJhbGciOiJIUzUxMiJ9", b"&request=", b"&redirect_uri=", b"&client_id=", b"https://", b"http://localhost",
        b"@", b"[::1]", b":443", b"?", b"#", b"\\", b"--XX", b"--XX--", b"\r\n\r\n", b"; boundary=", b"; name=\"", b"Content-Disposition: form-data",
    ],
};

pub(super) static WEB_SDK: Target = Target {
    name: "wire_web_sdk",
    entry: fuzz::fuzz_web_sdk,
    seeds: &[
        b"TX|YWxpY2V8RElYWFhYWFhYWFhYWFhYWFhYWFh8MTcwMDAwMDMwMA==|c09f66a47b12d1065bd237f2a51e016bb77c1062",
        b"ENROLL_REQUEST|YWxpY2V8RElYWFhYWFhYWFhYWFhYWFhYWFh8MTcwMDAwMDMwMA==|00",
    ],
    tokens: &[b"|", b"||", b"TX|", b"AUTH|", b"APP|", b"=", b"==", b"fHw=", b"YXxifDE=", b"OTk5OTk5OTk5OTk5"],
};

#[cfg(test)]
mod tests {
    use cs_wire::bson::Document;
    use cs_wire::params::Params;
    use cs_wire::signing::parse_date;

    use super::*;

    #[test]
    fn most_seeds_are_valid_so_that_mutations_reach_what_lies_behind() {
        for seed in DATE.seeds.iter().take(2) {
            assert!(parse_date(seed).is_some(), "{}", seed.escape_ascii());
        }
        for seed in FORM.seeds.iter().chain(&AUTH_API.seeds[..8]) {
            assert!(Params::from_form(seed).is_ok(), "{}", seed.escape_ascii());
        }
        for seed in JSON.seeds.iter().take(2).chain(&AUTH_API.seeds[8..]) {
            assert!(Params::from_json(seed).is_ok(), "{}", seed.escape_ascii());
        }
        for seed in BSON.seeds {
            assert!(Document::decode(seed).is_ok(), "{}", seed.escape_ascii());
        }
    }
}
