//! Filters: a small tree, its text (RFC 4515) and its octets (RFC 4511 §4.5.1.7).

use crate::ber::{OCTET_STRING, Writer};

/// How deep filters may nest that are read from text.
pub const MAX_DEPTH: usize = 32;

/// Which entries are meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filter {
    /// All of these hold; of none, always.
    And(Vec<Self>),
    /// One of these holds; of none, never.
    Or(Vec<Self>),
    /// This does not hold.
    Not(Box<Self>),
    /// The attribute has this value.
    Equal(String, Vec<u8>),
    /// The attribute has a value with these parts in this order.
    Substrings {
        /// Its name.
        attribute: String,
        /// The value begins so.
        first: Option<Vec<u8>>,
        /// Then has these.
        between: Vec<Vec<u8>>,
        /// And ends so.
        last: Option<Vec<u8>>,
    },
    /// The attribute has a value not below this.
    GreaterOrEqual(String, Vec<u8>),
    /// The attribute has a value not above this.
    LessOrEqual(String, Vec<u8>),
    /// The attribute is there.
    Present(String),
    /// The attribute has a value like this.
    Approx(String, Vec<u8>),
    /// By a rule of matching, as Microsoft's for groups within groups.
    Extensible {
        /// The rule's name or number.
        rule: Option<String>,
        /// Of this attribute, or of all.
        attribute: Option<String>,
        /// The value.
        value: Vec<u8>,
        /// The entry's name counts too.
        dn_attributes: bool,
    },
}

/// Why a text is no filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum FilterError {
    /// Something is missing at this place, octets from the beginning.
    #[error("{wanted} is missing at place {at} of the filter")]
    Missing {
        /// What.
        wanted: &'static str,
        /// Where.
        at: usize,
    },
    /// A `\` without two hexadecimal digits behind it.
    #[error("a \\ at place {0} of the filter has no two hexadecimal digits behind it")]
    Escape(usize),
    /// Too deep.
    #[error("the filter nests deeper than {MAX_DEPTH}")]
    Depth,
}

impl Filter {
    /// The attribute has this text for a value.
    pub fn equal(attribute: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Self::Equal(attribute.into(), value.into())
    }

    /// Reads a text as `(&(objectClass=person)(uid=al*))`. Outermost parentheses may be missing, and blanks may stand between filters.
    ///
    /// Fails with the place of the mistake.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let mut parser = Parser { text, at: 0 };
        parser.blanks();
        let filter = if parser.next() == Some(b'(') { parser.filter(0)? } else { parser.item()? };
        parser.blanks();
        if parser.at < text.len() { Err(parser.missing("the end")) } else { Ok(filter) }
    }

    pub(crate) fn encode(&self, writer: &mut Writer) {
        let pair = |writer: &mut Writer, tag: u8, attribute: &str, value: &[u8]| {
            writer.nested(tag, |pair| {
                pair.octets(OCTET_STRING, attribute.as_bytes()).octets(OCTET_STRING, value);
            });
        };
        let all = |writer: &mut Writer, tag: u8, filters: &[Self]| {
            writer.nested(tag, |inside| filters.iter().for_each(|filter| filter.encode(inside)));
        };
        match self {
            Self::And(filters) => all(writer, 0xA0, filters),
            Self::Or(filters) => all(writer, 0xA1, filters),
            Self::Not(filter) => {
                writer.nested(0xA2, |inside| filter.encode(inside));
            }
            Self::Equal(attribute, value) => pair(writer, 0xA3, attribute, value),
            Self::Substrings { attribute, first, between, last } => {
                writer.nested(0xA4, |inside| {
                    inside.octets(OCTET_STRING, attribute.as_bytes()).nested(0x30, |parts| {
                        let first = first.iter().map(|part| (0x80, part));
                        let between = between.iter().map(|part| (0x81, part));
                        let last = last.iter().map(|part| (0x82, part));
                        first.chain(between).chain(last).for_each(|(tag, part)| {
                            parts.octets(tag, part);
                        });
                    });
                });
            }
            Self::GreaterOrEqual(attribute, value) => pair(writer, 0xA5, attribute, value),
            Self::LessOrEqual(attribute, value) => pair(writer, 0xA6, attribute, value),
            Self::Present(attribute) => {
                writer.octets(0x87, attribute.as_bytes());
            }
            Self::Approx(attribute, value) => pair(writer, 0xA8, attribute, value),
            Self::Extensible { rule, attribute, value, dn_attributes } => {
                writer.nested(0xA9, |inside| {
                    for (tag, text) in [(0x81, rule), (0x82, attribute)] {
                        if let Some(text) = text {
                            inside.octets(tag, text.as_bytes());
                        }
                    }
                    inside.octets(0x83, value);
                    if *dn_attributes {
                        inside.truth(0x84, true);
                    }
                });
            }
        }
    }
}

