//! People of a directory become users of the server, by the proxy beside it: OpenLDAP with ten thousand of them, Samba as a domain controller, and all programs real.
#![expect(clippy::unwrap_used, reason = "what fails must fail the test")]

use std::fmt::Write as _;
use std::time::Instant;

use e2e::directory::{PASSWORD, SERVICE_PASSWORD, Samba, Slapd, foundation};
use e2e::radius::RadiusProxy;
use e2e::{Keys, PATIENCE, Site, free_port};
use serde_json::Value as Json;

/// A directory as the server knows it.
struct Office {
    site: Site,
    keys: Keys,
}

impl Office {
    fn add(kind: &str, groups: &[&str], more: &[&str]) -> Self {
        let site = Site::start();
        let mut arguments = vec!["add", "Office", "--kind", kind];
        groups.iter().for_each(|group| arguments.extend(["--group", group]));
        let (done, made) = site.directory(&[&arguments, more].concat(), "");
        assert!(done, "{made}");
        Self { site, keys: Keys::of(&made, "integration_key", "secret_key") }
    }

    /// A proxy beside the directory, connected.
    fn proxy(&self, ad_client: &str, sections: &[&str], options: &str) -> RadiusProxy {
        let mut text =
            format!("[main]\nhttp_ca_certs_file={}\nlog_stdout=true\n{ad_client}\n", self.site.ca().display());
        for section in sections {
            let (key, secret) = if *section == "sso" { ("rikey", "rskey") } else { ("ikey", "skey") };
            let Keys { ikey, skey } = &self.keys;
            let host = self.site.host();
            write!(text, "[{section}]\n{key}={ikey}\n{secret}={skey}\napi_host={host}\n{options}\n").unwrap();
        }
        let proxy = RadiusProxy::configured(&text, 0);
        self.proxies(sections.len());
        proxy
    }

    /// Waits until so many channels are open. One that was lost is tried again within a minute.
    fn proxies(&self, count: usize) {
        let deadline = Instant::now() + 4 * PATIENCE;
        while self.run(&["show", "Office"])["proxies"].as_array().unwrap().len() != count {
            assert!(Instant::now() < deadline, "{}", self.site.log());
        }
    }

    fn run(&self, arguments: &[&str]) -> Json {
        let (done, said) = self.site.directory(arguments, "");
        assert!(done, "{arguments:?}: {said}\n{}", self.site.log());
        said
    }

    /// Why a command is refused: code and words.
    fn refused(&self, arguments: &[&str]) -> (String, String) {
        let (done, said) = self.site.directory(arguments, "");
        assert!(!done, "{arguments:?}: {said}");
        let text = |key: &str| said["error"][key].as_str().unwrap().to_owned();
        (text("code"), text("message"))
    }

    fn user(&self, name: &str) -> Json {
        let users = self.site.admin().get("/admin/v1/users", &[("username", name)]).ok();
        users.as_array().unwrap().first().cloned().unwrap_or_default()
    }

    /// What the directory says of a password.
    fn tries(&self, user: &str, password: &str) -> String {
        let (done, said) = self.site.directory(&["try", "Office", "--user", user], &format!("{password}\n"));
        assert!(done, "{said}\n{}", self.site.log());
        match said["verdict"].as_str().unwrap() {
            "right" => format!("right {}", said["detail"]["dn"].as_str().unwrap()),
            "wrong" => said["detail"]["reason"].as_str().unwrap().to_owned(),
            _ => said.to_string(),
        }
    }
}

/// How many users of each kind of change: of the kinds that are named, and none of others.
fn counts(said: &Json, expected: &[(&str, u64)]) {
    let counts = said["counts"].as_object().unwrap();
    let found: Vec<(&str, u64)> =
        counts.iter().map(|(kind, count)| (kind.as_str(), count.as_u64().unwrap())).filter(|(_, n)| *n > 0).collect();
    let mut expected = expected.to_vec();
    expected.sort_unstable();
    assert_eq!(found, expected, "{said}");
}

