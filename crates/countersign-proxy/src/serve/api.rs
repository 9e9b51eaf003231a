//! What the server is asked on behalf of a login.

use std::sync::Arc;
use std::time::Duration;

use cs_client::{
    Auth as AuthCall, AuthResponse, AuthResult, AuthStatus, Capability, Client, Config as ClientConfig, Device, Error,
    Factor, Preauth as PreauthCall, PreauthResponse, PreauthResult,
};

use tokio::sync::Mutex;

use crate::cfg::application::Application;
use crate::radius::login::{Auth, Outage, Preauth, Wanted};
use crate::radius::request::Request;
use crate::radius::split::Typed;

/// A host that cannot be reached says so within this: a device that waits ten seconds must still hear that it may let somebody in.
const CONNECT: Duration = Duration::from_secs(2);
/// For a whole call that waits for nobody.
const CALL: Duration = Duration::from_millis(3500);
/// A busy server is asked again after so long, once.
const BUSY: Duration = Duration::from_millis(500);

/// The application of a section, at its server.
#[derive(Clone)]
pub struct Api(Arc<Inner>);

struct Inner {
    /// One for each host.
    clients: Vec<Client>,
    /// The host that answered last.
    well: Mutex<usize>,
}

impl Api {
    /// For an application; `ca` are the authorities to trust instead of the system's.
    ///
    /// Fails if a host's name is none or `ca` holds no certificate.
    pub fn new(application: &Application, ca: Option<&str>) -> Result<Self, Error> {
        let client = |host: &String| {
            let authority =
                if application.api_port == 443 { host.clone() } else { format!("{host}:{}", application.api_port) };
            let mut config = ClientConfig::new(authority, application.ikey.clone(), application.skey.to_string());
            config.ca_pem = ca.map(str::to_owned);
            (config.connect_timeout, config.call_timeout) = (CONNECT, CALL);
            Client::new(config)
        };
        let clients = application.api_hosts.iter().map(client).collect::<Result<_, _>>()?;
        Ok(Self(Arc::new(Inner { clients, well: Mutex::new(0) })))
    }

    /// What somebody needs.
    pub async fn preauth(&self, request: &Request, menu: bool) -> Result<Preauth, Outage> {
        let mut call = PreauthCall::new(&request.user);
        if let Some(address) = request.address {
            call = call.from_address(address.to_string());
        }
        if menu {
            call = call.shows_menu();
        }
        let answer = self.preauth_call(&call).await?;
        Ok(said(answer))
    }

    /// Asks for a second factor and waits until it is decided. `begun` hears the id of a login that waits for a person, so that it can be withdrawn.
    pub async fn auth(
        &self,
        request: &Request,
        wanted: &Wanted,
        key: String,
        begun: impl FnOnce(String),
    ) -> Result<Auth, Outage> {
        let factor = self.factor(request, wanted).await?;
        let waits = matches!(factor, Factor::Auto(_) | Factor::Push(_) | Factor::Phone(_) | Factor::Prompt(_));
        let mut call = AuthCall::new(&request.user, factor).named(key);
        if let Some(address) = request.address {
            call = call.from_address(address.to_string());
        }
        if let Some(nas) = request.nas_id.clone().or_else(|| request.nas_ip.map(|address| address.to_string())) {
            call = call.info("Device", nas);
        }
        let client = self.client().await;
        let answer = if waits {
            let txid = client.begin(&call).await.map_err(|error| outage(&error))?.txid;
            begun(txid.clone());
            client.decided(&txid).await
        } else {
            client.auth(&call).await
        };
        answer.map(decided).map_err(|error| outage(&error))
    }

    /// Gives up a login that waits for a person. Whether it worked helps nobody: the push ends by itself soon.
    pub async fn cancel(&self, txid: &str) {
        if let Err(error) = self.client().await.cancel(txid).await {
            tracing::debug!(%error, "a push was not withdrawn");
        }
    }

