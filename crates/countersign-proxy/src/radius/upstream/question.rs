//! A question as a packet.

use std::net::IpAddr;

use cs_radius::{Builder, Code, kind, password};

use super::{Asked, Shown, Upstream};

impl Upstream {
    /// `None` if something does not fit.
    pub(super) fn packet(&self, identifier: u8, asked: &Asked) -> Option<Vec<u8>> {
        let request = &asked.request;
        let mut builder = Builder::new(Code::AccessRequest, identifier);
        builder.attribute(kind::USER_NAME, request.user.as_bytes()).ok()?;
        match &asked.shown {
            Shown::Password(password) => {
                let hidden = password::hide(password, &self.secret, &asked.authenticator).ok()?;
                builder.attribute(kind::USER_PASSWORD, &hidden).ok()?;
            }
            Shown::Proof(proof) => {
                for (kind, value) in &proof.attributes {
                    builder.attribute(*kind, value).ok()?;
                }
            }
        }
        if let Some(state) = &asked.state {
            builder.attribute(kind::STATE, state).ok()?;
        }
        if asked.is_whole() {
            return Some(builder.into_request(&self.secret, &asked.authenticator));
        }
        let own = self.config.nas_ip.map(IpAddr::V4);
        let nas_ip = if self.config.preserve_nas { request.nas_ip.or(own) } else { own };
        match (nas_ip, &request.nas_id) {
            (Some(IpAddr::V4(address)), _) => _ = builder.attribute(kind::NAS_IP_ADDRESS, &address.octets()).ok()?,
            // Something must say who asks (RFC 2865 §4.1).
            (Some(IpAddr::V6(_)) | None, None) => {
                _ = builder.attribute(kind::NAS_IDENTIFIER, b"countersign-proxy").ok()?
            }
            (Some(IpAddr::V6(_)) | None, Some(id)) => {
                _ = builder.attribute(kind::NAS_IDENTIFIER, id.as_bytes()).ok()?
            }
        }
        for (kind, value) in &request.passed {
            builder.attribute(*kind, value).ok()?;
        }
        Some(builder.into_request(&self.secret, &asked.authenticator))
    }
}
