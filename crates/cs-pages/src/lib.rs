//! Every page that people see on the way in: typed contexts in, HTML out.
//!
//! A page is one struct here and one file in `templates/`; its words are in `texts/`, one folder for each language, its looks in `assets/style.css`, and what it does by
//! itself in `assets/pages.js`. A page knows nothing of rules, databases or HTTP, so that each can be rendered from an example ([`examples`]) in a test, in every language.
//!
//! | what for | pages |
//! | --- | --- |
//! | a login in the browser | [`prompt`]: `Checking`, `Push`, `Call`, `Passcode`, `Key`, `Options`, `Trust`, `Success` |
//! | the same in a frame of the application's page | [`framed`]: `Start`, `HandOver`, `Finished` |
//! | why somebody cannot go on | [`Refusal`] with a [`Why`] and the [`Doors`] that are open; [`Outdated`], which may be skipped |
//! | enrollment | [`enroll`]: `Choose`, `Phone`, `Compare`, `NewKey`, `Backup`, `Codes`, `Done` |
//! | self-service | [`portal`]: `Devices`, `Remove`, `Lost`, `TestPush`, `Logins`, `NotMe`, `Browsers`, `RecoveryCodes`, `Left` |
//! | anything else that is said once | [`Notice`] |
//!
//! Every page has a [`Chrome`]: language, the organisation's name, logo, colours ([`Brand`]) and help. `page.render()` ([`Template`]) gives the HTML.
//!
//! Pages load nothing but what [`Assets`] serves, hold no script or style of their own (the content security policy forbids both), and every form works without
//! script where the factor allows it. Each module says where its forms post to and with which fields; the proof that a form is ours is always the field `step`.

/// The content security policy that pages are made for: nothing but files of the same origin, never inside another page, and no script may write markup.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
    connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'";

mod assets;
mod brand;
mod chrome;
pub mod enroll;
pub mod examples;
pub mod framed;
mod language;
mod notice;
pub mod portal;
pub mod prompt;
mod refusal;

pub use askama::{Error as RenderError, Template};
pub use assets::{Asset, Assets};
pub use brand::{Brand, Rgb};
pub use chrome::{Chrome, Help, HelpLink};
pub use cs_core::language::Language;
pub use language::Text;
pub use notice::{Action, Notice, NoticeKind};
pub use refusal::{Doors, Go, Outdated, Refusal, Update, Why};
