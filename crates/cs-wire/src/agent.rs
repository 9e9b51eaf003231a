//! What the server asks of a proxy beside a directory, and what the proxy answers (ours): directory sync and first-factor checks.
//!
//! The proxy opens `GET /agent/v1/channel`, signed like any request by the `ikey` and `skey` of its `[cloud]` or `[sso]` section, and
//! upgrades it to a WebSocket. From then on each text message is one [`Order`] (from the server) or one [`Report`] (from the proxy) as
//! JSON. Several orders may be under way; their ids tell the reports apart. Which directory a proxy asks, how, and by which account is
//! written in its own file: the server can send it nowhere else.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// The path of the channel.
pub const CHANNEL: &str = "/agent/v1/channel";
/// The longest message in either direction, in octets; whoever gets a longer one ends the channel.
pub const MAX_MESSAGE_BYTES: usize = 1 << 20;
/// The most people of one [`Report::People`].
pub const MOST_PEOPLE: usize = 200;
/// How often either side sends a WebSocket ping, in seconds; after three without an answer the channel is dead.
pub const PING_SECONDS: u64 = 20;

/// The server to the proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "order", rename_all = "snake_case")]
pub enum Order {
    /// Read people from the directory.
    Sync {
        /// The number of this order, unique in the channel.
        id: u64,
        /// Whom to read, and what of them.
        query: Query,
    },
    /// Is this password this person's? Answered only by a proxy whose `[sso]` section allows it.
    FirstFactor {
        /// The number of this order.
        id: u64,
        /// The name as typed.
        username: String,
        /// What was typed.
        password: Password,
    },
    /// Nobody waits for this order any more.
    Cancel {
        /// The order that need not go on.
        id: u64,
    },
}

/// Whom to read from a directory, and what of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Query {
    /// Distinguished names of the groups whose members are meant, those of groups within them included.
    pub groups: Vec<String>,
    /// Only the person of this name, if they are in one of the groups.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<String>,
    /// Which attribute holds what.
    pub attributes: Attributes,
}

/// Which attribute of a directory's entry holds what. A name that is not given is not read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attributes {
    /// The name people log in by: `sAMAccountName`, `userPrincipalName`, `uid`.
    pub username: String,
    /// Further names, eight at most.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// `displayName`, `cn`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    /// `mail`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// `mobile`, `telephoneNumber`
    #[serde(default)]
    pub phones: Vec<String>,
    /// `description`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
}

/// The proxy to the server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "report", rename_all = "snake_case")]
pub enum Report {
    /// The first message of a channel.
    Hello {
        /// What the proxy calls itself: it has made this once, and keeps it.
        proxy: String,
        /// The host it runs on.
        host: String,
        /// Its version.
        version: String,
        /// The name of the section this channel is of.
        section: String,
        /// The kind of directory behind it, in words for administrators: `Active Directory at dc1.example.org`.
        directory: String,
        /// Whether it answers [`Order::FirstFactor`].
        first_factor: bool,
    },
    /// Some of the people asked for; any number of these, then one [`Report::Done`] or [`Report::Failed`]. One of nobody is a sign of life while a directory is searched.
    People {
        /// The order.
        id: u64,
        /// [`MOST_PEOPLE`] at most.
        people: Vec<Person>,
    },
    /// All people have been told.
    Done {
        /// The order.
        id: u64,
        /// The groups asked for, in the order of the query.
        groups: Vec<Group>,
        /// How many people were told: the server compares.
        count: u64,
    },
    /// Nothing, or not all, could be had: nothing that was told may be used.
    Failed {
        /// The order.
        id: u64,
        /// Why.
        trouble: Trouble,
        /// For administrators: what happened and what to do.
        words: String,
    },
    /// What became of a first factor; a [`Report::Failed`] says that it did not come to a try.
    FirstFactor {
        /// The order.
        id: u64,
        /// The verdict.
        verdict: FirstFactor,
    },
}

/// Somebody in a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// What stays the same when a person is renamed: `objectGUID`, `entryUUID`, in small hexadecimal digits.
    pub key: String,
    /// Where in the directory.
    pub dn: String,
    /// The name, as the directory writes it.
    pub username: String,
    /// Further names.
    #[serde(default)]
    pub aliases: Vec<String>,
    /// Full name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_name: Option<String>,
    /// Mail address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Numbers, as the directory writes them.
    #[serde(default)]
    pub phones: Vec<String>,
    /// Notes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<String>,
    /// Whether the directory has disabled them.
    #[serde(default)]
    pub disabled: bool,
    /// The groups of the query that they are in, directly or not, by their places in it.
    pub groups: Vec<usize>,
}

/// A group of a query.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Its distinguished name, as asked for.
    pub dn: String,
    /// Its `cn`; `None` if there is no such group.
    pub name: Option<String>,
}

/// Why people could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trouble {
    /// No host of the directory answers.
    Unreachable,
    /// It refuses the service account.
    Refused,
    /// It said that something is wrong, or gave what cannot be understood.
    Directory,
    /// The proxy is not set up for this, or is stopping.
    Proxy,
}

/// What became of a first factor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum FirstFactor {
    /// The password is right, and the person may enter.
    Right {
        /// [`Person::key`]
        key: String,
        /// Where in the directory.
        dn: String,
    },
    /// It is not, or the person may not.
    Wrong {
        /// For the log: `wrong_password`, `disabled`, `expired`, `locked`, `must_change`, `unknown`.
        reason: String,
    },
    /// Nobody could tell.
    Unknown {
        /// For administrators: what happened.
        words: String,
    },
}

/// A password in an order: shown nowhere, wiped when dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Takes it over.
    pub fn new(password: Zeroizing<String>) -> Self {
        Self(password)
    }

    /// To ask the directory by.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|password| Self(Zeroizing::new(password)))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_tagged_objects() {
        let order = Order::FirstFactor {
            id: 7,
            username: "alice".to_owned(),
            password: Password::new(Zeroizing::new("secret".to_owned())),
        };
        let text = serde_json::to_string(&order).unwrap();
        assert_eq!(text, r#"{"order":"first_factor","id":7,"username":"alice","password":"secret"}"#);
        assert_eq!(serde_json::from_str::<Order>(&text).unwrap(), order);
        assert!(!format!("{order:?}").contains("secret"));

        let report = Report::Done { id: 7, groups: vec![Group { dn: "cn=staff".to_owned(), name: None }], count: 0 };
        let text = serde_json::to_string(&report).unwrap();
        assert_eq!(text, r#"{"report":"done","id":7,"groups":[{"dn":"cn=staff","name":null}],"count":0}"#);
        assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), report);
    }

    #[test]
    fn what_is_not_given_is_not_there() {
        let text =
            r#"{"order":"sync","id":1,"query":{"groups":["cn=staff"],"attributes":{"username":"uid"}},"of":"later"}"#;
        let Order::Sync { query, .. } = serde_json::from_str(text).unwrap() else { panic!("a sync") };
        assert_eq!((query.only, query.attributes.phones), (None, vec![]));
        assert!(serde_json::from_str::<Order>(r#"{"order":"sync","id":1}"#).is_err());
    }
}