const PEOPLE: usize = 10_000;
const SALES: std::ops::Range<usize> = 0..5000;
const ENGINEERING: std::ops::Range<usize> = 5000..9000;
const INTERNS: std::ops::Range<usize> = 9000..PEOPLE;

fn name(number: usize) -> String {
    format!("user{number:05}")
}

fn dn(number: usize) -> String {
    format!("uid={},ou=people,dc=lab", name(number))
}

fn members(attribute: &str, numbers: std::ops::Range<usize>) -> String {
    numbers.map(|number| format!("{attribute}: {}\n", dn(number))).collect()
}

/// Ten thousand people in groups of three kinds, all of them within one, which one of them has in it again; and some who are in none.
fn company() -> String {
    let mut text = foundation();
    for number in 0..PEOPLE + 100 {
        let (name, dn) = (name(number), dn(number));
        write!(text, "dn: {dn}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: Person {number}\nsn: {number}\nmail: {name}@lab.test\n\n")
            .unwrap();
    }
    let group = |name: &str, class: &str, members: &str| {
        format!("dn: cn={name},ou=groups,dc=lab\nobjectClass: {class}\ncn: {name}\n{members}\n")
    };
    let within: String =
        ["sales", "engineering", "interns"].map(|name| format!("member: cn={name},ou=groups,dc=lab\n")).concat();
    text += &group("everyone", "groupOfNames", &within);
    text += &group("sales", "groupOfNames", &members("member", SALES));
    let circle = "uniqueMember: cn=everyone,ou=groups,dc=lab\n";
    text += &group("engineering", "groupOfUniqueNames", &(members("uniqueMember", ENGINEERING) + circle));
    let uids: String = INTERNS.map(|number| format!("memberUid: {}\n", name(number))).collect();
    text += &group("interns", "posixGroup", &format!("gidNumber: 100\n{uids}"));
    text
}

const EVERYONE: &str = "cn=everyone,ou=groups,dc=lab";
const SALES_GROUP: &str = "cn=sales,ou=groups,dc=lab";

