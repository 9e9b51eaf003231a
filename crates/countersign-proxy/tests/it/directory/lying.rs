//! Directories that are slow, broken or hostile: each has its reason in the log, and nobody is let in.

use std::time::Instant;

use countersign_proxy::directory::{Answer, Refusal};
use cs_ldap::{MessageId, ResultCode, response};

use crate::support::directory::{ALICE, Act, Asked, Fake, done, entry, mentions};

fn is_search_for_alice(asked: &Asked) -> bool {
    matches!(asked, Asked::Search(base, _) if base == "dc=lab")
}

/// What is told of a directory that sends this when it searches for alice.
async fn told_of(answer: impl Fn(MessageId) -> Act + Send + Sync + 'static) -> String {
    told(move |asked, id| is_search_for_alice(asked).then(|| answer(id)), "timeout=1").await
}

async fn told(wish: impl Fn(&Asked, MessageId) -> Option<Act> + Send + Sync + 'static, options: &str) -> String {
    let fake = Fake::start(wish).await;
    match fake.section(options).check("alice", "right").await {
        Answer::Down(why) => why,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn one_that_never_answers_is_given_up() {
    assert!(told_of(|_| Act::Silence).await.contains("it did not answer within 1s"));
    let never = |asked: &Asked, _| matches!(asked, Asked::Bind(name, _) if name == ALICE).then_some(Act::Silence);
    assert!(told(never, "timeout=1").await.contains("it did not answer within 1s"));
}

#[tokio::test]
async fn one_that_speaks_something_else() {
    let told = told_of(|_| Act::Send(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec())).await;
    assert!(told.contains("what it sends is no LDAP: it begins with octet 0x48"), "{told}");
}

#[tokio::test]
async fn one_that_announces_more_than_fits() {
    let told = told_of(|_| Act::Send(b"\x30\x84\x7f\xff\xff\xff\x02\x01".to_vec())).await;
    assert!(told.contains("octets are announced"), "{told}");
}

#[tokio::test]
async fn one_that_nests_without_end() {
    let deep = [b"\x30\x82\x00\xc8\x02\x01\x03\x64\x81\xc2".as_slice(), &[0x30, 0x7f].repeat(97)].concat();
    let told = told_of(move |_| Act::Send(deep.clone())).await;
    assert!(told.contains("what it sends is no LDAP"), "{told}");
}

#[tokio::test]
async fn one_that_answers_another_question() {
    let told = told_of(|id| Act::Send(done(MessageId::new(id.number() + 1).unwrap(), ResultCode::Success))).await;
    assert!(told.contains("something that was not asked"), "{told}");
    // The end of a bind instead of a search's.
    let told = told_of(|id| Act::Send(response::bind_response(id, ResultCode::Success, ""))).await;
    assert!(told.contains("something that was not asked"), "{told}");
}

#[tokio::test]
async fn one_that_sends_more_than_was_asked_for() {
    let told = told_of(|id| {
        let entries = (0..100).map(|at| entry(id, &format!("uid=alice,ou={at},dc=lab"), &[]));
        Act::Send(entries.collect::<Vec<_>>().concat())
    })
    .await;
    assert!(told.contains("more than was asked for"), "{told}");
}

#[tokio::test]
async fn one_that_sends_us_elsewhere() {
    let told = told_of(|id| Act::Send(done(id, ResultCode::Referral))).await;
    assert!(told.contains("refers to another directory"), "{told}");
}

#[tokio::test]
async fn one_that_hangs_up() {
    let told = told_of(|_| Act::HangUp).await;
    assert!(told.contains("it closed the connection"), "{told}");
    let why = response::notice_of_disconnection(ResultCode::Unavailable, "shutting down\nfor good");
    let told = told_of(move |_| Act::Send(why.clone())).await;
    assert!(told.contains("closed the connection: unavailable shutting down\\nfor good"), "{told}");
}

#[tokio::test]
async fn one_that_finds_a_person_without_a_name() {
    // A bind without a name is anonymous, and right with any password.
    let told = told(
        |asked, id| match asked {
            asked if is_search_for_alice(asked) => {
                Some(Act::Send([entry(id, "", &[("uid", "alice")]), done(id, ResultCode::Success)].concat()))
            }
            Asked::Bind(name, _) if name.is_empty() => {
                Some(Act::Send(response::bind_response(id, ResultCode::Success, "")))
            }
            _ => None,
        },
        "",
    )
    .await;
    assert!(told.contains("something that was not asked"), "{told}");
}

/// A group that alice is not in, and groups around her as `around` has them, by the number of the question.
fn with_groups(around: impl Fn(i32) -> String) -> impl Fn(&Asked, MessageId) -> Option<Act> {
    move |asked, id| {
        let Asked::Search(base, octets) = asked else { return None };
        let found = match base.as_str() {
            "cn=vpn,dc=lab" if !mentions(octets, "uniqueMember") => entry(id, "cn=vpn,dc=lab", &[("cn", "vpn")]),
            "dc=lab" if mentions(octets, "uniqueMember") => entry(id, &around(id.number()), &[("cn", "g")]),
            "cn=vpn,dc=lab" | ALICE => Vec::new(),
            _ => return None,
        };
        Some(Act::Send([found, done(id, ResultCode::Success)].concat()))
    }
}

const NESTED: &str = "security_group_dn=cn=vpn,dc=lab\nnested_groups=true";

#[tokio::test]
async fn one_whose_groups_never_end() {
    let told = told(with_groups(|number| format!("cn=g{number},dc=lab")), NESTED).await;
    assert!(told.contains("more than 32 groups"), "{told}");
}

#[tokio::test]
async fn a_person_of_too_many_groups_is_no_fault_of_the_host() {
    let endless = Fake::start(with_groups(|number| format!("cn=g{number},dc=lab"))).await;
    let gone = Fake::start(|_, _| Some(Act::HangUp)).await;
    for (fake, is_well) in [(&endless, true), (&gone, false)] {
        let directory = fake.section(NESTED);
        assert!(matches!(directory.check("alice", "right").await, Answer::Down(_)));
        let hosts: Vec<(String, bool)> = directory.hosts(Instant::now()).collect();
        assert_eq!(hosts, [(format!("127.0.0.1:{}", fake.port), is_well)]);
    }
}

#[tokio::test]
async fn one_whose_groups_are_in_one_another() {
    let fake = Fake::start(with_groups(|number| format!("cn=g{},dc=lab", number % 2))).await;
    let answer = fake.section(NESTED).check("alice", "right").await;
    assert_eq!(answer, Answer::Wrong(Refusal::NotInGroup));
    assert!(fake.count(|asked| matches!(asked, Asked::Search(..))) < 12);
}

#[tokio::test]
async fn one_that_has_not_the_group_or_the_place_of_the_configuration() {
    let told_of = async |options: &str| {
        let nowhere = |asked: &Asked, id| {
            let is_there = matches!(asked, Asked::Search(base, _) if base.is_empty() || base == "dc=lab");
            let is_search = matches!(asked, Asked::Search(..));
            (is_search && !is_there).then(|| Act::Send(done(id, ResultCode::NoSuchObject)))
        };
        told(nowhere, options).await
    };
    let told = told_of("security_group_dn=cn=vpn,dc=lab").await;
    assert!(told.contains("security_group_dn names an entry that is not there"), "{told}");
    let gone = |asked: &Asked, id| is_search_for_alice(asked).then(|| Act::Send(done(id, ResultCode::NoSuchObject)));
    assert!(super::lying::told(gone, "").await.contains("search_dn names an entry that is not there"));
}

#[tokio::test]
async fn one_that_takes_ntlm_before_anything_is_proven() {
    let eager = |asked: &Asked, id| {
        matches!(asked, Asked::Sasl(_)).then(|| Act::Send(response::bind_response(id, ResultCode::Success, "")))
    };
    assert!(told(eager, "auth_type=ntlm2").await.contains("its side of NTLM is missing or wrong"));
    let endless = |asked: &Asked, id| {
        let again = || Act::Send(response::bind_response(id, ResultCode::SaslBindInProgress, ""));
        matches!(asked, Asked::Sasl(_)).then(again)
    };
    assert!(told(endless, "auth_type=ntlm2").await.contains("its side of NTLM is missing or wrong"));
}

#[tokio::test]
async fn one_without_tls_gets_no_password_where_tls_is_wanted() {
    const TLS: &str = "transport=starttls\nssl_verify_hostname=false";
    let fake = Fake::honest().await;
    let Answer::Down(why) = fake.section(TLS).check("alice", "right").await else { panic!("not down") };
    assert!(why.contains("it does not take StartTLS (protocolError no TLS here)"), "{why}");
    // Something slipped in behind the answer, to be read as if it came within TLS.
    let slipped = |asked: &Asked, id: MessageId| {
        let yes = response::extended_response(id, ResultCode::Success, "", None);
        let more = response::bind_response(MessageId::new(2).unwrap(), ResultCode::Success, "");
        matches!(asked, Asked::StartTls).then(|| Act::Send([yes, more].concat()))
    };
    let told = told(slipped, TLS).await;
    assert!(told.contains("something that was not asked") || told.contains("TLS failed"), "{told}");
    assert_eq!(fake.count(|asked| matches!(asked, Asked::Bind(..))), 0);
}
