//! Takes secrets out of texts: of the configuration every value whose key is not known to be harmless, of everything else those values.

use zeroize::Zeroizing;

/// What stands in the place of a secret.
const TAKEN_OUT: &str = "(taken out)";
/// A shorter text is no secret worth the name, and would be found everywhere.
const LEAST: usize = 4;

/// Options whose values may be seen, without numbers at their ends. Everything else is taken out: also a key that is misspelt, and one that is new.
const HARMLESS: &[&str] = &[
    "allow_concat",
    "allow_searches_after_bind",
    "allow_unlimited_binds",
    "api_host",
    "api_port",
    "api_timeout",
    "at_attribute",
    "auth_type",
    "bind_dn",
    "bind_reuse",
    "bypass_rule",
    "certs",
    "cipher_list",
    "client",
    "client_ip",
    "client_ip_attr",
    "coa_port",
    "coalesce",
    "concat_mode",
    "dacl",
    "debug",
    "delimited_password_length",
    "delimeter",
    "delimiter",
    "disconnect_disabled",
    "enroll",
    "enroll_challenge",
    "exempt_ou",
    "exempt_primary_bind",
    "exempt_username",
    "factors",
    "failmode",
    "fallback",
    "fallback_after",
    "fips_mode",
    "force_message_authenticator",
    "host",
    "http_ca_certs_file",
    "http_proxy_host",
    "http_proxy_port",
    "idle_timeout",
    "ikey",
    "iframe_script_uri",
    "interface",
    "is_logging_insecure",
    "ldap_filter",
    "limit_proxy_state",
    "log_auth_events",
    "log_dir",
    "log_file",
    "log_max_files",
    "log_max_size",
    "log_sso_events",
    "log_stdout",
    "log_syslog",
    "max_connections",
    "menu",
    "minimum_tls_version",
    "nas_identity",
    "nas_ip",
    "nas_timeout",
    "nested_groups",
    "network_timeout",
    "ntlm_domain",
    "ntlm_workstation",
    "operations_listen",
    "pass_through_all",
    "pass_through_attr_names",
    "pkey",
    "port",
    "prompt",
    "prompt_format",
    "pw_codec",
    "radius_ip",
    "require_message_authenticator",
    "retries",
    "retry_wait",
    "rikey",
    "script_inject",
    "search_dn",
    "security_group_dn",
    "server",
    "service_account_username",
    "spool",
    "spool_days",
    "spool_mb",
    "ssl_ca_certs_file",
    "ssl_cert_path",
    "ssl_key_path",
    "ssl_port",
    "ssl_verify_depth",
    "ssl_verify_hostname",
    "syslog_facility",
    "test_connectivity_on_startup",
    "timeout",
    "tls_ca_file",
    "tls_cert_file",
    "tls_key_file",
    "tls_port",
    "transport",
    "type",
    "upstream_port",
    "username_attribute",
];

/// Knows the secrets of a configuration by value.
#[derive(Default)]
pub(super) struct Redactor {
    secrets: Vec<Zeroizing<String>>,
}

/// What a line of a configuration is.
enum Line<'a> {
    /// Nothing that holds a value: a section's name, a blank line, words of a comment.
    Open,
    /// `key = value`, in a comment or not: everything up to the value, and the value.
    Value(&'a str, &'a str),
    /// No `key = value` and no comment: the rest of some value, perhaps of a secret.
    Loose,
}

fn read(line: &str) -> Line<'_> {
    let content = line.trim();
    let is_comment = content.starts_with([';', '#']);
    if content.is_empty() || (content.starts_with('[') && content.ends_with(']')) {
        return Line::Open;
    }
    match line.find(['=', ':']) {
        Some(at) => {
            let (head, value) = line.split_at(at + 1);
            Line::Value(head, value)
        }
        None if is_comment => Line::Open,
        None => Line::Loose,
    }
}

fn is_harmless(head: &str) -> bool {
    let key = head.trim_matches([' ', '\t', ';', '#', '=', ':']).to_lowercase();
    let is_known = |key: &str| HARMLESS.contains(&key);
    let stem = key.trim_end_matches(|c: char| c.is_ascii_digit()).trim_end_matches('_');
    // The name of a file with a secret is none.
    is_known(&key) || is_known(stem) || stem.ends_with("_file")
}

