//! What a browser says it is: its `User-Agent` header (RFC 9110, section 10.1.5).
//!
//! It is what the person behind it wants it to be, so it may warn and inform, and never proves anything. Browsers also freeze parts of it:
//!
//! * Windows is `NT 10.0` for ever, also on Windows 11: the system's version is not known.
//! * macOS is `10_15_7` (Safari, Chrome) or `10.15` (Firefox) for ever: later than 10.14 is not known.
//! * Android is `10; K` in Chrome: version 10 of a device that says no name is not known.
//! * Chrome and its kin give a major version and zeros.
//! * iPadOS asks for desktop pages and then is a Mac in every letter.
//!
//! Brave and Chromium builds that call themselves Chrome are Chrome.

use crate::policy::facts::Client;
use crate::policy::{Browser, Os, Version};

/// Longer ones are cut: what counts stands in the first few hundred characters.
pub const MAX_USER_AGENT_BYTES: usize = 1024;

/// The marks of browsers, the telling ones first: nearly all of them also call themselves Chrome and Safari.
const BROWSERS: [(&str, Browser, Option<Browser>); 21] = [
    ("EdgA/", Browser::EdgeMobile, None),
    ("EdgiOS/", Browser::EdgeMobile, None),
    ("Edg/", Browser::Edge, Some(Browser::EdgeMobile)),
    ("Edge/", Browser::Edge, Some(Browser::EdgeMobile)),
    ("OPT/", Browser::OperaMobile, None),
    ("OPiOS/", Browser::OperaMobile, None),
    ("OPR/", Browser::Opera, Some(Browser::OperaMobile)),
    ("SamsungBrowser/", Browser::Samsung, None),
    ("Brave/", Browser::Brave, None),
    ("FxiOS/", Browser::FirefoxMobile, None),
    ("Firefox/", Browser::Firefox, Some(Browser::FirefoxMobile)),
    ("IEMobile/", Browser::IeMobile, None),
    ("MSIE ", Browser::Ie, Some(Browser::IeMobile)),
    ("Trident/", Browser::Ie, Some(Browser::IeMobile)),
    ("BB10", Browser::Blackberry, None),
    ("BlackBerry", Browser::Blackberry, None),
    ("CriOS/", Browser::ChromeMobile, None),
    ("Chromium/", Browser::Chromium, None),
    ("HeadlessChrome/", Browser::Chrome, None),
    ("Chrome/", Browser::Chrome, Some(Browser::ChromeMobile)),
    ("Safari/", Browser::Safari, Some(Browser::SafariMobile)),
];

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UserAgent {
    /// The browser; `None` if it is none that we know.
    pub browser: Option<Client<Browser>>,
    /// The operating system; `None` if it is none that we know.
    pub os: Option<Client<Os>>,
}

impl UserAgent {
    /// Reads a header. Never fails: what cannot be understood is not known.
    pub fn parse(header: &str) -> Self {
        let mut end = header.len().min(MAX_USER_AGENT_BYTES);
        while !header.is_char_boundary(end) {
            end -= 1;
        }
        let text = &header[..end];
        let os = os(text);
        Self { browser: browser(text, os), os }
    }
}

fn browser(text: &str, os: Option<Client<Os>>) -> Option<Client<Browser>> {
    let is_mobile = os.is_some_and(|os| os.product.is_mobile());
    let (mark, usual, mobile) = BROWSERS.iter().find(|(mark, ..)| text.contains(mark))?;
    let product = mobile.filter(|_| is_mobile).unwrap_or(*usual);
    // WebViews of Android's old browser call themselves Safari; so do many programs that are none.
    if product == Browser::SafariMobile && os.is_some_and(|os| os.product == Os::Android) {
        return Some(Client { product: Browser::Android, version: after(text, "Version/") });
    }
    let version = match product {
        // The number after `Safari/` is the engine's.
        Browser::Safari | Browser::SafariMobile | Browser::Blackberry => after(text, "Version/"),
        // Trident 7 is Internet Explorer 11 and says so only here.
        Browser::Ie if *mark == "Trident/" => after(text, "rv:"),
        _ => after(text, mark),
    };
    Some(Client { product, version })
}

