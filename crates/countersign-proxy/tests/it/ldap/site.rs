//! A session, and messages for it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use countersign_proxy::ldap::approvals::Approvals;
use countersign_proxy::ldap::output::{Event, LookUp, NotFound, Outcome, Output, Person, What, Why};
use countersign_proxy::ldap::rules::Rules;
use countersign_proxy::ldap::session::Session;
use countersign_proxy::radius::login::{Auth, Event as LoginEvent, Outage, Preauth, Wanted};
use cs_ldap::{
    Authentication, Credentials, Filter, Message, MessageId, Operation, ResultCode, Scope, Search, frame_len, oid,
    request, response,
};
use zeroize::Zeroizing;

use crate::support::config::{self, KEYS};

pub(super) const ALICE: &str = "uid=alice,ou=people,dc=lab";
pub(super) const SERVICE: &str = "cn=app,ou=services,dc=lab";
/// No bind is exempt by being the first one.
pub(super) const EACH: &str = "exempt_primary_bind=false";

/// Sections share approvals and the clock.
#[derive(Clone)]
pub(super) struct Section {
    rules: Arc<Rules>,
    approvals: Arc<Mutex<Approvals>>,
}

/// One connection with everything that was said on it.
pub(super) struct Site {
    pub(super) session: Session,
    pub(super) now: Instant,
    outputs: Vec<Output>,
    number: i32,
}

impl Section {
    pub(super) fn new(options: &str) -> Self {
        let text = format!(
            "[ad_client]\nhost=192.0.2.100\nservice_account_username=svc\nservice_account_password=x\nsearch_dn=dc=lab\nauth_type=plain\nbind_dn=cn=svc,dc=lab\n\
            [ldap_server_auto]\n{KEYS}api_host=api.example.org\n{options}\n"
        );
        let config = config::read(&text);
        let server = &config.ldap[0];
        let approvals = Approvals::new(&Zeroizing::new([7; 32]), server.bind_reuse);
        Self { rules: Arc::new(Rules::new(server)), approvals: Arc::new(Mutex::new(approvals)) }
    }

    pub(super) fn connect(&self, from: &str, now: Instant) -> Site {
        let from: SocketAddr = from.parse().unwrap();
        let session = Session::new(self.rules.clone(), self.approvals.clone(), from, false, now);
        Site { session, now, outputs: Vec::new(), number: 0 }
    }
}

pub(super) fn id(number: i32) -> MessageId {
    MessageId::new(number).unwrap()
}

pub(super) fn password(text: &str) -> Authentication {
    Authentication::Simple(Credentials::new(text.as_bytes()))
}

pub(super) fn search(number: i32) -> Vec<u8> {
    let search = Search {
        base: "dc=lab".to_owned(),
        scope: Scope::Subtree,
        size_limit: 0,
        time_limit_seconds: 0,
        filter: Filter::equal("uid", "alice"),
        attributes: Vec::new(),
    };
    search.encode(id(number), None)
}

/// A message with an empty result.
pub(super) fn done(number: i32, tag: u8) -> Vec<u8> {
    let mut octets = response::bind_response(id(number), ResultCode::Success, "");
    let at = octets.iter().rposition(|octet| *octet == 0x61).unwrap();
    octets[at] = tag;
    octets
}

/// `[tag, code, text]` of every message, one after the other.
pub(super) fn read(mut stream: &[u8]) -> Vec<(i32, u8, i32, String)> {
    let mut messages = Vec::new();
    while let Some(len) = frame_len(stream, usize::MAX).unwrap() {
        let (message, rest) = stream.split_at(len);
        stream = rest;
        let (id, tag) = Message::head(message).unwrap();
        let (code, text) = match Message::parse(message).unwrap().operation {
            Operation::BindResponse(answer) => (answer.result.code.number(), answer.result.diagnostic.to_vec()),
            Operation::ExtendedResponse(answer) => (answer.result.code.number(), answer.result.diagnostic.to_vec()),
            _ => (-1, Vec::new()),
        };
        messages.push((id.number(), tag, code, String::from_utf8(text).unwrap()));
    }
    messages
}

