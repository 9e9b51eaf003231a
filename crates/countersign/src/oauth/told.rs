//! The log's entry of a login, as an `id_token` tells it.

use cs_core::integration::Integration;
use cs_engine::prompt::Redeemed;
use cs_wire::oidc::{AccessDevice, Application, AuthContext, AuthDevice, Location, TrustedEndpoint, User};
use serde_json::Value as Json;

/// Texts that the context borrows.
pub(super) struct Told<'a> {
    redeemed: &'a Redeemed,
    integration: &'a Integration,
    txid: String,
}

impl<'a> Told<'a> {
    pub(super) fn of(redeemed: &'a Redeemed, integration: &'a Integration) -> Self {
        Self { redeemed, integration, txid: redeemed.admitted.txid.to_string() }
    }

    /// The context: what the log does not have is null.
    pub(super) fn context(&self) -> AuthContext<'_> {
        let at = self.redeemed.admitted.at;
        let groups = self.redeemed.told.get("groups").and_then(Json::as_array);
        AuthContext {
            txid: &self.txid,
            timestamp: at.as_second(),
            isotimestamp: at.strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00").to_string(),
            event_type: "authentication",
            factor: &self.redeemed.factor,
            result: "success",
            reason: self.redeemed.admitted.why.as_str(),
            alias: self.text("alias").unwrap_or_default(),
            email: self.text("email").unwrap_or_default(),
            ood_software: None,
            trusted_endpoint_status: TrustedEndpoint::Unknown,
            user: User {
                name: self.text("username").unwrap_or(&self.redeemed.asked_username),
                key: self.redeemed.user.as_deref(),
                groups: groups.map(|all| all.iter().filter_map(Json::as_str).collect()).unwrap_or_default(),
            },
            application: Application { name: &self.integration.name, key: self.integration.key.as_str() },
            auth_device: AuthDevice {
                name: self.text("device"),
                ip: self.text("device_ip"),
                location: self.place("device_city", "device_state", "device_country"),
            },
            access_device: AccessDevice {
                ip: self.text("access_ip"),
                location: self.place("city", "state", "country"),
                hostname: self.text("hostname"),
                browser: self.text("browser"),
                browser_version: self.text("browser_version"),
                os: self.text("os"),
                os_version: self.text("os_version"),
                ..AccessDevice::default()
            },
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.redeemed.told.get(name).and_then(Json::as_str)
    }

    fn place(&self, city: &str, state: &str, country: &str) -> Location<'_> {
        Location { city: self.text(city), state: self.text(state), country: self.text(country) }
    }
}
