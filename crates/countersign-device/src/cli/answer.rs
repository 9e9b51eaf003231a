//! `approve` and `deny`.

use cs_wire::device::{Answer, AnswerResult};

use super::Context;
use super::args::{Approve, Deny};
use super::error::CliError;
use super::select::Waiting;
use super::shapes::{AnswerShape, request_lines, result_word};
use crate::error::{Error, Refusal};

/// The server closes a login after so many wrong numbers.
const NUMBER_TRIES: usize = 3;

pub(super) async fn approve(context: &mut Context<'_, '_>, arguments: &Approve) -> Result<(), CliError> {
    let waiting = context.chosen(&arguments.which).await?;
    show(context, &waiting)?;
    let digits = waiting.request.digits;
    if context.can_ask() && digits > 0 && arguments.number.is_none() {
        let result = approve_with_asked_number(context, &waiting).await?;
        return report(context, &waiting, result);
    }
    let is_named = arguments.which.txid.is_some() || arguments.which.latest || arguments.number.is_some();
    if context.can_ask() && !arguments.yes && !is_named {
        let typed = context.terminal.ask("Approve this login? [y/N]").await?.unwrap_or_default();
        if !matches!(typed.trim(), "y" | "Y" | "yes") {
            return Err(CliError::NotConfirmed);
        }
    }
    let result = waiting.device.answer(&waiting.request, Answer::Approve, arguments.number.as_deref()).await?;
    report(context, &waiting, result)
}

pub(super) async fn deny(context: &mut Context<'_, '_>, arguments: &Deny) -> Result<(), CliError> {
    let waiting = context.chosen(&arguments.which).await?;
    show(context, &waiting)?;
    let answer = match (arguments.fraud, arguments.mistake) {
        (true, _) => Answer::Fraud,
        (false, true) => Answer::Deny,
        (false, false) if context.can_ask() => ask_reason(context).await?,
        (false, false) => Answer::Deny,
    };
    let result = waiting.device.answer(&waiting.request, answer, None).await?;
    report(context, &waiting, result)
}

/// Mistake or fraud? Anything else typed is asked again; the end of input is no answer.
async fn ask_reason(context: &mut Context<'_, '_>) -> Result<Answer, CliError> {
    while let Some(typed) = context.terminal.ask("Was it a mistake or fraud (somebody else logging in)? [m/f]").await? {
        match typed.trim() {
            "m" | "mistake" => return Ok(Answer::Deny),
            "f" | "fraud" => return Ok(Answer::Fraud),
            _ => {}
        }
    }
    Err(CliError::NotConfirmed)
}

async fn approve_with_asked_number(context: &mut Context<'_, '_>, waiting: &Waiting) -> Result<AnswerResult, CliError> {
    let digits = waiting.request.digits;
    let question = format!("The {digits}-digit number on the screen where you log in:");
    let mut tries = 0;
    while let Some(typed) = context.terminal.ask(&question).await? {
        match waiting.device.answer(&waiting.request, Answer::Approve, Some(&typed)).await {
            Err(error @ Error::NumberShape { .. }) => context.terminal.say(&error.to_string())?,
            Err(Error::Refused(Refusal { code, .. })) if code == "number" && tries + 1 < NUMBER_TRIES => {
                tries += 1;
                context.terminal.say("That is not the number; look again.")?;
            }
            result => return Ok(result?),
        }
    }
    Err(CliError::Device(Error::NumberNeeded { digits }))
}

fn show(context: &mut Context<'_, '_>, waiting: &Waiting) -> Result<(), CliError> {
    if context.json {
        return Ok(());
    }
    for line in request_lines(context.terminal, &waiting.request, waiting.device.server_now()) {
        context.terminal.say(&line)?;
    }
    Ok(())
}

fn report(context: &mut Context<'_, '_>, waiting: &Waiting, result: AnswerResult) -> Result<(), CliError> {
    let (device_id, txid) = (&waiting.device.record().device_id, &waiting.request.txid);
    if context.json {
        return Ok(context.terminal.json(&AnswerShape { device_id, txid, result })?);
    }
    let word = result_word(context.terminal, result);
    Ok(context.terminal.say(&word)?)
}

impl Context<'_, '_> {
    /// Whether questions make sense: a person is there and is not reading JSON.
    pub(super) fn can_ask(&self) -> bool {
        self.terminal.is_interactive && !self.json
    }
}
