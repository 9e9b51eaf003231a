//! What a section asks of directories, and what it makes of their answers.

use countersign_proxy::directory::{Answer, Refusal};
use cs_ldap::{ResultCode, response};

use super::section::section;
use crate::support::directory::{ALICE, Act, Asked, Fake, SERVICE, done, entry};

fn is_right(answer: &Answer) -> bool {
    matches!(answer, Answer::Right(person) if person.dn == ALICE && person.name == "alice")
}

#[tokio::test]
async fn a_password_is_right_or_wrong_and_the_service_account_binds_once() {
    let fake = Fake::honest().await;
    let directory = fake.section("");
    for _ in 0..3 {
        assert!(is_right(&directory.check("alice", "right").await));
    }
    assert_eq!(directory.check("alice", "wrong").await, Answer::Wrong(Refusal::WrongPassword));
    assert_eq!(directory.check("bob", "right").await, Answer::Wrong(Refusal::Unknown));
    assert_eq!(fake.service_binds(), 1);
}

#[tokio::test]
async fn an_empty_password_never_reaches_a_directory() {
    let fake = Fake::start(|asked, id| match asked {
        // Many do so, and mean anonymous (RFC 4513 §5.1.2).
        Asked::Bind(_, password) if password.is_empty() => {
            Some(Act::Send(response::bind_response(id, ResultCode::Success, "")))
        }
        _ => None,
    })
    .await;
    let directory = fake.section("");
    for password in ["", "\0", "right\0", "\0right"] {
        assert_eq!(directory.check("alice", password).await, Answer::Wrong(Refusal::BadPassword));
    }
    for name in ["", "uid=alice,dc=lab", "alice\n", "LAB\\"] {
        assert_eq!(directory.check(name, "right").await, Answer::Wrong(Refusal::BadName));
    }
    assert_eq!(fake.asked(), []);
}

#[tokio::test]
async fn whatever_is_typed_as_a_name_is_a_value_and_no_filter() {
    let fake = Fake::honest().await;
    let directory = fake.section("ldap_filter=(|(l=here)(!(st=there)))");
    let typed = "*)(|(objectClass=*)(uid=alice";
    directory.check(typed, "right").await;
    let searches: Vec<Vec<u8>> = fake
        .asked()
        .into_iter()
        .filter_map(|asked| if let Asked::Search(base, octets) = asked { Some((base, octets)) } else { None })
        .filter_map(|(base, octets)| (base == "dc=lab").then_some(octets))
        .collect();
    assert_eq!(searches.len(), 1);
    // [3] { "uid", typed }: an equality with the whole of it.
    let mut expected = vec![0xa3, u8::try_from(typed.len() + 7).unwrap(), 4, 3];
    expected.extend(b"uid\x04");
    expected.push(u8::try_from(typed.len()).unwrap());
    expected.extend(typed.as_bytes());
    assert!(searches[0].windows(expected.len()).any(|window| window == expected));
}

#[tokio::test]
async fn whose_password_it_is_is_told_where_a_directory_takes_another_name_for_the_same() {
    // Active Directory compares names without accents.
    let fake = Fake::start(|asked, id| match asked {
        Asked::Search(base, _) if base == "dc=lab" => {
            let found = entry(id, ALICE, &[("uid", "alice"), ("sAMAccountName", "alice"), ("mail", "alice@lab.test")]);
            Some(Act::Send([found, done(id, ResultCode::Success)].concat()))
        }
        _ => None,
    })
    .await;
    let directory = fake.section("");
    for (typed, expected) in [
        ("alice", None),
        (" ALICE", None),
        ("\u{ff41}lice", None),
        ("\u{e0}lice", Some("alice")),
        ("Alice@LAB.test", None),
        ("\u{e0}lice@lab.test", Some("alice@lab.test")),
        ("al\u{200b}ice", Some("alice")),
    ] {
        let Answer::Right(person) = directory.check(typed, "right").await else { panic!("{typed} is nobody") };
        assert_eq!(person.spelled.as_deref(), expected, "{typed}");
    }
}

#[tokio::test]
async fn several_people_of_one_name_are_nobody() {
    let fake = Fake::start(|asked, id| match asked {
        Asked::Search(base, _) if base == "dc=lab" => {
            let two = [entry(id, ALICE, &[("uid", "alice")]), entry(id, "uid=alice,ou=old,dc=lab", &[])].concat();
            Some(Act::Send([two, done(id, ResultCode::Success)].concat()))
        }
        _ => None,
    })
    .await;
    assert_eq!(fake.section("").check("alice", "right").await, Answer::Wrong(Refusal::Ambiguous));
    assert_eq!(fake.count(|asked| matches!(asked, Asked::Bind(name, _) if name == ALICE)), 0);
}

#[tokio::test]
async fn a_dead_host_is_passed_over_and_then_asked_last() {
    let (dead, well) = Fake::pair(|_, _| Some(Act::HangUp), |_, _| None).await;
    let directory = section(&[&dead, &well], "");
    assert!(is_right(&directory.check("alice", "right").await));
    assert!(is_right(&directory.check("alice", "right").await));
    assert_eq!(dead.asked(), [Asked::Connection(0)]);
}

#[tokio::test]
async fn a_wrong_password_is_asked_about_once() {
    let (one, two) = Fake::pair(|_, _| None, |_, _| None).await;
    let directory = section(&[&one, &two], "");
    assert_eq!(directory.check("alice", "wrong").await, Answer::Wrong(Refusal::WrongPassword));
    assert_eq!(one.count(|asked| matches!(asked, Asked::Bind(name, _) if name == ALICE)), 1);
    assert_eq!(two.asked(), []);
}

#[tokio::test]
async fn a_kept_connection_that_was_closed_is_made_anew() {
    // Hangs up after each search for somebody: the next login finds out.
    let fake = Fake::start(|asked, id| match asked {
        Asked::Search(base, _) if base == "dc=lab" && id.number() > 3 => Some(Act::HangUp),
        _ => None,
    })
    .await;
    let directory = fake.section("");
    for _ in 0..3 {
        assert!(is_right(&directory.check("alice", "right").await));
    }
    // Bind, root and search are 1 to 3; the second search on a connection finds it closed.
    assert_eq!(fake.service_binds(), 3);
}

#[tokio::test]
async fn a_refused_service_account_is_tried_once_and_not_locked_by_logins() {
    let (one, two) = Fake::pair(
        |asked, id| match asked {
            Asked::Bind(name, _) if name == SERVICE => {
                Some(Act::Send(response::bind_response(id, ResultCode::InvalidCredentials, "")))
            }
            _ => None,
        },
        |_, _| None,
    )
    .await;
    let directory = section(&[&one, &two], "");
    for _ in 0..5 {
        let Answer::Down(why) = directory.check("alice", "right").await else { panic!("not down") };
        assert!(why.contains("the service account is refused"), "{why}");
    }
    assert_eq!((one.service_binds(), two.asked()), (1, Vec::new()));
}

#[tokio::test]
async fn many_at_once_share_a_few_connections() {
    let fake = Fake::honest().await;
    let directory = std::sync::Arc::new(fake.section(""));
    let logins: Vec<_> = (0..200)
        .map(|_| {
            let directory = directory.clone();
            tokio::spawn(async move { is_right(&directory.check("alice", "right").await) })
        })
        .collect();
    for login in logins {
        assert!(login.await.unwrap());
    }
    assert!(fake.service_binds() <= 64, "{}", fake.service_binds());
}
