//! Everything that can be in the way.

use askama::Template;

use super::{Example, Words};
use crate::{Chrome, Doors, Go, Outdated, Refusal, Update, Why};

pub(super) fn all(chrome: Chrome<'_>, w: Words<'_>) -> Result<Vec<Example>, askama::Error> {
    let again = Go::Post {
        url: w.is("/frame/prompt/EXAMPLE/choose"),
        token: w.is("1.EXAMPLE"),
        fields: &[(w.is("method"), w.is("push"))],
    };
    let other = Go::Post { url: w.is("/frame/prompt/EXAMPLE/options"), token: w.is("1.EXAMPLE"), fields: &[] };
    let doors = Doors {
        again: Some(again),
        other: Some(other),
        enroll: Some(Go::To(w.is("/enroll"))),
        passkey: Some(Go::To(w.is("/portal/passkey"))),
        manage: Some(w.is("/portal")),
        update: Some(w.is("https://support.example.org/update")),
        application: Some(w.is("https://payroll.example.org/")),
    };
    let mut pages = Vec::new();
    for &why in Why::ALL {
        let page = Refusal {
            chrome,
            why,
            application: Some(w.is("Payroll & Holidays")),
            doors,
            minutes: matches!(why, Why::LockedOut | Why::RequestTooOld | Why::ClockAhead).then_some(15),
            how: (why == Why::OutOfDate).then_some(Update::System),
            reference: Some(w.is("4F7A21BC")),
        };
        pages.push((format!("why-{}", why.word()), page.render()?));
    }
    let closed = Refusal {
        chrome: Chrome { help: None, ..chrome },
        why: Why::LockedOut,
        application: None,
        doors: Doors { application: Some(w.is("/")), ..Doors::default() },
        minutes: Some(180),
        how: None,
        reference: None,
    };
    pages.push(("why-locked_out-for-hours".into(), closed.render()?));
    for why in [Why::RequestTooOld, Why::ClockAhead] {
        pages.push((format!("why-{}-by-hours", why.word()), Refusal { why, ..closed }.render()?));
    }
    let in_by_passkey = Doors { again: None, ..doors };
    let page = Refusal { chrome, why: Why::LogInFirst, application: None, doors: in_by_passkey, ..closed };
    pages.push(("why-log_in_first-by-passkey".into(), Refusal { minutes: None, ..page }.render()?));
    let skip = Go::Post { url: w.is("/frame/prompt/EXAMPLE/begin"), token: w.is("1.EXAMPLE"), fields: &[] };
    for how in Update::ALL {
        let old = Outdated {
            chrome,
            software: w.is("Firefox 128"),
            how: Some(how),
            update: doors.update,
            days: Some(7),
            skip,
        };
        pages.push((format!("outdated-{how:?}").to_lowercase(), old.render()?));
        if how == Update::Browser {
            pages.push(("outdated-for-now".into(), Outdated { how: None, update: None, days: None, ..old }.render()?));
        }
    }
    Ok(pages)
}
