//! `countersign-proxy` between OpenLDAP's programs, ldap3 and slapd 2.5.13, which know nothing of it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Instant;

use e2e::ldap::{LdapProxy, LdapTool};
use e2e::slapd::{APPLICATION_PASSWORD, PASSWORD, SERVICE_PASSWORD, Slapd};
use e2e::{PATIENCE, Phone, Site, ldap3_python};

const ALICE: &str = "uid=alice,ou=people,dc=lab";
const APPLICATION: &str = "cn=app,ou=services,dc=lab";
/// Every bind needs a second factor.
const EACH: &str = "exempt_primary_bind=false";

struct Lab {
    site: Site,
    phone: Phone,
    slapd: Slapd,
    proxy: LdapProxy,
}

fn lab(options: &str) -> Lab {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let slapd = Slapd::start();
    let proxy = LdapProxy::start(&site, &site.integration("radius"), options, &slapd);
    Lab { site, phone, slapd, proxy }
}

impl Lab {
    fn tool(&self, name: &str, arguments: &[&str]) -> LdapTool {
        LdapTool::start(name, &self.proxy.url(), &self.proxy.authority.ca(), arguments)
    }

    fn who_am_i(&self, password: &str) -> LdapTool {
        self.tool("ldapwhoami", &["-D", ALICE, "-w", password])
    }

    fn with_code(&self) -> String {
        format!("{PASSWORD},{}", self.phone.passcode())
    }
}

#[test]
fn a_push_lets_in_and_the_directory_is_asked_once() {
    let lab = lab(EACH);
    let watch = lab.phone.watch();
    let tool = lab.who_am_i(&format!("{PASSWORD},push"));
    lab.phone.approve(&watch.request(), None);
    assert_eq!(tool.end(), (0, format!("dn:{ALICE}\n")));
    // The same again within moments, as applications do that bind twice, on a connection of its own.
    assert_eq!(lab.who_am_i(&format!("{PASSWORD},push")).end(), (0, format!("dn:{ALICE}\n")));
    assert_eq!((lab.slapd.binds(ALICE), watch.requests_so_far()), (2, 1));
    let events = lab.proxy.events();
    let event: serde_json::Value = serde_json::from_str(events.lines().next().unwrap()).unwrap();
    assert_eq!((&event["username"], &event["dn"], &event["status"]), (&"alice".into(), &ALICE.into(), &"Allow".into()));
    assert!(!lab.proxy.log().contains("S3cret") && !events.contains("S3cret"));
}

#[test]
fn a_denial_and_a_wrong_password_are_told_apart() {
    let lab = lab(EACH);
    let (code, text) = lab.who_am_i("wrong,push").end();
    assert_eq!((code, text.trim()), (49, "ldap_bind: Invalid credentials (49)"));
    assert!(lab.phone.waiting().is_empty());
    assert_eq!(lab.slapd.binds(ALICE), 1, "one count of bad passwords");
    let watch = lab.phone.watch();
    let tool = lab.who_am_i(PASSWORD);
    lab.phone.deny(&watch.request());
    let (code, text) = tool.end();
    assert!(code == 49 && text.contains("additional info: ") && text.contains("denied"), "{text}");
    let (code, text) = lab.who_am_i(&format!("{PASSWORD},000000")).end();
    assert!(code == 49 && text.contains("additional info: "), "{text}");
    // A name without a password is no login (RFC 4513 §5.1.2); nobody in particular is nobody.
    assert_eq!(lab.who_am_i("").end().0, 53);
    assert_eq!(lab.tool("ldapwhoami", &[]).end(), (0, "anonymous\n".to_owned()));
}

