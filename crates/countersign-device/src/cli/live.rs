//! `watch`: logins as they come, answered by a person or, where allowed, by itself.

use std::collections::VecDeque;
use std::pin::pin;

use cs_wire::device::{Answer, AnswerResult, Request};
use futures_util::future::select_all;
use tokio::time::Instant;

use super::Context;
use super::args::Watch as Arguments;
use super::error::CliError;
use super::shapes::{AnswerShape, EventShape, RequestShape, closed_word, label, request_lines, result_word};
use super::terminal::Style;
use crate::authenticator::Authenticator;
use crate::clean::clean;
use crate::error::Error;
use crate::watch::{Watch, WatchEvent};

/// Follows all selected accounts until interrupted, until `--count` answers, or until none can be followed.
pub(super) async fn watch(context: &mut Context<'_, '_>, arguments: &Arguments) -> Result<(), CliError> {
    let devices = context.devices()?;
    let mut accounts = Vec::new();
    for device in devices {
        let automatic_until = match arguments.approve {
            true => Some(match automatic_until(&device).await {
                // What is wrong with one account is said by its watch, and does not end the others'.
                Err(CliError::Device(_)) => i64::MIN,
                until => until?,
            }),
            false => None,
        };
        accounts.push(Account { device, automatic_until });
    }
    let watches = accounts.iter().map(|account| account.device.watch()).enumerate().collect();
    let mut live = Live { accounts, watches, queue: VecDeque::new(), asked_at: Instant::now(), answers: 0 };
    live.run(context, arguments.count).await
}

/// Until when an administrator lets this device approve without a person.
async fn automatic_until(device: &Authenticator) -> Result<i64, CliError> {
    let until = device.status().await?.auto_approve_until;
    until.filter(|until| *until > device.server_now()).ok_or(CliError::NotAutomatic)
}

struct Live {
    accounts: Vec<Account>,
    /// The watches that have not ended, with the index of their account.
    watches: Vec<(usize, Watch)>,
    /// Logins to ask the person about, with the index of their account; the first one is on the screen.
    queue: VecDeque<(usize, Request)>,
    /// When the first one was put on the screen.
    asked_at: Instant,
    answers: u64,
}

struct Account {
    device: Authenticator,
    /// Until when it approves by itself, if that is asked for at all; server time.
    automatic_until: Option<i64>,
}

/// What a live view acts on next.
enum Next {
    /// Something happened to the account that the watch at this position follows.
    Event(usize, Option<Result<WatchEvent, Error>>),
    /// Something was typed.
    Line(Option<String>),
}

impl Live {
    async fn run(&mut self, context: &mut Context<'_, '_>, count: Option<u64>) -> Result<(), CliError> {
        // One for the whole time: what is pressed while an answer is on its way counts too.
        let mut interrupted = pin!(tokio::signal::ctrl_c());
        while count.is_none_or(|count| self.answers < count) {
            let asks = context.can_ask() && !self.queue.is_empty();
            let events = self.watches.iter_mut().map(|(_, watch)| Box::pin(watch.next()));
            let next = tokio::select! {
                (event, position, _) = select_all(events) => Next::Event(position, event),
                line = context.terminal.input.line(), if asks => Next::Line(line),
                _ = &mut interrupted => return Ok(()),
            };
            match next {
                Next::Event(position, Some(Ok(event))) => {
                    let index = self.watches[position].0;
                    self.handle(context, index, event).await?;
                }
                Next::Event(position, Some(Err(error))) => self.ended(context, position, error)?,
                Next::Line(Some(line)) => self.typed(context, &line).await?,
                // A watch ends with an error, after which it is not asked again; who closes the input is done.
                Next::Event(_, None) | Next::Line(None) => return Ok(()),
            }
        }
        Ok(())
    }

    /// One account cannot be followed any more; the others can. With the last one the command ends.
    fn ended(&mut self, context: &mut Context<'_, '_>, position: usize, error: Error) -> Result<(), CliError> {
        let (index, _) = self.watches.remove(position);
        let error = CliError::Device(error);
        if self.watches.is_empty() {
            return Err(error);
        }
        self.queue.retain(|(i, _)| *i != index);
        let record = self.accounts[index].device.record();
        if context.json {
            let (device_id, code, message) = (record.device_id.as_str(), error.code(), error.text());
            return Ok(context.terminal.json(&EventShape::Ended { device_id, code, message })?);
        }
        let line = format!("No longer following {}: {}", clean(&label(record), 100), error.text());
        context.terminal.say(&line)?;
        self.ask(context)
    }

    async fn handle(&mut self, context: &mut Context<'_, '_>, index: usize, event: WatchEvent) -> Result<(), CliError> {
        let device = self.accounts[index].device.clone();
        let device_id = device.record().device_id.as_str();
        match event {
            WatchEvent::Connected => {
                if context.json {
                    return Ok(context.terminal.json(&EventShape::Connected { device_id })?);
                }
                let line = format!("Waiting for logins of {}; Ctrl-C ends.", clean(&device.record().user, 100));
                Ok(context.terminal.say(&context.terminal.paint(Style::Faint, &line))?)
            }
            WatchEvent::Disconnected { error, retry_in } => {
                let message = CliError::Device(error).text();
                if context.json {
                    let retry_in_ms = u64::try_from(retry_in.as_millis()).unwrap_or(u64::MAX);
                    return Ok(context.terminal.json(&EventShape::Disconnected { device_id, message, retry_in_ms })?);
                }
                let line = format!("Connection lost ({message}); trying again.");
                Ok(context.terminal.say(&context.terminal.paint(Style::Faint, &line))?)
            }
            WatchEvent::Closed { txid, state } => {
                if context.json {
                    return Ok(context.terminal.json(&EventShape::Closed { device_id, txid: &txid, state })?);
                }
                let Some(at) = self.queue.iter().position(|(i, request)| *i == index && request.txid == txid) else {
                    return Ok(());
                };
                self.queue.remove(at);
                context.terminal.say(&format!("That login is over: {}.", closed_word(state)))?;
                if at == 0 { self.ask(context) } else { Ok(()) }
            }
            WatchEvent::Request(request) => self.arrived(context, index, &device, *request).await,
        }
    }

