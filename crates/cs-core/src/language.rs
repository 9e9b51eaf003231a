//! The languages that people are spoken to in, and which of them it is.

/// A language in which everything is said to people: pages, letters, messages and calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Language {
    /// English.
    #[default]
    En,
    /// German.
    De,
    /// French.
    Fr,
    /// Spanish.
    Es,
    /// Japanese.
    Ja,
}

impl Language {
    /// Every language there is, in the order in which they are offered.
    pub const ALL: [Self; 5] = [Self::En, Self::De, Self::Fr, Self::Es, Self::Ja];

    /// The tag (RFC 5646).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::De => "de",
            Self::Fr => "fr",
            Self::Es => "es",
            Self::Ja => "ja",
        }
    }

    /// Its own name for itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "English",
            Self::De => "Deutsch",
            Self::Fr => "Français",
            Self::Es => "Español",
            Self::Ja => "日本語",
        }
    }

    /// Reads a tag; regions and scripts are not looked at.
    pub fn parse(tag: &str) -> Option<Self> {
        let primary = tag.split(['-', '_']).next()?;
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The best language for an `Accept-Language` header (RFC 9110, 12.5.4), or English.
    pub fn accepted(header: &str) -> Self {
        let mut best = (0.0_f32, Self::default());
        // A browser sends a handful; more is no browser.
        for part in header.split(',').take(20) {
            let (tag, quality) = part.split_once(';').unwrap_or((part, "q=1"));
            let quality = quality.trim().strip_prefix("q=").and_then(|q| q.trim().parse::<f32>().ok()).unwrap_or(0.0);
            if let Some(language) = Self::parse(tag.trim())
                && quality > best.0
            {
                best = (quality, language);
            }
        }
        best.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_browser_chooses_the_language() {
        for (header, language) in [
            ("", Language::En),
            ("de-AT,de;q=0.9,en;q=0.8", Language::De),
            ("pt-BR, fr;q=0.5, ja;q=0.7", Language::Ja),
            ("en;q=0.1, es ; q=0.9", Language::Es),
            ("*", Language::En),
            ("zh, ko;q=0.9", Language::En),
            ("fr;q=nonsense, es;q=0.2", Language::Es),
        ] {
            assert_eq!(Language::accepted(header), language, "{header:?}");
        }
    }

    #[test]
    fn a_tag_is_read_without_its_region() {
        for language in Language::ALL {
            let tag = language.tag();
            for form in [tag.to_owned(), tag.to_uppercase(), format!("{tag}-XX"), format!("{tag}_XX")] {
                assert_eq!(Language::parse(&form), Some(language), "{form}");
            }
        }
        assert_eq!([Language::parse(""), Language::parse("e"), Language::parse("english")], [None; 3]);
    }
}
