//! Calls and answers of the server, and what they mean to a login.

use cs_client::{
    Auth as AuthCall, AuthResponse, AuthResult, AuthStatus, Capability, Client, Device, Error, Factor,
    Preauth as PreauthCall, PreauthResponse, PreauthResult,
};

use super::Api;
use crate::radius::login::{Auth, Outage, Preauth, Wanted};
use crate::radius::request::Request;
use crate::radius::split::Typed;

impl Api {
    pub(super) async fn factor(&self, request: &Request, wanted: &Wanted) -> Result<Factor, Outage> {
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
        let call = PreauthCall::new(&request.user);
        let answer = self.ask(|client| preauth(client, call.clone())).await?;
        let phones = answer.devices.unwrap_or_default().into_iter().filter(|device| device.capabilities.is_some());
        Ok(phones.map(|device| device.device).nth(number - 1).unwrap_or_else(|| format!("no device {number}")))
    }
}

pub(super) fn said(answer: PreauthResponse) -> Preauth {
    let text = answer.status_msg;
    match answer.result {
        PreauthResult::Allow => Preauth::Allow { text },
        PreauthResult::Deny => Preauth::Deny { text },
        PreauthResult::Enroll => {
            // Our server's text has it already, and devices show 253 octets.
            let way = answer.enroll_portal_url.filter(|url| !text.contains(url)).map(|url| format!(" {url}"));
            let way = way.unwrap_or_default();
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

pub(super) fn decided(answer: AuthResponse) -> Auth {
    let text = answer.status_msg;
    match (answer.result, answer.status) {
        (AuthResult::Allow, _) => Auth::Allow { text },
        (AuthResult::Deny, AuthStatus::Sent) => Auth::CodesSent { text },
        // Still waiting is not decided, and who is not let in is out.
        (AuthResult::Deny | AuthResult::Waiting, _) => Auth::Deny { text },
    }
}

// Each owns what it needs, so that it can be asked of one host after the other.

pub(super) async fn preauth(client: Client, call: PreauthCall) -> Result<PreauthResponse, Error> {
    client.preauth(&call).await
}

pub(super) async fn auth(client: Client, call: AuthCall) -> Result<AuthResponse, Error> {
    client.auth(&call).await
}

pub(super) async fn begin(client: Client, call: AuthCall) -> Result<String, Error> {
    client.begin(&call).await.map(|begun| begun.txid)
}

pub(super) async fn auth_status(client: Client, txid: String) -> Result<AuthResponse, Error> {
    client.auth_status(&txid).await
}

pub(super) async fn cancel(client: Client, txid: String) -> Result<(), Error> {
    client.cancel(&txid).await.map(drop)
}
