//! The API is away, in the ways in which that happens, and the proxy does what its administrator chose.

use e2e::Site;
use e2e::ldap::{LdapProxy, LdapTool};
use e2e::namespace::Namespace;
use e2e::radius::RadiusProxy;
use e2e::slapd::{PASSWORD, Slapd};

use crate::authenticator::Story;

/// Packets to where the API should be vanish: nothing is refused, nothing is answered.
const BLACK_HOLE: &str = "nft 'add table inet test; add chain inet test in { type filter hook input priority 0; }; add rule inet test in tcp dport 8443 drop'";

fn config(api_host: &str, options: &str) -> String {
    format!(
        "[duo_only_client]\n[radius_server_auto]\nikey=DIXXXXXXXXXXXXXXXXXX\nskey=0123456789012345678901234567890123456789\napi_host={api_host}\n\
        interface=127.0.0.1\nradius_ip_1=127.0.0.1\nradius_secret_1=device-shared-secret\n{options}\n"
    )
}

/// A login from a station: another one each time, since the same login again is told the same for a while.
fn login(within: &Namespace, station: u8) -> String {
    // Ten seconds and one try: what an ASA waits.
    let ask = format!(
        "printf 'User-Name=alice\\nUser-Password=secret\\nCalling-Station-Id=198.51.100.{station}\\nMessage-Authenticator=0x00\\n' | \
        radclient -x -t 10 -r 1 127.0.0.1:1812 auth device-shared-secret"
    );
    within.output("sh", &["-c", &ask])
}

#[test]
fn a_black_holed_api_takes_the_fail_mode_before_the_device_gives_up() {
    let within = Namespace::new(BLACK_HOLE);
    let proxy = within.proxy(&config("localhost:8443", "failmode=safe"));
    let answer = login(&within, 1);
    assert!(answer.contains("Received Access-Accept"), "{answer}\n{}", proxy.log());
    proxy.says("LET IN WITHOUT A SECOND FACTOR");
    // From now on nobody waits for it.
    login(&within, 2);
    proxy.says("NO SERVER CAN BE ASKED FOR THE SECOND FACTOR");
    assert!(login(&within, 3).contains("Received Access-Accept"), "{}", proxy.log());
    drop(proxy);

    let proxy = within.proxy(&config("localhost:8443", "failmode=secure"));
    let answer = login(&within, 4);
    assert!(
        answer.contains("Received Access-Reject") && answer.contains("cannot be reached"),
        "{answer}\n{}",
        proxy.log()
    );
}

#[test]
fn aa22_074a_a_hosts_file_that_leads_the_api_home_opens_nothing() {
    let hosts = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(hosts.path(), "127.0.0.1 localhost api.example.org\n").unwrap();
    let within = Namespace::new(&format!("mount --bind {} /etc/hosts", hosts.path().display()));
    let proxy = within.proxy(&config("api.example.org:8443", "failmode=safe"));
    let answer = login(&within, 5);
    assert!(answer.contains("Received Access-Reject"), "{answer}\n{}", proxy.log());
    assert!(proxy.log().contains("LEADS TO THIS HOST"), "{}", proxy.log());
}

fn attributes() -> &'static str {
    "User-Name=alice\nUser-Password=secret\nCalling-Station-Id=198.51.100.7\nMessage-Authenticator=0x00\n"
}

#[test]
fn the_next_host_is_asked_when_one_is_away_and_a_foreign_certificate_is_as_good_as_none() {
    let site = Site::start();
    let (_, phone) = site.enroll("alice");
    let keys = site.integration("radius");
    let second = format!("api_host_2={}", site.host());
    // A port that nobody listens at.
    let proxy = RadiusProxy::asking("localhost:1", &site, &keys, "radius_server_auto", &second, None);
    for station in ["198.51.100.7", "198.51.100.8"] {
        let watch = phone.watch();
        let asking = proxy.ask(&attributes().replace("198.51.100.7", station), &[]);
        phone.approve(&watch.request(), None);
        let answer = asking.answer();
        assert!(answer.contains("Received Access-Accept"), "{answer}\n{}", proxy.log());
        assert!(!proxy.log().contains("WITHOUT"), "{}", proxy.log());
    }
    drop(proxy);

    // The authority of another installation: whoever answers there is not the server.
    let other = Site::start();
    let proxy = RadiusProxy::asking(site.host(), &other, &keys, "radius_server_auto", "failmode=secure", None);
    let answer = proxy.ask(attributes(), &[]).answer();
    assert!(answer.contains("Received Access-Reject"), "{answer}");
    assert!(phone.waiting().is_empty());
    proxy.says("NO SERVER CAN BE ASKED");
    assert!(proxy.log().contains("its certificate is not trusted"), "{}", proxy.log());
}

