//! Who is connected where, as far as the proxy has seen it: from logins it let in, and from accounting that passes through.
//!
//! A server that wants to end or change a session knows the proxy alone; here stands which device it is at. The table is bounded and in memory. What accounting
//! tells again and again (interim updates) is known again soon after a restart.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use cs_radius::{Packet, kind, vendor};

use super::output::Admitted;

/// No more sessions than this are known; beyond, those are forgotten that would be forgotten first.
pub const MOST: usize = 100_000;
/// A login that no accounting speaks of is taken to have ended after so long.
const WITHOUT_ACCOUNTING: Duration = Duration::from_secs(24 * 3600);
/// A session is forgotten when accounting has not spoken of it for so long.
const WITHOUT_NEWS: Duration = Duration::from_secs(7 * 24 * 3600);
/// So many sessions of one name, station or the like are told apart. A name that more bear is used by a machine.
const MOST_ALIKE: usize = 1_000;

/// Names a session in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId(u64);

/// A session, as its device would name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// The person, as the device says.
    pub user: String,
    /// The server section that the device asks.
    pub section: String,
    /// Where the device's packets come from.
    pub device: IpAddr,
    /// NAS-IP-Address, as the device sends it.
    pub nas_ip: Option<[u8; 4]>,
    /// NAS-Identifier, as the device sends it.
    pub nas_id: Option<Vec<u8>>,
    /// Calling-Station-Id.
    pub station: Option<Vec<u8>>,
    /// Acct-Session-Id, once accounting has begun.
    pub accounting_id: Option<Vec<u8>>,
    /// Cisco's `audit-session-id`.
    pub audit_id: Option<Vec<u8>>,
    /// Framed-IP-Address.
    pub framed_ip: Option<[u8; 4]>,
    /// NAS-Port.
    pub nas_port: Option<[u8; 4]>,
    /// Class, as it was given with the login.
    pub classes: Vec<Vec<u8>>,
    /// Client sections that know of it, and may end it.
    pub clients: Vec<String>,
}

/// What accounting says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// A session has begun.
    Start,
    /// It has ended.
    Stop,
    /// It goes on.
    Interim,
    /// The device has started or is about to stop: none of its sessions is there.
    Device,
    /// Something else, which is only given on.
    Other,
}

impl Status {
    /// Of a packet (RFC 2866 §5.1).
    pub fn of(packet: &Packet<'_>) -> Self {
        match packet.number(kind::ACCT_STATUS_TYPE) {
            Some(1) => Self::Start,
            Some(2) => Self::Stop,
            Some(3) => Self::Interim,
            Some(7 | 8) => Self::Device,
            Some(_) | None => Self::Other,
        }
    }
}

/// What a session can be found by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Mark {
    Accounting(Vec<u8>),
    Audit(Vec<u8>),
    Framed([u8; 4]),
    User(String),
    Station(Vec<u8>),
    Device(IpAddr),
}

struct Known {
    session: Session,
    until: Instant,
}

/// All sessions.
#[derive(Default)]
pub struct Sessions {
    known: HashMap<SessionId, Known>,
    marks: HashMap<Mark, Vec<SessionId>>,
    order: BTreeSet<(Instant, SessionId)>,
    next: u64,
}

/// What a request says about the session it means.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Meant {
    /// User-Name
    pub user: Option<String>,
    /// Calling-Station-Id
    pub station: Option<Vec<u8>>,
    /// Acct-Session-Id
    pub accounting_id: Option<Vec<u8>>,
    /// `audit-session-id`
    pub audit_id: Option<Vec<u8>>,
    /// Framed-IP-Address
    pub framed_ip: Option<[u8; 4]>,
    /// NAS-Port
    pub nas_port: Option<[u8; 4]>,
}

impl Meant {
    /// By a packet.
    pub fn by(packet: &Packet<'_>) -> Self {
        Self {
            user: packet.text(kind::USER_NAME).map(str::to_lowercase),
            station: packet.first(kind::CALLING_STATION_ID).map(<[u8]>::to_ascii_lowercase),
            accounting_id: packet.first(kind::ACCT_SESSION_ID).map(<[u8]>::to_vec),
            audit_id: audit_id(packet),
            framed_ip: four(packet.first(kind::FRAMED_IP_ADDRESS)),
            nas_port: four(packet.first(kind::NAS_PORT)),
        }
    }

