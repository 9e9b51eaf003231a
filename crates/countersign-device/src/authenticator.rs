//! One activated device: what waits for it, its answers, its passcodes.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use cs_wire::device::{
    Answer, AnswerPayload, AnswerRequest, AnswerResponse, AnswerResult, DeviceKey, DeviceStatus, DeviceUpdate,
    ExceptionStatus, ExceptionsResponse, NewException, Receipt, ReceiptState, Request, RequestsResponse, sign,
};
use reqwest::Method;

use crate::Environment;
use crate::error::{Error, StoreError};
use crate::link::{Identity, Link, RawAnswer, client};
use crate::passcode::{self, Passcode};
use crate::record::Record;
use crate::storage::Storage;
use crate::watch::Watch;

/// The protocol's root.
pub(crate) const ROOT: &str = "/authenticator/v1";
/// A clock correction smaller than this is not worth a write.
const WORTH_STORING_S: u64 = 10;

/// One account of a person on this machine. Clones are the same device.
#[derive(Clone)]
pub struct Authenticator {
    inner: Arc<Inner>,
}

struct Inner {
    storage: Storage,
    link: Link,
    record: Record,
    stored_offset_s: AtomicI64,
    environment: Environment,
}

/// Why a login is denied.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DenyReason {
    /// The person pressed the wrong thing, or does not want to log in after all.
    Mistake,
    /// Somebody else is trying to log in: administrators are told.
    Fraud,
}

impl Authenticator {
    /// The account of device `id` in `storage`.
    ///
    /// # Errors
    /// [`Error::Store`] when there is none or it cannot be read.
    pub fn open(storage: &Storage, id: &str, environment: &Environment) -> Result<Self, Error> {
        Self::new(storage.clone(), storage.load(id)?, environment.clone())
    }

    pub(crate) fn new(storage: Storage, record: Record, environment: Environment) -> Result<Self, Error> {
        let client = match &environment.client {
            Some(client) => client.clone(),
            None => client(&record.origin, record.ca_pem.as_deref())?,
        };
        let link = Link {
            client,
            origin: record.origin.clone(),
            clock: environment.clock.clone(),
            offset_s: AtomicI64::new(record.clock_offset_s),
        };
        let stored_offset_s = AtomicI64::new(record.clock_offset_s);
        Ok(Self { inner: Arc::new(Inner { storage, link, record, stored_offset_s, environment }) })
    }

