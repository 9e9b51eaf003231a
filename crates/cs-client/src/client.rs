//! The client: sends, reads, and waits for a push to be answered.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use cs_wire::auth_api::{
    AsyncResponse, AuthResponse, AuthResult, CancelResponse, DisabledResponse, EnrollResponse, EnrollStatus,
    PreauthResponse, TimeResponse,
};
use cs_wire::outage::{BundleResponse, ReportRequest, ReportResponse};
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, DATE, RETRY_AFTER};
use reqwest::{Certificate, Proxy, Response, redirect};
use serde::de::DeserializeOwned;
use url::Url;
use zeroize::Zeroizing;

use crate::error::Error;
use crate::exchange::{Keys, Method, prepare, read};
use crate::lanes::{Lanes, Place};
use crate::login::{Auth, Params, Preauth, text};

/// An answer larger than this is not read.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// How long a call may take that waits for a person: a push lives 60 seconds.
const LONG: Duration = Duration::from_secs(90);
/// How often a login with an idempotency key is sent in all.
const ATTEMPTS: usize = 3;

/// Where the server is, and as whom to ask.
pub struct Config {
    /// `HOST` or `HOST:PORT`.
    pub api_host: String,
    /// The integration key.
    pub ikey: String,
    /// The secret key.
    pub skey: Zeroizing<String>,
    /// The only certificate authorities to trust, in PEM; the system's where absent.
    pub ca_pem: Option<String>,
    /// `HOST:PORT` of a proxy by HTTP that is asked for a tunnel to the server (CONNECT). Where absent there is none, whatever the environment says.
    pub http_proxy: Option<String>,
    /// How long a connection may take.
    pub connect_timeout: Duration,
    /// How long a call may take that waits for nobody.
    pub call_timeout: Duration,
    /// Tells the time.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Config {
    /// For `api_host`, by the system's clock and certificate authorities.
    #[expect(clippy::disallowed_methods, reason = "callers with a clock of their own replace this one")]
    pub fn new(api_host: impl Into<String>, ikey: impl Into<String>, skey: impl Into<String>) -> Self {
        Self {
            api_host: api_host.into(),
            ikey: ikey.into(),
            skey: Zeroizing::new(skey.into()),
            ca_pem: None,
            http_proxy: None,
            connect_timeout: Duration::from_secs(10),
            call_timeout: Duration::from_secs(15),
            clock: Arc::new(Timestamp::now),
        }
    }

    /// Trusts the authorities in `pem` and no others.
    #[must_use]
    pub fn trusting(mut self, pem: impl Into<String>) -> Self {
        self.ca_pem = Some(pem.into());
        self
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("api_host", &self.api_host).field("ikey", &self.ikey).finish_non_exhaustive()
    }
}

/// An integration's view of one server. Cheap to clone.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    lanes: Lanes,
    host: String,
    keys: Keys,
    call_timeout: Duration,
    clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

impl Client {
    /// A client for the server of `config`.
    ///
    /// # Errors
    /// [`Error::Host`], [`Error::HttpProxy`], [`Error::CaCertificate`] and [`Error::Tls`].
    pub fn new(mut config: Config) -> Result<Self, Error> {
        let (_, host) = http(&config)?;
        let keys = Keys { ikey: std::mem::take(&mut config.ikey), skey: std::mem::take(&mut config.skey) };
        let (call_timeout, clock) = (config.call_timeout, config.clock.clone());
        let lanes = Lanes::new(Box::new(move || http(&config)?.0.build().map_err(Error::Tls)))?;
        Ok(Self(Arc::new(Inner { lanes, host, keys, call_timeout, clock })))
    }

