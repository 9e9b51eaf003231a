//! Codes for outages, checked here: whose they are, how often they may be tried, and that none is right twice. No clock, no disk.

use std::collections::HashMap;

use cs_client::outage::{Bundle, EventKind};
use cs_core::otp::{OutageCode, OutageSeed, TypedPasscode};
use cs_core::username::{Username, UsernameNormalization};
use data_encoding::BASE64URL_NOPAD;
use jiff::Timestamp;

use super::journal::Entry;

/// The server's clock may be ahead of ours by so many seconds when it makes a bundle.
const CLOCKS: i64 = 300;

/// What the journal says of codes: built from it at the start, and from each further entry.
#[derive(Debug, Default)]
pub struct Used {
    /// The last step of each person in each group, whatever application and bundle.
    steps: HashMap<String, i64>,
    /// For each application, bundle and person: wrong ones in a row, and right ones.
    counts: HashMap<(String, i64, String), (u32, u32)>,
}

impl Used {
    /// Takes note of what was written down.
    pub fn note(&mut self, entry: &Entry) {
        let (Some(person), Some(bundle)) = (&entry.person, entry.bundle) else { return };
        let counts = self.counts.entry((entry.ikey.clone(), bundle, person.clone())).or_default();
        if let (EventKind::CodeRight, Some(step)) = (entry.kind, entry.step) {
            let last = self.steps.entry(person.clone()).or_insert(-1);
            *last = (*last).max(step);
            *counts = (0, counts.1.saturating_add(1));
        } else {
            counts.0 = counts.0.saturating_add(1);
        }
    }
}

/// Why a code lets nobody in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoCode {
    /// There are no codes here, or not any more.
    NoBundle,
    /// Nobody of that name has codes.
    Unknown,
    /// Too many wrong ones.
    TooManyWrong,
    /// As often in as may be.
    TooOften,
    /// It was used.
    Used,
    /// It is wrong.
    Wrong,
}

impl NoCode {
    /// For the log.
    pub const fn words(self) -> &'static str {
        match self {
            Self::NoBundle => "there are no codes for outages here",
            Self::Unknown => "nobody of that name has codes for outages",
            Self::TooManyWrong => "too many wrong codes since the server was last heard of",
            Self::TooOften => "let in as often as may be since the server was last heard of",
            Self::Used => "the code was used",
            Self::Wrong => "the code is wrong",
        }
    }
}

/// What a typed code comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judged {
    /// In, once this is written down.
    Right(Entry),
    /// Out; this is to be written down all the same, if there is something.
    No(NoCode, Option<Entry>),
}

/// Judges a code that somebody typed at `now`.
pub fn judge(bundle: Option<&Bundle>, used: &Used, user: &str, typed: &str, now: Timestamp) -> Judged {
    let second = now.as_second();
    let is_good = |bundle: &&Bundle| second < bundle.until && second >= bundle.made_at - CLOCKS;
    let Some(bundle) = bundle.filter(is_good) else { return Judged::No(NoCode::NoBundle, None) };
    let normalization = bundle.normalization.parse().unwrap_or(UsernameNormalization::None);
    let name = Username::parse(user).map(|name| name.key(normalization).as_str().to_owned());
    let known = name.ok().and_then(|name| bundle.users.iter().find(|known| known.names.contains(&name)));
    let Some(known) = known else { return Judged::No(NoCode::Unknown, None) };
    let person = format!("{}/{}", bundle.group, known.id);
    let counts = used.counts.get(&(bundle.ikey.clone(), bundle.made_at, person.clone()));
    let (wrong, right) = counts.copied().unwrap_or_default();
    // Nothing is written down of what is not looked at: whoever goes on guessing must not fill the disk.
    if wrong >= bundle.attempts {
        return Judged::No(NoCode::TooManyWrong, None);
    }
    if right >= bundle.uses {
        return Judged::No(NoCode::TooOften, None);
    }
    let entry = |kind, note: &str, step| Entry {
        user: Some(user.chars().take(128).collect()),
        note: Some(note.to_owned()),
        person: Some(person.clone()),
        step,
        bundle: Some(bundle.made_at),
        ..Entry::new(kind, &bundle.ikey, second)
    };
    let last = used.steps.get(&person).copied().unwrap_or(-1);
    let mut why = NoCode::Wrong;
    if let Ok(typed) = TypedPasscode::parse(typed) {
        // Each seed is looked at, so that the time it takes tells nothing.
        let seeds = known.seeds.iter().filter_map(|text| {
            Some(OutageSeed::from_bytes(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?.try_into().ok()?))
        });
        let said: Vec<OutageCode> = seeds.map(|seed| seed.check(&typed, now, last)).collect();
        for one in said {
            match one {
                OutageCode::Right { step } => {
                    return Judged::Right(entry(EventKind::CodeRight, &bundle.group, Some(step)));
                }
                OutageCode::Used => why = NoCode::Used,
                OutageCode::Wrong => {}
            }
        }
    }
    Judged::No(why, Some(entry(EventKind::CodeWrong, why.words(), None)))
}

#[cfg(test)]
mod tests {
    use cs_client::outage::BundleUser;

    use super::*;

