//! A login in a frame of another page.

use askama::Template;

use super::{Example, Words};
use crate::Chrome;
use crate::framed::{Finished, HandOver, Start};

pub(super) fn all(chrome: Chrome<'_>, w: Words<'_>) -> Result<Vec<Example>, askama::Error> {
    let chrome = Chrome { language_menu: false, ..chrome };
    let (application, parent) = (w.is("Payroll & Holidays"), w.is("https://payroll.example.org"));
    let (user, tx) = (w.is("alice"), w.is("TX|YWxpY2U=|00"));
    let (code, response) = (w.is("EXAMPLE"), w.is("AUTH|YWxpY2U=|00"));
    Ok(vec![
        ("framed-start".into(), Start { chrome, application, user, tx, parent }.render()?),
        ("framed-hand-over".into(), HandOver { chrome, application, code }.render()?),
        ("framed-finished".into(), Finished { chrome, application, response, parent }.render()?),
    ])
}