    /// The marks, the most telling first.
    fn marks(&self) -> Vec<Mark> {
        let marks = [
            self.accounting_id.clone().map(Mark::Accounting),
            self.audit_id.clone().map(Mark::Audit),
            self.framed_ip.map(Mark::Framed),
            self.user.clone().map(Mark::User),
            self.station.clone().map(Mark::Station),
        ];
        marks.into_iter().flatten().collect()
    }

    /// Whether it says anything by which a session can be found.
    pub fn is_empty(&self) -> bool {
        self.marks().is_empty()
    }

    /// Whether nothing that is said of both differs.
    fn fits(&self, session: &Session) -> bool {
        fn agree<T: PartialEq>(said: Option<&T>, known: Option<&T>) -> bool {
            said.zip(known).is_none_or(|(said, known)| said == known)
        }
        let station = session.station.as_ref().map(|station| station.to_ascii_lowercase());
        agree(self.user.as_ref(), Some(&session.user.to_lowercase()))
            && agree(self.station.as_ref(), station.as_ref())
            && agree(self.accounting_id.as_ref(), session.accounting_id.as_ref())
            && agree(self.audit_id.as_ref(), session.audit_id.as_ref())
            && agree(self.framed_ip.as_ref(), session.framed_ip.as_ref())
            && agree(self.nas_port.as_ref(), session.nas_port.as_ref())
    }
}

