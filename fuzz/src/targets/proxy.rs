//! `authproxy.cfg`.

use std::path::Path;

use countersign_proxy::cfg::reader::Sources;
use countersign_proxy::cfg::{self, explain::explain};
use countersign_proxy::connect::Asked;
use zeroize::Zeroizing;

use super::Target;

pub(super) static CONFIGURATION: Target = Target {
    name: "proxy_configuration",
    entry: configuration,
    seeds: &[
        include_bytes!("../../../crates/countersign-proxy/tests/corpus/vpn_auto_ad.cfg"),
        b"[main]\ninterface: ::1\n[duo_only_client]\n[radius_server_auto]\nikey=DI\nskey=s\napi_host=h\nradius_ip_1=10.0.0.0/8\nradius_secret_1=s\nreply_attr_1=Class:x when group=g\n",
        b"[ldap_server_auto]\nclient=ad_client\nexempt_ou_1=a\n\tb\nport : 389 ; x\nskey=${ENV:X}\n",
    ],
    tokens: &[
        b"[",
        b"]",
        b"=",
        b":",
        b"\n",
        b"\n ",
        b"${ENV:",
        b"}",
        b"_1",
        b"_protected",
        b"_file",
        b"[main]",
        b"-1",
        b"0.0.0.0/0",
        b"::/0",
        b" when group=",
        b"4294967296",
    ],
};

fn configuration(octets: &[u8]) {
    let Ok(text) = std::str::from_utf8(octets) else { return };
    let (config, faults) = cfg::read(text, &Nothing);
    let lines = text.lines().count();
    assert!(faults.iter().all(|fault| fault.line.is_none_or(|line| line <= lines.max(1))), "a line that is not there");
    match config {
        Some(config) => drop(explain(&config)),
        None => assert!(!faults.is_empty(), "refused without a word"),
    }
}

pub(super) static CONNECT: Target = Target {
    name: "proxy_connect",
    entry: connect,
    seeds: &[
        b"CONNECT api.example.org:443 HTTP/1.1\r\nHost: api.example.org\r\n\r\nrest",
        b"GET http://api.example.org/ HTTP/1.0\r\n\r\n",
    ],
    tokens: &[b"CONNECT ", b" HTTP/1.1", b"\r\n", b"\r\n\r\n", b":443", b"[", b"]", b"."],
};

fn connect(octets: &[u8]) {
    if let Ok(Some((asked, len))) = countersign_proxy::connect::read(octets) {
        assert!(len <= octets.len() && octets[..len].ends_with(b"\r\n\r\n"), "a head that did not come");
        if let Asked::Tunnel { host, port } = asked {
            assert!(!host.contains(char::is_whitespace) && host == host.to_ascii_lowercase(), "{host:?}:{port}");
        }
    }
}

/// A host with nothing on it.
struct Nothing;

impl Sources for Nothing {
    fn variable(&self, _name: &str) -> Option<String> {
        None
    }

    fn file(&self, _path: &Path) -> std::io::Result<Zeroizing<String>> {
        Err(std::io::ErrorKind::NotFound.into())
    }

    fn unprotect(&self, _value: &str) -> Result<Zeroizing<String>, String> {
        Err("nothing".to_owned())
    }

    fn folder(&self) -> &Path {
        Path::new("/")
    }
}