#[test]
fn pages_of_a_search_come_as_from_the_directory_itself() {
    let lab = lab(EACH);
    let search = ["-b", "dc=lab", "-E", "pr=7/noprompt", "-o", "ldif-wrap=no", "(objectClass=*)"];
    let (through, directly) = (lab.with_code(), format!("ldap://127.0.0.1:{}", lab.slapd.port));
    let through = lab.tool("ldapsearch", &[&["-D", ALICE, "-w", &through][..], &search].concat()).end();
    let directly = LdapTool::start(
        "ldapsearch",
        &directly,
        &lab.slapd.authority.ca(),
        &[&["-D", ALICE, "-w", PASSWORD][..], &search].concat(),
    );
    assert_eq!(through, directly.end());
    assert!(through.1.contains("numEntries: 207") && through.1.contains("uid=user199"), "{}", through.1);
}

/// Everything that comes until the other end has nothing more to say.
#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn converse(port: u16, octets: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // The other end may have had enough before everything is written.
    _ = stream.write_all(octets);
    let mut answer = Vec::new();
    _ = stream.read_to_end(&mut answer);
    answer
}

/// A search for everything as nobody in particular, and the end of the connection once it was answered.
#[expect(clippy::unwrap_used, reason = "a helper of tests")]
fn search_octets(stream: &mut TcpStream) -> Vec<u8> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    // Lengths in the long form, an operation in the middle that is unknown to us (a comparison), and a search.
    let compare = b"\x30\x84\x00\x00\x00\x20\x02\x01\x05\x6e\x1b\x04\x06dc=lab\x30\x11\x04\x0bobjectClass\x04\x02xx";
    let search = b"\x30\x2b\x02\x01\x07\x63\x26\x04\x06dc=lab\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\x87\x0bobjectClass\x30\x00";
    stream.write_all(compare).unwrap();
    stream.write_all(search).unwrap();
    let (mut answer, mut chunk) = (Vec::new(), [0; 8192]);
    while !answer.ends_with(b"\x02\x01\x07\x65\x07\x0a\x01\x00\x04\x00\x04\x00") {
        match stream.read(&mut chunk).unwrap() {
            0 => break,
            len => answer.extend_from_slice(&chunk[..len]),
        }
    }
    answer
}

#[test]
fn answers_come_octet_for_octet() {
    let lab = lab(EACH);
    let answer = |port| search_octets(&mut TcpStream::connect(("127.0.0.1", port)).unwrap());
    let (through, directly) = (answer(lab.proxy.port), answer(lab.slapd.port));
    assert!(through.len() > 40_000 && through.starts_with(b"\x30"), "{} octets", through.len());
    assert!(through == directly, "{} octets through us, {} directly", through.len(), directly.len());
}

#[test]
fn start_tls_and_ldaps_are_spoken() {
    let lab = lab(EACH);
    let ca = lab.proxy.authority.ca();
    let typed = lab.with_code();
    let tool = LdapTool::start("ldapwhoami", &lab.proxy.url(), &ca, &["-ZZ", "-D", ALICE, "-w", &typed]);
    assert_eq!(tool.end(), (0, format!("dn:{ALICE}\n")));
    // A moment later, the same code is no second use of it but the same login.
    let tool = LdapTool::start("ldapwhoami", &lab.proxy.tls_url(), &ca, &["-D", ALICE, "-w", &typed]);
    assert_eq!(tool.end(), (0, format!("dn:{ALICE}\n")));
    // A client that trusts another authority says no.
    let stranger = LdapTool::start("ldapwhoami", &lab.proxy.tls_url(), &lab.slapd.authority.ca(), &[]);
    assert_ne!(stranger.end().0, 0);
}

