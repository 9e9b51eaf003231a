//! One piece of work: the requests of a login, or one bare request, and what their answers must be.

use serde::{Deserialize, Serialize};

use crate::http::Answer;
use crate::otp;
use crate::signed::{self, Keys};

/// Which server is asked, and for what.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Work {
    /// `preauth`, then `auth` with a passcode.
    Countersign { keys: Keys, users: u64 },
    /// `preauth` alone, of users who need no second factor.
    Preauth { keys: Keys, users: u64 },
    /// `/validate/check` with a code and no PIN.
    PrivacyIdea { users: u64 },
    /// A GET that is answered by a constant.
    Get { path: String },
}

/// A request as bytes, and how its answer is judged.
pub(crate) struct Request {
    pub(crate) bytes: Vec<u8>,
    pub(crate) right: fn(&Answer<'_>) -> Result<(), String>,
}

impl Work {
    /// The requests of number `number`, to be sent one after another.
    pub(crate) fn requests(&self, number: u64, host: &str, date: &str) -> Vec<Request> {
        match self {
            Self::Countersign { keys, users } => {
                let name = otp::name(number % users);
                let code = otp::code(number, *users);
                let preauth = [("username", name.as_str()), ("ipaddr", "198.51.100.7")];
                let auth = [
                    ("username", name.as_str()),
                    ("factor", "passcode"),
                    ("passcode", &code),
                    ("ipaddr", "198.51.100.7"),
                ];
                vec![
                    Request {
                        bytes: keys.request("POST", host, "/auth/v2/preauth", &preauth, date),
                        right: |answer| duo_result(answer, "auth"),
                    },
                    Request {
                        bytes: keys.request("POST", host, "/auth/v2/auth", &auth, date),
                        right: |answer| duo_result(answer, "allow"),
                    },
                ]
            }
            Self::Preauth { keys, users } => {
                let name = otp::name(number % users);
                let preauth = [("username", name.as_str()), ("ipaddr", "198.51.100.7")];
                let bytes = keys.request("POST", host, "/auth/v2/preauth", &preauth, date);
                vec![Request { bytes, right: |answer| duo_result(answer, "allow") }]
            }
            Self::PrivacyIdea { users } => {
                let body = format!("user={}&pass={}", otp::name(number % users), otp::code(number, *users));
                let bytes = format!(
                    "POST /validate/check HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n\
                     Content-Length: {}\r\n\r\n{body}",
                    body.len()
                );
                vec![Request { bytes: bytes.into_bytes(), right: privacyidea_accepts }]
            }
            Self::Get { path } => {
                let bytes = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n").into_bytes();
                let right = |answer: &Answer<'_>| match answer.status {
                    200 => Ok(()),
                    status => Err(format!("status {status}")),
                };
                vec![Request { bytes, right }]
            }
        }
    }

    /// All requests of `count` pieces of work from `first`.
    pub(crate) fn prepare(&self, first: u64, count: u64, host: &str) -> anyhow::Result<Vec<Vec<Request>>> {
        let date = signed::date()?;
        Ok((first..first + count).map(|number| self.requests(number, host, &date)).collect())
    }
}

#[derive(Deserialize)]
struct DuoAnswer<'a> {
    #[serde(borrow)]
    response: Option<DuoResult<'a>>,
    code: Option<i64>,
}

#[derive(Deserialize)]
struct DuoResult<'a> {
    result: Option<&'a str>,
    status: Option<&'a str>,
}

/// The answer's `response.result` is `wanted`.
pub(crate) fn duo_result(answer: &Answer<'_>, wanted: &str) -> Result<(), String> {
    let parsed: DuoAnswer<'_> =
        serde_json::from_slice(answer.body).map_err(|_| format!("status {}, no Duo answer", answer.status))?;
    match parsed.response {
        Some(response) if answer.status == 200 && response.result == Some(wanted) => Ok(()),
        Some(response) => Err(format!(
            "{} {} instead of {wanted}",
            response.result.unwrap_or("no result"),
            response.status.unwrap_or_default()
        )),
        None => Err(format!("status {} code {}", answer.status, parsed.code.unwrap_or(0))),
    }
}

#[derive(Deserialize)]
struct PrivacyIdeaAnswer {
    result: Option<PrivacyIdeaResult>,
}

#[derive(Deserialize)]
struct PrivacyIdeaResult {
    value: Option<bool>,
}

fn privacyidea_accepts(answer: &Answer<'_>) -> Result<(), String> {
    let parsed: PrivacyIdeaAnswer = serde_json::from_slice(answer.body)
        .map_err(|_| format!("status {}, no answer of privacyIDEA", answer.status))?;
    match parsed.result.and_then(|result| result.value) {
        Some(true) if answer.status == 200 => Ok(()),
        value => Err(format!("status {}, value {value:?}", answer.status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer<'_> {
        Answer { status, head: "", body: body.as_bytes(), keeps_alive: true }
    }

    #[test]
    fn only_the_wanted_result_is_right() {
        let allowed = r#"{"stat":"OK","response":{"result":"allow","status":"allow","status_msg":"Success"}}"#;
        assert_eq!(duo_result(&answer(200, allowed), "allow"), Ok(()));
        assert!(duo_result(&answer(200, allowed), "auth").is_err());
        assert!(duo_result(&answer(500, allowed), "allow").is_err());
        let failed = r#"{"stat":"FAIL","code":42901,"message":"Too Many Requests"}"#;
        assert_eq!(duo_result(&answer(429, failed), "allow"), Err("status 429 code 42901".to_owned()));
    }

    #[test]
    fn privacyidea_must_say_true() {
        assert!(privacyidea_accepts(&answer(200, r#"{"result":{"status":true,"value":true}}"#)).is_ok());
        assert!(privacyidea_accepts(&answer(200, r#"{"result":{"status":true,"value":false}}"#)).is_err());
    }

    #[test]
    fn no_code_of_a_user_comes_twice() {
        let codes: std::collections::HashSet<(u64, u64)> = (0..100).map(|login| (login % 7, login / 7)).collect();
        assert_eq!(codes.len(), 100);
        assert_eq!(otp::code(3, 7).len(), 6);
        assert_ne!(otp::code(3, 7), otp::code(10, 7));
    }
}
