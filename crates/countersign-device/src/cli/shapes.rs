//! What `--json` prints (documented in `docs/countersign-device.md`) and what people read instead.

use cs_wire::device::{Account, AnswerResult, ClosedState, DeviceClass, DeviceStatus, OtpState, OutageCodes, Request};
use jiff::Timestamp;
use serde::Serialize;

use super::terminal::{Style, Terminal};
use crate::clean::clean;
use crate::record::Record;

/// Longest name, address or host shown.
const MAX_NAME: usize = 100;
/// Longest value of an info pair shown; `--json` has all of it.
const MAX_VALUE: usize = 500;

/// One account of `list`.
#[derive(Serialize)]
pub(crate) struct AccountShape<'a> {
    device_id: &'a str,
    name: &'a str,
    class: DeviceClass,
    user: &'a str,
    account: &'a Account,
    origin: &'a str,
    activated_at: i64,
}

#[derive(Serialize)]
pub(crate) struct ListShape<'a> {
    pub(crate) accounts: Vec<AccountShape<'a>>,
}

#[derive(Serialize)]
pub(crate) struct ActivateShape<'a> {
    #[serde(flatten)]
    pub(crate) account: AccountShape<'a>,
    pub(crate) confirm: ConfirmShape<'a>,
}

#[derive(Serialize)]
pub(crate) struct ConfirmShape<'a> {
    pub(crate) phrase: &'a str,
    pub(crate) required: bool,
}

#[derive(Serialize)]
pub(crate) struct QrShape<'a> {
    pub(crate) link: &'a str,
}

/// One waiting login.
#[derive(Serialize)]
pub(crate) struct RequestShape<'a> {
    device_id: &'a str,
    txid: &'a str,
    created: i64,
    expires: i64,
    seconds_left: i64,
    digits: u8,
    application: &'a str,
    user: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    address: &'a str,
    place: &'a str,
    hostname: &'a str,
    time: i64,
    info: &'a [(String, String)],
}

#[derive(Serialize)]
pub(crate) struct ShowShape<'a> {
    pub(crate) requests: Vec<RequestShape<'a>>,
}

#[derive(Serialize)]
pub(crate) struct AnswerShape<'a> {
    pub(crate) device_id: &'a str,
    pub(crate) txid: &'a str,
    pub(crate) result: AnswerResult,
}

#[derive(Serialize)]
pub(crate) struct PasscodeShape<'a> {
    pub(crate) device_id: &'a str,
    pub(crate) passcode: &'a str,
    pub(crate) valid_until: Option<i64>,
}

#[derive(Serialize)]
pub(crate) struct StatusShape<'a> {
    pub(crate) device_id: &'a str,
    pub(crate) name: &'a str,
    pub(crate) class: DeviceClass,
    pub(crate) user: &'a str,
    pub(crate) account: &'a Account,
    pub(crate) origin: &'a str,
    pub(crate) active: bool,
    pub(crate) auto_approve_until: Option<i64>,
    pub(crate) otp: OtpState,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub(crate) outages: &'a [OutageCodes],
}

#[derive(Serialize)]
pub(crate) struct RemoveShape<'a> {
    pub(crate) device_id: &'a str,
    pub(crate) removed: bool,
}

#[derive(Serialize)]
pub(crate) struct ErrorShape<'a> {
    pub(crate) error: ErrorDetail<'a>,
}

#[derive(Serialize)]
pub(crate) struct ErrorDetail<'a> {
    pub(crate) code: &'a str,
    pub(crate) message: String,
}