#[test]
fn the_directory_is_asked_by_tls_as_the_section_says() {
    let lab = lab(EACH);
    let (site, slapd) = (&lab.site, &lab.slapd);
    let ca = slapd.authority.ca();
    for (transport, port) in [("starttls", slapd.port), ("ldaps", slapd.tls_port)] {
        let directory = |ca: &std::path::Path| {
            format!("host=localhost\nport={port}\ntransport={transport}\nssl_ca_certs_file={}", ca.display())
        };
        let proxy = LdapProxy::asking(site.host(), site, &site.integration("radius"), EACH, &directory(&ca));
        let typed = lab.with_code();
        let tool = LdapTool::start("ldapwhoami", &proxy.url(), &ca, &["-D", ALICE, "-w", &typed]);
        assert_eq!(tool.end(), (0, format!("dn:{ALICE}\n")), "{}", proxy.log());
        // Somebody else's certificate: nobody is sent a password.
        let binds = slapd.binds(ALICE);
        let other = directory(&site.ca());
        let proxy = LdapProxy::asking(site.host(), site, &site.integration("radius"), EACH, &other);
        let (code, text) = LdapTool::start("ldapwhoami", &proxy.url(), &ca, &["-D", ALICE, "-w", PASSWORD]).end();
        assert!(code == 52 && text.contains("directory cannot be reached"), "{code} {text}");
        assert_eq!(slapd.binds(ALICE), binds);
    }
}

#[test]
fn ldap3_binds_searches_binds_and_binds_again_on_one_connection() {
    let lab = lab("");
    let watch = lab.phone.watch();
    let flow = Command::new(ldap3_python())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/clients/ldap_flow.py"))
        .args([&lab.proxy.url(), APPLICATION, APPLICATION_PASSWORD, "alice", PASSWORD])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    lab.phone.approve(&watch.request(), None);
    let output = flow.wait_with_output().unwrap();
    let steps: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let bound = serde_json::json!([true, "success", ""]);
    let found = serde_json::json!([ALICE, "alice@lab.test"]);
    let (alice, application) = (format!("dn:{ALICE}"), format!("dn:{APPLICATION}"));
    assert_eq!(steps, serde_json::json!([bound, found, bound, alice, bound, found, application]));
    assert_eq!(watch.requests_so_far(), 1);
}

#[test]
fn exempt_names_need_no_second_factor_and_others_do() {
    let lab = lab(&format!("{EACH}\nexempt_ou_1=OU=Services, DC=lab"));
    let tool = lab.tool("ldapwhoami", &["-D", "CN=app,ou=SERVICES,dc=lab", "-w", APPLICATION_PASSWORD]);
    assert_eq!(tool.end(), (0, format!("dn:{APPLICATION}\n")));
    let tool = lab.tool("ldapwhoami", &["-D", "cn=svc,ou=services,dc=lab", "-w", SERVICE_PASSWORD]);
    assert_eq!(tool.end().0, 0);
    lab.proxy.says("exempt_ou");
    let typed = lab.with_code();
    assert_eq!(lab.who_am_i(&typed).end().0, 0);
    // A name of the server that is not enrolled.
    let (code, text) = lab.tool("ldapwhoami", &["-D", "uid=bob,ou=people,dc=lab", "-w", PASSWORD]).end();
    assert!(code == 49 && text.contains("additional info: "), "{text}");
}

#[test]
fn an_account_that_is_nobodys_is_not_let_in() {
    let lab = lab(EACH);
    // It is no person, so there is nobody to ask.
    let (code, text) = lab.tool("ldapwhoami", &["-D", APPLICATION, "-w", "app,push"]).end();
    assert_eq!(code, 49, "{text}");
    let (code, text) = lab.tool("ldapwhoami", &["-D", "cn=svc,ou=services,dc=lab", "-w", SERVICE_PASSWORD]).end();
    assert!(code == 49 && text.contains("not among those that may log in here"), "{text}");
}

#[test]
fn whoever_goes_away_takes_the_push_along() {
    let lab = lab(EACH);
    let watch = lab.phone.watch();
    let tool = lab.who_am_i(PASSWORD);
    watch.request();
    tool.kill();
    lab.proxy.says("went away");
    let deadline = Instant::now() + PATIENCE;
    while !lab.phone.waiting().is_empty() {
        assert!(Instant::now() < deadline, "the push still waits");
    }
}