    async fn client(&self) -> Client {
        let well = *self.0.well.lock().await;
        // There is at least one host: the configuration was checked.
        self.0.clients.get(well).or_else(|| self.0.clients.first()).cloned().unwrap_or_else(|| unreachable!("no host"))
    }

    /// Asks the hosts in turn until one is there.
    async fn preauth_call(&self, call: &PreauthCall) -> Result<PreauthResponse, Outage> {
        let first = *self.0.well.lock().await;
        let count = self.0.clients.len();
        let mut last = Outage::Away;
        for step in 0..count {
            let at = (first + step) % count;
            let Some(client) = self.0.clients.get(at) else { continue };
            let mut answer = client.preauth(call).await;
            if matches!(&answer, Err(Error::Refused { status: 429, .. })) {
                tokio::time::sleep(BUSY).await;
                answer = client.preauth(call).await;
            }
            match answer {
                Ok(answer) => {
                    *self.0.well.lock().await = at;
                    return Ok(answer);
                }
                Err(error) => {
                    tracing::warn!(%error, "the server does not say what somebody needs");
                    last = outage(&error);
                    if last == Outage::Refused {
                        break;
                    }
                }
            }
        }
        Err(last)
    }

    async fn factor(&self, request: &Request, wanted: &Wanted) -> Result<Factor, Outage> {
        let typed = match wanted {
            Wanted::Auto => return Ok(Factor::Auto("auto".to_owned())),
            Wanted::Choice(typed) => return Ok(Factor::Prompt(typed.clone())),
            Wanted::Typed(typed) => typed,
        };
        Ok(match typed {
            Typed::Push(number) => Factor::Push(self.device(request, *number).await?),
            Typed::Phone(number) => Factor::Phone(self.device(request, *number).await?),
            Typed::Sms(number) => Factor::Sms(self.device(request, *number).await?),
            Typed::Passcode(code) => Factor::Passcode(code.clone()),
        })
    }

    /// The device that a number means: `push2` is a push to the second one. One that is not there is asked for by a name that the server refuses.
    async fn device(&self, request: &Request, number: Option<usize>) -> Result<String, Outage> {
        let Some(number) = number else { return Ok("auto".to_owned()) };
        let answer = self.preauth_call(&PreauthCall::new(&request.user)).await?;
        let phones = answer.devices.unwrap_or_default().into_iter().filter(|device| device.capabilities.is_some());
        Ok(phones.map(|device| device.device).nth(number - 1).unwrap_or_else(|| format!("no device {number}")))
    }
}

fn said(answer: PreauthResponse) -> Preauth {
    let text = answer.status_msg;
    match answer.result {
        PreauthResult::Allow => Preauth::Allow { text },
        PreauthResult::Deny => Preauth::Deny { text },
        PreauthResult::Enroll => {
            let way = answer.enroll_portal_url.map(|url| format!(" {url}")).unwrap_or_default();
            Preauth::Enroll { text: format!("{text}{way}") }
        }
        PreauthResult::Auth => {
            let devices = answer.devices.unwrap_or_default();
            let some = |wanted: Capability| {
                devices.iter().any(|device: &Device| device.capabilities.iter().flatten().any(|can| *can == wanted))
            };
            Preauth::Auth {
                menu: answer.prompt.map(|prompt| prompt.text),
                can_push: some(Capability::Push),
                can_phone: some(Capability::Phone),
            }
        }
    }
}

fn decided(answer: AuthResponse) -> Auth {
    let text = answer.status_msg;
    match (answer.result, answer.status) {
        (AuthResult::Allow, _) => Auth::Allow { text },
        (AuthResult::Deny, AuthStatus::Sent) => Auth::CodesSent { text },
        // Still waiting is not decided, and who is not let in is out.
        (AuthResult::Deny | AuthResult::Waiting, _) => Auth::Deny { text },
    }
}

fn outage(error: &Error) -> Outage {
    if error.is_away() { Outage::Away } else { Outage::Refused }
}
