//! Typed options out of one section. Whatever is asked for is known; what was never asked for is noted as unknown.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::fault::Faults;
use super::grammar::{Entry, RawSection};
use super::word::Word;

/// Where values come from that are not in the file itself.
pub trait Sources {
    /// An environment variable.
    fn variable(&self, name: &str) -> Option<String>;
    /// A file's whole content.
    ///
    /// Fails as reading does.
    fn file(&self, path: &Path) -> std::io::Result<Zeroizing<String>>;
    /// What a `…_protected` value holds.
    ///
    /// Fails with a sentence that says what to do.
    fn unprotect(&self, value: &str) -> Result<Zeroizing<String>, String>;
    /// What relative names are relative to: the folder of the file.
    fn folder(&self) -> &Path;
}

/// Reads one section. Faults are noted and a usual value taken, so that one look finds every mistake.
pub struct Reader<'a> {
    section: &'a RawSection,
    sources: &'a dyn Sources,
    faults: &'a RefCell<Faults>,
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Reader<'a> {
    /// Of a section.
    pub fn new(section: &'a RawSection, sources: &'a dyn Sources, faults: &'a RefCell<Faults>) -> Self {
        Self { section, sources, faults, asked: RefCell::default() }
    }

    /// The section's name as it is written.
    pub fn name(&self) -> &'a str {
        &self.section.name
    }

    /// Notes a mistake at a key, or at the section's name where the key is absent.
    pub fn error(&self, key: &str, text: impl Into<String>) {
        self.faults.borrow_mut().error(self.line_of(key), text);
    }

    /// Notes something doubtful at a key, or at the section's name where the key is absent.
    pub fn warning(&self, key: &str, text: impl Into<String>) {
        self.faults.borrow_mut().warning(self.line_of(key), text);
    }

    fn line_of(&self, key: &str) -> usize {
        self.section.entry(key).map_or(self.section.line, |entry| entry.line)
    }

    /// Whether a key is there, which counts as asking for it.
    pub fn has(&self, key: &str) -> bool {
        self.entry(key).is_some()
    }

    fn entry(&self, key: &str) -> Option<&'a Entry> {
        self.asked.borrow_mut().insert(key.to_owned());
        self.section.entry(key)
    }

    /// A value with its `${ENV:NAME}` filled in; empty values count as absent.
    pub fn text(&self, key: &str) -> Option<Zeroizing<String>> {
        let entry = self.entry(key)?;
        for mark in [" ;", " #"] {
            if entry.value.contains(mark) {
                let text = format!(
                    "the value of {key} contains `{mark}`: there are no comments behind values, all of it is taken"
                );
                self.warning(key, text);
            }
        }
        let is_quoted = |mark| entry.value.len() > 1 && entry.value.starts_with(mark) && entry.value.ends_with(mark);
        if is_quoted('"') || is_quoted('\'') {
            self.warning(key, format!("the value of {key} is in quotes, which are taken as part of it: remove them"));
        }
        let value = self.filled(key, &entry.value)?;
        (!value.is_empty()).then_some(value)
    }

    /// As [`text`](Self::text), in clear: for what is no secret.
    pub fn plain(&self, key: &str) -> Option<String> {
        self.text(key).map(|value| String::clone(&value))
    }

    /// As [`plain`](Self::plain); its absence is a mistake.
    pub fn required(&self, key: &str) -> Option<String> {
        let value = self.plain(key);
        if value.is_none() {
            self.error(key, format!("[{}] needs {key}", self.name()));
        }
        value
    }

    /// The name or address of a host that is asked at the port which `port_key` gives.
    pub fn host(&self, key: &str, port_key: &str) -> Option<String> {
        let host = self.plain(key)?;
        if host.contains(['/', '@', '"', '\'', ' ']) {
            self.error(key, format!("{key} is a name or an address alone: {host:?}"));
        } else if let Some((name, port)) = host.split_once(':')
            && port.parse::<u16>().is_ok()
        {
            self.error(key, format!("{key} is a name or an address alone: write {key}={name} and {port_key}={port}"));
        }
        Some(host)
    }

    /// A file's name, relative to the configuration's folder.
    pub fn path(&self, key: &str) -> Option<PathBuf> {
        self.plain(key).map(|name| self.sources.folder().join(name))
    }

    /// A folder for what the proxy keeps: as [`path`](Self::path), usually below the folder that the service manager gives for that, or beside the configuration.
    pub fn state_path(&self, key: &str) -> PathBuf {
        self.path(key).unwrap_or_else(|| {
            let given = self.sources.variable("STATE_DIRECTORY").filter(|folders| !folders.is_empty());
            let folder = given.as_deref().and_then(|folders| folders.split(':').next()).map(PathBuf::from);
            folder.unwrap_or_else(|| self.sources.folder().to_owned()).join(key)
        })
    }

    /// A file beside the configuration.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.sources.folder().join(name)
    }

    /// An environment variable that stands for a key which is not given.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.sources.variable(name).filter(|value| !value.is_empty())
    }

    /// `true`, `false`, or a number of which zero is false.
    pub fn flag(&self, key: &str, usual: bool) -> bool {
        let Some(value) = self.plain(key) else { return usual };
        let number = value.parse::<i64>().ok();
        match (value.to_lowercase().as_str(), number) {
            ("true", _) => true,
            ("false", _) => false,
            (_, Some(number)) => number != 0,
            (_, None) => {
                self.error(key, format!("{key} is true or false, not {value:?}"));
                usual
            }
        }
    }

    /// A whole number within bounds.
    pub fn number<N>(&self, key: &str, usual: N, bounds: RangeInclusive<N>) -> N
    where
        N: std::str::FromStr + PartialOrd + std::fmt::Display + Copy,
    {
        let Some(value) = self.plain(key) else { return usual };
        match value.parse::<N>() {
            Ok(number) if bounds.contains(&number) => number,
            Ok(_) | Err(_) => {
                let (least, most) = (bounds.start(), bounds.end());
                self.error(key, format!("{key} is a number from {least} to {most}, not {value:?}"));
                usual
            }
        }
    }

    /// One of a few words.
    pub fn word<W: Word>(&self, key: &str, usual: W) -> W {
        let Some(value) = self.plain(key) else { return usual };
        W::of(&value).unwrap_or_else(|| {
            self.error(key, format!("{key} is one of {}, not {value:?}", W::choices()));
            usual
        })
    }

    /// The parts of a list with commas, without blanks around them.
    pub fn list(&self, key: &str) -> Vec<String> {
        let value = self.plain(key).unwrap_or_default();
        value.split([',', '\n']).map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
    }

    /// A secret: `key`, `key_protected` or `key_file`, of which only one may be there.
    pub fn secret(&self, key: &str) -> Option<Zeroizing<String>> {
        self.secret_or_told(key).ok().flatten()
    }

    /// As [`secret`](Self::secret); its absence is a mistake.
    pub fn required_secret(&self, key: &str) -> Option<Zeroizing<String>> {
        let Ok(value) = self.secret_or_told(key) else { return None };
        if value.is_none() {
            let forms = SecretForms::of(key);
            self.error(key, format!("[{}] needs {key}, {} or {}", self.name(), forms.protected, forms.file));
        }
        value
    }

    fn secret_or_told(&self, key: &str) -> Result<Option<Zeroizing<String>>, Told> {
        let forms = SecretForms::of(key);
        let all = [&forms.plain, &forms.protected, &forms.file];
        let given: Vec<&String> = all.into_iter().filter(|form| self.has(form)).collect();
        if let [first, second, ..] = given[..] {
            self.error(second, format!("{first} and {second} exclude each other; keep one"));
            return Err(Told);
        }
        if let Some(value) = self.text(&forms.protected) {
            let opened = self.sources.unprotect(&value);
            return opened
                .map(Some)
                .map_err(|text| self.told(&forms.protected, format!("{}: {text}", forms.protected)));
        }
        if let Some(path) = self.path(&forms.file) {
            let content = self.sources.file(&path);
            let unreadable = |error| self.told(&forms.file, format!("cannot read {}: {error}", path.display()));
            let content = content.map_err(unreadable)?;
            return Ok(Some(Zeroizing::new(content.trim_end_matches(['\r', '\n']).to_owned())));
        }
        let value = self.text(&forms.plain);
        let is_there = self.section.entry(&forms.plain).is_some_and(|entry| !entry.value.is_empty());
        // It is there, and what it refers to is not: that was noted.
        if value.is_none() && is_there { Err(Told) } else { Ok(value) }
    }

    fn told(&self, key: &str, text: String) -> Told {
        self.error(key, text);
        Told
    }

    /// The numbers with which a key is given (`host_2` is 2), in order.
    pub fn numbers(&self, stem: &str) -> Vec<u32> {
        let mut numbers: Vec<u32> = self
            .section
            .entries
            .iter()
            .filter_map(|entry| entry.key.strip_prefix(stem)?.strip_prefix('_')?.parse().ok())
            .collect();
        numbers.sort_unstable();
        numbers.dedup();
        numbers
    }

    /// The numbers with which a key is given, from `first` without a gap: what comes behind a gap would not be read, which is said.
    pub fn gapless(&self, stem: &str, first: u32) -> Vec<u32> {
        let numbers = self.numbers(stem);
        let kept: Vec<u32> = numbers
            .iter()
            .zip(first..)
            .take_while(|(number, place)| *number == place)
            .map(|(number, _)| *number)
            .collect();
        for number in numbers.iter().skip(kept.len()) {
            let key = format!("{stem}_{number}");
            self.has(&key);
            self.error(&key, format!("{key} is not read: {stem}_{first}, {stem}_{}, … must have no gap", first + 1));
        }
        kept
    }

    /// Notes every key that was not asked for, with the one that was probably meant.
    pub fn finish(self) {
        let asked = self.asked.borrow();
        for entry in self.section.entries.iter().filter(|entry| !asked.contains(&entry.key)) {
            let like =
                asked.iter().min_by_key(|known| far(known, &entry.key)).filter(|known| far(known, &entry.key) <= 2);
            let hint = like.map(|known| format!("; {known} was meant?")).unwrap_or_default();
            self.faults.borrow_mut().warning(entry.line, format!("[{}] knows no {}{hint}", self.name(), entry.key));
        }
    }

    /// Fills in `${ENV:NAME}`.
    fn filled(&self, key: &str, value: &str) -> Option<Zeroizing<String>> {
        let mut filled = Zeroizing::new(String::new());
        let mut rest = value;
        while let Some((before, after)) = rest.split_once("${ENV:") {
            let Some((name, after)) = after.split_once('}') else {
                self.error(key, format!("{key} has ${{ENV: without a closing brace"));
                return None;
            };
            let Some(variable) = self.sources.variable(name).map(Zeroizing::new) else {
                self.error(key, format!("{key} wants the environment variable {name}, which is not set"));
                return None;
            };
            filled.push_str(before);
            filled.push_str(&variable);
            rest = after;
        }
        filled.push_str(rest);
        Some(filled)
    }
}

/// Something is wrong, and was noted.
struct Told;

/// The keys under which a secret may stand.
struct SecretForms {
    plain: String,
    protected: String,
    file: String,
}

impl SecretForms {
    /// `skey` is `skey`, `skey_protected`, `skey_file`; the number of `radius_secret_2` comes last in each.
    fn of(key: &str) -> Self {
        let (stem, number) = match key.rsplit_once('_') {
            Some((stem, number)) if number.parse::<u32>().is_ok() => (stem, format!("_{number}")),
            Some(_) | None => (key, String::new()),
        };
        let form = |form: &str| format!("{stem}{form}{number}");
        Self { plain: key.to_owned(), protected: form("_protected"), file: form("_file") }
    }
}

/// How many letters differ, for keys of nearly the same length; otherwise many.
fn far(one: &str, other: &str) -> usize {
    cs_radius::dictionary::distance(one, other)
}