#[test]
fn a_directory_that_dies_in_the_middle_lets_nobody_in() {
    let mut lab = lab(EACH);
    let watch = lab.phone.watch();
    let tool = lab.who_am_i(PASSWORD);
    watch.request();
    lab.slapd.kill();
    let (code, text) = tool.end();
    assert!(code == 52 && text.contains("directory cannot be reached"), "{code} {text}");
    let (code, text) = lab.who_am_i(PASSWORD).end();
    assert!(code == 52 && text.contains("directory cannot be reached"), "{code} {text}");
}

#[test]
fn what_is_no_ldap_is_told_so_and_troubles_nobody_else() {
    let lab = lab(EACH);
    let notice = |octets: &[u8]| {
        let answer = converse(lab.proxy.port, octets);
        // Asked by nobody, an ExtendedResponse.
        assert!(answer.windows(4).any(|part| part == b"\x02\x01\x00\x78"), "{answer:?}");
        assert!(answer.windows(22).any(|part| part == b"1.3.6.1.4.1.1466.20036"), "{answer:?}");
    };
    notice(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    notice(b"\x30\x84\xff\xff\xff\xff\x02\x01\x01");
    notice(b"\x30\x07\x02\x01\x01\x60\x02\x02\x01");
    // More than a megabyte of a password, from somebody unknown: told before it was all sent.
    let mut large =
        b"\x30\x84\x00\x20\x00\x00\x02\x01\x01\x60\x84\x00\x1f\xff\xf6\x02\x01\x03\x04\x00\x80\x84\x00\x1f\xff\xea"
            .to_vec();
    large.resize(2 << 20, b'x');
    notice(&large);
    // Half a message: whoever sends it waits alone.
    let mut slow = TcpStream::connect(("127.0.0.1", lab.proxy.port)).unwrap();
    slow.write_all(b"\x30\x27\x02\x01\x01\x60").unwrap();
    // And somebody who asks for everything and does not read it.
    let mut deaf = TcpStream::connect(("127.0.0.1", lab.proxy.port)).unwrap();
    let search = b"\x30\x2b\x02\x01\x07\x63\x26\x04\x06dc=lab\x0a\x01\x02\x0a\x01\x00\x02\x01\x00\x02\x01\x00\x01\x01\x00\x87\x0bobjectClass\x30\x00";
    deaf.write_all(&search.repeat(90)).unwrap();
    let typed = lab.with_code();
    assert_eq!(lab.who_am_i(&typed).end(), (0, format!("dn:{ALICE}\n")));
    lab.proxy.says("what came is not taken");
}

#[test]
fn a_server_that_is_away_opens_or_closes_as_the_section_says() {
    let lab = lab(EACH);
    let directory = format!("host=127.0.0.1\nport={}", lab.slapd.port);
    for (failmode, code) in [("safe", 0), ("secure", 49)] {
        let options = format!("{EACH}\nfailmode={failmode}");
        // A port that nobody listens at.
        let keys = lab.site.integration("radius");
        let proxy = LdapProxy::asking("localhost:1", &lab.site, &keys, &options, &directory);
        let tool =
            LdapTool::start("ldapwhoami", &proxy.url(), &lab.proxy.authority.ca(), &["-D", ALICE, "-w", PASSWORD]);
        assert_eq!(tool.end().0, code, "{failmode}: {}", proxy.log());
    }
}

#[test]
fn a_password_is_changed_through_us() {
    let lab = lab(EACH);
    let typed = lab.with_code();
    let tool = lab.tool("ldappasswd", &["-D", ALICE, "-w", &typed, "-s", "N3w-password"]);
    assert_eq!(tool.end().0, 0);
    let (code, _) = lab.who_am_i(&typed).end();
    assert_eq!(code, 49, "the old password is no first factor any more, however fresh the approval");
}