/// One line of `watch`.
#[derive(Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(crate) enum EventShape<'a> {
    Connected { device_id: &'a str },
    Ended { device_id: &'a str, code: &'a str, message: String },
    Disconnected { device_id: &'a str, message: String, retry_in_ms: u64 },
    Request(RequestShape<'a>),
    Closed { device_id: &'a str, txid: &'a str, state: Option<ClosedState> },
    Answered(AnswerShape<'a>),
    Skipped { device_id: &'a str, txid: &'a str, reason: &'a str },
    Failed { device_id: &'a str, txid: &'a str, code: &'a str, message: String },
}

impl<'a> From<&'a Record> for AccountShape<'a> {
    fn from(record: &'a Record) -> Self {
        Self {
            device_id: &record.device_id,
            name: &record.name,
            class: record.class,
            user: &record.user,
            account: &record.account,
            origin: &record.origin,
            activated_at: record.activated_at,
        }
    }
}

impl<'a> StatusShape<'a> {
    pub(crate) fn new(record: &'a Record, status: &'a DeviceStatus) -> Self {
        Self {
            device_id: &status.device_id,
            name: &status.name,
            class: record.class,
            user: &status.user.name,
            account: &status.account,
            origin: &record.origin,
            active: status.active,
            auto_approve_until: status.auto_approve_until,
            otp: status.otp,
            outages: &status.outages,
        }
    }
}

impl<'a> RequestShape<'a> {
    /// `now` is the server's time.
    pub(crate) fn new(request: &'a Request, now: i64) -> Self {
        let statement = &request.statement;
        Self {
            device_id: &statement.device,
            txid: &request.txid,
            created: request.created,
            expires: request.expires,
            seconds_left: seconds_left(request, now),
            digits: request.digits,
            application: &statement.application,
            user: &statement.user,
            kind: &statement.kind,
            address: &statement.address,
            place: &statement.place,
            hostname: &statement.hostname,
            time: statement.time,
            info: &statement.info,
        }
    }
}

/// `user@account`, which also selects an account.
pub(crate) fn label(record: &Record) -> String {
    format!("{}@{}", record.user, record.account.name)
}

/// One account, for people.
pub(crate) fn account_lines(terminal: &Terminal<'_>, record: &Record) -> Vec<String> {
    let title = terminal.paint(Style::Strong, &clean(&label(record), MAX_NAME));
    let mut lines = vec![title];
    lines.push(field("device", &format!("{} ({})", clean(&record.name, MAX_NAME), record.device_id)));
    lines.push(field("class", record.class.as_str()));
    lines.push(field("server", &clean(&record.origin, MAX_NAME)));
    lines
}

/// One waiting login, for people: everything that is going to be signed. `now` is the server's time.
pub(crate) fn request_lines(terminal: &Terminal<'_>, request: &Request, now: i64) -> Vec<String> {
    let statement = &request.statement;
    let application = terminal.paint(Style::Strong, &clean(&statement.application, MAX_NAME));
    let user = terminal.paint(Style::Strong, &clean(&statement.user, MAX_NAME));
    let mut lines = vec![format!("{application}: {} for {user}", clean(&statement.kind, MAX_NAME))];
    let from = match (statement.address.as_str(), statement.place.as_str()) {
        ("", "") => None,
        (address, "") => Some(clean(address, MAX_NAME)),
        ("", place) => Some(clean(place, MAX_NAME)),
        (address, place) => Some(format!("{} ({})", clean(address, MAX_NAME), clean(place, MAX_NAME))),
    };
    lines.extend(from.map(|from| field("from", &from)));
    if !statement.hostname.is_empty() {
        lines.push(field("host", &clean(&statement.hostname, MAX_NAME)));
    }
    let left = match seconds_left(request, now) {
        0 => terminal.paint(Style::Bad, "expired"),
        left => format!("{left} s left"),
    };
    lines.push(field("time", &format!("{}, {left}", time_of_day(terminal, statement.time))));
    for (name, value) in &statement.info {
        // Under a label of ours, so that no pair can pass for one of the lines above.
        lines.push(field("info", &format!("{}: {}", clean(name, MAX_NAME), clean(value, MAX_VALUE))));
    }
    lines.push(field("server", &clean(&statement.origin, MAX_NAME)));
    lines.push(terminal.paint(Style::Faint, &field("txid", &clean(&request.txid, MAX_NAME))));
    if request.digits > 0 {
        lines.push(field("number", &format!("needs the {} digits on the screen where you log in", request.digits)));
    }
    lines
}

/// The word for a result, coloured.
pub(crate) fn result_word(terminal: &Terminal<'_>, result: AnswerResult) -> String {
    match result {
        AnswerResult::Approved => terminal.paint(Style::Good, "approved"),
        AnswerResult::Denied => terminal.paint(Style::Bad, "denied"),
        AnswerResult::Fraud => terminal.paint(Style::Bad, "denied and reported as fraud"),
    }
}

/// The word for how a login ended elsewhere.
pub(crate) const fn closed_word(state: Option<ClosedState>) -> &'static str {
    match state {
        Some(ClosedState::Approved) => "approved",
        Some(ClosedState::Denied) => "denied",
        Some(ClosedState::Fraud) => "reported as fraud",
        Some(ClosedState::TimedOut) => "timed out",
        Some(ClosedState::Cancelled) => "cancelled",
        None => "closed",
    }
}

pub(crate) fn field(name: &str, value: &str) -> String {
    format!("  {name:<8}{value}")
}

fn seconds_left(request: &Request, now: i64) -> i64 {
    request.expires.saturating_sub(now).max(0)
}

/// `seconds` as a local time; a nonsensical one as the number.
pub(crate) fn time_of_day(terminal: &Terminal<'_>, seconds: i64) -> String {
    match Timestamp::from_second(seconds) {
        Ok(time) => time.to_zoned(terminal.time_zone.clone()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        Err(_) => seconds.to_string(),
    }
}
