//! `POST /authenticator/v1/requests/{txid}/answer`: the signed answer to one login.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use cs_core::id::TxId;
use cs_core::login::Decision;
use cs_engine::login::{Answer, Answered, Asked, RefusedAnswer};
use cs_wire::device::{self, AnswerPayload, AnswerRequest, AnswerResponse, AnswerResult, ErrorCode, UnverifiedJws};

use super::requests::stored_statement;
use super::{DeviceRequest, Phones, Refusal};

/// Closes the login, if what was signed is what was asked. An answer that is not accepted is kept in the log with its reason.
pub(super) async fn answer(
    State(phones): State<Phones>,
    txid: Result<Path<String>, PathRejection>,
    request: DeviceRequest,
) -> Result<Json<AnswerResponse>, Refusal> {
    let AnswerRequest { answer: evidence } = request.json()?;
    let txid: Option<TxId> = txid.ok().and_then(|Path(txid)| txid.parse().ok());
    let txid = txid.ok_or_else(Refusal::no_such_request)?;
    let engine = &phones.engine;
    let (account, device) = request.device_key();
    let asked = engine.asked_one(account, device, txid).await?;
    let checked = match asked {
        Some(asked) => check(&phones, &request, &asked, &evidence).map(|payload| (payload, asked)),
        None => Err(Fault::new("no_such_request", Refusal::no_such_request())),
    };
    let (payload, asked) = match checked {
        Ok(checked) => checked,
        Err(fault) => {
            let refused = RefusedAnswer { device: &request.device, txid, why: fault.why, evidence: &evidence };
            engine.refuse_answer(&refused).await?;
            return Err(fault.refusal);
        }
    };
    let decision = match payload.answer {
        device::Answer::Approve => Decision::Approve,
        device::Answer::Deny => Decision::Deny,
        device::Answer::Fraud => Decision::Fraud,
    };
    let answer = Answer { account, device, txid, decision, number: payload.number, evidence, address: request.client };
    let answered = engine.answer_asked(&answer, asked).await?;
    let result = match answered {
        Answered::Approved => AnswerResult::Approved,
        // Why the rules refused is for the administrator's log and for the screen of the login.
        Answered::Denied | Answered::Refused(_) => AnswerResult::Denied,
        Answered::Fraud => AnswerResult::Fraud,
    };
    Ok(Json(AnswerResponse { result }))
}

/// What is wrong with an answer: the log's word, and what the device is told.
struct Fault {
    why: &'static str,
    refusal: Refusal,
}

impl Fault {
    fn new(why: &'static str, refusal: impl Into<Refusal>) -> Self {
        Self { why, refusal: refusal.into() }
    }
}

/// Checks that this device's key signed exactly what was asked, just now.
fn check(phones: &Phones, request: &DeviceRequest, asked: &Asked, evidence: &str) -> Result<AnswerPayload, Fault> {
    let jws = UnverifiedJws::<AnswerPayload>::parse(evidence).map_err(|error| Fault::new("malformed", error))?;
    if jws.claimed_kid() != request.device.phone.as_str() {
        return Err(Fault::new("other_key", Refusal::signature("The answer names another device's key.")));
    }
    let payload = jws.verify(&request.key).map_err(|error| Fault::new("signature", error))?.payload;
    let stored = stored_statement(asked).ok_or_else(|| Fault::new("statement", Refusal::no_such_request()))?;
    if let Some(member) = stored.first_difference(&payload.statement) {
        tracing::warn!(txid = %asked.txid, device.id = %request.device.phone, member = ?member, "another statement was signed");
        let refusal =
            Refusal::new(ErrorCode::Statement, "What was signed is not what was asked. Fetch the request again.");
        return Err(Fault::new("statement", refusal));
    }
    phones.check_time(payload.iat).map_err(|refusal| Fault::new("clock", refusal))?;
    Ok(payload)
}