#[test]
fn a_server_that_comes_back_is_asked_again_and_a_push_outlives_its_restart() {
    let mut site = Site::start();
    let (_, phone) = site.enroll("alice");
    let keys = site.integration("radius");
    let proxy = RadiusProxy::start(&site, &keys, "radius_server_auto", "failmode=secure", None);
    let watch = phone.watch();
    let asking = proxy.ask(attributes(), &[]);
    let request = watch.request();
    site.kill();
    site.serve();
    phone.approve(&request, None);
    let answer = asking.answer();
    assert!(answer.contains("Received Access-Accept"), "{answer}\n{}", proxy.log());

    // One that has not heard of the first restart.
    drop(proxy);
    let proxy = RadiusProxy::start(&site, &keys, "radius_server_auto", "failmode=secure", None);
    site.kill();
    for _ in 0..2 {
        assert!(proxy.ask("User-Name=bob\nUser-Password=secret\n", &[]).answer().contains("Received Access-Reject"));
    }
    proxy.says("NO SERVER CAN BE ASKED");
    site.serve();
    proxy.says("the server is back");
    let watch = phone.watch();
    let asking = proxy.ask("User-Name=alice\nUser-Password=secret\n", &[]);
    phone.approve(&watch.request(), None);
    assert!(asking.answer().contains("Received Access-Accept"), "{}", proxy.log());
}

