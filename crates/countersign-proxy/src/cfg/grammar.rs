//! The grammar of `authproxy.cfg`: sections of `key = value` lines, as Python's `configparser` reads them without interpolation.
//!
//! Keys are the same in capitals or not, a comment is a line of its own, an indented line continues the value before it. Nothing is known yet about what a key means.

use zeroize::Zeroizing;

use super::fault::Faults;

/// The longest file that is read, octets.
pub const MAX_FILE: usize = 1 << 20;

/// `key = value`. Values may be secrets: they are wiped, and not shown by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// In small letters.
    pub key: String,
    /// Without blanks around it.
    pub value: Zeroizing<String>,
    /// Of the key.
    pub line: usize,
}

impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} = … (line {})", self.key, self.line)
    }
}

/// `[name]` and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawSection {
    /// As it is written.
    pub name: String,
    /// Of the header.
    pub line: usize,
    /// In their order, each key once.
    pub entries: Vec<Entry>,
}

impl RawSection {
    /// The entry of a key in small letters.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }
}

/// Reads a file. What cannot be read is noted and skipped, so that one look finds every mistake.
///
/// The values of a section `[DEFAULT]` hold in every other section that does not say otherwise, which is rarely meant: it is noted.
pub fn parse(text: &str, faults: &mut Faults) -> Vec<RawSection> {
    if text.len() > MAX_FILE {
        faults.error(None, format!("the file is longer than {MAX_FILE} octets"));
        return Vec::new();
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reading = Reading { sections: Vec::new(), open: None, faults };
    for (at, line) in text.lines().enumerate() {
        reading.line(at + 1, line);
    }
    let Reading { sections, .. } = reading;
    if sections.is_empty() {
        faults.error(None, "there is no section: write [main] and the sections of servers and clients");
    }
    with_defaults(sections, faults)
}

struct Reading<'a> {
    sections: Vec<RawSection>,
    /// What an indented line continues.
    open: Option<Open>,
    faults: &'a mut Faults,
}

#[derive(Clone, Copy)]
struct Open {
    indent: usize,
    /// A repeated key is refused, and so are the lines that continue it.
    kept: bool,
}

impl Reading<'_> {
    fn line(&mut self, number: usize, line: &str) {
        let content = line.trim();
        if content.starts_with([';', '#']) {
            return;
        }
        if content.is_empty() {
            return;
        }
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        match self.open {
            Some(open) if indent > open.indent => self.continued(number, open, content),
            Some(_) | None if content.starts_with('[') => self.header(number, content),
            Some(_) | None => self.entry(number, indent, content),
        }
    }

    fn continued(&mut self, number: usize, open: Open, content: &str) {
        let entry = self.sections.last_mut().and_then(|section| section.entries.last_mut());
        if let Some(entry) = entry.filter(|_| open.kept) {
            let is_key = |text: &str| text.trim().chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
            if content.starts_with('[') || content.split_once(['=', ':']).is_some_and(|(key, _)| is_key(key)) {
                let text = format!("this line is indented and so belongs to the value of {} above", entry.key);
                self.faults.warning(number, text);
            }
            entry.value.push('\n');
            entry.value.push_str(content);
        }
    }

    fn header(&mut self, number: usize, content: &str) {
        self.open = None;
        let Some((name, after)) = content.strip_prefix('[').and_then(|rest| rest.rsplit_once(']')) else {
            self.faults.error(number, format!("a section's name ends with ]: {content}"));
            return;
        };
        if !after.trim().is_empty() {
            self.faults.warning(number, format!("{:?} after the section's name is ignored", after.trim()));
        }
        let twin = self.sections.iter().find(|section| section.name.eq_ignore_ascii_case(name));
        if let Some(twin) = twin {
            let first = twin.line;
            self.faults.error(number, format!("a second section [{name}]; the first is in line {first}"));
        }
        self.sections.push(RawSection { name: name.to_owned(), line: number, entries: Vec::new() });
    }

    fn entry(&mut self, number: usize, indent: usize, content: &str) {
        self.open = None;
        let Some((key, value)) = content.split_once(['=', ':']) else {
            // What stands there may be a secret that was broken into two lines.
            self.faults.error(number, "this line is no section, no comment and no `key = value`");
            return;
        };
        let key = key.trim().to_lowercase();
        if key.is_empty() {
            self.faults.error(number, "there is no key before the `=`");
            return;
        }
        let Some(section) = self.sections.last_mut() else {
            self.faults.error(number, format!("{key} stands before the first section; write [main] above it"));
            return;
        };
        let first = section.entry(&key).map(|entry| entry.line);
        if let Some(first) = first {
            let text = format!("{key} is given a second time in [{}]; the first is in line {first}", section.name);
            self.faults.error(number, text);
        } else {
            let value = Zeroizing::new(value.trim().to_owned());
            section.entries.push(Entry { key, value, line: number });
        }
        self.open = Some(Open { indent, kept: first.is_none() });
    }
}

