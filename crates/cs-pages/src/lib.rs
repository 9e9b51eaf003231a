//! Every page that people see: typed contexts in, HTML out.
//!
//! A page is one struct here and one file in `templates/`; its words are in `texts/`, one file for each language, its looks in `assets/style.css`. A page knows nothing
//! of rules, databases or HTTP, so that each can be rendered from an example in a test, in every language.
//!
//! Pages load nothing but what [`Assets`] serves, hold no script or style of their own (the content security policy forbids both), and every form works without
//! script where the factor allows it.

mod assets;
mod chrome;
pub mod examples;
mod language;
mod notice;
pub mod prompt;

pub use askama::{Error as RenderError, Template};
pub use assets::{Asset, Assets};
pub use chrome::{Chrome, Help, HelpLink};
pub use language::{Language, Text};
pub use notice::{Action, Notice, NoticeKind};
