//! Pushes: many are started, waited for and their approvals signed; then the approvals are sent, so many at a time, and the time is taken from sending one
//! to having read the waiting client's answer. Nothing but that happens meanwhile: what a generator signs on the same cores would be measured as well.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

use anyhow::{Context as _, bail, ensure};
use aws_lc_rs::rand;
use cs_wire::device::{
    Answer, AnswerPayload, AnswerRequest, DeviceKey, Digest, FixedBytes, ProtocolVersion, RequestPayload,
    RequestsResponse, sign,
};
use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

use super::work::duo_result;
use super::{Outcome, meet};
use crate::http::{Connection, Dialer, Target};
use crate::otp;
use crate::people::Device;
use crate::signed::{self, Keys, now};
use crate::stats::Latency;

/// One push to each of these devices.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Pushes {
    pub(crate) api: Target,
    pub(crate) authenticator: Target,
    pub(crate) keys: Keys,
    pub(crate) devices: Vec<Device>,
    pub(crate) at_once: usize,
}

/// Pushes waiting before the first is approved. Their clients have a connection each.
const BATCH: usize = 1_000;
/// Pushes made ready at a time.
const PREPARED_AT_ONCE: usize = 16;

struct Shared {
    keys: Keys,
    api_host: String,
    device_host: String,
    /// One push each: a device may not ask as often as a benchmark would like.
    devices: RefCell<Vec<Device>>,
    clients: RefCell<Vec<Connection>>,
    ready: RefCell<Vec<Ready>>,
    samples: RefCell<Vec<f64>>,
    failed: RefCell<BTreeMap<String, u64>>,
}

/// A client that waits, and the signed request that will answer it.
struct Ready {
    client: Connection,
    approve: Vec<u8>,
}

pub(super) async fn run(plan: Pushes) -> anyhow::Result<Outcome> {
    let (api, authenticator) = (Dialer::new(plan.api)?, Dialer::new(plan.authenticator)?);
    let mut clients = Vec::new();
    for _ in 0..BATCH.min(plan.devices.len()) {
        clients.push(api.dial().await?);
    }
    let shared = Rc::new(Shared {
        keys: plan.keys,
        api_host: api.host().to_owned(),
        device_host: authenticator.host().to_owned(),
        devices: RefCell::default(),
        clients: RefCell::new(clients),
        ready: RefCell::default(),
        samples: RefCell::default(),
        failed: RefCell::default(),
    });
    let mut phones = Vec::new();
    for _ in 0..plan.at_once.max(PREPARED_AT_ONCE) {
        phones.push(Phone { connection: authenticator.dial().await?, shared: shared.clone() });
    }
    meet("ready").await?;
    let mut seconds = 0.0;
    for devices in plan.devices.chunks(BATCH) {
        shared.devices.replace(devices.to_vec());
        let preparing = phones.drain(..PREPARED_AT_ONCE).map(|phone| tokio::task::spawn_local(phone.prepare_all()));
        for phone in preparing.collect::<Vec<_>>() {
            phones.push(phone.await?);
        }
        let start = Instant::now();
        let approving = phones.drain(..plan.at_once).map(|phone| tokio::task::spawn_local(phone.approve_all()));
        for phone in approving.collect::<Vec<_>>() {
            phones.push(phone.await?);
        }
        seconds += start.elapsed().as_secs_f64();
    }
    let samples = shared.samples.take();
    Ok(Outcome { accepted: samples.len() as u64, failed: shared.failed.take(), seconds, latency: Latency::of(samples) })
}

/// A connection over which devices speak; another one's for each push.
struct Phone {
    connection: Connection,
    shared: Rc<Shared>,
}

impl Phone {
    async fn prepare_all(mut self) -> Self {
        let shared = self.shared.clone();
        loop {
            let Some(device) = shared.devices.borrow_mut().pop() else { return self };
            let Some(client) = shared.clients.borrow_mut().pop() else { return self };
            match self.prepare(&device, client).await {
                Ok(ready) => shared.ready.borrow_mut().push(ready),
                // The connections are in an unknown state.
                Err(error) => return self.failed(&error),
            }
        }
    }

    async fn approve_all(mut self) -> Self {
        let shared = self.shared.clone();
        loop {
            let Some(ready) = shared.ready.borrow_mut().pop() else { return self };
            match self.approve(ready).await {
                Ok((ms, client)) => {
                    shared.samples.borrow_mut().push(ms);
                    shared.clients.borrow_mut().push(client);
                }
                Err(error) => return self.failed(&error),
            }
        }
    }

