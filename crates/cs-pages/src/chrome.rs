//! What surrounds every page: whose it is, help, language.

use crate::assets::Assets;
use crate::language::{Language, Text};

/// What surrounds a page.
#[derive(Debug, Clone, Copy)]
pub struct Chrome<'a> {
    /// The language.
    pub text: Text,
    /// The account's name.
    pub account: &'a str,
    /// Where its logo is, if it has one.
    pub logo: Option<&'a str>,
    /// Where its own colours are: a stylesheet that sets `--brand` and `--ground`.
    pub brand: Option<&'a str>,
    /// The organisation's help.
    pub help: Option<Help<'a>>,
    /// Whether another language can be chosen here. Not where the address carries a code behind its `#`: following a link would lose it.
    pub language_menu: bool,
}

/// The organisation's help, in the page's language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Help<'a> {
    /// Plain text, at most 200 characters.
    pub text: &'a str,
    /// At most two.
    pub links: &'a [HelpLink<'a>],
}

/// Where there is more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HelpLink<'a> {
    /// What the link says.
    pub label: &'a str,
    /// Where it leads; http or https.
    pub url: &'a str,
}

impl Chrome<'_> {
    /// The text `id`.
    pub fn say(&self, id: &str) -> String {
        self.text.say(id)
    }

    /// The text `id` with one value in it.
    pub fn say_with(&self, id: &str, name: &'static str, value: &str) -> String {
        self.text.say_with(id, name, value)
    }

    /// Where the file `name` is.
    pub fn asset(&self, name: &str) -> &'static str {
        Assets::built_in().path(name)
    }

    /// Every language, for the menu.
    pub fn languages(&self) -> [Language; 5] {
        Language::ALL
    }
}
