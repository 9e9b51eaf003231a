//! The pages of a login in a frame of the application's own page (Web SDK v2), in the order they come.
//!
//! | page | where | what it does by itself |
//! | --- | --- | --- |
//! | [`Start`] | in the frame | opens the login in a window of its own, by a click; waits for that window to bring a code |
//! | (a login) | in the window | |
//! | [`HandOver`] | in the window | gives the code to the frame that has opened it |
//! | [`Finished`] | in the frame | gives the answer to the application's page |
//!
//! Forms: `/frame/web/v1/login` (`tx`) in the window, `/frame/web/v1/result` (`tx`, `parent`, `code`) in the frame. Everything that passes between windows names the
//! origin that it is for.

use askama::Template;

use crate::{CONTENT_SECURITY_POLICY, Chrome};

/// The content security policy of pages that pages of these origins may hold in a frame.
pub fn policy<'a>(origins: impl Iterator<Item = &'a str>) -> String {
    let ancestors: Vec<&str> = origins.collect();
    if ancestors.is_empty() {
        return CONTENT_SECURITY_POLICY.to_owned();
    }
    CONTENT_SECURITY_POLICY.replace("frame-ancestors 'none'", &format!("frame-ancestors {}", ancestors.join(" ")))
}

/// Log in, in a window of its own.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "framed/start.html")]
pub struct Start<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The application.
    pub application: &'a str,
    /// Who logs in, by the name the application gave.
    pub user: &'a str,
    /// The application's request.
    pub tx: &'a str,
    /// The origin of the page that holds the frame.
    pub parent: &'a str,
}

/// In: this window can be closed.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "framed/hand_over.html")]
pub struct HandOver<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The application.
    pub application: &'a str,
    /// What the frame gets its answer for.
    pub code: &'a str,
}

/// In: the application's page goes on.
#[derive(Debug, Clone, Copy, Template)]
#[template(path = "framed/finished.html")]
pub struct Finished<'a> {
    /// What surrounds it.
    pub chrome: Chrome<'a>,
    /// The application.
    pub application: &'a str,
    /// The answer to it.
    pub response: &'a str,
    /// The origin of the page that the answer is for, and of no other.
    pub parent: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_named_origins_may_hold_a_page() {
        assert_eq!(policy(std::iter::empty()), CONTENT_SECURITY_POLICY);
        let some = policy(["https://a.example", "http://localhost:5000"].into_iter());
        assert!(some.contains("; frame-ancestors https://a.example http://localhost:5000; base-uri 'none'"), "{some}");
        assert!(!some.contains("frame-ancestors 'none'") && some.starts_with("default-src 'none'"), "{some}");
    }
}