    const NOW: i64 = 60_000_015;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn seed(number: u8) -> OutageSeed {
        OutageSeed::from_bytes([number; 20])
    }

    fn bundle() -> Bundle {
        let user = |id: &str, names: &[&str], seeds: &[u8]| BundleUser {
            id: id.to_owned(),
            names: names.iter().map(|name| (*name).to_owned()).collect(),
            seeds: seeds.iter().map(|number| BASE64URL_NOPAD.encode(seed(*number).expose())).collect(),
        };
        Bundle {
            v: 1,
            account: "DA".to_owned(),
            ikey: "DI".to_owned(),
            group: "hq".to_owned(),
            normalization: "simple".to_owned(),
            made_at: NOW - 100,
            until: NOW + 3600,
            attempts: 3,
            uses: 2,
            users: vec![user("DU1", &["alice", "a.liddell"], &[1, 2]), user("DU2", &["bob"], &[3])],
        }
    }

    fn code(number: u8, second: i64) -> String {
        seed(number).code(at(second)).unwrap().to_string()
    }

    /// Judges and takes note, as the proxy does.
    fn try_one(bundle: &Bundle, used: &mut Used, user: &str, typed: &str, second: i64) -> Result<(), NoCode> {
        match judge(Some(bundle), used, user, typed, at(second)) {
            Judged::Right(entry) => {
                used.note(&entry);
                Ok(())
            }
            Judged::No(why, entry) => {
                entry.iter().for_each(|entry| used.note(entry));
                Err(why)
            }
        }
    }

    #[test]
    fn a_code_of_either_authenticator_is_right_once_whatever_the_name() {
        let (bundle, mut used) = (bundle(), Used::default());
        assert_eq!(try_one(&bundle, &mut used, "EXAMPLE\\Alice", &code(1, NOW), NOW), Ok(()));
        assert_eq!(try_one(&bundle, &mut used, "a.liddell@example.org", &code(1, NOW), NOW), Err(NoCode::Used));
        // The other authenticator's code of the same time: a person has one step, so that a copy is as used as the original.
        assert_eq!(try_one(&bundle, &mut used, "alice", &code(2, NOW), NOW), Err(NoCode::Used));
        assert_eq!(try_one(&bundle, &mut used, "alice", &code(2, NOW + 30), NOW + 30), Ok(()));
        assert_eq!(try_one(&bundle, &mut used, "bob", &code(1, NOW + 60), NOW + 60), Err(NoCode::Wrong));
        assert_eq!(try_one(&bundle, &mut used, "mallory", &code(1, NOW + 60), NOW + 60), Err(NoCode::Unknown));
    }

    #[test]
    fn the_same_code_is_used_at_every_application_of_the_group() {
        let (first, mut used) = (bundle(), Used::default());
        let second = Bundle { ikey: "DI2".to_owned(), ..bundle() };
        assert_eq!(try_one(&first, &mut used, "bob", &code(3, NOW), NOW), Ok(()));
        assert_eq!(try_one(&second, &mut used, "bob", &code(3, NOW), NOW), Err(NoCode::Used));
        // A newer bundle does not make it new.
        let newer = Bundle { made_at: NOW, ..bundle() };
        assert_eq!(try_one(&newer, &mut used, "bob", &code(3, NOW), NOW), Err(NoCode::Used));
    }

    #[test]
    fn attempts_and_uses_are_counted_for_a_person_and_a_bundle() {
        let (bundle, mut used) = (bundle(), Used::default());
        for _ in 0..2 {
            assert_eq!(try_one(&bundle, &mut used, "alice", "000000", NOW), Err(NoCode::Wrong));
        }
        // A right one in between begins anew.
        assert_eq!(try_one(&bundle, &mut used, "alice", &code(1, NOW), NOW), Ok(()));
        for _ in 0..3 {
            assert_eq!(try_one(&bundle, &mut used, "alice", "000000", NOW + 30), Err(NoCode::Wrong));
        }
        assert_eq!(try_one(&bundle, &mut used, "alice", &code(1, NOW + 60), NOW + 60), Err(NoCode::TooManyWrong));
        assert_eq!(try_one(&bundle, &mut used, "bob", &code(3, NOW + 60), NOW + 60), Ok(()));
        assert_eq!(try_one(&bundle, &mut used, "bob", &code(3, NOW + 90), NOW + 90), Ok(()));
        assert_eq!(try_one(&bundle, &mut used, "bob", &code(3, NOW + 120), NOW + 120), Err(NoCode::TooOften));
        // The server was heard of in between.
        let newer = Bundle { made_at: NOW + 100, ..bundle };
        assert_eq!(try_one(&newer, &mut used, "alice", &code(1, NOW + 120), NOW + 120), Ok(()));
    }

    #[test]
    fn a_bundle_is_good_in_its_time_only() {
        let bundle = bundle();
        for (second, is_good) in
            [(NOW, true), (bundle.until - 1, true), (bundle.until, false), (bundle.made_at - 301, false)]
        {
            let judged = try_one(&bundle, &mut Used::default(), "bob", &code(3, second), second);
            assert_eq!(judged.is_ok(), is_good, "{second}");
        }
        assert_eq!(judge(None, &Used::default(), "bob", "000000", at(NOW)), Judged::No(NoCode::NoBundle, None));
    }
}