impl Redactor {
    /// A configuration without its secrets, which are known from here on. A line that continues a value goes with it.
    pub(super) fn configuration(&mut self, text: &str) -> String {
        let mut out = String::new();
        let mut hides = false;
        for line in text.lines() {
            let is_continued = hides && line.starts_with([' ', '\t']);
            match read(line) {
                _ if is_continued => {
                    self.add(line.trim());
                    out.push_str(TAKEN_OUT);
                }
                Line::Open => {
                    hides = false;
                    out.push_str(line);
                }
                Line::Value(head, _) if is_harmless(head) => {
                    hides = false;
                    out.push_str(line);
                }
                Line::Value(head, value) => {
                    hides = true;
                    self.add(value.trim());
                    out.push_str(head);
                    out.push_str(TAKEN_OUT);
                }
                Line::Loose => {
                    self.add(line.trim());
                    out.push_str(TAKEN_OUT);
                }
            }
            out.push('\n');
        }
        // What is a secret somewhere is one everywhere.
        self.text(&out)
    }

    /// Knows one more secret. A value that refers to the environment stands for what is there.
    pub(super) fn add(&mut self, secret: &str) {
        if let Some(name) = secret.strip_prefix("${ENV:").and_then(|rest| rest.strip_suffix('}')) {
            let value = std::env::var(name).unwrap_or_default();
            if !value.starts_with("${ENV:") {
                self.add(&value);
            }
            return;
        }
        // `cs1:…`, or what a comment says before the value.
        if let Some((_, rest)) = secret.split_once(['=', ':']) {
            self.add(rest.trim());
        }
        if secret.len() >= LEAST {
            self.secrets.push(Zeroizing::new(secret.to_owned()));
            // Longer ones first: one may be the beginning of another.
            self.secrets.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
        }
    }

    /// Any text without the secrets that are known.
    pub(super) fn text(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), TAKEN_OUT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "Tr0ub4dor&3";

    /// Every way in which a secret can stand in a configuration.
    const CARRIERS: &[&str] = &[
        "skey=§",
        "skey = §",
        "SKEY: §",
        "skey_protected=cs1:§",
        "radius_secret_1=§",
        "radius_secret_protected_12=§",
        "secret=§",
        "secret_protected=§",
        "service_account_password=§",
        "service_account_password_protected=§",
        "rskey=§",
        "; skey=§",
        "  # old: secret=§",
        "seceret=§",
        "radius_secret1=§",
        "passwd=§",
        "skey=\n  §",
        "skey=first\n  §",
        "§",
        "nobody_knows_this=§",
        "host=10.0.0.1\n§",
    ];

    #[test]
    fn cve_2023_20207_no_secret_gets_out_whatever_key_it_stands_under() {
        for carrier in CARRIERS {
            // A letter of its own stands for the secret.
            let carrier = carrier.replace('§', SECRET);
            let text = format!("[main]\ndebug=true\n[radius_client]\n{carrier}\nport=1812\n");
            let mut redactor = Redactor::default();
            let shown = redactor.configuration(&text);
            assert!(!shown.contains(SECRET), "{carrier}: {shown}");
            assert!(shown.contains("debug=true") && shown.contains("port=1812"), "{shown}");
            // And from a line of the log.
            assert!(!redactor.text(&format!("a line with {SECRET} in it")).contains(SECRET), "{carrier}");
        }
    }

    #[test]
    fn what_is_harmless_is_seen() {
        let text = "[ad_client2]\nhost_2=dc.example.org\nsearch_dn=dc=example\nskey_file=secret.txt\n; a comment about nothing\nradius_ip_3=10.0.0.0/8\n";
        assert_eq!(Redactor::default().configuration(text), text);
    }

    #[test]
    fn every_option_of_the_corpus_is_known_one_way_or_the_other() {
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
        for file in std::fs::read_dir(corpus).unwrap() {
            let path = file.unwrap().path();
            if path.ends_with("mistakes.cfg") || path.ends_with("bad_values.cfg") {
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            for line in Redactor::default().configuration(&text).lines() {
                let hidden = line.contains(TAKEN_OUT) && !line.trim_start().starts_with([';', '#']);
                let is_secret = ["skey", "secret", "password", "reply_attr"].iter().any(|word| line.contains(word));
                assert!(!hidden || is_secret || !line.contains('='), "{}: {line}", path.display());
            }
        }
    }

    #[test]
    fn every_option_occurs_in_the_corpus() {
        let corpus = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
        let files =
            std::fs::read_dir(corpus).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
        let all: Vec<String> = files.collect();
        let keys: Vec<String> = all
            .iter()
            .flat_map(|text| text.lines())
            .filter_map(|line| line.split_once(['=', ':']))
            .map(|(key, _)| {
                key.trim().to_lowercase().trim_end_matches(|c: char| c.is_ascii_digit() || c == '_').to_owned()
            })
            .collect();
        let missing: Vec<&&str> = HARMLESS.iter().filter(|option| !keys.iter().any(|key| key == *option)).collect();
        assert!(missing.is_empty(), "{missing:?}");
    }
}
