//! Security keys and the machine's own lock, as the browser pretends to have them.

use serde_json::{Value as Json, json};

use super::page::Page;

/// What kind of authenticator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A key to plug in: holds passkeys, has no PIN.
    SecurityKey,
    /// The machine's own: holds passkeys, knows its user.
    Platform,
}

/// An authenticator of one tab.
pub struct Authenticator<'a> {
    page: &'a Page,
    /// What the protocol calls it.
    pub id: String,
}

impl<'a> Authenticator<'a> {
    pub(super) fn add(page: &'a Page, kind: Kind) -> Self {
        // The browser's own dialogs would wait for somebody.
        page.call("WebAuthn.enable", &json!({ "enableUI": false }));
        let platform = kind == Kind::Platform;
        let options = json!({
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": if platform { "internal" } else { "usb" },
            "hasResidentKey": true,
            "hasUserVerification": platform,
            "isUserVerified": platform,
            "automaticPresenceSimulation": true,
        });
        let added = page.call("WebAuthn.addVirtualAuthenticator", &json!({ "options": options }));
        Self { page, id: added["authenticatorId"].as_str().unwrap().to_owned() }
    }

    /// Its credentials, private keys included.
    pub fn credentials(&self) -> Vec<Json> {
        let found = self.page.call("WebAuthn.getCredentials", &json!({ "authenticatorId": self.id }));
        found["credentials"].as_array().cloned().unwrap_or_default()
    }

    /// Puts a credential of [`Self::credentials`] in: a clone.
    pub fn insert(&self, credential: &Json) {
        self.page.call("WebAuthn.addCredential", &json!({ "authenticatorId": self.id, "credential": credential }));
    }

    /// Whether its user is recognised from now on.
    pub fn recognises_user(&self, yes: bool) {
        let params = json!({ "authenticatorId": self.id, "isUserVerified": yes });
        self.page.call("WebAuthn.setUserVerified", &params);
    }

    /// Whether it answers by itself, or waits as if nobody touched it.
    pub fn is_touched(&self, yes: bool) {
        let params = json!({ "authenticatorId": self.id, "enabled": yes });
        self.page.call("WebAuthn.setAutomaticPresenceSimulation", &params);
    }

    /// Takes it away.
    pub fn remove(self) {
        self.page.call("WebAuthn.removeVirtualAuthenticator", &json!({ "authenticatorId": self.id }));
    }
}