fn os(text: &str) -> Option<Client<Os>> {
    let known = |product, version| Some(Client { product, version });
    if text.contains("Windows Phone") {
        return known(Os::WindowsPhone, after(text, "Windows Phone OS ").or_else(|| after(text, "Windows Phone ")));
    }
    if text.contains("Windows NT") {
        let frozen = Version::new([10, 0, 0, 0]);
        return known(Os::Windows, after(text, "Windows NT ").filter(|version| *version < frozen));
    }
    for device in ["iPhone", "iPad", "iPod"] {
        if text.contains(device) {
            // `CPU iPhone OS 17_4 like Mac OS X`, and on an iPad `CPU OS 17_4 like Mac OS X`.
            return known(Os::Ios, after(text, "iPhone OS ").or_else(|| after(text, "CPU OS ")));
        }
    }
    if text.contains("Android") {
        let frozen = text.contains("Android 10; K)");
        return known(Os::Android, after(text, "Android ").filter(|_| !frozen));
    }
    if text.contains("CrOS") {
        // `CrOS x86_64 14541.0.0`, frozen too.
        return known(Os::ChromeOs, None);
    }
    if text.contains("BB10") || text.contains("BlackBerry") {
        return known(Os::Blackberry, after(text, "Version/"));
    }
    if text.contains("Macintosh") || text.contains("Mac OS X") {
        let frozen = Version::new([10, 15, 0, 0]);
        return known(Os::Macos, after(text, "Mac OS X ").filter(|version| *version < frozen));
    }
    if text.contains("Linux") || text.contains("X11") { known(Os::Linux, None) } else { None }
}

