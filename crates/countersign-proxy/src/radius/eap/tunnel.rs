//! The TLS of a tunnel, flight by flight.

use std::io::{Read as _, Write as _};
use std::sync::Arc;

use rustls::{ProtocolVersion, ServerConfig, ServerConnection};
use zeroize::Zeroizing;

use super::keys::Keys;

/// TLS has failed: what of the other end is no TLS, or not what it should be.
#[derive(Debug)]
pub(super) struct TlsFailed(pub(super) rustls::Error);

pub(super) struct Tunnel(ServerConnection);

impl Tunnel {
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Self, TlsFailed> {
        ServerConnection::new(config).map(Self).map_err(TlsFailed)
    }

    /// Takes a flight of the other end; what stood inside is returned.
    pub(super) fn take(&mut self, mut flight: &[u8]) -> Result<Zeroizing<Vec<u8>>, TlsFailed> {
        let mut inside = Zeroizing::new(Vec::new());
        let odd = |_| TlsFailed(rustls::Error::General("more than can be taken".to_owned()));
        while !flight.is_empty() {
            if self.0.read_tls(&mut flight).map_err(odd)? == 0 {
                return Err(TlsFailed(rustls::Error::General("octets after the end".to_owned())));
            }
            let state = self.0.process_new_packets().map_err(TlsFailed)?;
            let before = inside.len();
            inside.resize(before + state.plaintext_bytes_to_read(), 0);
            self.0.reader().read_exact(inside.get_mut(before..).unwrap_or_default()).map_err(odd)?;
        }
        Ok(inside)
    }

    /// Puts something inside of the next flight.
    pub(super) fn put(&mut self, inside: &[u8]) {
        // It is held in memory, without a limit that a question could reach.
        _ = self.0.writer().write_all(inside);
    }

    /// What TLS wants to send now; an alert too.
    pub(super) fn flight(&mut self) -> Vec<u8> {
        let mut octets = Vec::new();
        while self.0.wants_write() {
            if self.0.write_tls(&mut octets).is_err() {
                break;
            }
        }
        octets
    }

    pub(super) fn is_open(&self) -> bool {
        !self.0.is_handshaking()
    }

    /// The key that both ends share: by the label of the method up to TLS 1.2 (RFC 5281 §8, [MS-PEAP] §3.1.5.5), by the number of the method from TLS 1.3 on (RFC 9427 §2.1).
    pub(super) fn keys(&self, label: &[u8], method: u8) -> Option<Keys> {
        let mut material = Zeroizing::new([0; 128]);
        if self.0.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
            // All 128 octets: their number is a part of what is derived.
            self.0.export_keying_material(&mut *material, b"EXPORTER_EAP_TLS_Key_Material", Some(&[method])).ok()?;
        } else {
            self.0.export_keying_material(&mut *material, label, None).ok()?;
        }
        let mut msk = Zeroizing::new([0; 64]);
        msk.copy_from_slice(material.get(..64)?);
        Some(Keys::new(msk))
    }
}
