//! What surrounds every page: whose it is, help, language.

use crate::assets::Assets;
use cs_core::language::Language;

use crate::language::Text;

/// What surrounds a page.
#[derive(Debug, Clone, Copy)]
pub struct Chrome<'a> {
    /// The language.
    pub text: Text,
    /// The account's name.
    pub account: &'a str,
    /// Where its logo is, if it has one; on our own origin.
    pub logo: Option<&'a str>,
    /// Where its own colours are, on our own origin: a stylesheet made by [`crate::Brand`].
    pub brand: Option<&'a str>,
    /// The organisation's help.
    pub help: Option<Help<'a>>,
    /// Whether another language can be chosen here. Not where the address carries a code behind its `#`, and not on a page that came of a form:
    /// following a link would lose it.
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

impl<'a> Help<'a> {
    /// The links that lead into the web; anything else was not written by an administrator of good will.
    pub fn web_links(&self) -> impl Iterator<Item = &HelpLink<'a>> {
        let is_web = |url: &str| {
            ["https://", "http://"]
                .iter()
                .any(|scheme| url.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
        };
        self.links.iter().filter(move |link| is_web(link.url))
    }
}

impl<'a> Chrome<'a> {
    /// A page of `account` without a look or help of its own.
    pub const fn plain(text: Text, account: &'a str) -> Self {
        Self { text, account, logo: None, brand: None, help: None, language_menu: false }
    }

    /// The text `id`.
    pub fn say(&self, id: &str) -> String {
        self.text.say(id)
    }

    /// The text `id` with one value in it.
    pub fn say_with(&self, id: &str, name: &'static str, value: &str) -> String {
        self.text.say_with(id, name, value)
    }

    /// The text `id` with a number in it.
    pub fn say_count(&self, id: &str, count: &usize) -> String {
        self.text.say_count(id, *count)
    }

    /// Where the file `name` is.
    pub fn asset(&self, name: &str) -> &'static str {
        Assets::built_in().path(name)
    }

    /// Every language, for the menu.
    pub fn languages(&self) -> [Language; 5] {
        Language::ALL
    }

    /// Stands for the logo where there is none: the name's first letter.
    pub fn initial(&self) -> String {
        self.account.chars().find(|c| c.is_alphanumeric()).into_iter().flat_map(char::to_uppercase).collect()
    }
}
