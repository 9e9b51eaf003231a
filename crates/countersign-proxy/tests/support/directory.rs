//! A directory in the test's own process: alice is in it, and each test may have it do something else instead.

use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use cs_ldap::ber::{ENUMERATED, INTEGER, OCTET_STRING, Reader, SEQUENCE, SET, Writer};
use cs_ldap::{Authentication, Message, MessageId, Operation, ResultCode, frame_len, response, tag};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// Who is in it; her password is `right`.
pub const ALICE: &str = "uid=alice,ou=people,dc=lab";
/// The service account, whose password is `svc-pw`.
pub const SERVICE: &str = "cn=svc,dc=lab";

/// What a directory is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// Somebody connects; this is their number.
    Connection(usize),
    /// A bind with a password.
    Bind(String, String),
    /// A bind by a mechanism.
    Sasl(String),
    /// A search that begins here, with all its octets.
    Search(String, Vec<u8>),
    /// To begin TLS.
    StartTls,
    /// Nothing more.
    Unbind,
}

/// What it does then.
pub enum Act {
    /// Says this.
    Send(Vec<u8>),
    /// Says nothing, and listens on.
    Silence,
    /// Ends the connection.
    HangUp,
}

type Wish = dyn Fn(&Asked, MessageId) -> Option<Act> + Send + Sync;

/// A directory that listens.
pub struct Fake {
    /// Where it listens.
    pub port: u16,
    /// On which of this host's addresses.
    pub address: Ipv4Addr,
    asked: Arc<Mutex<Vec<Asked>>>,
    listening: JoinHandle<()>,
}

impl Fake {
    /// One that does as a directory should.
    pub async fn honest() -> Self {
        Self::start(|_, _| None).await
    }

    /// One that does what `wish` says, and as it should where that is nothing.
    pub async fn start(wish: impl Fn(&Asked, MessageId) -> Option<Act> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Self::at(Ipv4Addr::LOCALHOST, listener, Arc::new(wish))
    }

    /// Two at the same port of two addresses, as the hosts of a section are.
    pub async fn pair(
        first: impl Fn(&Asked, MessageId) -> Option<Act> + Send + Sync + 'static,
        second: impl Fn(&Asked, MessageId) -> Option<Act> + Send + Sync + 'static,
    ) -> (Self, Self) {
        let other = Ipv4Addr::new(127, 0, 0, 2);
        let (one, two) = loop {
            let one = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            // Somebody else may have that port there: then both are looked for anew.
            if let Ok(two) = TcpListener::bind((other, one.local_addr().unwrap().port())).await {
                break (one, two);
            }
        };
        (Self::at(Ipv4Addr::LOCALHOST, one, Arc::new(first)), Self::at(other, two, Arc::new(second)))
    }

    fn at(address: Ipv4Addr, listener: TcpListener, wish: Arc<Wish>) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let port = listener.local_addr().unwrap().port();
        let log = asked.clone();
        let listening = tokio::spawn(async move {
            let (mut conversations, mut count) = (JoinSet::new(), 0);
            while let Ok((stream, _)) = listener.accept().await {
                conversations.spawn(converse(stream, count, wish.clone(), log.clone()));
                count += 1;
            }
        });
        Self { port, address, asked, listening }
    }

    /// Hangs up on everybody, and is away.
    pub async fn leave(self) {
        self.listening.abort();
        _ = self.listening.await;
    }

    /// Everything that it was asked.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// How often it was asked such a thing.
    pub fn count(&self, what: impl Fn(&Asked) -> bool) -> usize {
        self.asked().iter().filter(|asked| what(asked)).count()
    }

    /// How often the service account came.
    pub fn service_binds(&self) -> usize {
        self.count(|asked| matches!(asked, Asked::Bind(name, _) if name == SERVICE))
    }
}

async fn converse(mut stream: TcpStream, number: usize, wish: Arc<Wish>, log: Arc<Mutex<Vec<Asked>>>) {
    let mut came = Vec::new();
    let begins = Asked::Connection(number);
    log.lock().unwrap().push(begins.clone());
    if matches!(wish(&begins, MessageId::UNSOLICITED), Some(Act::HangUp)) {
        return;
    }
    loop {
        while let Some(len) = frame_len(&came, 1 << 20).unwrap().filter(|len| *len <= came.len()) {
            let rest = came.split_off(len);
            let octets = std::mem::replace(&mut came, rest);
            let message = Message::parse(&octets).unwrap();
            let asked = read(&octets, &message);
            log.lock().unwrap().push(asked.clone());
            match wish(&asked, message.id).unwrap_or_else(|| usual(&asked, message.id)) {
                Act::Send(octets) => {
                    if stream.write_all(&octets).await.is_err() {
                        return;
                    }
                }
                Act::Silence => {}
                Act::HangUp => return,
            }
        }
        if stream.read_buf(&mut came).await.unwrap_or(0) == 0 {
            return;
        }
    }
}

