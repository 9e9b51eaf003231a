//! The verdict about a password, in the words of the channel.

use cs_client::agent::FirstFactor;

use crate::directory::{Answer, Refusal};

pub(super) fn verdict(answer: Answer) -> FirstFactor {
    match answer {
        Answer::Right(person) => match person.key {
            Some(key) => FirstFactor::Right { key, dn: person.dn },
            None => FirstFactor::Unknown {
                words: "the directory gives no objectGUID, entryUUID or nsUniqueId: let the service account read it"
                    .to_owned(),
            },
        },
        Answer::Wrong(refusal) => FirstFactor::Wrong { reason: reason(refusal).to_owned() },
        Answer::Down(words) => FirstFactor::Unknown { words },
    }
}

fn reason(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::BadPassword | Refusal::WrongPassword => "wrong_password",
        Refusal::Disabled => "disabled",
        Refusal::PasswordExpired | Refusal::AccountExpired => "expired",
        Refusal::Locked => "locked",
        Refusal::MustChange => "must_change",
        // Whoever may not is told apart in the log of the proxy.
        Refusal::BadName
        | Refusal::Unknown
        | Refusal::Ambiguous
        | Refusal::NotInGroup
        | Refusal::NotNow
        | Refusal::NotHere
        | Refusal::NotPermitted => "unknown",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::Person;

    #[test]
    fn only_a_right_password_of_somebody_with_a_key_is_right() {
        let person = |key: Option<&str>| {
            let (dn, name) = ("uid=a".to_owned(), "a".to_owned());
            let key = key.map(str::to_owned);
            Answer::Right(Box::new(Person { dn, name, groups: Vec::new(), key, spelled: None }))
        };
        let right = FirstFactor::Right { key: "00".to_owned(), dn: "uid=a".to_owned() };
        assert_eq!(verdict(person(Some("00"))), right);
        assert!(matches!(verdict(person(None)), FirstFactor::Unknown { .. }));
        assert_eq!(verdict(Answer::Down("away".to_owned())), FirstFactor::Unknown { words: "away".to_owned() });
        for (refusal, word) in
            [(Refusal::Locked, "locked"), (Refusal::MustChange, "must_change"), (Refusal::NotInGroup, "unknown")]
        {
            assert_eq!(verdict(Answer::Wrong(refusal)), FirstFactor::Wrong { reason: word.to_owned() });
        }
    }
}