    /// `GET /auth/v2/ping`: whether the server is there, without credentials.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn ping(&self) -> Result<TimeResponse, Error> {
        let url = format!("https://{}/auth/v2/ping", self.0.host);
        let response =
            self.0.lanes.quick().http.get(url).timeout(self.0.call_timeout).send().await.map_err(Error::Network)?;
        receive(response).await
    }

    /// `GET /auth/v2/check`: whether the credentials are right.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn check(&self) -> Result<TimeResponse, Error> {
        self.call(Method::Get, "/auth/v2/check", &Vec::new(), self.0.call_timeout).await
    }

    /// `POST /auth/v2/preauth`: what the user needs.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn preauth(&self, question: &Preauth) -> Result<PreauthResponse, Error> {
        self.call(Method::Post, "/auth/v2/preauth", &question.params(), self.0.call_timeout).await
    }

    /// `POST /auth/v2/auth`: carries out `login` and answers when it is decided.
    ///
    /// With an idempotency key a lost answer is asked for again; without one it is an error, because nobody can tell a repetition from a second login.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn auth(&self, login: &Auth) -> Result<AuthResponse, Error> {
        self.repeat_if_named(login, false).await
    }

    /// As [`auth`](Self::auth), but answers at once with the id for [`auth_status`](Self::auth_status).
    ///
    /// # Errors
    /// [`Error`].
    pub async fn begin(&self, login: &Auth) -> Result<AsyncResponse, Error> {
        self.repeat_if_named(login, true).await
    }

    /// `GET /auth/v2/auth_status`: what has become of the login `txid`; waits a while for news.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn auth_status(&self, txid: &str) -> Result<AuthResponse, Error> {
        let place = self.0.lanes.waiting()?;
        self.call_on(&place, Method::Get, "/auth/v2/auth_status", &vec![("txid", text(txid))], LONG).await
    }

    /// Asks for the status of `txid` until it is decided. The server ends every push, so this ends too.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn decided(&self, txid: &str) -> Result<AuthResponse, Error> {
        loop {
            let answer = self.auth_status(txid).await?;
            if answer.result != AuthResult::Waiting {
                return Ok(answer);
            }
        }
    }

    /// `POST /auth/v2/cancel`: gives up the login `txid`, for which nobody waits any more. Ours; other servers know no such call.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn cancel(&self, txid: &str) -> Result<CancelResponse, Error> {
        self.call(Method::Post, "/auth/v2/cancel", &vec![("txid", text(txid))], self.0.call_timeout).await
    }

    /// `POST /auth/v2/disabled`: which of at most a hundred users are disabled or in the trash. Ours; other servers know no such call.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn disabled(&self, usernames: &[String]) -> Result<DisabledResponse, Error> {
        // A list of texts is JSON.
        let list = serde_json::to_string(usernames).unwrap_or_default();
        self.call(Method::Post, "/auth/v2/disabled", &vec![("usernames", text(&list))], self.0.call_timeout).await
    }

    /// `POST /auth/v2/enroll`: creates a user and an activation code.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn enroll(&self, username: Option<&str>, valid_secs: Option<u32>) -> Result<EnrollResponse, Error> {
        let mut params = Params::new();
        params.extend(username.map(|name| ("username", text(name))));
        params.extend(valid_secs.map(|secs| ("valid_secs", text(&secs.to_string()))));
        self.call(Method::Post, "/auth/v2/enroll", &params, self.0.call_timeout).await
    }

    /// `POST /auth/v2/enroll_status`: whether the code was used.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn enroll_status(&self, user_id: &str, activation_code: &str) -> Result<EnrollStatus, Error> {
        let params = vec![("user_id", text(user_id)), ("activation_code", text(activation_code))];
        self.call(Method::Post, "/auth/v2/enroll_status", &params, self.0.call_timeout).await
    }

    /// `POST /auth/v2/proxy/report`: how a section of a proxy stands, and what it did by itself. Ours; other servers know no such call.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn report(&self, report: &ReportRequest) -> Result<ReportResponse, Error> {
        let params: Params = report.to_params().into_iter().map(|(name, value)| (name, text(&value))).collect();
        self.call(Method::Post, "/auth/v2/proxy/report", &params, self.0.call_timeout).await
    }

    /// `POST /auth/v2/proxy/bundle`: what the proxy may check codes with during an outage. Ours as well.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn outage_bundle(&self, proxy: &str) -> Result<BundleResponse, Error> {
        self.call(Method::Post, "/auth/v2/proxy/bundle", &vec![("proxy", text(proxy))], LONG).await
    }

    async fn repeat_if_named<T: DeserializeOwned>(&self, login: &Auth, is_async: bool) -> Result<T, Error> {
        let params = login.params(is_async);
        let attempts = if login.may_be_repeated() { ATTEMPTS } else { 1 };
        let once = async || {
            let place = if is_async { self.0.lanes.quick() } else { self.0.lanes.waiting()? };
            self.call_on(&place, Method::Post, "/auth/v2/auth", &params, LONG).await
        };
        for _ in 1..attempts {
            match once().await {
                Err(error) if error.is_lost() => {}
                answer => return answer,
            }
        }
        once().await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        params: &Params,
        timeout: Duration,
    ) -> Result<T, Error> {
        self.call_on(&self.0.lanes.quick(), method, path, params, timeout).await
    }

    async fn call_on<T: DeserializeOwned>(
        &self,
        Place { http, .. }: &Place,
        method: Method,
        path: &str,
        params: &Params,
        timeout: Duration,
    ) -> Result<T, Error> {
        let Inner { host, keys, clock, .. } = &*self.0;
        let prepared = prepare(keys, host, method, path, params, clock())?;
        let url = format!("https://{host}{path}");
        let request = match method {
            Method::Get if prepared.params.is_empty() => http.get(url),
            Method::Get => http.get(format!("{url}?{}", prepared.params.as_str())),
            Method::Post => http
                .post(url)
                .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(prepared.params.as_bytes().to_vec()),
        };
        let request = request.header(DATE, prepared.headers.date).header(AUTHORIZATION, prepared.headers.authorization);
        receive(request.timeout(timeout).send().await.map_err(Error::Network)?).await
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Client({} at {})", self.0.keys.ikey, self.0.host)
    }
}

