//! Everybody in some groups, from directories that are honest, and from those that are not: what is not whole is no answer.

use countersign_proxy::directory::{Directory, Told, Untold};
use cs_client::agent::{Attributes, Person, Query, Trouble};
use cs_ldap::{MessageId, ResultCode};
use tokio::sync::mpsc;

use super::section::section;
use crate::support::directory::{Act, Asked, Fake, done, entry, entry_of, mentions, page_after, page_end};

type Entries = Vec<(String, Vec<(String, Vec<Vec<u8>>)>)>;

/// A directory with groups and people, which it gives in pages.
#[derive(Clone, Default)]
pub(crate) struct Lab {
    groups: Entries,
    people: Entries,
    page: usize,
}

fn attributes(all: &[(&str, &[&str])]) -> Vec<(String, Vec<Vec<u8>>)> {
    let values = |values: &[&str]| values.iter().map(|value| value.as_bytes().to_vec()).collect();
    all.iter().map(|(name, all)| ((*name).to_owned(), values(all))).collect()
}

impl Lab {
    pub(crate) fn new() -> Self {
        Self { page: 500, ..Self::default() }
    }

    pub(crate) fn group(mut self, name: &str, all: &[(&str, &[&str])]) -> Self {
        let all = [attributes(&[("cn", &[name])]), attributes(all)].concat();
        self.groups.push((format!("cn={name},dc=lab"), all));
        self
    }

    /// Somebody whose `entryUUID` ends with this number.
    pub(crate) fn person(mut self, number: usize, all: &[(&str, &[&str])]) -> Self {
        let (uid, key) = (format!("user{number}"), format!("00000000-0000-0000-0000-{number:012x}"));
        let own = attributes(&[("uid", &[&uid]), ("entryUUID", &[&key])]);
        self.people.push((format!("uid={uid},ou=people,dc=lab"), [attributes(all), own].concat()));
        self
    }

    /// What it answers.
    pub(crate) fn answer(&self, asked: &Asked, id: MessageId) -> Option<Act> {
        let Asked::Search(base, octets) = asked else { return None };
        let found = |entries: &Entries| -> Vec<u8> {
            entries.iter().flat_map(|(dn, attributes)| entry_of(id, dn, attributes)).collect()
        };
        if let Some(group) = self.groups.iter().find(|(dn, _)| dn == base) {
            return Some(Act::Send([found(&vec![group.clone()]), done(id, ResultCode::Success)].concat()));
        }
        let code = match base.as_str() {
            "" => return None,
            "dc=lab" => ResultCode::Success,
            _ => ResultCode::NoSuchObject,
        };
        if code != ResultCode::Success {
            return Some(Act::Send(done(id, code)));
        }
        if mentions(octets, "groupOfNames") {
            return Some(Act::Send([found(&self.groups), page_end(id, b"")].concat()));
        }
        let after: usize = String::from_utf8(page_after(octets)?).unwrap().parse().unwrap_or(0);
        let end = self.people.len().min(after + self.page);
        let next = if end < self.people.len() { end.to_string() } else { String::new() };
        let page = self.people[after..end].to_vec();
        Some(Act::Send([found(&page), page_end(id, next.as_bytes())].concat()))
    }
}

fn is_page(asked: &Asked) -> bool {
    matches!(asked, Asked::Search(base, octets) if base == "dc=lab" && !mentions(octets, "groupOfNames") && page_after(octets).is_some())
}

pub(crate) fn query(groups: &[&str]) -> Query {
    Query {
        groups: groups.iter().map(|name| format!("cn={name},dc=lab")).collect(),
        only: None,
        attributes: Attributes {
            username: "uid".to_owned(),
            aliases: vec!["employeeNumber".to_owned()],
            full_name: Some("displayName".to_owned()),
            email: Some("mail".to_owned()),
            phones: vec!["mobile".to_owned(), "telephoneNumber".to_owned()],
            notes: Some("description".to_owned()),
        },
    }
}