impl Site {
    pub(super) fn new(options: &str) -> Self {
        Section::new(options).connect("192.0.2.1:1000", Instant::now())
    }

    pub(super) fn send(&mut self, octets: &[u8]) {
        self.session.on_client(octets, self.now);
    }

    pub(super) fn directory_says(&mut self, octets: &[u8]) {
        self.session.on_backend(octets, self.now);
    }

    /// Sends a bind; its number.
    pub(super) fn bind(&mut self, name: &str, typed: &str) -> i32 {
        self.bind_by(name, &password(typed))
    }

    pub(super) fn bind_by(&mut self, name: &str, authentication: &Authentication) -> i32 {
        self.number += 1;
        self.send(&request::bind(id(self.number), name, authentication, None));
        self.number
    }

    /// A bind that the directory takes.
    pub(super) fn right(&mut self, name: &str, typed: &str) -> i32 {
        let number = self.bind(name, typed);
        self.asks_directory();
        self.directory_says(&done(number, 0x61));
        number
    }

    /// The directory is asked who is bound, and tells.
    pub(super) fn tells_who(&mut self, number: i32, told: Option<&str>) {
        let asked = self.asks_directory();
        assert_eq!(asked, *request::extended(id(number), oid::WHO_AM_I, None), "who am I");
        let mut answer = cs_ldap::ber::Writer::with_room(100);
        answer.nested(0x30, |message| {
            message.number(2, number).nested(0x78, |inside| {
                inside.number(10, if told.is_some() { 0 } else { 2 }).octets(4, b"").octets(4, b"");
                if let Some(told) = told {
                    inside.octets(0x8b, told.as_bytes());
                }
            });
        });
        self.directory_says(&answer.into_octets());
    }

    /// A whole login, approved by push.
    pub(super) fn log_in(&mut self, name: &str, typed: &str) -> i32 {
        let number = self.right(name, typed);
        self.found(name, "alice");
        self.needs_push();
        self.decided(Ok(Auth::Allow { text: "ok".to_owned() }));
        number
    }

    /// What goes to the directory.
    pub(super) fn asks_directory(&mut self) -> Vec<u8> {
        let octets = self.session.to_backend().to_vec();
        self.session.sent_to_backend(octets.len(), self.now);
        octets
    }

    /// What goes to the application.
    pub(super) fn octets(&mut self) -> Vec<u8> {
        let octets = self.session.to_client().to_vec();
        self.session.sent_to_client(octets.len(), self.now);
        octets
    }

    /// The same, read.
    pub(super) fn answers(&mut self) -> Vec<(i32, u8, i32, String)> {
        let octets = self.octets();
        read(&octets)
    }

    /// Codes of the binds that were answered.
    pub(super) fn codes(&mut self) -> Vec<i32> {
        self.answers().into_iter().filter(|(_, tag, ..)| *tag == 0x61).map(|(_, _, code, _)| code).collect()
    }

    fn collect(&mut self) {
        while let Some(output) = self.session.poll_output() {
            self.outputs.push(output);
        }
    }

    /// Everything that is to be done outside, but for the log.
    pub(super) fn outputs(&mut self) -> Vec<Output> {
        self.collect();
        let (told, others) = self.outputs.drain(..).partition(|output| matches!(output, Output::Told(_)));
        self.outputs = told;
        others
    }

    /// How logins ended.
    pub(super) fn outcomes(&mut self) -> Vec<Outcome> {
        self.collect();
        let logins = self
            .outputs
            .extract_if(.., |output| matches!(output, Output::Told(told) if matches!(told.what, What::Login { .. })));
        let outcome = |output| match output {
            Output::Told(told) => match told.what {
                What::Login { outcome, .. } => Some(outcome),
                What::Malformed(_) | What::Ended(_) => None,
            },
            _ => None,
        };
        logins.filter_map(outcome).collect()
    }