    /// What is known without asking the server.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.inner.record
    }

    /// The private key, so that a test can sign what an honest device would not.
    #[must_use]
    pub fn key(&self) -> &DeviceKey {
        &self.inner.record.key
    }

    /// The server's time as far as this device knows, unix seconds.
    #[must_use]
    pub fn server_now(&self) -> i64 {
        self.inner.link.now()
    }

    /// The logins that wait for this device.
    ///
    /// # Errors
    /// [`Error::NotOurs`] when one of them was not made for this device; network errors and refusals.
    pub async fn pending(&self) -> Result<Vec<Request>, Error> {
        let answer: RequestsResponse = self.get("/requests").await?;
        self.inner.link.learn_time(answer.server_time);
        self.keep_clock();
        for request in &answer.requests {
            self.check(request)?;
        }
        Ok(answer.requests)
    }

    /// The login `txid`, if it waits for this device.
    ///
    /// # Errors
    /// [`Error::NothingWaiting`]; as [`Self::pending`].
    pub async fn request(&self, txid: &str) -> Result<Request, Error> {
        let pending = self.pending().await?;
        pending.into_iter().find(|request| request.txid == txid).ok_or(Error::NothingWaiting)
    }

    /// Approves login `txid`; `number` is what the other screen shows where the login asks for digits.
    ///
    /// # Errors
    /// [`Error::NumberNeeded`] or [`Error::NumberShape`] before anything is sent; as [`Self::answer`].
    pub async fn approve(&self, txid: &str, number: Option<&str>) -> Result<AnswerResult, Error> {
        let request = self.request(txid).await?;
        self.answer(&request, Answer::Approve, number).await
    }

    /// Denies login `txid`.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub async fn deny(&self, txid: &str, reason: DenyReason) -> Result<AnswerResult, Error> {
        let request = self.request(txid).await?;
        self.answer(&request, reason.into(), None).await
    }

    /// Signs and sends the answer to `request`, exactly as it was shown.
    ///
    /// # Errors
    /// [`Error::NotOurs`] when the statement names another origin, account, device or login; [`Error::NumberNeeded`]
    /// or [`Error::NumberShape`]; network errors and refusals (`closed`, `number`, …).
    pub async fn answer(&self, request: &Request, answer: Answer, number: Option<&str>) -> Result<AnswerResult, Error> {
        self.check(request)?;
        let number = match (answer, request.digits, number.map(str::trim)) {
            (Answer::Deny | Answer::Fraud, _, _) | (Answer::Approve, 0, None) => None,
            (Answer::Approve, digits, None) => return Err(Error::NumberNeeded { digits }),
            (Answer::Approve, digits, Some(number)) => {
                let right = number.len() == usize::from(digits) && number.bytes().all(|b| b.is_ascii_digit());
                if !right {
                    return Err(Error::NumberShape { digits });
                }
                (digits > 0).then(|| number.to_owned())
            }
        };
        let path = answer_path(&request.txid)?;
        let body = |iat| {
            let payload = AnswerPayload { statement: request.statement.clone(), number: number.clone(), answer, iat };
            to_json(&AnswerRequest { answer: self.sign_answer(&payload)? })
        };
        let answer: AnswerResponse = self.call(Method::POST, &path, body).await?;
        Ok(answer.result)
    }

    /// The JWS over `payload`, whatever it says: what [`Self::answer`] sends for an honest one.
    ///
    /// # Errors
    /// [`Error::Signing`].
    pub fn sign_answer(&self, payload: &AnswerPayload) -> Result<String, Error> {
        sign(payload, &self.record().device_id, self.key()).map_err(|_| Error::Signing)
    }

    /// Sends `jws` as the answer to `txid` in a correctly signed request, whatever it holds.
    ///
    /// # Errors
    /// Network errors and refusals.
    pub async fn answer_raw(&self, txid: &str, jws: &str) -> Result<AnswerResult, Error> {
        let body = |_| to_json(&AnswerRequest { answer: jws.to_owned() });
        let answer: AnswerResponse = self.call(Method::POST, &answer_path(txid)?, body).await?;
        Ok(answer.result)
    }

    /// The JWS that authenticates one request, `iat` now.
    ///
    /// # Errors
    /// [`Error::Signing`].
    pub fn proof(&self, method: &str, path: &str, body: &[u8]) -> Result<String, Error> {
        let link = &self.inner.link;
        link.proof(&self.identity(), method, path, body, link.now())
    }

    /// Sends any request with any proof, and returns whatever comes back.
    ///
    /// # Errors
    /// Network errors only.
    pub async fn send_raw(
        &self,
        method: Method,
        path: &str,
        proof: Option<&str>,
        body: Vec<u8>,
    ) -> Result<RawAnswer, Error> {
        self.inner.link.send_raw(method, path, proof, body).await
    }

    /// The next passcode. A HOTP counter is durably used up before the code leaves this function, so no two callers,
    /// also in two processes or after a crash, get the same one.
    ///
    /// # Errors
    /// [`Error::Store`], and [`Error::Otp`] for parameters no code can be made from.
    pub fn passcode(&self) -> Result<Passcode, Error> {
        let now = self.server_now();
        let used = self.inner.storage.update(&self.record().device_id, |record| passcode::advance(&mut record.otp))?;
        passcode::compute(&self.record().otp.seed, used, now).ok_or(Error::Otp)
    }

    /// The code for outages of a group of proxies, by its name. Needs no network, and is another one than [`passcode`](Self::passcode) gives.
    ///
    /// # Errors
    /// [`Error::Otp`] for a clock before 1970.
    pub fn outage_code(&self, group: &str) -> Result<Passcode, Error> {
        let record = self.record();
        passcode::for_outages(&record.otp.seed, &record.account.id, group, self.server_now()).ok_or(Error::Otp)
    }

    /// What the server knows about this device.
    ///
    /// # Errors
    /// Network errors and refusals.
    pub async fn status(&self) -> Result<DeviceStatus, Error> {
        self.get("/device").await
    }

    /// Gives the device another name, at the server and here.
    ///
    /// # Errors
    /// Network errors, refusals, and [`Error::Store`].
    pub async fn rename(&self, name: &str) -> Result<DeviceStatus, Error> {
        let update = DeviceUpdate { name: Some(name.to_owned()), ..DeviceUpdate::default() };
        let status: DeviceStatus = self.call(Method::POST, &format!("{ROOT}/device"), |_| to_json(&update)).await?;
        self.inner.storage.update(&self.record().device_id, |record| status.name.clone_into(&mut record.name))?;
        Ok(status)
    }

    /// Asks an administrator for an exception.
    ///
    /// # Errors
    /// Network errors and refusals.
    pub async fn request_exception(&self, wish: &NewException) -> Result<ExceptionStatus, Error> {
        self.call(Method::POST, &format!("{ROOT}/exceptions"), |_| to_json(wish)).await
    }

    /// What became of the person's requests, newest first.
    ///
    /// # Errors
    /// Network errors and refusals.
    pub async fn exceptions(&self) -> Result<Vec<ExceptionStatus>, Error> {
        let answer: ExceptionsResponse = self.get("/exceptions").await?;
        Ok(answer.exceptions)
    }

    /// Unbinds the device at the server, then forgets its key. A device the server no longer knows is only forgotten.
    ///
    /// # Errors
    /// Network errors and refusals: then the key is kept. [`Error::Store`].
    pub async fn remove(&self) -> Result<(), Error> {
        let path = format!("{ROOT}/device");
        let gone = self
            .inner
            .link
            .open(&self.identity(), Method::DELETE, &path, Some(crate::link::EXCHANGE_TIMEOUT), |_| Ok(Vec::new()))
            .await;
        match gone {
            Ok(_) => {}
            Err(Error::Refused(refusal)) if refusal.is_final() => {}
            Err(error) => return Err(error),
        }
        self.forget()
    }

    /// Forgets the key without telling the server.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub fn forget(&self) -> Result<(), Error> {
        Ok(self.inner.storage.remove(&self.record().device_id)?)
    }

    /// Tells the server how far the login `txid` has come on its way to the person.
    ///
    /// # Errors
    /// Network errors and refusals.
    pub async fn receipt(&self, txid: &str, state: ReceiptState) -> Result<(), Error> {
        let path = format!("{ROOT}/requests/{txid}/receipt");
        let timeout = Some(crate::link::EXCHANGE_TIMEOUT);
        let body = |_| to_json(&Receipt { state });
        self.inner.link.open(&self.identity(), Method::POST, &path, timeout, body).await.map(drop)
    }

    /// Follows this device's logins: server-sent events, with pull while they do not come through. Ends when dropped.
    #[must_use]
    pub fn watch(&self) -> Watch {
        Watch::start(self.clone(), self.inner.environment.watch)
    }

    /// Refuses what is not for this device, so that a server cannot have statements signed for another one.
    pub(crate) fn check(&self, request: &Request) -> Result<(), Error> {
        let record = self.record();
        let statement = &request.statement;
        let member = if statement.origin != record.origin {
            "origin"
        } else if statement.account != record.account.id {
            "account"
        } else if statement.device != record.device_id {
            "device"
        } else if statement.txid != request.txid {
            "txid"
        } else {
            return Ok(());
        };
        Err(Error::NotOurs { member })
    }

    pub(crate) fn link(&self) -> &Link {
        &self.inner.link
    }

    pub(crate) fn identity(&self) -> Identity<'_> {
        Identity { device_id: &self.inner.record.device_id, key: &self.inner.record.key }
    }

    async fn get<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        self.call(Method::GET, &format!("{ROOT}{path}"), |_| Ok(Vec::new())).await
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: impl Fn(i64) -> Result<Vec<u8>, Error>,
    ) -> Result<T, Error> {
        let answer = self.inner.link.call(&self.identity(), method, path, body).await;
        self.keep_clock();
        answer
    }

    /// Remembers what the server taught us about the time: TOTP needs it offline.
    fn keep_clock(&self) {
        let offset = self.inner.link.offset_s.load(Ordering::Relaxed);
        if offset.abs_diff(self.inner.stored_offset_s.load(Ordering::Relaxed)) < WORTH_STORING_S {
            return;
        }
        // A read-only key store costs one more round trip next time, nothing else.
        let stored: Result<(), StoreError> =
            self.inner.storage.update(&self.record().device_id, |record| record.clock_offset_s = offset);
        if stored.is_ok() {
            self.inner.stored_offset_s.store(offset, Ordering::Relaxed);
        }
    }
}

impl From<DenyReason> for Answer {
    fn from(reason: DenyReason) -> Self {
        match reason {
            DenyReason::Mistake => Self::Deny,
            DenyReason::Fraud => Self::Fraud,
        }
    }
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Authenticator({})", self.record().device_id)
    }
}

/// Where the answer to `txid` goes; a transaction id that is not one path segment is nobody's.
fn answer_path(txid: &str) -> Result<String, Error> {
    let is_segment =
        (1..=128).contains(&txid.len()) && txid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
    if !is_segment {
        return Err(Error::NothingWaiting);
    }
    Ok(format!("{ROOT}/requests/{txid}/answer"))
}

pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<Vec<u8>, Error> {
    // Plain data with string keys: there is nothing to fail on.
    serde_json::to_vec(value).map_err(|_| Error::Signing)
}
