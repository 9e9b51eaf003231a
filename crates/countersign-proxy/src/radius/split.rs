//! A factor typed behind the password, and what a typed word asks for.

use zeroize::Zeroizing;

use crate::cfg::application::Append;

/// What somebody asks for by typing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// A push, to the device of this number or to the usual one.
    Push(Option<usize>),
    /// A call.
    Phone(Option<usize>),
    /// New codes by text message; the login itself fails.
    Sms(Option<usize>),
    /// A code.
    Passcode(Zeroizing<String>),
}

impl Typed {
    /// What a whole text asks for; everything that is no word is a code.
    pub fn of(text: &str) -> Self {
        let lower = text.trim().to_lowercase();
        for (word, typed) in
            [("push", Self::Push as fn(Option<usize>) -> Self), ("phone", Self::Phone), ("sms", Self::Sms)]
        {
            let Some(number) = lower.strip_prefix(word) else { continue };
            match number.parse() {
                Ok(number @ 1..=99) => return typed(Some(number)),
                Ok(_) => {}
                Err(_) if number.is_empty() => return typed(None),
                Err(_) => {}
            }
        }
        Self::Passcode(Zeroizing::new(text.trim().to_owned()))
    }

    /// Whether a text has the look of a factor: a word, six to nine digits, or a code of a YubiKey. Only then is it cut off a password, so that a password which happens to
    /// contain the delimiter is asked of the directory once and whole.
    fn is_likely(text: &str) -> bool {
        match Self::of(text) {
            Self::Push(_) | Self::Phone(_) | Self::Sms(_) => true,
            Self::Passcode(code) => {
                let is_digits = (6..=9).contains(&code.len()) && code.bytes().all(|c| c.is_ascii_digit());
                let is_modhex = (32..=44).contains(&code.len())
                    && code.bytes().all(|c| b"cbdefghijklnrtuv".contains(&c.to_ascii_lowercase()));
                is_digits || is_modhex
            }
        }
    }
}

/// Cuts the factor off where there is one: at the last delimiter, or at the length that passwords have.
pub fn split(password: &str, append: &Append) -> Option<(Zeroizing<String>, Typed)> {
    let (left, right) = cut(password, append).filter(|(_, right)| Typed::is_likely(right))?;
    Some((Zeroizing::new(left.to_owned()), Typed::of(right)))
}

/// As [`split`], where a factor must be there: whatever stands behind the delimiter is it.
pub fn split_always(password: &str, append: &Append) -> Option<(Zeroizing<String>, Typed)> {
    let (left, right) = cut(password, append).filter(|(left, right)| !left.is_empty() && !right.is_empty())?;
    Some((Zeroizing::new(left.to_owned()), Typed::of(right)))
}

fn cut<'a>(password: &'a str, append: &Append) -> Option<(&'a str, &'a str)> {
    if let Some(length) = append.password_length {
        let (at, _) = password.char_indices().nth(length)?;
        let (left, right) = password.split_at(at);
        return Some((left, right.strip_prefix(append.delimiter.as_str()).unwrap_or(right)));
    }
    password.rsplit_once(append.delimiter.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comma() -> Append {
        Append { delimiter: ",".to_owned(), password_length: None }
    }

    fn code(text: &str) -> Typed {
        Typed::Passcode(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn words_and_codes() {
        for (text, typed) in [
            ("push", Typed::Push(None)),
            ("PUSH2", Typed::Push(Some(2))),
            ("phone3", Typed::Phone(Some(3))),
            ("sms", Typed::Sms(None)),
            (" 123456 ", code("123456")),
            ("pushy", code("pushy")),
            ("push0", code("push0")),
            ("push99999999999999999999", code("push99999999999999999999")),
        ] {
            assert_eq!(Typed::of(text), typed, "{text}");
        }
    }

    #[test]
    fn a_password_with_a_comma_stays_whole() {
        let left = |password: &str| split(password, &comma()).map(|(left, typed)| (left.to_string(), typed));
        assert_eq!(left("S3cret,pw"), None);
        assert_eq!(left("S3cret"), None);
        assert_eq!(left("S3cret,pw,push"), Some(("S3cret,pw".to_owned(), Typed::Push(None))));
        assert_eq!(left("S3cret,123456"), Some(("S3cret".to_owned(), code("123456"))));
        assert_eq!(left(",123456"), Some((String::new(), code("123456"))));
        assert_eq!(left("S3cret,"), None);
    }

    #[test]
    fn where_a_factor_must_be_there_anything_is_one() {
        let left = |password: &str| split_always(password, &comma()).map(|(left, typed)| (left.to_string(), typed));
        assert_eq!(left("a,b"), Some(("a".to_owned(), code("b"))));
        assert_eq!((left(",b"), left("a,"), left("ab")), (None, None, None));
    }

    #[test]
    fn a_password_of_known_length_needs_no_delimiter() {
        let append = Append { delimiter: ",".to_owned(), password_length: Some(4) };
        let left = |password: &str| split(password, &append).map(|(left, typed)| (left.to_string(), typed));
        assert_eq!(left("pässpush"), Some(("päss".to_owned(), Typed::Push(None))));
        assert_eq!(left("pass,123456"), Some(("pass".to_owned(), code("123456"))));
        assert_eq!(left("pass"), None);
    }
}