/// How the server of `config` is spoken to, and its name as it stands in `Host`.
pub(crate) fn http(config: &Config) -> Result<(reqwest::ClientBuilder, String), Error> {
    // An error means that another part of the process has been here first, which serves as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let host = authority(&config.api_host)?;
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("cs-client/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(config.connect_timeout)
        // A signature is for one host and one path.
        .redirect(redirect::Policy::none());
    // Never the environment's: whoever sets a variable would stand between (duo_unix PSA-2017-002).
    builder = match &config.http_proxy {
        None => builder.no_proxy(),
        Some(proxy) => builder.proxy(Proxy::https(format!("http://{proxy}")).map_err(|_| Error::HttpProxy)?),
    };
    if let Some(pem) = &config.ca_pem {
        let authorities = Certificate::from_pem_bundle(pem.as_bytes()).map_err(|_| Error::CaCertificate)?;
        if authorities.is_empty() {
            return Err(Error::CaCertificate);
        }
        builder = builder.tls_certs_only(authorities);
    }
    Ok((builder, host))
}

/// Reads the answer, however long it says it is, up to the bound.
pub(crate) async fn receive<T: DeserializeOwned>(mut response: Response) -> Result<T, Error> {
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(Error::Network)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(Error::NotThisProtocol("it is too long"));
        }
        body.extend_from_slice(&chunk);
    }
    read(status, retry_after, &body)
}