    /// Why the connection was ended.
    pub(super) fn ended(&mut self) -> Option<Why> {
        self.collect();
        self.outputs.iter().find_map(|output| match output {
            Output::Told(told) => match told.what {
                What::Ended(why) => Some(why),
                What::Login { .. } | What::Malformed(_) => None,
            },
            _ => None,
        })
    }

    fn wanted<T>(&mut self, what: &str, pick: impl Fn(&Output) -> Option<T>) -> T {
        let outputs = self.outputs();
        outputs.iter().find_map(pick).unwrap_or_else(|| panic!("{what} is not among {outputs:?}"))
    }

    /// What is looked up.
    pub(super) fn looks_up(&mut self) -> (u32, LookUp) {
        self.wanted("a look-up", |output| match output {
            Output::LookUp { login, by } => Some((*login, by.clone())),
            _ => None,
        })
    }

    /// The entry is found.
    pub(super) fn found(&mut self, dn: &str, username: &str) {
        let (login, _) = self.looks_up();
        let person = Person { dn: dn.to_owned(), username: username.to_owned() };
        self.session.on_event(login, Event::Found(Ok(person)), self.now);
    }

    pub(super) fn not_found(&mut self, why: NotFound) {
        let (login, _) = self.looks_up();
        self.session.on_event(login, Event::Found(Err(why)), self.now);
    }

    /// The server is asked about somebody, and answers.
    pub(super) fn preauth(&mut self, answer: Result<Preauth, Outage>) -> String {
        let (login, user) = self.wanted("preauth", |output| match output {
            Output::Preauth { login, request } => Some((*login, request.user.clone())),
            _ => None,
        });
        self.session.on_event(login, Event::Second(LoginEvent::Preauth(answer)), self.now);
        user
    }

    /// The server wants a factor, and there is a phone.
    pub(super) fn needs_push(&mut self) -> String {
        self.preauth(Ok(Preauth::Auth { menu: None, can_push: true, can_phone: true }))
    }

    /// The server decides.
    pub(super) fn decided(&mut self, answer: Result<Auth, Outage>) -> Wanted {
        let (login, wanted) = self.wanted("auth", |output| match output {
            Output::Auth { login, wanted, .. } => Some((*login, wanted.clone())),
            _ => None,
        });
        self.session.on_event(login, Event::Second(LoginEvent::Auth(answer)), self.now);
        wanted
    }

    /// Nobody can be asked, and codes for outages are checked here.
    pub(super) fn is_away(&mut self, group: Option<&str>) {
        let login = self.wanted("preauth", |output| match output {
            Output::Preauth { login, .. } => Some(*login),
            _ => None,
        });
        let event = LoginEvent::Away { group: group.map(str::to_owned) };
        self.session.on_event(login, Event::Second(event), self.now);
    }

    /// A code for outages is checked: whose it was, and the code.
    pub(super) fn checks_code(&mut self, result: Result<(), String>) -> (String, String) {
        let (login, user, typed) = self.wanted("a code", |output| match output {
            Output::Code { login, request, typed } => Some((*login, request.user.clone(), typed.to_string())),
            _ => None,
        });
        self.session.on_event(login, Event::Second(LoginEvent::Code(result)), self.now);
        (user, typed)
    }

    pub(super) fn pass(&mut self, time: Duration) {
        self.now += time;
        while self.session.poll_timeout().is_some_and(|when| when <= self.now) {
            let before = self.session.poll_timeout();
            self.session.on_timeout(self.now);
            if self.session.poll_timeout() == before {
                panic!("the same timeout again and again: {before:?}");
            }
        }
    }
}

pub(super) fn allowed() -> Result<Auth, Outage> {
    Ok(Auth::Allow { text: "Success. Logging you in...".to_owned() })
}

pub(super) fn denied() -> Result<Auth, Outage> {
    Ok(Auth::Deny { text: "The request was denied.".to_owned() })
}