impl Sessions {
    /// How many are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// A session, as it is now.
    pub fn get(&self, id: SessionId) -> Option<&Session> {
        self.known.get(&id).map(|known| &known.session)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (SessionId, &Session)> {
        self.known.iter().map(|(id, known)| (*id, &known.session))
    }

    /// Somebody was let in. `section` and `client` are the names of the sections that did it.
    pub fn admitted(&mut self, admitted: &Admitted, section: &str, client: Option<&str>, now: Instant) {
        let request = &admitted.request;
        let given = |wanted: u8| admitted.attributes.iter().filter(move |(kind, _)| *kind == wanted);
        let framed = given(kind::FRAMED_IP_ADDRESS).next().and_then(|(_, value)| four(Some(value)));
        let session = Session {
            user: request.user.clone(),
            section: section.to_owned(),
            device: request.from.ip(),
            nas_ip: match request.nas_ip {
                Some(IpAddr::V4(address)) => Some(address.octets()),
                Some(IpAddr::V6(_)) | None => None,
            },
            nas_id: request.nas_id.as_ref().map(|id| id.as_bytes().to_vec()),
            station: request.station.as_ref().map(|station| station.as_bytes().to_vec()),
            accounting_id: request.accounting_id.clone(),
            audit_id: request.audit_id.clone(),
            framed_ip: framed.filter(|address| is_address(*address)),
            nas_port: request.nas_port.map(u32::to_be_bytes),
            classes: given(kind::CLASS).map(|(_, value)| value.clone()).collect(),
            clients: client.map(str::to_owned).into_iter().collect(),
        };
        // Somebody who logs in anew before accounting has begun has one session and not two.
        let same_id = session.accounting_id.clone().map(|id| self.all_with(&Mark::Accounting(id))).unwrap_or_default();
        let of_device =
            same_id.into_iter().find(|id| self.get(*id).is_some_and(|before| before.device == session.device));
        if let Some(before) = of_device.or_else(|| self.begun_as(&session, false)) {
            self.remove(before);
        }
        self.insert(session, now + WITHOUT_ACCOUNTING, now);
    }

    /// Accounting came from a device; `section` and `client` are the sections of its entry, and `relayed_to` the client section that hears of it.
    pub fn accounted(
        &mut self,
        packet: &Packet<'_>,
        device: IpAddr,
        section: &str,
        clients: [Option<&str>; 2],
        now: Instant,
    ) {
        let status = Status::of(packet);
        let (nas_ip, nas_id) = (four(packet.first(kind::NAS_IP_ADDRESS)), packet.first(kind::NAS_IDENTIFIER));
        if status == Status::Device {
            for id in self.all_with(&Mark::Device(device)) {
                let is_its = self.get(id).is_some_and(|session| {
                    session.nas_ip.zip(nas_ip).is_none_or(|(one, other)| one == other)
                        && session.nas_id.as_deref().zip(nas_id).is_none_or(|(one, other)| one == other)
                });
                if is_its {
                    self.remove(id);
                }
            }
            return;
        }
        let Some(accounting_id) = packet.first(kind::ACCT_SESSION_ID) else { return };
        let Some(user) = packet.text(kind::USER_NAME).filter(|user| !user.is_empty()) else { return };
        let fresh = Session {
            user: user.to_owned(),
            section: section.to_owned(),
            device,
            nas_ip,
            nas_id: nas_id.map(<[u8]>::to_vec),
            station: packet.first(kind::CALLING_STATION_ID).map(<[u8]>::to_vec),
            accounting_id: Some(accounting_id.to_vec()),
            audit_id: audit_id(packet),
            framed_ip: four(packet.first(kind::FRAMED_IP_ADDRESS)).filter(|address| is_address(*address)),
            nas_port: four(packet.first(kind::NAS_PORT)),
            classes: packet.all(kind::CLASS).map(<[u8]>::to_vec).collect(),
            clients: clients.into_iter().flatten().map(str::to_owned).collect(),
        };
        let of_device = self.all_with(&Mark::Accounting(accounting_id.to_vec()));
        let known = of_device.into_iter().find(|id| self.get(*id).is_some_and(|session| session.device == device));
        let known = known.or_else(|| self.begun_as(&fresh, true));
        match status {
            Status::Stop => _ = known.map(|id| self.remove(id)),
            Status::Start | Status::Interim => {
                let before = known.and_then(|id| self.remove(id));
                let session = before.map_or_else(|| fresh.clone(), |before| merged(before, fresh.clone()));
                self.insert(session, now + WITHOUT_NEWS, now);
            }
            Status::Device | Status::Other => {}
        }
    }

    /// The session that a request means, among those that one of `clients` may speak of.
    pub fn meant(&mut self, meant: &Meant, clients: &[String], now: Instant) -> Vec<SessionId> {
        self.forget(now);
        for mark in meant.marks() {
            let all = self.all_with(&mark);
            let theirs = all.into_iter().filter(|id| {
                self.get(*id).is_some_and(|session| {
                    meant.fits(session) && session.clients.iter().any(|client| clients.contains(client))
                })
            });
            let found: Vec<SessionId> = theirs.collect();
            if !found.is_empty() {
                return found;
            }
        }
        Vec::new()
    }

    /// Forgets a session.
    pub fn remove(&mut self, id: SessionId) -> Option<Session> {
        let known = self.known.remove(&id)?;
        self.order.remove(&(known.until, id));
        for mark in marks_of(&known.session) {
            if let Some(ids) = self.marks.get_mut(&mark) {
                ids.retain(|other| *other != id);
                if ids.is_empty() {
                    self.marks.remove(&mark);
                }
            }
        }
        Some(known.session)
    }

    fn insert(&mut self, session: Session, until: Instant, now: Instant) {
        let id = SessionId(self.next);
        self.next += 1;
        for mark in marks_of(&session) {
            let ids = self.marks.entry(mark).or_default();
            // The device's own mark is for all its sessions.
            if ids.len() < MOST_ALIKE {
                ids.push(id);
            }
        }
        self.order.insert((until, id));
        self.known.insert(id, Known { session, until });
        self.forget(now);
    }

    fn forget(&mut self, now: Instant) {
        while let Some(&(until, id)) = self.order.first() {
            if until > now && self.known.len() <= MOST {
                return;
            }
            self.remove(id);
        }
    }

    fn all_with(&self, mark: &Mark) -> Vec<SessionId> {
        match mark {
            Mark::Device(device) => {
                self.iter().filter(|(_, session)| session.device == *device).map(|(id, _)| id).collect()
            }
            Mark::Accounting(_) | Mark::Audit(_) | Mark::Framed(_) | Mark::User(_) | Mark::Station(_) => {
                self.marks.get(mark).cloned().unwrap_or_default()
            }
        }
    }

    /// A login at the same device that accounting has not spoken of yet, and that is this session by its `audit-session-id`, by person and station, or, where the login named
    /// no station and accounting does, by person and Class.
    fn begun_as(&self, session: &Session, is_accounted: bool) -> Option<SessionId> {
        let all = self.all_with(&Mark::User(session.user.to_lowercase()));
        let named = session.audit_id.clone().map(|audit| self.all_with(&Mark::Audit(audit))).unwrap_or_default();
        all.into_iter().chain(named).find(|id| {
            self.get(*id).is_some_and(|begun| {
                let is_open = begun.accounting_id.is_none() && begun.device == session.device;
                let by_audit = begun.audit_id.is_some() && begun.audit_id == session.audit_id;
                let differs = begun.audit_id.as_ref().zip(session.audit_id.as_ref()).is_some_and(|(a, b)| a != b);
                let by_class = is_accounted
                    && begun.station.is_none()
                    && !begun.classes.is_empty()
                    && begun.classes == session.classes;
                let same_port = begun.nas_port.zip(session.nas_port).is_none_or(|(one, other)| one == other);
                let by_station = begun.station == session.station && same_port;
                is_open && (by_audit || !differs && (by_station || by_class))
            })
        })
    }
}

/// What was known and is not said again stays.
fn merged(before: Session, now: Session) -> Session {
    let mut clients = before.clients;
    for client in now.clients {
        if !clients.contains(&client) {
            clients.push(client);
        }
    }
    Session {
        user: now.user,
        section: before.section,
        device: now.device,
        nas_ip: now.nas_ip.or(before.nas_ip),
        nas_id: now.nas_id.or(before.nas_id),
        station: now.station.or(before.station),
        accounting_id: now.accounting_id.or(before.accounting_id),
        audit_id: now.audit_id.or(before.audit_id),
        framed_ip: now.framed_ip.or(before.framed_ip),
        nas_port: now.nas_port.or(before.nas_port),
        classes: if now.classes.is_empty() { before.classes } else { now.classes },
        clients,
    }
}

fn marks_of(session: &Session) -> Vec<Mark> {
    let meant = Meant {
        user: Some(session.user.to_lowercase()),
        station: session.station.as_ref().map(|station| station.to_ascii_lowercase()),
        accounting_id: session.accounting_id.clone(),
        audit_id: session.audit_id.clone(),
        framed_ip: session.framed_ip,
        nas_port: None,
    };
    meant.marks()
}

/// Cisco's `audit-session-id`, by which ISE names a session.
pub fn audit_id(packet: &Packet<'_>) -> Option<Vec<u8>> {
    let pairs = packet.vendor(vendor::id::CISCO, vendor::CISCO_AVPAIR);
    pairs.filter_map(|pair| pair.strip_prefix(b"audit-session-id=")).next().map(<[u8]>::to_vec)
}

/// `255.255.255.254` and `.255` ask for any address (RFC 2865 §5.8), and are none.
fn is_address(octets: [u8; 4]) -> bool {
    !matches!(octets, [255, 255, 255, 254 | 255])
}

fn four(value: Option<&[u8]>) -> Option<[u8; 4]> {
    value?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use cs_radius::{Builder, Code, Secret};

    use super::*;
    use crate::radius::request::Request;

    const DEVICE: &str = "192.0.2.1";

    fn device() -> IpAddr {
        DEVICE.parse().unwrap()
    }

    fn admitted(user: &str, station: &str, class: &[u8]) -> Admitted {
        let mut builder = Builder::new(Code::AccessRequest, 1);
        builder.attribute(kind::USER_NAME, user.as_bytes()).unwrap();
        builder.attribute(kind::CALLING_STATION_ID, station.as_bytes()).unwrap();
        builder.number(kind::NAS_IP_ADDRESS, 0x0a00_0001).unwrap();
        let octets = builder.into_request(&Secret::new(*b"s"), &[1; 16]);
        let from = (device(), 1000).into();
        let request = Request::read_for_tests(&Packet::parse(&octets).unwrap(), from);
        let attributes = vec![(kind::CLASS, class.to_vec()), (kind::FRAMED_IP_ADDRESS, vec![10, 9, 8, 7])];
        Admitted { section: 0, device: 0, request: Arc::new(request), attributes, host: None }
    }

    #[test]
    fn a_device_that_numbers_its_sessions_before_accounting_has_one_of_each() {
        let mut table = Table::new();
        let mut login = admitted("alice", "1", b"c");
        Arc::make_mut(&mut login.request).accounting_id = Some(b"A1".to_vec());
        for _ in 0..2 {
            table.0.admitted(&login, "auto", Some("ise"), table.1);
        }
        Arc::make_mut(&mut login.request).accounting_id = Some(b"A2".to_vec());
        table.0.admitted(&login, "auto", Some("ise"), table.1);
        assert_eq!(table.0.len(), 2);
        table.account(1, "A1", "alice", "1");
        table.account(2, "A2", "alice", "1");
        let id = Meant { accounting_id: Some(b"A1".to_vec()), ..Meant::default() };
        assert_eq!((table.0.len(), table.meant(&id, "ise")), (1, 1));
    }

    fn accounting(status: u32, id: &str, user: &str, station: &str) -> Vec<u8> {
        let mut builder = Builder::new(Code::AccountingRequest, 1);
        builder.number(kind::ACCT_STATUS_TYPE, status).unwrap();
        builder.attribute(kind::ACCT_SESSION_ID, id.as_bytes()).unwrap();
        builder.attribute(kind::USER_NAME, user.as_bytes()).unwrap();
        builder.attribute(kind::CALLING_STATION_ID, station.as_bytes()).unwrap();
        builder.into_digested_request(&Secret::new(*b"s"))
    }

    struct Table(Sessions, Instant);

    impl Table {
        fn new() -> Self {
            Self(Sessions::default(), Instant::now())
        }
        fn admit(&mut self, user: &str, station: &str) {
            self.0.admitted(&admitted(user, station, b"c"), "auto", Some("ise"), self.1);
        }
        fn account(&mut self, status: u32, id: &str, user: &str, station: &str) {
            let octets = accounting(status, id, user, station);
            let packet = Packet::parse(&octets).unwrap();
            self.0.accounted(&packet, device(), "auto", [Some("ise"), None], self.1);
        }
        fn meant(&mut self, meant: &Meant, client: &str) -> usize {
            self.0.meant(meant, &[client.to_owned()], self.1).len()
        }
    }

    fn user(name: &str) -> Meant {
        Meant { user: Some(name.to_owned()), ..Meant::default() }
    }

    #[test]
    fn a_login_becomes_a_session_with_a_number_and_ends() {
        let mut table = Table::new();
        table.admit("Alice", "198.51.100.7");
        table.admit("Alice", "198.51.100.7");
        assert_eq!((table.0.len(), table.meant(&user("alice"), "ise")), (1, 1));
        table.account(1, "A1", "Alice", "198.51.100.7");
        assert_eq!(table.0.len(), 1);
        let id = Meant { accounting_id: Some(b"A1".to_vec()), ..Meant::default() };
        let found = table.0.meant(&id, &["ise".to_owned()], table.1);
        let session = table.0.get(found[0]).unwrap();
        assert_eq!((session.framed_ip, session.nas_ip), (Some([10, 9, 8, 7]), Some([10, 0, 0, 1])));
        // A second session of hers, and the end of the first.
        table.admit("Alice", "198.51.100.7");
        assert_eq!(table.meant(&user("alice"), "ise"), 2);
        table.account(2, "A1", "Alice", "198.51.100.7");
        assert_eq!((table.meant(&user("alice"), "ise"), table.meant(&id, "ise")), (1, 0));
        table.account(7, "", "", "");
        assert!(table.0.is_empty());
    }

    #[test]
    fn a_session_is_meant_by_what_is_said_and_by_nothing_that_differs() {
        let mut table = Table::new();
        table.account(3, "A1", "alice", "aa-bb");
        table.account(1, "B1", "bob", "cc-dd");
        let both = Meant { accounting_id: Some(b"A1".to_vec()), ..user("bob") };
        assert_eq!(table.meant(&both, "ise"), 0);
        let alice = Meant { accounting_id: Some(b"A1".to_vec()), ..user("alice") };
        assert_eq!(table.meant(&alice, "ise"), 1);
        let station = Meant { station: Some(b"cc-dd".to_vec()), ..Meant::default() };
        assert_eq!(table.meant(&station, "ise"), 1);
        assert_eq!(table.meant(&alice, "another"), 0, "only a server that knows of it may end it");
        assert!(Meant::default().is_empty() && Meant { nas_port: Some([0; 4]), ..Meant::default() }.is_empty());
    }

    #[test]
    fn what_nobody_speaks_of_is_forgotten_and_the_table_is_bounded() {
        let mut table = Table::new();
        table.admit("alice", "1");
        table.account(1, "B1", "bob", "2");
        table.1 += WITHOUT_ACCOUNTING;
        assert_eq!((table.meant(&user("alice"), "ise"), table.meant(&user("bob"), "ise")), (0, 1));
        table.1 += WITHOUT_NEWS;
        assert_eq!(table.meant(&user("bob"), "ise"), 0);
        assert!(table.0.is_empty() && table.0.marks.is_empty() && table.0.order.is_empty());
        for number in 0..=MOST {
            table.account(1, &number.to_string(), &format!("carol{number}"), "3");
        }
        assert_eq!(table.0.len(), MOST);
        assert!(table.0.marks.values().all(|ids| ids.len() <= MOST_ALIKE));
    }
}
