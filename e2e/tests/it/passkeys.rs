//! What real Chromium makes of our questions, and we of its answers: security keys, the device's own lock, passkeys without a name, and what an attacker would do with them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a failure here is the test's failure")]

use cs_core::policy::Method;
use cs_core::webauthn::{Ask, Proof};
use cs_engine::login::{Assertion, AuthAnswer, AuthRequest, FactorInput, PreauthOutcome, PreauthRequest, Who, Why};
use cs_engine::passkeys::{Begun, Binding, NewCredential, RegistrationError, Wanted};
use cs_engine::{Access, Caller, Liveness, Surface};
use cs_testkit::{Site, TestUser};
use e2e::Files;
use e2e::browser::{Browser, Kind, Page};
use serde_json::{Value as Json, json};

/// A server in this process, a web application, and Alice in front of a browser.
pub(crate) struct Desk {
    pub(crate) site: Site,
    caller: Caller,
    pub(crate) alice: TestUser,
    browser: Browser,
    _ca: tempfile::NamedTempFile,
}

impl Desk {
    pub(crate) async fn set_up() -> Self {
        let site = Site::start().await;
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
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), site.ca_pem()).unwrap();
        let browser = Browser::start(&[ca.path()]);
        Self { site, caller, alice, browser, _ca: ca }
    }

    fn origin(&self) -> &str {
        &self.site.engine().relying_party().origins()[0]
    }

    /// A tab that shows a page of ours.
    pub(crate) fn page(&self) -> Page {
        let page = self.browser.page();
        page.open(&format!("{}/panel/setup", self.origin()));
        page
    }

    fn session(&self) -> Binding {
        Binding::of("prompt", b"session")
    }

    pub(crate) async fn register(&self, page: &Page, wanted: Wanted) -> Result<(), RegistrationError> {
        let (engine, access) = (self.site.engine(), Access::default());
        let proof = Proof::factor(self.alice.id, Method::Bypass, self.site.now());
        let new = NewCredential { wanted, access: access.clone() };
        let begun = engine.begin_registration(&self.caller, &proof, &new, &self.session()).await?;
        let made = ask(page, "create", "Creation", &begun.options);
        engine.finish_registration(&self.caller, &begun.ceremony, &self.session(), &access, &made, "").await.map(drop)
    }

    async fn begin(&self) -> Begun {
        let request = PreauthRequest {
            who: Who::Id(self.alice.id),
            access: Access::default(),
            trusted_device_token: None,
            browser: None,
            log_as: None,
            shows_number: true,
        };
        let PreauthOutcome::Challenge(challenge) =
            self.site.engine().preauth(&self.caller, &request).await.unwrap().outcome
        else {
            panic!("no challenge");
        };
        let begun = self.site.engine().begin_assertion(&self.caller, &challenge, &self.session()).await.unwrap();
        begun.expect("a credential that may be used")
    }

    fn request(&self, ask: Ask, begun: &Begun, response: String) -> AuthRequest {
        let (ceremony, binding) = (begun.ceremony.clone(), self.session());
        let assertion = Assertion { ask, ceremony, binding, response };
        AuthRequest {
            who: Who::Id(self.alice.id),
            factor: FactorInput::Assertion(Box::new(assertion)),
            access: Access::default(),
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

    async fn finish(&self, begun: &Begun, response: String) -> &'static str {
        let request = self.request(Ask::SecondFactor, begun, response);
        outcome(&self.site.engine().auth(&self.caller, &request).await.unwrap())
    }

    async fn login(&self, page: &Page) -> &'static str {
        let begun = self.begin().await;
        let response = ask(page, "get", "Request", &begun.options);
        self.finish(&begun, response).await
    }
}

/// Has the browser answer `options`, as our pages do.
fn ask(page: &Page, call: &str, kind: &str, options: &Json) -> String {
    let script = format!(
        "navigator.credentials.{call}({{ publicKey: PublicKeyCredential.parse{kind}OptionsFromJSON({options}) }})\
         .then((credential) => JSON.stringify(credential.toJSON()))"
    );
    page.eval(&script).as_str().expect("a credential").to_owned()
}