/// The version that follows `mark`, with its underscores as points.
fn after(text: &str, mark: &str) -> Option<Version> {
    let (_, rest) = text.split_once(mark)?;
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(rest.len());
    let numbers: Vec<&str> = rest[..end].split(['.', '_']).take(Version::MOST_PARTS).collect();
    Version::parse(numbers.join(".").trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Word as _;

    /// As `browser version on system version`, with a dash for what is not known.
    fn told(header: &str) -> String {
        let version = |version: Option<Version>| version.map_or_else(|| "-".to_owned(), |version| version.to_string());
        let UserAgent { browser, os } = UserAgent::parse(header);
        let browser =
            browser.map_or_else(|| "-".to_owned(), |b| format!("{} {}", b.product.as_str(), version(b.version)));
        let os = os.map_or_else(|| "-".to_owned(), |os| format!("{} {}", os.product.as_str(), version(os.version)));
        format!("{browser} on {os}")
    }

    #[test]
    fn browsers_are_known_by_their_own_mark_and_frozen_versions_are_not_believed() {
        const KHTML: &str = "AppleWebKit/537.36 (KHTML, like Gecko)";
        const WEBKIT: &str = "AppleWebKit/605.1.15 (KHTML, like Gecko)";
        for (system, rest, expected) in [
            ("Windows NT 10.0; Win64; x64", "Chrome/131.0.0.0 Safari/537.36", "chrome 131.0.0.0 on windows -"),
            ("Windows NT 6.1; Win64; x64", "Chrome/109.0.0.0 Safari/537.36", "chrome 109.0.0.0 on windows 6.1"),
            (
                "Windows NT 10.0; Win64; x64",
                "Chrome/131.0.0.0 Safari/537.36 Edg/131.0.2903.51",
                "edge 131.0.2903.51 on windows -",
            ),
            (
                "Macintosh; Intel Mac OS X 10_15_7",
                "Chrome/131.0.0.0 Safari/537.36 OPR/115.0.0.0",
                "opera 115.0.0.0 on macos -",
            ),
            ("Linux; Android 10; K", "Chrome/131.0.0.0 Mobile Safari/537.36", "chrome-mobile 131.0.0.0 on android -"),
            (
                "Linux; Android 14; SM-S918B",
                "SamsungBrowser/23.0 Chrome/115.0.0.0 Mobile Safari/537.36",
                "samsung 23.0 on android 14",
            ),
            (
                "Linux; Android 10; K",
                "Chrome/131.0.0.0 Mobile Safari/537.36 EdgA/131.0.0.0",
                "edge-mobile 131.0.0.0 on android -",
            ),
            ("X11; CrOS x86_64 14541.0.0", "Chrome/131.0.0.0 Safari/537.36", "chrome 131.0.0.0 on chromeos -"),
            ("X11; Linux x86_64", "HeadlessChrome/131.0.0.0 Safari/537.36", "chrome 131.0.0.0 on linux -"),
        ] {
            assert_eq!(told(&format!("Mozilla/5.0 ({system}) {KHTML} {rest}")), expected);
        }
        for (system, rest, expected) in [
            ("Macintosh; Intel Mac OS X 10_15_7", "Version/18.1 Safari/605.1.15", "safari 18.1 on macos -"),
            ("Macintosh; Intel Mac OS X 10_13_6", "Version/13.1.2 Safari/605.1.15", "safari 13.1.2 on macos 10.13.6"),
            (
                "iPhone; CPU iPhone OS 17_4_1 like Mac OS X",
                "Version/17.4.1 Mobile/15E148 Safari/604.1",
                "safari-mobile 17.4.1 on ios 17.4.1",
            ),
            (
                "iPad; CPU OS 16_7 like Mac OS X",
                "CriOS/120.0.6099.119 Mobile/15E148 Safari/604.1",
                "chrome-mobile 120.0.6099.119 on ios 16.7",
            ),
            (
                "iPhone; CPU iPhone OS 17_4 like Mac OS X",
                "FxiOS/124.0 Mobile/15E148 Safari/605.1.15",
                "firefox-mobile 124.0 on ios 17.4",
            ),
        ] {
            assert_eq!(told(&format!("Mozilla/5.0 ({system}) {WEBKIT} {rest}")), expected);
        }
        for (header, expected) in [
            (
                "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0",
                "firefox 132.0 on linux -",
            ),
            (
                "Mozilla/5.0 (Android 14; Mobile; rv:132.0) Gecko/132.0 Firefox/132.0",
                "firefox-mobile 132.0 on android 14",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:132.0) Gecko/20100101 Firefox/132.0",
                "firefox 132.0 on macos -",
            ),
            ("Mozilla/5.0 (Windows NT 10.0; WOW64; Trident/7.0; rv:11.0) like Gecko", "ie 11.0 on windows -"),
            ("Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1; Trident/4.0)", "ie 8.0 on windows 5.1"),
            (
                "Mozilla/5.0 (compatible; MSIE 10.0; Windows Phone 8.0; Trident/6.0; IEMobile/10.0)",
                "ie-mobile 10.0 on windows-phone 8.0",
            ),
            ("curl/8.5.0", "- on -"),
            ("", "- on -"),
        ] {
            assert_eq!(told(header), expected);
        }
    }

    #[test]
    fn nonsense_is_unknown_and_long_headers_are_cut() {
        assert_eq!(told("Chrome/999999999999999999.0"), "chrome - on -");
        assert_eq!(told("Chrome/.5"), "chrome - on -");
        assert_eq!(told("Windows NT 10.0"), "- on windows -");
        let long = format!("{}é Firefox/1", "x".repeat(MAX_USER_AGENT_BYTES - 1));
        assert_eq!(told(&long), "- on -");
        let parts = "Firefox/1.2.3.4.5.6";
        assert_eq!(told(parts), "firefox 1.2.3.4 on -");
    }
}