#[test]
fn ten_thousand_people_of_slapd_become_users_and_follow_what_happens_to_them() {
    let slapd = Slapd::with(&company());
    let office = Office::add("openldap", &[EVERYONE, SALES_GROUP], &[]);
    let ad_client = slapd.section("ldaps", "");
    let proxy = office.proxy(&ad_client, &["cloud"], "");
    let shown = office.run(&["show", "Office"]);
    assert!(shown["proxies"][0]["directory"].as_str().unwrap().starts_with("OpenLDAP at "), "{shown}");

    let first = office.run(&["sync", "Office"]);
    assert_eq!(first["people"], PEOPLE);
    counts(&first, &[("create", 10_000)]);
    let again = office.run(&["diff", "Office"]);
    assert_eq!(again["unchanged"], PEOPLE);
    counts(&again, &[]);
    // Who is in a group within a group is in both.
    for (number, groups) in [(7, 2), (5007, 1), (9007, 1)] {
        let user = office.user(&name(number));
        assert_eq!(user["groups"].as_array().unwrap().len(), groups, "{user}");
        assert_eq!(user["email"], format!("{}@lab.test", name(number)));
    }
    assert_eq!(office.user(&name(PEOPLE + 7)), Json::Null);

    // A new name, which the groups have too; a disabled account; another address; out of the groups; and gone.
    let before = office.user(&name(1))["user_id"].clone();
    let leave =
        |number: usize| format!("dn: {SALES_GROUP}\nchangetype: modify\ndelete: member\nmember: {}\n\n", dn(number));
    let renamed = "uid=smith,ou=people,dc=lab";
    slapd.change(&format!(
        "dn: {}\nchangetype: modrdn\nnewrdn: uid=smith\ndeleteoldrdn: 1\n\n\
        dn: {SALES_GROUP}\nchangetype: modify\nadd: member\nmember: {renamed}\n\n{}\
        dn: {}\nchangetype: modify\nadd: pwdAccountLockedTime\npwdAccountLockedTime: 000001010000Z\n\n\
        dn: {}\nchangetype: modify\nreplace: mail\nmail: other@lab.test\n\n{}{}dn: {}\nchangetype: delete\n",
        dn(1),
        leave(1),
        dn(2),
        dn(3),
        leave(4),
        leave(5),
        dn(5),
    ));
    let changes: &[(&str, u64)] = &[("update", 2), ("disable", 1), ("trash", 2)];
    let diff = office.run(&["diff", "Office", "--all"]);
    counts(&diff, changes);
    let mut whom: Vec<String> = diff["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|act| format!("{} {}", act["kind"].as_str().unwrap(), act["username"].as_str().unwrap()))
        .collect();
    whom.sort_unstable();
    let expected = [("disable", 2), ("trash", 4), ("trash", 5), ("update", 1), ("update", 3)];
    assert_eq!(whom, expected.map(|(kind, number)| format!("{kind} {}", name(number))));
    // To look changed nothing.
    assert_eq!(office.user(&name(2))["status"], "active");
    counts(&office.run(&["sync", "Office"]), changes);
    assert_eq!(office.user("smith")["user_id"], before);
    assert_eq!(office.user(&name(2))["status"], "disabled");
    assert_eq!(office.user(&name(3))["email"], "other@lab.test");
    for number in [4, 5] {
        assert_eq!(office.user(&name(number))["status"], "pending deletion", "{number}");
    }

    // A third of the people out of their group is more than goes without being asked.
    let few = members("member", 2000..5000);
    slapd.change(&format!("dn: {SALES_GROUP}\nchangetype: modify\nreplace: member\n{few}"));
    let (code, words) = office.refused(&["sync", "Office"]);
    assert!(code == "halted" && words.contains("1998"), "{code}: {words}");
    assert_eq!(office.user(&name(7))["status"], "active");
    office.run(&["confirm", "Office", "1998"]);
    counts(&office.run(&["sync", "Office"]), &[("trash", 1998)]);
    assert_eq!(office.user(&name(7))["status"], "pending deletion");
    assert!(proxy.log().contains("people were read for the server"));
    drop(proxy);

    // An account that gets only a part of them, and a directory that is gone, are no reason to put anybody out.
    let limited = format!("service_account_username=cn=limited,dc=lab\nservice_account_password={SERVICE_PASSWORD}");
    let proxy = office.proxy(&ad_client, &["cloud"], &limited);
    let (_, words) = office.refused(&["sync", "Office"]);
    assert!(words.contains("size.prtotal=unlimited"), "{words}\n{}", proxy.log());
    drop(slapd);
    let (_, words) = office.refused(&["sync", "Office"]);
    assert!(words.contains("it cannot be reached"), "{words}\n{}", proxy.log());
    let shown = office.run(&["show", "Office"]);
    assert_eq!(shown["users"], PEOPLE - 2000, "{shown}");
    assert_eq!(office.user(&name(2001))["status"], "active");
}

/// Groups of this test alone, around those that the domain has.
const DOMAIN: &str = "dn: CN=dora,CN=Users,DC=lab,DC=test
changetype: add
objectClass: user
sAMAccountName: dora
userPrincipalName: dora@lab.test
displayName: Dora D.
mail: dora@mail.lab.test

dn: OU=moved,DC=lab,DC=test
changetype: add
objectClass: organizationalUnit

dn: CN=sync-outer,CN=Users,DC=lab,DC=test
changetype: add
objectClass: group
sAMAccountName: sync-outer
member: CN=vpn,CN=Users,DC=lab,DC=test

dn: CN=sync-inner,CN=Users,DC=lab,DC=test
changetype: add
objectClass: group
sAMAccountName: sync-inner
member: CN=dora,CN=Users,DC=lab,DC=test
member: CN=inner,CN=Users,DC=lab,DC=test
";

#[test]
fn people_of_a_domain_become_users_and_their_passwords_are_checked() {
    let samba = Samba::shared();
    samba.change(DOMAIN);
    let groups = ["sync-outer", "sync-inner"].map(|name| format!("CN={name},CN=Users,DC=lab,DC=test"));
    let office = Office::add("ad", &groups.each_ref().map(String::as_str), &[]);
    let proxy = office.proxy(&samba.section("ldaps", "ntlm2", ""), &["cloud", "sso"], "");
    let shown = office.run(&["show", "Office"]);
    assert!(shown["proxies"][0]["directory"].as_str().unwrap().starts_with("Active Directory (Samba) at "), "{shown}");

    let first = office.run(&["sync", "Office"]);
    counts(&first, &[("create", 10)]);
    let groups_of = |name: &str| -> Vec<String> {
        let user = office.user(name);
        user["groups"].as_array().unwrap().iter().map(|group| group["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(matches!(&groups_of("dora")[..], [one] if one.starts_with("sync-inner")));
    // By groups within groups, one of them a primary group, in a circle of which `inner` is a part.
    assert!(matches!(&groups_of("alice")[..], [one] if one.starts_with("sync-outer")));
    assert_eq!((groups_of("bob").len(), groups_of("primary").len()), (2, 2));
    assert_eq!(
        (office.user("disabled")["status"].as_str(), office.user("alice")["status"].as_str()),
        (Some("disabled"), Some("active"))
    );
    assert_eq!(office.user("carol"), Json::Null);

    let before = office.user("dora")["user_id"].clone();
    samba.change(
        "dn: CN=dora,CN=Users,DC=lab,DC=test\nchangetype: modify\nreplace: sAMAccountName\nsAMAccountName: theodora\n\n\
        dn: CN=dora,CN=Users,DC=lab,DC=test\nchangetype: modrdn\nnewrdn: CN=Theodora\ndeleteoldrdn: 1\nnewsuperior: OU=moved,DC=lab,DC=test\n",
    );
    counts(&office.run(&["sync", "Office"]), &[("update", 1)]);
    assert_eq!((office.user("theodora")["user_id"].clone(), office.user("dora")), (before, Json::Null));
    counts(&office.run(&["sync", "Office"]), &[]);

    assert_eq!(office.tries("alice", PASSWORD), "right CN=alice,CN=Users,DC=lab,DC=test");
    assert_eq!(office.tries("alice@lab.test", PASSWORD), "right CN=alice,CN=Users,DC=lab,DC=test");
    assert_eq!(office.tries("bob", "wrong"), "wrong_password");
    assert_eq!(office.tries("disabled", PASSWORD), "disabled");
    assert_eq!(office.tries("mustchange", PASSWORD), "must_change");
    assert_eq!(office.tries("nobody", PASSWORD), "unknown");
    assert!(!proxy.log().contains(PASSWORD) && !office.site.log().contains(PASSWORD));
}

#[test]
fn passwords_are_checked_with_slapd_by_sso_alone() {
    let slapd = Slapd::start();
    let office = Office::add("openldap", &["cn=vpn,ou=groups,dc=lab"], &[]);
    let section = slapd.section("ldaps", "");
    let cloud = office.proxy(&section, &["cloud"], "");
    let (done, said) = office.site.directory(&["try", "Office", "--user", "alice"], &format!("{PASSWORD}\n"));
    assert!(!done && said["error"]["code"] == "no_proxy", "{said}");
    drop(cloud);
    office.proxies(0);

    let proxy = office.proxy(&section, &["cloud", "sso"], "");
    counts(&office.run(&["sync", "Office"]), &[("create", 5)]);
    assert_eq!(office.user("locked")["status"], "disabled");
    assert_eq!(office.tries("alice", PASSWORD), "right uid=alice,ou=people,dc=lab");
    for (user, password, word) in [
        ("alice", "wrong", "wrong_password"),
        ("alice", "*", "wrong_password"),
        ("*", PASSWORD, "unknown"),
        ("nobody", PASSWORD, "unknown"),
        ("locked", PASSWORD, "locked"),
        ("expired", PASSWORD, "expired"),
        ("mustchange", PASSWORD, "must_change"),
    ] {
        assert_eq!(office.tries(user, password), word, "{user} {password}");
    }
    // A wrong password counts once, though two sections could ask: slapd locks after five.
    for _ in 0..4 {
        assert_eq!(office.tries("bob", "wrong"), "wrong_password");
    }
    assert_eq!(office.tries("bob", PASSWORD), "right uid=bob,ou=people,dc=lab");
    for _ in 0..5 {
        assert_eq!(office.tries("bob", "wrong"), "wrong_password");
    }
    assert_eq!(office.tries("bob", PASSWORD), "locked");
    assert!(!proxy.log().contains(PASSWORD) && !office.site.log().contains(PASSWORD));
}

#[test]
fn the_channel_goes_through_a_connect_proxy() {
    let slapd = Slapd::start();
    let office = Office::add("openldap", &["cn=vpn,ou=groups,dc=lab"], &[]);
    let (host, port) = (office.site.host(), free_port());
    let config = format!(
        "[main]\nlog_stdout=true\n[http_proxy]\napi_host={host}\nclient_ip=127.0.0.1\ninterface=127.0.0.1\nport={port}\n"
    );
    let gateway = RadiusProxy::configured(&config, 0);
    let way = format!("http_proxy_host=127.0.0.1\nhttp_proxy_port={port}");
    let proxy = office.proxy(&slapd.section("ldaps", ""), &["cloud", "sso"], &way);
    counts(&office.run(&["sync", "Office"]), &[("create", 5)]);
    assert_eq!(office.tries("alice", PASSWORD), "right uid=alice,ou=people,dc=lab");
    // There is no other way than that.
    let config = gateway.stop();
    office.proxies(0);
    let (code, _) = office.refused(&["sync", "Office"]);
    assert_eq!(code, "no_proxy", "{}", proxy.log());
    let _gateway = RadiusProxy::configured(&config, 0);
    office.proxies(2);
    counts(&office.run(&["sync", "Office"]), &[]);
    assert_eq!(office.tries("alice", PASSWORD), "right uid=alice,ou=people,dc=lab");
}

#[test]
fn a_server_that_is_killed_in_the_middle_of_a_run_goes_on_with_it() {
    const MANY: usize = 3000;
    let mut text = foundation();
    for number in 0..MANY {
        let (name, dn) = (name(number), dn(number));
        write!(text, "dn: {dn}\nobjectClass: inetOrgPerson\nuid: {name}\ncn: Person {number}\nsn: {number}\n\n")
            .unwrap();
    }
    write!(text, "dn: {SALES_GROUP}\nobjectClass: groupOfNames\ncn: sales\n{}\n", members("member", 0..MANY)).unwrap();
    let slapd = Slapd::with(&text);
    let mut office = Office::add("openldap", &[SALES_GROUP], &[]);
    let proxy = office.proxy(&slapd.section("ldaps", ""), &["cloud"], "");
    office.run(&["resume", "Office"]);
    let users = |office: &Office| office.run(&["show", "Office"])["users"].as_u64().unwrap();
    let deadline = Instant::now() + PATIENCE;
    while users(&office) == 0 {
        assert!(Instant::now() < deadline, "{}\n{}", proxy.log(), office.site.log());
    }
    office.site.kill();
    office.site.serve();
    let deadline = Instant::now() + 4 * PATIENCE;
    let last = loop {
        let shown = office.run(&["show", "Office"]);
        if shown["last_success"].is_number() && shown["running"] == false {
            break shown;
        }
        assert!(Instant::now() < deadline, "{shown}\n{}\n{}", proxy.log(), office.site.log());
    };
    assert_eq!((last["users"].as_u64(), &last["last_outcome"]["remarks_total"]), (Some(MANY as u64), &Json::from(0)));
    let again = office.run(&["diff", "Office"]);
    assert_eq!(again["unchanged"], MANY);
    counts(&again, &[]);
}
