//! How what is old is updated: by its own menu, by a store, by the system; and where its maker says so.

use cs_core::policy::{Browser, Os};
use cs_engine::prompt::Software;
use cs_pages::Update;

/// In a sentence, and on which page of its maker's. Neither for what has no maker any more, or many.
pub(super) fn updating(software: Software) -> (Option<Update>, Option<&'static str>) {
    match software {
        Software::Browser(browser) => of_browser(browser),
        Software::Os(os) => of_os(os),
    }
}

fn of_browser(browser: Browser) -> (Option<Update>, Option<&'static str>) {
    match browser {
        Browser::Chrome => (Some(Update::Browser), Some("https://support.google.com/chrome/answer/95414")),
        Browser::Firefox => {
            (Some(Update::Browser), Some("https://support.mozilla.org/kb/update-firefox-latest-release"))
        }
        Browser::Brave | Browser::Edge | Browser::Opera => (Some(Update::Browser), None),
        Browser::ChromeMobile
        | Browser::EdgeMobile
        | Browser::FirefoxMobile
        | Browser::OperaMobile
        | Browser::Samsung => (Some(Update::Store), None),
        // They come with the system.
        Browser::Safari => of_os(Os::Macos),
        Browser::SafariMobile => of_os(Os::Ios),
        Browser::Chromium => (Some(Update::System), None),
        Browser::Android | Browser::Blackberry | Browser::Ie | Browser::IeMobile | Browser::Other => (None, None),
    }
}

fn of_os(os: Os) -> (Option<Update>, Option<&'static str>) {
    let page = match os {
        Os::Android => Some("https://support.google.com/android/answer/7680439"),
        Os::ChromeOs => Some("https://support.google.com/chromebook/answer/177889"),
        Os::Ios => Some("https://support.apple.com/HT204204"),
        Os::Macos => Some("https://support.apple.com/HT201541"),
        Os::Linux | Os::Windows => None,
        Os::Blackberry | Os::WindowsPhone | Os::Other => return (None, None),
    };
    (Some(Update::System), page)
}
