//! Passkeys and security keys, with a software authenticator: through the use cases, and through the pages as their script would.

mod attacks;
mod enrollment;
mod logins;
mod moving;
mod nameless;
mod portal;
mod refused;
mod registration;

use std::net::{IpAddr, Ipv4Addr};

use cs_core::login::DenyReason;
use cs_core::policy::Method;
use cs_core::webauthn::{Ask, Proof};
use cs_engine::login::{
    Assertion, AuthAnswer, AuthRequest, Challenge, Decided, FactorInput, PreauthOutcome, PreauthRequest, Who, Why,
};
use cs_engine::passkeys::{Begun, Binding, NewCredential, Registered, RegistrationError, Wanted};
use cs_engine::{Access, Caller, Liveness, Surface};
use cs_testkit::{Forge, Page, Site, TestUser, VirtualKey};
use serde_json::{Value as Json, json};

/// A site, a web application, and Alice, who has a token.
struct Office {
    site: Site,
    caller: Caller,
    alice: TestUser,
    access: Access,
}

impl Office {
    async fn open() -> Self {
        Self::on(Site::start().await).await
    }

    async fn on(site: Site) -> Self {
        let app = site.integration("websdk", |_| {}).await;
        let directory = site.engine().directory();
        let caller = Caller {
            account: directory.account(site.account).await.unwrap().unwrap(),
            integration: directory.integration(site.account, app.key()).await.unwrap().unwrap(),
            surface: Surface::Prompt,
            connection: Liveness::forever(),
            legacy_signature: false,
        };
        let alice = site.user("alice").await;
        alice.hotp_token().await;
        let access = Access { address: Some(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7))), ..Access::default() };
        Self { site, caller, alice, access }
    }

    fn origin(&self) -> String {
        self.site.origin()
    }

    fn session(&self) -> Binding {
        Binding::of("prompt", b"session")
    }

    /// As who has just done a factor of this kind.
    fn did(&self, method: Method) -> Proof {
        Proof::factor(self.alice.id, method, self.site.now())
    }

    /// The caller, after settings or policies were changed.
    async fn reload(&mut self) {
        let directory = self.site.engine().directory();
        self.caller.account = directory.account(self.site.account).await.unwrap().unwrap();
    }

    /// Changes the global policy.
    async fn policy(&self, sections: Json) {
        let body = json!({ "sections": sections, "confirm_lockout": true });
        self.site.admin_api().json("PUT", "/admin/v2/policies/global", &body).await.response();
    }

    async fn begin(&self, proof: Proof, wanted: Wanted) -> Result<Begun, RegistrationError> {
        let new = NewCredential { wanted, access: self.access.clone() };
        self.site.engine().begin_registration(&self.caller, &proof, &new, &self.session()).await
    }

    async fn finish(&self, begun: &Begun, response: &str) -> Result<Registered, RegistrationError> {
        let engine = self.site.engine();
        let (id, session) = (&begun.ceremony, self.session());
        engine.finish_registration(&self.caller, id, &session, &self.access, response, "blue").await
    }

    /// Adds what `key` makes.
    async fn register(&self, key: &mut VirtualKey, wanted: Wanted) -> Registered {
        // The log is in the order of time.
        self.site.advance(1);
        let begun = self.begin(self.did(Method::Bypass), wanted).await.unwrap();
        let response = key.create(&begun.options);
        self.finish(&begun, &response).await.unwrap()
    }

    async fn challenge(&self) -> Box<Challenge> {
        let request = PreauthRequest {
            who: Who::Id(self.alice.id),
            access: self.access.clone(),
            trusted_device_token: None,
            browser: None,
            log_as: None,
            shows_number: true,
        };
        match self.site.engine().preauth(&self.caller, &request).await.unwrap().outcome {
            PreauthOutcome::Challenge(challenge) => challenge,
            other => panic!("{other:?}"),
        }
    }

    /// Begins a second factor.
    async fn ask(&self) -> Begun {
        let challenge = self.challenge().await;
        let begun = self.site.engine().begin_assertion(&self.caller, &challenge, &self.session()).await.unwrap();
        begun.expect("a credential that may be used")
    }

    fn request(&self, begun: &Begun, response: String) -> AuthRequest {
        self.request_for(Ask::SecondFactor, begun, response)
    }

    fn request_for(&self, ask: Ask, begun: &Begun, response: String) -> AuthRequest {
        let assertion = Assertion { ask, ceremony: begun.ceremony.clone(), binding: self.session(), response };
        AuthRequest {
            who: Who::Id(self.alice.id),
            factor: FactorInput::Assertion(Box::new(assertion)),
            access: self.access.clone(),
            push_type: None,
            display_username: None,
            info: Vec::new(),
            ticket: None,
            idempotency_key: None,
            login_key: None,
            digest: [0; 32],
            log_as: None,
        }
    }

    async fn answer(&self, begun: &Begun, response: String) -> Decided {
        self.site.advance(1);
        decided(self.site.engine().auth(&self.caller, &self.request(begun, response)).await.unwrap())
    }

    /// A whole second factor, wrong as `forge` says.
    async fn login(&self, key: &mut VirtualKey, forge: &Forge) -> Decided {
        let begun = self.ask().await;
        let response = key.get_as(&begun.options, forge);
        self.answer(&begun, response).await
    }

    /// A whole login without a password; who is in.
    async fn passwordless(&self, key: &mut VirtualKey, forge: &Forge) -> (Decided, bool) {
        let (engine, session) = (self.site.engine(), self.session());
        let begun = engine.begin_passwordless(&self.caller, &session).await.unwrap();
        let response = key.get_as(&begun.options, forge);
        let request = self.request_for(Ask::Passwordless, &begun, response);
        let (answer, person) = engine.passwordless(&self.caller, request).await.unwrap();
        let decided = decided(answer);
        assert_eq!(decided.allow, person.is_some());
        (decided, person.is_some_and(|person| person.id == self.alice.id))
    }

    /// The newest entries of the authentication log.
    async fn log(&self) -> Vec<Json> {
        let params = [("mintime", "1000000000000"), ("maxtime", "9999999999999"), ("sort", "ts:desc")];
        let path = "/admin/v2/logs/authentication";
        let log = self.site.admin_api().get(path, &params).await.response()["authlogs"].take();
        log.as_array().unwrap().clone()
    }
}

