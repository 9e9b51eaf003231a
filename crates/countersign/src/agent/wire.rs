//! Messages of the channel into the engine's types and back. Whatever is longer than it can be is no message at all.

use cs_core::directory::{MAX_ALIASES, Told, ToldGroup};
use cs_engine::directories::{AgentInfo, MOST_GROUPS, Order, Report, Trouble, Verdict};
use cs_wire::agent as wire;
use zeroize::Zeroizing;

/// The longest name, address or distinguished name.
const MOST_TEXT: usize = 2048;
/// The longest remarks.
const MOST_NOTES: usize = 16 << 10;
/// The most numbers of one person.
const MOST_PHONES: usize = 32;
/// The longest words for administrators, in characters; what is more is cut off.
const MOST_WORDS: usize = 500;

/// Who the proxy says it is.
pub(super) fn hello(text: &str, address: &str) -> Option<AgentInfo> {
    let Ok(wire::Report::Hello { proxy, host, version, section, directory, first_factor }) = serde_json::from_str(text)
    else {
        return None;
    };
    let short = |text: String| clean(&text, 128);
    Some(AgentInfo {
        proxy: short(proxy),
        host: short(host),
        version: short(version),
        section: short(section),
        directory: clean(&directory, 256),
        first_factor,
        address: address.to_owned(),
    })
}

/// An order as it is sent.
pub(super) fn order(order: &Order) -> Option<Zeroizing<String>> {
    let order = match order {
        Order::Read { id, question } => wire::Order::Sync {
            id: *id,
            query: wire::Query {
                groups: question.groups.clone(),
                only: question.only.clone(),
                attributes: wire::Attributes {
                    username: question.attributes.username.clone(),
                    aliases: question.attributes.aliases.clone(),
                    full_name: question.attributes.full_name.clone(),
                    email: question.attributes.email.clone(),
                    phones: question.attributes.phones.clone(),
                    notes: question.attributes.notes.clone(),
                },
            },
        },
        Order::Check { id, username, password } => wire::Order::FirstFactor {
            id: *id,
            username: username.clone(),
            password: wire::Password::new(password.clone()),
        },
        Order::Cancel { id } => wire::Order::Cancel { id: *id },
    };
    serde_json::to_string(&order).ok().map(Zeroizing::new)
}

/// A report; `None` for what is none, or has a part that is too long.
pub(super) fn report(text: &str) -> Option<Report> {
    Some(match serde_json::from_str(text).ok()? {
        // Once is enough.
        wire::Report::Hello { .. } => return None,
        wire::Report::People { id, people } => {
            if people.len() > wire::MOST_PEOPLE {
                return None;
            }
            Report::People { id, people: people.into_iter().map(person).collect::<Option<_>>()? }
        }
        wire::Report::Done { id, groups, count } => {
            if groups.len() > MOST_GROUPS {
                return None;
            }
            Report::Done { id, groups: groups.into_iter().map(group).collect::<Option<_>>()?, count }
        }
        wire::Report::Failed { id, trouble, words } => Report::Failed {
            id,
            trouble: match trouble {
                wire::Trouble::Unreachable => Trouble::Unreachable,
                wire::Trouble::Refused => Trouble::Refused,
                wire::Trouble::Directory => Trouble::Directory,
                wire::Trouble::Proxy => Trouble::Proxy,
            },
            words: clean(&words, MOST_WORDS),
        },
        wire::Report::FirstFactor { id, verdict } => Report::Checked {
            id,
            verdict: match verdict {
                wire::FirstFactor::Right { key, dn } => {
                    if key.is_empty() || key.len() > 128 || dn.len() > MOST_TEXT {
                        return None;
                    }
                    Verdict::Right { key, dn }
                }
                wire::FirstFactor::Wrong { reason } => Verdict::Wrong { reason: clean(&reason, 64) },
                wire::FirstFactor::Unknown { words } => Verdict::Unknown { words: clean(&words, MOST_WORDS) },
            },
        },
    })
}

fn person(person: wire::Person) -> Option<Told> {
    let wire::Person { key, dn, username, aliases, full_name, email, phones, notes, disabled, groups } = person;
    let texts = [&key, &dn, &username].into_iter().chain(&aliases).chain(&phones).chain(&full_name).chain(&email);
    let fits = texts.into_iter().all(|text| text.len() <= MOST_TEXT)
        && notes.as_ref().is_none_or(|notes| notes.len() <= MOST_NOTES)
        && aliases.len() <= MAX_ALIASES
        && phones.len() <= MOST_PHONES
        && groups.len() <= MOST_GROUPS;
    fits.then(|| Told {
        key,
        username,
        aliases,
        full_name,
        email,
        phones,
        notes,
        disabled,
        groups: groups.into_iter().collect(),
    })
}

fn group(group: wire::Group) -> Option<ToldGroup> {
    let wire::Group { dn, name } = group;
    let fits = dn.len() <= MOST_TEXT && name.as_ref().is_none_or(|name| name.len() <= MOST_TEXT);
    fits.then_some(ToldGroup { dn, name })
}

/// At most `most` characters, none that cannot be seen.
fn clean(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_no_report() {
        let people = |person: &str| format!(r#"{{"report":"people","id":1,"people":[{person}]}}"#);
        let person = |username: &str, rest: &str| {
            format!(r#"{{"key":"a1","dn":"cn=x","username":"{username}","groups":[0]{rest}}}"#)
        };
        assert!(report(&people(&person("alice", ""))).is_some());
        let long = "x".repeat(MOST_TEXT + 1);
        let aliases = format!(r#","aliases":[{}]"#, [r#""a""#; MAX_ALIASES + 1].join(","));
        let notes = format!(r#","notes":"{}""#, "x".repeat(MOST_NOTES + 1));
        let groups = person("alice", "").replace("[0]", &format!("[{}]", vec!["0"; MOST_GROUPS + 1].join(",")));
        for wrong in [person(&long, ""), person("alice", &aliases), person("alice", &notes), groups] {
            assert!(report(&people(&wrong)).is_none());
        }
        let many = vec![person("alice", ""); wire::MOST_PEOPLE + 1].join(",");
        assert!(report(&people(&many)).is_none());
        for wrong in ["", "{}", "[]", r#"{"report":"other","id":1}"#, r#"{"report":"people","id":-1,"people":[]}"#] {
            assert!(report(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn words_of_a_proxy_are_cut_and_cannot_steer_a_terminal() {
        let words = format!("a\\u001b[31m{}", "b".repeat(1000));
        let failed = report(&format!(r#"{{"report":"failed","id":1,"trouble":"refused","words":"{words}"}}"#));
        let Some(Report::Failed { words, .. }) = failed else { panic!("a failure") };
        assert_eq!((words.chars().count(), words.contains('\u{1b}')), (MOST_WORDS, false));
    }
}
