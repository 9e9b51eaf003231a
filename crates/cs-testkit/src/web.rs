//! An application that sends browsers to the prompt, and a browser that goes there: pages are read as text, forms are sent as the pages say.

use aws_lc_rs::hmac;
use cs_engine::ManualClock;
use data_encoding::BASE64URL_NOPAD;
use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value as Json, json};

use crate::client::{Answer, send};
use crate::{Api, Site};

/// Where the application wants browsers back. Nothing listens there.
pub const REDIRECT: &str = "https://app.example.org/callback?from=duo";
/// What the application sends along to know its own browser again.
pub const STATE: &str = "0123456789abcdef0123456789abcdef";

/// An application with Duo's Universal Prompt.
#[derive(Clone)]
pub struct WebApp {
    /// The integration's key.
    pub client_id: String,
    /// Its secret.
    pub secret: String,
    authority: String,
    clock: ManualClock,
    http: reqwest::Client,
}

impl WebApp {
    /// The application whose credentials `api` has.
    pub fn of(site: &Site, api: &Api) -> Self {
        Self {
            client_id: api.key().to_string(),
            secret: api.secret().to_owned(),
            authority: api.authority().to_owned(),
            clock: site.clock.clone(),
            http: site.http().clone(),
        }
    }

    /// The same with another secret.
    #[must_use]
    pub fn with_secret(&self, secret: &str) -> Self {
        Self { secret: secret.to_owned(), ..self.clone() }
    }

    /// The same with another id.
    #[must_use]
    pub fn with_client_id(&self, client_id: &str) -> Self {
        Self { client_id: client_id.to_owned(), ..self.clone() }
    }

    /// The claims of a request to log `username` in.
    pub fn request(&self, username: &str) -> Json {
        json!({
            "scope": "openid", "redirect_uri": REDIRECT, "client_id": self.client_id, "iss": self.client_id,
            "aud": format!("https://{}", self.authority), "exp": self.clock.now().as_second() + 300, "state": STATE,
            "response_type": "code", "duo_uname": username, "use_duo_code_attribute": true, "nonce": "a nonce of the application's",
        })
    }

    /// Where the application sends a browser to log `username` in.
    pub fn authorize_path(&self, username: &str) -> String {
        self.path_of(&self.request(username))
    }

    /// The same with these claims.
    pub fn path_of(&self, request: &Json) -> String {
        let request = self.sign(request);
        format!("/oauth/v1/authorize?response_type=code&client_id={}&request={request}", self.client_id)
    }

    /// The claims of an assertion for the endpoint `path`.
    pub fn assertion(&self, path: &str) -> Json {
        let mut id = [0; 18];
        aws_lc_rs::rand::fill(&mut id).expect("randomness");
        json!({
            "iss": self.client_id, "sub": self.client_id, "aud": format!("https://{}{path}", self.authority),
            "exp": self.clock.now().as_second() + 300, "jti": data_encoding::HEXLOWER.encode(&id),
        })
    }