fn outcome(answer: &AuthAnswer) -> &'static str {
    match answer {
        AuthAnswer::Decided(decided) => match decided.why {
            Why::Allowed(_) => "in",
            Why::Denied(reason) => reason.as_str(),
            Why::Sent => "sent",
        },
        AuthAnswer::Started { .. } => panic!("a push was started"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_security_key_is_registered_and_used_and_its_copy_found_out() {
    let desk = Desk::set_up().await;
    let page = desk.page();
    let key = page.authenticator(Kind::SecurityKey);
    desk.register(&page, Wanted::SecurityKey).await.unwrap();
    let copied = key.credentials().remove(0);
    assert_eq!(desk.login(&page).await, "in");
    assert_eq!(desk.login(&page).await, "in");

    // The same answer again, and an answer for another question.
    let begun = desk.begin().await;
    let response = ask(&page, "get", "Request", &begun.options);
    assert_eq!(desk.finish(&begun, response.clone()).await, "in");
    assert_eq!(desk.finish(&begun, response.clone()).await, "login_expired");
    assert_eq!(desk.finish(&desk.begin().await, response).await, "invalid_credential");

    // Somebody copied the key when it was new, and uses the copy now.
    key.remove();
    let clone = page.authenticator(Kind::SecurityKey);
    clone.insert(&copied);
    assert_eq!(desk.login(&page).await, "cloned_credential");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_devices_own_passkey_is_a_second_factor_and_takes_the_place_of_the_password() {
    let desk = Desk::set_up().await;
    let page = desk.page();
    let device = page.authenticator(Kind::Platform);
    desk.register(&page, Wanted::Passkey).await.unwrap();
    assert_eq!(desk.login(&page).await, "in");

    let allowed = json!({"authentication_methods": {"allowed_auth_list": ["hardware-token", "webauthn-platform-pwl"]}});
    let body = json!({ "sections": allowed, "confirm_lockout": true });
    desk.site.admin_api().json("PUT", "/admin/v2/policies/global", &body).await.response();
    let (engine, session) = (desk.site.engine(), desk.session());
    let begun = engine.begin_passwordless(&desk.caller, &session).await.unwrap();
    let response = ask(&page, "get", "Request", &begun.options);
    let request = desk.request(Ask::Passwordless, &begun, response);
    let (answer, person) = engine.passwordless(&desk.caller, request).await.unwrap();
    assert_eq!((outcome(&answer), person.map(|person| person.id)), ("in", Some(desk.alice.id)));

    // Nobody the device knows: the browser itself refuses, for verification was demanded.
    device.recognises_user(false);
    let begun = engine.begin_passwordless(&desk.caller, &session).await.unwrap();
    let script = format!(
        "navigator.credentials.get({{ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON({}) }}).then(() => 'in', (e) => e.name)",
        begun.options
    );
    assert_eq!(page.eval(&script), "NotAllowedError");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_another_origin_gets_nothing_that_lets_it_in() {
    let desk = Desk::set_up().await;
    let page = desk.page();
    let key = page.authenticator(Kind::SecurityKey);
    desk.register(&page, Wanted::SecurityKey).await.unwrap();
    let stolen = key.credentials().remove(0);

    // Another server on this machine: the browser lets its pages use `localhost`, and signs where they are.
    let files = Files::serve();
    files.put("/", "text/html", &[], "<!doctype html><title>Not ours</title>");
    let evil = desk.browser.page();
    evil.open(&files.at("/"));
    let there = evil.authenticator(Kind::SecurityKey);
    there.insert(&stolen);
    let begun = desk.begin().await;
    let response = ask(&evil, "get", "Request", &begun.options);
    assert_eq!(desk.finish(&begun, response).await, "invalid_credential");
    there.remove();
    let _device = evil.authenticator(Kind::Platform);
    let refused = desk.register(&evil, Wanted::Passkey).await;
    assert!(matches!(refused, Err(RegistrationError::Rejected(_))), "{refused:?}");
}