    fn failed(self, error: &anyhow::Error) -> Self {
        *self.shared.failed.borrow_mut().entry(format!("{error:#}")).or_default() += 1;
        self
    }

    /// Starts a push, has `client` wait for it, and signs the device's approval.
    async fn prepare(&mut self, device: &Device, mut client: Connection) -> anyhow::Result<Ready> {
        let name = otp::name(device.user);
        let key = DeviceKey::from_pkcs8(&HEXLOWER.decode(device.key.as_bytes())?)?;
        let (keys, host) = (&self.shared.keys, &self.shared.api_host);
        let params = [
            ("username", name.as_str()),
            ("factor", "push"),
            ("device", "auto"),
            ("async", "1"),
            ("ipaddr", "198.51.100.7"),
        ];
        let request = keys.request("POST", host, "/auth/v2/auth", &params, &signed::date()?);
        let txid = started(client.ask(&request).await?.body)?;

        let status = keys.request("GET", host, "/auth/v2/auth_status", &[("txid", &txid)], &signed::date()?);
        client.send(&status).await?;

        let waiting = self.signed(device, &key, "GET", "/authenticator/v1/requests", b"")?;
        let answer = self.connection.ask(&waiting).await?;
        ensure!(answer.status == 200, "requests: {} {}", answer.status, String::from_utf8_lossy(answer.body));
        let waiting: RequestsResponse = serde_json::from_slice(answer.body)?;
        let Some(asked) = waiting.requests.into_iter().find(|request| request.txid == txid) else {
            bail!("the device does not see its push");
        };
        let payload =
            AnswerPayload { statement: asked.statement, number: None, answer: Answer::Approve, iat: now().as_second() };
        let body = serde_json::to_vec(&AnswerRequest { answer: sign(&payload, &device.id, &key)? })?;
        let approve = self.signed(device, &key, "POST", &format!("/authenticator/v1/requests/{txid}/answer"), &body)?;

        Ok(Ready { client, approve })
    }

    /// Milliseconds from sending the device's approval to having read the client's answer; and the client, free again.
    async fn approve(&mut self, ready: Ready) -> anyhow::Result<(f64, Connection)> {
        let Ready { mut client, approve } = ready;
        let start = Instant::now();
        let decided = async {
            let answer = client.answer().await?;
            let taken = start.elapsed();
            let judged = duo_result(&answer, "allow");
            anyhow::Ok((taken, judged))
        };
        let ((taken, judged), recorded) = tokio::try_join!(decided, self.connection.ask(&approve))?;
        ensure!(recorded.status == 200, "answer: {} {}", recorded.status, String::from_utf8_lossy(recorded.body));
        if let Err(why) = judged {
            bail!("auth_status: {why}");
        }
        Ok((taken.as_secs_f64() * 1e3, client))
    }

    /// A request signed by the device, as bytes.
    fn signed(
        &self,
        device: &Device,
        key: &DeviceKey,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> anyhow::Result<Vec<u8>> {
        let mut jti = [0; 16];
        rand::fill(&mut jti).context("no random bytes")?;
        let host = &self.shared.device_host;
        let proof = RequestPayload {
            v: ProtocolVersion::V1,
            aud: format!("https://{host}"),
            htm: method.to_owned(),
            htu: path.to_owned(),
            iat: now().as_second(),
            jti: FixedBytes(jti),
            bsha: Digest::of(body),
        };
        let proof = sign(&proof, &device.id, key)?;
        let length = if body.is_empty() {
            String::new()
        } else {
            format!("Content-Type: application/json\r\nContent-Length: {}\r\n", body.len())
        };
        let mut bytes =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Device {proof}\r\n{length}\r\n")
                .into_bytes();
        bytes.extend_from_slice(body);
        Ok(bytes)
    }
}

#[derive(Deserialize)]
struct Envelope {
    response: Option<Started>,
}

#[derive(Deserialize)]
struct Started {
    txid: String,
}

/// The transaction that an asynchronous `auth` started.
pub(super) fn started(body: &[u8]) -> anyhow::Result<String> {
    let parsed: Envelope =
        serde_json::from_slice(body).with_context(|| format!("auth: {}", String::from_utf8_lossy(body)))?;
    Ok(parsed.response.with_context(|| format!("auth: {}", String::from_utf8_lossy(body)))?.txid)
}