fn read(octets: &[u8], message: &Message<'_>) -> Asked {
    match &message.operation {
        Operation::BindRequest(bind) => match &bind.authentication {
            Authentication::Simple(password) => {
                Asked::Bind(bind.name.to_owned(), password.expose_text().unwrap().to_owned())
            }
            Authentication::Sasl { mechanism, .. } => Asked::Sasl(mechanism.clone()),
            Authentication::Other(tag) => panic!("a bind of kind {tag}"),
        },
        Operation::ExtendedRequest(_) => Asked::StartTls,
        Operation::UnbindRequest => Asked::Unbind,
        Operation::Other(tag::SEARCH_REQUEST) => {
            let mut inside = Reader::new(Reader::new(octets).expect(SEQUENCE).unwrap());
            inside.expect(INTEGER).unwrap();
            let search = inside.expect(tag::SEARCH_REQUEST).unwrap();
            Asked::Search(Reader::new(search).text(OCTET_STRING).unwrap().to_owned(), octets.to_vec())
        }
        other => panic!("{other:?}"),
    }
}

/// Whether a search speaks of an attribute.
pub fn mentions(octets: &[u8], text: &str) -> bool {
    octets.windows(text.len()).any(|window| window == text.as_bytes())
}

/// As a small directory does it: of the filter, only whether alice is asked for by name.
pub fn usual(asked: &Asked, id: MessageId) -> Act {
    Act::Send(match asked {
        Asked::Bind(name, password) => {
            let passwords = [(SERVICE, "svc-pw"), (ALICE, "right")];
            let is_right = passwords.contains(&(name, password));
            let code = if is_right { ResultCode::Success } else { ResultCode::InvalidCredentials };
            response::bind_response(id, code, "")
        }
        Asked::Search(base, _) if base.is_empty() => {
            [entry(id, "", &[("namingContexts", "dc=lab")]), done(id, ResultCode::Success)].concat()
        }
        Asked::Search(base, octets) if base == "dc=lab" && mentions(octets, "alice") => {
            [entry(id, ALICE, &[("uid", "alice")]), done(id, ResultCode::Success)].concat()
        }
        Asked::Search(..) => done(id, ResultCode::Success),
        Asked::StartTls => response::extended_response(id, ResultCode::ProtocolError, "no TLS here", None),
        Asked::Sasl(_) => response::bind_response(id, ResultCode::AuthMethodNotSupported, ""),
        Asked::Connection(_) | Asked::Unbind => return Act::Silence,
    })
}

/// An entry that a search found.
pub fn entry(id: MessageId, dn: &str, attributes: &[(&str, &str)]) -> Vec<u8> {
    let all: Vec<(String, Vec<Vec<u8>>)> =
        attributes.iter().map(|(name, value)| ((*name).to_owned(), vec![value.as_bytes().to_vec()])).collect();
    entry_of(id, dn, &all)
}

/// The same with several values, of any octets.
pub fn entry_of(id: MessageId, dn: &str, attributes: &[(String, Vec<Vec<u8>>)]) -> Vec<u8> {
    answer(id, tag::SEARCH_RESULT_ENTRY, |entry| {
        entry.octets(OCTET_STRING, dn.as_bytes());
        entry.nested(SEQUENCE, |list| {
            for (name, all) in attributes {
                list.nested(SEQUENCE, |one| {
                    one.octets(OCTET_STRING, name.as_bytes());
                    one.nested(SET, |values| all.iter().for_each(|value| _ = values.octets(OCTET_STRING, value)));
                });
            }
        });
    })
}

/// The end of a search.
pub fn done(id: MessageId, code: ResultCode) -> Vec<u8> {
    answer(id, tag::SEARCH_RESULT_DONE, |end| {
        end.number(ENUMERATED, code.number()).octets(OCTET_STRING, b"").octets(OCTET_STRING, b"");
    })
}

/// The end of a page, with what the next one is asked for by.
pub fn page_end(id: MessageId, next: &[u8]) -> Vec<u8> {
    let mut value = Writer::with_room(64);
    value.nested(SEQUENCE, |page| _ = page.number(INTEGER, 0).octets(OCTET_STRING, next));
    let value = value.into_octets();
    let mut writer = Writer::with_room(256);
    writer.nested(SEQUENCE, |message| {
        message.number(INTEGER, id.number()).nested(tag::SEARCH_RESULT_DONE, |end| {
            end.number(ENUMERATED, 0).octets(OCTET_STRING, b"").octets(OCTET_STRING, b"");
        });
        message.nested(tag::CONTROLS, |list| {
            list.nested(SEQUENCE, |control| {
                control.octets(OCTET_STRING, b"1.2.840.113556.1.4.319").octets(OCTET_STRING, &value);
            });
        });
    });
    writer.into_octets().to_vec()
}

/// After what a search wants its page; nothing is the first.
pub fn page_after(octets: &[u8]) -> Option<Vec<u8>> {
    let controls = Message::parse(octets).unwrap().controls?;
    let mut list = Reader::new(Reader::new(controls).expect(tag::CONTROLS).unwrap());
    let mut control = Reader::new(list.expect(SEQUENCE).unwrap());
    control.expect(OCTET_STRING).unwrap();
    let mut page = Reader::new(control.expect(OCTET_STRING).unwrap());
    let mut page = Reader::new(page.expect(SEQUENCE).unwrap());
    assert_eq!(page.number(INTEGER).unwrap(), 500);
    Some(page.expect(OCTET_STRING).unwrap().to_vec())
}

fn answer(id: MessageId, tag: u8, fill: impl FnOnce(&mut Writer)) -> Vec<u8> {
    let mut writer = Writer::with_room(256);
    writer.nested(SEQUENCE, |message| {
        message.number(INTEGER, id.number()).nested(tag, fill);
    });
    writer.into_octets().to_vec()
}
