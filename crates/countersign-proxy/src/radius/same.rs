//! The same login in another packet: a device that gives its retry a new number, another port, or its other proxy.

use std::collections::HashMap;

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::output::LoginId;
use super::proof::Protocol;
use super::request::Request;
use crate::cfg::radius_server::{Coalesce, RadiusServer};
use crate::keyed;

/// Equal for the same login, and for no other: who, from where, through which device, with which password. Made under a key of this process, so that it tells nothing
/// about the password.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct LoginKey([u8; 32]);

/// Logins that are under way or were decided a moment ago.
pub(super) struct Same {
    key: hmac::Key,
    logins: HashMap<LoginKey, LoginId>,
}

impl Same {
    pub(super) fn new(secret: Zeroizing<[u8; 32]>) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &*secret), logins: HashMap::new() }
    }

    /// The key of a login, and whether another packet with it may join.
    ///
    /// By default only where the device says from which station the person comes: otherwise whoever knows a password and logs in at the same moment would ride on its owner's approval.
    pub(super) fn key(&self, server: &RadiusServer, request: &Request, typed: &str) -> (LoginKey, bool) {
        let joins = match server.coalesce {
            Coalesce::Strict => request.station.is_some(),
            Coalesce::Loose => true,
            Coalesce::Off => false,
        };
        // Where two sections of an application ask different directories, a password that one of them took says nothing to the other.
        let directory = server.client.as_deref().unwrap_or_default();
        (LoginKey(digest(&self.key, server, request, &[directory, typed])), joins)
    }

    /// The key of a person at a station whose first factor is right, whatever proved it: challenges make the same password look different each time.
    pub(super) fn person(&self, server: &RadiusServer, request: &Request, protocol: Protocol) -> (LoginKey, bool) {
        // No password begins so.
        self.key(server, request, &format!("\0second factor after {}", protocol.word()))
    }

    pub(super) fn find(&self, key: &LoginKey) -> Option<LoginId> {
        self.logins.get(key).copied()
    }

    pub(super) fn began(&mut self, key: LoginKey, id: LoginId) {
        self.logins.insert(key, id);
    }

    pub(super) fn over(&mut self, key: &LoginKey, id: LoginId) {
        if self.logins.get(key) == Some(&id) {
            self.logins.remove(key);
        }
    }
}

/// Who logs in where, and `more`: application, device, person, station and service, digested under a key, since a password may be among it.
pub(super) fn digest(key: &hmac::Key, server: &RadiusServer, request: &Request, more: &[&str]) -> [u8; 32] {
    let device = match (&request.nas_id, request.nas_ip) {
        (Some(id), _) => format!("id {id}"),
        (None, Some(address)) => format!("address {address}"),
        (None, None) => format!("from {}", request.from.ip()),
    };
    let user = request.user.trim().to_lowercase();
    let station = request.station.as_deref().unwrap_or_default();
    let service = request.service.map(|service| service.to_string()).unwrap_or_default();
    let who = [server.application.ikey.as_str(), &device, &user, station, &service];
    let parts: Vec<&[u8]> = who.iter().chain(more).map(|part| part.as_bytes()).collect();
    keyed::digest(key, &parts)
}
