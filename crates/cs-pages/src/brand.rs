//! An organisation's colours, made readable: whatever is chosen, text on and in them has the contrast that WCAG 2.2 asks for.

use std::fmt;

/// The least contrast of text (WCAG 2.2, 1.4.3).
const READABLE: f64 = 4.5;

/// What text in the organisation's colour stands on, light and dark: `--paper` and `--tint` of the style, the harder of the two each.
const PAPERS: [Rgb; 2] = [Rgb(0xf2, 0xf4, 0xf8), Rgb(0x24, 0x2a, 0x38)];

/// A colour, sRGB.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rgb(pub u8, pub u8, pub u8);

impl Rgb {
    /// Reads `#RRGGBB` or `#RGB`, with or without `#`, as the Admin API takes them.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let number = u32::from_str_radix(digits, 16).ok()?;
        let [_, r, g, b] = match digits.len() {
            6 => number.to_be_bytes(),
            3 => [0, (number >> 8 & 0xf) as u8 * 17, (number >> 4 & 0xf) as u8 * 17, (number & 0xf) as u8 * 17],
            _ => return None,
        };
        Some(Self(r, g, b))
    }

    /// The contrast of two colours, from 1 to 21 (WCAG 2.2, "contrast ratio").
    pub fn contrast(self, other: Self) -> f64 {
        let (a, b) = (self.luminance(), other.luminance());
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    fn luminance(self) -> f64 {
        let linear = |part: u8| {
            let part = f64::from(part) / 255.0;
            if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// So many hundredths of the way to `other`.
    fn towards(self, other: Self, hundredths: u16) -> Self {
        let mix = |from: u8, to: u8| {
            let sum = u16::from(from) * (100 - hundredths) + u16::from(to) * hundredths;
            u8::try_from(sum / 100).unwrap_or(u8::MAX)
        };
        Self(mix(self.0, other.0), mix(self.1, other.1), mix(self.2, other.2))
    }

    /// The colour nearest to this one, on the way to black or white, that can be read on `paper`.
    fn readable_on(self, paper: Self) -> Self {
        let end = if paper.luminance() > 0.18 { Self(0, 0, 0) } else { Self(255, 255, 255) };
        let steps = (0..=100).map(|hundredths| self.towards(end, hundredths));
        steps.into_iter().find(|colour| colour.contrast(paper) >= READABLE).unwrap_or(end)
    }

    /// Black or white, whichever is read better on this colour; one of them always can.
    fn ink(self) -> Self {
        let (black, white) = (Self(0, 0, 0), Self(255, 255, 255));
        if self.contrast(white) >= self.contrast(black) { white } else { black }
    }
}

impl fmt::Display for Rgb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{:02x}{:02x}{:02x}", self.0, self.1, self.2)
    }
}

/// An organisation's look. Its name and logo are in [`crate::Chrome`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Brand<'a> {
    /// The colour of buttons and links.
    pub accent: Option<Rgb>,
    /// The colour behind the card.
    pub ground: Option<Rgb>,
    /// A picture behind the card: a path on our own origin.
    pub background: Option<&'a str>,
}

impl Brand<'_> {
    /// The stylesheet, to be served on our own origin as [`crate::Chrome::brand`].
    pub fn stylesheet(&self) -> String {
        let mut css = String::new();
        if let Some(accent) = self.accent {
            let [light, dark] = PAPERS.map(|paper| accent.readable_on(paper));
            css += &format!(":root{{--brand:{accent};--on-brand:{};--link:{light}}}", accent.ink());
            css += &format!(
                "@media(prefers-color-scheme:dark){{:root{{--brand:{dark};--on-brand:{};--link:{dark}}}}}",
                dark.ink()
            );
        }
        if let Some(ground) = self.ground {
            let ink = ground.ink();
            // What stands on the ground itself: the name above the card, help and languages below.
            css += &format!(":root{{--ground:{ground};--on-ground:{ink};--on-ground-soft:{ink}}}");
        }
        if let Some(path) = self.background.filter(|path| is_plain(path)) {
            // Words outside of the card cannot be read on any picture: they get cards of their own. On a phone the card hides the picture, which is then not loaded.
            css += &format!(
                "@media screen and (min-width:40em){{body{{background:var(--ground) url({path}) center/cover fixed}}\
                 .owner,.tabs,.foot{{padding:.6rem 1rem;border-radius:var(--radius);background:var(--paper);--on-ground:var(--ink);--on-ground-soft:var(--soft)}}\
                 .tabs [aria-current]{{background:var(--tint)}}}}"
            );
        }
        css
    }
}

/// A path that cannot end its place in a stylesheet.
fn is_plain(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_read_as_the_admin_api_takes_them() {
        assert_eq!(Rgb::parse("#0a1B2c"), Some(Rgb(0x0a, 0x1b, 0x2c)));
        assert_eq!(Rgb::parse("fA0"), Some(Rgb(0xff, 0xaa, 0x00)));
        for wrong in ["", "#", "#12", "#12345", "#1234567", "#ggg", "red", "#-12345", "+12345", "日本語"] {
            assert_eq!(Rgb::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn contrast_is_what_wcag_says() {
        assert!((Rgb(0, 0, 0).contrast(Rgb(255, 255, 255)) - 21.0).abs() < 0.001);
        assert!((Rgb(0x77, 0x77, 0x77).contrast(Rgb(255, 255, 255)) - 4.478).abs() < 0.01, "a known near miss");
    }

    #[test]
    fn every_colour_can_be_read() {
        let parts = [0_u8, 40, 80, 119, 128, 160, 200, 230, 255];
        for r in parts {
            for g in parts {
                for b in parts {
                    let colour = Rgb(r, g, b);
                    assert!(colour.contrast(colour.ink()) >= READABLE, "on {colour}");
                    for paper in PAPERS {
                        let readable = colour.readable_on(paper);
                        assert!(readable.contrast(paper) >= READABLE, "{colour} on {paper}: {readable}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_stylesheet_holds_colours_and_nothing_that_was_smuggled_in() {
        let brand =
            Brand { accent: Rgb::parse("#ffcc00"), ground: Rgb::parse("#102030"), background: Some("/brand/b.png") };
        let css = brand.stylesheet();
        assert!(css.contains("--brand:#ffcc00;--on-brand:#000000") && css.contains("--ground:#102030"), "{css}");
        assert!(css.contains("url(/brand/b.png)"), "{css}");
        for hostile in ["/x);}body{display:none", "//evil.example/x.png", "https://evil.example/", "/x y", "/\\"] {
            assert_eq!(Brand { background: Some(hostile), ..Brand::default() }.stylesheet(), "", "{hostile}");
        }
    }
}
