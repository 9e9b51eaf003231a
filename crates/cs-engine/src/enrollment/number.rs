//! A phone that takes calls and messages: whose number is it? A code goes there, and is typed into the page.

use cs_core::enrollment::{Added, At};
use cs_core::policy::Method;
use cs_core::secret::PlainCode;
use cs_core::telephony::{NUMBER_CODE_TRIES, NUMBER_CODE_TTL, SMS_DIGITS};
use cs_core::user::User;
use cs_store::Job;
use cs_store::attempts::user_unchanged;
use cs_store::authenticators::touch_user;
use cs_store::enrollment_links::use_link;
use cs_store::phones::attach_phone;
use data_encoding::HEXLOWER;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::pages::Enrolled;
use super::wizard::Enrollment;
use crate::admin::phones::phone_number;
use crate::enroll::new_phone;
use crate::error::Retry;
use crate::letters::{About, language_of};
use crate::telephony::{CALL, CallOrder, Context, SMS, Sent, SmsOrder, proof_spoken, proof_text};
use crate::{Access, Engine, EngineError, SystemRng};

/// The longest number that is looked at, with everything people put between the digits.
const MOST_TYPED: usize = 40;

/// How a code goes to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CodeBy {
    /// A message.
    Sms,
    /// A call, which speaks it.
    Call,
}

/// Why a number was not taken, or no code sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NumberFault {
    /// It is none that can be dialled from here.
    Number,
    /// Too many messages, or one just now.
    Limit,
    /// The code was wrong too often, or too late.
    Code,
}

/// What is kept of a number that waits to be proven.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct KeptNumber {
    pub(super) number: String,
    by: Option<CodeBy>,
    digest: String,
    tries: u32,
    expires_at: Option<Timestamp>,
    pub(super) fault: Option<NumberFault>,
}

impl KeptNumber {
    /// Nothing is proven yet, because of `fault`.
    fn none(fault: NumberFault) -> Self {
        Self { fault: Some(fault), ..Self::default() }
    }

    /// Whether the last code that was typed was wrong.
    pub(super) fn is_wrong(&self) -> bool {
        self.tries > 0
    }
}

impl Engine {
    /// How a code can go to a number here, where the policies have a use for it.
    pub(super) fn ways_to_number(&self, allows: impl Fn(Method) -> bool) -> Vec<CodeBy> {
        let telephony = self.telephony();
        let ways = [(telephony.sms, Method::Sms, CodeBy::Sms), (telephony.calls, Method::Phonecall, CodeBy::Call)];
        ways.into_iter().filter(|(can, method, _)| *can && allows(*method)).map(|(.., by)| by).collect()
    }

    /// Sends a code to the number that was typed.
    pub(super) async fn send_number_code(
        &self,
        enrollment: &mut Enrollment,
        user: &User,
        typed: &str,
        by: CodeBy,
    ) -> Result<Enrolled, EngineError> {
        let (account, now) = (enrollment.account().clone(), self.clock().now());
        let Some(number) = international(typed).filter(|number| self.may_dial(number)) else {
            enrollment.kept.number = Some(KeptNumber::none(NumberFault::Number));
            return self.move_on(enrollment, At::Number, None, Job::new()).await;
        };
        let code = PlainCode::decimal(SMS_DIGITS, &mut SystemRng);
        let kept = KeptNumber {
            number: number.clone(),
            by: Some(by),
            digest: HEXLOWER.encode(&self.number_digest(enrollment, &number, code.expose())?),
            tries: 0,
            expires_at: Some(now + NUMBER_CODE_TTL),
            fault: None,
        };
        let expires = (now + NUMBER_CODE_TTL).as_second();
        let (language, name) = (language_of(&account), &account.name);
        let (kind, effect) = match by {
            CodeBy::Sms => {
                let text = proof_text(language, name, code.expose());
                ("sms", self.telephony_effect(SMS, account.id, &SmsOrder { to: number.clone(), text, expires }, now)?)
            }
            CodeBy::Call => {
                let text = proof_spoken(language, name, code.expose());
                let order = CallOrder::speaking(&number, language, text, expires);
                ("phone", self.telephony_effect(CALL, account.id, &order, now)?)
            }
        };
        let sent = Sent {
            account: account.id,
            kind,
            context: Context::Enrollment,
            user: Some((user.id, &user.username)),
            number: &number,
            txid: None,
            now,
        };
        let mut job = Job::new().log(sent.record()).effect(effect);
        job.guards = self.counted(account.id, Some(user.id), &number, now)?;
        let limits = job.guards.len();
        let mut moved = enrollment.kept.clone();
        (moved.at, moved.number) = (At::NumberCode, Some(kept));
        let text = moved.to_text();
        let job = job.step(enrollment.visiting.row.go_on(&text, now));
        match self.store().commit(job).await.map_err(Retry::from) {
            Ok(_) => {
                enrollment.visiting.row.version += 1;
                enrollment.visiting.row.state = text;
                enrollment.kept = moved;
                Ok(Enrolled::Moved)
            }
            Err(Retry::Conflict(step)) if step < limits => {
                enrollment.kept.number = Some(KeptNumber { number, ..KeptNumber::none(NumberFault::Limit) });
                self.move_on(enrollment, At::Number, None, Job::new()).await
            }
            // Gone on otherwise meanwhile.
            Err(Retry::Conflict(_)) => Ok(Enrolled::Moved),
            Err(Retry::Fail(error)) => Err(error),
        }
    }

