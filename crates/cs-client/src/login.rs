//! What is asked: the parameters of `preauth` and `auth`.

use zeroize::Zeroizing;

/// Parameters in the order they are sent.
pub(crate) type Params = Vec<(&'static str, Zeroizing<String>)>;

/// A question for `preauth`.
#[derive(Debug, Clone, Default)]
pub struct Preauth {
    username: String,
    ipaddr: Option<String>,
    hostname: Option<String>,
    trusted_device_token: Option<Zeroizing<String>>,
    verified_push: bool,
    text_prompt: bool,
}

impl Preauth {
    /// About `username`.
    pub fn new(username: impl Into<String>) -> Self {
        Self { username: username.into(), ..Self::default() }
    }

    /// The address the user comes from.
    #[must_use]
    pub fn from_address(mut self, address: impl Into<String>) -> Self {
        self.ipaddr = Some(address.into());
        self
    }

    /// The host that is logged in to.
    #[must_use]
    pub fn to_host(mut self, hostname: impl Into<String>) -> Self {
        self.hostname = Some(hostname.into());
        self
    }

    /// A token from an earlier login of a remembered device.
    #[must_use]
    pub fn trusted_device(mut self, token: impl Into<String>) -> Self {
        self.trusted_device_token = Some(Zeroizing::new(token.into()));
        self
    }

    /// This program can show the digits that the user types on the device.
    #[must_use]
    pub const fn shows_number(mut self) -> Self {
        self.verified_push = true;
        self
    }

    /// This program shows a menu as text, and gives back what is typed: see [`Factor::Prompt`].
    #[must_use]
    pub const fn shows_menu(mut self) -> Self {
        self.text_prompt = true;
        self
    }

    pub(crate) fn params(&self) -> Params {
        let mut params = vec![("username", text(&self.username))];
        put(&mut params, "ipaddr", self.ipaddr.as_deref());
        put(&mut params, "hostname", self.hostname.as_deref());
        put(&mut params, "trusted_device_token", self.trusted_device_token.as_ref().map(|token| token.as_str()));
        if self.verified_push {
            params.push(("client_supports_verified_push", text("1")));
        }
        if self.text_prompt {
            params.push(("text_prompt", text("1")));
        }
        params
    }
}

/// The factor of a login.
#[derive(Debug, Clone)]
pub enum Factor {
    /// Whatever out-of-band factor the device can do; `auto` or a device's id.
    Auto(String),
    /// A push; `auto` or a device's id.
    Push(String),
    /// A call; `auto` or a device's id.
    Phone(String),
    /// New codes by text message, with which the login itself is denied; `auto` or a device's id.
    Sms(String),
    /// A code: of an authenticator, a token, or a bypass code.
    Passcode(Zeroizing<String>),
    /// What was typed at the menu that `preauth` made.
    Prompt(Zeroizing<String>),
}

/// A login for `auth`.
#[derive(Debug, Clone)]
pub struct Auth {
    username: String,
    factor: Factor,
    ipaddr: Option<String>,
    hostname: Option<String>,
    kind: Option<String>,
    pushinfo: Vec<(String, String)>,
    txid: Option<String>,
    idempotency_key: Option<String>,
    login_key: Option<String>,
}

impl Auth {
    /// Of `username` by `factor`.
    pub fn new(username: impl Into<String>, factor: Factor) -> Self {
        Self {
            username: username.into(),
            factor,
            ipaddr: None,
            hostname: None,
            kind: None,
            pushinfo: Vec::new(),
            txid: None,
            idempotency_key: None,
            login_key: None,
        }
    }

    /// By push to the first device that can.
    pub fn push(username: impl Into<String>) -> Self {
        Self::new(username, Factor::Push("auto".to_owned()))
    }

    /// By a code.
    pub fn passcode(username: impl Into<String>, code: impl Into<String>) -> Self {
        Self::new(username, Factor::Passcode(Zeroizing::new(code.into())))
    }

    /// The address the user comes from.
    #[must_use]
    pub fn from_address(mut self, address: impl Into<String>) -> Self {
        self.ipaddr = Some(address.into());
        self
    }

    /// The host that is logged in to.
    #[must_use]
    pub fn to_host(mut self, hostname: impl Into<String>) -> Self {
        self.hostname = Some(hostname.into());
        self
    }

    /// What is asked for, in the place of "Login" on the device.
    #[must_use]
    pub fn asking_for(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(kind.into());
        self
    }

    /// A further line on the device.
    #[must_use]
    pub fn info(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.pushinfo.push((name.into(), value.into()));
        self
    }

    /// The verified push that `preauth` prepared.
    #[must_use]
    pub fn prepared(mut self, txid: impl Into<String>) -> Self {
        self.txid = Some(txid.into());
        self
    }

    /// The caller's own name for this login: a repetition with the same name joins it instead of beginning another.
    #[must_use]
    pub fn named(mut self, idempotency_key: impl Into<String>) -> Self {
        self.idempotency_key = Some(idempotency_key.into());
        self
    }

    /// What every proxy of this application calls this login: one that it comes to later joins it, or is told for a moment what was decided. Ours; other
    /// servers know no such parameter.
    #[must_use]
    pub fn known_as(mut self, login_key: impl Into<String>) -> Self {
        self.login_key = Some(login_key.into());
        self
    }

    pub(crate) const fn may_be_repeated(&self) -> bool {
        self.idempotency_key.is_some()
    }

    pub(crate) fn params(&self, is_async: bool) -> Params {
        let mut params = vec![("username", text(&self.username))];
        match &self.factor {
            Factor::Auto(device) => params.extend([("factor", text("auto")), ("device", text(device))]),
            Factor::Push(device) => params.extend([("factor", text("push")), ("device", text(device))]),
            Factor::Phone(device) => params.extend([("factor", text("phone")), ("device", text(device))]),
            Factor::Sms(device) => params.extend([("factor", text("sms")), ("device", text(device))]),
            Factor::Passcode(code) => params.extend([("factor", text("passcode")), ("passcode", code.clone())]),
            Factor::Prompt(typed) => params.extend([("factor", text("prompt")), ("prompt", typed.clone())]),
        }
        put(&mut params, "ipaddr", self.ipaddr.as_deref());
        put(&mut params, "hostname", self.hostname.as_deref());
        put(&mut params, "type", self.kind.as_deref());
        if !self.pushinfo.is_empty() {
            params.push(("pushinfo", Zeroizing::new(cs_wire::signing::encode_params(&self.pushinfo))));
        }
        put(&mut params, "txid", self.txid.as_deref());
        put(&mut params, "idempotency_key", self.idempotency_key.as_deref());
        put(&mut params, "login_key", self.login_key.as_deref());
        if is_async {
            params.push(("async", text("1")));
        }
        params
    }
}

pub(crate) fn text(value: &str) -> Zeroizing<String> {
    Zeroizing::new(value.to_owned())
}

fn put(params: &mut Params, name: &'static str, value: Option<&str>) {
    if let Some(value) = value {
        params.push((name, text(value)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(params: &Params) -> Vec<(&str, &str)> {
        params.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    #[test]
    fn only_what_was_said_is_sent() {
        let auth = Auth::push("alice").asking_for("Deployment").info("branch", "main & more").named("job-7");
        assert_eq!(
            sent(&auth.params(true)),
            [
                ("username", "alice"),
                ("factor", "push"),
                ("device", "auto"),
                ("type", "Deployment"),
                ("pushinfo", "branch=main%20%26%20more"),
                ("idempotency_key", "job-7"),
                ("async", "1"),
            ]
        );
        assert_eq!(sent(&Preauth::new("alice").params()), [("username", "alice")]);
    }
}