/// `HOST` or `HOST:PORT` as it stands in `Host`, and whether it is this machine.
fn authority(text: &str) -> Result<String, Error> {
    let url = Url::parse(&format!("https://{}/", text.trim())).map_err(|_| Error::Host)?;
    let plain = url.path() == "/" && url.query().is_none() && url.fragment().is_none() && url.username().is_empty();
    let host = url.host_str().filter(|_| plain && url.password().is_none()).ok_or(Error::Host)?;
    Ok(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_host_is_a_name_and_perhaps_a_port() {
        assert_eq!(authority("API-1.Example.org:443").unwrap(), "api-1.example.org");
        assert_eq!(authority("localhost:8443").unwrap(), "localhost:8443");
        for bad in ["", "https://x", "x/y", "u@x", "x?y", "x:y"] {
            assert!(matches!(authority(bad), Err(Error::Host)), "{bad}");
        }
    }

    #[test]
    fn a_ca_file_without_certificate_is_refused_and_secrets_are_not_printed() {
        let config = Config::new("localhost:1", "DI", "s3cret");
        assert!(!format!("{config:?}").contains("s3cret"));
        assert!(matches!(Client::new(config.trusting("nothing")), Err(Error::CaCertificate)));
    }

    /// Counts connections that are closed without an answer.
    async fn attempts(login: &Auth) -> usize {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let mut count = 0;
            loop {
                let (mut stream, _) = listener.accept().unwrap();
                let mut first = [0; 4];
                let _ = stream.read(&mut first);
                if &first == b"stop" {
                    return count;
                }
                count += 1;
            }
        });
        let client = Client::new(Config::new(address.to_string(), "DI", "x")).unwrap();
        assert!(matches!(client.auth(login).await, Err(Error::Network(_))));
        std::net::TcpStream::connect(address).unwrap().write_all(b"stop").unwrap();
        server.join().unwrap()
    }

    #[tokio::test]
    async fn only_a_login_with_a_name_of_its_own_is_sent_again() {
        assert_eq!(attempts(&Auth::push("alice")).await, 1);
        assert_eq!(attempts(&Auth::push("alice").named("one")).await, ATTEMPTS);
    }

    /// Says nothing to whoever connects, and tells whether somebody has.
    fn deaf() -> (TcpListener, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    /// Runs itself again, since a variable is the process's own.
    #[test]
    fn duo_unix_psa_2017_002_a_proxy_in_the_environment_is_not_used() {
        const INNER: &str = "CS_CLIENT_TEST_API_HOST";
        if let Ok(api_host) = std::env::var(INNER) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let client = Client::new(Config::new(api_host, "ikey", "skey")).unwrap();
            assert!(matches!(runtime.block_on(client.ping()), Err(Error::Network(_))));
            return;
        }
        let (proxy, port) = deaf();
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "client::tests::duo_unix_psa_2017_002_a_proxy_in_the_environment_is_not_used"]);
        // An address that is this host's, and no name that anybody makes an exception for.
        again.env(INNER, format!("127.0.0.3:{closed}"));
        for variable in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "HTTP_PROXY", "http_proxy"] {
            again.env(variable, format!("http://127.0.0.1:{port}"));
        }
        let output = again.env_remove("NO_PROXY").env_remove("no_proxy").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        proxy.set_nonblocking(true).unwrap();
        assert_eq!(proxy.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    }

    #[test]
    fn a_proxy_that_is_configured_is_asked_for_a_tunnel_and_looks_the_name_up() {
        let (proxy, port) = deaf();
        let said = std::thread::spawn(move || {
            let (mut stream, _) = proxy.accept().unwrap();
            let (mut head, mut chunk) = (Vec::new(), [0; 1024]);
            while !head.ends_with(b"\r\n\r\n") {
                let len = stream.read(&mut chunk).unwrap();
                assert_ne!(len, 0, "{head:?}");
                head.extend_from_slice(&chunk[..len]);
            }
            stream.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").unwrap();
            String::from_utf8(head).unwrap()
        });
        let mut config = Config::new("api.invalid", "ikey", "skey");
        config.http_proxy = Some(format!("127.0.0.1:{port}"));
        let client = Client::new(config).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let answer = runtime.block_on(client.ping());
        assert!(answer.as_ref().is_err_and(Error::is_away), "{answer:?}");
        assert!(said.join().unwrap().starts_with("CONNECT api.invalid:443 HTTP/1.1\r\n"));
        let mut config = Config::new("api.invalid", "ikey", "skey");
        config.http_proxy = Some("not a host".to_owned());
        assert!(matches!(Client::new(config).map(drop), Err(Error::HttpProxy)));
    }
}
