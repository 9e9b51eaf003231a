//! A page that says one thing: what happened, what to do, and one button that does it.

use askama::Template;

use crate::Chrome;

/// How it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoticeKind {
    /// It worked.
    Good,
    /// Something to know.
    Info,
    /// It did not work.
    Bad,
}

impl NoticeKind {
    fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Info => "info",
            Self::Bad => "bad",
        }
    }

    fn icon(self) -> &'static str {
        match self {
            Self::Good => "check",
            Self::Info => "info",
            Self::Bad => "alert",
        }
    }
}

/// The one button.
#[derive(Debug, Clone, Copy)]
pub enum Action<'a> {
    /// Goes somewhere.
    Link {
        /// What it says.
        label: &'a str,
        /// Where to.
        url: &'a str,
    },
    /// Sends a form.
    Post {
        /// What it says.
        label: &'a str,
        /// Where to.
        url: &'a str,
        /// The proof that the form is ours.
        token: &'a str,
    },
}

/// The page.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "notice.html")]
pub struct Notice<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// How it looks.
    pub kind: NoticeKind,
    /// What happened, as a headline.
    pub title: &'a str,
    /// What to do, a paragraph each.
    pub lines: &'a [&'a str],
    /// Something to copy, such as a command.
    pub copy: Option<&'a str>,
    /// What comes after that, a paragraph each.
    pub after: &'a [&'a str],
    /// The button.
    pub action: Option<Action<'a>>,
    /// Under what the log keeps it.
    pub reference: Option<&'a str>,
}

/// The notices that the server has before it has pages for what they are about.
impl Notice<'_> {
    /// Renders what stands behind an administrator's setup link.
    pub fn administrator_setup(chrome: Chrome<'_>) -> Result<String, askama::Error> {
        let (what, how, meanwhile) =
            (chrome.say("setup-no-pages"), chrome.say("setup-terminal"), chrome.say("setup-meanwhile"));
        let page = Notice {
            chrome,
            kind: NoticeKind::Info,
            title: &chrome.say("setup-title"),
            lines: &[&what, &how],
            copy: Some("countersign admin administrator set-password EMAIL"),
            after: &[&meanwhile],
            action: None,
            reference: None,
        };
        page.render()
    }
}
