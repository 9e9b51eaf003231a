//! Users with a token and bypass codes, and what the test knows of each.

use std::thread;

use cs_core::otp::{Digits, OtpAlgorithm, hotp};

use crate::site::{Site, User};

/// Bypass codes that a user has at most at a time.
const BYPASS_CODES: u32 = 10;
/// Callers that make users at a time.
const MAKERS: usize = 4;
/// More than the look-ahead window of a token, 20.
const AHEAD: u64 = 32;
/// Wrong codes in a row that a user may send; the tenth would lock it out.
const MOST_FAILURES: u32 = 7;

/// A code, with what it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Code {
    /// Of the user's token, at this counter: two counters can have the same six digits.
    Token(u64, String),
    /// A bypass code.
    Bypass(String),
}

impl Code {
    /// As typed.
    pub fn text(&self) -> &str {
        match self {
            Self::Token(_, code) | Self::Bypass(code) => code,
        }
    }
}

/// One user.
#[derive(Debug)]
pub struct Person {
    /// The place in [`People`].
    pub index: usize,
    /// The user.
    pub user: User,
    secret: [u8; 20],
    counter: u64,
    bypass: Vec<String>,
    /// The last code that let the user in.
    pub last: Option<Code>,
    failures: u32,
}

impl Person {
    /// A code that was never sent. Every third user prefers bypass codes.
    pub fn fresh(&mut self) -> Code {
        if let Some(code) = self.bypass.pop() {
            return Code::Bypass(code);
        }
        self.counter += 1;
        let counter = self.counter - 1;
        Code::Token(counter, self.code_at(counter))
    }

    fn code_at(&self, counter: u64) -> String {
        hotp(&self.secret, counter, Digits::Six, OtpAlgorithm::Sha1).to_string()
    }

    /// Notes that the user got in.
    pub fn got_in(&mut self, code: Code) {
        self.last = Some(code);
        self.failures = 0;
    }

    /// Whether the used `code` may be sent once more, as one more wrong code, which it notes.
    ///
    /// Not if a code to come happens to have the same digits, which must be accepted: one of 50,000 codes does.
    pub fn may_replay(&mut self, code: &Code) -> bool {
        let is_to_come = match code {
            Code::Token(_, digits) => {
                (self.counter..self.counter + AHEAD).any(|counter| self.code_at(counter) == *digits)
            }
            Code::Bypass(_) => false,
        };
        let may = self.failures < MOST_FAILURES && !is_to_come;
        self.failures += u32::from(may);
        may
    }

    fn make(site: &Site, index: usize) -> Self {
        let user = site.user(&format!("person{index}"));
        let mut secret = [0x5a; 20];
        secret[..8].copy_from_slice(&(index as u64 + 1).to_be_bytes());
        let hex = secret.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        site.token(&user, &format!("{index:06}"), &hex);
        Self { index, user, secret, counter: 0, bypass: Vec::new(), last: None, failures: 0 }
    }
}

/// All users of a test.
pub struct People(pub Vec<Person>);

impl People {
    /// Makes `count` users of `site`.
    pub fn make(site: &Site, count: usize) -> Self {
        let mut people = thread::scope(|scope| {
            let makers: Vec<_> = (0..MAKERS)
                .map(|maker| {
                    scope.spawn(move || {
                        (maker..count).step_by(MAKERS).map(|index| Person::make(site, index)).collect::<Vec<_>>()
                    })
                })
                .collect();
            makers.into_iter().flat_map(|maker| maker.join().unwrap()).collect::<Vec<_>>()
        });
        people.sort_by_key(|person| person.index);
        Self(people)
    }

    /// New bypass codes for every third user that has none left, for at most `most` of them.
    pub fn refill(&mut self, site: &Site, most: usize) {
        let without = self.0.iter_mut().filter(|person| person.index % 3 == 0 && person.bypass.is_empty());
        for person in without.take(most) {
            person.bypass = site.bypass_codes(&person.user, BYPASS_CODES, 1);
        }
    }
}
