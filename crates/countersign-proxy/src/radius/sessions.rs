//! Who is connected where, as far as the proxy has seen it: from logins it let in, and from accounting that passes through.
//!
//! A server that wants to end or change a session knows the proxy alone; here stands which device it is at. The table is bounded and in memory. What accounting
//! tells again and again (interim updates) is known again soon after a restart.

use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::{Duration, Instant};

use cs_radius::{Packet, kind};

use super::output::Admitted;

mod meant;
mod session;

use meant::{Mark, four, marks_of, unpadded};
pub use meant::{Meant, audit_id};
pub use session::{Session, Status};
use session::{is_address, merged};

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
            station: packet.first(kind::CALLING_STATION_ID).map(|station| unpadded(station).to_vec()),
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

#[cfg(test)]
mod tests;
