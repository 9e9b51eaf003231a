//! Enrollment, step by step.

use askama::Template;

use super::{Example, Words};
use crate::Chrome;
use crate::enroll::{
    Backup, Choose, Codes, Compare, Done, NewKey, NewWay, Number, NumberCode, NumberError, Phone, Stage, Visit,
};

/// A picture of a code: what it holds does not matter here.
const QR: &str = "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 9 9'%3E%3Cpath d='M0 0h3v3h-3zM6 0h3v3h-3zM0 6h3v3h-3zM4 1h1v2h-1zM3 4h2v1h-2zM6 4h1v2h2v1h-3zM4 7h2v2h-2zM1 4h1v1h-1zM8 4h1v1h-1zM7 8h2v1h-2z'/%3E%3C/svg%3E";

pub(super) fn all(chrome: Chrome<'_>, w: Words<'_>) -> Result<Vec<Example>, askama::Error> {
    let visit = Visit {
        base: w.is("/enroll/EXAMPLE"),
        token: w.is("1.EXAMPLE"),
        user: w.is("alice@example.org"),
        stage: Stage::First,
    };
    let backup = Visit { stage: Stage::Backup, ..visit };
    let finish = Visit { stage: Stage::Finish, ..visit };
    let link = "https://authenticator.example.org/authenticator/activate#KQ3ZB7XWJ5TNA2HD4MVE6RCY-ZXhhbXBsZS5vcmc";
    let phone = Phone { chrome, visit, link, qr: w.is(QR), on_phone: false, back: true };
    let key = NewKey { chrome, visit, request: w.is("{\"challenge\":\"AA\"}"), way: NewWay::SecurityKey, back: true };
    let codes =
        ["402 918 553", "771 306 284", "895 533 017", "268 740 196", "934 127 650"].map(|code| w.is(code)).repeat(2);
    let number = Number { chrome, visit, sms: true, call: true, error: None };
    let sent = NumberCode { chrome, visit, number: w.is("+49 151 23456789"), wrong: false };
    let done = Done {
        chrome,
        visit: finish,
        ways: &[w.is("Pixel 9"), w.is("MacBook")],
        application: Some(w.is("Payroll & Holidays")),
        devices: None,
    };
    Ok(vec![
        ("enroll-choose".into(), Choose { chrome, visit, ways: &NewWay::ALL[..4] }.render()?),
        ("enroll-phone".into(), phone.render()?),
        ("enroll-phone-itself".into(), Phone { on_phone: true, back: false, ..phone }.render()?),
        ("enroll-compare".into(), Compare { chrome, visit, code: w.is("7F3K"), device: w.is("Pixel 9") }.render()?),
        ("enroll-key".into(), key.render()?),
        ("enroll-platform".into(), NewKey { way: NewWay::Platform, back: false, ..key }.render()?),
        ("enroll-passkey".into(), NewKey { way: NewWay::Passkey, ..key }.render()?),
        ("enroll-number".into(), number.render()?),
        ("enroll-number-wrong".into(), Number { error: Some(NumberError::Number), ..number }.render()?),
        ("enroll-number-limit".into(), Number { call: false, error: Some(NumberError::Limit), ..number }.render()?),
        ("enroll-number-over".into(), Number { sms: false, error: Some(NumberError::Code), ..number }.render()?),
        ("enroll-number-code".into(), sent.render()?),
        ("enroll-number-code-wrong".into(), NumberCode { wrong: true, ..sent }.render()?),
        (
            "enroll-backup".into(),
            Backup { chrome, visit: backup, added: w.is("Pixel 9"), ways: &NewWay::ALL[1..], skip: true }.render()?,
        ),
        (
            "enroll-codes".into(),
            Codes {
                chrome,
                kept: w.is("/enroll/EXAMPLE/kept"),
                token: w.is("1.EXAMPLE"),
                user: visit.user,
                codes: &codes,
            }
            .render()?,
        ),
        ("enroll-done".into(), done.render()?),
        ("enroll-done-no-application".into(), Done { application: None, ..done }.render()?),
        ("enroll-done-portal".into(), Done { application: None, devices: Some("/portal"), ..done }.render()?),
    ])
}