/// Everybody who is told, and how it ended.
async fn read(directory: &Directory, query: &Query) -> (Vec<Person>, Result<Told, Untold>) {
    let (tell, mut told) = mpsc::channel(1);
    let reading = async {
        let tell = tell;
        directory.people(query, &tell).await
    };
    let hearing = async {
        let mut all = Vec::new();
        while let Some(part) = told.recv().await {
            assert!((1..=200).contains(&part.len()));
            all.extend(part);
        }
        all
    };
    let (end, all) = tokio::join!(reading, hearing);
    (all, end)
}

fn names(people: &[Person]) -> Vec<(&str, &[usize])> {
    people.iter().map(|person| (person.username.as_str(), person.groups.as_slice())).collect()
}

#[tokio::test]
async fn groups_within_groups_are_walked_and_a_circle_ends() {
    let user = |number: usize| format!("UID=User{number}, ou=People,dc=LAB");
    let lab = Lab::new()
        .group("staff", &[("member", &[&user(1), "cn=devs,dc=lab"])])
        .group("devs", &[("uniqueMember", &[&user(2), "cn=inner,dc=lab"])])
        .group("inner", &[("member", &[&user(3), "cn=staff,dc=lab", "cn=printer,dc=lab"])])
        .group("posix", &[("memberUid", &["user1", "user4"])])
        .person(0, &[])
        .person(1, &[("mail", &["a@lab.test"]), ("mobile", &["+1", "+2"]), ("telephoneNumber", &["+3"])])
        .person(2, &[("nsAccountLock", &["TRUE"]), ("employeeNumber", &["42"])])
        .person(3, &[("pwdAccountLockedTime", &["000001010000Z"]), ("description", &["x\ny"])])
        .person(4, &[("pwdAccountLockedTime", &["20260101000000Z"])]);
    let fake = Fake::start(move |asked, id| lab.answer(asked, id)).await;
    let (people, end) = read(&fake.section(""), &query(&["staff", "nobody", "posix", "inner"])).await;
    let told = end.unwrap();
    let all: &[(&str, &[usize])] = &[("user1", &[0, 2, 3]), ("user2", &[0, 3]), ("user3", &[0, 3]), ("user4", &[2])];
    assert_eq!(names(&people), all);
    assert_eq!((told.count, told.nameless, told.elsewhere), (4, 0, 1));
    let groups: Vec<Option<&str>> = told.groups.iter().map(|group| group.name.as_deref()).collect();
    assert_eq!(groups, [Some("staff"), None, Some("posix"), Some("inner")]);
    assert_eq!(people[0].key, "00000000000000000000000000000001");
    assert_eq!((people[0].email.as_deref(), &*people[0].phones.join(" ")), (Some("a@lab.test"), "+1 +2 +3"));
    assert_eq!((&*people[1].aliases, people[2].notes.as_deref()), (&["42".to_owned()][..], Some("x\ny")));
    let disabled: Vec<bool> = people.iter().map(|person| person.disabled).collect();
    assert_eq!(disabled, [false, true, true, false]);
}

