//! People in messages that are not too long.

use cs_client::Said;
use cs_client::agent::{Person, Report};

/// Cuts a part into as many messages as it takes. `None` if one person alone is too long, which bounds of what is read make impossible.
pub(super) fn messages(id: u64, people: Vec<Person>) -> Option<Vec<Said>> {
    let report = Report::People { id, people };
    if let Some(said) = Said::of(&report) {
        return Some(vec![said]);
    }
    let Report::People { mut people, .. } = report else { return None };
    if people.len() < 2 {
        return None;
    }
    let rest = people.split_off(people.len() / 2);
    let mut all = messages(id, people)?;
    all.extend(messages(id, rest)?);
    Some(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cs_client::agent::MAX_MESSAGE_BYTES;

    fn person(number: usize, notes: usize) -> Person {
        Person {
            key: format!("{number:032x}"),
            dn: format!("uid={number}"),
            username: format!("user{number}"),
            aliases: Vec::new(),
            full_name: None,
            email: None,
            phones: Vec::new(),
            notes: Some("\u{1}".repeat(notes)),
            disabled: false,
            groups: vec![0],
        }
    }

    #[test]
    fn a_part_becomes_messages_that_fit_and_hold_everybody_once() {
        // Each octet of the notes takes six in JSON: 2.4 MB in all.
        let people: Vec<Person> = (0..200).map(|number| person(number, 2000)).collect();
        let said = messages(7, people.clone()).unwrap();
        assert!(said.len() > 2 && said.iter().all(|said| said.as_str().len() <= MAX_MESSAGE_BYTES));
        let told: Vec<Person> = said
            .iter()
            .flat_map(|said| match serde_json::from_str(said.as_str()).unwrap() {
                Report::People { id: 7, people } => people,
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, people);
        assert_eq!(messages(7, vec![person(0, 200_000)]), None);
    }
}
