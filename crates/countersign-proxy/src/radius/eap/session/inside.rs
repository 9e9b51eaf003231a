//! What is said inside of the tunnel: name and password, in the words of PEAP or of TTLS.

use cs_radius::eap::framing;
use cs_radius::eap::inner::{self, Response};
use cs_radius::eap::method;
use cs_radius::eap::ttls::PasswordLogin;
use zeroize::Zeroizing;

use super::{Phase, Session, Step, Why};

/// Names are as long as a User-Name can be.
const MOST_NAME: usize = 253;

impl Session {
    pub(super) fn inside_ttls(&mut self, inside: &[u8]) -> Step {
        if inside.is_empty() {
            // With TLS 1.3 the other end may want to hear something before it speaks (RFC 9427 §2.2).
            self.phase = Phase::Handshake;
            return self.request(self.method.number(), &framing::acknowledgement(), false);
        }
        match PasswordLogin::of(inside).filter(is_sane) {
            Some(login) => {
                self.phase = Phase::Deciding;
                Step::Login(login)
            }
            None => self.fail(Why::NoPap),
        }
    }

    pub(super) fn inside_peap(&mut self, inside: &[u8]) -> Step {
        let phase = std::mem::replace(&mut self.phase, Phase::Deciding);
        if matches!(phase, Phase::Offered | Phase::Handshake) {
            if !inside.is_empty() {
                return self.fail(Why::Malformed);
            }
            return self.inside(&inner::request(method::IDENTITY, b""), Phase::Identity, false);
        }
        let Ok(response) = Response::parse(inside) else { return self.fail(Why::Malformed) };
        match (phase, response.method) {
            (Phase::Identity, method::IDENTITY) => {
                let user = response.data.to_vec();
                let prompt = inner::request(method::GTC, self.terms.prompt.as_bytes());
                self.inside(&prompt, Phase::Password { user }, true)
            }
            (Phase::Password { user }, method::GTC) => {
                let login = PasswordLogin { user, password: Zeroizing::new(response.data.to_vec()) };
                if is_sane(&login) { Step::Login(login) } else { self.fail(Why::Malformed) }
            }
            (Phase::Password { .. }, method::NAK) => self.fail(Why::NoGtc),
            (Phase::Asked, method::GTC) => Step::Typed(Zeroizing::new(response.data.to_vec())),
            (Phase::Confirming, method::TLV) if response.result() == Some(true) => {
                self.phase = Phase::Over;
                Step::Done
            }
            _ => self.fail(Why::Malformed),
        }
    }

    /// Sends something inside of the tunnel.
    pub(super) fn inside(&mut self, octets: &[u8], phase: Phase, waits_for_person: bool) -> Step {
        let Some(tunnel) = &mut self.tunnel else { return self.fail(Why::Malformed) };
        tunnel.put(octets);
        self.phase = phase;
        let flight = tunnel.flight();
        self.flight(flight, waits_for_person)
    }
}

fn is_sane(login: &PasswordLogin) -> bool {
    (1..=MOST_NAME).contains(&login.user.len()) && login.password.len() <= MOST_NAME
}
