//! Taking secrets out of text: those known by value, those named, and what looks like one.

const GONE: &str = "[redacted]";
/// Names after which a value is a secret. Compared without case; `password` also finds `db_password`.
const NAMES: [&str; 12] = [
    "password",
    "passwd",
    "passcode",
    "secret",
    "skey",
    "token",
    "authorization",
    "cookie",
    "api_key",
    "apikey",
    "private_key",
    "seed",
];
/// Keys and signatures are this long or longer.
const LONG: usize = 32;
/// A known value shorter than this would take out half the text.
const SHORTEST_KNOWN: usize = 4;

/// Takes secrets out of text.
#[derive(Default)]
pub struct Redactor {
    known: Vec<zeroize::Zeroizing<String>>,
}

impl Redactor {
    /// A value that must not appear.
    pub fn add(&mut self, secret: &str) {
        if secret.len() >= SHORTEST_KNOWN {
            self.known.push(zeroize::Zeroizing::new(secret.to_owned()));
            // A secret may contain another: the longest goes first.
            self.known.sort_by_key(|known| std::cmp::Reverse(known.len()));
        }
    }

    /// A database address: itself, its password as written and decoded, and a password among its parameters.
    pub fn add_url(&mut self, text: &str) {
        let Ok(url) = url::Url::parse(text) else { return };
        if let Some(password) = url.password() {
            self.add(password);
            let pair = format!("p={}", password.replace('+', "%2B"));
            url::form_urlencoded::parse(pair.as_bytes()).for_each(|(_, decoded)| self.add(&decoded));
        }
        for (name, value) in url.query_pairs().filter(|(name, _)| is_secret_name(name)) {
            let _ = name;
            self.add(&value);
        }
        if text.contains('@') || text.contains('?') {
            self.add(text);
        }
    }

    /// `text` without secrets.
    #[must_use]
    pub fn redact(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for known in &self.known {
            text = text.replace(known.as_str(), GONE);
        }
        let mut is_in_pem = false;
        let mut out = String::with_capacity(text.len());
        for line in text.split_inclusive('\n') {
            if line.contains("-----BEGIN ") {
                is_in_pem = !line.contains("-----END ");
                out.push_str("[redacted PEM]\n");
            } else if is_in_pem {
                is_in_pem = !line.contains("-----END ");
            } else {
                out.push_str(&long_words(&named_values(line)));
            }
        }
        out
    }
}

fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    NAMES.iter().any(|secret| name.contains(secret))
}

/// Takes out the value after `name=`, `name: ` or `"name":"`, and the user part of an address.
fn named_values(line: &str) -> String {
    let lower = line.to_ascii_lowercase();
    let mut out = String::new();
    let mut at = 0;
    while at < line.len() {
        let next = NAMES.iter().filter_map(|name| Some((lower[at..].find(name)? + at, name.len()))).min();
        let Some((found, length)) = next else { break };
        let after = found + length;
        let rest = &line[after..];
        let separator = rest.len() - rest.trim_start_matches(['"', '\'', '\\', ' ']).len();
        out.push_str(&line[at..after]);
        at = after;
        if !rest[separator..].starts_with(['=', ':']) {
            continue;
        }
        let value_at = separator + 1;
        let value_at =
            value_at + rest[value_at..].len() - rest[value_at..].trim_start_matches(['"', '\'', '\\', ' ']).len();
        // `Authorization: Basic …` has its secret in the second word.
        let value = &rest[value_at..];
        let scheme = ["Basic ", "Bearer "].into_iter().find(|scheme| value.starts_with(scheme)).map_or(0, str::len);
        let is_quoted = rest[..value_at].ends_with('"');
        let ends = |c: char| if is_quoted { c == '"' } else { c.is_whitespace() || "\"'&,;})]".contains(c) };
        let end = value[scheme..].find(ends).map_or(value.len(), |end| end + scheme);
        out.push_str(&rest[..value_at]);
        out.push_str(GONE);
        at = after + value_at + end;
    }
    out.push_str(&line[at..]);
    user_parts(&out)
}

/// `scheme://user:password@host` loses its password.
fn user_parts(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        out.push_str(before);
        let end = after.find(|c: char| c.is_whitespace() || "/\"'".contains(c)).unwrap_or(after.len());
        let authority = &after[..end];
        match authority.rsplit_once('@') {
            Some((user, host)) if user.contains(':') => {
                out.push_str(&format!("{}:{GONE}@{host}", user.split(':').next().unwrap_or_default()));
            }
            _ => out.push_str(authority),
        }
        rest = &after[end..];
    }
    out.push_str(rest);
    out
}

/// Takes out long runs of letters and digits that no person would write: keys, signatures, tokens.
fn long_words(line: &str) -> String {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "+/_=-".contains(c);
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(is_word) {
        out.push_str(&rest[..start]);
        let word = &rest[start..];
        let end = word.find(|c| !is_word(c)).unwrap_or(word.len());
        let (word, after) = word.split_at(end);
        out.push_str(if looks_secret(word) { GONE } else { word });
        rest = after;
    }
    out.push_str(rest);
    out
}

fn looks_secret(word: &str) -> bool {
    let has = |class: fn(&u8) -> bool| word.as_bytes().iter().any(class);
    let classes = [has(u8::is_ascii_digit), has(u8::is_ascii_lowercase), has(u8::is_ascii_uppercase)];
    let kinds = classes.iter().filter(|has| **has).count();
    word.len() >= LONG && kinds >= 2 && !is_uuid(word)
}

/// Transaction ids are UUIDs and are what a support case is about.
fn is_uuid(word: &str) -> bool {
    let groups: Vec<usize> = word.split('-').map(str::len).collect();
    groups == [8, 4, 4, 4, 12] && word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_go_and_the_rest_stays() {
        let redactor = Redactor::default();
        for (line, expected) in [
            ("skey=abc123 user=alice", "skey=[redacted] user=alice"),
            (
                r#"{"password":"a b c","txid":"1b4e28ba-2fa1-11d2-883f-0016d3cca427"}"#,
                r#"{"password":"[redacted]","txid":"1b4e28ba-2fa1-11d2-883f-0016d3cca427"}"#,
            ),
            ("Authorization: Basic RElXSjhYNkFFWU9S more", "Authorization: [redacted] more"),
            ("open postgres://cs:hunter2@db.example/cs now", "open postgres://cs:[redacted]@db.example/cs now"),
            ("used Zh5eGmUq9zpfQnyUIu5OL9iWoMMv5ZNmk3zLJ4Ep twice", "used [redacted] twice"),
            ("passcode: 123456, factor=passcode", "passcode: [redacted], factor=passcode"),
            (
                "listening on 127.0.0.1:8443 for DIWJ8X6AEYOR5OMC6TQ1",
                "listening on 127.0.0.1:8443 for DIWJ8X6AEYOR5OMC6TQ1",
            ),
            (
                "/var/lib/countersign/tls/server.pem is for localhost",
                "/var/lib/countersign/tls/server.pem is for localhost",
            ),
        ] {
            assert_eq!(redactor.redact(line), expected);
        }
    }

    #[test]
    fn pem_blocks_and_known_values_go() {
        let mut redactor = Redactor::default();
        redactor.add("hunter2");
        redactor.add_url("postgres://u:p%40ss@h/d?password=query-pass");
        let text =
            "a hunter2\n-----BEGIN PRIVATE KEY-----\nMIGH\n-----END PRIVATE KEY-----\nb p@ss p%40ss query-pass\n";
        assert_eq!(redactor.redact(text), "a [redacted]\n[redacted PEM]\nb [redacted] [redacted] [redacted]\n");
    }
}