/// As RFC 4515 writes it; what is not plain text is escaped.
impl std::fmt::Display for Filter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let list = |f: &mut std::fmt::Formatter<'_>, sign: char, filters: &[Self]| {
            write!(f, "({sign}")?;
            filters.iter().try_for_each(|filter| write!(f, "{filter}"))?;
            f.write_str(")")
        };
        match self {
            Self::And(filters) => list(f, '&', filters),
            Self::Or(filters) => list(f, '|', filters),
            Self::Not(filter) => write!(f, "(!{filter})"),
            Self::Equal(attribute, value) => write!(f, "({attribute}={})", Escaped(value)),
            Self::GreaterOrEqual(attribute, value) => write!(f, "({attribute}>={})", Escaped(value)),
            Self::LessOrEqual(attribute, value) => write!(f, "({attribute}<={})", Escaped(value)),
            Self::Approx(attribute, value) => write!(f, "({attribute}~={})", Escaped(value)),
            Self::Present(attribute) => write!(f, "({attribute}=*)"),
            Self::Substrings { attribute, first, between, last } => {
                write!(f, "({attribute}={}*", Escaped(first.as_deref().unwrap_or_default()))?;
                between.iter().try_for_each(|part| write!(f, "{}*", Escaped(part)))?;
                write!(f, "{})", Escaped(last.as_deref().unwrap_or_default()))
            }
            Self::Extensible { rule, attribute, value, dn_attributes } => {
                write!(f, "({}", attribute.as_deref().unwrap_or_default())?;
                if *dn_attributes {
                    f.write_str(":dn")?;
                }
                if let Some(rule) = rule {
                    write!(f, ":{rule}")?;
                }
                write!(f, ":={})", Escaped(value))
            }
        }
    }
}