fn decided(answer: AuthAnswer) -> Decided {
    match answer {
        AuthAnswer::Decided(decided) => decided,
        AuthAnswer::Started { .. } => panic!("a push was started"),
    }
}

/// What a page asks the browser to make, or to sign with.
fn asked(page: &Page, attribute: &str) -> Json {
    let text = page.attribute(attribute).unwrap_or_else(|| panic!("{} {}", page.status, page.html));
    serde_json::from_str(&text).unwrap()
}

/// How many passkeys and security keys `name` has.
async fn count(site: &Site, name: &str) -> usize {
    let user = site.admin_api().get("/admin/v1/users", &[("username", name)]).await.response()[0].clone();
    user["webauthncredentials"].as_array().map_or(0, Vec::len)
}

/// What the script tells of a browser that knows keys.
const WITH_KEYS: (&str, &str) = ("facts", r#"{"webauthn":true}"#);

/// Why somebody was refused, in the log's words; "in" if not.
fn reason(decided: &Decided) -> &'static str {
    match decided.why {
        Why::Allowed(_) => "in",
        Why::Denied(reason) => reason.as_str(),
        Why::Sent => "sent",
    }
}

/// A login that is refused for `reason`, one of those that only a key brings about.
pub(crate) async fn refused(reason: DenyReason) -> Decided {
    let office = Office::open().await;
    let mut key = VirtualKey::touch_only(&office.origin());
    office.register(&mut key, Wanted::SecurityKey).await;
    let forge = match reason {
        DenyReason::ClonedCredential => Forge { counter: Some(1), ..Forge::default() },
        DenyReason::UserNotVerified => {
            let methods = ["hardware-token", "webauthn-roaming", "webauthn-require-user-verification"];
            office.policy(json!({"authentication_methods": {"allowed_auth_list": methods}})).await;
            Forge::default()
        }
        _ => Forge { spoil_signature: true, ..Forge::default() },
    };
    let refused = office.login(&mut key, &forge).await;
    assert_eq!(refused.why, Why::Denied(reason));
    refused
}
