//! Answers that are refused, or come too late: kept, so that an attempt at forgery can be found, but only so much that no device can fill the log.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use cs_core::id::{AccountId, PhoneId, TxId};
use cs_store::Job;
use cs_store::audit::{LogKind, LogRecord};
use cs_store::authenticators::BoundDevice;
use cs_store::logins::Login;
use data_encoding::HEXLOWER;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::answer::Answer;
use crate::{Engine, EngineError};

/// Characters kept of what was sent in place of an answer; its digest tells the rest.
const MOST_EVIDENCE: usize = 1024;
/// So many refused answers of one device are written down within [`WINDOW`]: more than a login has by mistake.
const FEW: u32 = 10;
/// The time of a login.
const WINDOW: SignedDuration = cs_core::login::PUSH_TTL;
/// Devices counted at a time; beyond that nothing is written until the window of others is over.
const MOST_KNOWN: usize = 65_536;

/// An answer that a surface did not accept: its signature is not the device's, or what was signed is not what was asked.
#[derive(Debug, Clone, Copy)]
pub struct RefusedAnswer<'a> {
    /// The device that sent it in a request of its own.
    pub device: &'a BoundDevice,
    /// The login it was sent for.
    pub txid: TxId,
    /// What is wrong with it, one word for the log.
    pub why: &'static str,
    /// What was sent as its JWS.
    pub evidence: &'a str,
}

/// How many refused answers of each device this node has written down of late.
#[derive(Debug, Default)]
pub(crate) struct Refusals(Mutex<HashMap<(AccountId, PhoneId), (u32, Timestamp)>>);

impl Refusals {
    /// Counts one, and says whether it is to be written down.
    fn may_log(&self, account: AccountId, device: PhoneId, now: Timestamp) -> bool {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_over = |since: Timestamp| now.duration_since(since) >= WINDOW;
        if known.len() >= MOST_KNOWN && !known.contains_key(&(account, device)) {
            known.retain(|_, (_, since)| !is_over(*since));
            if known.len() >= MOST_KNOWN {
                return false;
            }
        }
        let (count, since) = known.entry((account, device)).or_insert((0, now));
        if is_over(*since) {
            (*count, *since) = (0, now);
        }
        *count = count.saturating_add(1);
        *count <= FEW
    }
}

impl Engine {
    /// Keeps an answer that a surface refused, unless enough of the device's were kept of late.
    pub async fn refuse_answer(&self, refused: &RefusedAnswer<'_>) -> Result<(), EngineError> {
        let RefusedAnswer { device, txid, why, evidence } = *refused;
        let now = self.clock().now();
        if !self.inner.refusals.may_log(device.account, device.phone, now) {
            return Ok(());
        }
        let login = self.store().login(device.account, txid).await?;
        let mut record = LogRecord::new(device.account.as_str(), LogKind::Activity, txid.to_string(), now);
        record.user_id = Some(device.user.to_string());
        record.integration = login.map(|login| login.integration.to_string());
        record.result = Some("push_answer_refused".to_owned());
        record.reason = Some(why.to_owned());
        let body = json!({
            "device": device.phone.as_str(),
            "bytes": evidence.len(),
            "sha256": HEXLOWER.encode(digest(&SHA256, evidence.as_bytes()).as_ref()),
        });
        record.body = body.to_string();
        record.evidence = Some(evidence.chars().filter(|c| *c != '\0').take(MOST_EVIDENCE).collect());
        self.settle(Job::new().log(record)).await.map(drop)
    }

    /// Keeps an answer that changed nothing: late, second, or to a withdrawn login; unless enough of the device's were kept of late.
    pub(super) async fn log_void_answer(
        &self,
        login: &Login,
        answer: &Answer,
        why: &str,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        if !self.inner.refusals.may_log(answer.account, answer.device, now) {
            return Ok(());
        }
        self.settle(Job::new().log(void_answer(login, answer, why, now))).await.map(drop)
    }
}

/// The entry for an answer that was the device's and changed nothing.
pub(super) fn void_answer(login: &Login, answer: &Answer, why: &str, now: Timestamp) -> LogRecord {
    let mut record = LogRecord::new(login.account.as_str(), LogKind::Activity, login.txid.to_string(), now);
    record.user_id = Some(login.user.to_string());
    record.integration = Some(login.integration.to_string());
    record.result = Some("push_answer_refused".to_owned());
    record.reason = Some(why.to_owned());
    record.body = json!({"device": answer.device.as_str(), "answer": answer.decision.as_str()}).to_string();
    record.evidence = Some(answer.evidence.clone());
    record
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SystemRng;

    #[test]
    fn few_refusals_of_one_device_are_written_down() {
        let refusals = Refusals::default();
        let (account, device, other) =
            (AccountId::generate(&mut SystemRng), PhoneId::generate(&mut SystemRng), PhoneId::generate(&mut SystemRng));
        let now = Timestamp::UNIX_EPOCH;
        let written = |device, at| (0..100).filter(|_| refusals.may_log(account, device, at)).count();
        assert_eq!([written(device, now), written(device, now), written(other, now)], [10, 0, 10]);
        assert_eq!([written(device, now + WINDOW), written(device, now + WINDOW)], [10, 0]);
    }

    #[test]
    fn memory_is_bounded() {
        let refusals = Refusals::default();
        let account = AccountId::generate(&mut SystemRng);
        let now = Timestamp::UNIX_EPOCH;
        for _ in 0..MOST_KNOWN {
            refusals.may_log(account, PhoneId::generate(&mut SystemRng), now);
        }
        let one_more = PhoneId::generate(&mut SystemRng);
        assert!(!refusals.may_log(account, one_more, now));
        assert!(refusals.may_log(account, one_more, now + WINDOW), "what is over makes room");
        assert_eq!(refusals.0.lock().unwrap().len(), 1);
    }
}