/// Runs `countersign` beside the server, with this on standard input, and gives what it printed.
#[expect(clippy::unwrap_used, reason = "a helper of tests")]
pub(crate) fn countersign(site: &Site, arguments: &[&str], input: &str) -> String {
    use std::io::Write as _;
    use std::process::Stdio;
    let mut command = e2e::program("countersign");
    command.arg("--data").arg(site.dir()).args(arguments);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that does not read it may have ended already.
    _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn codes_for_outages_let_in_once_each_also_after_kill_9_and_the_server_hears_of_it() {
    let mut site = Site::start();
    let (_, phone) = site.enroll("alice");
    let keys = site.integration("radius");
    countersign(&site, &["admin", "outage", "offline", &keys.ikey, "--group", "hq"], "");
    let proxy = RadiusProxy::start(&site, &keys, "radius_server_auto", "failmode=offline\ncoalesce=off", None);
    proxy.says("codes for outages were fetched");
    site.kill();
    let code = phone.outage_code("hq");
    let typed = |code: &str| {
        format!(
            "User-Name=alice\nUser-Password=\"secret,{code}\"\nCalling-Station-Id=198.51.100.7\nMessage-Authenticator=0x00\n"
        )
    };
    // An ordinary passcode is none for outages: the proxy does not know the seed that logins go by.
    assert!(proxy.ask(&typed(&phone.passcode()), &[]).answer().contains("Received Access-Reject"), "{}", proxy.log());
    let answer = proxy.ask(&typed(&code), &[]).answer();
    assert!(answer.contains("Received Access-Accept"), "{answer}\n{}", proxy.log());
    proxy.says("LET IN BY A CODE FOR OUTAGES");
    assert!(proxy.ask(&typed(&code), &[]).answer().contains("Received Access-Reject"), "{}", proxy.log());
    let proxy = proxy.killed_and_started();
    assert!(proxy.ask(&typed(&code), &[]).answer().contains("Received Access-Reject"), "{}", proxy.log());
    // Whoever has typed none is asked for one, of the right group.
    let asked = proxy.ask(attributes(), &[]).answer();
    assert!(asked.contains("Received Access-Challenge") && asked.contains("hq"), "{asked}");

    site.serve();
    proxy.says("the server was told what was done");
    let log = countersign(&site, &["admin", "--json", "log", "admin"], "");
    assert!(log.contains("outage_code_accepted") && log.contains("outage_code_refused"), "{log}");
    let list = countersign(&site, &["admin", "--json", "outage", "list"], "");
    assert!(list.contains("\"failmode\": \"offline\"") && list.contains("\"would\": \"codes\""), "{list}");
}

#[test]
fn codes_for_outages_stand_behind_the_password_where_applications_speak_ldap() {
    let mut site = Site::start();
    let (_, phone) = site.enroll("alice");
    let keys = site.integration("radius");
    countersign(&site, &["admin", "outage", "offline", &keys.ikey, "--group", "hq"], "");
    let slapd = Slapd::start();
    // Nothing is remembered, so that the second time is judged too.
    let options = "exempt_primary_bind=false\nfailmode=offline\nbind_reuse=0";
    let proxy = LdapProxy::start(&site, &keys, options, &slapd);
    proxy.says("codes for outages were fetched");
    site.kill();
    let bind = |typed: &str| {
        let arguments = ["-D", "uid=alice,ou=people,dc=lab", "-w", typed];
        LdapTool::start("ldapwhoami", &proxy.url(), &proxy.authority.ca(), &arguments).end()
    };
    let (code, text) = bind(PASSWORD);
    assert!(code == 49 && text.contains("the code for outages of \"hq\""), "{text}");
    let typed = format!("{PASSWORD},{}", phone.outage_code("hq"));
    let (code, text) = bind(&typed);
    assert_eq!(code, 0, "{text}\n{}", proxy.log());
    proxy.says("LET IN BY A CODE FOR OUTAGES");
    let (code, text) = bind(&typed);
    assert!(code == 49 && text.contains("This code lets nobody in"), "{text}");

    site.serve();
    proxy.says("the server was told what was done");
    let log = countersign(&site, &["admin", "--json", "log", "admin"], "");
    assert!(log.contains("outage_code_accepted") && log.contains("outage_code_refused"), "{log}");
    let list = countersign(&site, &["admin", "--json", "outage", "list"], "");
    assert!(list.contains("\"ldap_server_auto\"") && list.contains("\"would\": \"codes\""), "{list}");
}

#[test]
fn the_phones_page_shows_the_code_that_lets_in_while_the_server_is_away() {
    let mut story = Story::begin();
    let keys = story.site.integration("radius");
    countersign(&story.site, &["admin", "outage", "offline", &keys.ikey, "--group", "hq"], "");
    let page = story.activated();
    let link = format!("#outage-{}", story.device_id());
    page.wait_for(&link);
    page.eval("navigator.serviceWorker.ready.then(() => 1)");
    // The worker is in charge from the second page on.
    page.reload();
    page.wait_for(&link);
    let proxy = RadiusProxy::start(&story.site, &keys, "radius_server_auto", "failmode=offline\ncoalesce=off", None);
    proxy.says("codes for outages were fetched");
    story.site.kill();

    page.reload();
    page.click(&link);
    page.wait_for_text("Test of radius");
    let shown = |card: &str| -> String {
        let selector = format!("{card} .code");
        page.wait_for(&selector);
        page.text_of(&selector).chars().filter(char::is_ascii_digit).collect()
    };
    let login = |code: &str| {
        let typed = format!("User-Name=alice\nUser-Password=\"secret,{code}\"\nMessage-Authenticator=0x00\n");
        proxy.ask(&typed, &[]).answer()
    };
    // A group that the phone has not heard of is typed; its codes are another's.
    page.click(".help summary");
    page.fill("#group", "Not a name");
    page.press("Enter");
    page.wait_for_text("A name has only");
    page.fill("#group", " Branch ");
    page.press("Enter");
    let other = shown("section.outage:nth-of-type(2)");
    assert!(login(&other).contains("Received Access-Reject"), "{}", proxy.log());
    page.reload();
    let code = shown("section.outage");
    let answer = login(&code);
    assert!(answer.contains("Received Access-Accept"), "{answer}\n{}", proxy.log());
    assert!(login(&code).contains("Received Access-Reject"), "{}", proxy.log());
}

#[test]
fn an_owners_leave_is_put_to_use_without_the_server_and_ends_when_somebody_says_so() {
    let mut site = Site::start();
    site.enroll("alice");
    let keys = site.integration("radius");
    let owner = ["admin", "administrator", "create", "olga@example.org", "--name", "Olga", "--role", "Owner"];
    countersign(&site, &owner, "");
    countersign(&site, &["admin", "administrator", "set-password", "olga@example.org"], "correct horse battery\n");
    let proxy = RadiusProxy::start(&site, &keys, "radius_server_auto", "failmode=secure", None);
    let token = [
        "emergency",
        "--json",
        "token",
        "--owner",
        "olga@example.org",
        "--section",
        "radius_server_auto",
        "--reason",
        "test",
    ];
    let made = countersign(&site, &token, "correct horse battery\n");
    let made: serde_json::Value = serde_json::from_str(&made).unwrap();
    // From its first report.
    proxy.says("the server's key was kept");
    let list = countersign(&site, &["admin", "--json", "outage", "list"], "");
    assert!(list.contains("radius_server_auto"), "{list}");
    site.kill();
    let bob = "User-Name=bob\nUser-Password=secret\nMessage-Authenticator=0x00\n";
    assert!(proxy.ask(bob, &[]).answer().contains("Received Access-Reject"));
    proxy.command(&["emergency", "begin", made["token"].as_str().unwrap()]);
    let answer = proxy.ask(bob, &[]).answer();
    assert!(answer.contains("Received Access-Accept"), "{answer}\n{}", proxy.log());
    proxy.says("AN EMERGENCY HAS BEGUN");
    proxy.command(&["emergency", "end"]);
    let carol = "User-Name=carol\nUser-Password=secret\nMessage-Authenticator=0x00\n";
    assert!(proxy.ask(carol, &[]).answer().contains("Received Access-Reject"), "{}", proxy.log());
    // It was good for one time.
    proxy.command(&["emergency", "begin", made["token"].as_str().unwrap()]);
    assert!(proxy.ask(carol, &[]).answer().contains("Received Access-Reject"), "{}", proxy.log());
}