    /// Signs claims with the secret.
    pub fn sign(&self, claims: &Json) -> String {
        let input = format!(
            "{}.{}",
            BASE64URL_NOPAD.encode(br#"{"alg":"HS512","typ":"JWT"}"#),
            BASE64URL_NOPAD.encode(claims.to_string().as_bytes())
        );
        let key = hmac::Key::new(hmac::HMAC_SHA512, self.secret.as_bytes());
        format!("{input}.{}", BASE64URL_NOPAD.encode(hmac::sign(&key, input.as_bytes()).as_ref()))
    }

    /// Asks whether the service is there.
    pub async fn health_check(&self) -> Answer {
        let assertion = self.assertion("/oauth/v1/health_check");
        let form = [("client_id", self.client_id.as_str()), ("client_assertion", &self.sign(&assertion))];
        self.post("/oauth/v1/health_check", &form).await
    }

    /// Redeems the code that a browser brought.
    pub async fn token(&self, code: &str) -> Answer {
        self.token_with(&self.assertion("/oauth/v1/token"), code, REDIRECT).await
    }

    /// The same with this assertion and redirect URI.
    pub async fn token_with(&self, assertion: &Json, code: &str, redirect_uri: &str) -> Answer {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("client_id", &self.client_id),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &self.sign(assertion)),
        ];
        self.post("/oauth/v1/token", &form).await
    }

    /// Posts a form.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Answer {
        send(self.request_to(path).form(form)).await
    }

    /// A POST to be completed.
    pub fn request_to(&self, path: &str) -> RequestBuilder {
        self.http.post(format!("https://{}{path}", self.authority))
    }

    /// The claims of an `id_token`, whose signature must be the secret's.
    pub fn id_token(&self, answer: &Answer) -> Json {
        assert_eq!(answer.status, 200, "{}", answer.json());
        let answer = answer.json();
        let token = answer["id_token"].as_str().expect("an id_token");
        let (input, tag) = token.rsplit_once('.').expect("a JWT");
        let key = hmac::Key::new(hmac::HMAC_SHA512, self.secret.as_bytes());
        let tag = BASE64URL_NOPAD.decode(tag.as_bytes()).expect("base64url");
        hmac::verify(&key, input.as_bytes(), &tag).expect("our signature");
        let (_, payload) = input.split_once('.').expect("a payload");
        serde_json::from_slice(&BASE64URL_NOPAD.decode(payload.as_bytes()).expect("base64url")).expect("claims")
    }
}

/// A browser without scripts: one person's cookies.
#[derive(Clone)]
pub struct Browser {
    http: reqwest::Client,
    origin: String,
    /// Names and values, the oldest first.
    pub cookies: Vec<(String, String)>,
    /// How it calls itself.
    pub user_agent: String,
    /// What it sends besides, with every request.
    pub headers: Vec<(&'static str, &'static str)>,
}

/// What it shows.
#[derive(Debug, Clone)]
pub struct Page {
    /// The path it is at.
    pub path: String,
    /// The HTTP status.
    pub status: u16,
    /// Headers of the last answer.
    pub headers: HeaderMap,
    /// Its text.
    pub html: String,
}

impl Browser {
    /// A new one, for the site's API host.
    pub fn new(site: &Site) -> Self {
        let pem = reqwest::Certificate::from_pem(site.ca_pem().as_bytes()).expect("a certificate");
        let http = reqwest::Client::builder().tls_certs_only([pem]).redirect(reqwest::redirect::Policy::none());
        Self {
            http: http.http1_only().pool_max_idle_per_host(0).build().expect("a client"),
            origin: format!("https://{}", site.auth_api().authority()),
            cookies: Vec::new(),
            user_agent: "Mozilla/5.0 (X11; Linux x86_64; rv:132.0) Gecko/20100101 Firefox/132.0".to_owned(),
            headers: Vec::new(),
        }
    }

    /// Opens a path and follows wherever it leads on this site.
    pub async fn open(&mut self, path: &str) -> Page {
        let mut page = self.send_once(Method::GET, path, &[]).await;
        for _ in 0..5 {
            let Some(next) = page.leads_to().filter(|_| (300..400).contains(&page.status)) else { return page };
            if !next.starts_with('/') {
                return page;
            }
            page = self.send_once(Method::GET, &next, &[]).await;
        }
        panic!("{path} leads in a circle");
    }

    /// Sends the form of `page` that posts to `action` below the login's own path, with further fields.
    pub async fn submit(&mut self, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
        let sent = self.post(page, action, fields).await;
        match sent.leads_to() {
            Some(next) if sent.status == 303 => self.open(&next).await,
            Some(_) | None => sent,
        }
    }

    /// The same, without following where it leads.
    pub async fn post(&mut self, page: &Page, action: &str, fields: &[(&str, &str)]) -> Page {
        let step = page.step();
        let form: Vec<(&str, &str)> = std::iter::once(("step", step.as_str())).chain(fields.iter().copied()).collect();
        let path = format!("{}/{action}", page.path);
        self.send_once(Method::POST, &path, &form).await
    }