fn many(count: usize) -> Lab {
    let names: Vec<String> = (0..count).map(|number| format!("uid=user{number},ou=people,dc=lab")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let lab = Lab::new().group("staff", &[("member", &names)]);
    (0..count).fold(lab, |lab, number| lab.person(number, &[]))
}

#[tokio::test]
async fn pages_follow_one_another_no_faster_than_people_are_taken() {
    let lab = many(3456);
    let fake = Fake::start(move |asked, id| lab.answer(asked, id)).await;
    let directory = fake.section("");
    let (tell, mut told) = mpsc::channel(1);
    let query = query(&["staff"]);
    let reading = async {
        let tell = tell;
        directory.people(&query, &tell).await
    };
    let hearing = async {
        let mut count = 0;
        while let Some(part) = told.recv().await {
            count += part.len();
            // One part waits in the queue, and one before it.
            let most = (count + 400) / 500 + 1;
            let asked = fake.count(is_page);
            assert!(asked <= most, "{asked} pages after {count} people");
        }
        count
    };
    let (end, count) = tokio::join!(reading, hearing);
    assert_eq!((count, end.unwrap().count, fake.count(is_page)), (3456, 3456, 7));
}

#[tokio::test]
async fn a_directory_that_knows_no_pages_gives_all_at_once() {
    let lab = many(1200);
    let fake = Fake::start(move |asked, id| {
        let Asked::Search(base, octets) = asked else { return None };
        if base != "dc=lab" || mentions(octets, "groupOfNames") {
            return lab.answer(asked, id);
        }
        let all: Vec<u8> = lab.people.iter().flat_map(|(dn, all)| entry_of(id, dn, all)).collect();
        Some(Act::Send([all, done(id, ResultCode::Success)].concat()))
    })
    .await;
    let (people, end) = read(&fake.section(""), &query(&["staff"])).await;
    assert_eq!((people.len(), end.unwrap().count), (1200, 1200));
}

#[tokio::test]
async fn one_person_is_asked_for_by_name() {
    let lab = many(10);
    let fake = Fake::start(move |asked, id| lab.answer(asked, id)).await;
    let query = Query { only: Some("*)(uid=*".to_owned()), ..query(&["staff"]) };
    read(&fake.section(""), &query).await.1.unwrap();
    let value = b"\x04\x08*)(uid=*";
    assert_eq!(
        fake.count(|asked| matches!(asked, Asked::Search(_, octets) if octets.windows(10).any(|some| some == value))),
        1
    );
}

/// How reading ends where the second page of people is this.
async fn second_page(answer: impl Fn(MessageId) -> Act + Send + Sync + 'static) -> Untold {
    let lab = many(1200);
    let fake = Fake::start(move |asked, id| match asked {
        Asked::Search(_, octets) if is_page(asked) && page_after(octets).unwrap() == b"500" => Some(answer(id)),
        _ => lab.answer(asked, id),
    })
    .await;
    let (people, end) = read(&fake.section(""), &query(&["staff"])).await;
    assert!(people.len() <= 400, "only of the first page");
    end.unwrap_err()
}

#[tokio::test]
async fn a_directory_that_stops_in_the_middle_gave_no_answer() {
    for (code, trouble, words) in [
        (ResultCode::SizeLimitExceeded, Trouble::Directory, "size.prtotal=unlimited"),
        (ResultCode::AdminLimitExceeded, Trouble::Directory, "does not give everything"),
        (ResultCode::TimeLimitExceeded, Trouble::Directory, "does not give everything"),
        (ResultCode::Busy, Trouble::Directory, "busy"),
        (ResultCode::Referral, Trouble::Directory, "refers to another directory"),
        (ResultCode::NoSuchObject, Trouble::Directory, "search_dn"),
    ] {
        let end = second_page(move |id| Act::Send(done(id, code))).await;
        assert!(end.trouble == trouble && end.words.contains(words), "{code:?}: {end:?}");
    }
    let end = second_page(|_| Act::HangUp).await;
    assert_eq!(end.trouble, Trouble::Unreachable);
    let end = second_page(|_| Act::Send(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())).await;
    assert!(end.trouble == Trouble::Directory && end.words.contains("no LDAP"), "{end:?}");
}

#[tokio::test]
async fn a_directory_that_falls_silent_is_given_up_after_a_minute() {
    let end = second_page(|_| {
        // From here on nothing moves but the clock.
        tokio::time::pause();
        Act::Silence
    })
    .await;
    assert!(end.trouble == Trouble::Unreachable && end.words.contains("did not answer within 60s"), "{end:?}");
}

#[tokio::test]
async fn nobody_is_without_a_key_and_no_two_have_the_same() {
    let people = |second: &'static [(&'static str, &'static str)], dn: &'static str| {
        let lab = many(2);
        async move {
            let fake = Fake::start(move |asked, id| {
                if !is_page(asked) {
                    return lab.answer(asked, id);
                }
                let (name, all) = &lab.people[0];
                let both = [entry_of(id, name, all), entry(id, dn, second)].concat();
                Some(Act::Send([both, page_end(id, b"")].concat()))
            })
            .await;
            read(&fake.section(""), &query(&["staff"])).await
        }
    };
    const FIRST: &str = "00000000-0000-0000-0000-000000000000";
    let user1 = "uid=user1,ou=people,dc=lab";
    let (_, end) = people(&[("uid", "user1")], user1).await;
    let end = end.unwrap_err();
    assert!(end.trouble == Trouble::Directory && end.words.contains("objectGUID, entryUUID"), "{end:?}");
    let (_, end) = people(&[("uid", "user1"), ("entryUUID", FIRST)], user1).await;
    let end = end.unwrap_err();
    assert!(end.trouble == Trouble::Directory && end.words.contains("two people with the key"), "{end:?}");
    // The same person on two pages is one.
    let (all, end) = people(&[("uid", "user0"), ("entryUUID", FIRST)], "UID=user0, ou=people, dc=lab").await;
    assert_eq!((all.len(), end.unwrap().count), (1, 1));
    // Who has no name to log in by is left out, and counted.
    let (all, end) = people(&[("entryUUID", "00000000-0000-0000-0000-000000000001")], user1).await;
    let told = end.unwrap();
    assert_eq!((all.len(), told.count, told.nameless), (1, 1, 1));
}

#[tokio::test]
async fn a_directory_that_does_not_say_where_its_groups_lie_gave_no_answer() {
    let lab = many(3);
    let fake = Fake::start(move |asked, id| match asked {
        Asked::Search(base, _) if base.is_empty() => {
            Some(Act::Send([entry(id, "", &[]), done(id, ResultCode::Success)].concat()))
        }
        _ => lab.answer(asked, id),
    })
    .await;
    let (people, end) = read(&fake.section(""), &query(&["staff"])).await;
    let end = end.unwrap_err();
    assert!(end.trouble == Trouble::Directory && end.words.contains("namingContexts"), "{end:?}");
    assert_eq!(people.len(), 0);
}

#[tokio::test]
async fn a_server_reads_no_secrets_and_nothing_that_cannot_be_meant() {
    let fake = Fake::honest().await;
    let directory = fake.section("");
    let mut queries = vec![query(&[]), Query { only: Some(String::new()), ..query(&["staff"]) }];
    for name in ["userPassword", "unicodePwd", "ms-Mcs-AdmPwd", "2.5.4.35", "uid)(a=b"] {
        let mut query = query(&["staff"]);
        query.attributes.notes = Some(name.to_owned());
        queries.push(query);
    }
    for query in queries {
        let (people, end) = read(&directory, &query).await;
        assert_eq!((people.len(), end.unwrap_err().trouble), (0, Trouble::Proxy), "{query:?}");
    }
    assert_eq!(fake.asked(), []);
}

#[tokio::test]
async fn another_host_is_asked_as_long_as_nobody_was_told() {
    let (dead, well) = {
        let lab = many(10);
        Fake::pair(|_, _| Some(Act::HangUp), move |asked, id| lab.answer(asked, id)).await
    };
    let (people, end) = read(&section(&[&dead, &well], ""), &query(&["staff"])).await;
    assert_eq!((people.len(), end.unwrap().count), (10, 10));

    let (breaks, well) = {
        let (first, second) = (many(1200), many(1200));
        Fake::pair(
            move |asked, id| match asked {
                Asked::Search(_, octets) if is_page(asked) && page_after(octets).unwrap() == b"500" => {
                    Some(Act::HangUp)
                }
                _ => first.answer(asked, id),
            },
            move |asked, id| second.answer(asked, id),
        )
        .await
    };
    let (_, end) = read(&section(&[&breaks, &well], ""), &query(&["staff"])).await;
    assert_eq!(end.unwrap_err().trouble, Trouble::Unreachable);
    assert_eq!(well.asked(), []);
}

#[tokio::test]
async fn a_refused_service_account_is_told_and_left_alone() {
    let fake = Fake::honest().await;
    let directory = fake.section("bind_dn=cn=other,dc=lab\nauth_type=plain");
    for _ in 0..3 {
        let (_, end) = read(&directory, &query(&["staff"])).await;
        let end = end.unwrap_err();
        assert!(end.trouble == Trouble::Refused && end.words.contains("service account is refused"), "{end:?}");
    }
    assert_eq!(fake.count(|asked| matches!(asked, Asked::Bind(..))), 1);
}

/// A SID of the domain S-1-5-21-1-2-3.
fn sid(rid: u32) -> Vec<u8> {
    let mut sid = vec![1, 5, 0, 0, 0, 0, 0, 5];
    [21, 1, 2, 3, rid].into_iter().for_each(|part: u32| sid.extend(part.to_le_bytes()));
    sid
}

#[tokio::test]
async fn active_directory_names_groups_in_parts_and_a_primary_one_by_number() {
    let fake = Fake::start(|asked, id| {
        let Asked::Search(base, octets) = asked else { return None };
        let of = |name: &str, value: &str| (name.to_owned(), vec![value.as_bytes().to_vec()]);
        let group = |name: &str, rid| {
            entry_of(id, &format!("CN={name},DC=lab"), &[of("cn", name), ("objectSid".to_owned(), vec![sid(rid)])])
        };
        let person = |number: u8, primary: &str, more: Vec<(String, Vec<Vec<u8>>)>| {
            let own = [
                of("uid", &format!("user{number}")),
                of("primaryGroupID", primary),
                ("objectSid".to_owned(), vec![sid(2000 + u32::from(number))]),
                ("objectGUID".to_owned(), vec![vec![number; 16]]),
                of("userAccountControl", if number == 2 { "514" } else { "512" }),
            ];
            entry_of(id, &format!("CN=User {number},DC=lab"), &[more, own.to_vec()].concat())
        };
        let found = match base.as_str() {
            "" => entry(id, "", &[("namingContexts", "dc=lab"), ("supportedCapabilities", "1.2.840.113556.1.4.800")]),
            "cn=staff,dc=lab" => group("staff", 1001),
            "cn=all,dc=lab" => group("all", 513),
            "cn=gone,dc=lab" => return Some(Act::Send(done(id, ResultCode::NoSuchObject))),
            // The rest of the groups of user 1.
            "CN=User 1,DC=lab" => {
                assert!(mentions(octets, "memberOf;range=2-*"));
                entry_of(id, base, &[of("memberOf;range=2-*", "CN=Inner,DC=lab")])
            }
            "dc=lab" if mentions(octets, "1.2.840.113556.1.4.1941") => {
                if mentions(octets, "CN=staff,DC=lab") {
                    group("Inner", 1002)
                } else {
                    Vec::new()
                }
            }
            "dc=lab" => {
                let two = vec![b"CN=x,DC=lab".to_vec(), b"CN=y,DC=lab".to_vec()];
                let parts = vec![("memberOf".to_owned(), vec![]), ("memberOf;range=0-1".to_owned(), two)];
                [
                    person(1, "514", parts),
                    person(2, "513", vec![of("memberOf", "cn=STAFF,dc=lab")]),
                    // Of another domain, with the same number.
                    entry_of(id, "CN=User 3,DC=other", &[of("primaryGroupID", "513"), of("uid", "user3")]),
                ]
                .concat()
            }
            other => panic!("{other}"),
        };
        Some(Act::Send([found, page_end(id, b"")].concat()))
    })
    .await;
    let directory = fake.section("");
    let (people, end) = read(&directory, &query(&["staff", "gone", "all"])).await;
    let all: &[(&str, &[usize])] = &[("user1", &[0]), ("user2", &[0, 2])];
    assert_eq!(names(&people), all);
    assert_eq!((end.unwrap().count, &*people[0].key), (2, "01010101010101010101010101010101"));
    assert_eq!([people[0].disabled, people[1].disabled], [false, true]);
    assert_eq!(directory.describe().await.unwrap(), "Active Directory at 127.0.0.1");
}
