//! SPDX licence expressions: may we use what they offer?

use std::fmt;

/// What is wrong with a licence expression.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No choice it leaves consists of allowed licences only.
    NotAllowed,
    /// It is no expression; the offset says where.
    Malformed(usize),
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAllowed => f.write_str("is not on the list of allowed licences"),
            Self::Malformed(word) => write!(f, "is no SPDX expression (at word {})", word + 1),
        }
    }
}

/// Decides whether `expression` can be satisfied by licences for which `is_allowed` holds.
///
/// Grammar: SPDX 2.3, annex D, and the older `A/B` of crates that predate it, meaning `A OR B`.
/// `AND` binds closer than `OR`; `X WITH Y` is one licence, asked for as `"X WITH Y"`.
pub(crate) fn check(expression: &str, is_allowed: &dyn Fn(&str) -> bool) -> Result<(), Refusal> {
    let spaced = expression.replace('(', " ( ").replace(')', " ) ").replace('/', " OR ");
    let words: Vec<&str> = spaced.split_whitespace().collect();
    let mut parser = Parser { words: &words, at: 0, is_allowed };
    let allowed = parser.or()?;
    match (parser.at == words.len(), allowed) {
        (false, _) => Err(Refusal::Malformed(parser.at)),
        (true, false) => Err(Refusal::NotAllowed),
        (true, true) => Ok(()),
    }
}

struct Parser<'a> {
    words: &'a [&'a str],
    at: usize,
    is_allowed: &'a dyn Fn(&str) -> bool,
}

impl Parser<'_> {
    fn or(&mut self) -> Result<bool, Refusal> {
        let mut allowed = self.and()?;
        while self.accept("OR") {
            allowed |= self.and()?;
        }
        Ok(allowed)
    }

    fn and(&mut self) -> Result<bool, Refusal> {
        let mut allowed = self.one()?;
        while self.accept("AND") {
            allowed &= self.one()?;
        }
        Ok(allowed)
    }

    fn one(&mut self) -> Result<bool, Refusal> {
        if self.accept("(") {
            let allowed = self.or()?;
            return if self.accept(")") { Ok(allowed) } else { Err(Refusal::Malformed(self.at)) };
        }
        let licence = self.name()?;
        if self.accept("WITH") {
            let exception = self.name()?;
            return Ok((self.is_allowed)(&format!("{licence} WITH {exception}")));
        }
        Ok((self.is_allowed)(&licence))
    }

    fn name(&mut self) -> Result<String, Refusal> {
        match self.words.get(self.at) {
            Some(&word) if !["(", ")", "AND", "OR", "WITH"].contains(&word) => {
                self.at += 1;
                Ok(word.to_owned())
            }
            _ => Err(Refusal::Malformed(self.at)),
        }
    }

    fn accept(&mut self, word: &str) -> bool {
        let is_next = self.words.get(self.at) == Some(&word);
        self.at += usize::from(is_next);
        is_next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(expression: &str) -> Result<(), Refusal> {
        check(expression, &|name| ["MIT", "ISC", "Apache-2.0", "Apache-2.0 WITH LLVM-exception"].contains(&name))
    }

    #[test]
    fn one_allowed_choice_is_enough() {
        for expression in [
            "MIT",
            "GPL-3.0-only OR MIT",
            "GPL-3.0-only/MIT",
            "ISC AND (GPL-2.0-only OR Apache-2.0)",
            "Apache-2.0 WITH LLVM-exception OR GPL-3.0-only",
            "GPL-3.0-only AND Zlib OR MIT",
            "((MIT))",
        ] {
            assert_eq!(checked(expression), Ok(()), "{expression}");
        }
    }

    #[test]
    fn all_parts_of_an_and_must_be_allowed() {
        for expression in [
            "GPL-3.0-only",
            "MIT AND GPL-3.0-only",
            "(MIT OR ISC) AND GPL-3.0-only",
            "MIT WITH LLVM-exception",
            "GPL-3.0-only OR MIT AND Zlib",
        ] {
            assert_eq!(checked(expression), Err(Refusal::NotAllowed), "{expression}");
        }
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for (expression, at) in [("", 0), ("MIT OR", 2), ("(MIT", 2), ("MIT ISC", 1), ("AND MIT", 0), ("MIT WITH", 2)] {
            assert_eq!(checked(expression), Err(Refusal::Malformed(at)), "{expression}");
        }
    }
}