    async fn arrived(
        &mut self,
        context: &mut Context<'_, '_>,
        index: usize,
        device: &Authenticator,
        request: Request,
    ) -> Result<(), CliError> {
        let automatic_until = self.accounts[index].automatic_until;
        if context.json {
            context.terminal.json(&EventShape::Request(RequestShape::new(&request, device.server_now())))?;
        } else if automatic_until.is_some() || !context.can_ask() {
            show(context, device, &request)?;
        }
        if let Some(until) = automatic_until {
            if until <= device.server_now() {
                self.accounts[index].automatic_until = Some(self::automatic_until(device).await?);
            }
            return self.approve_alone(context, device, &request).await;
        }
        if context.can_ask() {
            self.queue.push_back((index, request));
            if self.queue.len() == 1 {
                // The bell: the window may be behind others.
                write!(context.terminal.out, "\u{7}")?;
                return self.ask(context);
            }
            let line = format!("({} more waiting)", self.queue.len() - 1);
            context.terminal.say(&context.terminal.paint(Style::Faint, &line))?;
        }
        Ok(())
    }

    /// Puts the first login of the queue on the screen.
    fn ask(&mut self, context: &mut Context<'_, '_>) -> Result<(), CliError> {
        let Some((index, request)) = self.queue.front() else { return Ok(()) };
        show(context, &self.accounts[*index].device, request)?;
        let question = match request.digits {
            0 => "a approves, d denies (mistake), f reports fraud, Enter leaves it:".to_owned(),
            digits => format!("The {digits} digits approve, d denies (mistake), f reports fraud, Enter leaves it:"),
        };
        self.asked_at = Instant::now();
        Ok(context.terminal.say(&question)?)
    }

    /// Acts on a typed line: it is about the login on the screen.
    async fn typed(&mut self, context: &mut Context<'_, '_>, line: &str) -> Result<(), CliError> {
        // A login must not be answered by what was typed for the one before it.
        if self.asked_at.elapsed() < context.terminal.grace {
            return Ok(context.terminal.say("Ignored: typed before this login was on the screen.")?);
        }
        let Some((index, request)) = self.queue.front() else { return Ok(()) };
        let device = self.accounts[*index].device.clone();
        let line = line.trim();
        let (answer, number) = match line {
            "" => {
                self.queue.pop_front();
                return self.ask(context);
            }
            "d" | "m" | "deny" => (Answer::Deny, None),
            "f" | "fraud" => (Answer::Fraud, None),
            "a" | "y" | "approve" if request.digits == 0 => (Answer::Approve, None),
            digits if request.digits > 0 && digits.bytes().all(|b| b.is_ascii_digit()) => {
                (Answer::Approve, Some(digits))
            }
            _ => return self.ask(context),
        };
        match device.answer(request, answer, number).await {
            Ok(result) => {
                let word = result_word(context.terminal, result);
                context.terminal.say(&word)?;
                self.answers += 1;
                self.queue.pop_front();
            }
            Err(error) => {
                let stays = matches!(&error, Error::NumberShape { .. } | Error::Network { .. })
                    || matches!(&error, Error::Refused(refusal) if matches!(refusal.code.as_str(), "number" | "busy"));
                context.terminal.say(&CliError::Device(error).text())?;
                if !stays {
                    self.queue.pop_front();
                }
            }
        }
        self.ask(context)
    }

    async fn approve_alone(
        &mut self,
        context: &mut Context<'_, '_>,
        device: &Authenticator,
        request: &Request,
    ) -> Result<(), CliError> {
        let (device_id, txid) = (device.record().device_id.as_str(), request.txid.as_str());
        if request.digits > 0 {
            if context.json {
                return Ok(context.terminal.json(&EventShape::Skipped { device_id, txid, reason: "number" })?);
            }
            return Ok(context.terminal.say("Left alone: only a person can type its number.")?);
        }
        match device.answer(request, Answer::Approve, None).await {
            Ok(result) => {
                self.answers += 1;
                say_result(context, device_id, txid, result)
            }
            Err(error) => {
                let error = CliError::Device(error);
                if context.json {
                    let (code, message) = (error.code(), error.text());
                    return Ok(context.terminal.json(&EventShape::Failed { device_id, txid, code, message })?);
                }
                Ok(context.terminal.say(&error.text())?)
            }
        }
    }
}

fn say_result(
    context: &mut Context<'_, '_>,
    device_id: &str,
    txid: &str,
    result: AnswerResult,
) -> Result<(), CliError> {
    if context.json {
        return Ok(context.terminal.json(&EventShape::Answered(AnswerShape { device_id, txid, result }))?);
    }
    let word = result_word(context.terminal, result);
    Ok(context.terminal.say(&word)?)
}

fn show(context: &mut Context<'_, '_>, device: &Authenticator, request: &Request) -> Result<(), CliError> {
    for line in request_lines(context.terminal, request, device.server_now()) {
        context.terminal.say(&line)?;
    }
    Ok(())
}
