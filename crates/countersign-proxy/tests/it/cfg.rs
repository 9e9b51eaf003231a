//! Every file of the corpus: what is noted about it, line by line, and what it does in words.

use std::path::{Path, PathBuf};

use countersign_proxy::cfg::explain::{explain, section_of};
use countersign_proxy::cfg::{self, reader::Sources};
use zeroize::Zeroizing;

/// What the corpus' files find beside them.
struct Beside;

impl Sources for Beside {
    fn variable(&self, name: &str) -> Option<String> {
        (name == "SKEY").then(|| "0123456789012345678901234567890123456789".to_owned())
    }

    fn file(&self, path: &Path) -> std::io::Result<Zeroizing<String>> {
        match path.file_name().and_then(|name| name.to_str()) {
            Some("secret.txt") => Ok(Zeroizing::new("correct horse battery\n".to_owned())),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        }
    }

    fn unprotect(&self, value: &str) -> Result<Zeroizing<String>, String> {
        let opened = "0123456789012345678901234567890123456789".to_owned();
        if value == "SEALED" { Ok(Zeroizing::new(opened)) } else { Err("it was sealed elsewhere".to_owned()) }
    }

    fn folder(&self) -> &Path {
        Path::new("/etc/countersign-proxy")
    }
}

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(corpus().join(name)).unwrap()
}

/// Faults, and what is done if the proxy can start.
fn told(text: &str) -> String {
    let (config, faults) = cfg::read(text, &Beside);
    let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let does = config.map_or_else(|| "It does not start.\n".to_owned(), |config| explain(&config));
    format!("{}\n\n{does}", faults.join("\n"))
}

#[test]
fn every_file_of_the_corpus_is_understood_or_told_why_not() {
    let names = std::fs::read_dir(corpus()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    for name in names {
        insta::assert_snapshot!(name.trim_end_matches(".cfg"), told(&read(&name)));
    }
}

#[test]
fn no_mistake_makes_a_secret_seen() {
    let text = read("mistakes.cfg");
    let secret = "Tr0ub4dor&3";
    for (before, after) in text.match_indices('=').map(|(at, _)| text.split_at(at + 1)) {
        // Every value in its turn is what must not be seen, if its key is a secret's.
        let key = before.rsplit('\n').next().unwrap_or_default();
        if ["skey", "secret", "password", "pasword"].iter().any(|word| key.contains(word)) && !key.contains("_file") {
            let rest = after.find('\n').map_or("", |end| &after[end..]);
            assert!(!told(&format!("{before}{secret}{rest}")).contains(secret), "{key}");
        }
    }
}

#[test]
fn a_file_cut_anywhere_is_read_without_a_panic() {
    let text = read("every_mode.cfg");
    for end in (0..text.len()).step_by(7) {
        drop(cfg::read(&text[..end], &Beside));
    }
}

#[test]
fn the_smallest_network_decides_which_secret_is_meant() {
    let (config, _) = cfg::read(&read("ise_chain.cfg"), &Beside);
    let config = config.unwrap();
    let secret_of = |address: &str| {
        let (_, device) = section_of(&config, 1812, address.parse().unwrap())?;
        Some(device.range.to_string())
    };
    assert_eq!(secret_of("10.1.9.7").as_deref(), Some("10.1.9.1-10.1.9.20"));
    assert_eq!(secret_of("10.1.9.21").as_deref(), Some("10.1.0.0/16"));
    assert_eq!(secret_of("10.2.0.1"), None);
}

fn section(lines: &str) -> String {
    format!(
        "[radius_client]\nhost=10.9.0.1\nsecret=correct horse battery\n[radius_server_auto]\nradius_ip_1=192.0.2.1\nradius_secret_1=correct horse battery\n{lines}"
    )
}

#[test]
fn exchanged_keys_are_told_and_the_secret_is_not_shown() {
    let (ikey, skey) = ("DIXXXXXXXXXXXXXXXXX1", "0123456789012345678901234567890123456789");
    let told = told(&section(&format!("ikey={skey}\nskey={ikey}\napi_host=api.example.org\n")));
    assert!(told.starts_with("line 7: error: ikey and skey are exchanged: the longer one is skey\n"), "{told}");
    assert!(!told.contains(skey), "{told}");
}

#[test]
fn quotes_and_ports_in_a_host_are_told() {
    let text = section("ikey=DIXXXXXXXXXXXXXXXXX1\nskey=${ENV:SKEY}\napi_host=\"api.example.org\"\n");
    let told = told(
        &text
            .replace("host=10.9.0.1", "host=10.9.0.1:1812")
            .replace("secret=correct horse battery\n[", "secret='correct horse battery'\n["),
    );
    let expected = "\
line 2: error: host is a name or an address alone: write host=10.9.0.1 and port=1812
line 3: warning: the value of secret is in quotes, which are taken as part of it: remove them
line 9: warning: the value of api_host is in quotes, which are taken as part of it: remove them
line 9: error: api_host is a name alone, without https:// or a path: \"\\\"api.example.org\\\"\"
";
    assert!(told.starts_with(expected), "{told}");
}