    /// Begins a login of `username` and goes on from the first look at the browser.
    pub async fn log_in(&mut self, app: &WebApp, username: &str) -> Page {
        let page = self.open(&app.authorize_path(username)).await;
        assert!(page.posts_to("begin"), "{} {}", page.status, page.html);
        self.submit(&page, "begin", &[("facts", "")]).await
    }

    /// One request.
    pub async fn send_once(&mut self, method: Method, path: &str, form: &[(&str, &str)]) -> Page {
        let is_post = method == Method::POST;
        let mut request = self.http.request(method, format!("{}{path}", self.origin));
        request = request.header("user-agent", &self.user_agent);
        for (name, value) in &self.headers {
            request = request.header(*name, *value);
        }
        if !self.cookies.is_empty() {
            let all: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            request = request.header(COOKIE, all.join("; "));
        }
        if is_post {
            request = request.form(form);
        }
        let Answer { status, headers, body } = send(request).await;
        self.keep(&headers);
        let html = String::from_utf8(body).expect("a text");
        Page { path: path.split('?').next().unwrap_or_default().to_owned(), status, headers, html }
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all(SET_COOKIE) {
            let cookie = cookie.to_str().expect("a text");
            let (pair, attributes) = cookie.split_once("; ").expect("attributes");
            assert!(pair.starts_with("__Host-") && attributes.contains("Path=/;"), "{cookie}");
            for attribute in ["Secure", "HttpOnly", "SameSite=Lax"] {
                assert!(attributes.contains(attribute), "{cookie}");
            }
            let (name, value) = pair.split_once('=').expect("a name");
            self.cookies.retain(|(kept, _)| kept != name);
            if !attributes.contains("Max-Age=0;") {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
    }
}

impl Page {
    /// Where the server sends the browser.
    pub fn leads_to(&self) -> Option<String> {
        self.headers.get(LOCATION).map(|value| value.to_str().expect("a text").to_owned())
    }

    /// Whether it has a form that posts to `action`.
    pub fn posts_to(&self, action: &str) -> bool {
        self.html.contains(&format!("action=\"{}/{action}\"", self.path))
    }

    /// The proof in its forms; empty if there is none.
    pub fn step(&self) -> String {
        self.between("name=\"step\" value=\"", "\"").unwrap_or_default()
    }

    /// The digits that are shown.
    pub fn number(&self) -> Option<String> {
        let shown = self.between("<output class=\"number\" aria-labelledby=\"number-label\">", "</output>")?;
        Some(shown.chars().filter(char::is_ascii_digit).collect())
    }

    /// Where the application gets the browser back.
    pub fn redirect(&self) -> String {
        let target = self.between("<meta http-equiv=\"refresh\" content=\"0; url=", "\"");
        target.unwrap_or_else(|| panic!("no way back: {} {}", self.status, self.html))
    }

    /// The code on the way back.
    pub fn code(&self) -> String {
        let redirect = self.redirect();
        let (_, rest) = redirect.split_once("duo_code=").expect("a code");
        rest.split('&').next().unwrap_or_default().to_owned()
    }

    /// The value of the first attribute of this name.
    pub fn attribute(&self, name: &str) -> Option<String> {
        self.between(&format!("{name}=\""), "\"")
    }

    /// Whether the page says why somebody cannot go on.
    pub fn is_refusal(&self) -> bool {
        self.html.contains("<div class=\"sign") && !self.html.contains("http-equiv=\"refresh\" content=\"0;")
    }

    fn between(&self, before: &str, after: &str) -> Option<String> {
        let (_, rest) = self.html.split_once(before)?;
        let (found, _) = rest.split_once(after)?;
        let characters =
            [("&#38;", "&"), ("&amp;", "&"), ("&#34;", "\""), ("&#39;", "'"), ("&#60;", "<"), ("&#62;", ">")];
        Some(characters.iter().fold(found.to_owned(), |text, (entity, is)| text.replace(entity, is)))
    }
}