    /// Judges the code that was typed. A wrong one is counted by the step that it costs, so none is judged twice.
    pub(super) async fn check_number_code(
        &self,
        enrollment: &mut Enrollment,
        user: &User,
        typed: &str,
        access: &Access,
    ) -> Result<Enrolled, EngineError> {
        let now = self.clock().now();
        let Some(kept) = enrollment.kept.number.clone() else { return Ok(Enrolled::Moved) };
        let typed: String = typed.chars().filter(|c| !c.is_whitespace() && *c != '-').collect();
        let digest = HEXLOWER.encode(&self.number_digest(enrollment, &kept.number, &typed)?);
        let is_right = aws_lc_rs::constant_time::verify_slices_are_equal(digest.as_bytes(), kept.digest.as_bytes());
        let is_over = kept.expires_at.is_none_or(|end| now >= end) || kept.tries >= NUMBER_CODE_TRIES;
        if is_over || (is_right.is_err() && kept.tries + 1 >= NUMBER_CODE_TRIES) {
            enrollment.kept.number = Some(KeptNumber::none(NumberFault::Code));
            return self.move_on(enrollment, At::Number, None, Job::new()).await;
        }
        if is_right.is_err() {
            enrollment.kept.number = Some(KeptNumber { tries: kept.tries + 1, ..kept });
            return self.move_on(enrollment, At::NumberCode, None, Job::new()).await;
        }
        enrollment.kept.number = None;
        self.add_number(enrollment, user, kept, access).await
    }

    /// The number is theirs: it becomes a phone, or proves one that they have.
    async fn add_number(
        &self,
        enrollment: &mut Enrollment,
        user: &User,
        kept: KeptNumber,
        access: &Access,
    ) -> Result<Enrolled, EngineError> {
        let (account, now) = (enrollment.account().id, self.clock().now());
        let mut job = Job::new().step(user_unchanged(account, user));
        let phone = match user.phones.iter().find(|phone| phone.number == kept.number) {
            Some(known) => known.id,
            None => {
                let mut new = new_phone(now);
                new.number.clone_from(&kept.number);
                // A message says that it is no landline; a call says nothing.
                new.kind = if kept.by == Some(CodeBy::Sms) { "Mobile" } else { "Unknown" }.to_owned();
                let [hold, attach] = attach_phone(account, user.id, new.id);
                job = job.step(new.insert(account)).step(hold).step(attach);
                new.id
            }
        };
        if let (Some(link), true) = (enrollment.kept.link_digest(), enrollment.kept.added.is_empty()) {
            job = job.step(use_link(account, &link, now));
        }
        let mut record =
            self.self_record(account, user, "phone_number_confirmed", &json!({"device": phone.as_str()}), access, now);
        record.personal =
            Some(json!({"username": user.username, "access_ip": access.address, "phone": kept.number}).to_string());
        job = job.step(touch_user(account, user.id)).log(record);
        let shown = cs_core::device::masked(&kept.number);
        job.effects.extend(self.notice(enrollment.account(), user, About::DeviceAdded, &shown, now)?);
        let mut added = enrollment.kept.added.clone();
        added.push(Added::Phone(phone));
        let at = At::after_device(enrollment.kept.origin, &added);
        self.move_on(enrollment, at, Some(Added::Phone(phone)), job).await
    }

    /// Bound to the enrollment and the number, so that a code proves nothing else.
    fn number_digest(&self, enrollment: &Enrollment, number: &str, code: &str) -> Result<[u8; 32], EngineError> {
        let text = format!("{}:{number}:{code}", enrollment.id());
        let vault = self.store().vault();
        vault.digest(enrollment.account().id.as_str(), "number-code", text.as_bytes()).map_err(EngineError::vault)
    }
}

/// The number with its country: people write `+49 …`, `0049 …`, and punctuation between. One without a country is nobody's guess.
fn international(typed: &str) -> Option<String> {
    let typed = typed.trim();
    if typed.len() > MOST_TYPED {
        return None;
    }
    let plus = match typed.strip_prefix("00") {
        Some(rest) => format!("+{rest}"),
        None => typed.to_owned(),
    };
    plus.starts_with('+').then(|| phone_number(&plus.replace('/', ""))).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_with_its_country_only() {
        for (typed, number) in [
            ("+49 (151) 123-456 78", Some("+4915112345678")),
            (" 0049 151/12345678 ", Some("+4915112345678")),
            ("+1.415.555.0100", Some("+14155550100")),
            ("415 555 0100", None),
            ("0151 12345678", None),
            ("+49 151 1234 5678;ext=9", None),
            ("+49\\r\\n151", None),
            ("", None),
        ] {
            assert_eq!(international(typed).as_deref(), number, "{typed:?}");
        }
        assert_eq!(international(&format!("+49{}", "-".repeat(60))), None);
    }
}