struct Escaped<'a>(&'a [u8]);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '(' | ')' | '*' | '\\' | '\0'..='\x1F' | '\x7F' => write!(f, "\\{:02x}", u32::from(c))?,
                    _ => write!(f, "{c}")?,
                }
            }
            chunk.invalid().iter().try_for_each(|octet| write!(f, "\\{octet:02x}"))?;
        }
        Ok(())
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn missing(&self, wanted: &'static str) -> FilterError {
        FilterError::Missing { wanted, at: self.at }
    }

    fn blanks(&mut self) {
        while self.next().is_some_and(|octet| octet.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, octet: u8, wanted: &'static str) -> Result<(), FilterError> {
        if self.next() != Some(octet) {
            return Err(self.missing(wanted));
        }
        self.at += 1;
        Ok(())
    }

    fn filter(&mut self, depth: usize) -> Result<Filter, FilterError> {
        if depth >= MAX_DEPTH {
            return Err(FilterError::Depth);
        }
        self.take(b'(', "(")?;
        let filter = match self.next() {
            Some(b'&') => Filter::And(self.list(depth)?),
            Some(b'|') => Filter::Or(self.list(depth)?),
            Some(b'!') => {
                self.at += 1;
                self.blanks();
                let inside = self.filter(depth + 1)?;
                self.blanks();
                Filter::Not(Box::new(inside))
            }
            Some(_) | None => self.item()?,
        };
        self.take(b')', ")")?;
        Ok(filter)
    }

    fn list(&mut self, depth: usize) -> Result<Vec<Filter>, FilterError> {
        self.at += 1;
        let mut filters = Vec::new();
        self.blanks();
        while self.next() == Some(b'(') {
            filters.push(self.filter(depth + 1)?);
            self.blanks();
        }
        Ok(filters)
    }

    /// What stands between parentheses and is no list.
    fn item(&mut self) -> Result<Filter, FilterError> {
        let attribute = self.word();
        match self.next() {
            Some(b':') => return self.extensible(attribute),
            Some(_) | None if attribute.is_empty() => return Err(self.missing("an attribute's name")),
            Some(b'>') => return self.compared(attribute, Filter::GreaterOrEqual),
            Some(b'<') => return self.compared(attribute, Filter::LessOrEqual),
            Some(b'~') => return self.compared(attribute, Filter::Approx),
            Some(_) | None => {}
        }
        self.take(b'=', "=")?;
        let mut parts = vec![self.value()?];
        while self.next() == Some(b'*') {
            self.at += 1;
            parts.push(self.value()?);
        }
        let some = |part: Vec<u8>| (!part.is_empty()).then_some(part);
        match (parts.pop(), parts.len()) {
            (Some(value), 0) => Ok(Filter::Equal(attribute, value)),
            (Some(last), 1) if last.is_empty() && parts.first().is_some_and(Vec::is_empty) => {
                Ok(Filter::Present(attribute))
            }
            (last, _) => {
                let mut parts = parts.into_iter();
                let first = parts.next().and_then(some);
                let between = parts.filter(|part| !part.is_empty()).collect();
                let filter = Filter::Substrings { attribute, first, between, last: last.and_then(some) };
                match filter {
                    // `**` has no part at all, and says no more than that something is there.
                    Filter::Substrings { attribute, first: None, between, last: None } if between.is_empty() => {
                        Ok(Filter::Present(attribute))
                    }
                    filter => Ok(filter),
                }
            }
        }
    }

    fn compared(&mut self, attribute: String, made: fn(String, Vec<u8>) -> Filter) -> Result<Filter, FilterError> {
        self.at += 1;
        self.take(b'=', "=")?;
        Ok(made(attribute, self.value()?))
    }

    /// `attribute:dn:rule:=value`, of which attribute, dn and rule may be missing, though not attribute and rule both.
    fn extensible(&mut self, attribute: String) -> Result<Filter, FilterError> {
        let (mut rule, mut dn_attributes) = (None, false);
        loop {
            self.take(b':', ":")?;
            if self.next() == Some(b'=') {
                break;
            }
            let word = self.word();
            match &rule {
                None if word.eq_ignore_ascii_case("dn") && !dn_attributes => dn_attributes = true,
                None if !word.is_empty() => rule = Some(word),
                None | Some(_) => return Err(self.missing("a rule's name, or :=")),
            }
        }
        self.take(b'=', "=")?;
        if attribute.is_empty() && rule.is_none() {
            return Err(self.missing("an attribute's or a rule's name"));
        }
        let attribute = (!attribute.is_empty()).then_some(attribute);
        Ok(Filter::Extensible { rule, attribute, value: self.value()?, dn_attributes })
    }

    /// A name with its options, or the number of one.
    fn word(&mut self) -> String {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let belongs = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ';' | '_');
        let word: String = rest.chars().take_while(|&c| belongs(c)).collect();
        self.at += word.len();
        word
    }

    /// Up to the next `(`, `)` or `*`.
    fn value(&mut self) -> Result<Vec<u8>, FilterError> {
        let mut value = Vec::new();
        while let Some(octet) = self.next() {
            match octet {
                b'(' | b')' | b'*' => break,
                b'\\' => {
                    let digits = self.text.get(self.at + 1..self.at + 3);
                    let digits = digits.filter(|digits| digits.bytes().all(|c| c.is_ascii_hexdigit()));
                    let octet = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
                    value.push(octet.ok_or(FilterError::Escape(self.at))?);
                    self.at += 3;
                }
                _ => {
                    value.push(octet);
                    self.at += 1;
                }
            }
        }
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_rfc_4515_are_read_and_written() {
        for text in [
            "(cn=Babs Jensen)",
            "(!(cn=Tim Howes))",
            "(&(objectClass=Person)(|(sn=Jensen)(cn=Babs J*)))",
            "(o=univ*of*mich*)",
            "(seeAlso=)",
            "(cn:caseExactMatch:=Fred Flintstone)",
            "(cn:=Betty Rubble)",
            "(sn:dn:2.4.6.8.10:=Barney Rubble)",
            "(o:dn:=Ace Industry)",
            "(:1.2.3:=Wilma Flintstone)",
            "(:dn:2.4.6.8.10:=Dino)",
            "(o=Parens R Us \\28for all your parenthetical needs\\29)",
            "(cn=*\\2a*)",
            "(filename=C:\\5cMyFile)",
            "(bin=\\00\\00\\00\\04)",
            "(sn=Lučić)",
            "(1.3.6.1.4.1.1466.0=\\04\\02Hi)",
            "(objectClass=*)",
            "(a>=1)",
            "(a<=1)",
            "(a~=1)",
            "(&)",
            "(|)",
            "(memberOf:1.2.840.113556.1.4.1941:=cn=vpn,dc=lab)",
        ] {
            assert_eq!(Filter::parse(text).map(|filter| filter.to_string()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn what_people_write_beside_the_standard() {
        let same = |one: &str, two: &str| assert_eq!(Filter::parse(one), Filter::parse(two), "{one}");
        same("uid=alice", "(uid=alice)");
        same(" (& (a=b) (! (c=d)) ) ", "(&(a=b)(!(c=d)))");
        same("(sn=Lu\\c4\\8di\\c4\\87)", "(sn=Lučić)");
        same("(a=**)", "(a=*)");
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        use FilterError::{Depth, Escape, Missing};
        for (text, error) in [
            ("", Missing { wanted: "an attribute's name", at: 0 }),
            ("(uid=alice", Missing { wanted: ")", at: 10 }),
            ("(uid=alice))", Missing { wanted: "the end", at: 11 }),
            ("(uid)", Missing { wanted: "=", at: 4 }),
            ("(=x)", Missing { wanted: "an attribute's name", at: 1 }),
            ("(a=\\zz)", Escape(3)),
            ("(a=\\+1)", Escape(3)),
            ("(a=é\\)", Escape(5)),
            ("(:=x)", Missing { wanted: "an attribute's or a rule's name", at: 3 }),
            ("(a::b:=x)", Missing { wanted: "a rule's name, or :=", at: 3 }),
        ] {
            assert_eq!(Filter::parse(text), Err(error), "{text}");
        }
        let deep = format!("{}(a=b){}", "(!".repeat(100_000), ")".repeat(100_000));
        assert_eq!(Filter::parse(&deep), Err(Depth));
    }

    #[test]
    fn what_somebody_types_stays_a_value() {
        let filter = Filter::equal("uid", "*)(uid=admin");
        assert_eq!(filter.to_string(), "(uid=\\2a\\29\\28uid=admin)");
        assert_eq!(Filter::parse(&filter.to_string()), Ok(filter));
    }
}