fn with_defaults(mut sections: Vec<RawSection>, faults: &mut Faults) -> Vec<RawSection> {
    let Some(at) = sections.iter().position(|section| section.name == "DEFAULT") else { return sections };
    let defaults = sections.remove(at);
    faults.warning(defaults.line, "[DEFAULT] holds in every section; write its keys where they are meant");
    for section in &mut sections {
        let missing: Vec<Entry> =
            defaults.entries.iter().filter(|entry| section.entry(&entry.key).is_none()).cloned().collect();
        section.entries.extend(missing);
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::super::fault::Fault;
    use super::*;

    fn read(text: &str) -> (Vec<RawSection>, Vec<Fault>) {
        let mut faults = Faults::default();
        let sections = parse(text, &mut faults);
        (sections, faults.into_sorted())
    }

    fn values(text: &str) -> Vec<(String, String)> {
        let (sections, faults) = read(text);
        assert_eq!(faults, []);
        let entries = sections.into_iter().flat_map(|section| section.entries);
        entries.map(|entry| (entry.key, entry.value.to_string())).collect()
    }

    #[test]
    fn both_delimiters_any_blanks_and_any_capitals() {
        let text = "\u{feff}[main]\r\nDebug=true\r\n  ; indented comment\n\nlog_dir :  /var/log/x = y \nempty =\n";
        let expected = [("debug", "true"), ("log_dir", "/var/log/x = y"), ("empty", "")];
        assert_eq!(values(text), expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }

    #[test]
    fn there_are_no_inline_comments() {
        assert_eq!(values("[main]\nport=1812 ; radius"), [("port".to_owned(), "1812 ; radius".to_owned())]);
    }

    #[test]
    fn an_indented_line_continues_the_value() {
        let text = "[a]\nnames = one,\n   two,\n\n\tthree\n; comment\nnext = 1";
        assert_eq!(values(text)[0].1, "one,\ntwo,\nthree");
        assert_eq!(values(text)[1].1, "1");
    }

    #[test]
    fn a_key_that_is_indented_is_noted() {
        let (sections, faults) = read("[a]\nport = 1\n  host = x\n");
        assert_eq!(sections[0].entries.len(), 1);
        assert_eq!((faults.len(), faults[0].line), (1, Some(3)));
    }

    #[test]
    fn every_mistake_has_its_line() {
        let text = "early = 1\n[a\n[b]\nno delimiter\n= x\nk = 1\nK = 2\n  continued\n[B] rest\n";
        let (sections, faults) = read(text);
        let lines: Vec<Option<usize>> = faults.iter().map(|fault| fault.line).collect();
        assert_eq!(lines, [Some(1), Some(2), Some(4), Some(5), Some(7), Some(9), Some(9)]);
        assert_eq!(&**sections[0].entry("k").unwrap().value, "1");
        assert_eq!(read("").1.len(), 1);
    }

    #[test]
    fn defaults_hold_everywhere_and_are_noted() {
        let (sections, faults) = read("[DEFAULT]\nport = 1\n[a]\n[b]\nport = 2\n");
        assert_eq!(faults.len(), 1);
        let ports: Vec<&str> = sections.iter().map(|section| section.entry("port").unwrap().value.as_str()).collect();
        assert_eq!(ports, ["1", "2"]);
    }

    #[test]
    fn no_secret_is_shown() {
        let (sections, _) = read("[a]\nskey = sesame");
        assert!(!format!("{sections:?}").contains("sesame"));
        let (_, faults) = read("[a]\nskey = abc\nsesame\n");
        assert!(!faults.iter().any(|fault| fault.text.contains("sesame")));
    }
}
