//! The statement a person is shown and their device signs.

use serde::{Deserialize, Serialize};

use super::bytes::Digest;
use super::jws::{Payload, Typ};
use super::messages::ProtocolVersion;

/// Everything that a login request says. The device signs every member; the server keeps what it
/// asked and compares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// Protocol version.
    pub v: ProtocolVersion,
    /// `DA…`.
    pub account: String,
    /// The server's origin.
    pub origin: String,
    /// The device that is asked, `DP…`.
    pub device: String,
    /// The login's id.
    pub txid: String,
    /// SHA-256 over the request as it was received.
    pub request: Digest,
    /// The application's name.
    pub application: String,
    /// The user name shown.
    pub user: String,
    /// What is asked for ("Login request").
    #[serde(rename = "type")]
    pub kind: String,
    /// The address the login comes from, or empty.
    pub address: String,
    /// Where that address is, or empty.
    pub place: String,
    /// The host logged in to, or empty.
    pub hostname: String,
    /// When the login began, unix seconds.
    pub time: i64,
    /// Further lines, in the order given: name, value.
    pub info: Vec<(String, String)>,
}

/// A member of a statement, for saying which one differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the members of `Statement`")]
pub enum StatementMember {
    Version,
    Account,
    Origin,
    Device,
    Txid,
    Request,
    Application,
    User,
    Kind,
    Address,
    Place,
    Hostname,
    Time,
    Info,
}

impl Statement {
    /// The first member in which `signed` is not what was asked, if any.
    #[must_use]
    pub fn first_difference(&self, signed: &Self) -> Option<StatementMember> {
        // Taken apart without `..`: a new member does not compile until it is compared.
        let Self {
            v,
            account,
            origin,
            device,
            txid,
            request,
            application,
            user,
            kind,
            address,
            place,
            hostname,
            time,
            info,
        } = self;
        [
            (*v == signed.v, StatementMember::Version),
            (*account == signed.account, StatementMember::Account),
            (*origin == signed.origin, StatementMember::Origin),
            (*device == signed.device, StatementMember::Device),
            (*txid == signed.txid, StatementMember::Txid),
            (*request == signed.request, StatementMember::Request),
            (*application == signed.application, StatementMember::Application),
            (*user == signed.user, StatementMember::User),
            (*kind == signed.kind, StatementMember::Kind),
            (*address == signed.address, StatementMember::Address),
            (*place == signed.place, StatementMember::Place),
            (*hostname == signed.hostname, StatementMember::Hostname),
            (*time == signed.time, StatementMember::Time),
            (*info == signed.info, StatementMember::Info),
        ]
        .into_iter()
        .find_map(|(is_equal, member)| (!is_equal).then_some(member))
    }
}

/// What the person said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Let me in.
    Approve,
    /// Do not let them in.
    Deny,
    /// It wasn't me.
    Fraud,
}

/// What an answer's JWS signs: the statement shown, and the answer to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Flat", into = "Flat")]
pub struct AnswerPayload {
    /// The statement as the device showed it.
    pub statement: Statement,
    /// The digits typed, where digits were asked for.
    pub number: Option<String>,
    /// The answer.
    pub answer: Answer,
    /// When it was signed, unix seconds.
    pub iat: i64,
}

impl Payload for AnswerPayload {
    const TYP: Typ = Typ::Answer;
    /// Push information may have 20,000 bytes, which JSON and base64 make longer.
    const MAX_JWS_BYTES: usize = 96 * 1024;
}

/// The wire form: one flat object. Written out because serde's `flatten` cannot refuse unknown members.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Flat {
    v: ProtocolVersion,
    account: String,
    origin: String,
    device: String,
    txid: String,
    request: Digest,
    application: String,
    user: String,
    #[serde(rename = "type")]
    kind: String,
    address: String,
    place: String,
    hostname: String,
    time: i64,
    info: Vec<(String, String)>,
    number: Option<String>,
    answer: Answer,
    iat: i64,
}

impl From<Flat> for AnswerPayload {
    fn from(flat: Flat) -> Self {
        Self {
            statement: Statement {
                v: flat.v,
                account: flat.account,
                origin: flat.origin,
                device: flat.device,
                txid: flat.txid,
                request: flat.request,
                application: flat.application,
                user: flat.user,
                kind: flat.kind,
                address: flat.address,
                place: flat.place,
                hostname: flat.hostname,
                time: flat.time,
                info: flat.info,
            },
            number: flat.number,
            answer: flat.answer,
            iat: flat.iat,
        }
    }
}

impl From<AnswerPayload> for Flat {
    fn from(payload: AnswerPayload) -> Self {
        let AnswerPayload { statement, number, answer, iat } = payload;
        Self {
            v: statement.v,
            account: statement.account,
            origin: statement.origin,
            device: statement.device,
            txid: statement.txid,
            request: statement.request,
            application: statement.application,
            user: statement.user,
            kind: statement.kind,
            address: statement.address,
            place: statement.place,
            hostname: statement.hostname,
            time: statement.time,
            info: statement.info,
            number,
            answer,
            iat,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn document() -> Value {
        json!({"v":1,"account":"DA1","origin":"https://auth.example.org","device":"DP1","txid":"t",
            "request":Digest::of(b"request").to_string(),"application":"Mail","user":"alice",
            "type":"Login request","address":"203.0.113.7","place":"Berlin, DE","hostname":"wks01",
            "time":1_790_000_000,"info":[["Command","uname -a"]]})
    }

    #[test]
    fn a_statement_is_as_documented() {
        let statement: Statement = serde_json::from_value(document()).unwrap();
        assert_eq!(serde_json::to_value(&statement).unwrap(), document());
    }

    #[test]
    fn a_change_of_any_member_is_found() {
        let asked: Statement = serde_json::from_value(document()).unwrap();
        assert_eq!(asked.first_difference(&asked.clone()), None);
        let mut found = Vec::new();
        for (name, value) in document().as_object().unwrap() {
            let mut changed = document();
            changed[name] = match value {
                Value::Number(_) if name == "v" => continue, // there is only one version
                Value::Number(n) => json!(n.as_i64().unwrap() + 1),
                Value::String(_) if name == "request" => json!(Digest::of(b"other").to_string()),
                Value::String(s) => json!(format!("{s} ")),
                _ => json!([["Command", "rm -rf /"]]),
            };
            let signed: Statement = serde_json::from_value(changed).unwrap();
            found.push(asked.first_difference(&signed).unwrap_or_else(|| panic!("{name}")));
        }
        found.dedup();
        assert_eq!(found.len(), 13, "each member is named once");
    }

    #[test]
    fn an_answer_is_the_statement_and_three_members() {
        let mut document = document();
        document["number"] = json!("42");
        document["answer"] = json!("approve");
        document["iat"] = json!(1_790_000_010);
        let answer: AnswerPayload = serde_json::from_value(document.clone()).unwrap();
        assert_eq!(serde_json::to_value(&answer).unwrap(), document);
        document["extra"] = json!(1);
        assert!(serde_json::from_value::<AnswerPayload>(document).is_err());
    }
}
