//! Countries, by their ISO 3166-1 alpha-2 codes.

use std::fmt;

/// The officially assigned codes (ISO 3166-1, 2026: 249 of them) and Kosovo's XK, which geography databases use.
const ASSIGNED: &str = "\
AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN \
CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM \
HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK \
ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW \
SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ UA UG UM US UY UZ VA VC VE VG VI \
VN VU WF WS YE YT ZA ZM ZW XK";

/// A country.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country([u8; 2]);

impl Country {
    /// Reads a code in either case.
    ///
    /// `None` for what ISO has not assigned, save the codes it leaves to users (AA, QM to QZ, XA to XZ, ZZ): an organisation may give its private
    /// networks one of those, and a mistyped code in a deny list would never match anything.
    pub fn parse(text: &str) -> Option<Self> {
        let code: [u8; 2] = text.as_bytes().try_into().ok()?;
        let code = code.map(|b| b.to_ascii_uppercase());
        let free = matches!(code, [b'A', b'A'] | [b'Q', b'M'..=b'Z'] | [b'X', b'A'..=b'Z'] | [b'Z', b'Z']);
        (free || ASSIGNED.as_bytes().chunks(3).any(|known| known[..2] == code)).then_some(Self(code))
    }

    /// The two letters.
    pub fn as_str(&self) -> &str {
        // Only ASCII gets in, through `parse`.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    fn number(self) -> usize {
        usize::from(self.0[0] - b'A') * 26 + usize::from(self.0[1] - b'A')
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const WORDS: usize = (26_usize * 26).div_ceil(64);

/// A set of countries: a lookup is one bit.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Countries([u64; WORDS]);

impl Countries {
    /// None.
    pub const NONE: Self = Self([0; WORDS]);

    /// This and `country`.
    #[must_use]
    pub fn with(mut self, country: Country) -> Self {
        self.0[country.number() / 64] |= 1 << (country.number() % 64);
        self
    }

    /// Whether `country` is in it.
    pub fn contains(&self, country: Country) -> bool {
        self.0[country.number() / 64] & (1 << (country.number() % 64)) != 0
    }

    /// Whether there is none in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// The first country in both.
    pub fn common(&self, other: &Self) -> Option<Country> {
        self.iter().find(|country| other.contains(*country))
    }

    /// The countries, in the order of their codes.
    pub fn iter(&self) -> impl Iterator<Item = Country> {
        (0..26 * 26_u16).filter_map(|n| {
            let (first, second) = ((n / 26) as u8, (n % 26) as u8);
            let country = Country([b'A' + first, b'A' + second]);
            self.contains(country).then_some(country)
        })
    }
}

impl FromIterator<Country> for Countries {
    fn from_iter<I: IntoIterator<Item = Country>>(countries: I) -> Self {
        countries.into_iter().fold(Self::NONE, Self::with)
    }
}

impl fmt::Debug for Countries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_codes_that_can_match_are_read() {
        for good in ["DE", "de", "US", "XK", "ZZ", "XX", "QM", "ZW"] {
            assert_eq!(Country::parse(good).unwrap().as_str(), good.to_uppercase());
        }
        for bad in ["", "D", "DEU", "EN", "UK", "QL", "é", "1A", "D "] {
            assert_eq!(Country::parse(bad), None, "{bad}");
        }
        assert_eq!(ASSIGNED.split(' ').count(), 250);
    }

    #[test]
    fn a_set_of_countries_holds_what_was_put_in() {
        let all: Countries = ASSIGNED.split(' ').map(|code| Country::parse(code).unwrap()).collect();
        assert_eq!(all.iter().count(), 250);
        let some: Countries = ["CH", "ZZ", "AA"].into_iter().filter_map(Country::parse).collect();
        assert_eq!(format!("{some:?}"), "{AA, CH, ZZ}");
        assert_eq!(some.common(&all), Country::parse("CH"));
    }
}
